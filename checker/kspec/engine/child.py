"""Runs an engine in a child process of its own.

Native code or a solver that crashes, hangs or eats the memory takes nothing with it: the parent
watches the child's time and memory, asks it to stop through the control block, kills it one second
after a request that is not obeyed, and turns every ending into a ``Result``.

The child is forked without a new program image, so the transition system need not be copied.  That is
safe because the forking process is single-threaded and has loaded no native engine: engines load
theirs in the child.
"""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NoReturn

from kspec.engine import frames, process
from kspec.engine.control import ControlBlock
from kspec.engine.faults import EngineFault
from kspec.engine.protocol import Budget, Control, Engine, Goals, Progress, Result
from kspec.system.model import System

GRACE = 1.0
PATIENCE = 60.0
"""The most seconds that an interrupted engine gets to write a checkpoint."""
_TICK = 0.02
_MEMORY_TICK = 0.1
_OVERRUN = 1.25
INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class _Child:
    """A running child: its process, the reading end of its answer, what it prints, its control block."""

    pid: int
    answer: int
    output: int
    block: ControlBlock


@dataclass(frozen=True)
class _Ending:
    """How a child ended: its answer, if any, and why it was asked to stop (empty when it was not)."""

    answer: frames.Reader | None
    code: int
    asked: str
    killed: bool


def run(engine: Engine, system: System, goals: Goals, budget: Budget, control: Control) -> Result:
    """The answer of ``engine``, whatever happens to it.

    The engine gets the same budget; ``control`` receives its progress and may cancel it.  Returns
    within ``budget.seconds`` and 2 seconds.  A child that was killed from outside gives ``unknown``
    with the reason ``engine died: signal 9``.  Raises EngineFault when the engine raised an exception
    or crashed by its own doing (any other signal or exit status).
    """
    running = Running(engine, system, goals, budget, control)
    try:
        while not running.ended(_TICK):
            pass
        return running.result()
    finally:
        running.close()


class Running:
    """An engine at work in a child process.

    It is watched by calling :meth:`ended` often; then :meth:`result` has the answer.  :meth:`close` must be
    called in any case.
    """

    def __init__(self, engine: Engine, system: System, goals: Goals, budget: Budget, control: Control) -> None:
        """Starts it; the arguments are those of :func:`run`."""
        self.name = engine.name
        self._budget = budget
        self._control = control
        self._started = time.monotonic()
        self._child = _start(engine, system, goals, budget)
        self._reader = frames.Reader(self._child.answer)
        self._next_memory = self._started
        self._asked, self._asked_at, self._killed, self._paused = "", 0.0, False, False
        self._shown: Progress | None = None
        self._ending: _Ending | None = None

    @property
    def answer(self) -> int:
        """The descriptor that becomes readable when there is something to be looked at."""
        return self._child.answer

    def ended(self, patience: float = 0.0) -> bool:
        """Whether it has ended, after ``patience`` seconds at most; brings its end about when a budget runs
        out or the control says so."""
        if self._ending is not None:
            return True
        child = self._child
        readable = select.select([child.answer], [], [], patience)[0]
        if readable and (not self._reader.feed() or self._reader.complete()):
            code = process.reap(child.pid)
            complete = self._reader if self._reader.complete() else None
            self._ending = _Ending(complete, code, self._asked, self._killed)
            self._seconds = time.monotonic() - self._started
            return True
        now = time.monotonic()
        sample = child.block.latest()
        if sample is not None and sample != self._shown:
            self._shown = sample
            self._control.report(replace(sample, engine=self.name))
        memory = 0
        if self._budget.memory is not None and now >= self._next_memory:
            self._next_memory = now + _MEMORY_TICK
            memory = process.resident(child.pid)
        if not self._asked:
            reason = _reason_to_stop(self._budget, self._control, now - self._started, memory)
            if reason:
                self.stop(reason)
        too_much = self._budget.memory is not None and memory > self._budget.memory * _OVERRUN
        grace = GRACE + (to_finish(sample) if self._asked == INTERRUPTED else 0)
        if self._asked and not self._killed and (now > self._asked_at + grace or too_much):
            process.kill_tree(child.pid)
            self._killed = True
        return False

    def stop(self, reason: str) -> None:
        """Asks it to stop; ``reason`` is what its result will say unless it has an answer."""
        if not self._asked and self._ending is None:
            self._asked, self._asked_at = reason, time.monotonic()
            self._child.block.cancel()
            self.go_on()

    def pause(self) -> None:
        """Takes the processor away from it; one that was asked to stop goes on."""
        if not (self._paused or self._asked or self._ending):
            process.pause_tree(self._child.pid)
            self._paused = True

    def go_on(self) -> None:
        """Ends a pause."""
        if self._paused:
            process.resume_tree(self._child.pid)
            self._paused = False

    def result(self) -> Result:
        """The answer of an engine that has ended.  Raises EngineFault."""
        assert self._ending is not None
        return _result(self.name, self._ending, self._child, self._budget, self._seconds)

    def close(self) -> None:
        """Kills it if it has not ended, and gives its descriptors back."""
        if self._ending is None:
            process.kill_tree(self._child.pid)
            with suppress(ChildProcessError):
                os.waitpid(self._child.pid, 0)
        os.close(self._child.answer)
        os.close(self._child.output)


