"""Small transition systems built by hand, and engines that misbehave in known ways."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kspec.engine.protocol import Budget, Control, Evidence, Goals, Progress, Result
from kspec.system.expr import FALSE, TRUE, Binary, Cell, Const, Narrow, Read, Var
from kspec.system.model import Action, Property, System, Variable
from kspec.system.stmt import EMPTY, Assign, Block, Write
from kspec.types import BOOL, RangeType


def counter(top: int = 5, *, bad: int | None = None, limit: int | None = None) -> System:
    """A counter ``x`` from 0 to ``top`` that wraps around; ``bad`` is a value the invariant forbids."""
    t = RangeType(0, top)
    x = Cell("x", (), t)
    more = Binary("lt", Read(x), Const(top))
    up = Action("up", (), more, _set(x, Binary("add", Read(x), Const(1))))
    wrap = Action("wrap", (), Binary("eq", Read(x), Const(top)), _set(x, Const(0)))
    inv = TRUE if bad is None else Binary("ne", Read(x), Const(bad))
    return System(
        name="counter",
        params=(("TOP", str(top)),),
        cells=(x,),
        start=(0,),
        init=EMPTY,
        actions=(up, wrap),
        properties=(
            Property("small", "invariant", inv),
            Property("gets_there", "reachable", Binary("eq", Read(x), Const(top))),
        ),
        limits=() if limit is None else (Binary("le", Read(x), Const(limit)),),
        variables=(Variable("x", t, (x,)),),
    )


def overflow() -> System:
    """A counter that leaves its range: ``error.range`` in four steps."""
    t = RangeType(0, 3)
    x = Cell("x", (), t)
    add = Narrow(Binary("add", Read(x), Const(1)), 0, 3, "range")
    return System("overflow", (), (x,), (0,), EMPTY, (Action("up", (), TRUE, _set(x, add)),), ())


def stuck() -> System:
    """Two bits that are set once: a deadlock after two steps."""
    cell = Cell("bit[]", (RangeType(0, 1),), BOOL)
    i = Var("i", 0, 1)
    clear = Binary("eq", Read(cell, (i,)), FALSE)
    body = Block((Assign((Write(cell, (i,), TRUE),)),))
    return System("stuck", (), (cell,), (0, 0), EMPTY, (Action("set", ((i, RangeType(0, 1)),), clear, body),), ())


def _set(cell: Cell, value: object) -> Block:
    return Block((Assign((Write(cell, (), value),)),))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Fake:
    """An engine that does what a function does."""

    act: Callable[[System, Goals, Budget, Control], Result]
    name: str = "fake"

    def check(self, system: System, goals: Goals, budget: Budget, control: Control) -> Result:
        return self.act(system, goals, budget, control)


def until_cancelled(system: System, goals: Goals, budget: Budget, control: Control) -> Result:
    """Counts until it is told to stop, then says how far it was."""
    n = 0
    while not control.cancelled():
        n += 1
        control.report(Progress("fake", states=n, depth=n))
        time.sleep(0.005)
    return Result("fake", "unknown", evidence=Evidence(states=n, depth=n))


def deaf(system: System, goals: Goals, budget: Budget, control: Control) -> Result:
    """Never looks at the cancel flag."""
    control.report(Progress("fake", states=41, depth=7))
    time.sleep(600)
    raise AssertionError


def killed(signal: int) -> Callable[[System, Goals, Budget, Control], Result]:
    """An engine that dies of a signal."""

    def act(system: System, goals: Goals, budget: Budget, control: Control) -> Result:
        os.write(2, b"last words\n")
        os.kill(os.getpid(), signal)
        time.sleep(60)
        raise AssertionError

    return act


@dataclass(frozen=True)
class ToyModel:
    """A model whose configurations are built by a function of this module."""

    builder: str
    file: str = "toy.kspec"
    reference: str = "toy.kspec"

    def build(self, params: Mapping[str, str]) -> System:
        made = globals()[self.builder](**{k.lower(): int(v) for k, v in params.items()})
        assert isinstance(made, System)
        return made


def large() -> System:
    """A state space that no interpreter explores in the time of a test: ten counters of ten values."""
    t = RangeType(0, 9)
    cell = Cell("x[]", (t,), t)
    i = Var("i", 0, 9, t)
    body = Block((Assign((Write(cell, (i,), Binary("add", Read(cell, (i,)), Const(1))),)),))
    up = Action("up", ((i, t),), Binary("lt", Read(cell, (i,)), Const(9)), body)
    return System("large", (), (cell,), (0,) * 10, EMPTY, (up,), (), deadlock=False)


def crashes() -> System:
    """Takes its process with it."""
    os.abort()


def hangs() -> System:
    """Takes for ever to build."""
    time.sleep(600)
    raise AssertionError
