"""Bounded search that looks ahead: what it finds is there, and shortest where it says so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from interp.random_systems import Features, random_system
from kspec.engine.crosscheck import disagreements
from kspec.engine.protocol import Budget, Goals, Result
from kspec.engine.verdict import is_shortest
from kspec.interp.confirm import confirm
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.lang.load import load
from kspec.lower.build import build
from kspec.symbolic import bmc, jump
from kspec.symbolic.bmc import BmcEngine
from kspec.system.model import System
from symbolic.support import Quiet, lengths

SEEDS = range(7000, 7000 + (500 if os.environ.get("KSPEC_SOAK") else 8))
MODELS = Path(__file__).parents[2] / "models" / "classic"


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jumps begin at the first level."""
    monkeypatch.setattr(bmc, "FIRST", 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_systems(seed: int, eager: None) -> None:
    system = random_system(seed, Features(product=600))
    oracle = InterpEngine().check(system, Goals(), Budget(), Quiet())
    every = InterpEngine().check(system, Goals(everything=True), Budget(), Quiet())
    mine = BmcEngine().check(system, Goals(), Budget(depth=60), Quiet())
    real = [f for f in oracle.findings if f.run is not None]
    assert bool(mine.findings) == bool(real)
    _right(system, mine, every)
    for name in sorted(lengths(every.findings)):
        one = BmcEngine().check(system, Goals(wanted=frozenset({name})), Budget(depth=60), Quiet())
        assert name in lengths(one.findings)
        _right(system, one, every)


def _right(system: System, mine: Result, every: Result) -> None:
    shortest = lengths(every.findings)
    for name, n in lengths(mine.findings).items():
        assert n == shortest[name] or (n > shortest[name] and not is_shortest(mine, n, name))
    for finding in (*mine.findings, *mine.witnesses):
        assert confirm(Machine(system), finding) is None
    assert disagreements([mine, every]) == ()


def test_a_deep_violation_is_found_by_a_jump() -> None:
    """The filter lock for four with a level too few: the proofs that it holds up to 22 steps take ten times as
    long as finding the violation."""
    system = build(load(str(MODELS / "peterson.kspec")), {"N": "4", "LEVELS": "2"})
    mine = BmcEngine().check(system, Goals(), Budget(seconds=120, depth=40), Quiet())
    assert mine.status == "stopped"
    (found,) = mine.findings
    assert found.property == "mutual_exclusion" and found.run is not None
    assert confirm(Machine(system), found) is None
    assert found.run.length >= 23
    assert mine.shortest == () and "shorter" in mine.notes[0]
    assert mine.bound is not None and mine.bound < 23


def test_what_a_jump_rules_out_need_not_be_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    real = jump.Jump.find

    def find(self: jump.Jump, first: int, last: int, conflicts: int) -> jump.Hit | bool | None:
        asked.append((first, last))
        return real(self, first, last, conflicts)

    monkeypatch.setattr(jump.Jump, "find", find)
    system = build(load(str(MODELS / "ticket.kspec")), {})
    goals = Goals()
    found = bmc.Found(system)
    levels = bmc._Levels(found, goals, 12, bmc.Search(bmc.encode(system), bmc.new_solver()), Emitted(), True)
    levels.next_jump = 2
    result = levels.run()
    assert result.status in ("bounded", "stopped")
    assert asked and asked[0][0] == 3


class Emitted:
    """Takes what a search hands over."""

    def value(self, value: Result) -> None:
        pass

    def progress(self, progress: object) -> None:
        pass
