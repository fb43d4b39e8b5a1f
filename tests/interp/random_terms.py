"""Random expressions of a type within a scope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from interp.random_parts import Names, Pick, Types
from kspec.system.expr import (
    FALSE,
    TRUE,
    Binary,
    BinaryOp,
    Cell,
    Const,
    Expr,
    Fold,
    Ite,
    Let,
    Narrow,
    Quant,
    Read,
    Unary,
    Var,
    bounds,
)
from kspec.types import BOOL, BoolType, IdType, OptType, RangeType, Scalar, scalar

COMPARE: tuple[BinaryOp, ...] = ("eq", "ne", "lt", "le", "gt", "ge")
ARITHMETIC: tuple[BinaryOp, ...] = ("add", "sub", "mul", "div", "mod")
BIG = 60
"""Arithmetic stays within -BIG..BIG, so that engines with machine words need no care here."""


@dataclass(frozen=True)
class Scope:
    """What an expression may mention: cells, variables, and the state before the step (``old``)."""

    cells: tuple[Cell, ...]
    types: Types
    vars: tuple[Var, ...] = ()
    old: bool = False

    def with_vars(self, *added: Var) -> Scope:
        return replace(self, vars=(*self.vars, *added))

    def mentions(self, t: Scalar) -> bool:
        """Whether there is a variable or a cell of exactly that type."""
        return any(x.type == t for x in (*self.vars, *self.cells))


def is_scalarset(t: Scalar) -> bool:
    return isinstance(t, IdType) and not t.ordered


@dataclass(frozen=True)
class Terms:
    """Draws expressions.  ``errors``: whether an evaluation may raise."""

    p: Pick
    names: Names
    errors: bool

    def boolean(self, scope: Scope, depth: int) -> Expr:
        """A condition."""
        if depth == 0:
            return self.comparison(scope, 0)
        match self.p(12):
            case 0 | 1 | 2:
                return self.comparison(scope, depth - 1)
            case 3:
                return Unary("not", self.boolean(scope, depth - 1))
            case 4:
                return Binary("and", self.boolean(scope, depth - 1), self.boolean(scope, depth - 1))
            case 5:
                return Binary("or", self.boolean(scope, depth - 1), self.boolean(scope, depth - 1))
            case 6:
                return Binary("implies", self.boolean(scope, depth - 1), self.boolean(scope, depth - 1))
            case 7 | 8:
                var = self.names.var(self.p.of(scope.types.params))
                op = ("forall", "exists")[self.p(2)]
                return Quant(op, var, self.boolean(scope.with_vars(var), depth - 1))  # type: ignore[arg-type]
            case 9:
                return self.ite(lambda: self.boolean(scope, depth - 1), scope, depth)
            case 10:
                return self.let(lambda s: self.boolean(s, depth - 1), scope)
            case _:
                return (TRUE, FALSE)[self.p(2)]

    def comparison(self, scope: Scope, depth: int) -> Expr:
        """A boolean cell or variable, or a comparison of two values of one type."""
        found = {x.type for x in (*self.usable(scope), *scope.vars) if x.type is not None}
        if not found:
            return (TRUE, FALSE)[self.p(2)]
        t = self.p.of(sorted(found, key=str))
        match t:
            case BoolType() if self.p.chance(2):
                return self.value(t, scope, depth)
            case RangeType():
                return Binary(self.p.of(COMPARE), self.integer(scope, depth), self.integer(scope, depth))
            case OptType() if self.p.chance(2):
                return Binary(self.p.of(COMPARE[:2]), self.value(t, scope, depth), Const(t.none))
            case IdType(ordered=True):
                return Binary(self.p.of(COMPARE), self.value(t, scope, 0), self.value(t, scope, 0))
        return Binary(self.p.of(COMPARE[:2]), self.value(t, scope, depth), self.value(t, scope, depth))

    def integer(self, scope: Scope, depth: int) -> Expr:
        """A mathematical integer."""
        ranges = [t for t in scope.types.ranges if scope.mentions(t)]
        if depth == 0 or self.p.chance(2):
            if ranges and not self.p.chance(3):
                return self.atom(self.p.of(ranges), scope)
            return Const(self.p(5) - 1)
        match self.p(6):
            case 0 | 1 | 2:
                return self.arithmetic(scope, depth)
            case 3:
                return self.ite(lambda: self.integer(scope, depth - 1), scope, depth)
            case 4:
                return self.let(lambda s: self.integer(s, depth - 1), scope)
            case _:
                return self.count(scope, depth)

    def arithmetic(self, scope: Scope, depth: int) -> Expr:
        op = self.p.of(ARITHMETIC)
        a, b = self.integer(scope, depth - 1), self.integer(scope, depth - 1)
        if op in ("div", "mod") and not self.errors:
            b = Const((-3, -2, 2, 3)[self.p(4)])
        e: Expr = Unary("neg", a) if self.p.chance(8) else Binary(op, a, b)
        lo, hi = bounds(e)
        return e if lo >= -BIG and hi <= BIG else a

    def count(self, scope: Scope, depth: int) -> Expr:
        """How many values satisfy a condition, or (not over a scalarset) a running value."""
        var = self.names.var(self.p.of(scope.types.params))
        n = var.hi - var.lo + 1
        acc = Var(self.names.var(BOOL).name, -n, n, RangeType(-n, n))
        cond = self.boolean(scope.with_vars(var), depth - 1)
        if not is_scalarset(scalar_of(var)) and self.p.chance(3):
            # The running value can be seen by the condition: the order of the fold matters.
            cond = self.boolean(scope.with_vars(var, acc), depth - 1)
        return Fold(acc, Const(0), var, Binary(("add", "sub")[self.p(2)], acc, cond))  # type: ignore[arg-type]

    def ite(self, make: Callable[[], Expr], scope: Scope, depth: int) -> Expr:
        return Ite(self.boolean(scope, depth - 1), make(), make())

    def let(self, make: Callable[[Scope], Expr], scope: Scope) -> Expr:
        t = self.p.of([t for t in scope.types.params if self.has(t, scope)])
        value = self.value(t, scope, 0)
        var = self.names.var(t)
        return Let(var, value, make(scope.with_vars(var)))

    def value(self, t: Scalar, scope: Scope, depth: int) -> Expr:
        """A value that lies in the type (or raises an error)."""
        if depth == 0:
            return self.atom(t, scope)
        match t, self.p(4):
            case _, 3:
                return self.ite(lambda: self.value(t, scope, depth - 1), scope, depth)
            case BoolType(), 1 | 2:
                return self.boolean(scope, depth - 1)
            case RangeType(), 1 | 2:
                return self.fit(self.integer(scope, depth), t, scope, "range")
            case OptType(base), 1 | 2:
                inner = scalar(base)
                return self.value(inner, scope, depth - 1) if self.has(inner, scope) else Const(t.none)
        return self.atom(t, scope)

    def fit(self, e: Expr, t: Scalar, scope: Scope, error: str) -> Expr:
        """``e`` brought into the type: by an error, or by a condition."""
        lo, hi = bounds(e)
        if t.lo <= lo and hi <= t.hi and not self.p.chance(4):
            return e
        if self.errors and not self.p.chance(3):
            return Narrow(e, t.lo, t.hi, error)  # type: ignore[arg-type]
        inside = Binary("and", Binary("le", Const(t.lo), e), Binary("le", e, Const(t.hi)))
        # The condition is not visible to interval arithmetic: the narrowing never raises.
        return Ite(inside, Narrow(e, t.lo, t.hi, "range"), self.atom(t, scope))

    def has(self, t: Scalar, scope: Scope) -> bool:
        """Whether a value of the type can be written down: scalarsets have no constants."""
        if not is_scalarset(t) or any(v.type == t for v in scope.vars):
            return True
        return self.errors and bool(self.optionals(t, scope))

    def usable(self, scope: Scope) -> list[Cell]:
        """The cells that can be indexed here."""
        return [c for c in scope.cells if all(self.has(d, scope) for d in c.dims)]

    def atom(self, t: Scalar, scope: Scope) -> Expr:
        """A variable, a cell or a constant of the type (for a scalarset there must be one, see ``has``)."""
        cells = [c for c in self.usable(scope) if c.type == t]
        found: list[Var | Cell] = [*(v for v in scope.vars if v.type == t), *cells]
        if found and (is_scalarset(t) or not self.p.chance(3)):
            x = self.p.of(found)
            return x if isinstance(x, Var) else self.read(x, scope)
        if is_scalarset(t):
            return self.unwrapped(t, scope)
        if isinstance(t, OptType):
            base = scalar(t.base)
            return Const(t.none) if is_scalarset(base) or self.p.chance(2) else self.atom(base, scope)
        return Const(t.lo + self.p(t.hi - t.lo + 1))

    def optionals(self, t: Scalar, scope: Scope) -> list[Var | Cell]:
        """What may hold an identity of a scalarset, or none."""
        opt = OptType(t)
        return [
            *(v for v in scope.vars if v.type == opt),
            *(c for c in scope.cells if c.type == opt and not c.dims),
        ]

    def unwrapped(self, t: Scalar, scope: Scope) -> Expr:
        """An identity out of an optional; the error ``none`` if it is absent."""
        x = self.p.of(self.optionals(t, scope))
        return Narrow(x if isinstance(x, Var) else self.read(x, scope), t.lo, t.hi, "none")

    def read(self, cell: Cell, scope: Scope) -> Expr:
        old = scope.old and not cell.temp and self.p.chance(2)
        return Read(cell, self.index(cell, scope, 0), old)

    def index(self, cell: Cell, scope: Scope, depth: int) -> tuple[Expr, ...]:
        return tuple(self.key(d, scope, depth) for d in cell.dims)

    def key(self, d: Scalar, scope: Scope, depth: int) -> Expr:
        """An index into a dimension."""
        if isinstance(d, RangeType) and depth and self.p.chance(3):
            return self.fit(self.integer(scope, depth), d, scope, "index")
        variables = [v for v in scope.vars if v.type == d]
        if variables and (is_scalarset(d) or not self.p.chance(4)):
            return self.p.of(variables)
        if is_scalarset(d):
            return self.unwrapped(d, scope)
        return Const(d.lo + self.p(d.hi - d.lo + 1))


def scalar_of(var: Var) -> Scalar:
    """The type of a variable that has one."""
    assert var.type is not None
    return var.type
