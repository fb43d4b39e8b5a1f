"""What a condition looks at, scalar by scalar: what may change it, and in which direction.

Where a scalar is only compared with constants, a value matters only as far as it changes the outcome of a
comparison; and where the condition can only become true by a comparison becoming true (or by its becoming
false), only as far as it does that.
"""

from __future__ import annotations

from typing import TypeAlias

from kspec.explicit.access import Env, Executor
from kspec.explicit.analysis import can_fail
from kspec.system.expr import Binary, Const, Expr, Fold, Ite, Let, Quant, Read, Unary, Var, children

Test: TypeAlias = tuple[str, int, bool | None]
"""A comparison with a constant, and the outcome that leads towards what is looked for (None: either)."""
Look: TypeAlias = dict[int, set[Test] | None]
"""By position of the flat state, the comparisons that are made; None when the value itself matters."""


def look(executor: Executor, e: Expr, env: Env, towards: bool | None) -> Look:
    """What a condition looks at; ``towards`` is the outcome that is looked for (None: either)."""
    looker = _Looker(executor, raw=can_fail(e))
    looker.condition(e, env, None if looker.raw else towards)
    return looker.found


class _Looker:
    """Walks conditions.  ``raw``: errors are looked for too, so values matter."""

    def __init__(self, executor: Executor, raw: bool) -> None:
        self.raw = raw
        self.found: Look = {}
        self.executor = executor

    def condition(self, e: Expr, env: Env, towards: bool | None) -> None:
        """A boolean expression."""
        against = None if towards is None else not towards
        match e:
            case Unary("not", a):
                self.condition(a, env, against)
            case Binary("and" | "or", a, b):
                self.condition(a, env, towards)
                self.condition(b, env, towards)
            case Binary("implies", a, b):
                self.condition(a, env, against)
                self.condition(b, env, towards)
            case Quant(_, var, body):
                self.condition(body, _all(env, var), towards)
            case Let(var, value, body):
                self.value(value, env)
                self.condition(body, {**env, var.name: self.executor.values(value, env)}, towards)
            case Ite(cond, then, other):
                self.condition(cond, env, None)
                self.condition(then, env, towards)
                self.condition(other, env, towards)
            case Binary("lt" | "le" | "gt" | "ge" as op, Fold() as fold, Const()):
                self.count(fold, env, towards, op in ("gt", "ge"))
            case Binary("eq" | "ne" | "lt" | "le" | "gt" | "ge" as op, Read() as read, other):
                self.comparison(e, op, read, other, env, towards)
            case Binary("eq" | "ne" as op, other, Read() as read):
                self.comparison(e, op, read, other, env, towards)
            case Read() as read:
                self.comparison(e, "ne", read, Const(0), env, towards)
            case _:
                self.value(e, env)

    def count(self, fold: Fold, env: Env, towards: bool | None, rising: bool) -> None:
        """A comparison of a count; it is ``rising`` when a larger count makes it true."""
        match fold:
            case Fold(acc, Const(), var, Ite(cond, Binary("add", Var(one), Const(k)), Var(two))) if (
                k > 0 and one == two == acc.name
            ):
                up = towards if rising or towards is None else not towards
                self.condition(cond, _all(env, var), up)
            case _:
                self.value(fold, env)

    def comparison(self, e: Expr, op: str, read: Read, other: Expr, env: Env, towards: bool | None) -> None:
        """A comparison of a scalar with something."""
        values = self.executor.values(other, env)
        if self.raw or values is None or read.cell.temp or not isinstance(other, Const | Var):
            self.value(e, env)
            return
        for i in read.index:
            self.value(i, env)
        for p in self.executor.positions(read.cell, read.index, env):
            tests = self.found.setdefault(p, set())
            if tests is not None:
                tests |= {(op, v, towards) for v in values}

    def value(self, e: Expr, env: Env) -> None:
        """An expression whose value matters."""
        match e:
            case Read(cell, index):
                for p in self.executor.positions(cell, index, env) if not cell.temp else ():
                    self.found[p] = None
                for i in index:
                    self.value(i, env)
            case Let(var, value, body):
                self.value(value, env)
                self.value(body, {**env, var.name: self.executor.values(value, env)})
            case Quant(_, var, body):
                self.condition(body, _all(env, var), None)
            case Fold(acc, init, var, body):
                self.value(init, env)
                self.value(body, {**_all(env, var), acc.name: None})
            case Ite(cond, then, other):
                self.condition(cond, env, None)
                self.value(then, env)
                self.value(other, env)
            case Unary("not", _) | Binary("and" | "or" | "implies") if not self.raw:
                self.condition(e, env, None)
            case _:
                for child in children(e):
                    self.value(child, env)


def _all(env: Env, var: Var) -> Env:
    return {**env, var.name: frozenset(range(var.lo, var.hi + 1)) if var.hi - var.lo < 1024 else None}
