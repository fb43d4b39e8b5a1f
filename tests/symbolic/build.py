"""A short notation for transition systems in tests."""

from __future__ import annotations

from kspec.system.expr import FALSE, TRUE, Binary, Cell, Const, Expr, Ite, Narrow, Quant, Read, Unary, Var
from kspec.system.model import Action, Property, System, Variable
from kspec.system.stmt import Assign, Block, For, If, Stmt, Write
from kspec.types import BOOL, RangeType, Scalar

X = Expr | int


def e(x: X) -> Expr:
    return Const(x) if isinstance(x, int) else x


def rd(cell: Cell, *index: X) -> Expr:
    return Read(cell, tuple(e(i) for i in index))


def eq(a: X, b: X) -> Expr:
    return Binary("eq", e(a), e(b))


def ne(a: X, b: X) -> Expr:
    return Binary("ne", e(a), e(b))


def lt(a: X, b: X) -> Expr:
    return Binary("lt", e(a), e(b))


def le(a: X, b: X) -> Expr:
    return Binary("le", e(a), e(b))


def plus(a: X, b: X) -> Expr:
    return Binary("add", e(a), e(b))


def minus(a: X, b: X) -> Expr:
    return Binary("sub", e(a), e(b))


def no(a: X) -> Expr:
    return Unary("not", e(a))


def conj(*parts: X) -> Expr:
    out: Expr = TRUE
    for i, p in enumerate(parts):
        out = e(p) if i == 0 else Binary("and", out, e(p))
    return out


def disj(*parts: X) -> Expr:
    out: Expr = FALSE
    for i, p in enumerate(parts):
        out = e(p) if i == 0 else Binary("or", out, e(p))
    return out


def implies(a: X, b: X) -> Expr:
    return Binary("implies", e(a), e(b))


def ite(c: X, t: X, o: X) -> Expr:
    return Ite(e(c), e(t), e(o))


def every(var: Var, body: X) -> Expr:
    return Quant("forall", var, e(body))


def narrow(x: X, t: Scalar, kind: str = "range") -> Expr:
    return Narrow(e(x), t.lo, t.hi, kind)  # type: ignore[arg-type]


def put(cell: Cell, *rest: X) -> Stmt:
    """``put(cell, i, j, value)``."""
    *index, value = rest
    return Assign((Write(cell, tuple(e(i) for i in index), e(value)),))


def block(*stmts: Stmt) -> Block:
    return Block(stmts)


def when(cond: X, *then: Stmt) -> Stmt:
    return If(e(cond), Block(then), Block())


def loop(var: Var, *body: Stmt) -> Stmt:
    return For(var, Block(body))


def act(name: str, params: tuple[Var, ...], guard: X, *body: Stmt) -> Action:
    typed = tuple((v, v.type or RangeType(v.lo, v.hi)) for v in params)
    return Action(name, typed, e(guard), Block(body))


def system(
    name: str, cells: tuple[Cell, ...], actions: tuple[Action, ...], properties: tuple[Property, ...], **more: object
) -> System:
    start = tuple(
        min(max(0, c.type.lo), c.type.hi) for c in cells if not c.temp for _ in range(c.size)
    )
    variables = tuple(Variable(c.name, c.type, (c,)) for c in cells if not c.dims and not c.temp)
    fields: dict[str, object] = {
        "params": (), "start": start, "init": Block(), "deadlock": False, "variables": variables, **more,
    }  # fmt: skip
    return System(name=name, cells=cells, actions=actions, properties=properties, **fields)  # type: ignore[arg-type]


def inv(name: str, cond: X) -> Property:
    return Property(name, "invariant", e(cond))


def lemma(name: str, cond: X) -> Property:
    return Property(name, "lemma", e(cond))


__all__ = ["BOOL"]
