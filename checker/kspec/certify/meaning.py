"""What expressions and statements mean, as terms: written for the re-checking of certificates only.

It shares nothing with the encoding that found the proof but the transition system itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

from kspec.certify.terms import Formula, Number, Terms, number
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
from kspec.system.layout import indices, offset
from kspec.system.stmt import Assert, Assign, Bind, Block, Choose, For, If, Require, Stmt

Memory: TypeAlias = dict[str, list[Number]]
"""For every cell its scalars, row-major."""
Pick: TypeAlias = Callable[[Choose], tuple[Number, Formula]]
"""What a choice takes: a value, and the condition that it is one of ``lo..hi``."""


class NotEncodable(Exception):
    """The system cannot be put into terms; the message says why."""


@dataclass
class Meaning:
    """The state of one evaluation or execution.

    ``going``: nothing has ended it yet.  ``events``: when each error or assertion was raised.
    ``stopped``: it was disabled.
    """

    terms: Terms
    memory: Memory
    before: Memory | None = None
    going: Formula = True
    stopped: Formula = False
    events: dict[str, Formula] = field(default_factory=dict)
    bound: dict[str, Number] = field(default_factory=dict)

    def condition(self, e: Expr, path: Formula = True) -> Formula:
        """The truth of an expression, evaluated on ``path``."""
        return self.terms.truth(self.number(e, path))

    def number(self, e: Expr, path: Formula = True) -> Number:
        """The value of an expression, evaluated on ``path``."""
        t = self.terms
        match e:
            case Const(value):
                return number(value)
            case Var(name):
                if name not in self.bound:
                    raise NotEncodable(f"variable {name} is not in scope")
                return self.bound[name]
            case Read(cell, index, old):
                return self._read(cell, index, old, path)
            case Unary("not", a):
                return t.of_truth(t.no(self.condition(a, path)))
            case Unary(_, a):
                return t.negative(self.number(a, path))
            case Binary():
                return self._binary(e, path)
            case Ite(c, x, y):
                cond = self.condition(c, path)
                then = self.number(x, t.conj(path, cond))
                return t.choice(cond, then, self.number(y, t.conj(path, t.no(cond))))
            case Let(var, value, body):
                self.bound[var.name] = self.number(value, path)
                return self.number(body, path)
            case Quant(op, var, body):
                parts = [self._with(var, v, body, path) for v in range(var.lo, var.hi + 1)]
                return t.of_truth(t.conj(*parts) if op == "forall" else t.disj(*parts))
            case Fold(acc, init, var, body):
                self.bound[acc.name] = self.number(init, path)
                for v in range(var.lo, var.hi + 1):
                    self.bound[var.name] = number(v)
                    self.bound[acc.name] = self.number(body, path)
                return self.bound[acc.name]
            case Narrow(value, lo, hi, kind):
                n = self.number(value, path)
                outside = t.disj(t.less(n, number(lo)), t.less(number(hi), n))
                self.raise_event(f"error.{kind}", t.conj(path, outside))
                low, high = max(lo, n.lo), min(hi, n.hi)
                return t.within(n, low, high) if low <= high else number(lo)

    def run(self, block: Block, pick: Pick, path: Formula = True) -> None:
        """Executes a block on ``path``."""
        for s in _flat(block):
            self._statement(s, pick, path)

    def raise_event(self, name: str, cond: Formula) -> None:
        """``name`` is raised where ``cond`` holds, unless it is over already."""
        now = self.terms.conj(self.going, cond)
        if now is not False:
            self.events[name] = self.terms.disj(self.events.get(name, False), now)
            self.going = self.terms.conj(self.going, self.terms.no(cond))

    def stop(self, cond: Formula) -> None:
        """It is disabled where ``cond`` holds, unless it is over already."""
        self.stopped = self.terms.disj(self.stopped, self.terms.conj(self.going, cond))
        self.going = self.terms.conj(self.going, self.terms.no(cond))

    def _statement(self, s: Stmt, pick: Pick, path: Formula) -> None:
        t = self.terms
        match s:
            case Assign():
                self._assign(s, path)
            case Bind(var, value):
                self.bound[var.name] = self.number(value, path)
            case If(c, then, other):
                cond = self.condition(c, path)
                start = {name: list(items) for name, items in self.memory.items()}
                self.run(then, pick, t.conj(path, cond))
                after, self.memory = self.memory, start
                self.run(other, pick, t.conj(path, t.no(cond)))
                for name, items in self.memory.items():
                    there = after[name]
                    for i, n in enumerate(items):
                        if there[i] is not n:
                            items[i] = t.choice(cond, there[i], n)
            case For(var, body):
                for v in range(var.lo, var.hi + 1):
                    self.bound[var.name] = number(v)
                    self.run(body, pick, path)
            case Choose():
                self._choose(s, pick, path)
            case Require(c):
                self.stop(t.conj(path, t.no(self.condition(c, path))))
            case Assert(name, c):
                self.raise_event(name, t.conj(path, t.no(self.condition(c, path))))
            case Block():
                self.run(s, pick, path)

    def _choose(self, s: Choose, pick: Pick, path: Formula) -> None:
        t, var = self.terms, s.var
        allowed = [(v, self._with(var, v, s.where, path)) for v in range(var.lo, var.hi + 1)]
        nothing = t.conj(path, t.no(t.disj(*(ok for _, ok in allowed))))
        if s.on_empty == "error":
            self.raise_event("error.choose", nothing)
        else:
            self.stop(nothing)
        taken, typed = pick(s)
        good = t.disj(*(t.conj(t.equal(taken, number(v)), ok) for v, ok in allowed))
        # A value that may not be chosen is no way for the step to go; it is not disabled by it.
        self.going = t.conj(self.going, t.disj(t.no(path), t.conj(typed, good)))
        self.bound[var.name] = taken

    def _assign(self, s: Assign, path: Formula) -> None:
        pending: list[tuple[Cell, list[Number], Number]] = []
        for w in s.writes:
            for values in product(*(range(v.lo, v.hi + 1) for v in w.over)):
                self.bound.update((var.name, number(v)) for var, v in zip(w.over, values))
                at = [self.number(i, path) for i in w.index]
                pending.append((w.cell, at, self.number(w.value, path)))
        for cell, at, value in pending:
            items = self._cell(self.memory, cell)
            new = self.terms.within(value, cell.type.lo, cell.type.hi)
            for index in indices(cell.dims):
                here = self._same(at, index)
                if here is not False:
                    i = offset(cell, index)
                    items[i] = self.terms.choice(here, new, items[i])

    def _read(self, cell: Cell, index: tuple[Expr, ...], old: bool, path: Formula) -> Number:
        memory = self.before if old else self.memory
        if memory is None:
            raise NotEncodable(f"{cell.name} has no value before the step")
        at = [self.number(i, path) for i in index]
        if all(d.lo <= n.lo == n.hi <= d.hi for d, n in zip(cell.dims, at, strict=True)):
            return self._cell(memory, cell)[offset(cell, tuple(n.lo for n in at))]
        result: Number | None = None
        for i, value in zip(indices(cell.dims), self._cell(memory, cell), strict=True):
            here = self._same(at, i)
            if here is True:
                return value
            if here is not False:
                result = value if result is None else self.terms.choice(here, value, result)
        return number(cell.type.lo) if result is None else result

    def _cell(self, memory: Memory, cell: Cell) -> list[Number]:
        if cell.name not in memory:
            raise NotEncodable(f"{cell.name} is not a cell of the system")
        return memory[cell.name]

    def _same(self, at: Sequence[Number], index: tuple[int, ...]) -> Formula:
        return self.terms.conj(*(self.terms.equal(n, number(i)) for n, i in zip(at, index, strict=True)))

    def _with(self, var: Var, value: int, body: Expr, path: Formula) -> Formula:
        self.bound[var.name] = number(value)
        return self.condition(body, path)

    def _binary(self, e: Binary, path: Formula) -> Number:
        t = self.terms
        if e.op in ("and", "or"):
            return t.of_truth(self._chain(e, path))
        if e.op == "implies":
            a = self.condition(e.a, path)
            if a is False:
                return number(1)  # the consequent is not evaluated
            return t.of_truth(t.disj(t.no(a), self.condition(e.b, t.conj(path, a))))
        a_, b_ = self.number(e.a, path), self.number(e.b, path)
        match e.op:
            case "add" | "sub" | "mul" as op:
                return t.arithmetic(op, a_, b_)
            case "div" | "mod" as op:
                self.raise_event("error.div", t.conj(path, t.equal(b_, number(0))))
                return t.arithmetic(op, a_, b_)
            case "eq":
                return t.of_truth(t.equal(a_, b_))
            case "ne":
                return t.of_truth(t.no(t.equal(a_, b_)))
            case "lt":
                return t.of_truth(t.less(a_, b_))
            case "gt":
                return t.of_truth(t.less(b_, a_))
            case "le":
                return t.of_truth(t.no(t.less(b_, a_)))
            case "ge":
                return t.of_truth(t.no(t.less(a_, b_)))
            case _:
                raise NotEncodable(f"unknown operator {e.op}")

    def _chain(self, e: Binary, path: Formula) -> Formula:
        """A chain of ``and`` or of ``or``, each part evaluated where those before it did not decide."""
        t = self.terms
        undecided: Formula = True
        todo: list[Expr] = [e]
        while todo and undecided is not False:
            x = todo.pop()
            if isinstance(x, Binary) and x.op == e.op:
                todo += [x.b, x.a]
                continue
            part = self.condition(x, t.conj(path, undecided))
            undecided = t.conj(undecided, part if e.op == "and" else t.no(part))
        return undecided if e.op == "and" else t.no(undecided)


def _flat(block: Block) -> Iterator[Stmt]:
    """The statements of a block, nested blocks taken apart."""
    stack = [iter(block.stmts)]
    while stack:
        s = next(stack[-1], None)
        if s is None:
            stack.pop()
        elif isinstance(s, Block):
            stack.append(iter(s.stmts))
        else:
            yield s
