"""What is made of a search that left out steps: verdicts, pinned counts, comparisons, the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
from cli.command import kspec
from engine.toy_systems import counter
from kspec.engine.crosscheck import disagreements
from kspec.engine.judge import judge
from kspec.engine.protocol import Evidence, Finding, Result, Run, Step
from kspec.engine.verdict import complete_depth, evidence_of, is_shortest, verdicts
from kspec.system.check import Expectation

SCHEMA = Path(__file__).resolve().parents[2] / "spec" / "result.schema.json"
REACHED = Finding("gets_there", Run((0,), tuple(Step("up", (), (n,)) for n in range(1, 6))))
FULL = Result("interp", "exhausted", witnesses=(REACHED,), evidence=Evidence(6, 9, 5, (("up", 9),), digest=7))
LESS = Result(
    "explicit",
    "exhausted",
    witnesses=(replace(REACHED, run=replace(REACHED.run, steps=REACHED.run.steps * 2)),),  # type: ignore[union-attr,type-var]
    evidence=Evidence(4, 5, 9, (("up", 5),), digest=1, reduction="partial order", spared=4),
)


def test_verdicts() -> None:
    got = judge(Expectation("holds"), verdicts(counter(5), (LESS,)), evidence_of((LESS,)), True)
    assert got.outcome == "met" and "exhausted, 4 states by partial-order reduction" in got.got
    pinned = judge(Expectation("holds", states=4), verdicts(counter(5), (LESS,)), evidence_of((LESS,)), True)
    assert pinned.outcome == "undecided"


def test_levels_are_not_distances() -> None:
    assert complete_depth(LESS) is None
    assert complete_depth(replace(LESS, status="unknown", bound=3)) == 3
    assert not is_shortest(LESS, 5, "gets_there")
    assert is_shortest(replace(LESS, shortest=("gets_there",)), 5, "gets_there")


def test_comparisons() -> None:
    """A longer run that is not called shortest is no disagreement, nor is another depth."""
    assert not disagreements((FULL, LESS))
    wrong = replace(LESS, findings=(Finding("deadlock", Run((0,))),))
    assert disagreements((FULL, wrong))


def test_command_line(tmp_path: Path) -> None:
    """Two counters that do not know of each other: one order of their steps is enough."""
    text = """kspec 1
var x[0..1]: 0..5;
action up(i: 0..1) when x[i] < 5 { x[i] = x[i] + 1; }
deadlock off;
check whole expect holds;
check pinned expect holds states 1;
"""
    (tmp_path / "two.kspec").write_text(text)
    full, less = (
        json.loads(kspec("check", "--por", por, "--format", "json", "two.kspec::whole", cwd=tmp_path).stdout)
        for por in ("off", "on")
    )
    a, b = full["checks"][0], less["checks"][0]
    assert a["outcome"] == b["outcome"] == "met"
    assert a["evidence"]["states"] == 36 and a["evidence"]["reduction"] is None
    assert b["evidence"]["states"] == 11 and b["evidence"]["reduction"] == "partial order"
    assert b["evidence"]["spared"] == 5
    jsonschema.validate(less, json.loads(SCHEMA.read_text()))
    asked = kspec("check", "--por", "on", "two.kspec::pinned", cwd=tmp_path)
    assert asked.returncode == 3
    chosen = kspec("check", "two.kspec::pinned", cwd=tmp_path)
    assert chosen.returncode == 1  # auto counts all states where counts are pinned
