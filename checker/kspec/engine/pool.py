"""Runs jobs in parallel worker processes, keeps their budgets, and survives their deaths.

The parent is single-threaded: it waits on the workers' pipes, looks at the control blocks for
progress, and enforces the last line of defence: a worker that has not answered 1.7 s after the time
budget of its check, or 0.9 s after a request to stop, is killed with everything below it.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from kspec.engine import frames, process, worker
from kspec.engine.control import ControlBlock, descriptor
from kspec.engine.job import Job, Settings
from kspec.engine.outcome import CheckReport
from kspec.engine.protocol import Progress

_TICK = 0.05
_LATE = 1.7
_STOP = 0.9


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
    """One worker and what it is doing; ``process`` is None before its first job and after a death."""

    control: int
    block: ControlBlock
    process: subprocess.Popen[bytes] | None = None
    reader: frames.Reader | None = None
    index: int | None = None
    started: float = 0.0
    spent: list[float] = field(default_factory=list)


def run_jobs(jobs: Sequence[Job], settings: Settings, parallel: int, watcher: Watcher) -> tuple[CheckReport, ...]:
    """The reports of all jobs, in their order.

    When the watcher requests a stop, running jobs give what they have within a second and the others
    are reported as not run.
    """
    reports: dict[int, CheckReport] = {}
    waiting = list(range(len(jobs)))
    stopped_at: float | None = None

    def finish(slot: _Slot, report: CheckReport) -> None:
        index, slot.index = slot.index, None
        assert index is not None
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
                if slot.index is None and waiting:
                    _give(slot, waiting.pop(0), jobs, settings)
            for slot in _ready(slots):
                report = _collect(slot, jobs)
                if report is not None:
                    finish(slot, report)
            for slot in slots:
                reason = _overdue(slot, settings, stopped_at)
                if reason and slot.index is not None:
                    _end(slot)
                    finish(slot, _lost(jobs[slot.index], reason, time.monotonic() - slot.started))
            watcher.tick(
                tuple(
                    Sample(s.index, time.monotonic() - s.started, s.block.latest())
                    for s in slots
                    if s.index is not None
                )
            )
    return tuple(reports[i] for i in range(len(jobs)))


@contextmanager
def _slots(count: int) -> Iterator[tuple[_Slot, ...]]:
    slots: list[_Slot] = []
    try:
        for _ in range(count):
            fd = descriptor()
            slots.append(_Slot(fd, ControlBlock.opened(fd)))
        yield tuple(slots)
    finally:
        for slot in slots:
            if slot.index is None and slot.process is not None and slot.process.stdin is not None:
                slot.process.stdin.close()  # an idle worker ends at the end of its input
            _end(slot)
            os.close(slot.control)


def _give(slot: _Slot, index: int, jobs: Sequence[Job], settings: Settings) -> None:
    """Hands a job to a worker, starting one if need be."""
    slot.index, slot.started = index, time.monotonic()
    slot.block.clear()
    if slot.process is None:
        slot.process = worker.start(slot.control)
        assert slot.process.stdout is not None
        slot.reader = frames.Reader(slot.process.stdout.fileno())
    assert slot.process.stdin is not None
    with suppress(BrokenPipeError):  # a worker that just died is noticed when its answer is read
        frames.send(slot.process.stdin.fileno(), (jobs[index], settings))


def _ready(slots: Sequence[_Slot]) -> list[_Slot]:
    """The busy slots that have something to say, after at most one tick."""
    by_fd = {s.reader.fd: s for s in slots if s.reader is not None and s.index is not None}
    readable = select.select(list(by_fd), [], [], _TICK)[0]
    return [by_fd[fd] for fd in readable]


def _collect(slot: _Slot, jobs: Sequence[Job]) -> CheckReport | None:
    """The report of a slot's job if it is complete; a worker that died gives one that says so."""
    assert slot.reader is not None and slot.process is not None and slot.index is not None
    if not slot.reader.feed():
        code = slot.process.wait()
        how = process.signal_text(-code) if code < 0 else f"exit status {code}"
        _end(slot)
        return _lost(jobs[slot.index], f"the check's process died: {how}", time.monotonic() - slot.started)
    if not slot.reader.complete():
        return None
    report = slot.reader.take()
    assert isinstance(report, CheckReport)
    return report


def _overdue(slot: _Slot, settings: Settings, stopped_at: float | None) -> str:
    """Why a busy worker must be killed now; empty when it need not."""
    if slot.index is None:
        return ""
    now = time.monotonic()
    if stopped_at is not None and now > stopped_at + _STOP:
        return "interrupted"
    if settings.seconds is not None and now > slot.started + settings.seconds + _LATE:
        return f"the time budget of {settings.seconds:g} s ran out"
    return ""


def _end(slot: _Slot) -> None:
    """Makes sure that a slot's worker is gone."""
    ended, slot.process, slot.reader = slot.process, None, None
    if ended is None:
        return
    if ended.poll() is None and slot.index is not None:
        process.kill_tree(ended.pid)
    try:
        ended.wait(timeout=1)
    except subprocess.TimeoutExpired:
        process.kill_tree(ended.pid)
        ended.wait()
    for stream in (ended.stdin, ended.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()


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
