"""Scenarios: what passes, what fails, and what people are told."""

from interp.small import R4, TASK, action, at, block, cell, fit, op, put, system, var
from kspec.engine.protocol import Run, Step
from kspec.interp.scenario import ScenarioResult, run_scenario
from kspec.system.check import Disabled, Do, Expect, Pick, Scenario, ScenarioStep
from kspec.system.expr import TRUE, Cell, Const, Let, Quant, Read, Site
from kspec.system.model import Action, Property, System
from kspec.system.stmt import Choose, Require
from kspec.types import BOOL, EnumType, OptType

OWNER = cell("owner", OptType(TASK))
COUNT = cell("count", R4, TASK)
P = var("p", TASK)
MINE = op(OWNER, "eq", P, "owner == p")


def lock(*props: Property, **more: object) -> System:
    """A lock with a counter for each task; initially free."""
    take = action("take", op(OWNER, "eq", -1, "owner == none"), put(OWNER, P), params=(P,))
    count = action("count", MINE, put(COUNT, fit(op(at(COUNT, P), "add", 1), R4, "count[p] + 1"), P), params=(P,))
    counted = Require(op(at(COUNT, P), "gt", 0), Site(None, "count[p] > 0"))
    drop = action("drop", MINE, counted, put(OWNER, -1), params=(P,))
    return system((OWNER, COUNT), take, count, drop, start=(-1, 0, 0), props=props, **more)  # type: ignore[arg-type]


def run(s: System, *steps: ScenarioStep) -> ScenarioResult:
    return run_scenario(s, Scenario("s", (), steps))


def do(name: str, *args: int | None, violates: str | None = None) -> Do:
    return Do((name,), args, violates, Site(None, f"do {name}"))


def owner(who: int) -> object:
    return op(OWNER, "eq", who, f"owner == Task#{who}")


def test_a_script_that_passes() -> None:
    steps = (do("take", 1), Disabled(("take",), (None,)), do("count", 1), do("drop", 1))
    assert run(lock(), *steps, do("take", 0), do("count", None), Expect(op(at(COUNT, Const(0)), "eq", 1))).ok


def test_a_step_that_is_disabled_says_why() -> None:
    r = run(lock(), do("take", 1), do("take", 0))
    assert not r.ok
    assert (r.step, r.site.text, r.why) == (1, "do take", "take(Task#0) cannot be taken")
    assert r.details == ("take(Task#0): `owner == none` is false (owner = Task#1)",)
    assert r.run == Run((-1, 0, 0), (Step("take", (1,), (1, 0, 0)),))


def test_reasons_are_counted_over_states_and_arguments() -> None:
    r = run(lock(), do("take", None), do("drop", None))
    assert r.why == "drop(_) cannot be taken"
    assert set(r.details) == {
        "drop(Task#0): `count[p] > 0` blocks it in 1 of 2 states",
        "drop(Task#0): `owner == p` is false in 1 of 2 states (owner = Task#1)",
        "drop(Task#1): `owner == p` is false in 1 of 2 states (owner = Task#0)",
        "drop(Task#1): `count[p] > 0` blocks it in 1 of 2 states",
    }


def test_steps_where_a_process_does_not_stand_are_no_reason() -> None:
    places = EnumType("t.pc", ("a", "b", "c"))
    pc = Cell("t[].pc", (TASK,), places, local_of="t")
    here = [op(at(pc, P), "eq", k) for k in range(3)]
    go = [
        Action(f"t.{n}", ((P, TASK),), op(here[k], "and", MINE), block(put(pc, (k + 1) % 3, P)), "t", 0)
        for k, n in enumerate("abc")
    ]
    s = system((pc, OWNER), *go, start=(0, 2, 1))
    r = run(s, Do(("t.a", "t.b", "t.c"), (0,)))
    assert (r.why, r.details) == ("t(Task#0) cannot be taken", ("t.a(Task#0): `owner == p` is false (owner = Task#1)",))
    r = run(s, Do(("t.a", "t.b"), (1,)))
    assert r.details == ("t(Task#1): it stands elsewhere (t[Task#1].pc = c)",)
    r = run(s, Do(("t.a",), (1,)))
    assert r.why == "t.a(Task#1) cannot be taken"
    assert r.details == ("t.a(Task#1): `t[p].pc == a` is false (t[Task#1].pc = c)",)


def test_values_below_lets_and_quantifiers() -> None:
    q, k = var("q", TASK), var("k", TASK)
    counted = Quant("forall", q, op(at(COUNT, q), "gt", 0))
    r = run(lock(), Expect(Let(k, Const(1), op(op(at(COUNT, k), "gt", 0), "or", counted))))
    assert r.details == ("count[Task#1] = 0, count[Task#0] = 0",)


def test_disabled_that_is_enabled() -> None:
    r = run(lock(), do("take", None), Disabled(("drop", "count"), (1,)))
    assert (r.step, r.why) == (1, "count(Task#1) can be taken in 1 of 2 states")
    assert r.run == Run((-1, 0, 0), (Step("take", (1,), (1, 0, 0)),))
    assert run(lock(), do("take", 1), Disabled(("count",), (1,))).why == "count(Task#1) can be taken"


