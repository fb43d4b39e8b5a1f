"""Bounded model checking of random systems against the interpreter's breadth-first search."""

from __future__ import annotations

import os

import pytest
from interp.random_systems import Features, random_system
from kspec.engine.protocol import Budget, Goals, Result
from kspec.interp.confirm import confirm
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.symbolic.bmc import BmcEngine
from kspec.system.model import System
from symbolic.support import Quiet, lengths

SOAK = os.environ.get("KSPEC_SOAK")
SEEDS = range(1000, 1000 + (300 if SOAK else 25))
DEPTH = 12


def compare(system: System, bmc: Result, oracle: Result) -> None:
    assert bmc.bound is not None

    def near(found: dict[str, int]) -> dict[str, int]:
        return {n: k for n, k in found.items() if k <= bmc.bound}

    assert lengths(bmc.findings) == near(lengths(oracle.findings))
    assert lengths(bmc.witnesses) == near(lengths(oracle.witnesses))
    machine = Machine(system)
    for f in (*bmc.findings, *bmc.witnesses):
        assert confirm(machine, f) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_same_violations_at_the_same_lengths(seed: int) -> None:
    system = random_system(seed, Features(product=600))
    oracle = InterpEngine().check(system, Goals(everything=True), Budget(), Quiet())
    bmc = BmcEngine().check(system, Goals(everything=True), Budget(depth=DEPTH), Quiet())
    assert oracle.status == "exhausted"
    assert bmc.status in ("bounded", "stopped"), bmc
    compare(system, bmc, oracle)


@pytest.mark.parametrize("seed", SEEDS[:10])
def test_stops_at_the_level_of_the_first_violation(seed: int) -> None:
    system = random_system(seed, Features(product=300))
    oracle = InterpEngine().check(system, Goals(), Budget(), Quiet())
    bmc = BmcEngine().check(system, Goals(), Budget(depth=DEPTH), Quiet())
    first = min(lengths(oracle.findings).values(), default=None)
    if first is not None and first <= DEPTH:
        assert (bmc.status, bmc.bound) == ("stopped", first)
    compare(system, bmc, oracle)


def test_both_solvers_find_the_same() -> None:
    for seed in SEEDS[:4]:
        system = random_system(seed, Features(product=300))
        a, b = (
            BmcEngine(solver=s).check(system, Goals(everything=True), Budget(depth=8), Quiet())
            for s in ("cadical153", "z3")
        )
        assert lengths(a.findings) == lengths(b.findings)
        assert (a.status, a.bound) == (b.status, b.bound)
