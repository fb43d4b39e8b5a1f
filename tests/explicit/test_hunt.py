"""Hunting by hashes: what it sees, what it says, and that its runs are real."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from cli.command import LARGE, kspec, lock
from explicit.comparing import SOAK, TINY, Recorder
from interp.random_systems import Features, random_system
from kspec.engine.judge import judge
from kspec.engine.protocol import Budget, Goals, Result
from kspec.engine.verdict import evidence_of, is_shortest, verdicts
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.hunt import HuntTracer, omission
from kspec.explicit.space import FULL, lossy_slots
from kspec.explicit.toolchain import system_compiler, tiny_compiler
from kspec.explicit.tuning import Tuning
from kspec.interp.confirm import confirm
from kspec.interp.machine import Machine
from kspec.lang.load import load_text
from kspec.lower.build import build
from kspec.system.check import Expectation
from kspec.system.model import System

TCC, CC = tiny_compiler(), system_compiler()
SCHEMA = Path(__file__).resolve().parents[2] / "spec" / "result.schema.json"
ALL = Goals(everything=True)
WIDE = "kspec 1\nvar x[0..9]: 0..9;\naction up(i: 0..9) when x[i] < 9 { x[i] = x[i] + 1; }\ndeadlock off;\n"


def answer(system: System, tuning: Tuning, budget: Budget | None = None, goals: Goals = ALL) -> Result:
    return ExplicitEngine(tuning).check(system, goals, budget or Budget(states=200_000), Recorder())


@pytest.mark.skipif(TCC is None and CC is None, reason="no compiler")
@pytest.mark.parametrize("threads", [1, 2])
def test_as_the_exact_search(threads: int) -> None:
    """In tables that are nearly empty nothing is overlooked: the same states, the same lengths, runs that hold."""
    tuning = replace(TINY, tier="tcc" if TCC and threads == 1 else "cc")
    for seed in range(200 if SOAK else 12 // threads**2):
        system = random_system(seed, Features(product=3000, actions=8))
        full = answer(system, tuning)
        got = answer(system, replace(tuning, hunt=32 << 20), Budget(threads=threads))
        assert got.status == "hunted" and got.reason == "" and full.status == "exhausted"
        assert full.evidence is not None and got.evidence == replace(full.evidence, digest=0), seed
        machine = Machine(system)
        for mine, theirs in ((full.findings, got.findings), (full.witnesses, got.witnesses)):
            lengths = {f.property: f.run.length for f in mine if f.run is not None}
            assert lengths == {f.property: f.run.length for f in theirs if f.run is not None}, seed
            assert all(confirm(machine, f) is None for f in theirs), seed


def test_the_end_of_memory() -> None:
    """It ends in its memory, has seen more than an exact search in as much, and says so."""
    system = build(load_text(WIDE), {})
    got = answer(system, Tuning(hunt=12 << 20), Budget(states=2_000_000))
    assert got.status == "hunted" and got.reason == "memory"
    assert got.evidence is not None and got.evidence.states > 300_000
    assert got.omission is not None and 0 < got.omission < 0.01


def test_omission_probability() -> None:
    """It grows with the number of states and with how full the table is."""
    assert omission(0, 1000) == 0
    assert 0 < omission(1000, 1 << 20) < omission(500_000, 1 << 20) < omission(900_000, 1 << 20) < 1
    # Half full: each new state is compared with 0.5 others on average.
    assert omission(1 << 19, 1 << 20) == pytest.approx((1 << 19) * 0.5 / 2**32, rel=0.01)
    assert omission(900_000_000, 1_000_000_000) > 0.5


def test_most_states_for_the_memory() -> None:
    """About 13 bytes for each state, besides a quarter of them in full."""
    for words in (1, 2, 8):
        states = lossy_slots(1 << 30, words) * FULL
        assert (1 << 30) / states == pytest.approx(8 / FULL + 4 + 2 * words, rel=0.01)


def test_a_run_that_cannot_be_rebuilt_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    system = build(load_text(WIDE + "invariant small: x[0] < 3;\n"), {})
    tuning = Tuning(hunt=32 << 20)
    assert [f.run.length for f in answer(system, tuning, goals=Goals()).findings if f.run] == [3]
    monkeypatch.setattr(HuntTracer, "rebuilt", lambda *_: None)
    got = answer(system, tuning, goals=Goals())
    assert not got.findings and any("small was seen, but its run" in n for n in got.notes)


def test_verdicts() -> None:
    system = build(load_text(WIDE + "invariant small: x[0] <= 9;\n"), {})
    got = Result("explicit", "hunted", omission=0.001, reason="memory")
    got = replace(got, evidence=answer(system, Tuning(hunt=32 << 20), Budget(states=1000)).evidence)
    found = verdicts(system, (got,))
    assert all(v.strength == "hunted" and "(memory), omission probability 1.0e-03" in v.text() for v in found)
    assert judge(Expectation("holds"), found, evidence_of((got,)), False).outcome == "undecided"
    assert not is_shortest(got, 1)


def test_command_line(tmp_path: Path) -> None:
    """Never exhausted: exit code 3 where it holds, 1 where it does not."""
    lock(tmp_path, "check holds_ expect holds;", "check fails { broken = true; } expect holds;")
    held = kspec("check", "lock.kspec::holds_", "--hunt=16M", "--format", "json", cwd=tmp_path)
    document = json.loads(held.stdout)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert held.returncode == 3
    mutex = next(v for v in document["checks"][0]["verdicts"] if v["property"] == "mutex")
    assert mutex["strength"] == "hunted" and mutex["omission"] < 1e-6
    failed = kspec("check", "lock.kspec::fails", "--hunt=16M", cwd=tmp_path)
    assert failed.returncode == 1 and "violated mutex in 2 steps" in failed.stdout


def test_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "large.kspec").write_text(LARGE)
    before = kspec("check", "--hunt", "large.kspec", cwd=tmp_path)
    assert before.returncode == 2 and "put --hunt behind the paths" in before.stderr
    other = kspec("check", "large.kspec", "--set", "x=1", "--engine", "bmc", "--hunt=16M", cwd=tmp_path)
    assert other.returncode == 2
