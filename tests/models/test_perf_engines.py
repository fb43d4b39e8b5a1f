"""The perf models by both kinds of engine: the same shortest counterexamples, and proofs of what is good."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest
from kspec.certify.check import recheck
from kspec.engine.protocol import Budget, Goals, Progress, Result
from kspec.explicit.engine import ExplicitEngine
from kspec.interp.confirm import confirm
from kspec.lang.load import Program, load
from kspec.lower.build import build, cases
from kspec.symbolic.bmc import BmcEngine
from kspec.symbolic.kinduction import KInductionEngine
from kspec.system.check import Case
from kspec.system.model import System

PERF = Path(__file__).parents[2] / "models" / "perf"
SOAK = bool(os.environ.get("KSPEC_SOAK"))

BROKEN = (
    ("epc_lifetime", "b02"),
    ("epc_lifetime", "b02_task"),
    ("groups_order", "wildcard_pmu"),
    ("groups_order", "wildcard_pmu_order"),
    ("groups_order", "swapped_parts"),
    ("groups_order", "stale_index"),
    ("groups_order", "rotated_in_place"),
    ("switch", "no_task_epc"),
    ("switch", "no_last_remove"),
    ("switch", "no_swap_task"),
    ("switch", "no_install_retry"),
)
"""Declared checks that expect a violation."""

QUICK = BROKEN[:1] + BROKEN[3:5] + BROKEN[7:8]

GOOD = (("epc_lifetime", "cpu_context"), ("epc_lifetime", "task_context"), ("switch", "races"))
GOOD_SLOW = (("groups_order", "since_v62_cpu"), ("groups_order", "before_v62_task"), ("switch", "two_pmus"))


class _Quiet:
    """A control block that nobody watches."""

    def cancelled(self) -> bool:
        return False

    def report(self, progress: Progress) -> None:
        pass


@cache
def _program(model: str) -> Program:
    return load(PERF / f"{model}.kspec")


def _case(model: str, name: str) -> tuple[System, Case]:
    case = next(c for c in cases(_program(model)) if c.name == name)
    return build(_program(model), dict(case.params)), case


def _length(result: Result, name: str) -> int:
    found = {f.property: f.run for f in result.findings}
    run = found[name]
    assert run is not None
    return run.length


@pytest.mark.parametrize(("model", "name"), BROKEN if SOAK else QUICK, ids=lambda x: str(x))
def test_explicit_search_and_bmc_find_the_same_shortest_run(model: str, name: str) -> None:
    system, case = _case(model, name)
    assert case.expect.property is not None
    wanted = Goals(frozenset({case.expect.property}))
    explicit = ExplicitEngine().check(system, wanted, Budget(), _Quiet())
    length = _length(explicit, case.expect.property)
    bmc = BmcEngine().check(system, wanted, Budget(depth=length), _Quiet())
    assert _length(bmc, case.expect.property) == length
    for result in (explicit, bmc):
        for finding in result.findings:
            assert confirm(system, finding) is None


@pytest.mark.parametrize(("model", "name"), GOOD + GOOD_SLOW if SOAK else GOOD[:1], ids=lambda x: str(x))
def test_the_good_designs_are_exhausted_and_proved(model: str, name: str) -> None:
    system, _ = _case(model, name)
    explicit = ExplicitEngine().check(system, Goals(), Budget(), _Quiet())
    assert (explicit.status, explicit.findings) == ("exhausted", ())
    proof = KInductionEngine().check(system, Goals(), Budget(), _Quiet())
    assert proof.status == "proved", proof.reason or proof.notes
    assert set(proof.proved) >= {p.name for p in system.properties if p.kind != "reachable"}
    (certificate,) = proof.certificates
    assert recheck(system, certificate).problems == ()
