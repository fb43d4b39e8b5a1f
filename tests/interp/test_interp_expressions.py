"""What each kind of expression means."""

import pytest
from interp.small import TASK, at, cell, expr, op, system, var
from kspec.interp.evaluate import EvalError, MalformedError
from kspec.interp.machine import Machine
from kspec.system.expr import FALSE, TRUE, Const, Fold, Ite, Let, Narrow, Quant, Read, Site, Unary
from kspec.types import BOOL, EnumType, OptType, RangeType

X = cell("x", RangeType(-3, 9))
A = cell("a", RangeType(0, 9), RangeType(1, 3))
G = cell("g", RangeType(0, 99), EnumType("E", ("p", "q")), RangeType(-1, 1))
O = cell("o", OptType(TASK))  # noqa: E741
STATE = (4, 5, 6, 7, 10, 11, 12, 20, 21, 22, -1)
BOOM = Narrow(Const(1), 2, 3, "range", Site(None, "boom"))


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine(system((X, A, G, O)))


def value(machine: Machine, e: object, **env: int) -> int:
    return machine.value(expr(e), STATE, env=env)  # type: ignore[arg-type]


def raised(machine: Machine, e: object) -> tuple[str, str]:
    with pytest.raises(EvalError) as caught:
        value(machine, e)
    return caught.value.kind, caught.value.site.text


@pytest.mark.parametrize(
    ("a", "sign", "b", "result"),
    [
        (7, "add", 5, 12), (7, "sub", 9, -2), (-3, "mul", 4, -12),
        (7, "div", 2, 3), (-7, "div", 2, -3), (7, "div", -2, -3), (-7, "div", -2, 3),
        (7, "mod", 2, 1), (-7, "mod", 2, -1), (7, "mod", -2, 1), (-7, "mod", -2, -1), (0, "mod", 5, 0),
        (1, "eq", 1, 1), (1, "ne", 1, 0), (1, "lt", 2, 1), (2, "le", 2, 1), (1, "gt", 1, 0), (0, "ge", 1, 0),
        (0, "and", 1, 0), (1, "and", 1, 1), (0, "or", 1, 1), (0, "or", 0, 0),
        (0, "implies", 0, 1), (1, "implies", 0, 0), (1, "implies", 1, 1),
    ],
)  # fmt: skip
def test_binary(machine: Machine, a: int, sign: str, b: int, result: int) -> None:
    found = value(machine, op(a, sign, b))  # type: ignore[arg-type]
    assert found == result
    assert type(found) is int


def test_unary(machine: Machine) -> None:
    assert value(machine, Unary("neg", Const(3))) == -3
    assert value(machine, Unary("not", Const(0))) == 1
    assert value(machine, Unary("not", Const(1))) == 0


@pytest.mark.parametrize("sign", ["div", "mod"])
def test_division_by_zero(machine: Machine, sign: str) -> None:
    assert raised(machine, op(1, sign, op(X, "sub", 4), "1 / 0")) == ("div", "1 / 0")  # type: ignore[arg-type]


def test_reads_are_row_major_from_the_lower_bounds(machine: Machine) -> None:
    assert value(machine, X) == 4
    assert [value(machine, at(A, i)) for i in (1, 2, 3)] == [5, 6, 7]
    assert [value(machine, at(G, i, j)) for i in (0, 1) for j in (-1, 0, 1)] == [10, 11, 12, 20, 21, 22]
    i, j = var("i", RangeType(1, 3)), var("j", RangeType(-1, 1))
    assert value(machine, at(A, i), i=3) == 7
    assert value(machine, at(G, 1, j), j=-1) == 20
    assert value(machine, at(G, op(i, "sub", 1), j), i=2, j=1) == 22


def test_an_index_outside_its_dimension_is_a_fault(machine: Machine) -> None:
    for index in (0, 4):
        with pytest.raises(MalformedError):
            value(machine, at(A, op(index, "add", op(X, "sub", 4))))
    with pytest.raises(MalformedError):
        value(machine, at(A, 0))
    with pytest.raises(MalformedError):
        value(machine, Read(A, ()))
    with pytest.raises(MalformedError):
        value(machine, var("nobody", BOOL))
    with pytest.raises(MalformedError):
        value(machine, cell("nothing", BOOL))


def test_old_reads_the_state_before(machine: Machine) -> None:
    before = (8, *STATE[1:])
    assert machine.value(op(X, "sub", Read(X, (), old=True)), STATE, before) == -4
    later = at(A, Read(X, (), old=True))
    with pytest.raises(MalformedError):
        machine.value(later, STATE, before)


