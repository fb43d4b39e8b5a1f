"""Budgets, cancellation and progress of the native engine."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest
from explicit.classic_systems import german, peterson
from explicit.comparing import Recorder, differences
from kspec.engine.protocol import Budget, Goals, Result
from kspec.explicit.budgets import resident
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.tuning import Tuning
from kspec.system.expr import TRUE, Binary, Cell, Const, Narrow, Read
from kspec.system.model import Action, System
from kspec.system.stmt import EMPTY, Assign, Block, Write
from kspec.types import RangeType


@dataclass
class Slow(Recorder):
    """Cancels after some seconds."""

    after: float = 0.3
    began: float = field(default_factory=time.monotonic)

    def cancelled(self) -> bool:
        return time.monotonic() - self.began > self.after


def run(system: System, budget: Budget, control: Recorder | None = None) -> tuple[Result, float]:
    began = time.monotonic()
    result = ExplicitEngine().check(system, Goals(), budget, control or Recorder())
    return result, time.monotonic() - began


def test_time() -> None:
    """The run ends by itself, with what it has seen and the last complete level."""
    result, seconds = run(german(5), Budget(seconds=1.0))
    assert (result.status, result.reason) == ("unknown", "time")
    assert seconds < 3.0
    assert result.evidence is not None
    assert result.evidence.states > 1000
    assert 0 < result.evidence.depth < 50


def test_cancelled() -> None:
    """Somebody wants the run to end."""
    control = Slow()
    result, seconds = run(german(5), Budget(), control)
    assert (result.status, result.reason) == ("unknown", "interrupted")
    assert seconds < 2.3


def test_states() -> None:
    """A bound on the number of states: exact, and no stop when it is not exceeded."""
    result, _ = run(peterson(3), Budget(states=1000))
    assert (result.status, result.reason) == ("unknown", "states")
    assert result.evidence is not None
    assert result.evidence.states == 1000
    result, _ = run(peterson(3), Budget(states=12498))
    assert result.status == "exhausted"
    result, _ = run(peterson(3), Budget(states=12497))
    assert result.status == "unknown"


def test_memory() -> None:
    """The run stays within its memory, and says when that was not enough."""
    before = resident()
    result, _ = run(german(5), Budget(memory=before + (64 << 20)))
    assert (result.status, result.reason) == ("unknown", "memory")
    assert result.memory <= before + (80 << 20)
    assert result.evidence is not None
    assert result.evidence.states > 64 * 2**20 / 40
    result, _ = run(peterson(3), Budget(memory=before // 2))
    assert (result.status, result.reason) == ("unknown", "memory")


def test_depth() -> None:
    """The first levels only, with their evidence; the interpreter's search is the same."""
    result, _ = run(german(3), Budget(depth=5))
    assert (result.status, result.bound) == ("bounded", 5)
    assert not differences(peterson(2), Tuning())


def test_progress() -> None:
    """Samples come while the search runs, and grow."""
    control = Recorder()
    result, _ = run(german(5), Budget(seconds=2.0), control)
    assert len(control.samples) >= 2
    first, last = control.samples[0], control.samples[-1]
    assert 0 < first.states < last.states
    assert 0 < first.transitions < last.transitions
    assert last.memory > 0
    assert last.frontier > 0
    assert result.evidence is not None
    assert result.evidence.states >= last.states


def test_too_wide_arithmetic_is_left_to_the_interpreter() -> None:
    """What 64 bits cannot hold is no reason not to answer; a note says what it costs."""
    t = RangeType(0, 3)
    cell = Cell("x", (), t)
    huge = Binary("mul", Binary("mul", Read(cell), Const(1 << 40)), Const(1 << 40))
    value = Narrow(huge, 0, 3, "range")
    act = Action("a", (), TRUE, Block((Assign((Write(cell, (), value),)),)))
    system = System("huge", (), (cell,), (0,), EMPTY, (act,), ())
    result, _ = run(system, Budget())
    assert (result.engine, result.status) == ("interp", "exhausted")
    assert "interpreter" in result.notes[0]
    assert "64 bits" in result.notes[0]


def test_unchecked_index_is_a_fault_not_a_crash() -> None:
    """A system that breaks its own contract is found out when the code runs."""
    cell, other = Cell("x", (RangeType(0, 1),), RangeType(0, 3)), Cell("y", (), RangeType(0, 3))
    inc = Assign((Write(other, (), Narrow(Binary("add", Read(other), Const(1)), 0, 3, "range")),))
    put = Assign((Write(cell, (Read(other),), Const(1)),))
    act = Action("a", (), TRUE, Block((inc, put)))
    system = System("bad", (), (cell, other), (0, 0, 0), EMPTY, (act,), ())
    result, _ = run(system, Budget())
    assert result.status == "unknown"
    assert "outside its type" in result.reason


def test_waiting_for_a_compiler_keeps_to_the_budget(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without the quick tier the run waits for the system's compiler, but no longer than it may."""
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "cc"
    script.write_text("#!/bin/sh\nsleep 100\n")
    script.chmod(0o755)
    monkeypatch.setenv("CC", str(script))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    began = time.monotonic()
    result = ExplicitEngine(Tuning(tier="cc")).check(peterson(2), Goals(), Budget(seconds=0.3), Recorder())
    assert (result.status, result.reason) == ("unknown", "time")
    assert time.monotonic() - began < 2.3


def test_compiler_that_fails_leaves_the_quick_tier(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The answer comes all the same, and a note says what happened."""
    monkeypatch.setenv("CC", "false")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    engine = ExplicitEngine(Tuning(earn=0.0, slice=100))
    result = engine.check(german(3), Goals(), Budget(), Recorder())
    assert result.status == "exhausted"
    assert any("C compiler failed" in n for n in result.notes)
