"""Symbolic evaluation of expressions.

Evaluation follows the interpreter: left to right, ``and``, ``or``, ``implies`` and ``Ite`` short-circuit,
quantifiers and folds do not.  What goes wrong is collected in a :class:`Path`: an error counts only where
nothing went wrong before it, and after it nothing counts any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kspec.symbolic.aig import FALSE, TRUE, Aig
from kspec.symbolic.bits import Arithmetic, Bits, boolean, const
from kspec.system.expr import (
    Binary,
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
)
from kspec.types import Scalar


class Unsupported(Exception):
    """The system cannot be encoded (it breaks its contract, or it is too big); the message says why."""


@dataclass
class Path:
    """What has happened on the way, each as a condition on the inputs.

    ``errors`` has the condition under which each error or assertion was raised, ``failed`` their
    disjunction; ``disabled``: the step is not possible; ``dead``: it has ended in one of these ways, or an
    input is none of the values to choose from (which says nothing about the step).
    """

    aig: Aig
    errors: dict[str, int] = field(default_factory=dict)
    failed: int = FALSE
    disabled: int = FALSE
    dead: int = FALSE

    def fail(self, name: str, under: int, cond: int) -> None:
        """``name`` is raised where ``under and cond`` holds and nothing ended the step before."""
        event = self.aig.and_(self.aig.and_(under, cond), self.dead ^ 1)
        if event != FALSE:
            self.errors[name] = self.aig.or_(self.errors.get(name, FALSE), event)
            self.failed = self.aig.or_(self.failed, event)
            self.dead = self.aig.or_(self.dead, event)

    def disable(self, under: int, cond: int) -> None:
        """The step is disabled where ``under and cond`` holds and nothing was raised before."""
        event = self.aig.and_(self.aig.and_(under, cond), self.failed ^ 1)
        self.disabled = self.aig.or_(self.disabled, event)
        self.dead = self.aig.or_(self.dead, event)

    def exclude(self, under: int, cond: int) -> None:
        """The inputs mean nothing where ``under and cond`` holds."""
        self.dead = self.aig.or_(self.dead, self.aig.and_(under, cond))


Store = dict[str, tuple[Bits, ...]]
"""For every cell its scalars, row-major; each has the interval of the cell's type."""


