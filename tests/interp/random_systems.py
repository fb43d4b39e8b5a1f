"""Random well-formed transition systems, for comparing engines with one another.

Everything of the IR occurs: cells of bool, range, enum, id and optional types with 0 to 2 dimensions,
temporaries, parameters, nondeterministic choice, loops, parallel assignment and assignment over binders,
every kind of error, assertions, invariants, step properties, reachables, terminals, limits, several initial
states.  The product of all domains is at most ``Features.product``, so every system can be explored.

How to use it (``tests`` is on the path, see pyproject.toml)::

    from interp.random_systems import Features, random_system, systems

    @given(systems())                       # hypothesis: shrinks to a small system
    def test_engine_agrees(system): ...

    for seed in range(1000):                # fast: no shrinking
        system = random_system(seed, Features(temps=False))

Identities that are not ordered are used as scalarsets only (equality, indexing, choice, quantification,
counting), so every system is symmetric in them, with one exception that no scalarset discipline removes:
where several elements of one quantifier or assignment raise errors of different kinds, the lowest decides.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from hypothesis import strategies as st
from interp.random_parts import Names, Pick, Types, draw_types
from interp.random_terms import Scope, Terms, is_scalarset
from kspec.system.expr import TRUE, Binary, Cell, Const, Expr, Ite, Narrow, Read, Var
from kspec.system.layout import cells_of
from kspec.system.model import Action, Property, System, Variable
from kspec.system.stmt import (
    EMPTY,
    Assert,
    Assign,
    Bind,
    Block,
    Choose,
    For,
    If,
    Require,
    Shown,
    Stmt,
    Write,
)
from kspec.types import BoolType, IdType, MapType, OptType, RangeType, Scalar, Type, scalar


@dataclass(frozen=True)
class Features:
    """What may occur, and how big it gets."""

    product: int = 2000
    actions: int = 4
    errors: bool = True
    asserts: bool = True
    choose: bool = True
    temps: bool = True
    limits: bool = True
    steps: bool = True
    reachables: bool = True
    wide: bool = True


@dataclass(frozen=True)
class Context:
    """Where a statement is: how deep more may nest, whether it may assert, how often it is executed,
    whether it belongs to init."""

    depth: int
    asserts: bool
    times: int = 1
    init: bool = False


PATHS = 48
"""The most paths of choices that one step has."""


def random_system(seed: int, features: Features = Features()) -> System:
    """The system of a seed."""
    rng = random.Random(seed)
    return Builder(lambda n: rng.randrange(n), features).system(f"random{seed}")


def systems(features: Features = Features()) -> st.SearchStrategy[System]:
    """A strategy that shrinks towards small systems."""

    @st.composite
    def build(draw: st.DrawFn) -> System:
        return Builder(lambda n: draw(st.integers(0, n - 1)), features).system("random")

    return build()


class Builder:
    """Makes one system out of picks."""

    def __init__(self, pick: Callable[[int], int], features: Features) -> None:
        self.p = Pick(pick)
        self.f = features
        self.names = Names()
        self.terms = Terms(self.p, self.names, errors=False)
        self.asserts: list[str] = []
        self.room = features.product
        self.paths = 1

    def system(self, name: str) -> System:
        types = draw_types(self.p)
        variables, start = self.variables(types)
        cells = tuple(c for v in variables for c in v.cells)
        temps = self.temps(types) if self.f.temps and self.p.chance(3) else ()
        scope = Scope(cells, types=types)
        init = self.init(scope)
        actions = tuple(self.action(i, scope, temps) for i in range(1 + self.p(2) + self.p(self.f.actions)))
        wide, stamp = self.ballast(scope) if self.f.wide and self.p.chance(8) else (None, None)
        if wide is not None and stamp is not None:
            variables, start = [*variables, wide], [*start, *[wide.cells[0].type.lo] * wide.cells[0].size]
            actions = (*actions, stamp)
            cells = (*cells, *wide.cells)
        self.risk(8)
        used = {d for c in cells for d in (*c.dims, c.type)}
        return System(
            name=name,
            params=(),
            cells=cells + temps,
            start=tuple(start),
            init=init,
            actions=actions,
            properties=self.properties(scope),
            terminal=tuple(self.terms.boolean(scope, 2) for _ in range(self.p(3) // 2)),
            limits=self.limits(scope, start) if self.f.limits and self.p.chance(4) else (),
            deadlock=not self.p.chance(4),
            variables=tuple(variables),
            id_types=tuple(t for t in types.ids if t in used or OptType(t) in used),
        )

    def risk(self, n: int) -> bool:
        """From here on evaluation may raise errors once in n times: a system full of errors goes nowhere."""
        risky = self.f.errors and self.p.chance(n)
        self.terms = Terms(self.p, self.names, errors=risky)
        return risky

    def variables(self, types: Types) -> tuple[list[Variable], list[int]]:
        """Declared variables within the room, and their start values."""
        out: list[Variable] = []
        start: list[int] = []
        for i in range(2 + self.p(4)):
            leaf = self.p.of(types.storable)
            values = leaf.hi - leaf.lo + 1
            t: Type = leaf
            size = 1
            for _ in range((0, 1, 0, 1, 2, 1)[self.p(6)]):
                key = self.p.of(types.keys)
                if values ** (size * (key.hi - key.lo + 1)) > self.room:
                    break
                size *= key.hi - key.lo + 1
                t = MapType(key, t)
            if values**size > self.room:
                continue
            self.room //= values**size
            name = f"v{i}"
            out.append(Variable(name, t, cells_of(name, t)))
            default = leaf.lo if isinstance(leaf, OptType | BoolType) else leaf.lo + self.p(values)
            start += [default] * size
        if not out:
            out, start = [Variable("v", BoolType(), cells_of("v", BoolType()))], [0]
        return out, start

    def temps(self, types: Types) -> tuple[Cell, ...]:
        leaf = self.p.of(types.storable)
        dims = (self.p.of(types.keys),) if self.p.chance(2) else ()
        return (Cell("tmp" + "[]" * len(dims), dims, leaf, temp=True),)

    def ballast(self, scope: Scope) -> tuple[Variable, Action]:
        """Many bits that hardly change, so that states take several words."""
        t = MapType(RangeType(0, 3 + self.p(9)), RangeType(-1000, 1000))
        v = Variable("wide", t, cells_of("wide", t))
        cell = v.cells[0]
        at = Const(self.p(cell.size))
        guard = self.terms.boolean(scope, 1)
        body = Block((Assign((Write(cell, (at,), Const(self.p(2001) - 1000)),)),))
        return v, Action("stamp", (), guard, body)

    def init(self, scope: Scope) -> Block:
        if self.p.chance(3):
            return EMPTY
        self.paths = PATHS
        self.risk(6)
        return self.block(scope, Context(1, asserts=False, init=True), 1 + self.p(2))

    def action(self, number: int, scope: Scope, temps: tuple[Cell, ...]) -> Action:
        params: list[tuple[Var, Scalar]] = []
        self.risk(3)
        keys = [d for c in scope.cells for d in c.dims]
        for _ in range((1, 0, 1, 2, 2)[self.p(5)]):
            t = self.p.of(keys) if keys and not self.p.chance(3) else self.p.of(scope.types.params)
            params.append((self.names.var(t), t))
        scope = scope.with_vars(*(v for v, _ in params))
        guard = self.guard(scope)
        stmts: tuple[Stmt, ...] = ()
        if temps and self.p.chance(2):
            stmts = tuple(self.fill(c, scope) for c in temps)
            scope = replace(scope, cells=scope.cells + temps)
        self.paths = PATHS
        body = self.block(scope, Context(2, self.f.asserts), 1 + self.p(3))
        actor = next((i for i, (_, t) in enumerate(params) if isinstance(t, IdType)), None)
        process = f"p{number}" if self.p.chance(3) else None
        return Action(f"a{number}", tuple(params), guard, Block(stmts + body.stmts), process, actor)

    def guard(self, scope: Scope) -> Expr:
        """Weak enough that something happens in most systems."""
        match self.p(4):
            case 0:
                return TRUE
            case 1:
                return Binary("or", self.terms.boolean(scope, 1), self.terms.boolean(scope, 1))
            case n:
                return self.terms.boolean(scope, n - 1)

    def fill(self, cell: Cell, scope: Scope) -> Stmt:
        """Writes every element of a cell."""
        binders = tuple(self.names.var(d) for d in cell.dims)
        value = self.terms.value(cell.type, scope.with_vars(*binders), 1)
        return Assign((Write(cell, binders, value, binders),))

    def block(self, scope: Scope, ctx: Context, count: int) -> Block:
        out: list[Stmt] = []
        for _ in range(count):
            scope, stmt = self.statement(scope, ctx)
            out.append(stmt)
        return Block(tuple(out))

    def statement(self, scope: Scope, ctx: Context) -> tuple[Scope, Stmt]:
        """A statement, and the scope of what follows it."""
        kind = self.p(20)
        terms = self.terms
        inside = replace(ctx, depth=ctx.depth - 1)
        if kind in (8, 9) and ctx.depth:
            then = self.block(scope, inside, 1 + self.p(2))
            other = self.block(scope, inside, self.p(2))
            return scope, If(terms.boolean(scope, 2), then, other)
        if kind == 10 and ctx.depth:
            var = self.names.var(self.p.of(scope.types.loops))
            inside = replace(inside, times=ctx.times * (var.hi - var.lo + 1))
            return scope, For(var, self.block(scope.with_vars(var), inside, 1 + self.p(2)))
        if kind in (11, 12) and self.f.choose:
            return self.choose(scope, ctx)
        if kind == 13:
            t = self.p.of([t for t in scope.types.params if terms.has(t, scope)])
            value = terms.value(t, scope, 1)
            var = self.names.var(t)
            return scope.with_vars(var), Bind(var, value)
        if kind == 16 and ctx.asserts and terms.usable(scope):
            return scope, self.assertion(scope)
        if kind == 14 and not ctx.init:
            return scope, Require(terms.boolean(scope, 2))
        if kind == 15 and ctx.depth:
            return scope, self.block(scope, inside, 1 + self.p(2))
        if kind == 7:
            return scope, self.parallel(scope)
        if kind == 6:
            return scope, self.over(scope)
        return scope, self.assign(scope)

    def choose(self, scope: Scope, ctx: Context) -> tuple[Scope, Stmt]:
        """A choice, unless a step would then have too many paths."""
        var = self.names.var(self.p.of(scope.types.params))
        inner = scope.with_vars(var)
        paths = (var.hi - var.lo + 1) ** ctx.times
        if paths > self.paths:
            return scope, self.assign(scope)
        self.paths //= paths
        where = TRUE if ctx.init or self.p.chance(2) else self.terms.boolean(inner, 1)
        return inner, Choose(var, where, "error" if self.terms.errors else "disable")

    def assign(self, scope: Scope) -> Stmt:
        """One write."""
        cells = self.terms.usable(scope)
        return Assign((self.write(self.p.of(cells), scope),)) if cells else self.over(scope)

    def write(self, cell: Cell, scope: Scope) -> Write:
        index = self.terms.index(cell, scope, 1)
        t = cell.type
        if self.p(2) and not is_scalarset(scalar(t.base) if isinstance(t, OptType) else t):
            # Counting round keeps a system going.
            now = Read(cell, index)
            more = Binary("add", now, Const(1))
            below = Binary("lt", now, Const(t.hi))
            return Write(cell, index, Ite(below, Narrow(more, t.lo, t.hi, "range"), Const(t.lo)))
        return Write(cell, index, self.terms.value(t, scope, 2))

    def parallel(self, scope: Scope) -> Stmt:
        """A swap of two elements, or writes to two cells."""
        cells = self.terms.usable(scope)
        if not cells:
            return self.over(scope)
        first, second = self.p.of(cells), self.p.of(cells)
        if first is not second:
            return Assign((self.write(first, scope), self.write(second, scope)))
        if not first.dims or is_scalarset(first.dims[0]) or first.dims[0].lo == first.dims[0].hi:
            return Assign((self.write(first, scope),))
        d = first.dims[0]
        a = self.p(d.hi - d.lo)
        b = a + 1 + self.p(d.hi - d.lo - a)
        rest = self.terms.index(first, scope, 1)[1:]
        one, two = (Const(d.lo + a), *rest), (Const(d.lo + b), *rest)
        return Assign((Write(first, one, Read(first, two)), Write(first, two, Read(first, one))))

    def over(self, scope: Scope) -> Stmt:
        """A write for every value of all dimensions of a cell, or of all but one."""
        cell = self.p.of(scope.cells)
        over = tuple(self.names.var(d) for d in cell.dims)
        index: tuple[Expr, ...] = over
        if len(over) == 2 and self.terms.has(cell.dims[0], scope) and self.p.chance(2):
            over = over[1:]
            index = (self.terms.key(cell.dims[0], scope, 1), *over)
        value = self.terms.value(cell.type, scope.with_vars(*over), 2)
        return Assign((Write(cell, index, value, over),))

    def assertion(self, scope: Scope) -> Stmt:
        name = f"assert{len(self.asserts)}"
        self.asserts.append(name)
        cond = Binary("or", self.terms.boolean(scope, 1), self.terms.boolean(scope, 2))
        cell = self.p.of(self.terms.usable(scope))
        shown = Shown(Read(cell, self.terms.index(cell, scope, 0)), cell.type)
        return Assert(name, cond, (f"{cell.name} is ", shown))

    def limits(self, scope: Scope, start: list[int]) -> tuple[Expr, ...]:
        """A bound that some element keeps at the start, or any condition."""
        cond = Binary("or", self.terms.boolean(scope, 1), self.terms.boolean(scope, 2))
        at = 0
        ranges: list[tuple[Cell, int]] = []
        for c in scope.cells:
            if isinstance(c.type, RangeType) and not any(is_scalarset(d) for d in c.dims):
                ranges.append((c, start[at]))
            at += c.size
        if not ranges or self.p.chance(6):
            return (cond, self.terms.boolean(scope, 2))
        cell, first = self.p.of(ranges)
        element = Read(cell, self.terms.index(cell, scope, 0))
        bound: Expr = Binary("le", element, Const(first + self.p(cell.type.hi - first + 1)))
        return (Binary("or", bound, cond),) if self.p.chance(3) else (bound,)

    def properties(self, scope: Scope) -> tuple[Property, ...]:
        out: list[Property] = []
        for i in range(self.p(4)):
            self.risk(6)
            weak = Binary("implies", self.terms.boolean(scope, 2), self.terms.boolean(scope, 2))
            out.append(Property(f"inv{i}", "lemma" if self.p(8) == 7 else "invariant", weak))
        if self.f.steps and self.p.chance(2):
            both = replace(scope, old=True)
            weak = Binary("or", self.terms.boolean(both, 2), self.terms.boolean(both, 2))
            out.append(Property("step0", "step", weak))
        if self.f.reachables:
            for i in range(self.p(3)):
                strong = Binary("and", self.terms.boolean(scope, 1), self.terms.boolean(scope, 2))
                out.append(Property(f"reach{i}", "reachable", strong))
        return (*out, *(Property(n, "assert", TRUE) for n in self.asserts))
