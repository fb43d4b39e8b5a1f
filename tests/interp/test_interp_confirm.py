"""Re-execution: what is confirmed, what is refused and why, and completing runs."""

from dataclasses import replace

import pytest
from interp.random_systems import Features, random_system
from interp.small import R4, TASK, Patient, action, block, cell, fit, op, put, system, var
from kspec.engine.protocol import Budget, Finding, Goals, Run, Step
from kspec.interp.confirm import complete, confirm, violation
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.system.expr import TRUE, Read
from kspec.system.model import Property, System
from kspec.system.stmt import Choose
from kspec.types import RangeType

N = RangeType(0, 9)
X = cell("x", N)


def steps(*states: int, last: int | None = None) -> tuple[Step, ...]:
    return tuple(Step("up", (), (s,)) for s in states) + (() if last is None else (Step("up", (), None),))


def counter() -> System:
    """x goes up by one; from 3 it may also jump to 7; beyond 8 the limit cuts; 9 + 1 is an error."""
    p = var("p", TASK)
    up = action("up", TRUE, put(X, fit(op(X, "add", 1), N)))
    jump = action("jump", op(op(X, "eq", 3), "and", op(p, "eq", 1)), put(X, 7), params=(p,))
    props = (
        Property("low", "invariant", op(X, "lt", 2)),
        Property("two", "reachable", op(X, "eq", 2)),
        Property("never", "reachable", op(X, "eq", 9)),
        Property("slow", "step", op(X, "le", op(Read(X, (), old=True), "add", 1))),
    )
    return system((X,), up, jump, props=props, limits=(op(X, "le", 8),), deadlock=True)


@pytest.mark.parametrize(
    ("name", "run", "reason"),
    [
        ("low", Run((0,), steps(1, 2)), None),
        ("low", Run((0,), steps(1, 2, 3)), None),
        ("low", Run((0,), steps(1)), "the run is an execution, but does not show low at its end"),
        ("two", Run((0,), steps(1, 2)), None),
        ("two", Run((0,), steps(1)), "the run is an execution, but does not show two at its end"),
        ("slow", Run((0,), (*steps(1, 2, 3), Step("jump", (1,), (7,)))), None),
        ("slow", Run((0,), steps(1)), "the run is an execution, but does not show slow at its end"),
        ("low", Run((1,), steps(2)), "the run does not start in an initial state"),
        ("low", Run((0,), steps(2)), "step 1, up(), does not lead to that state"),
        ("low", Run((0,), (Step("jump", (1,), (7,)),)), "step 1, jump(Task#1), is not enabled"),
        ("low", Run((0,), (Step("fly", (1,), (7,)),)), "step 1, fly(1), is not enabled"),
        ("low", Run((0,), (Step("up", (), None), *steps(2))), "step 1, up(), has no state after it"),
        ("low", Run((0,), steps(1, 2, 3, 4, 5, 6, 7, 8, 9)), "step 9, up(), leads beyond a limit"),
        ("low", Run(None, steps(1)), "the run has steps but no initial state"),
        ("low", Run((0, 0), ()), "the run does not start in an initial state"),
        ("error.div", Run((0,), steps(1, last=2)), "the run is an execution, but does not show error.div at its end"),
        ("deadlock", Run((0,), steps(1)), "the run is an execution, but does not show deadlock at its end"),
        ("nothing", Run((0,), steps(1)), "the run is an execution, but does not show nothing at its end"),
        ("never", None, None),
        ("low", None, "low is said to be violated without a run"),
    ],
)  # fmt: skip
def test_confirm(name: str, run: Run | None, reason: str | None) -> None:
    assert confirm(counter(), Finding(name, run)) == reason


def test_confirm_errors() -> None:
    free = replace(counter(), limits=())
    good = Run((0,), steps(*range(1, 10), last=10))
    assert confirm(free, Finding("error.range", good)) is None
    found = violation(Machine(free), "error.range", good)
    assert found is not None
    assert found.message == "the value 10 is outside 0..9"
    assert confirm(free, Finding("error.div", good)) is not None
    beyond = Run((0,), (*steps(*range(1, 10)), Step("up", (), (10,))))
    assert confirm(free, Finding("low", beyond)) == "step 10, up(), raises error.range"