def test_expect_holds_in_every_state() -> None:
    r = run(lock(), do("take", None), Expect(owner(1)))  # type: ignore[arg-type]
    assert (r.step, r.why) == (1, "expected `owner == Task#1`, but it is false in 1 of 2 states")
    assert r.details == ("owner = Task#0",)
    assert r.run is not None
    assert r.run.last == (0, 0, 0)


def test_pick_narrows_the_set() -> None:
    assert run(lock(), do("take", None), Pick(owner(1)), Expect(owner(1)), do("count", 1)).ok  # type: ignore[arg-type]
    r = run(lock(), do("take", 1), Pick(owner(0)))  # type: ignore[arg-type]
    assert r.why == "picked `owner == Task#0`, but it is false"
    assert r.details == ("owner = Task#1",)


def test_a_condition_without_source_text_is_shown_in_canonical_form() -> None:
    r = run(lock(), Expect(op(at(COUNT, Const(1)), "gt", 2)))
    assert r.why == "expected `count[Task#1] > 2`, but it is false"
    assert r.details == ("count[Task#1] = 0",)


def test_an_error_in_a_condition() -> None:
    r = run(lock(), Expect(op(fit(op(at(COUNT, Const(1)), "sub", 1), R4), "eq", 0)))
    assert r.why == "the condition raises error.range: the value -1 is outside 0..3"


def test_errors_in_every_successor_fail_the_step() -> None:
    r = run(lock(), do("take", 0), *(do("count", 0) for _ in range(4)))
    assert (r.step, r.why) == (4, "count(Task#0) violates error.range: the value 4 is outside 0..3")
    assert r.run is not None
    assert r.run.steps[-1] == Step("count", (0,), None)


def test_declared_violations() -> None:
    low = Property("low", "invariant", op(at(COUNT, Const(0)), "lt", 1))
    up = Property("still", "step", op(at(COUNT, Const(0)), "eq", Read(COUNT, (Const(0),), True)))
    counts = [do("count", 0) for _ in range(3)]
    assert run(lock(), do("take", 0), *counts, do("count", 0, violates="error.range")).ok
    assert run(lock(low), do("take", 0), do("count", 0, violates="low")).ok
    assert run(lock(up), do("take", 0), do("count", 0, violates="still")).ok
    r = run(lock(low), do("take", 0), do("count", 0, violates="still"))
    assert r.why == "count(Task#0) does not violate still; it violates low"
    r = run(lock(low), do("take", 0, violates="low"), do("count", 0))
    assert r.why == "take(Task#0) does not violate low"
    r = run(lock(low), do("take", 0), do("count", 0, violates="low"), do("drop", 0))
    assert r.why == "nothing can follow a step that violates a property"


def test_undeclared_violations_fail() -> None:
    low = Property("low", "invariant", op(at(COUNT, Const(0)), "lt", 1), ("count of 0 is too high",))
    r = run(lock(low), do("take", 0), do("count", 0))
    assert (r.step, r.why) == (1, "count(Task#0) violates low: count of 0 is too high")
    # One of the two tasks may count without harm: the script goes on.
    assert run(lock(low), do("take", None), do("count", None)).ok


def test_a_violation_of_deadlock() -> None:
    s = lock(deadlock=True)
    stop = action("stop", TRUE, put(OWNER, 1), params=())
    stuck = system(s.cells, stop, start=s.start, deadlock=True)
    assert not run(stuck, do("stop", violates="deadlock")).ok
    once = action("stop", op(OWNER, "eq", -1), put(OWNER, 1))
    assert run(system(s.cells, once, start=s.start, deadlock=True), do("stop", violates="deadlock")).ok


def test_steps_beyond_the_limits() -> None:
    r = run(lock(limits=(op(OWNER, "ne", 1),)), do("take", 1))
    assert r.why == "take(Task#1) leads beyond the limits"


def test_alternatives_and_choices() -> None:
    flag, c = cell("flag", BOOL), var("c", BOOL)
    flip = action("flip", op(flag, "eq", 0), Choose(c, TRUE, "disable"), put(flag, c))
    stay = action("stay", op(flag, "eq", 1))
    s = system((flag,), flip, stay)
    assert run(s, do("flip"), Do(("flip", "stay"), ()), Pick(op(flag, "eq", 0)), do("flip")).ok
    r = run(s, Do(("stay", "flop"), ()))
    assert r.why == "stay() cannot be taken"


def test_initial_states_that_are_wrong() -> None:
    bad = system((OWNER,), init=block(put(OWNER, fit(op(OWNER, "add", 9), TASK))), start=(-1,))
    assert run(bad).why == "the init block violates error.range: the value 8 is outside 0..1"
    none = system((OWNER,), init=block(Require(op(OWNER, "eq", 0))), start=(-1,))
    assert run(none).why == "there is no initial state"
    false = system((OWNER,), props=(Property("set", "invariant", op(OWNER, "ne", -1)),), start=(-1,))
    r = run(false)
    assert (r.ok, r.step, r.why) == (False, None, "every initial state violates set")
