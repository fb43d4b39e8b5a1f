"""Searches end when they are told to, keep what they have, and survive their solver."""

from __future__ import annotations

import faulthandler
import itertools
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from kspec.engine.protocol import Budget, Goals, Progress, Result
from kspec.symbolic import bmc, kinduction
from kspec.symbolic.bmc import BmcEngine
from kspec.symbolic.ic3 import query
from kspec.symbolic.ic3.engine import PdrEngine
from kspec.symbolic.kinduction import KInductionEngine
from kspec.symbolic.solver import PySat, new_solver
from kspec.symbolic.supervise import Emit, WorkError, supervise
from kspec.system.model import Property
from symbolic.build import eq, rd
from symbolic.classics import peterson
from symbolic.small import lockstep, token
from symbolic.support import Quiet, lengths


class After:
    """A control that cancels after a while."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self.samples: list[Progress] = []

    def cancelled(self) -> bool:
        return time.monotonic() > self.end

    def report(self, progress: Progress) -> None:
        self.samples.append(progress)


@pytest.mark.parametrize("engine", [BmcEngine(), KInductionEngine(mining=False)])
def test_a_time_budget(engine: Any) -> None:
    started = time.monotonic()
    control = After(60)
    result = engine.check(peterson(4, 3), Goals(), Budget(seconds=1.5), control)
    assert time.monotonic() - started < 3.5
    assert result.status == "unknown"
    assert result.reason == "the time budget of 1.5 s ran out"
    assert result.bound is not None
    assert result.bound >= 1
    assert control.samples
    assert control.samples[-1].depth <= result.bound


def test_cancelling() -> None:
    started = time.monotonic()
    result = BmcEngine().check(peterson(4, 3), Goals(), Budget(), After(1.0))
    assert time.monotonic() - started < 2.0
    assert (result.status, result.reason) == ("unknown", "interrupted")
    assert result.bound is not None


def test_a_memory_budget() -> None:
    def work(emit: Emit[str]) -> str:
        emit.value("begun")
        hoard = [bytearray(b"x" * (1 << 20)) for _ in range(400)]
        time.sleep(20)
        return str(len(hoard))

    ending = supervise(work, Budget(memory=200 << 20, seconds=15), Quiet())
    assert (ending.value, ending.reason) == ("begun", "the memory budget ran out")


def test_findings_survive_the_end_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The solver hangs at the fourth level (it is not needed before the second)."""
    last = Property("last", "reachable", eq(rd(token().cells[0], 3), 1))
    system = replace(token(), properties=(*token().properties, last))
    monkeypatch.setattr(bmc, "new_solver", lambda name: Failing(4, "hang"))
    result = BmcEngine().check(system, Goals(everything=True), Budget(seconds=1.0), Quiet())
    assert result.status == "unknown"
    assert lengths(result.witnesses) == {"last": 3}
    assert result.bound == 3


class Failing(PySat):
    """A solver that stops working after some calls."""

    def __init__(self, calls: int, how: str) -> None:
        super().__init__()
        self.calls, self.how = calls, how

    def solve(self, assumptions: Sequence[int]) -> bool | None:
        self.calls -= 1
        if self.calls < 0:
            if self.how == "hang":
                time.sleep(60)
            if self.how == "crash":
                faulthandler.disable()
                os.kill(os.getpid(), signal.SIGSEGV)
            if self.how == "memory":
                raise MemoryError
            if self.how == "fault":
                raise RuntimeError("broken")
            return None
        return super().solve(assumptions)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("crash", "the solver died: signal 11 (SIGSEGV)"),
        ("memory", "memory ran out"),
        ("unknown", "the solver gave up at depth 2"),
    ],
)
def test_a_solver_that_fails(monkeypatch: pytest.MonkeyPatch, how: str, reason: str) -> None:
    monkeypatch.setattr(bmc, "new_solver", lambda name: Failing(1, how))
    result = BmcEngine().check(token(), Goals(everything=True), Budget(depth=9), Quiet())
    assert (result.status, result.reason, result.bound) == ("unknown", reason, 1)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("crash", "the solver died: signal 11 (SIGSEGV)"),
        ("memory", "memory ran out"),
        ("unknown", "the solver gave up"),
        ("hang", "the time budget of 2 s ran out"),
    ],
)
def test_a_solver_that_fails_in_ic3(monkeypatch: pytest.MonkeyPatch, how: str, reason: str) -> None:
    """What was known before is said: a filter lock, of which nothing is violated in the first steps."""
    made = itertools.count()

    def solver(name: str | None) -> PySat:
        """Frame 0 and the initial states are looked at; then they fail."""
        return Failing(60 if next(made) else 1000, how)

    monkeypatch.setattr(query, "new_solver", solver)
    started = time.monotonic()
    result = PdrEngine().check(peterson(3), Goals(), Budget(seconds=2.0), Quiet())
    assert time.monotonic() - started < 5.0
    assert (result.status, result.reason, result.proved) == ("unknown", reason, ())
    assert result.bound is not None and result.bound >= 1
    assert any("within" in note for note in result.notes)


def test_cancelling_ic3() -> None:
    started = time.monotonic()
    result = PdrEngine().check(peterson(4), Goals(), Budget(), After(1.0))
    assert time.monotonic() - started < 4.0
    assert (result.status, result.reason) == ("unknown", "interrupted")


def test_a_fault_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinduction, "new_solver", lambda name: Failing(0, "fault"))
    with pytest.raises(WorkError, match="RuntimeError: broken"):
        KInductionEngine().check(token(), Goals(everything=True), Budget(depth=9), Quiet())


def test_nothing_is_left_behind() -> None:
    """The worker is gone when the engine answers."""
    before = set(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))
    BmcEngine().check(peterson(4, 3), Goals(), Budget(seconds=0.3), Quiet())
    assert (set(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_depth_is_honoured() -> None:
    result: Result = BmcEngine().check(lockstep(), Goals(), Budget(depth=0), Quiet())
    assert (result.status, result.bound) == ("bounded", 0)
    assert new_solver("z3").solve(()) is True