def test_confirm_errors_of_init() -> None:
    bad = replace(counter(), init=block(put(X, fit(op(X, "add", 10), N))))
    assert confirm(bad, Finding("error.range", Run(None))) is None
    assert confirm(bad, Finding("error.div", Run(None))) is not None
    assert confirm(counter(), Finding("error.range", Run(None))) is not None


def test_complete_fills_in_states() -> None:
    bare = tuple(Step("up", (), None) for _ in range(3))
    assert complete(counter(), Run(None, bare)) == Run((0,), steps(1, 2, 3))
    assert complete(counter(), Run((0,), bare), "low") == Run((0,), steps(1, 2, 3))
    assert complete(counter(), Run((1,), bare)) == "there is no such initial state"
    assert complete(counter(), Run(None, bare), "slow") == "no state at the end shows slow"
    wrong = (Step("up", (), None), Step("jump", (0,), None), Step("up", (), None))
    assert complete(counter(), Run(None, wrong)) == "step 2, jump(Task#0), cannot be taken in any state before it"


def test_complete_resolves_choices_by_what_must_hold_at_the_end() -> None:
    c, y = var("c", R4), cell("y", R4)
    pick = action("pick", TRUE, Choose(c, TRUE, "disable"), put(y, c))
    double = action("double", TRUE, put(y, fit(op(y, "mul", 3), R4)))
    props = (Property("p", "invariant", op(y, "ne", 3)), Property("s", "step", op(Read(y, (), old=True), "ne", 1)))
    s = system((y,), pick, double, props=props)
    bare = (Step("pick", (), None), Step("double", (), None))
    assert complete(s, Run(None, bare), "p") == Run((0,), (Step("pick", (), (1,)), Step("double", (), (3,))))
    assert complete(s, Run(None, bare), "s") == Run((0,), (Step("pick", (), (1,)), Step("double", (), (3,))))
    failing = complete(s, Run(None, bare), "error.range")
    assert failing == Run((0,), (Step("pick", (), (2,)), Step("double", (), None)))
    assert complete(s, Run(None, bare)) == Run((0,), (Step("pick", (), (0,)), Step("double", (), (0,))))
    two = complete(s, Run(None, (*bare, *bare)), "p")
    assert isinstance(two, Run)
    assert confirm(s, Finding("p", two)) is None


def test_complete_errors_of_init() -> None:
    bad = replace(counter(), init=block(put(X, fit(op(X, "add", 10), N))))
    assert complete(bad, Run(None), "error.range") == Run(None)
    assert complete(bad, Run(None), "low") == "there is no such initial state"


@pytest.mark.parametrize("seed", range(40))
def test_findings_survive_the_loss_of_their_states(seed: int) -> None:
    s = random_system(seed, Features(product=200))
    machine = Machine(s)
    result = InterpEngine().check(s, Goals(everything=True), Budget(), Patient())
    for f in (*result.findings, *result.witnesses):
        if f.run is None:
            continue
        bare = Run(None, tuple(Step(x.action, x.args, None) for x in f.run.steps))
        again = complete(machine, bare, f.property)
        assert isinstance(again, Run), again
        assert again.length == f.run.length
        assert confirm(machine, Finding(f.property, again)) is None


@pytest.mark.parametrize("seed", range(40))
def test_damaged_findings_are_refused(seed: int) -> None:
    """A run with one state replaced by one that the step does not lead to is not confirmed."""
    s = random_system(seed, Features(product=200))
    machine = Machine(s)
    result = InterpEngine().check(s, Goals(everything=True), Budget(), Patient())
    for f in result.findings:
        if f.run is None or f.run.initial is None:
            continue
        for i, step in enumerate(f.run.steps[:-1]):
            before = f.run.steps[i - 1].post if i else f.run.initial
            assert before is not None
            posts = {o.post for o in machine.fire(before, step.action, step.args)}
            wrong = next((x for x in _states(s) if x not in posts), None)
            if wrong is not None:
                damaged = (*f.run.steps[:i], replace(step, post=wrong), *f.run.steps[i + 1 :])
                assert confirm(machine, Finding(f.property, Run(f.run.initial, damaged))) is not None


def _states(s: System) -> list[tuple[int, ...]]:
    lows = tuple(c.type.lo for c in s.state_cells for _ in range(c.size))
    highs = tuple(c.type.hi for c in s.state_cells for _ in range(c.size))
    return [lows, highs]
