"""Jobs in worker processes: answers, order, deaths, budgets, interruption."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field

from engine.toy_systems import ToyModel
from kspec.engine import process
from kspec.engine.job import Job, Settings
from kspec.engine.outcome import CheckReport
from kspec.engine.pool import Sample, run_jobs
from kspec.system.check import Case, Expectation

HOLDS = Expectation("holds")


@dataclass
class Onlooker:
    """A watcher that may ask for a stop, or do something once jobs are running."""

    stop_after: float | None = None
    at_first_sample: str = ""
    ended: list[int] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def finished(self, index: int, report: CheckReport) -> None:
        self.ended.append(index)

    def tick(self, running: tuple[Sample, ...]) -> None:
        self.samples.extend(running)
        if self.at_first_sample == "kill workers" and any(s.progress for s in running):
            self.at_first_sample = ""
            for pid in _children():
                os.kill(pid, signal.SIGKILL)

    def stop_requested(self) -> bool:
        return self.stop_after is not None and time.monotonic() > self.started + self.stop_after


def _children() -> tuple[int, ...]:
    everyone = process.descendants(os.getpid())
    return tuple(p for p in everyone if os.path.exists(f"/proc/{p}"))


def job(builder: str, expect: Expectation = HOLDS, **params: int) -> Job:
    case = Case(builder, "", tuple((k, str(v)) for k, v in params.items()), expect)
    return Job(ToyModel(builder), case)


def test_reports_are_in_the_order_of_the_jobs() -> None:
    jobs = [job("counter", top=n) for n in (200, 3, 5, 7)]
    reports = run_jobs(jobs, Settings(), 2, Onlooker())
    assert [r.evidence.states for r in reports if r.evidence] == [201, 4, 6, 8]
    assert {r.outcome for r in reports} == {"met"}
    assert reports[1].got == "exhausted, 4 states"


def test_a_violation_has_a_trace() -> None:
    (report,) = run_jobs([job("counter", top=5, bad=3)], Settings(), 1, Onlooker())
    assert report.outcome == "unmet" and report.got == "violated small in 3 steps"
    (saved,) = report.traces
    assert [s.action for s in saved.trace.steps] == ["up", "up", "up"]
    assert saved.trace.origin.shortest


def test_an_error_in_building_is_an_internal_fault_with_details() -> None:
    (report,) = run_jobs([job("nonsense")], Settings(), 1, Onlooker())
    assert report.outcome == "fault" and "KeyError" in report.fault


def test_the_time_budget_of_a_check() -> None:
    started = time.monotonic()
    (report,) = run_jobs([job("large")], Settings(seconds=1.0), 1, Onlooker())
    assert time.monotonic() - started < 3.0
    assert report.outcome == "undecided" and "time budget" in report.got


def test_a_worker_that_hangs_is_killed() -> None:
    started = time.monotonic()
    hanging, fine = run_jobs([job("hangs"), job("counter")], Settings(seconds=0.5), 1, Onlooker())
    assert time.monotonic() - started < 4
    assert hanging.outcome == "undecided" and "time budget" in hanging.got
    assert fine.outcome == "met"


def test_a_killed_worker_is_replaced() -> None:
    onlooker = Onlooker(at_first_sample="kill workers")
    killed, fine = run_jobs([job("large"), job("counter")], Settings(), 1, onlooker)
    assert killed.outcome == "undecided" and "signal 9" in killed.got
    assert fine.outcome == "met"


def test_a_stop_is_obeyed_within_a_second() -> None:
    started = time.monotonic()
    onlooker = Onlooker(stop_after=1.0)
    reports = run_jobs([job("large"), job("hangs"), job("counter")], Settings(), 2, onlooker)
    assert time.monotonic() - started < 2.2
    assert [r.outcome for r in reports] == ["undecided"] * 3
    assert "interrupted" in reports[0].got and reports[0].evidence is not None
    assert sorted(onlooker.ended) == [0, 1, 2]


def test_nothing_is_left_behind() -> None:
    run_jobs([job("large")], Settings(), 1, Onlooker(stop_after=0.6))
    time.sleep(0.1)
    assert _children() == ()


def test_progress_is_seen() -> None:
    onlooker = Onlooker(stop_after=1.5)
    run_jobs([job("large")], Settings(), 1, onlooker)
    assert max(s.progress.states for s in onlooker.samples if s.progress) > 100
