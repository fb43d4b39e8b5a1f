"""Random systems of loosely coupled processes: where partial-order reduction leaves out much.

Each process walks a random graph of locations; a step may test and change its own variable and a few shared
ones, raise an error, or choose.  There are cycles, dead ends, self loops, steps that only count, invariants,
step properties and reachables over a few scalars, limits, asserts, and several initial states.
"""

from __future__ import annotations

import random

from kspec.system.expr import TRUE, Binary, BinaryOp, Cell, Const, Expr, Narrow, Quant, Read, Site, Unary, Var
from kspec.system.model import Action, Property, System
from kspec.system.stmt import EMPTY, Assert, Assign, Block, Choose, If, Require, Stmt, Write
from kspec.types import BOOL, IdType, RangeType, Scalar

MOST = 3


def random_processes(seed: int) -> System:
    """The system of a seed."""
    return _Builder(random.Random(seed)).system()


class _Builder:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        count = rng.randint(2, 4)
        self.selves: Scalar = IdType("P", count) if rng.random() < 0.3 else RangeType(0, count - 1)
        self.count = count
        self.locations = rng.randint(2, 5)
        self.pc = Cell("pc[]", (self.selves,), RangeType(0, self.locations - 1))
        self.own = Cell("own[]", (self.selves,), RangeType(0, rng.randint(1, MOST)))
        self.flag = Cell("flag[]", (self.selves,), BOOL)
        self.shared = [Cell(f"x{n}", (), RangeType(0, rng.randint(1, MOST))) for n in range(rng.randint(1, 3))]
        self.cells = (self.pc, self.own, self.flag, *self.shared)
        self.asserts: list[str] = []
        self.names = 0

    def system(self) -> System:
        rng = self.rng
        actions: list[Action] = []
        symmetric = isinstance(self.selves, IdType)
        for place in range(self.locations):
            for _ in range(rng.choice((0, 1, 1, 1, 2))):
                # Either all processes do the same here, or each has steps of its own.
                if symmetric or rng.random() < 0.5:
                    me = Var("self", self.selves.lo, self.selves.hi, self.selves)
                    actions.append(self.action(len(actions), place, me, ((me, self.selves),)))
                else:
                    for p in range(self.count):
                        if rng.random() < 0.8:
                            actions.append(self.action(len(actions), place, Const(p), ()))
        if not symmetric and rng.random() < 0.2:
            x = rng.choice(self.shared)
            body = Block((Assign((Write(x, (), Const(rng.randint(0, x.type.hi))),)),))
            actions.append(Action(f"a{len(actions)}", (), TRUE, body))
        start = tuple(0 for c in self.cells for _ in range(c.size))
        properties = [self.property(n) for n in range(rng.randint(0, 4))]
        properties += [Property(name, "assert", TRUE) for name in self.asserts]
        x = rng.choice(self.shared)
        return System(
            "random",
            (),
            self.cells,
            start,
            self.initial() if rng.random() < 0.3 else EMPTY,
            tuple(actions),
            tuple(properties),
            terminal=(Binary("eq", Read(x), Const(0)),) if rng.random() < 0.3 else (),
            limits=(Binary("lt", Read(x), Const(x.type.hi)),) if rng.random() < 0.2 else (),
            deadlock=rng.random() < 0.7,
            id_types=(self.selves,) if symmetric else (),
        )

    def initial(self) -> Block:
        x = self.rng.choice(self.shared)
        v = Var("v", 0, x.type.hi, x.type)
        return Block((Choose(v, TRUE, "disable"), Assign((Write(x, (), v),))))

    def action(self, n: int, place: int, me: Expr, params: tuple[tuple[Var, Scalar], ...]) -> Action:
        rng = self.rng
        guard: Expr = Binary("eq", Read(self.pc, (me,)), Const(place))
        if rng.random() < 0.05:
            guard = TRUE
        if rng.random() < 0.4:
            guard = Binary("and", guard, self.condition(me))
        body: list[Stmt] = []
        if rng.random() < 0.15:
            body.append(Require(self.condition(me)))
        if rng.random() < 0.1:
            self.asserts.append(f"assert{n}")
            body.append(Assert(f"assert{n}", self.condition(me)))
        for _ in range(rng.choice((0, 1, 1, 2))):
            body.append(self.change(me))
        if rng.random() < 0.1:
            body.append(If(self.condition(me), Block((self.change(me),)), Block((self.go(me),))))
        if rng.random() < 0.9:
            body.append(self.go(me))
        return Action(f"a{n}", params, guard, Block(tuple(body)), "p" if params else None, 0 if params else None)

    def go(self, me: Expr) -> Stmt:
        return Assign((Write(self.pc, (me,), Const(self.rng.randrange(self.locations))),))

    def change(self, me: Expr) -> Stmt:
        rng = self.rng
        cell, index = self.place(me)
        hi = cell.type.hi
        now = Read(cell, index)
        match rng.randrange(6):
            case 0 | 1:
                value: Expr = Const(rng.randint(0, hi))
            case 2:
                value = Narrow(Binary("add", now, Const(1)), 0, hi, "range", Site())
            case 3:
                value = Binary("mod", Binary("add", now, Const(1)), Const(hi + 1))
            case 4:
                other, at = self.place(me)
                value = Narrow(Read(other, at), 0, hi, "range", Site())
            case _:
                self.names += 1
                v = Var(f"v{self.names}", 0, hi, cell.type)
                return Block((Choose(v, TRUE, "disable"), Assign((Write(cell, index, v),))))
        return Assign((Write(cell, index, value),))

    def place(self, me: Expr) -> tuple[Cell, tuple[Expr, ...]]:
        """A variable of the process, or a shared one."""
        cell = self.rng.choice((self.own, self.own, self.flag, *self.shared))
        return cell, (me,) if cell.dims else ()

    def condition(self, me: Expr) -> Expr:
        rng = self.rng
        cell, index = self.place(me)
        op: BinaryOp = rng.choice(("eq", "ne", "lt", "ge"))
        atom: Expr = Binary(op, Read(cell, index), Const(rng.randint(0, cell.type.hi)))
        return atom if rng.random() < 0.7 else Binary("or", atom, self.condition(me))

    def property(self, n: int) -> Property:
        rng = self.rng
        kind = rng.randrange(4)
        x = rng.choice(self.shared)
        if kind == 3:
            rising = Binary(rng.choice(("ge", "le")), Read(x), Read(x, (), old=True))
            return Property(f"p{n}", "step", rising)
        me = Var(f"i{n}", self.selves.lo, self.selves.hi, self.selves)
        other = Var(f"j{n}", self.selves.lo, self.selves.hi, self.selves)
        here = Binary("eq", Read(self.pc, (me,)), Const(rng.randrange(self.locations)))
        there = Binary("eq", Read(self.pc, (other,)), Const(rng.randrange(self.locations)))
        match rng.randrange(4):
            case 0:
                bad: Expr = Binary("and", here, self.condition(me))
            case 1:
                both = Binary("and", Binary("ne", me, other), Binary("and", here, there))
                bad = Quant("exists", other, both)
            case 2:
                bad = Binary("and", here, Unary("not", self.condition(me)))
            case _:
                bad = Binary("and", self.condition(me), Binary("eq", Read(x), Const(rng.randint(0, x.type.hi))))
        found = Quant("exists", me, bad)
        if kind == 2:
            return Property(f"p{n}", "reachable", found)
        return Property(f"p{n}", "invariant", Unary("not", found))
