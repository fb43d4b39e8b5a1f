"""The readable text of a transition system."""

from __future__ import annotations

from engine.toy_systems import counter, overflow, stuck
from interp.random_systems import random_system
from kspec.system.expr import Binary, Const, Ite, Quant, Read, Unary, Var
from kspec.system.pretty import expr_text, system_text
from kspec.types import BOOL, EnumType, RangeType

A, B, C = (Var(n, 0, 1, BOOL) for n in "abc")


def test_a_small_system_whole() -> None:
    assert system_text(counter(5, bad=3, limit=4)).splitlines()[2:] == [
        "1 scalar, 1 cell, 2 actions",
        "parameters TOP = 5",
        "",
        "cell x: 0..5 = 0;",
        "",
        "action up() when x < 5 {",
        "    // reads:  x",
        "    // writes: x",
        "    x = x + 1;",
        "}",
        "",
        "action wrap() when x == 5 {",
        "    // reads:  x",
        "    // writes: x",
        "    x = 0;",
        "}",
        "",
        "invariant small: x != 3;",
        "reachable gets_there: x == 5;",
        "limit x <= 4;",
    ]


def test_errors_and_dimensions_are_shown() -> None:
    assert "x = narrow(x + 1, 0..3, range);" in system_text(overflow())
    assert "// errors that can be raised: range" in system_text(overflow())
    assert "cell bit[0..1]: bool = false;" in system_text(stuck())


def test_parentheses_where_they_are_needed_and_nowhere_else() -> None:
    both = Binary("and", A, B)
    assert expr_text(Binary("or", both, C)) == "a && b || c"
    assert expr_text(Binary("and", A, Binary("or", B, C))) == "a && (b || c)"
    assert expr_text(Binary("sub", A, Binary("sub", B, C))) == "a - (b - c)"
    assert expr_text(Binary("sub", Binary("sub", A, B), C)) == "a - b - c"
    assert expr_text(Unary("not", both)) == "!(a && b)"
    assert expr_text(Binary("implies", A, Binary("implies", B, C))) == "a => b => c"
    assert expr_text(Binary("implies", Binary("implies", A, B), C)) == "(a => b) => c"
    assert expr_text(Binary("eq", Binary("eq", A, B), C)) == "(a == b) == c"
    assert expr_text(Binary("and", Quant("forall", A, A), B)) == "(forall a in bool: a) && b"
    assert expr_text(Binary("add", Ite(A, B, C), Const(1))) == "(a ? b : c) + 1"


def test_constants_are_written_in_the_type_they_are_compared_with() -> None:
    colour = EnumType("Colour", ("red", "green"))
    assert expr_text(Binary("eq", Var("c", 0, 1, colour), Const(1))) == "c == green"
    assert expr_text(Binary("eq", Const(0), A)) == "false == a"
    assert expr_text(Binary("eq", Var("n", 0, 9, RangeType(0, 9)), Const(12))) == "n == 12"
    assert expr_text(Const(1), BOOL) == "true"


def test_every_construct_has_a_text() -> None:
    for seed in range(60):
        system = random_system(seed)
        text = system_text(system)
        assert all(f"action {a.name}(" in text for a in system.actions)
        assert all(f"{p.kind} {p.name}" in text for p in system.properties)
        assert text == system_text(system)
        assert Read.__name__ not in text
