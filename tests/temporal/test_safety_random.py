"""Temporal properties as invariants of transformed systems, against the product with the automaton."""

from __future__ import annotations

import os
import random

import pytest
from kspec.engine.protocol import Budget, Engine, Finding, Goals
from kspec.interp.confirm import confirm
from kspec.interp.explore import InterpEngine
from kspec.symbolic.behaviours import Behaviours
from kspec.symbolic.bmc import BmcEngine
from kspec.symbolic.ic3.engine import PdrEngine
from kspec.system.model import System
from kspec.temporal.safety import GOAL, InexpressibleError, transformed
from temporal.logic_systems import graph_system, with_logic
from temporal.small import BUDGET, Quiet

SEEDS = 32 if os.environ.get("KSPEC_SOAK") is None else 1500
SOLVED = 3 if os.environ.get("KSPEC_SOAK") is None else 120


def made(seed: int) -> tuple[System, set[str]]:
    """A system, and its violated temporal properties."""
    r = random.Random(f"safety {seed}")
    system = with_logic(graph_system(r, 4), r, 2)
    result = InterpEngine().check(system, Goals(everything=True), BUDGET, Quiet())
    assert result.status == "exhausted"
    return system, {f.property for f in result.findings if f.run is not None and f.run.loop is not None}


@pytest.mark.parametrize("block", range(4))
def test_the_transformation(block: int) -> None:
    """All states of the transformed systems are explored."""
    seen = set()
    for seed in range(block * SEEDS // 4, (block + 1) * SEEDS // 4):
        system, violated = made(seed)
        if system.limits:
            continue
        for p in system.temporal:
            found = False
            for claim in p.claims:
                t = transformed(system, claim)
                goals = Goals(wanted=frozenset({GOAL}))
                result = InterpEngine().check(t.system, goals, Budget(seconds=30, states=100_000), Quiet())
                finding = next((f for f in result.findings if f.property == GOAL), None)
                assert finding is not None or result.status == "exhausted"
                if finding is not None and finding.run is not None:
                    found = True
                    assert confirm(system, Finding(p.name, t.lasso(finding.run))) is None, seed
            assert found == (p.name in violated), (seed, p.name)
            seen.add(found)
    assert seen == {False, True}


@pytest.mark.parametrize("engine", [BmcEngine(), PdrEngine()], ids=["bmc", "pdr"])
def test_engines(engine: Engine) -> None:
    decided = 0
    for seed in range(SOLVED):
        system, violated = made(seed)
        result = Behaviours(engine).check(system, Goals(everything=True), Budget(seconds=20, depth=12), Quiet())
        for f in result.findings:
            assert f.property in violated, seed
            assert confirm(system, f) is None, seed
        assert not violated & set(result.behaviours), seed
        decided += len(result.findings) + len(result.behaviours)
    assert decided > 0


def test_what_cannot_be_said_is_refused() -> None:
    """Whether an action can be taken is an expression only where its body does not decide."""
    from kspec.system.expr import FALSE, TRUE, Binary, Read
    from kspec.system.model import Action
    from kspec.system.stmt import Assign, Block, Require, Write
    from kspec.temporal.safety import enabled

    system, _ = made(1)
    cell = system.state_cells[0]
    step = Assign((Write(cell, (), Read(cell)),))
    late = Action("late", (), TRUE, Block((step, Require(FALSE))))
    with pytest.raises(InexpressibleError, match="only after a part"):
        enabled(late)
    with pytest.raises(InexpressibleError, match="can raise an error"):
        enabled(Action("wrong", (), Binary("div", Read(cell), Read(cell)), Block((step,))))
    assert enabled(Action("first", (), TRUE, Block((Require(FALSE), step)))) != TRUE
