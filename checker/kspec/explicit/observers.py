"""What is looked for in states, as actions that only look.

An invariant is looked for where it is false, something reachable where it is true.  Such a condition is a
disjunction; each part of it becomes an *observer*: an action whose guard is the part and whose body does
nothing.  A reduction that keeps every action from being overlooked keeps observers too.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import TypeAlias

from kspec.explicit.access import Env
from kspec.explicit.analysis import can_fail
from kspec.system.expr import Binary, BinaryOp, Expr, Let, Quant, Unary, Var
from kspec.system.model import Action, System
from kspec.system.rewrite import substitute
from kspec.system.stmt import EMPTY
from kspec.types import RangeType

MOST_PARTS = 128
"""Parts of one condition beyond which it is not taken apart."""
MOST_UNITS = 512
"""Units of observers beyond which there are no more."""

Look: TypeAlias = tuple[Expr, Env]
"""A condition and the values of its variables."""
Part: TypeAlias = tuple[tuple[Var, ...], Expr]

_OPPOSITE: dict[str, BinaryOp] = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "le": "gt", "gt": "le"}


def observers(system: System) -> tuple[tuple[Action, ...], tuple[Look, ...]]:
    """The observers of a system; and conditions, with values of some variables, whose change matters as such:
    of step properties, of those that may raise errors, and of those with too many parts."""
    found: list[Action] = []
    rest: list[Look] = []
    units = 0
    for p in system.properties:
        if p.kind not in ("invariant", "lemma", "reachable", "step"):
            continue
        parts = [] if can_fail(p.expr) else list(_parts(p.expr, p.kind == "reachable", ()))
        size = sum(prod(max(v.hi - v.lo + 1, 0) for v in over) for over, _ in parts)
        if not parts or len(parts) > MOST_PARTS or units + size > MOST_UNITS:
            rest.append((p.expr, {}))
        elif p.kind == "step":
            for over, condition in parts:
                for values in product(*(range(v.lo, v.hi + 1) for v in over)):
                    env = {v.name: frozenset({n}) for v, n in zip(over, values)}
                    rest.append((condition, env))
        else:
            units += size
            for over, condition in parts:
                params = tuple((v, RangeType(v.lo, v.hi)) for v in over)
                found.append(Action(f"{p.name} {len(found)}", params, condition, EMPTY))
    return tuple(found), tuple(rest)


def _parts(e: Expr, wanted: bool, over: tuple[Var, ...]) -> Iterator[Part]:
    """The disjuncts of a condition (of its negation, when it is wanted to be false)."""
    match e:
        case Unary("not", a):
            yield from _parts(a, not wanted, over)
        case Binary("and", a, b) if not wanted:
            yield from _parts(a, False, over)
            yield from _parts(b, False, over)
        case Binary("or", a, b) if wanted:
            yield from _parts(a, True, over)
            yield from _parts(b, True, over)
        case Binary("implies", a, b) if wanted:
            yield from _parts(a, False, over)
            yield from _parts(b, True, over)
        case Quant(op, var, body) if wanted == (op == "exists"):
            yield from _parts(body, wanted, (*over, var))
        case Let(var, value, body):
            yield from _parts(substitute(body, {var.name: value}), wanted, over)
        case _:
            yield over, conjunction(e, wanted)


def conjunction(e: Expr, wanted: bool) -> Expr:
    """A condition (or its negation) with what it is a conjunction of on the outside."""
    match e:
        case Unary("not", a):
            return conjunction(a, not wanted)
        case Binary("and", a, b) if wanted:
            return Binary("and", conjunction(a, True), conjunction(b, True))
        case Binary("or", a, b) if not wanted:
            return Binary("and", conjunction(a, False), conjunction(b, False))
        case Binary("implies", a, b) if not wanted:
            return Binary("and", conjunction(a, True), conjunction(b, False))
        case Let(var, value, body):
            return conjunction(substitute(body, {var.name: value}), wanted)
        case Binary(op, a, b) if not wanted and op in _OPPOSITE:
            return Binary(_OPPOSITE[op], a, b)
        case _:
            return e if wanted else Unary("not", e)
