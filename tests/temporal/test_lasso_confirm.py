"""What is not a fair behaviour that violates the property is refused, for the right reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kspec.engine.protocol import Finding, Run, Step
from kspec.interp.confirm import confirm
from kspec.interp.machine import Machine
from kspec.interp.shorten import rolled, shortened
from temporal.small import system_of

TEXT = """
var x: 0..3;
weak fair action up() when x < 2 { x++; }
action back() when x == 1 { x = 0; }
action idle() when x == 0 { }
action end() when x == 2 { x = 3; }
terminal t: x == 3;
property p: eventually x == 2;
property q: always x < 3;
property i: always eventually x == 1;
"""


def step(action: str, post: int) -> Step:
    return Step(action, (), (post,))


def test_reasons(tmp_path: Path) -> None:
    system = system_of(tmp_path, TEXT)
    round_trip = (step("up", 1), step("back", 0))
    good = Run((0,), round_trip, 0)
    assert confirm(system, Finding("p", good)) is None
    wrong = {
        "is not fair": Finding("p", Run((0,), (step("idle", 0),), 0)),
        "satisfies i": Finding("i", good),
        "satisfies q": Finding("q", good),
        "does not end where it begins": Finding("p", Run((0,), (step("up", 1),), 0)),
        "something can happen": Finding("p", Run((0,), (step("up", 1),), 1)),
        "no repeating part": Finding("p", Run((0,), round_trip)),
        "is not enabled": Finding("p", Run((0,), (step("back", 0),), 0)),
        "start in an initial state": Finding("p", Run((1,), (step("back", 0), step("up", 1)), 0)),
    }
    for reason, finding in wrong.items():
        assert reason in (confirm(system, finding) or ""), reason
    for loop in (-1, 3):
        assert "no repeating part" in (confirm(system, Finding("p", replace(good, loop=loop))) or "")


def test_end_stays(tmp_path: Path) -> None:
    system = system_of(tmp_path, TEXT)
    end = Run((0,), (step("up", 1), step("up", 2), step("end", 3)), 3)
    assert confirm(system, Finding("q", end)) is None
    assert confirm(system, Finding("p", end)) is not None


def test_rolled() -> None:
    """A cycle that is there twice, or begins before it is said to, is the same behaviour."""
    a, b = step("up", 1), step("back", 0)
    for steps, loop in (((a, b, a, b), 0), ((a, b, a, b), 2), ((a, b, a), 1), ((a, b, a, b, a, b), 2)):
        assert rolled(Run((0,), steps, loop)) == Run((0,), (a, b), 0)
    other = Run((0,), (a, step("other", 0)), 0)
    assert rolled(other) == other


def test_same_step_from_another_state_is_not_rolled() -> None:
    run = Run((2,), (step("go", 0), step("up", 1), step("go", 0)), 1)
    assert rolled(run) == run


def test_detours_go(tmp_path: Path) -> None:
    system = system_of(tmp_path, TEXT)
    machine = Machine(system)
    a, b, idle = step("up", 1), step("back", 0), step("idle", 0)
    prop = system.property_named("p")
    assert prop is not None
    long = Run((0,), (idle, idle, a, b, idle, a, b, idle), 2)
    assert shortened(machine, prop, long, lambda: None).length == 2
