"""Initial states, steps, limits, properties: what the machine says about a whole system."""

import pytest
from interp.small import R4, TASK, action, block, cell, fit, op, put, system, var
from kspec.interp.evaluate import EvalError
from kspec.interp.machine import Machine
from kspec.system.expr import FALSE, TRUE, Const, Narrow, Read, Site
from kspec.system.model import Property
from kspec.system.stmt import Choose, Require, Shown
from kspec.types import BOOL, OptType, RangeType

X, Y = cell("x", R4), cell("y", R4)
BAD = op(Narrow(Const(9), 0, 3, "range", Site(None, "bad")), "eq", 0)


def test_initial_states() -> None:
    c = var("c", R4)
    init = block(Choose(c, TRUE, "disable"), Require(op(c, "ne", 0)), put(Y, fit(op(c, "add", 1), R4)))
    m = Machine(system((X, Y), start=(2, 0), init=init, limits=(op(Y, "ne", 3),)))
    found = list(m.initial())
    assert [(o.post, o.cut) for o in found] == [((2, 2), False), ((2, 3), True), (None, False)]
    assert [o.choices for o in found] == [(1,), (2,), (3,)]
    assert found[2].error is not None
    assert found[2].error.property == "error.range"
    assert {o.action for o in found} == {""}


def test_steps_come_in_declaration_order_arguments_ascending() -> None:
    p, q = var("p", TASK), var("q", OptType(RangeType(5, 5)))
    m = Machine(system((X,), action("b", op(q, "gt", 4), params=(p, q)), action("a", TRUE)))
    found = [(o.action, o.args) for o in m.steps((0,))]
    assert found == [("b", (0, 5)), ("b", (1, 5)), ("a", ())]
    guard_free = Machine(system((X,), action("b", TRUE, params=(p, q))))
    assert [o.args for o in guard_free.steps((0,))] == [(0, 4), (0, 5), (1, 4), (1, 5)]


def test_fire_and_enabled() -> None:
    p = var("p", TASK)
    m = Machine(system((X,), action("go", op(p, "eq", X), put(X, 3), params=(p,))))
    assert [o.post for o in m.fire((1,), "go", (1,))] == [(3,)]
    assert m.enabled((1,), "go", (1,))
    for name, args in (("go", (0,)), ("go", (2,)), ("go", ()), ("nothing", ())):
        assert not m.enabled((1,), name, args)
        assert list(m.fire((1,), name, args)) == []


def test_an_error_in_a_guard_is_an_error_of_the_action() -> None:
    p = var("p", R4)
    guard = op(fit(op(p, "add", 1), R4, "p + 1"), "ge", 0)
    m = Machine(system((X,), action("go", guard, put(X, 1), params=(p,))))
    found = list(m.steps((0,)))
    assert [o.post for o in found] == [(1,), (1,), (1,), None]
    assert found[3].error == ("error.range", Site(), "the value 4 is outside 0..3")
    assert found[3].error.site.text == "p + 1"


def test_limits_cut_with_short_circuit_and_errors_do_not() -> None:
    p = var("p", R4)
    limits = (op(X, "lt", 3), op(op(X, "eq", 2), "implies", BAD), op(X, "ne", 1))
    m = Machine(system((X,), action("go", TRUE, put(X, p), params=(p,)), limits=limits))
    assert [o.post for o in m.steps((0,))] == [(0,), (1,), (2,), (3,)]
    assert [o.cut for o in m.steps((0,))] == [False, True, False, True]
    assert [v.property for v in m.state_violations((2,))] == ["error.range"]
    assert m.state_violations((0,)) == ()


