"""Temporal formulas in negation normal form over numbered atoms, simplified.

Terms are nested tuples, which compare and hash by value: ``("true",)``, ``("false",)``, ``("lit", i, sign)``,
``("and", ...)``, ``("or", ...)``, ``("X", f)``, ``("U", f, g)``, ``("R", f, g)``.  The rewriting rules are among
those of F. Somenzi and R. Bloem, "Efficient Büchi automata from LTL formulae", CAV 2000, and K. Etessami and
G. Holzmann, "Optimizing Büchi automata", CONCUR 2000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from kspec.system.temporal import NO, YES, And, Atom, Formula, Holds, Next, Not, Or, Release, Taken, Until

Term: TypeAlias = tuple[Any, ...]

TRUE: Term = ("true",)
FALSE: Term = ("false",)


def normal(f: Formula, atoms: Mapping[Atom, int], positive: bool = True) -> Term:
    """The normal form of a formula, or (``positive`` false) of its negation."""
    match f:
        case Holds() | Taken() if f in (YES, NO):
            return TRUE if (f == YES) == positive else FALSE
        case Holds() | Taken():
            return ("lit", atoms[f], positive)
        case Not(a):
            return normal(a, atoms, not positive)
        case And(parts) | Or(parts):
            every = [normal(p, atoms, positive) for p in parts]
            return conj(every) if isinstance(f, And) == positive else disj(every)
        case Next(a):
            return following(normal(a, atoms, positive))
        case Until(a, b) | Release(a, b):
            make = until if isinstance(f, Until) == positive else release
            return make(normal(a, atoms, positive), normal(b, atoms, positive))


def conj(parts: Iterable[Term]) -> Term:
    """The conjunction; ``G a && G b`` becomes ``G (a && b)``, and likewise below ``F G``."""
    return _junction("and", TRUE, FALSE, _joined(list(parts), ("G", "FG"), conj))


def disj(parts: Iterable[Term]) -> Term:
    """The disjunction; ``F a || F b`` becomes ``F (a || b)``, and likewise below ``G F``."""
    return _junction("or", FALSE, TRUE, _joined(list(parts), ("F", "GF"), disj))


def _joined(parts: list[Term], wraps: tuple[str, ...], join: Callable[[Iterable[Term]], Term]) -> list[Term]:
    """The parts, with those that stand in the same wrap made one."""
    for wrap in wraps:
        inner = [(p, x) for p in parts if (x := _inside(p, wrap)) is not None]
        if len(inner) > 1:
            parts = [p for p in parts if not any(p is q for q, _ in inner)]
            made = join([x for _, x in inner])
            for letter in reversed(wrap):
                made = until(TRUE, made) if letter == "F" else release(FALSE, made)
            parts.append(made)
    return parts


def _inside(p: Term, wrap: str) -> Term | None:
    """What stands in ``F .``, ``G .``, ``G F .`` or ``F G .``; None if nothing does."""
    for letter in wrap:
        if p[:2] != (("U", TRUE) if letter == "F" else ("R", FALSE)):
            return None
        p = p[2]
    return p


def _junction(op: str, unit: Term, zero: Term, parts: Iterable[Term]) -> Term:
    flat: dict[Term, None] = {}
    for p in parts:
        flat.update(dict.fromkeys(p[1:] if p[0] == op else (p,)))
    flat.pop(unit, None)
    if zero in flat or any(p[0] == "lit" and ("lit", p[1], not p[2]) in flat for p in flat):
        return zero
    if not flat:
        return unit
    return next(iter(flat)) if len(flat) == 1 else (op, *sorted(flat, key=repr))


def following(a: Term) -> Term:
    """``X a``."""
    return a if a in (TRUE, FALSE) else ("X", a)


def until(a: Term, b: Term) -> Term:
    """``a U b``."""
    if b in (TRUE, FALSE) or a == FALSE:
        return b
    if b[0] == "U" and b[1] == a:
        return b
    if a == TRUE and _inside(b, "GF") is not None:
        return b  # F G F x is G F x
    return ("U", a, b)


def release(a: Term, b: Term) -> Term:
    """``a R b``."""
    if b in (TRUE, FALSE) or a == TRUE:
        return b
    if b[0] == "R" and b[1] == a:
        return b
    if a == FALSE and _inside(b, "FG") is not None:
        return b  # G F G x is F G x
    return ("R", a, b)
