"""Symbolic execution of statements: a body becomes the store after it, as functions of the state before
it and of the inputs, and the conditions under which it ends early.

Branches are both executed and merged; loops are unrolled; a choice is a fresh input that must satisfy
its condition.  Values on paths that have ended have no meaning and are masked by ``Path.dead``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from kspec.symbolic.aig import FALSE, TRUE
from kspec.symbolic.bits import Arithmetic, Bits, const
from kspec.symbolic.evaluate import Evaluator, Path, Store, Unsupported
from kspec.system.expr import Cell, Var
from kspec.system.layout import offset
from kspec.system.stmt import (
    Assert,
    Assign,
    Bind,
    Block,
    Choose,
    For,
    If,
    Require,
    Stmt,
    Write,
)


@dataclass
class Inputs:
    """The inputs of a step (arguments and choices): shared between the actions, as a step has one action.

    The ``n``-th input of some interval is the same for every action.
    """

    math: Arithmetic
    known: dict[tuple[int, int, int], Bits] = field(default_factory=dict)

    def take(self, lo: int, hi: int, used: dict[tuple[int, int], int]) -> Bits:
        """The next input ``lo..hi`` for an action that has used up ``used``."""
        n = used.get((lo, hi), 0)
        used[lo, hi] = n + 1
        if (lo, hi, n) not in self.known:
            self.known[lo, hi, n] = self.math.free(lo, hi)
        return self.known[lo, hi, n]


@dataclass
class Executor:
    """Executes one body; afterwards ``at.store`` is the store after it and ``at.path`` what happened."""

    at: Evaluator
    inputs: Inputs
    used: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def math(self) -> Arithmetic:
        """Where circuits are built."""
        return self.at.math

    @property
    def path(self) -> Path:
        """What happened on the way."""
        return self.at.path

    def argument(self, var: Var, lo: int, hi: int) -> Bits:
        """Binds a parameter to an input."""
        v = self.inputs.take(lo, hi, self.used)
        self.path.exclude(TRUE, self.math.typed(v) ^ 1)
        self.at.names[var.name] = v
        return v

    def run(self, block: Block, under: int = TRUE) -> None:
        """Executes a block where ``under`` holds."""
        stack: list[Iterator[Stmt]] = [iter(block.stmts)]
        while stack:
            stmt = next(stack[-1], None)
            if stmt is None:
                stack.pop()
            elif isinstance(stmt, Block):
                stack.append(iter(stmt.stmts))
            else:
                self._statement(stmt, under)

    def _statement(self, stmt: Stmt, under: int) -> None:
        match stmt:
            case Assign(writes):
                self._assign(writes, under)
            case Bind(var, value):
                self.at.names[var.name] = self.at.value(value, under)
            case If():
                self._if(stmt, under)
            case For(var, body):
                for v in range(var.lo, var.hi + 1):
                    self.at.names[var.name] = const(v)
                    self.run(body, under)
            case Choose():
                self._choose(stmt, under)
            case Require(cond):
                self.path.disable(under, self.at.truth(cond, under) ^ 1)
            case Assert(name, cond):
                self.path.fail(name, under, self.at.truth(cond, under) ^ 1)
            case Block():
                self.run(stmt, under)

    def _choose(self, stmt: Choose, under: int) -> None:
        """All values are tried, in order, before one is taken: an error in any trial is the step's."""
        aig, var = self.math.aig, stmt.var
        allowed: list[Bits] = []
        for v in range(var.lo, var.hi + 1):
            self.at.names[var.name] = const(v)
            allowed.append(Bits(0, 1, (self.at.truth(stmt.where, under),)))
        none = aig.any(a.literals[0] for a in allowed) ^ 1
        if stmt.on_empty == "error":
            self.path.fail("error.choose", under, none)
        else:
            self.path.disable(under, none)
        good, chosen = FALSE, const(var.lo)
        if allowed:
            chosen = self.inputs.take(var.lo, var.hi, self.used)
            good = aig.and_(self.math.typed(chosen), self.math.select(chosen, allowed).literals[0])
        self.at.names[var.name] = chosen
        self.path.exclude(under, good ^ 1)

    def _if(self, stmt: If, under: int) -> None:
        """A chain of ``else if``, merged from its end (chains can be very long)."""
        aig = self.math.aig
        before = self.at.store
        start = dict(self.used)
        most = dict(self.used)
        ends: list[tuple[int, Store]] = []
        rest = Block((stmt,))
        while len(rest.stmts) == 1 and isinstance(rest.stmts[0], If):
            arm = rest.stmts[0]
            cond = self.at.truth(arm.cond, under)
            ends.append((cond, self._branch(arm.then, aig.and_(under, cond), before, start, most)))
            under = aig.and_(under, cond ^ 1)
            rest = arm.other
        result = self._branch(rest, under, before, start, most)
        for cond, store in reversed(ends):
            result = self._merge(cond, store, result)
        self.at.store = result
        self.used = most

    def _branch(
        self,
        body: Block,
        under: int,
        before: Store,
        start: dict[tuple[int, int], int],
        most: dict[tuple[int, int], int],
    ) -> Store:
        """The store after one branch; branches share their inputs, as only one is taken."""
        self.at.store = dict(before)
        self.used = dict(start)
        if under != FALSE:
            self.run(body, under)
        for key, n in self.used.items():
            most[key] = max(n, most.get(key, 0))
        store = self.at.store
        self.at.store = before
        return store

    def _merge(self, cond: int, then: Store, other: Store) -> Store:
        if cond <= TRUE:
            return then if cond else other
        out = dict(other)
        for name, items in then.items():
            rest = other[name]
            if items is not rest:
                out[name] = tuple(
                    a if a is b else self.math.ite(cond, a, b) for a, b in zip(items, rest, strict=True)
                )
        return out

    def _assign(self, writes: tuple[Write, ...], under: int) -> None:
        pending: list[tuple[Cell, tuple[Bits, ...], Bits]] = []
        for w in writes:
            for binding in product(*(range(v.lo, v.hi + 1) for v in w.over)):
                for var, value in zip(w.over, binding):
                    self.at.names[var.name] = const(value)
                where = self.at.position(w.cell, w.index, under)
                pending.append((w.cell, where, self.at.value(w.value, under)))
        for cell, where, new in pending:
            self._write(cell, where, self.math.cast(new, cell.type.lo, cell.type.hi))

    def _write(self, cell: Cell, where: tuple[Bits, ...], new: Bits) -> None:
        if cell.name not in self.at.store:
            raise Unsupported(f"{cell.name} is not a cell of the system")
        items = list(self.at.store[cell.name])
        for index in product(*(range(w.lo, w.hi + 1) for w in where)):
            here = self.math.aig.all(self.math.equal_to(w, i) for w, i in zip(where, index))
            if here != FALSE:
                i = offset(cell, index)
                items[i] = self.math.ite(here, new, items[i])
        self.at.store[cell.name] = tuple(items)
