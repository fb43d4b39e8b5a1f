"""Properties in linear temporal logic, and fairness, as parts of a transition system.

A behaviour is an infinite sequence of states and steps.  Position i of it is the state i and the step from
there to the state i+1 (in a state from which nothing can happen: no step, and the same state again).  A
formula is true or false at a position; a behaviour satisfies a claim when the formula is true at position 0.

``always f`` is ``Release(FALSE, f)``, ``eventually f`` is ``Until(TRUE, f)``, and ``f leads_to g`` is
``always (f => eventually g)``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from kspec.system.expr import FALSE, TRUE, Binary, Expr
from kspec.types import Scalar

if TYPE_CHECKING:
    from kspec.system.model import Action, System


@dataclass(frozen=True)
class Holds:
    """The condition is true in the state."""

    expr: Expr


@dataclass(frozen=True)
class Taken:
    """The step is one of the action ``name``, or of the process ``name`` (with ``label``: at that label).

    ``args`` are the values of the parameters, None where any will do.
    """

    name: str
    label: str | None
    args: tuple[int | None, ...]


@dataclass(frozen=True)
class Not:
    a: Formula


@dataclass(frozen=True)
class And:
    parts: tuple[Formula, ...]


@dataclass(frozen=True)
class Or:
    parts: tuple[Formula, ...]


@dataclass(frozen=True)
class Next:
    """``a`` at the next position."""

    a: Formula


@dataclass(frozen=True)
class Until:
    """``b`` now or later, and ``a`` at all positions before."""

    a: Formula
    b: Formula


@dataclass(frozen=True)
class Release:
    """``b`` up to and including the first position at which ``a`` holds; for ever if there is none."""

    a: Formula
    b: Formula


Formula: TypeAlias = Holds | Taken | Not | And | Or | Next | Until | Release
Atom: TypeAlias = Holds | Taken

YES = Holds(TRUE)
NO = Holds(FALSE)


@dataclass(frozen=True)
class Claim:
    """One instance of a property: its outer ``forall`` with these values, ``(name, type, value)``."""

    bindings: tuple[tuple[str, Scalar, int], ...]
    formula: Formula


@dataclass(frozen=True)
class Fair:
    """A fairness declaration for an action or for a process (all its steps together, or those at ``label``), for
    each instance.

    ``weak``: not (enabled from some position on at every position, and never taken from there on).
    ``strong``: not (enabled at infinitely many positions, and taken at only finitely many).
    """

    kind: Literal["weak", "strong"]
    name: str
    label: str | None = None


@dataclass(frozen=True)
class Constraint:
    """A fairness declaration for one instance: the steps of the actions named, with these arguments.

    ``name`` is that of the action or process.
    """

    kind: Literal["weak", "strong"]
    name: str
    actions: frozenset[str]
    args: tuple[int, ...]
    types: tuple[Scalar, ...]
    label: str | None = None


def constraints(system: System) -> tuple[Constraint, ...]:
    """The fairness constraints of a system, in order of declaration, instances ascending."""
    out: dict[tuple[Fair, tuple[int, ...]], Constraint] = {}
    for f in system.fairness:
        actions = [a for a in system.actions if fair_to(f, a)]
        names = frozenset(a.name for a in actions)
        types = tuple(t for _, t in actions[0].params) if actions else ()
        for args in itertools.product(*(range(t.lo, t.hi + 1) for t in types)) if actions else ():
            out.setdefault((f, args), Constraint(f.kind, f.name, names, args, types, f.label))
    return tuple(out.values())


def fair_to(f: Fair, action: Action) -> bool:
    """Whether a fairness declaration is about an action."""
    return means(Taken(f.name, f.label, ()), action)


def matches(t: Taken, action: Action, args: tuple[int, ...]) -> bool:
    """Whether a step of an action is one that the atom means."""
    return means(t, action) and all(want in (None, got) for want, got in zip(t.args, args, strict=True))


def means(t: Taken, action: Action) -> bool:
    """Whether the atom means the action, for some arguments."""
    if (action.process or action.name) != t.name:
        return False
    return t.label is None or action.name.removeprefix(f"{t.name}.").split("/")[0] == t.label


def walk(f: Formula) -> Iterator[Formula]:
    """The formula and its parts."""
    stack: list[Formula] = [f]
    while stack:
        g = stack.pop()
        yield g
        stack.extend(reversed(children(g)))


def children(f: Formula) -> tuple[Formula, ...]:
    """The direct parts."""
    match f:
        case Holds() | Taken():
            return ()
        case Not(a) | Next(a):
            return (a,)
        case And(parts) | Or(parts):
            return parts
        case Until(a, b) | Release(a, b):
            return (a, b)


def map_conditions(f: Formula, change: Callable[[Expr], Expr]) -> Formula:
    """The formula with its conditions changed."""
    match f:
        case Holds(e):
            return Holds(change(e))
        case Taken():
            return f
        case Not(a):
            return Not(map_conditions(a, change))
        case Next(a):
            return Next(map_conditions(a, change))
        case And(parts):
            return And(tuple(map_conditions(p, change) for p in parts))
        case Or(parts):
            return Or(tuple(map_conditions(p, change) for p in parts))
        case Until(a, b):
            return Until(map_conditions(a, change), map_conditions(b, change))
        case Release(a, b):
            return Release(map_conditions(a, change), map_conditions(b, change))


def folded(f: Formula) -> Formula:
    """The formula without constants, where they decide."""
    match f:
        case Holds() | Taken():
            return f
        case Not(a):
            a = folded(a)
            return NO if a == YES else YES if a == NO else a.a if isinstance(a, Not) else Not(a)
        case And(parts) | Or(parts):
            unit, zero = (YES, NO) if isinstance(f, And) else (NO, YES)
            kept = tuple(x for p in parts if (x := folded(p)) != unit)
            if zero in kept or not kept:
                return zero if zero in kept else unit
            return kept[0] if len(kept) == 1 else type(f)(kept)
        case Next(a):
            a = folded(a)
            return a if a in (YES, NO) else Next(a)
        case Until(a, b) | Release(a, b):
            a, b = folded(a), folded(b)
            through = a == (NO if isinstance(f, Until) else YES)
            return b if b in (YES, NO) or through else type(f)(a, b)


def atoms(f: Formula) -> tuple[Atom, ...]:
    """The different atoms of a formula, in order (constants left out)."""
    found = (g for g in walk(f) if isinstance(g, Holds | Taken))
    return tuple(dict.fromkeys(a for a in found if a not in (YES, NO)))


def evaluated(claims: tuple[Claim, ...]) -> Expr:
    """A condition that is always true, whose evaluation raises what evaluating the claims' conditions would.

    A temporal property's conditions are evaluated in every state that is reached, as those of an invariant.
    """
    from kspec.system.effects import expr_errors

    every = dict.fromkeys(a.expr for c in claims for a in atoms(c.formula) if isinstance(a, Holds))
    out: Expr | None = None
    for e in every:
        if expr_errors(e):
            one = Binary("or", e, TRUE)
            out = one if out is None else Binary("and", out, one)
    return TRUE if out is None else out