def test_logic_short_circuits(machine: Machine) -> None:
    bad = op(BOOM, "eq", 1)
    assert value(machine, op(FALSE, "and", bad)) == 0
    assert value(machine, op(TRUE, "or", bad)) == 1
    assert value(machine, op(FALSE, "implies", bad)) == 1
    assert raised(machine, op(TRUE, "and", bad)) == ("range", "boom")
    assert raised(machine, op(FALSE, "or", bad)) == ("range", "boom")
    assert raised(machine, op(op(TRUE, "and", TRUE), "and", op(bad, "and", FALSE))) == ("range", "boom")
    assert value(machine, op(op(TRUE, "and", FALSE), "and", op(bad, "and", TRUE))) == 0


def test_a_condition_takes_one_branch(machine: Machine) -> None:
    assert value(machine, Ite(op(X, "eq", 4), Const(1), BOOM)) == 1
    assert value(machine, Ite(op(X, "ne", 4), BOOM, Const(2))) == 2
    assert value(machine, Ite(FALSE, BOOM, Ite(FALSE, BOOM, Ite(TRUE, Const(3), BOOM)))) == 3
    assert raised(machine, Ite(op(BOOM, "eq", 1), Const(1), Const(2))) == ("range", "boom")


def test_quantifiers(machine: Machine) -> None:
    i = var("i", RangeType(1, 3))
    assert value(machine, Quant("forall", i, op(at(A, i), "gt", 4))) == 1
    assert value(machine, Quant("forall", i, op(at(A, i), "gt", 5))) == 0
    assert value(machine, Quant("exists", i, op(at(A, i), "eq", 7))) == 1
    assert value(machine, Quant("exists", i, op(at(A, i), "eq", 8))) == 0
    empty = var("i", RangeType(1, 0))
    assert value(machine, Quant("forall", empty, FALSE)) == 1
    assert value(machine, Quant("exists", empty, TRUE)) == 0


def test_quantifiers_do_not_short_circuit(machine: Machine) -> None:
    i = var("i", RangeType(1, 3))
    bad_at_three = op(Narrow(i, 1, 2, "index", Site(None, "i")), "gt", 1)  # false at 1, true at 2
    assert raised(machine, Quant("forall", i, bad_at_three)) == ("index", "i")
    assert raised(machine, Quant("exists", i, bad_at_three)) == ("index", "i")
    # What is guarded by the element's own logic is not evaluated.
    assert value(machine, Quant("exists", i, op(op(i, "lt", 3), "and", bad_at_three))) == 1


def test_the_first_error_in_evaluation_order_counts(machine: Machine) -> None:
    first = Narrow(Const(9), 0, 1, "index", Site(None, "first"))
    assert raised(machine, op(first, "add", BOOM)) == ("index", "first")
    assert raised(machine, op(op(1, "div", first), "sub", BOOM)) == ("index", "first")
    assert raised(machine, Narrow(op(BOOM, "add", 1), 0, 0, "none", Site(None, "outer"))) == ("range", "boom")


def test_let_and_shadowing(machine: Machine) -> None:
    t = RangeType(-9, 99)
    y = var("y", t)
    assert value(machine, Let(y, op(X, "add", 1), op(y, "mul", y))) == 25
    inner = Let(y, op(y, "add", 1), op(y, "mul", 10))
    assert value(machine, Let(y, Const(2), op(inner, "add", y))) == 32


def test_fold_goes_up_and_sees_its_accumulator(machine: Machine) -> None:
    i, acc = var("i", RangeType(1, 3)), var("acc", RangeType(0, 999))
    digits = Fold(acc, Const(0), i, op(op(acc, "mul", 10), "add", at(A, i)))
    assert value(machine, digits) == 567
    assert value(machine, Fold(acc, Const(42), var("i", RangeType(1, 0)), BOOM)) == 42
    # The initial value is evaluated outside the scope of the fold.
    assert value(machine, Let(acc, Const(7), Fold(acc, acc, i, op(acc, "add", i)))) == 13
    with pytest.raises(MalformedError):
        value(machine, Fold(var("acc", RangeType(0, 9)), Const(0), i, op(at(A, i), "mul", 2)))


def test_narrow(machine: Machine) -> None:
    assert value(machine, Narrow(expr(X), 4, 4, "range")) == 4
    assert raised(machine, Narrow(expr(O), 0, 1, "none", Site(None, "o"))) == ("none", "o")
    with pytest.raises(EvalError) as caught:
        value(machine, Narrow(expr(X), 5, 8, "range"))
    assert caught.value.detail == "the value 4 is outside 5..8"


def test_long_chains_do_not_overflow_the_stack(machine: Machine) -> None:
    n = 5000
    left = right = expr(1)
    total = expr(0)
    arms = expr(0)
    for k in range(n):
        left = op(left, "and", op(X, "eq", 4))
        right = op(op(X, "eq", 4), "and", right)
        arms = Ite(op(X, "eq", 5), Const(k), arms)
        total = op(total, "add", 1)
    assert value(machine, left) == value(machine, right) == 1
    assert value(machine, total) == n
    assert value(machine, arms) == 0
