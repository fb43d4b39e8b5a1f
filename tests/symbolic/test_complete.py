"""Completion of partial scenarios."""

from __future__ import annotations

import pytest
from kspec.engine.protocol import Budget, Run
from kspec.interp.machine import Machine
from kspec.symbolic.complete import complete
from kspec.system.check import Do
from kspec.system.expr import Cell, Const, Read
from kspec.system.model import System
from symbolic.build import conj, eq, rd
from symbolic.classics import german
from symbolic.support import Quiet

CS = Cell("cs[]", german(2).cells[0].dims, german(2).cells[0].type)


def executes(system: System, run: Run) -> None:
    machine = Machine(system)
    state = run.initial
    assert state in [o.post for o in machine.initial()]
    for step in run.steps:
        assert state is not None
        assert step.post in [o.post for o in machine.fire(state, step.action, step.args)]
        state = step.post


def test_a_shortest_run_to_a_target() -> None:
    system = german(2)
    found = complete(system, conj(eq(rd(CS, 0), 1), eq(rd(CS, 1), 1)), (), Budget(depth=12), Quiet())
    assert found.run is not None
    assert found.run.length == 8  # request, its receipt, grant and its receipt, for both nodes
    executes(system, found.run)


def test_the_prefix_is_kept() -> None:
    system = german(2)
    prefix = (Do(("SendReqE",), (1,)), None, Do(("SendGntS", "SendGntE"), (None,)))
    found = complete(system, eq(rd(CS, 1), 2), prefix, Budget(depth=12), Quiet())
    assert found.run is not None
    executes(system, found.run)
    assert [s.action for s in found.run.steps] == ["SendReqE", "RecvReqE", "SendGntE", "RecvGntE"]
    assert found.run.steps[0].args == (1,)


def test_a_prefix_that_cannot_be_taken() -> None:
    found = complete(german(2), Const(1), (Do(("RecvGntE",), (0,)),), Budget(depth=5), Quiet())
    assert found.run is None
    assert found.bound == 5


def test_a_property_as_target() -> None:
    system = german(3, wrong=True)
    found = complete(system, "ctrl", (Do(("SendReqS",), (2,)),), Budget(depth=12), Quiet())
    assert found.run is not None
    assert found.run.length == 8
    assert found.run.steps[0].args == (2,)


def test_nothing_within_the_bound() -> None:
    found = complete(german(2), eq(Read(CS, (Const(0),)), 2), (), Budget(depth=3), Quiet())
    assert (found.run, found.bound, found.reason) == (None, 3, "")


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match="no action Nope"):
        complete(german(2), "ctrl", (Do(("Nope",), ()),), Budget(), Quiet())
    with pytest.raises(ValueError, match="takes 1 argument"):
        complete(german(2), "ctrl", (Do(("SendReqS",), ()),), Budget(), Quiet())
    with pytest.raises(ValueError, match="no property"):
        complete(german(2), "nope", (), Budget(), Quiet())
