"""Runs jobs in parallel worker processes, keeps their budgets, and survives their deaths.

The parent is single-threaded: it waits on the workers' pipes, looks at the control blocks for
progress, and enforces the last line of defence: a worker that has not answered 1.8 s after the time
budget of its check, or 0.9 s after a request to stop, is killed with everything below it.  One whose
engine says that it is writing a checkpoint has the time for that on top.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Protocol

from kspec.engine import frames, process, worker
from kspec.engine.child import to_finish
from kspec.engine.control import ControlBlock, descriptor
from kspec.engine.job import Job, Settings
from kspec.engine.outcome import CheckReport
from kspec.engine.protocol import Progress
from kspec.engine.worker import Worker

_TICK = 0.05
_LATE = 1.8
_STOP = 0.9
_MOST_DEATHS = 3


@dataclass(frozen=True)
class Sample:
    """Where a running job is: its index, how long it has been running, its latest progress if any."""

    index: int
    seconds: float
    progress: Progress | None


class Watcher(Protocol):
    """Whoever looks on."""

    def finished(self, index: int, report: CheckReport) -> None:
        """Job ``index`` has ended; jobs end in any order."""

    def tick(self, running: tuple[Sample, ...]) -> None:
        """Called about twenty times a second."""

    def stop_requested(self) -> bool:
        """True once the user wants to stop."""


@dataclass
class _Slot:
    """A worker and what it is doing: ``index`` is the job, ``ready`` says that it can take one.

    ``deaths`` counts workers of this slot that died without having been ready.
    """

    control: int
    block: ControlBlock
    worker: Worker
    reader: frames.Reader
    ready: bool = False
    index: int | None = None
    started: float = 0.0
    deaths: int = 0


def run_jobs(jobs: Sequence[Job], settings: Settings, parallel: int, watcher: Watcher) -> tuple[CheckReport, ...]:
    """The reports of all jobs, in their order.

    When the watcher requests a stop, running jobs give what they have within a second (and the time that
    a checkpoint takes) and the others are reported as not run.
    """
    reports: dict[int, CheckReport] = {}
    waiting = list(range(len(jobs)))
    stopped_at: float | None = None

    def finish(slot: _Slot, report: CheckReport) -> None:
        index, slot.index = slot.index, None
        assert index is not None
        slot.deaths = 0
        reports[index] = report
        watcher.finished(index, report)

    with _slots(min(parallel, len(jobs))) as slots:
        while len(reports) < len(jobs):
            now = time.monotonic()
            if stopped_at is None and watcher.stop_requested():
                stopped_at = now
                for slot in slots:
                    slot.block.cancel()
                for index in waiting:
                    reports[index] = _lost(jobs[index], "not run: interrupted", 0.0)
                    watcher.finished(index, reports[index])
                waiting.clear()
            for slot in slots:
                if slot.ready and slot.index is None and waiting:
                    _give(slot, waiting.pop(0), jobs, settings)
            for slot in _readable(slots):
                report = _listen(slot, jobs)
                if report is not None:
                    finish(slot, report)
            for slot in slots:
                reason = _overdue(slot, settings, stopped_at)
                if reason and slot.index is not None:
                    report = _lost(jobs[slot.index], reason, time.monotonic() - slot.started)
                    _replace(slot)
                    finish(slot, report)
            watcher.tick(tuple(_samples(slots)))
    return tuple(reports[i] for i in range(len(jobs)))


def _samples(slots: Sequence[_Slot]) -> Iterator[Sample]:
    for slot in slots:
        if slot.index is not None:
            yield Sample(slot.index, time.monotonic() - slot.started, slot.block.latest())


@contextmanager
def _slots(count: int) -> Iterator[tuple[_Slot, ...]]:
    slots: list[_Slot] = []
    try:
        for _ in range(count):
            fd = descriptor()
            started = worker.start(fd)
            slots.append(_Slot(fd, ControlBlock.opened(fd), started, frames.Reader(started.answers)))
        yield tuple(slots)
    finally:
        for slot in slots:
            _end(slot)
            os.close(slot.control)


def _give(slot: _Slot, index: int, jobs: Sequence[Job], settings: Settings) -> None:
    """Hands a job to a worker."""
    slot.index, slot.started = index, time.monotonic()
    slot.block.clear()
    with suppress(BrokenPipeError):  # a worker that just died is noticed when its answer is read
        frames.send(slot.worker.jobs, (jobs[index], settings))


def _readable(slots: Sequence[_Slot]) -> list[_Slot]:
    """The slots whose worker has something to say, after at most one tick."""
    by_fd = {s.reader.fd: s for s in slots}
    return [by_fd[fd] for fd in select.select(list(by_fd), [], [], _TICK)[0]]


def _listen(slot: _Slot, jobs: Sequence[Job]) -> CheckReport | None:
    """The report of a slot's job if it is complete; a worker that died gives one that says so."""
    if not slot.reader.feed():
        return _bury(slot, jobs)
    if not slot.reader.complete():
        return None
    match slot.reader.take():
        case CheckReport() as report:
            return report
        case worker.READY:
            slot.ready = True
            return None
        case other:
            raise TypeError(f"a worker answered with {type(other).__name__}")


def _bury(slot: _Slot, jobs: Sequence[Job]) -> CheckReport | None:
    """Replaces a worker that died; the report of the job that it was doing."""
    index, ready, words = slot.index, slot.ready, slot.worker.printed()
    code = _replace(slot)
    how = process.signal_text(-code) if code < 0 else f"exit status {code}"
    if index is not None:
        report = _lost(jobs[index], f"the check's process died: {how}", time.monotonic() - slot.started)
        if code in (-signal.SIGKILL, -signal.SIGTERM):
            return report
        return replace(report, outcome="fault", got=report.why[0], why=(), fault=f"{report.why[0]}\n\n{words}\n")
    slot.deaths += not ready
    if slot.deaths > _MOST_DEATHS:
        raise RuntimeError(f"worker processes die at their start ({how}): {words}")
    return None


def _overdue(slot: _Slot, settings: Settings, stopped_at: float | None) -> str:
    """Why a busy worker must be killed now; empty when it need not."""
    if slot.index is None:
        return ""
    now = time.monotonic()
    if stopped_at is not None and now > stopped_at + _STOP + to_finish(slot.block.latest()):
        return "interrupted"
    if settings.seconds is not None and now > slot.started + settings.seconds + _LATE:
        return f"the time budget of {settings.seconds:.3g} s ran out"
    return ""


def _replace(slot: _Slot) -> int:
    """Ends a slot's worker and starts another; how the old one ended."""
    code = _end(slot)
    slot.worker = worker.start(slot.control)
    slot.reader = frames.Reader(slot.worker.answers)
    slot.ready = False
    return code


def _end(slot: _Slot) -> int:
    """Makes sure that a slot's worker and all below it are gone; its exit code (negative: a signal)."""
    if slot.index is not None or not slot.ready:
        process.kill_tree(slot.worker.pid)
    slot.worker.close()
    return process.reap(slot.worker.pid)


def _lost(job: Job, reason: str, seconds: float) -> CheckReport:
    """The report of a job whose worker gave none."""
    return CheckReport(
        model=job.model.file,
        kind=job.kind,
        name=job.name,
        outcome="undecided",
        got=f"unknown ({reason})",
        expect=job.expect,
        why=(reason,),
        place=job.place,
        seconds=seconds,
    )
