"""Random graphs as transition systems, random temporal properties and fairness for them and for other systems."""

from __future__ import annotations

import dataclasses
import random
from math import prod

from kspec.system.expr import TRUE, Binary, Cell, Const, Expr, Read, Var
from kspec.system.model import Action, Property, System, Variable
from kspec.system.stmt import Assign, Block, Write
from kspec.system.temporal import (
    NO,
    YES,
    And,
    Claim,
    Fair,
    Formula,
    Holds,
    Next,
    Not,
    Or,
    Release,
    Taken,
    Until,
    evaluated,
)
from kspec.types import RangeType


def graph_system(r: random.Random, states: int = 5) -> System:
    """A cell that walks along random edges: some are steps of the two instances of a process, some are actions
    of their own (one with a parameter).  Some states have no step, some steps lead beyond a limit or fail."""
    t = RangeType(0, states - 1)
    who = RangeType(0, 1)
    x = Cell("x", (), t)
    actions: list[Action] = []
    for n in range(r.randrange(3, 10)):
        source, to = r.randrange(states), r.randrange(states)
        here: Expr = Binary("eq", Read(x), Const(source))
        body = Block((Assign((Write(x, (), Const(to)),)),))
        kind = r.randrange(4)
        if kind == 0:
            actions.append(Action(f"a{n}", (), here, body))
        elif kind == 1:
            k = Var("k", 0, 2)
            guard = Binary("and", here, Binary("ne", k, Const(r.randrange(3))))
            actions.append(Action(f"a{n}", ((k, RangeType(0, 2)),), guard, body))
        else:
            me = Var("self", 0, 1)
            guard = Binary("and", here, Binary("eq", me, Const(r.randrange(2))))
            actions.append(Action(f"p.s{n}", ((me, who),), guard, body, "p", 0))
    limits = (Binary("ne", Read(x), Const(r.randrange(1, states))),) if r.random() < 0.15 else ()
    start = (0,)
    return System(
        "graph", (), (x,), start, Block(), tuple(actions), (), (), limits, False, (Variable("x", t, (x,)),)
    )


def conditions(r: random.Random, system: System) -> list[Expr]:
    """Some conditions on the state."""
    out: list[Expr] = [p.expr for p in system.properties if p.kind in ("invariant", "reachable")][:2]
    cells = list(system.state_cells)
    while len(out) < 4:
        c = r.choice(cells)
        index = tuple(Const(r.randint(d.lo, d.hi)) for d in c.dims)
        out.append(Binary(r.choice(["eq", "le"]), Read(c, index), Const(r.randint(c.type.lo, c.type.hi))))
    return out


def formula(r: random.Random, atoms: list[Formula], depth: int) -> Formula:
    """A random formula."""
    if depth == 0 or r.random() < 0.15:
        return r.choice(atoms)
    parts = [formula(r, atoms, depth - 1) for _ in range(2)]
    match r.randrange(9):
        case 0:
            return Not(parts[0])
        case 1:
            return And((parts[0], parts[1]))
        case 2:
            return Or((parts[0], parts[1]))
        case 3:
            return Next(parts[0])
        case 4:
            return Until(parts[0], parts[1])
        case 5:
            return Release(parts[0], parts[1])
        case 6:
            return Release(NO, Until(YES, parts[0]))
        case 7:
            return Until(YES, parts[0])
        case _:
            return Release(NO, Or((Not(parts[0]), Until(YES, parts[1]))))


def with_logic(system: System, r: random.Random, properties: int = 3) -> System:
    """The system with random temporal properties and fairness."""
    names = sorted({a.process or a.name for a in system.actions})
    atoms: list[Formula] = [Holds(e) for e in conditions(r, system)]
    for _ in range(2):
        a = r.choice(system.actions)
        args = tuple(r.choice([None, r.randint(t.lo, t.hi)]) for _, t in a.params)
        label = a.name.partition(".")[2] if a.process and r.random() < 0.5 else None
        atoms.append(Taken(a.process or a.name, label or None, args))
    fair = tuple(Fair(r.choice(["weak", "strong"]), n) for n in names if r.random() < 0.4)
    instances = {n: next(a for a in system.actions if (a.process or a.name) == n) for n in names}
    few = tuple(f for f in fair if prod(t.hi - t.lo + 1 for _, t in instances[f.name].params) < 30)
    added = []
    for n in range(properties):
        claims = tuple(Claim((), formula(r, atoms, r.choice([1, 2, 3]))) for _ in range(r.choice([1, 1, 2])))
        added.append(Property(f"live{n}", "property", evaluated(claims), claims=claims))
    return dataclasses.replace(system, properties=(*system.properties, *added), fairness=few)


__all__ = ["TRUE", "conditions", "formula", "graph_system", "with_logic"]
