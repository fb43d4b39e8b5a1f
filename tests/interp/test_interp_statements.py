"""What each kind of statement means, seen from the outcomes of an action."""

import pytest
from interp.small import R4, TASK, at, block, body, cell, fit, op, put, var
from kspec.interp.evaluate import MalformedError
from kspec.interp.machine import Machine, Outcome
from kspec.system.expr import FALSE, TRUE, Const, Narrow, Read, Site
from kspec.system.model import System
from kspec.system.stmt import (
    Assert,
    Assign,
    Bind,
    Block,
    Choose,
    For,
    If,
    Require,
    Shown,
    Stmt,
    Write,
)
from kspec.types import EnumType, OptType, RangeType

X, Y = cell("x", R4), cell("y", R4)
A = cell("a", R4, RangeType(0, 2))
T = cell("t", R4, RangeType(0, 2), temp=True)


def outcomes(s: System, state: tuple[int, ...] | None = None) -> list[Outcome]:
    return list(Machine(s).steps(s.start if state is None else state))


def posts(*stmts: Stmt, cells: tuple = (X, Y, A), state: tuple[int, ...] = (0, 1, 1, 2, 3)) -> list:
    """The states after (or the names of what is violated), for every path of choices."""
    return [o.error.property if o.error else o.post for o in outcomes(body(*stmts, cells=cells, start=state))]


def test_statements_see_earlier_writes() -> None:
    assert posts(put(X, op(Y, "add", 1)), put(Y, op(X, "add", 1))) == [(2, 3, 1, 2, 3)]


def test_parallel_writes_see_the_state_before() -> None:
    swap = Assign((Write(X, (), Read(Y)), Write(Y, (), Read(X))))
    assert posts(swap) == [(1, 0, 1, 2, 3)]
    shift = Assign(tuple(Write(A, (Const(i),), at(A, (i + 1) % 3)) for i in range(3)))
    assert posts(shift) == [(0, 1, 2, 3, 1)]


def test_write_over_binders_is_one_parallel_assignment() -> None:
    i = var("i", RangeType(0, 2))
    mirror = put(A, at(A, op(2, "sub", i)), i, over=(i,))
    assert posts(mirror) == [(0, 1, 3, 2, 1)]


def test_errors_in_an_assignment_come_in_order() -> None:
    bad_index = Narrow(Const(5), 0, 2, "index")
    bad_value = Narrow(Const(5), 0, 3, "range")
    assert posts(put(A, bad_value, bad_index)) == ["error.index"]
    assert posts(Assign((Write(X, (), bad_value), Write(A, (bad_index,), Const(0))))) == ["error.range"]
    i = var("i", RangeType(0, 2))
    assert posts(put(A, Narrow(i, 0, 1, "none"), i, over=(i,))) == ["error.none"]


def test_a_value_outside_the_type_is_a_fault() -> None:
    with pytest.raises(MalformedError):
        posts(put(X, op(at(A, 0), "add", 9)))


def test_bind_is_evaluated_once() -> None:
    old = var("old", R4)
    assert posts(Bind(old, Read(X)), put(X, 3), put(Y, old)) == [(3, 0, 1, 2, 3)]


def test_if_and_chains_of_else_if() -> None:
    deep: Block = block(put(X, 3))
    for k in (2, 1, 0):
        deep = block(If(op(Y, "eq", k), block(put(X, k)), deep))
    assert [posts(deep, state=(0, y, 0, 0, 0))[0][0] for y in range(4)] == [0, 1, 2, 3]
    assert posts(If(TRUE, block(), block(put(X, 3)))) == [(0, 1, 1, 2, 3)]


def test_for_goes_up() -> None:
    i = var("i", RangeType(0, 2))
    digits = cell("digits", RangeType(0, 999))
    loop = For(i, block(put(digits, fit(op(op(digits, "mul", 10), "add", at(A, i)), digits.type))))
    assert posts(loop, cells=(digits, A), state=(0, 1, 2, 3)) == [(123, 1, 2, 3)]


def test_nested_blocks_have_their_own_scope() -> None:
    v = var("v", R4)
    inner = block(Bind(v, Const(3)), put(X, v))
    assert posts(Bind(v, Const(1)), inner, put(Y, v)) == [(3, 1, 1, 2, 3)]


