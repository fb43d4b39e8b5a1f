"""k-induction on random systems against the interpreter's exhaustive search."""

from __future__ import annotations

import os

import pytest
from interp.random_systems import Features, random_system
from kspec.certify.check import recheck
from kspec.engine.protocol import Budget, Goals, Result
from kspec.interp.confirm import confirm
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.symbolic.kinduction import KInductionEngine, claims
from kspec.system.model import System
from symbolic.support import Quiet, lengths

SOAK = os.environ.get("KSPEC_SOAK")
SEEDS = range(3000, 3000 + (300 if SOAK else 25))


def agree(system: System, mine: Result, oracle: Result) -> None:
    violated = {f.property for f in oracle.findings}
    assert not set(mine.proved) & violated, "a false proof"
    for f in mine.findings:
        assert f.property in violated, "a false alarm"
    assert mine.bound is not None
    truth = lengths(oracle.findings)
    for name, n in lengths(mine.findings).items():
        assert truth[name] == n
    for name, n in truth.items():
        assert n > mine.bound or name in lengths(mine.findings)
    assert lengths(mine.witnesses).items() <= lengths(oracle.witnesses).items()
    machine = Machine(system)
    for f in (*mine.findings, *mine.witnesses):
        assert confirm(machine, f) is None


def steps_of_obstacles_exist(system: System, result: Result) -> None:
    """A counterexample to induction is a real run, only its start need not be reachable."""
    machine = Machine(system)
    for f in result.obstacles:
        state = f.run.initial
        for step in f.run.steps:
            assert state is not None
            posts = [o.post for o in machine.fire(state, step.action, step.args)]
            assert step.post in posts
            state = step.post


@pytest.mark.parametrize("seed", SEEDS)
def test_proofs_and_refutations_are_true(seed: int) -> None:
    system = random_system(seed, Features(product=400))
    oracle = InterpEngine().check(system, Goals(everything=True), Budget(), Quiet())
    mine = KInductionEngine().check(system, Goals(everything=True), Budget(depth=6), Quiet())
    assert mine.status in ("proved", "stopped", "bounded"), mine
    agree(system, mine, oracle)
    steps_of_obstacles_exist(system, mine)
    if mine.status == "proved":
        assert set(mine.proved) == set(claims(system))
    for text in mine.certificates:
        answer = recheck(system, text)
        assert answer.problems == ()
        assert set(mine.proved) <= set(answer.proved)
