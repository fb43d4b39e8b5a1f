"""The reason of a violation: the deciding condition, its values, the steps that set them."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from kspec.engine.protocol import Run, Step
from kspec.interp.machine import Machine
from kspec.lang.source import Span
from kspec.system.expr import (
    FALSE,
    TRUE,
    Binary,
    Cell,
    Const,
    Expr,
    Ite,
    Let,
    Narrow,
    Quant,
    Read,
    Site,
    Unary,
    Var,
)
from kspec.system.model import Action, Property, System
from kspec.system.stmt import EMPTY, Assign, Block, Choose, Require, Write
from kspec.trace.build import trace_of
from kspec.trace.explain import explain
from kspec.trace.model import Cause, Observed, Why
from kspec.types import BOOL, EnumType, IdType, RangeType
from trace_systems import find, locks, op, put, refs

ST = EnumType("St", ("idle", "busy"))
N = RangeType(0, 3)
A, B = Cell("a", (), BOOL), Cell("b", (), BOOL)
X, S = Cell("x", (), N), Cell("s", (), ST)
V = Cell("v[]", (IdType("E", 3),), N)
E = Var("e'1", 0, 2, IdType("E", 3))


def system(invariant: Expr, start: tuple[int, ...], body: Block = EMPTY) -> System:
    """Cells a, b, x, s, v[0..2] and one property."""
    step = Action("go", (), TRUE, body)
    return System("t", (), (A, B, X, S, V), start, EMPTY, (step,), (Property("p", "invariant", invariant),))


def cause(invariant: Expr, *start: int) -> Cause:
    """Why the invariant is false in the initial state (a, b, x, s, v...)."""
    why = explain(Machine(system(invariant, start)), Run(start), "p")
    assert len(why.causes) == 1
    return why.causes[0]


ZERO = (0, 0, 0, 0, 0, 0, 0)


def site(text: str) -> Site:
    return Site(Span("f", 1, 1, 1, 2), text)


@pytest.mark.parametrize(
    ("invariant", "start", "text", "truth", "given"),
    [
        (Read(A), ZERO, "a", False, ()),
        (Unary("not", Read(A)), (1, 0, 0, 0, 0, 0, 0), "a", True, ()),
        (op("and", Read(A), Read(B)), (1, 0, 0, 0, 0, 0, 0), "b", False, ()),
        (op("and", Read(A), Read(B)), ZERO, "a", False, ()),
        (op("or", Read(A), Read(B)), ZERO, "a || b", False, ()),
        (op("implies", Read(A), Read(B)), (1, 0, 0, 0, 0, 0, 0), "b", False, ("a",)),
        (op("implies", Read(A), FALSE), (1, 0, 0, 0, 0, 0, 0), "a", True, ()),
        (Unary("not", op("or", Read(A), Read(B))), (0, 1, 0, 0, 0, 0, 0), "b", True, ()),
        (Unary("not", op("and", Read(A), Read(B))), (1, 1, 0, 0, 0, 0, 0), "a && b", True, ()),
        (Unary("not", op("implies", Read(A), Read(B))), (0, 0, 0, 0, 0, 0, 0), "a", False, ()),
        (Unary("not", op("implies", Read(A), Read(B))), (1, 1, 0, 0, 0, 0, 0), "b", True, ()),
        (Ite(Read(A), Read(B), TRUE), (1, 0, 0, 0, 0, 0, 0), "b", False, ("a",)),
        (Ite(Read(A), TRUE, Read(B)), ZERO, "b", False, ("!(a)",)),
        (Ite(Read(A), TRUE, FALSE), ZERO, "a", False, ()),
        (op("eq", Read(S), Const(1)), ZERO, "s == busy", False, ()),
        (op("eq", Read(S), Const(1), site("s is busy")), ZERO, "s is busy", False, ()),
        (Narrow(Read(A), 0, 1, "range"), ZERO, "a", False, ()),
        (FALSE, ZERO, "false", False, ()),
        (Quant("exists", E, op("gt", Read(V, (E,)), Const(1))), ZERO, "exists e in E: v[e] > 1", False, ()),
    ],
)
def test_the_innermost_part_that_decides(
    invariant: Expr, start: tuple[int, ...], text: str, truth: bool, given: tuple[str, ...]
) -> None:
    c = cause(invariant, *start)
    assert (c.text, c.truth, c.given) == (text, truth, given)


def test_the_binding_that_falsifies() -> None:
    small = op("lt", Read(V, (E,)), Const(3))
    c = cause(Quant("forall", E, op("implies", op("eq", Read(X), Const(1)), small)), 0, 0, 1, 0, 2, 3, 3)
    assert c.text == "v[e] < 3"
    assert c.bindings == (("e", "E#1"),)
    assert c.given == ("x == 1",)
    assert [(r.element, r.value) for r in c.reads] == [("v[E#1]", "3"), ("x", "1")]


def test_a_witness_below_a_negation() -> None:
    c = cause(Unary("not", Quant("exists", E, op("eq", Read(V, (E,)), Const(2)))), 0, 0, 0, 0, 1, 2, 2)
    assert (c.text, c.truth, c.bindings) == ("v[e] == 2", True, (("e", "E#1"),))


def test_a_let_is_a_binding_where_it_is_used() -> None:
    n = Var("n'4", 0, 9)
    body = op("and", op("lt", n, Const(9)), op("eq", Read(X), n))
    c = cause(Let(n, op("add", Read(X), Const(2)), body), *ZERO)
    assert (c.text, c.bindings) == ("x == n", (("n", "2"),))
    hidden = Var("", 0, 9)
    assert cause(Let(hidden, Const(2), op("eq", Read(X), hidden)), *ZERO).bindings == ()


def test_sides_of_a_comparison() -> None:
    total = op("add", Read(X), op("mul", Read(X), Const(2)), site("x + 2 * x"))
    assert cause(op("eq", total, Const(4)), 0, 0, 1, 0, 0, 0, 0).operands == (("x + 2 * x", "3"),)
    chosen = Ite(Read(A), Read(S), Const(0))
    assert cause(op("ne", chosen, Const(0)), *ZERO).operands == (("a ? s : 0", "idle"),)
    assert cause(op("eq", Read(X), Const(4)), *ZERO).operands == ()
    # What looks like a condition may be a number, and the text of an inlined function is not what stands there.
    sign = Ite(op("lt", Read(X), Const(1)), Const(-1), op("gt", Read(X), Const(1)), site("a < b ? -1 : a > b"))
    assert cause(op("gt", sign, Const(0), site("cmp(x, 1) > 0")), 0, 0, 1, 0, 0, 0, 0).operands == (("left side", "0"),)


def test_many_reads_are_counted() -> None:
    wide = Cell("w[]", (RangeType(0, 19),), BOOL)
    i = Var("i", 0, 19)
    big = System(
        "big", (), (wide,), (0,) * 20, EMPTY, (), (Property("p", "invariant", Quant("exists", i, Read(wide, (i,)))),)
    )
    (c,) = explain(Machine(big), Run((0,) * 20), "p").causes
    assert (len(c.reads), c.more_reads) == (8, 12)


def test_an_error_while_a_property_is_evaluated() -> None:
    risky = Narrow(op("sub", Read(X), Const(1)), 0, 3, "range", site("x - 1"))
    broken = system(op("eq", risky, Const(0)), ZERO)
    (c,) = explain(Machine(broken), Run(ZERO), "error.range").causes
    assert (c.text, c.truth, [(r.element, r.value) for r in c.reads]) == ("x - 1", None, [("x", "0")])


def test_nothing_is_said_of_what_holds() -> None:
    assert explain(Machine(system(TRUE, ZERO)), Run(ZERO), "p") == Why()
    assert explain(Machine(system(TRUE, ZERO)), Run(ZERO), "unknown") == Why()
    assert explain(Machine(system(TRUE, ZERO)), Run(ZERO), "error.div") == Why()


def test_deep_expressions_do_no_harm() -> None:
    deep: Expr = Read(A)
    for _ in range(2 * sys.getrecursionlimit()):
        deep = Unary("not", deep)
    cells = system(TRUE, ZERO)
    machine = Machine(cells)
    object.__setattr__(machine, "system", replace(cells, properties=(Property("p", "invariant", deep),)))
    assert explain(machine, Run(ZERO), "p") == Why()


def test_the_step_that_set_a_value_is_the_last_that_changed_it() -> None:
    s = refs()
    run = find(s, "queued_live").run
    assert run is not None
    (c,) = explain(Machine(s), run, "queued_live").causes
    assert c.text == "ev[e].refs > 0"
    assert c.given == ("e in queue",)
    assert c.place == Span("models/refs.kspec", 31, 57, 31, 71)
    assert c.reads == (Observed("ev[Event#0].refs", "0", 3), Observed("Event#0 in queue", "true", 2))


def test_a_step_property_has_both_values() -> None:
    s = refs()
    (c,) = trace_of(s, find(s, "refs_up")).why.causes
    assert (c.text, c.truth) == ("ev[e].refs < old(ev[e].refs)", True)
    assert c.reads == (Observed("ev[Event#0].refs", "0", 2, old="1"),)


def test_an_assertion_sees_the_middle_of_the_step() -> None:
    s = refs()
    (c,) = trace_of(s, find(s, "put_live")).why.causes
    assert (c.text, c.truth) == ("ev[e].state != freed", False)
    assert c.bindings == (("e", "Event#0"),)
    assert c.reads == (Observed("ev[Event#0].state", "freed", 2),)


def test_an_error_after_a_write_sees_the_write() -> None:
    """x = x + 2 twice in one step: the second leaves 0..3."""
    more = Narrow(op("add", Read(X), Const(2)), 0, 3, "range", site("x + 2"))
    again = Assign((Write(X, (), more),))
    s = system(TRUE, ZERO, Block((again, again)))
    trace = trace_of(s, find(s, "error.range"))
    (c,) = trace.why.causes
    assert (c.text, c.truth) == ("x + 2", None)
    assert c.reads == (Observed("x", "2", 1),)
    assert trace.failure is not None
    assert (trace.failure.kind, trace.failure.text) == ("error.range", "x + 2")


def test_an_error_in_a_temporary_is_explained_through_it() -> None:
    tmp = Cell("tmp", (), N, temp=True)
    div = Binary("div", Const(3), Read(tmp), site("3 / t"))
    s = system(TRUE, ZERO, Block((put(tmp, (), Read(X)), put(X, (), Narrow(div, 0, 3, "range")))))
    s = replace(s, cells=(*s.cells, tmp))
    (c,) = trace_of(s, find(s, "error.div")).why.causes
    assert (c.text, c.truth, c.reads) == ("3 / t", None, ())


def test_an_empty_choice_says_what_was_looked_for() -> None:
    c = Var("c", 0, 2, IdType("E", 3))
    pick = Choose(c, op("gt", Read(V, (c,)), Const(0), site("v[c] > 0")), "error", site("choose c"))
    s = system(TRUE, ZERO, Block((pick,)))
    (found,) = trace_of(s, find(s, "error.choose")).why.causes
    assert (found.text, found.truth) == ("exists c in E: v[c] > 0", False)
    assert [r.element for r in found.reads] == ["v[E#0]", "v[E#1]", "v[E#2]"]


def test_an_error_of_the_initialisation() -> None:
    more = Narrow(op("sub", Read(X), Const(1)), 0, 3, "range", site("x - 1"))
    s = replace(system(TRUE, ZERO), init=Block((put(X, (), more),)))
    trace = trace_of(s, find(s, "error.range"))
    assert trace.states == ()
    assert [c.text for c in trace.why.causes] == ["x - 1"]


def test_a_deadlock_names_what_blocks_whom() -> None:
    s = locks()
    trace = trace_of(s, find(s, "deadlock"))
    assert [(b.action, b.instances, b.cause.text) for b in trace.why.blocked] == [
        ("worker.lock_b", ("Task#0",), "b == none"),
        ("first", (), ""),
    ]
    # Only the actions where a process stands are listed.
    run = Run((-1, -1, 0, 0), (Step("first.lock_a", (), (0, -1, 1, 0)), Step("worker.lock_b", (0,), (0, 1, 1, 1))))
    crossed = explain(Machine(s), run, "deadlock")
    assert [
        (b.action, b.cause.text, [(r.element, r.value, r.step) for r in b.cause.reads]) for b in crossed.blocked
    ] == [
        ("first.lock_b", "b == none", [("b", "1", 2)]),
        ("worker.lock_a", "a == none", [("a", "0", 1)]),
    ]


def test_instances_with_one_reason_are_together() -> None:
    e = Var("e", 0, 2, IdType("E", 3))
    t = e.type
    assert t is not None
    wait = Action("wait", ((e, t),), op("eq", Read(X), Const(1)), EMPTY)
    need = Action("need", ((e, t),), TRUE, Block((Require(op("gt", Read(V, (e,)), Const(0), site("v[e] > 0"))),)))
    s = replace(system(TRUE, ZERO), actions=(wait, need))
    blocked = trace_of(s, find(s, "deadlock")).why.blocked
    assert [(b.action, b.instances) for b in blocked] == [
        ("wait", ("E#0", "E#1", "E#2")),
        ("need", ("E#0",)),
        ("need", ("E#1",)),
        ("need", ("E#2",)),
    ]
    assert blocked[1].cause.text == "v[e] > 0"


def test_a_long_list_of_blocked_actions_is_cut() -> None:
    actions = tuple(Action(f"a{i}", (), op("eq", Read(X), Const(1)), EMPTY) for i in range(30))
    why = trace_of(
        replace(system(TRUE, ZERO), actions=actions), find(replace(system(TRUE, ZERO), actions=actions), "deadlock")
    ).why
    assert (len(why.blocked), why.more_blocked) == (12, 18)
