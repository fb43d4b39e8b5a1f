"""What one unit of stepping reads and writes, scalar by scalar, and what it makes of the values: static facts.

A body is executed abstractly.  Parameters have known values (or a range of them), scalars that the guard
compares with constants are known at the start, and every scalar that is written has a set of possible
results: constants, or its old value plus a constant.  Branches that cannot be taken are left out.  All sets
contain at least what an execution does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Literal, TypeAlias

from kspec.explicit.analysis import can_fail, operands
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
    trunc_div,
    trunc_mod,
)
from kspec.system.model import System
from kspec.system.stmt import Assert, Assign, Bind, Block, Choose, For, If, Require, Stmt, Write

FEW = 16
"""Sets of more values are not told apart; loops of more turns are executed once, for all turns."""

Values: TypeAlias = frozenset[int] | None
"""What an expression can be; None: anything."""
Env: TypeAlias = Mapping[str, Values]
Result: TypeAlias = tuple[Literal["is", "plus"], int]
"""A scalar after a step: a constant, or its value before the step plus a constant."""
Results: TypeAlias = frozenset[Result] | None
"""What a scalar can be after a step; None: anything."""
SAME: frozenset[Result] = frozenset({("plus", 0)})


@dataclass
class Access:
    """What a unit does: bit masks over the positions of the flat state, and by position what is written.

    ``tests``: the values that a position must have for the unit to do anything.
    """

    reads: int = 0
    writes: int = 0
    results: dict[int, Results] = field(default_factory=dict)
    tests: dict[int, frozenset[int]] = field(default_factory=dict)


def join(a: Results, b: Results) -> Results:
    """Either of two."""
    if a is None or b is None:
        return None
    both = a | b
    return both if len(both) <= FEW else None


class TooLarge(Exception):
    """Finding out what steps access takes too long."""


class Executor:
    """Executes bodies abstractly; collects what they access.

    ``effort``: how many expressions are looked at before it raises TooLarge (None: as many as there are).
    """

    def __init__(self, system: System, effort: int | None = None) -> None:
        self.system = system
        self.effort = effort
        self.looked = 0
        self.access = Access()
        self.now: dict[int, Results] = {}

    def run(self, guard: Expr, body: Block, env: Env) -> Access:
        """What a step does whose parameters have the values ``env``."""
        self.access, self.now = Access(), {}
        for part in operands(guard, "and"):
            self.access.reads |= self.reads(part, env)
        self.access.tests = dict(self.tests(guard, env))
        self.block(body, env)
        self.access.results = self.now
        return self.access

    def tests(self, guard: Expr, env: Env) -> Iterator[tuple[int, frozenset[int]]]:
        """Comparisons with constants that have to hold before anything else can fail."""
        found: dict[int, frozenset[int]] = {}
        for part in operands(guard, "and"):
            if can_fail(part):
                break
            test = self.test(part, env)
            if test is not None:
                at, values = test
                found[at] = found.get(at, values) & values
        yield from found.items()

    def test(self, part: Expr, env: Env) -> tuple[int, frozenset[int]] | None:
        """The position that a condition restricts, if it restricts one, and the values it allows."""
        match part:
            case Binary("eq" | "ne" | "lt" | "le" | "gt" | "ge" as op, Read() as read, other):
                pass
            case Binary("eq" | "ne" as op, other, Read() as read):
                pass
            case Binary("or", _, _):
                sides = [self.test(p, env) for p in operands(part, "or")]
                if any(s is None for s in sides) or len({s[0] for s in sides if s}) != 1:
                    return None
                return next(s[0] for s in sides if s), frozenset().union(*(s[1] for s in sides if s))
            case Read() as read:
                op, other = "ne", Const(0)
            case Unary("not", Read() as read):
                op, other = "eq", Const(0)
            case _:
                return None
        at, value = self.single(read, env), self.values(other, env)
        lo, hi = read.cell.type.lo, read.cell.type.hi
        if at is None or value is None or len(value) != 1 or hi - lo > 4 * FEW:
            return None
        (constant,) = value
        return at, frozenset(v for v in range(lo, hi + 1) if compare(op, v, constant))

    # -- statements -----------------------------------------------------------------------------

    def block(self, block: Block, env: Env) -> Env:
        for s in block.stmts:
            env = self.stmt(s, env)
        return env

    def stmt(self, s: Stmt, env: Env) -> Env:
        match s:
            case Block():
                return self.block(s, env)
            case Assign(writes):
                self.assign(writes, env)
            case Bind(var, value):
                self.note(value, env)
                return {**env, var.name: self.values(value, env)}
            case Choose(var, where):
                inner = {**env, var.name: _range(var)}
                self.note(where, inner)
                return inner
            case Require(cond) | Assert(_, cond):
                self.note(cond, env)
            case If(cond, then, other):
                self.branch(cond, then, other, env)
            case For(var, body):
                self.loop(var, body, env)
        return env

    def branch(self, cond: Expr, then: Block, other: Block, env: Env) -> None:
        self.note(cond, env)
        decided = self.values(cond, env)
        if decided is not None and len(decided) == 1:
            self.block(then if 0 not in decided else other, env)
            return
        before = dict(self.now)
        self.block(then, env)
        one, self.now = self.now, before
        self.block(other, env)
        self.merge(one)

    def loop(self, var: Var, body: Block, env: Env) -> None:
        if var.hi - var.lo < FEW:
            for v in range(var.lo, var.hi + 1):
                self.block(body, {**env, var.name: frozenset({v})})
            return
        # Once for all turns: nothing is known of what an earlier turn may have written.
        while True:
            start = dict(self.now)
            self.block(body, {**env, var.name: None})
            changed = {at for at, r in self.now.items() if start.get(at, SAME) is not None and start.get(at, SAME) != r}
            self.now = {**start, **dict.fromkeys(changed)}
            if not changed:
                return

    def merge(self, other: dict[int, Results]) -> None:
        """What is known after two branches."""
        for at in self.now.keys() | other.keys():
            self.now[at] = join(self.now.get(at, SAME), other.get(at, SAME))

    def assign(self, writes: tuple[Write, ...], env: Env) -> None:
        """All indices and values are evaluated before the first write."""
        made: list[tuple[list[int], Results]] = []
        for w in writes:
            inner: Env = {**env, **{v.name: _range(v) for v in w.over}}
            for e in (*w.index, w.value):
                self.note(e, inner)
            if w.cell.temp or any(v.lo > v.hi for v in w.over):
                continue
            at = self.positions(w.cell, w.index, inner)
            made.append((at, self.results(w.value, at[0] if len(at) == 1 else None, inner)))
        for at, results in made:
            for p in at:
                self.access.writes |= 1 << p
                self.now[p] = results if len(at) == 1 else join(self.now.get(p, SAME), results)

    def results(self, e: Expr, at: int | None, env: Env) -> Results:
        """What a value can be that is about to be written to a position."""
        match e:
            case Narrow(value):
                return self.results(value, at, env)
            case Read(cell, _, False) if at is not None and not cell.temp and self.single(e, env) == at:
                return self.now.get(at, SAME)
            case Binary("add" | "sub" as op, a, Const(k)) if not isinstance(a, Const):
                inner = self.results(a, at, env)
                shift = k if op == "add" else -k
                return None if inner is None else frozenset((kind, v + shift) for kind, v in inner)
            case Ite(cond, then, other):
                decided = self.values(cond, env)
                if decided is not None and len(decided) == 1:
                    return self.results(then if 0 not in decided else other, at, env)
                return join(self.results(then, at, env), self.results(other, at, env))
            case _:
                values = self.values(e, env)
                return None if values is None else frozenset(("is", v) for v in values)

    # -- expressions ----------------------------------------------------------------------------

    def look(self) -> None:
        """Another expression is looked at."""
        self.looked += 1
        if self.effort is not None and self.looked > self.effort:
            raise TooLarge

    def note(self, e: Expr, env: Env) -> None:
        """An expression is evaluated."""
        self.access.reads |= self.reads(e, env)

    def reads(self, e: Expr, env: Env) -> int:
        """The positions that evaluating an expression may read."""
        self.look()
        match e:
            case Const() | Var():
                return 0
            case Read(cell, index):
                mask = 0
                for i in index:
                    mask |= self.reads(i, env)
                if not cell.temp:
                    for p in self.positions(cell, index, env):
                        mask |= 1 << p
                return mask
            case Unary(_, a):
                return self.reads(a, env)
            case Binary(_, a, b):
                return self.reads(a, env) | self.reads(b, env)
            case Ite(c, t, o):
                return self.reads(c, env) | self.reads(t, env) | self.reads(o, env)
            case Let(var, value, body):
                return self.reads(value, env) | self.reads(body, {**env, var.name: self.values(value, env)})
            case Quant(_, var, body):
                return self.reads(body, {**env, var.name: _range(var)})
            case Fold(acc, init, var, body):
                return self.reads(init, env) | self.reads(body, {**env, acc.name: None, var.name: _range(var)})
            case Narrow(value):
                return self.reads(value, env)

    def single(self, read: Read, env: Env) -> int | None:
        """The position that is read, if it is known which."""
        if read.cell.temp or read.old:
            return None
        at = self.positions(read.cell, read.index, env)
        return at[0] if len(at) == 1 else None

    def positions(self, cell: Cell, index: tuple[Expr, ...], env: Env) -> list[int]:
        """Where an element of a cell can be."""
        rows: list[list[int]] = []
        for d, i in zip(cell.dims, index, strict=True):
            values = self.values(i, env)
            inside = range(d.lo, d.hi + 1)
            rows.append([v - d.lo for v in (inside if values is None else sorted(values)) if v in inside])
        sizes = [d.hi - d.lo + 1 for d in cell.dims]
        out: list[int] = []
        for at in product(*rows):
            position = 0
            for size, k in zip(sizes, at):
                position = position * size + k
            out.append(self.system.offsets[cell.name] + position)
        return out

    def values(self, e: Expr, env: Env) -> Values:
        """What an expression can be."""
        self.look()
        match e:
            case Const(v):
                return frozenset({v})
            case Var(name, lo, hi):
                return env[name] if name in env else _range(Var(name, lo, hi))
            case Read():
                return self.known(e, env)
            case Unary(op, a):
                x = self.values(a, env)
                return None if x is None else frozenset(int(not v) if op == "not" else -v for v in x)
            case Binary("and" | "or" | "implies" as op, a, b):
                return self.logic(op, a, b, env)
            case Binary(op, a, b):
                x, y = self.values(a, env), self.values(b, env)
                if x is None or y is None or len(x) * len(y) > FEW * FEW:
                    return None
                return _few(frozenset(_compute(op, v, u) for v in x for u in y if u or op not in ("div", "mod")))
            case Ite(c, t, o):
                x = self.values(c, env)
                if x is not None and len(x) == 1:
                    return self.values(t if 0 not in x else o, env)
                y, z = self.values(t, env), self.values(o, env)
                return None if y is None or z is None else _few(y | z)
            case Let(var, value, body):
                return self.values(body, {**env, var.name: self.values(value, env)})
            case Narrow(value, lo, hi):
                x = self.values(value, env)
                return None if x is None else frozenset(v for v in x if lo <= v <= hi)
            case _:
                return None

    def logic(self, op: str, a: Expr, b: Expr, env: Env) -> Values:
        x, y = self.values(a, env), self.values(b, env)
        if op == "implies":
            x, op = (None if x is None else frozenset(int(not v) for v in x)), "or"
        strong = frozenset({0 if op == "and" else 1})
        if x is not None:
            x = frozenset(int(bool(v)) for v in x)
        if y is not None:
            y = frozenset(int(bool(v)) for v in y)
        if strong in (x, y):
            return strong
        return None if x is None or y is None else (x & strong) | y

    def known(self, read: Read, env: Env) -> Values:
        """What a scalar can be at this point of the step."""
        at = self.single(read, env)
        if at is None:
            return None
        before, results = self.access.tests.get(at), self.now.get(at, SAME)
        if results is None:
            return None
        out: set[int] = set()
        for kind, v in results:
            if kind == "is":
                out.add(v)
            elif before is None:
                return None
            else:
                out |= {b + v for b in before}
        return _few(frozenset(out))


def _few(values: frozenset[int]) -> Values:
    return values if len(values) <= 4 * FEW else None


def _range(var: Var) -> Values:
    return frozenset(range(var.lo, var.hi + 1)) if var.hi - var.lo < 4 * FEW else None


def compare(op: str, a: int, b: int) -> bool:
    """The outcome of a comparison."""
    return bool(_compute(op, a, b))


def _compute(op: str, a: int, b: int) -> int:
    match op:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
        case "div":
            return trunc_div(a, b)
        case "mod":
            return trunc_mod(a, b)
        case "eq":
            return int(a == b)
        case "ne":
            return int(a != b)
        case "lt":
            return int(a < b)
        case "le":
            return int(a <= b)
        case "gt":
            return int(a > b)
        case _:
            return int(a >= b)
