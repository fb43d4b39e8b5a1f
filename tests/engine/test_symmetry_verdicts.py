"""What is made of a search in which one state stood for others: verdicts, pinned counts, comparisons, output."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from cli.command import kspec
from engine.toy_systems import counter
from kspec.engine.crosscheck import disagreements
from kspec.engine.judge import Judgement, judge
from kspec.engine.protocol import Evidence, Finding, Result, Run, Step
from kspec.engine.verdict import evidence_of, verdicts
from kspec.system.check import Expectation

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "spec" / "result.schema.json").read_text())
FULL = Evidence(states=6, transitions=9, depth=5, actions=(("up", 9),), digest=7)
REACHED = Finding("gets_there", Run((0,), tuple(Step("up", (), (n,)) for n in range(1, 6))))
ALL = Result("interp", "exhausted", witnesses=(REACHED,), evidence=FULL)
SOME = Result(
    "explicit",
    "exhausted",
    witnesses=(REACHED,),
    evidence=Evidence(4, 5, 5, (("up", 5),), digest=1, reduction="symmetry", represents=6),
)
VAGUE = replace(SOME, evidence=replace(SOME.evidence, represents=None))  # type: ignore[type-var]


def of(expect: Expectation, result: Result) -> Judgement:
    results = (result,)
    return judge(expect, verdicts(counter(5), results), evidence_of(results), result.status == "exhausted")


@pytest.mark.parametrize(
    ("expect", "result", "outcome"),
    [
        (Expectation("holds"), SOME, "met"),
        (Expectation("holds"), VAGUE, "met"),
        (Expectation("holds", states=6), SOME, "met"),
        (Expectation("holds", states=4), SOME, "unmet"),
        (Expectation("holds", states=6), VAGUE, "undecided"),
        (Expectation("holds", states=4), VAGUE, "undecided"),
        (Expectation("holds", states=6, transitions=9), SOME, "undecided"),
        (Expectation("holds", transitions=5), SOME, "undecided"),
    ],
)
def test_pinned_counts(expect: Expectation, result: Result, outcome: str) -> None:
    """Pinned counts are of all states: what stands for others counts only where it is known for how many."""
    assert of(expect, result).outcome == outcome


def test_words() -> None:
    assert "exhausted, 6 states (4 up to symmetry)" in of(Expectation("holds"), SOME).got
    assert "exhausted, 4 states up to symmetry" in of(Expectation("holds"), VAGUE).got


def test_comparisons() -> None:
    """The number of states and the depth are comparable, the other counts and the digest are not."""
    assert disagreements([ALL, SOME]) == () == disagreements([VAGUE, ALL])
    for wrong in (replace(FULL, states=7), replace(FULL, depth=4)):
        assert disagreements([replace(ALL, evidence=wrong), SOME])
    assert evidence_of([SOME, ALL]) == FULL == evidence_of([ALL, SOME])


MODEL = """kspec 1
param N: 1..5 = 4;
id Task[N];
var pos[Task]: 0..3;
var last: Task?;
action go(t: Task) when pos[t] < 3 && last != t { pos[t] += 1; last = t; }
terminal done: forall t in Task: pos[t] == 3 || last == t;
invariant fine: forall t in Task: pos[t] <= 3;
reachable half: count(t in Task where pos[t] == 2) == 2;
check plain { } expect holds;
check pinned { N = 3 } expect holds states 109;
"""


def test_command_line(tmp_path: Path) -> None:
    """The option, what it says, and JSON that fits its schema."""
    (tmp_path / "m.kspec").write_text(MODEL)
    answers = {}
    for mode in ("off", "on", "auto"):
        arguments = ("check", "m.kspec", "--engine", "explicit", "--symmetry", mode, "--format", "json")
        done = kspec(*arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stdout
        document = json.loads(done.stdout)
        jsonschema.validate(document, SCHEMA)
        answers[mode] = {c["name"]: c for c in document["checks"]}
    off, on, auto = (answers[m]["plain"] for m in ("off", "on", "auto"))
    assert off["outcome"] == on["outcome"] == auto["outcome"]
    assert off["evidence"]["reduction"] is None and auto["evidence"] == off["evidence"]
    assert on["evidence"]["reduction"] == "symmetry"
    assert on["evidence"]["represents"] == off["evidence"]["states"] > 4 * on["evidence"]["states"]
    assert on["evidence"]["depth"] == off["evidence"]["depth"]
    assert any(n.startswith("up to permutations of Task[4]: ") for n in on["notes"])
    same = {m: [(v["property"], v["strength"], v["length"]) for v in answers[m]["plain"]["verdicts"]] for m in answers}
    assert same["off"] == same["on"] == same["auto"]
    states = {m: answers[m]["pinned"]["verdicts"][0]["states"] for m in answers}
    assert len(set(states.values())) == 1
