"""IC3 on random systems against the interpreter's exhaustive search."""

from __future__ import annotations

import os

import pytest
from interp.random_systems import Features, random_system
from kspec.certify.check import recheck
from kspec.engine.crosscheck import disagreements
from kspec.engine.protocol import Budget, Goals, Result
from kspec.engine.verdict import is_shortest
from kspec.interp.confirm import confirm
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.symbolic.ic3.engine import PdrEngine
from kspec.symbolic.kinduction import claims
from kspec.system.model import System
from symbolic.support import Quiet, lengths

SOAK = os.environ.get("KSPEC_SOAK")
SEEDS = range(5000, 5000 + (300 if SOAK else 25))


def agree(system: System, mine: Result, oracle: Result) -> None:
    """Every verdict is that of the exhaustive search; runs are real, and shortest where that is said."""
    violated = {f.property for f in oracle.findings}
    assert {f.property for f in mine.findings} == violated
    assert set(mine.proved) == set(claims(system)) - violated
    assert {w.property for w in mine.witnesses} == {w.property for w in oracle.witnesses}
    shortest = lengths(oracle.findings)
    for name, n in lengths(mine.findings).items():
        assert n == shortest[name] or (n > shortest[name] and not is_shortest(mine, n, name))
    assert disagreements([mine, oracle]) == ()
    machine = Machine(system)
    for f in (*mine.findings, *mine.witnesses):
        assert confirm(machine, f) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_every_verdict_is_right_and_every_proof_certified(seed: int) -> None:
    system = random_system(seed, Features(product=600))
    oracle = InterpEngine().check(system, Goals(everything=True), Budget(), Quiet())
    mine = PdrEngine().check(system, Goals(everything=True), Budget(), Quiet())
    assert mine.status == ("stopped" if oracle.findings else "proved"), mine
    agree(system, mine, oracle)
    for text in mine.certificates:
        answer = recheck(system, text)
        assert answer.problems == ()
        assert set(mine.proved) <= set(answer.proved)


@pytest.mark.parametrize("seed", SEEDS[:10])
def test_stops_at_the_first_violation(seed: int) -> None:
    system = random_system(seed, Features(product=300))
    oracle = InterpEngine().check(system, Goals(), Budget(), Quiet())
    mine = PdrEngine().check(system, Goals(), Budget(), Quiet())
    assert bool([f for f in mine.findings if f.run]) == bool([f for f in oracle.findings if f.run])
    assert disagreements([mine, oracle]) == ()
