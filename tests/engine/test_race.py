"""Races between engines: who runs when, what ends a race, and what is left of the losers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from engine.toy_systems import Fake, counter, until_cancelled
from kspec.engine import plan
from kspec.engine.control import ControlBlock
from kspec.engine.faults import EngineFault
from kspec.engine.job import Settings
from kspec.engine.protocol import Budget, Control, Evidence, Finding, Goals, Result, Run, Step
from kspec.engine.race import Course, Entrant, Race, Standing
from kspec.engine.run import Answer, check_system
from kspec.interp.machine import Machine
from kspec.system.check import Expectation
from kspec.system.expr import Binary, Cell, Const, Quant, Read, Var
from kspec.system.model import Action, Property, System
from kspec.system.stmt import EMPTY, Assign, Block, Write
from kspec.types import RangeType

HOLDS = Expectation("holds")


def race(
    first: object,
    others: Sequence[object] = (),
    *,
    delay: float | None = 0.1,
    lanes: int = 1,
    budget: Budget | None = None,
    standing: Callable[[Sequence[Result]], Standing] | None = None,
) -> list[Result]:
    """The results of a race between what functions do; by default any answer is final."""

    def any_answer(results: Sequence[Result]) -> Standing:
        return "final" if any(r.status != "unknown" for r in results) else "open"

    budget = budget or Budget(seconds=20)
    runners = [Entrant(Fake(act, f"e{i}"), budget, i == 0) for i, act in enumerate([first, *others])]  # type: ignore
    control = ControlBlock.private()
    made = Race(counter(), Goals(), control, Course(delay, lanes), standing or any_answer)
    return list(made.run(runners[0], runners[1:]))


def answer(status: str = "exhausted", after: float = 0.0) -> Callable[..., Result]:
    def act(*_: object) -> Result:
        time.sleep(after)
        return Result("fake", status)  # type: ignore[arg-type]

    return act


def test_an_answer_before_the_delay_is_all_there_is(tmp_path: Path) -> None:
    def other(*_: object) -> Result:
        (tmp_path / "ran").touch()
        return Result("fake", "proved")

    assert [r.status for r in race(answer(), [other], delay=5)] == ["exhausted"]
    assert not (tmp_path / "ran").exists()


def test_the_answer_of_another_ends_the_first() -> None:
    started = time.monotonic()
    results = race(until_cancelled, [answer("proved")])
    assert time.monotonic() - started < 5
    assert [(r.status, r.reason) for r in results] == [("proved", ""), ("unknown", "fake had answered")]


def test_no_answer_leaves_the_field_to_the_others() -> None:
    results = race(answer("unknown"), [answer("unknown"), answer("proved", 0.2)], delay=None)
    assert [r.status for r in results] == ["unknown", "unknown", "proved"]


def test_the_budget_is_for_all_together() -> None:
    started = time.monotonic()
    results = race(until_cancelled, [until_cancelled], budget=Budget(seconds=1.0))
    assert time.monotonic() - started < 2.5
    assert all("time budget" in r.reason for r in results) and len(results) == 2


def test_what_crashes_is_a_fault_and_nothing_is_left_behind() -> None:
    before = set(os.listdir("/proc/self/task"))
    with pytest.raises(EngineFault):
        race(until_cancelled, [lambda *_: 1 // 0])
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert set(os.listdir("/proc/self/task")) == before


def _meter(folder: Path, name: str, seconds: float) -> Callable[..., Result]:
    """Counts the processor time that it gets, in a file."""

    def act(system: System, goals: Goals, budget: Budget, control: Control) -> Result:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not control.cancelled():
            pass
        (folder / name).write_text(str(time.process_time()))
        return Result("fake", "unknown")

    return act


def test_no_more_run_than_there_are_lanes(tmp_path: Path) -> None:
    """Three that want a processor all the time, with places for one and one: together they get two at most."""
    meters = [_meter(tmp_path, f"m{i}", 1.5) for i in range(3)]
    started = time.monotonic()
    race(meters[0], meters[1:], delay=0.0, lanes=1)
    wall = time.monotonic() - started
    spent = [float((tmp_path / f"m{i}").read_text()) for i in range(3)]
    assert spent[1] + spent[2] < wall + 0.3
    assert min(spent) > 0


def test_one_processor_is_shared_in_turns(tmp_path: Path) -> None:
    meters = [_meter(tmp_path, f"m{i}", 1.5) for i in range(3)]
    started = time.monotonic()
    race(meters[0], meters[1:], delay=0.0, lanes=0)
    wall = time.monotonic() - started
    assert sum(float((tmp_path / f"m{i}").read_text()) for i in range(3)) < wall + 0.3


def test_a_shorter_run_is_waited_for() -> None:
    def standing(results: Sequence[Result]) -> Standing:
        if any(r.status == "exhausted" for r in results):
            return "final"
        return "answered" if any(r.status == "stopped" for r in results) else "open"

    results = race(answer("exhausted", 1.0), [answer("stopped"), until_cancelled], standing=standing, lanes=2)
    assert [r.status for r in results] == ["stopped", "unknown", "exhausted"]
    results = race(until_cancelled, [answer("stopped")], standing=standing)
    assert "no shorter run was found in time" in results[-1].reason


def wide(cells: int, bad: int) -> System:
    """``cells`` counters from 0 to 7 that are raised one by one up to 5: 6 ** cells states; none is ``bad``."""
    t, index = RangeType(0, 7), RangeType(0, cells - 1)
    x = Cell("x[]", (index,), t)
    i = Var("i", index.lo, index.hi)
    here = Read(x, (i,))
    up = Assign((Write(x, (i,), Binary("add", here, Const(1))),))
    ok = Quant("forall", i, Binary("ne", here, Const(bad)))
    return System(
        "wide", (), (x,), (0,) * cells, EMPTY,
        (Action("up", ((i, index),), Binary("lt", here, Const(5)), Block((up,))),),
        (Property("ok", "invariant", ok),), deadlock=False,
    )  # fmt: skip


def check(system: System, **settings: object) -> Answer:
    chosen = Settings(**{"seconds": 60.0, "threads": 2, "partial": "off", **settings})  # type: ignore[arg-type]
    return check_system(Machine(system), HOLDS, chosen, ControlBlock.private())


def test_auto_proves_what_cannot_be_enumerated() -> None:
    done = check(wide(16, 7))
    assert done.judgement.outcome == "met"
    assert {v.strength for v in done.verdicts if v.property == "ok"} == {"proved"}
    assert [r.reason.endswith("had answered") for r in done.results if r.engine == "explicit"] == [True]


def test_auto_races_on_one_processor_too() -> None:
    assert check(wide(16, 7), threads=1).judgement.outcome == "met"


def test_little_memory_lets_engines_run_one_after_the_other() -> None:
    asked = plan._Question(wide(16, 7), HOLDS, Goals(), Settings(memory=600 << 20, seconds=10.0, threads=2),
                           ControlBlock.private(), time.monotonic())  # fmt: skip
    engine = Fake(answer())
    first, others, course = plan._course(asked, engine, [engine, engine])
    assert course.delay is None and first.budget.memory == 600 << 20
    assert sum(e.budget.memory or 0 for e in others) <= 600 << 20
    asked = plan._Question(wide(16, 7), HOLDS, Goals(), Settings(memory=8 << 30, threads=2),
                           ControlBlock.private(), time.monotonic())  # fmt: skip
    first, others, course = plan._course(asked, engine, [engine, engine])
    assert course.delay is not None and course.lanes + first.budget.threads == 2
    assert (first.budget.memory or 0) + sum(e.budget.memory or 0 for e in others) <= 8 << 30


def test_pinned_counts_are_for_engines_that_count() -> None:
    pinned = Expectation("holds", states=6)
    asked = plan._Question(counter(), pinned, Goals(), Settings(), ControlBlock.private(), time.monotonic())
    assert plan._others(asked) == []


def test_the_standing_of_a_violation_depends_on_what_is_known_of_shorter_runs() -> None:
    system = counter(bad=2)
    run = Run((0,), (Step("up", (), (1,)), Step("up", (), (2,))))
    asked = plan._Question(system, HOLDS, Goals(), Settings(), ControlBlock.private(), time.monotonic())
    long = Result("pdr", "stopped", findings=(Finding("small", run),), bound=0)
    assert asked.standing([long]) == "answered"
    assert asked.standing([long, Result("bmc", "unknown", bound=1)]) == "final"
    assert asked.standing([Result("explicit", "unknown", evidence=Evidence(states=2, depth=1)), long]) == "final"
    assert asked.standing([Result("bmc", "bounded", bound=9)]) == "open"
