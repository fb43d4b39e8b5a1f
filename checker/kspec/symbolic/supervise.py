"""Solver work in a process of its own.

SAT solvers cannot all be interrupted, and native code may crash or exhaust the memory.  The work runs in
a forked process that hands over what it has so far; when a budget runs out or a stop is asked for, it is
killed, and what it had is kept.
"""

from __future__ import annotations

import os
import select
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from kspec.engine import frames, process
from kspec.engine.protocol import Budget, Control, Progress

T = TypeVar("T")
TICK = 0.05
MEMORY_TICK = 0.25


class WorkError(Exception):
    """The work itself raised an exception: an internal fault; the message is its traceback."""


@dataclass(frozen=True)
class Ending(Generic[T]):
    """What work came to: its last value (None when it had none yet), and why it did not end by itself
    (empty when it did)."""

    value: T | None
    reason: str = ""


class Emit(Generic[T]):
    """The worker's side: hands over values and progress."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def value(self, value: T) -> None:
        """What is known so far; replaces what was handed over before."""
        frames.send(self._fd, ("value", value))

    def progress(self, progress: Progress) -> None:
        """A sample of the search."""
        frames.send(self._fd, ("progress", progress))


def supervise(work: Callable[[Emit[T]], T], budget: Budget, control: Control) -> Ending[T]:
    """Runs ``work`` within the budget's time and memory, until ``control`` says stop.

    Raises WorkError when it raised an exception.  Ends within 0.2 s of the end of the time.
    """
    started = time.monotonic()
    reading, writing = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _work(work, writing, parent)
    os.close(writing)
    try:
        return _watch(pid, reading, budget, control, started)
    finally:
        os.close(reading)
        process.kill_tree(pid)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _work(work: Callable[[Emit[T]], T], fd: int, parent: int) -> None:
    """The worker's whole life; never returns."""
    code = 1
    try:
        process.die_with_parent(parent)
        process.leave_signals_to_parent()
        process.deepen()
        try:
            message: tuple[str, object] = ("done", work(Emit(fd)))
        except MemoryError:
            message = ("stopped", "memory ran out")
        except BaseException:
            message = ("fault", traceback.format_exc())
        frames.send(fd, message)
        code = 0
    finally:
        os._exit(code)


def _watch(pid: int, fd: int, budget: Budget, control: Control, started: float) -> Ending[T]:
    reader = frames.Reader(fd)
    value: T | None = None
    checked = started
    while True:
        if select.select([fd], [], [], TICK)[0] and not reader.feed():
            return Ending(value, _died(pid))
        while reader.complete():
            match reader.take():
                case ("value", item):
                    value = item  # type: ignore[assignment]
                case ("progress", Progress() as sample):
                    control.report(sample)
                case ("done", item):
                    return Ending(item)  # type: ignore[arg-type]
                case ("stopped", str(reason)):
                    return Ending(value, reason)
                case fault:
                    raise WorkError(str(fault[1]) if isinstance(fault, tuple) else repr(fault))
        now = time.monotonic()
        if control.cancelled():
            return Ending(value, "interrupted")
        if budget.seconds is not None and now - started >= budget.seconds:
            return Ending(value, f"the time budget of {budget.seconds:g} s ran out")
        if budget.memory is not None and now - checked > MEMORY_TICK:
            checked = now
            if process.resident(pid) > budget.memory:
                return Ending(value, "the memory budget ran out")


def _died(pid: int) -> str:
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return f"the solver died: {process.signal_text(-code)}" if code < 0 else "the solver died"