@dataclass
class Evaluator:
    """Evaluates in a store; ``names`` has the bound variables (names are unique, so scopes do not matter)."""

    math: Arithmetic
    path: Path
    store: Store
    old: Store = field(default_factory=dict)
    names: dict[str, Bits] = field(default_factory=dict)

    def truth(self, e: Expr, under: int = TRUE) -> int:
        """The value of a condition."""
        return self.math.truth(self.value(e, under))

    def value(self, e: Expr, under: int = TRUE) -> Bits:
        """The value of an expression, evaluated where ``under`` holds."""
        match e:
            case Const(number):
                return const(number)
            case Var(name):
                if name not in self.names:
                    raise Unsupported(f"variable {name} is not in scope")
                return self.names[name]
            case Read(cell, index, old):
                return self._read(self.old if old else self.store, cell, index, under)
            case Unary("not", a):
                return boolean(self.truth(a, under) ^ 1)
            case Unary(_, a):
                return self.math.negative(self.value(a, under))
            case Binary("and" | "or"):
                return boolean(self._chain(e, under))
            case Binary():
                return self._binary(e, under)
            case Ite():
                return self._ite(e, under)
            case Let():
                rest: Expr = e
                while isinstance(rest, Let):
                    self.names[rest.var.name] = self.value(rest.value, under)
                    rest = rest.body
                return self.value(rest, under)
            case Quant(op, var, body):
                items = self._each(var, lambda: self.truth(body, under))
                return boolean(self.math.aig.all(items) if op == "forall" else self.math.aig.any(items))
            case Fold(acc, init, var, body):
                self.names[acc.name] = self.value(init, under)

                def once() -> int:
                    self.names[acc.name] = self.value(body, under)
                    return TRUE

                self._each(var, once)
                return self.names[acc.name]
            case Narrow(value, lo, hi, kind):
                v = self.value(value, under)
                self.path.fail(f"error.{kind}", under, self.math.within(v, lo, hi) ^ 1)
                return self.math.cast(v, max(lo, min(v.lo, hi)), min(hi, max(v.hi, lo)))

    def position(self, cell: Cell, index: tuple[Expr, ...], under: int) -> tuple[Bits, ...]:
        """The values of an index, each cut to its dimension."""
        out: list[Bits] = []
        for dim, e in zip(cell.dims, index, strict=True):
            v = self.value(e, under)
            lo, hi = max(v.lo, dim.lo), min(v.hi, dim.hi)
            out.append(self.math.cast(v, lo, hi) if lo <= hi else const(dim.lo))
        return tuple(out)

    def _read(self, store: Store, cell: Cell, index: tuple[Expr, ...], under: int) -> Bits:
        at = self.position(cell, index, under)
        if cell.name not in store:
            raise Unsupported(f"{cell.name} is not a cell of the system")
        return self._element(store[cell.name], cell.dims, at)

    def _element(self, items: Sequence[Bits], dims: Sequence[Scalar], at: Sequence[Bits]) -> Bits:
        if not at:
            return items[0]
        dim, head = dims[0], at[0]
        size = dim.hi - dim.lo + 1
        stride = len(items) // size
        first = head.lo - dim.lo
        rows = [
            self._element(items[r * stride : (r + 1) * stride], dims[1:], at[1:])
            for r in range(first, first + head.hi - head.lo + 1)
        ]
        return self.math.select(head, rows)

    def _each(self, var: Var, body: Callable[[], int]) -> list[int]:
        out = []
        for v in range(var.lo, var.hi + 1):
            self.names[var.name] = const(v)
            out.append(body())
        return out

    def _chain(self, e: Binary, under: int) -> int:
        """A chain of one short-circuit operator (chains can be very long)."""
        flip = 0 if e.op == "and" else 1  # "or" is the negated "and" of negations
        aig = self.math.aig
        acc = TRUE
        stack: list[Expr] = [e]
        while stack:
            x = stack.pop()
            if isinstance(x, Binary) and x.op == e.op:
                stack += (x.b, x.a)
            else:
                acc = aig.and_(acc, self.truth(x, aig.and_(under, acc)) ^ flip)
        return acc ^ flip

    def _binary(self, e: Binary, under: int) -> Bits:
        math, aig = self.math, self.math.aig
        if e.op == "add":
            return self._total(e, under)
        if e.op == "implies":
            a = self.truth(e.a, under)
            return boolean(aig.or_(a ^ 1, self.truth(e.b, aig.and_(under, a))))
        x = self.value(e.a, under)
        y = self.value(e.b, under)
        match e.op:
            case "eq":
                return boolean(math.equal(x, y))
            case "ne":
                return boolean(math.equal(x, y) ^ 1)
            case "lt":
                return boolean(math.less(x, y))
            case "le":
                return boolean(math.less(y, x) ^ 1)
            case "gt":
                return boolean(math.less(y, x))
            case "ge":
                return boolean(math.less(x, y) ^ 1)
            case "sub":
                return math.subtract(x, y)
            case "mul":
                return math.multiply(x, y)
            case "div" | "mod" as op:
                self.path.fail("error.div", under, math.equal_to(y, 0))
                quotient, remainder = math.divide(x, y)
                return quotient if op == "div" else remainder
            case _:
                raise Unsupported(f"unknown operator {e.op}")

    def _total(self, e: Binary, under: int) -> Bits:
        """A chain of additions."""
        total = const(0)
        stack: list[Expr] = [e]
        while stack:
            x = stack.pop()
            if isinstance(x, Binary) and x.op == "add":
                stack += (x.b, x.a)
            else:
                total = self.math.add(total, self.value(x, under))
        return total

    def _ite(self, e: Ite, under: int) -> Bits:
        """A chain ``c1 ? a1 : c2 ? a2 : ... : z``."""
        aig = self.math.aig
        arms: list[tuple[int, Bits]] = []
        rest: Expr = e
        while isinstance(rest, Ite):
            c = self.truth(rest.cond, under)
            arms.append((c, self.value(rest.then, aig.and_(under, c))))
            under = aig.and_(under, c ^ 1)
            rest = rest.other
        result = self.value(rest, under)
        for c, v in reversed(arms):
            result = self.math.ite(c, v, result)
        return result
