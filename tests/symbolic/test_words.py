"""Bounded model checking on words against that on circuits, and against the interpreter."""

from __future__ import annotations

import os

import pytest
from interp.random_systems import Features, random_system
from kspec.engine.crosscheck import disagreements
from kspec.engine.protocol import Budget, Goals
from kspec.interp.confirm import confirm
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.symbolic.bmc import BmcEngine
from kspec.symbolic.words import WordBmcEngine
from symbolic.support import Quiet, lengths

SEEDS = range(7600, 7600 + (300 if os.environ.get("KSPEC_SOAK") else 5))
DEPTH = 5


@pytest.mark.parametrize("seed", SEEDS)
def test_words_and_circuits_find_the_same(seed: int) -> None:
    system = random_system(seed, Features(product=300))
    goals, budget = Goals(everything=True), Budget(seconds=60, depth=DEPTH)
    words = WordBmcEngine().check(system, goals, budget, Quiet())
    circuits = BmcEngine().check(system, goals, budget, Quiet())
    oracle = InterpEngine().check(system, goals, Budget(), Quiet())
    assert words.status == circuits.status and words.bound == circuits.bound
    assert lengths(words.findings) == lengths(circuits.findings)
    assert lengths(words.witnesses) == lengths(circuits.witnesses)
    assert disagreements([words, circuits, oracle]) == ()
    machine = Machine(system)
    for finding in (*words.findings, *words.witnesses):
        assert confirm(machine, finding) is None
