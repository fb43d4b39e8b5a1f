"""The breadth-first search: goals, budgets, evidence, and which run is shown."""

import time
from dataclasses import replace

import pytest
from interp.small import R4, Patient, action, block, cell, fit, op, put, system, var
from kspec.engine.protocol import Budget, Evidence, Goals, Result, Run
from kspec.interp.confirm import confirm
from kspec.interp.explore import InterpEngine
from kspec.system.expr import TRUE, Read
from kspec.system.model import Property, System
from kspec.system.packing import lanes, pack, slots
from kspec.system.stmt import Assert, Choose
from kspec.types import IdType, RangeType

N = RangeType(0, 9)
X = cell("x", N)


def check(s: System, goals: Goals | None = None, **budget: float) -> Result:
    control = Patient()
    return InterpEngine().check(s, goals or Goals(), Budget(**budget), control)  # type: ignore[arg-type]


def lengths(r: Result) -> dict[str, int | None]:
    return {f.property: f.run.length if f.run else None for f in r.findings}


def counter(*props: Property, top: int = 9, **more: object) -> System:
    """x goes up from 0 by one and stops at ``top``."""
    up = action("up", op(X, "lt", top), put(X, fit(op(X, "add", 1), N)))
    return system((X,), up, props=props, **more)  # type: ignore[arg-type]


def below(name: str, bound: int) -> Property:
    return Property(name, "invariant", op(X, "lt", bound))


def test_exhausted_evidence() -> None:
    r = check(counter(below("ok", 10)))
    digest = 0
    for k in range(10):
        digest ^= lanes(pack(slots(counter()), (k,)))
    assert r.status == "exhausted"
    assert r.evidence == Evidence(10, 9, 9, (("up", 9),), 0, digest)
    assert r.findings == ()


def test_never_taken_actions_are_counted_as_zero() -> None:
    s = counter()
    s = replace(s, actions=(*s.actions, action("never", op(X, "gt", 9)), action("stay", op(X, "eq", 0))))
    r = check(s)
    assert r.evidence is not None
    assert r.evidence.actions == (("up", 9), ("never", 0), ("stay", 1))


def test_limits_cut() -> None:
    r = check(counter(limits=(op(X, "le", 4),), deadlock=True))
    assert r.evidence is not None
    assert (r.evidence.states, r.evidence.transitions, r.evidence.cut, r.evidence.depth) == (5, 4, 1, 4)
    assert r.status == "exhausted"
    assert r.findings == ()


def test_no_initial_state() -> None:
    r = check(counter(limits=(op(X, "gt", 4),), deadlock=True))
    assert r.status == "exhausted"
    assert r.evidence == Evidence(actions=(("up", 0),))


def test_the_search_ends_after_the_level_of_the_first_violation() -> None:
    r = check(counter(below("three", 3), below("five", 5)))
    assert (r.status, lengths(r)) == ("stopped", {"three": 3})
    assert r.evidence is not None
    assert (r.evidence.states, r.evidence.transitions, r.evidence.depth) == (4, 3, 3)


def test_wanted_properties_must_all_fall() -> None:
    s = counter(below("three", 3), below("five", 5), below("seven", 7))
    assert lengths(check(s, Goals(frozenset({"five"})))) == {"three": 3, "five": 5}
    assert lengths(check(s, Goals(frozenset({"five", "three"})))) == {"three": 3, "five": 5}
    both = check(s, Goals(frozenset({"five", "nothing"})))
    assert (both.status, lengths(both)) == ("exhausted", {"three": 3, "five": 5, "seven": 7})
    assert check(s, Goals(everything=True)).status == "exhausted"


def test_failing_steps_and_false_invariants_have_equal_lengths() -> None:
    over = action("over", op(X, "eq", 2), Assert("never", op(X, "ne", 2)))
    flat = Property("flat", "step", op(X, "lt", 3))
    s = counter(below("three", 3), Property("never", "assert", TRUE), flat)
    r = check(replace(s, actions=(*s.actions, over)))
    assert lengths(r) == {"three": 3, "never": 3, "flat": 3}
    assert r.evidence is not None
    assert r.evidence.transitions == 3  # a failed step is no transition


def test_deadlock_ends_the_search_at_its_level() -> None:
    c = var("c", RangeType(0, 1))
    fork = action(
        "fork", op(X, "le", 3), Choose(c, TRUE, "disable"), put(X, fit(op(X, "add", op(c, "add", 1)), N))
    )
    on = action("on", op(X, "ge", 6), put(X, 9))
    s = system((X,), fork, on, props=(below("five", 5),), deadlock=True)
    # 4 has no way out; it is two steps away, as is nothing that violates `five`.
    r = check(s)
    assert (r.status, lengths(r)) == ("stopped", {"deadlock": 2})
    assert r.evidence is not None
    assert (r.evidence.states, r.evidence.depth, r.evidence.transitions) == (5, 2, 6)
    full = check(s, Goals(everything=True))
    assert lengths(full) == {"deadlock": 2, "five": 3}


def test_the_last_level_is_looked_at_for_deadlock() -> None:
    r = check(counter(below("three", 3), top=3, deadlock=True))
    assert lengths(r) == {"three": 3, "deadlock": 3}
    bounded = check(counter(top=3, deadlock=True), depth=3)
    assert (bounded.status, bounded.bound, lengths(bounded)) == ("bounded", 3, {"deadlock": 3})