def _start(engine: Engine, system: System, goals: Goals, budget: Budget) -> _Child:
    block = ControlBlock.private()
    reading, writing = os.pipe()
    output = os.memfd_create("kspec-engine-output")
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _live(engine, system, goals, budget, block, writing, output, parent)
    os.close(writing)
    return _Child(pid, reading, output, block)


def _live(
    engine: Engine,
    system: System,
    goals: Goals,
    budget: Budget,
    block: ControlBlock,
    writing: int,
    output: int,
    parent: int,
) -> NoReturn:
    """The child's whole life."""
    code = 1
    try:
        process.die_with_parent(parent)
        process.leave_signals_to_parent()
        process.deepen()
        nothing = os.open(os.devnull, os.O_RDONLY)
        for fd, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(fd, target)
        faulthandler.enable(file=2)
        try:
            message: tuple[str, object] = ("result", engine.check(system, goals, budget, block))
        except MemoryError:
            message = ("result", Result(engine.name, "unknown", reason="memory ran out"))
        except BaseException as e:
            message = ("fault", (f"{type(e).__name__}: {e}", traceback.format_exc()))
        frames.send(writing, message)
        code = 0
    except BaseException:
        with suppress(BaseException):
            os.write(2, traceback.format_exc().encode())
    os._exit(code)


def to_finish(sample: Progress | None) -> float:
    """How much longer an interrupted engine may take because it ends in order, in seconds."""
    return min(sample.finishing, PATIENCE) if sample is not None else 0.0


def _reason_to_stop(budget: Budget, control: Control, seconds: float, memory: int) -> str:
    if control.cancelled():
        return INTERRUPTED
    if budget.seconds is not None and seconds >= budget.seconds:
        return f"the time budget of {budget.seconds:.3g} s ran out"
    if budget.memory is not None and memory > budget.memory:
        return f"the memory budget of {size_text(budget.memory)} ran out"
    return ""


def size_text(n: int) -> str:
    """A size in bytes for people: ``512 MB``, ``1.5 GB``."""
    return f"{n / (1 << 30):.1f} GB" if n >= 1 << 30 else f"{n / (1 << 20):.0f} MB"


def _result(name: str, ending: _Ending, child: _Child, budget: Budget, seconds: float) -> Result:
    if ending.answer is not None:
        try:
            message = ending.answer.take()
        except Exception as e:
            raise EngineFault(name, f"unreadable answer ({type(e).__name__})", _printed(child)) from e
        match message:
            case ("result", Result() as result):
                return _finished(result, ending, budget, seconds)
            case ("fault", (headline, details)):
                raise EngineFault(name, str(headline), f"{details}\n{_printed(child)}")
            case _:
                raise EngineFault(name, "its answer is no result", repr(message)[:2000])
    if ending.asked and ending.killed:
        return _unfinished(name, ending.asked, child, seconds)
    code = ending.code
    if code == -signal.SIGKILL:
        reason = f"engine died: {process.signal_text(signal.SIGKILL)}; the system may have run out of memory"
        return _unfinished(name, reason, child, seconds)
    if code == -signal.SIGTERM:
        return _unfinished(name, f"engine died: {process.signal_text(signal.SIGTERM)}", child, seconds)
    how = process.signal_text(-code) if code < 0 else f"exit status {code}"
    raise EngineFault(name, f"engine died: {how}", _printed(child))


def _finished(result: Result, ending: _Ending, budget: Budget, seconds: float) -> Result:
    """The engine's own answer, with the time and, where it stopped early without saying why, the reason."""
    if result.status == "unknown":
        result = replace(result, reason=ending.asked or _in_words(result.reason, budget))
    return replace(result, seconds=result.seconds or seconds)


def _in_words(reason: str, budget: Budget) -> str:
    """The short reasons that engines give, as sentences."""
    match reason:
        case "time" if budget.seconds is not None:
            return f"the time budget of {budget.seconds:.3g} s ran out"
        case "memory" if budget.memory is not None:
            return f"the memory budget of {size_text(budget.memory)} ran out"
        case "states":
            return f"the limit of {budget.states} states was reached"
        case _:
            return reason or "the engine does not say why"


def _unfinished(name: str, reason: str, child: _Child, seconds: float) -> Result:
    """What is known about a search that gave no answer: how far it said it was."""
    last = child.block.latest()
    notes = (f"it had seen {last.states} states up to depth {last.depth}",) if last and last.states else ()
    return Result(name, "unknown", reason=reason, seconds=seconds, notes=notes)


def _printed(child: _Child) -> str:
    """The end of what the child wrote to its standard output and error."""
    size = os.fstat(child.output).st_size
    tail = os.pread(child.output, 16_384, max(0, size - 16_384))
    return tail.decode(errors="replace")
