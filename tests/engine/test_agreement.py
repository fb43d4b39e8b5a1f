"""All engines on random systems: they agree, every violation replays, every proof passes its re-check.

With KSPEC_SOAK a thousand systems, in blocks that can be run one by one: ``-k block3-``.
"""

from __future__ import annotations

import os
from functools import cache

import pytest
from interp.random_systems import Features, random_system
from kspec.certify.check import recheck
from kspec.engine.control import ControlBlock
from kspec.engine.crosscheck import disagreements
from kspec.engine.job import Settings
from kspec.engine.protocol import Budget, Engine, Goals, Result
from kspec.engine.run import check_system
from kspec.engine.verdict import is_shortest
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.tuning import Tuning
from kspec.interp.confirm import confirm
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.symbolic.bmc import BmcEngine
from kspec.symbolic.ic3.engine import PdrEngine
from kspec.symbolic.kinduction import KInductionEngine, claims
from kspec.system.check import Expectation
from kspec.system.model import System
from kspec.trace.build import Meta, trace_of
from kspec.trace.replay import replay

SOAK = bool(os.environ.get("KSPEC_SOAK"))
SEEDS = range(20_000, 20_000 + (1000 if SOAK else 5))
BLOCK = 100
DEEP = 6


@cache
def engines() -> tuple[tuple[Engine, Budget], ...]:
    limited = Budget(seconds=60, depth=DEEP)
    return (
        (ExplicitEngine(Tuning()), Budget(seconds=60)),
        (BmcEngine(), limited),
        (KInductionEngine(), limited),
        (PdrEngine(), Budget(seconds=60)),
    )


@pytest.mark.parametrize("seed", SEEDS, ids=lambda s: f"block{(s - SEEDS[0]) // BLOCK}-{s}")
def test_engines_agree(seed: int) -> None:
    system = random_system(seed, Features(product=400))
    machine = Machine(system)
    control = ControlBlock.private()
    goals = Goals(everything=True)
    oracle = InterpEngine().check(system, goals, Budget(seconds=60), control)
    results = [oracle]
    for engine, budget in engines():
        result = engine.check(system, goals, budget, control)
        assert result.status != "unknown" or result.reason.startswith("not looked at"), result
        _agrees(system, machine, result, oracle)
        results.append(result)
    assert disagreements(results) == ()
    expect = Expectation("holds", within_limit=bool(system.limits))
    auto = check_system(machine, expect, Settings(seconds=60, threads=1), control)
    assert disagreements([oracle, *auto.results]) == ()
    assert auto.judgement.outcome == ("unmet" if oracle.findings else "met")


def _agrees(system: System, machine: Machine, mine: Result, oracle: Result) -> None:
    lengths = {f.property: f.run.length for f in oracle.findings if f.run is not None}
    for finding in (*mine.findings, *mine.witnesses):
        assert confirm(machine, finding) is None
    for finding in mine.findings:
        if finding.run is None:
            assert finding.property not in {w.property for w in oracle.witnesses}
            continue
        n = finding.run.length
        assert n == lengths[finding.property] or not is_shortest(mine, n, finding.property)
        if finding.run.initial is not None:
            trace = trace_of(system, finding, Meta("random.kspec", "random"), machine)
            assert replay(trace, system).verdict == "reproduces"
    assert set(mine.proved) <= set(claims(system)) - lengths.keys()
    for text in mine.certificates:
        answer = recheck(system, text)
        assert answer.problems == () and set(mine.proved) <= set(answer.proved)
