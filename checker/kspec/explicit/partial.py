"""Partial-order reduction: where it is sound, and what is said about its results.

Every state takes the steps of a stubborn set only (``kspec.explicit.stubborn``).  What that keeps: which
properties are violated or reached, errors, and deadlocks, exactly.  What it does not: how long the runs are,
and how many states there are.  So violations are looked for again, without it, up to the depth at which they
were found; a run that is not known to be shortest is not called so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kspec.engine.protocol import Budget, Evidence, Finding, Result
from kspec.explicit.access import TooLarge
from kspec.explicit.relations import Relations, grids
from kspec.explicit.search import Search
from kspec.system.constant import NotConstant, evaluate
from kspec.system.effects import expr_errors
from kspec.system.expr import TRUE, Binary, Const, Expr, Fold, Ite, Let, Narrow, Quant, Read, Unary, Var
from kspec.system.model import System

NAME = "partial order"
TOO_LARGE = "no partial-order reduction: the steps are too large to see what depends on what"
EVERYTHING_TOGETHER = "no partial-order reduction: in every state all steps have to be looked at together"


def relations_of(system: System, symmetric: bool, effort: int | None = None) -> Relations | str:
    """What stubborn sets are computed from, or why there is no use in them (or none is sound).

    ``effort``: how many expressions are looked at, at most, so that this never takes longer than the search.
    """
    for p in system.properties:
        if p.kind == "step" and (expr_errors(p.expr) or _standing_still(p.expr) != TRUE):
            return f"no partial-order reduction: {p.name} may be violated by steps that change nothing it reads"
    try:
        relations = Relations(system, grids(system), symmetric, effort=effort)
        useful = relations.useful
    except TooLarge:
        return TOO_LARGE
    relations.executor.effort = None
    return relations if useful else EVERYTHING_TOGETHER


def _standing_still(e: Expr) -> Expr:
    """What is left of a step property for a step that changes nothing it reads; TRUE if it surely holds."""
    match e:
        case Read(cell, index):
            return Read(cell, tuple(map(_standing_still, index)))
        case Unary(op, a):
            return _folded(Unary(op, _standing_still(a)))
        case Binary(op, a, b):
            return _binary(Binary(op, _standing_still(a), _standing_still(b)))
        case Ite(c, t, o):
            cond, then, other = _standing_still(c), _standing_still(t), _standing_still(o)
            return then if then == other else Ite(cond, then, other)
        case Let(var, value, body):
            inner = _standing_still(body)
            return inner if isinstance(inner, Const) else Let(var, _standing_still(value), inner)
        case Quant(op, var, body):
            inner = _standing_still(body)
            return inner if isinstance(inner, Const) and var.lo <= var.hi else Quant(op, var, inner)
        case Fold(acc, init, var, body):
            return Fold(acc, _standing_still(init), var, _standing_still(body))
        case Narrow(value, lo, hi, error):
            return Narrow(_standing_still(value), lo, hi, error)
        case Const() | Var():
            return e


def _binary(e: Binary) -> Expr:
    same = e.a == e.b
    match e.op:
        case "eq" | "le" | "ge" | "implies" if same:
            return TRUE
        case "ne" | "lt" | "gt" if same:
            return Const(0)
        case "implies" if e.b == TRUE or e.a == Const(0):
            return TRUE
        case "implies" if isinstance(e.b, Binary) and e.b.op == "or" and e.a in (e.b.a, e.b.b):
            return TRUE
        case "implies" if isinstance(e.a, Binary) and e.a.op == "and" and e.b in (e.a.a, e.a.b):
            return TRUE
        case "or" if TRUE in (e.a, e.b) or e.a == Unary("not", e.b) or e.b == Unary("not", e.a):
            return TRUE
        case "or" if e.a == Const(0):
            return e.b
        case "or" if e.b == Const(0):
            return e.a
        case "and" if e.a == TRUE:
            return e.b
        case "and" if e.b == TRUE:
            return e.a
        case "and" if Const(0) in (e.a, e.b):
            return Const(0)
        case _:
            return _folded(e)


def _folded(e: Expr) -> Expr:
    try:
        return Const(evaluate(e))
    except NotConstant:
        return e


def with_partial(search: Search, evidence: Evidence) -> tuple[Evidence, tuple[str, ...]]:
    """The evidence of a search that took the steps of stubborn sets, and remarks."""
    if not search.tiers.native.stage_bytes:
        return evidence, ()
    names = (evidence.reduction, NAME) if evidence.reduction else (NAME,)
    spared = None if search.went_on else search.space.spared()
    notes: tuple[str, ...] = ()
    if spared is not None:
        share = 100 * spared // max(spared + evidence.transitions, 1)
        notes = (f"partial-order reduction: {spared} steps were left out ({share} %)",)
    return replace(evidence, reduction=", ".join(names), represents=None, spared=spared), notes


def saving(result: Result) -> float:
    """The share of the steps that were left out."""
    e = result.evidence
    return e.spared / max(e.spared + e.transitions, 1) if e is not None and e.spared is not None else 0.0


def shortened(result: Result, budget: Budget, again: Callable[[Budget], Result]) -> Result:
    """The result with shortest runs to violations: ``again`` searches without the reduction, within a budget."""
    lengths = [f.run.length for f in result.findings if f.run is not None]
    if not lengths:
        return result
    depth = max(lengths) if budget.depth is None else min(max(lengths), budget.depth)
    full = again(replace(budget, depth=depth))
    if full.status in ("stopped", "exhausted"):
        text = f"found by partial-order reduction within {max(lengths)} steps, and then searched for without it"
        return replace(full, notes=(*full.notes, text))
    found = {f.property: f for f in full.findings}
    merged = tuple(_better(f, found) for f in result.findings)
    lost = [f.property for f in merged if f.run is not None and f.property not in found]
    if full.status == "bounded" and lost:
        raise RuntimeError(f"{lost[0]} is violated under partial-order reduction only")
    notes = result.notes
    if lost:
        notes = (*notes, f"not proved shortest: {', '.join(lost)} (no {full.reason} left to search without reduction)")
    return replace(result, findings=merged, shortest=tuple(found), notes=notes)


def _better(f: Finding, found: dict[str, Finding]) -> Finding:
    """The finding of the search without reduction, if it has one."""
    other = found.get(f.property)
    return f if other is None or f.run is None else other