def test_what_states_violate_and_reach() -> None:
    props = (
        Property("small", "invariant", op(X, "lt", 2), ("x is ", Shown(Read(X), R4))),
        Property("sane", "lemma", op(X, "ne", 3)),
        Property("two", "reachable", op(X, "eq", 2)),
        Property("three", "reachable", op(X, "eq", 3)),
        Property("up", "step", op(Read(X, (), old=True), "le", X)),
        Property("a", "assert", TRUE),
        Property("bad", "invariant", op(op(X, "eq", 1), "implies", BAD)),
        Property("worse", "reachable", op(op(X, "eq", 1), "and", BAD)),
    )
    m = Machine(system((X,), props=props))
    assert m.state_violations((0,)) == ()
    assert [v.property for v in m.state_violations((3,))] == ["small", "sane"]
    assert m.state_violations((3,))[0].message == "x is 3"
    assert [v.property for v in m.state_violations((1,))] == ["error.range", "error.range"]
    assert [m.reached((k,)) for k in range(4)] == [(), (), ("two",), ("three",)]
    assert [v.property for v in m.step_violations((2,), (1,))] == ["up"]
    assert m.step_violations((1,), (1,)) == ()


@pytest.mark.parametrize(
    ("terminal", "looked_for", "expected"),
    [
        ((), True, ["deadlock"]),
        ((), False, []),
        ((FALSE, TRUE), True, []),
        ((FALSE, FALSE), True, ["deadlock"]),
        ((TRUE, BAD), True, []),
        ((BAD, TRUE), True, ["error.range"]),
        ((BAD,), False, []),
    ],
)
def test_deadlock(terminal: tuple, looked_for: bool, expected: list) -> None:
    m = Machine(system((X,), action("go", FALSE), terminal=terminal, deadlock=looked_for))
    assert [v.property for v in m.violations((0,))] == expected


def test_cut_steps_and_errors_are_outcomes_so_no_deadlock() -> None:
    cut = system((X,), action("go", TRUE, put(X, 3)), limits=(op(X, "lt", 3),), deadlock=True)
    assert Machine(cut).violations((0,)) == ()
    failing = system((X,), action("go", BAD), deadlock=True)
    assert Machine(failing).violations((0,)) == ()


def test_value_and_holds() -> None:
    m = Machine(system((X, Y)))
    p = var("p", R4)
    assert m.value(op(op(X, "mul", 10), "add", p), (2, 0), env={"p": 3}) == 23
    assert m.value(op(op(X, "mul", 10), "add", p), (2, 0), env={"p": 1}) == 21
    assert m.holds(op(Read(X, (), old=True), "lt", X), (2, 0), old=(1, 0))
    with pytest.raises(EvalError) as caught:
        m.holds(BAD, (0, 0))
    assert (caught.value.kind, caught.value.site.text) == ("range", "bad")


def test_interleaved_iterators_do_not_disturb_each_other() -> None:
    p, c = var("p", TASK), var("c", R4)
    go = action("go", TRUE, Choose(c, op(c, "ge", p), "disable"), put(X, c), put(Y, p), params=(p,))
    m = Machine(system((X, Y), go))
    alone = list(m.steps((0, 0)))
    one, two = m.steps((0, 0)), m.steps((0, 0))
    mixed = []
    for o in one:
        mixed.append(o)
        next(two, None)
        list(m.steps((3, 1)))
    assert mixed == alone
    assert len(alone) == 4 + 3


def test_many_arguments_are_polled() -> None:
    big = var("big", RangeType(0, 5000))
    m = Machine(system((X,), action("go", FALSE, params=(big,))))

    class StopError(Exception):
        pass

    def stop() -> None:
        raise StopError

    with pytest.raises(StopError):
        list(m.steps((0,), stop))


def test_booleans_in_states_are_ints() -> None:
    flag = cell("flag", BOOL)
    m = Machine(system((flag, X), action("go", TRUE, put(flag, op(X, "lt", 3)))))
    (o,) = m.steps((0, 0))
    assert o.post is not None
    assert [type(v) for v in o.post] == [int, int]


def test_blocked_at() -> None:
    c = var("c", R4)
    more = Require(op(c, "gt", 1), Site(None, "c > 1"))
    go = action("go", op(X, "eq", 1), Choose(c, TRUE, "disable"), more, put(X, 0))
    m = Machine(system((X,), go))
    assert [s.text for s in m.blocked_at((1,), "go", ())] == ["c > 1", "c > 1"]
    assert m.blocked_at((0,), "go", ()) == ()
