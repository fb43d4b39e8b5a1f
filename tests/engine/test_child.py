"""The child process of an engine: its answer, and every way in which it can go wrong."""

from __future__ import annotations

import os
import signal
import time

import pytest
from engine.toy_systems import Fake, counter, deaf, killed, until_cancelled
from kspec.engine import child
from kspec.engine.control import ControlBlock
from kspec.engine.faults import EngineFault
from kspec.engine.protocol import Budget, Evidence, Goals, Progress, Result

SYSTEM = counter()


def run(act: object, budget: Budget | None = None, control: ControlBlock | None = None) -> Result:
    engine = Fake(act)  # type: ignore[arg-type]
    return child.run(engine, SYSTEM, Goals(), budget or Budget(), control or ControlBlock.private())


def test_an_answer_comes_back_whole() -> None:
    answer = Result("fake", "exhausted", evidence=Evidence(states=6, digest=1 << 127), seconds=0.25)
    assert run(lambda *_: answer) == answer


def test_the_engine_runs_in_another_process() -> None:
    assert run(lambda *_: Result("fake", "unknown", reason=str(os.getpid()))).reason != str(os.getpid())


def test_a_large_answer_comes_back_whole() -> None:
    notes = tuple(f"note {n} " + "x" * 1000 for n in range(3000))
    assert run(lambda *_: Result("fake", "exhausted", notes=notes)).notes == notes


def test_killed_from_outside() -> None:
    result = run(killed(signal.SIGKILL))
    assert result.status == "unknown"
    assert result.reason.startswith("engine died: signal 9")


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE])
def test_a_crash_is_a_fault_with_the_last_words(number: int) -> None:
    with pytest.raises(EngineFault, match=f"engine died: signal {int(number)}") as caught:
        run(killed(number))
    assert "last words" in caught.value.details


def test_leaving_without_an_answer_is_a_fault() -> None:
    with pytest.raises(EngineFault, match="exit status 3"):
        run(lambda *_: os._exit(3))


def test_an_exception_is_a_fault_with_its_traceback() -> None:
    with pytest.raises(EngineFault, match="ZeroDivisionError") as caught:
        run(lambda *_: 1 // 0)
    assert "Traceback" in caught.value.details


def test_an_answer_of_another_type_is_a_fault() -> None:
    with pytest.raises(EngineFault, match="no result"):
        run(lambda *_: "fine")


def test_no_memory_is_no_fault() -> None:
    def act(*_: object) -> Result:
        raise MemoryError

    assert run(act).reason == "memory ran out"


def test_the_time_budget_stops_an_engine_that_listens() -> None:
    started = time.monotonic()
    result = run(until_cancelled, Budget(seconds=0.3))
    assert time.monotonic() - started < 1.3
    assert result.status == "unknown" and "time budget of 0.3 s" in result.reason
    assert result.evidence is not None and result.evidence.states > 0


def test_the_time_budget_kills_an_engine_that_does_not() -> None:
    started = time.monotonic()
    result = run(deaf, Budget(seconds=0.3))
    assert 1.2 < time.monotonic() - started < 2.3
    assert result.status == "unknown" and "time budget" in result.reason
    assert result.notes == ("it had seen 41 states up to depth 7",)


def test_a_request_to_stop_is_passed_on() -> None:
    control = ControlBlock.private()
    control.cancel()
    started = time.monotonic()
    assert run(until_cancelled, control=control).reason == "interrupted"
    assert time.monotonic() - started < 1


def test_progress_is_passed_on() -> None:
    control = ControlBlock.private()
    run(until_cancelled, Budget(seconds=0.2), control)
    sample = control.latest()
    assert sample is not None and sample.engine == "fake" and sample.states > 1


def test_the_memory_budget_stops_the_engine() -> None:
    def eat(system: object, goals: object, budget: object, control: object) -> Result:
        held = []
        while True:
            held.append(bytearray(os.urandom(1 << 20)) * 8)
            time.sleep(0.001)

    started = time.monotonic()
    result = run(eat, Budget(memory=400 << 20))
    assert time.monotonic() - started < 10
    assert result.status == "unknown" and result.reason == "the memory budget of 400 MB ran out"


def test_a_grandchild_does_not_hold_up_the_answer() -> None:
    def act(*_: object) -> Result:
        if os.fork() == 0:
            time.sleep(30)
        return Result("fake", "exhausted")

    started = time.monotonic()
    assert run(act).status == "exhausted"
    assert time.monotonic() - started < 5


def test_a_control_block_keeps_samples_whole() -> None:
    block = ControlBlock.private()
    assert block.latest() is None
    sample = Progress("fake", 1, 2, 3, 4, 5, 6.5, "a note")
    block.report(sample)
    assert block.latest() == sample
    block.clear()
    assert block.latest() is None and not block.cancelled()
