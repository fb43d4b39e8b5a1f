"""Jobs in worker processes: answers, order, deaths, budgets, interruption."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field

import pytest
from engine.toy_systems import ToyModel
from kspec.engine import frames, process, worker
from kspec.engine.control import descriptor
from kspec.engine.job import Job, Settings
from kspec.engine.outcome import CheckReport
from kspec.engine.pool import Sample, run_jobs
from kspec.system.check import Case, Expectation

HOLDS = Expectation("holds")


INTERP = Settings(engine="interp")


@dataclass
class Onlooker:
    """A watcher that may ask for a stop, or kill all workers, once enough jobs are running."""

    stop: bool = False
    kill: bool = False
    running: int = 1
    ended: list[int] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    stopped: float = 0.0

    def finished(self, index: int, report: CheckReport) -> None:
        self.ended.append(index)

    def tick(self, running: tuple[Sample, ...]) -> None:
        self.samples.extend(running)
        if len(running) < self.running or not any(s.progress and s.progress.states > 100 for s in running):
            return
        if self.kill:
            self.kill = False
            for pid in _children():
                os.kill(pid, signal.SIGKILL)
        if self.stop and not self.stopped:
            self.stopped = time.monotonic()

    def stop_requested(self) -> bool:
        return self.stopped > 0


def _children() -> tuple[int, ...]:
    everyone = process.descendants(os.getpid())
    return tuple(p for p in everyone if os.path.exists(f"/proc/{p}"))


def job(builder: str, expect: Expectation = HOLDS, **params: int) -> Job:
    case = Case(builder, "", tuple((k, str(v)) for k, v in params.items()), expect)
    return Job(ToyModel(builder), case)


def test_reports_are_in_the_order_of_the_jobs() -> None:
    jobs = [job("counter", top=n) for n in (200, 3, 5, 7)]
    reports = run_jobs(jobs, INTERP, 2, Onlooker())
    assert [r.evidence.states for r in reports if r.evidence] == [201, 4, 6, 8]
    assert {r.outcome for r in reports} == {"met"}
    assert reports[1].got == "exhausted, 4 states"


def test_a_violation_has_a_trace() -> None:
    (report,) = run_jobs([job("counter", top=5, bad=3)], INTERP, 1, Onlooker())
    assert report.outcome == "unmet" and report.got == "violated small in 3 steps"
    (saved,) = report.traces
    assert [s.action for s in saved.trace.steps] == ["up", "up", "up"]
    assert saved.trace.origin.shortest


def test_engines_are_compared() -> None:
    (report,) = run_jobs([job("counter", top=5)], Settings(engine="all", depth=None), 1, Onlooker())
    assert report.outcome == "met" and len(report.engines) > 1


def test_an_error_in_building_is_an_internal_fault_with_details() -> None:
    (report,) = run_jobs([job("nonsense")], INTERP, 1, Onlooker())
    assert report.outcome == "fault" and "KeyError" in report.fault


def test_the_time_budget_of_a_check() -> None:
    (report,) = run_jobs([job("large")], Settings("interp", seconds=1.0), 1, Onlooker())
    assert report.seconds < 3.0
    assert report.outcome == "undecided" and "time budget" in report.got


def test_a_worker_that_hangs_is_killed() -> None:
    hanging, fine = run_jobs([job("hangs"), job("counter")], Settings("interp", seconds=2), 1, Onlooker())
    assert hanging.seconds < 4.0
    assert hanging.outcome == "undecided" and "time budget" in hanging.got
    assert fine.outcome == "met"


def test_a_killed_worker_is_replaced() -> None:
    killed, fine = run_jobs([job("large"), job("counter")], INTERP, 1, Onlooker(kill=True))
    assert killed.outcome == "undecided" and "signal 9" in killed.got
    assert fine.outcome == "met"


def test_a_worker_that_crashes_is_a_fault() -> None:
    crashed, fine = run_jobs([job("crashes"), job("counter")], INTERP, 1, Onlooker())
    assert crashed.outcome == "fault" and "signal 6" in crashed.got
    assert fine.outcome == "met"


def test_a_stop_is_obeyed_within_a_second() -> None:
    onlooker = Onlooker(stop=True, running=2)
    reports = run_jobs([job("large"), job("hangs"), job("counter")], INTERP, 2, onlooker)
    assert time.monotonic() - onlooker.stopped < 2.0
    assert [r.outcome for r in reports] == ["undecided"] * 3
    assert "interrupted" in reports[0].got
    assert sorted(onlooker.ended) == [0, 1, 2]


def test_nothing_is_left_behind() -> None:
    run_jobs([job("large")], INTERP, 1, Onlooker(stop=True))
    time.sleep(0.1)
    assert _children() == ()


@pytest.mark.parametrize("afresh", [False, True])
def test_a_worker_ends_with_its_input(afresh: bool) -> None:
    control = descriptor()
    started = worker.start(control, afresh=afresh)
    reader = frames.Reader(started.answers)
    while not reader.complete():
        assert reader.feed(), started.printed()
    assert reader.take() == worker.READY
    frames.send(started.jobs, (job("counter", top=3), INTERP))
    while not reader.complete():
        assert reader.feed(), started.printed()
    report = reader.take()
    assert isinstance(report, CheckReport) and report.outcome == "met"
    started.close()
    assert process.reap(started.pid, 10) == 0
    os.close(control)
