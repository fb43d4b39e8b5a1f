"""The symbolic engines on the shipped protocols, against the interpreter level by level."""

from __future__ import annotations

from pathlib import Path

import pytest
from kspec.engine.protocol import Budget, Goals
from kspec.interp.confirm import confirm
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.lang.load import load
from kspec.lower.build import build, cases
from kspec.symbolic.bmc import BmcEngine
from kspec.symbolic.kinduction import KInductionEngine
from kspec.system.check import Case
from kspec.system.model import System
from symbolic.support import Quiet, lengths

MODELS = Path(__file__).parents[2] / "models" / "classic"
DEPTH = 5


def chosen() -> list[tuple[str, Case]]:
    """Of every protocol the first case that is to hold and the first that is to be violated."""
    found: list[tuple[str, Case]] = []
    for path in sorted(MODELS.glob("*.kspec")):
        every = cases(load(str(path)))
        for kind in ("holds", "violates"):
            found += [(path.name, c) for c in every if c.expect.kind == kind and c.tier == "quick"][:1]
    return found


CASES = chosen()


def system_of(name: str, case: Case) -> System:
    return build(load(str(MODELS / name)), dict(case.params))


@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{n}-{c.name}" for n, c in CASES])
def test_same_findings_to_the_same_depth(name: str, case: Case) -> None:
    system = system_of(name, case)
    if system.refinements:
        pytest.skip("bounded model checking does not decide refinement")
    oracle = InterpEngine().check(system, Goals(everything=True), Budget(depth=DEPTH), Quiet())
    bmc = BmcEngine().check(system, Goals(everything=True), Budget(depth=DEPTH), Quiet())
    assert bmc.bound is not None

    def near(found: dict[str, int]) -> dict[str, int]:
        return {n: k for n, k in found.items() if k <= (bmc.bound or 0)}

    assert lengths(bmc.findings) == near(lengths(oracle.findings))
    assert lengths(bmc.witnesses) == near(lengths(oracle.witnesses))
    machine = Machine(system)
    for f in (*bmc.findings, *bmc.witnesses):
        assert confirm(machine, f) is None


@pytest.mark.parametrize(
    ("name", "case"), [("mesi.kspec", "three"), ("ticket.kspec", "two[TICKETS=3]"), ("two_phase_commit.kspec", "one")]
)
def test_protocols_that_induction_proves(name: str, case: str) -> None:
    found = next(c for c in cases(load(str(MODELS / name))) if c.name == case)
    result = KInductionEngine().check(system_of(name, found), Goals(), Budget(), Quiet())
    assert result.status == "proved"
    assert len(result.certificates) == 1


def test_a_proof_goes_through_where_the_bug_is_not() -> None:
    """Of a protocol with a bug, the engine proves nothing that the bug breaks."""
    every = cases(load(str(MODELS / "mesi.kspec")))
    broken = next(c for c in every if c.expect.kind == "violates")
    result = KInductionEngine().check(system_of("mesi.kspec", broken), Goals(everything=True), Budget(depth=5), Quiet())
    violated = set(lengths(result.findings))
    assert broken.expect.property in violated
    assert not violated & set(result.proved)