def test_reachable() -> None:
    props = (Property("four", "reachable", op(X, "eq", 4)), Property("never", "reachable", op(X, "gt", 9)))
    r = check(counter(*props))
    assert lengths(r) == {"never": None}
    assert [(w.property, w.run.length) for w in r.witnesses if w.run] == [("four", 4)]
    early = check(counter(*props, below("two", 2)))
    assert early.status == "stopped"
    assert lengths(early) == {"two": 2}
    assert early.witnesses == ()


def test_errors_of_init() -> None:
    c = var("c", RangeType(0, 1))
    init = block(Choose(c, TRUE, "disable"), put(X, fit(op(op(c, "mul", 9), "add", c), N)))
    r = check(replace(counter(), init=init))
    assert [(f.property, f.run) for f in r.findings] == [("error.range", Run(None))]
    assert r.status == "stopped"
    assert r.evidence is not None
    assert r.evidence.states == 1


@pytest.mark.parametrize("depth", [0, 1, 4, 9])
def test_depth_budget(depth: int) -> None:
    r = check(counter(below("eight", 8), limits=(op(X, "le", 9),)), depth=depth)
    if depth == 9:
        assert lengths(r) == {"eight": 8}
        return
    assert (r.status, r.bound) == ("bounded", depth)
    assert r.evidence is not None
    assert (r.evidence.states, r.evidence.transitions, r.evidence.depth) == (depth + 1, depth, depth)


def test_a_depth_budget_that_is_not_reached_does_not_matter() -> None:
    assert check(counter(), depth=10).status == "exhausted"


def test_states_budget() -> None:
    r = check(counter(), states=4)
    assert (r.status, r.reason) == ("unknown", "states")
    assert r.evidence is not None
    assert (r.evidence.states, r.evidence.depth) == (4, 2)
    assert check(counter(), states=10).status == "exhausted"


def big(props: tuple[Property, ...] = ()) -> System:
    """Ten million states."""
    cells = tuple(cell(f"c{i}", N) for i in range(7))
    return system(
        cells,
        *(action(f"up{i}", op(c, "lt", 9), put(c, fit(op(c, "add", 1), N))) for i, c in enumerate(cells)),
        props=props,
    )


def test_time_budget_and_reports() -> None:
    control = Patient()
    started = time.monotonic()
    r = InterpEngine().check(big(), Goals(), Budget(seconds=0.8), control)
    assert time.monotonic() - started < 2.5
    assert (r.status, r.reason) == ("unknown", "time")
    assert r.evidence is not None
    assert r.evidence.states > 100
    assert 1 <= len(control.reports) <= 4
    assert control.reports[-1].states > 0
    assert control.reports[-1].engine == "interp"
    assert 0 < control.reports[-1].frontier < control.reports[-1].states


def test_cancel() -> None:
    r = InterpEngine().check(big(), Goals(), Budget(), Patient(cancel_after=3))
    assert (r.status, r.reason) == ("unknown", "interrupted")
    assert r.seconds < 2


def test_cancel_where_no_step_is_enabled() -> None:
    huge = var("huge", RangeType(0, 10**8))
    s = system((X,), action("go", op(huge, "lt", 0), params=(huge,)))
    r = InterpEngine().check(s, Goals(), Budget(), Patient(cancel_after=1))
    assert (r.status, r.reason, r.evidence) == ("unknown", "interrupted", None)


def test_memory_budget() -> None:
    r = check(big(), memory=1)
    assert (r.status, r.reason) == ("unknown", "memory")


def test_what_an_interrupted_search_found_is_reported_and_confirmed() -> None:
    c0 = cell("c0", N)
    s = big((Property("low", "invariant", op(c0, "lt", 3)),))
    r = InterpEngine().check(s, Goals(everything=True), Budget(seconds=0.6), Patient())
    assert r.status == "unknown"
    assert lengths(r) == {"low": 3}
    assert all(confirm(s, f) is None for f in r.findings)


P = IdType("P", 2, ordered=True)
A = cell("a", R4, P)


def two_actors(*props: Property) -> System:
    """Two processes count up independently."""
    p = var("p", P)
    up = action("up", op(Read(A, (p,)), "lt", 2), put(A, fit(op(Read(A, (p,)), "add", 1), R4), p),
                params=(p,), actor=0, process="proc")  # fmt: skip
    return system((A,), up, props=props)


def test_the_run_shown_has_the_fewest_switches() -> None:
    full = op(op(Read(A, (P_ZERO,)), "eq", 2), "and", op(Read(A, (P_ONE,)), "eq", 2))
    r = check(two_actors(Property("no", "invariant", op(full, "eq", 0))))
    (finding,) = r.findings
    assert finding.run is not None
    assert [s.args for s in finding.run.steps] == [(0,), (0,), (1,), (1,)]
    assert [s.post for s in finding.run.steps] == [(1, 0), (2, 0), (2, 1), (2, 2)]
    assert r.notes == ()


def test_a_switch_may_be_taken_early_to_save_one_later() -> None:
    """The last step must be of p1; ending (0, 0, 1, 1) has one switch, (0, 1, 0, 1) three."""
    late = op(Read(A, (P_ZERO,), old=True), "lt", 2)
    prop = Property("no", "step", op(op(Read(A, (P_ONE,)), "lt", 2), "or", late))
    r = check(two_actors(prop))
    (finding,) = r.findings
    assert finding.run is not None
    assert [s.args for s in finding.run.steps] == [(0,), (0,), (1,), (1,)]


P_ZERO, P_ONE = (op(0, "add", 0), op(0, "add", 1))