def test_choices_come_in_order_and_each_gives_a_successor() -> None:
    c, d = var("c", R4), var("d", RangeType(0, 1))
    two = (Choose(c, op(c, "ge", 2), "disable"), Choose(d, TRUE, "disable"), put(X, c), put(Y, d))
    found = outcomes(body(*two, cells=(X, Y)))
    assert [o.post for o in found] == [(2, 0), (2, 1), (3, 0), (3, 1)]
    assert [o.choices for o in found] == [(2, 0), (2, 1), (3, 0), (3, 1)]


def test_equal_successors_of_different_choices_stay_apart() -> None:
    c = var("c", R4)
    assert posts(Choose(c, TRUE, "disable")) == [(0, 1, 1, 2, 3)] * 4


def test_a_choice_may_depend_on_earlier_ones_and_on_writes() -> None:
    c, d = var("c", R4), var("d", R4)
    more = op(d, "gt", op(X, "add", 1))
    stmts = (Choose(c, op(c, "lt", 3), "disable"), put(X, c), Choose(d, more, "disable"))
    found = outcomes(body(*stmts, cells=(X,)))
    assert [o.choices for o in found] == [(0, 2), (0, 3), (1, 3)]  # with c = 2 there is nothing left


def test_choose_in_a_loop() -> None:
    i, c = var("i", RangeType(0, 1)), var("c", RangeType(0, 1))
    loop = For(i, block(Choose(c, TRUE, "disable"), put(A, c, i)))
    assert posts(loop, cells=(A,), state=(3, 3, 3)) == [(0, 0, 3), (0, 1, 3), (1, 0, 3), (1, 1, 3)]


def test_nothing_to_choose_from() -> None:
    c = var("c", R4)
    assert posts(Choose(c, FALSE, "disable")) == []
    assert posts(Choose(c, FALSE, "error", Site(None, "c"))) == ["error.choose"]


def test_an_error_in_any_candidate_is_an_error() -> None:
    c = var("c", R4)
    assert posts(Choose(c, op(Narrow(c, 0, 2, "range"), "ge", 0), "disable")) == ["error.range"]


def test_one_path_may_fail_and_another_complete() -> None:
    c = var("c", R4)
    stmts = (Choose(c, TRUE, "disable"), Require(op(c, "ne", 1)), put(X, fit(op(c, "add", 1), R4)))
    assert posts(*stmts) == [(1, 1, 1, 2, 3), (3, 1, 1, 2, 3), "error.range"]


def test_require_disables_and_leaves_nothing_behind() -> None:
    assert posts(put(X, 3), Require(FALSE), put(Y, 3)) == []
    # It does not matter that an error would follow.
    assert posts(Require(FALSE), put(X, Narrow(Const(9), 0, 3, "range"))) == []


def test_assert_names_what_is_violated_and_shows_values() -> None:
    enum = cell("mode", EnumType("Mode", ("idle", "busy")))
    opt = cell("owner", OptType(TASK))
    message = ("mode ", Shown(Read(enum), enum.type), ", owner ", Shown(Read(opt), opt.type))
    stmt = Assert("sane", FALSE, message, Site(None, "false"))
    (o,) = outcomes(body(put(enum, 1), stmt, cells=(enum, opt)))
    assert o.error is not None
    assert o.error == ("sane", Site(), "mode busy, owner none")
    assert o.error.site.text == "false"
    assert o.post is None
    assert posts(Assert("sane", TRUE)) == [(0, 1, 1, 2, 3)]


def test_a_message_that_cannot_be_evaluated() -> None:
    bad = Shown(Narrow(Const(9), 0, 3, "range"), R4)
    (o,) = outcomes(body(Assert("sane", FALSE, ("x is ", bad)), cells=(X,)))
    assert o.error is not None
    assert o.error.message == "x is ?"


def test_temporaries_live_inside_one_step() -> None:
    i = var("i", RangeType(0, 2))
    stmts = (put(T, at(A, i), i, over=(i,)), put(A, 0, i, over=(i,)), put(X, at(T, 1)))
    s = body(*stmts, cells=(X, T, A), start=(0, 1, 2, 3))
    assert [o.post for o in outcomes(s)] == [(2, 0, 0, 0)]
    with pytest.raises(MalformedError):
        outcomes(body(put(X, at(T, 1)), cells=(X, T, A), start=(0, 1, 2, 3)))


def test_long_bodies_do_not_overflow_the_stack() -> None:
    chain: Block = block(put(X, 2))
    for _ in range(5000):
        chain = block(put(X, 1), chain)
    assert posts(chain) == [(2, 1, 1, 2, 3)]
