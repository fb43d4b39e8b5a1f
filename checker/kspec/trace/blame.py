"""Which part of a condition decides its value.

A false condition is followed through ``forall`` (to the first value that falsifies it), ``and`` (to the
first false operand), ``=>`` (to the conclusion, the premise being noted), ``!``, ``?:`` and ``let``; a
true one, as below a negation, likewise.  What is left is the innermost part with its values.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from kspec.lang.source import Span
from kspec.system.expr import (
    Binary,
    Cell,
    Const,
    Expr,
    Ite,
    Let,
    Narrow,
    Quant,
    Read,
    Unary,
    Var,
    walk,
)
from kspec.system.layout import offset
from kspec.system.model import State, System
from kspec.system.stmt import Assert, Choose, Require
from kspec.trace.model import Cause, Observed
from kspec.trace.observe import Env, FaultError, HaltError, Observer, Place
from kspec.trace.words import name_of, show_as, site_of, text_of, type_of, var_name
from kspec.types import BOOL, Scalar, show_scalar

MOST_READS = 8


@dataclass(frozen=True)
class Lens:
    """What conditions are looked at with: all states of the run (the last one may be in the middle of a
    step), and the state that ``old`` means."""

    system: System
    states: tuple[State, ...]
    old: State | None = None
    temps: dict[Place, int] = field(default_factory=dict)

    def observer(self) -> Observer:
        """An observer of the last state."""
        return Observer(self.system, self.states[-1], self.old, dict(self.temps))

    def setter(self, position: int) -> int:
        """The step that gave a position of the state its value (0: the initial state has it already)."""
        steps = range(len(self.states) - 1, 0, -1)
        return next((i for i in steps if self.states[i][position] != self.states[i - 1][position]), 0)


@dataclass(frozen=True)
class Leaf:
    """The deciding part, its truth (None: evaluating it goes wrong), and what is true on the way to it."""

    expr: Expr
    env: Env
    truth: bool | None
    given: tuple[tuple[Expr, Env, bool], ...] = ()
    near: Span | None = None


def blame(lens: Lens, e: Expr, env: Env) -> Leaf:
    """The leaf that decides the value of a boolean expression, or where evaluating it goes wrong."""
    observer = lens.observer()
    try:
        truth = bool(observer.value(e, env))
    except FaultError as fault:
        return Leaf(fault.expr, fault.env, None)
    return _descend(observer, Leaf(e, env, truth))


def _descend(o: Observer, leaf: Leaf) -> Leaf:
    while (inner := _inner(o, leaf)) is not None:
        leaf = inner
    return leaf


def _inner(o: Observer, leaf: Leaf) -> Leaf | None:
    """One level further in; None when the leaf itself decides."""
    env, truth = leaf.env, leaf.truth
    near = site_of(leaf.expr).span or leaf.near
    at = replace(leaf, near=near)
    match leaf.expr:
        case Unary("not", a):
            return replace(at, expr=a, truth=not truth)
        case Narrow(value):
            return replace(at, expr=value)
        case Let(var, value, body):
            return replace(at, expr=body, env=o.bind(env, var, o.value(value, env)))
        case Ite(c, a, b):
            chosen = bool(o.value(c, env))
            branch = a if chosen else b
            if isinstance(branch, Const):
                return replace(at, expr=c, truth=chosen)
            return replace(at, expr=branch, given=(*leaf.given, (c, env, chosen)))
        case Binary("and", a, b) if not truth:
            return replace(at, expr=b if o.value(a, env) else a)
        case Binary("or", a, b) if truth:
            return replace(at, expr=a if o.value(a, env) else b)
        case Binary("or", a, b) if isinstance(a, Const) or isinstance(b, Const):
            return replace(at, expr=b if isinstance(a, Const) else a)
        case Binary("implies", a, b) if not truth:
            if isinstance(b, Const):
                return replace(at, expr=a, truth=True)
            return replace(at, expr=b, given=(*leaf.given, (a, env, True)))
        case Binary("implies", a, b):
            return replace(at, expr=b) if o.value(a, env) else replace(at, expr=a, truth=False)
        case Quant(op, var, body) if (op == "exists") == truth:
            for v in range(var.lo, var.hi + 1):
                inner = o.bind(env, var, v)
                if bool(o.value(body, inner)) == truth:
                    return replace(at, expr=body, env=inner)
    return None


def cause_of(lens: Lens, leaf: Leaf, hidden: Collection[str] = ()) -> Cause:
    """A leaf in words, with what it read; variables in ``hidden`` are not listed among the bindings."""
    o = lens.observer()
    parts = [(leaf.expr, leaf.env), *((e, env) for e, env, _ in leaf.given)]
    for e, env in parts:
        _look(o, e, env)
    used = {x.name: x for e, _ in parts for x in walk(e) if isinstance(x, Var)}
    bindings = [
        (var_name(used[n]), show_as(used[n].type, v)) for n, v in leaf.env.items() if n in used and n not in hidden
    ]
    reads = _observed(lens, o)
    return Cause(
        text=text_of(lens.system, leaf.expr),
        truth=leaf.truth,
        place=site_of(leaf.expr).span or leaf.near,
        bindings=tuple((n, v) for n, v in bindings if n),
        given=tuple(_as_true(lens, e, truth) for e, _, truth in leaf.given),
        operands=_operands(lens, leaf),
        reads=reads[:MOST_READS],
        more_reads=max(0, len(reads) - MOST_READS),
    )


def halted(lens: Lens, halt: HaltError) -> Cause:
    """Why an assertion fails, a requirement is not met, or there is nothing to choose."""
    match halt.stmt:
        case Choose(var, where, _, site):
            nothing = Quant("exists", var, where)
            cause = cause_of(lens, Leaf(nothing, halt.env, False, near=site.span))
        case Require(cond, site) | Assert(_, cond, _, site):
            cause = cause_of(lens, blame(lens, cond, halt.env))
    return cause if cause.place else replace(cause, place=site.span)


def _look(o: Observer, e: Expr, env: Env) -> int | None:
    """Evaluates for the sake of what is read; None when that goes wrong."""
    try:
        return o.value(e, env)
    except FaultError:
        return None


def _as_true(lens: Lens, e: Expr, truth: bool) -> str:
    text = text_of(lens.system, e)
    return text if truth else f"!({text})"


def _operands(lens: Lens, leaf: Leaf) -> tuple[tuple[str, str], ...]:
    """The sides of a comparison with their values, except those that are elements or constants themselves."""
    match leaf.expr:
        case Binary("eq" | "ne" | "lt" | "le" | "gt" | "ge", a, b):
            t = _common(type_of(a), type_of(b))
        case _:
            return ()
    whole = " ".join(site_of(leaf.expr).text.split())
    out = []
    for side, word in ((a, "left side"), (b, "right side")):
        inner = side
        while isinstance(inner, Narrow):
            inner = inner.value
        value = _look(lens.observer(), side, leaf.env)
        if value is not None and not isinstance(inner, Const | Var | Read):
            said = text_of(lens.system, side)
            # The text of what a function was inlined to is not what stands here.
            out.append((said if not whole or said in whole else word, show_as(t, value)))
    return tuple(out)


def _common(a: Scalar | None, b: Scalar | None) -> Scalar | None:
    """The type in which both sides of a comparison are shown."""
    if a == b:
        return a
    known = [t for t in (a, b) if t is not None and t != BOOL]
    return known[0] if known else None


def _observed(lens: Lens, o: Observer) -> tuple[Observed, ...]:
    was: dict[tuple[Cell, tuple[int, ...]], bool] = {}
    for cell, index, old in o.reads:
        was[cell, index] = was.get((cell, index), False) or old
    out = []
    for (cell, index), old in was.items():
        at = lens.system.offsets[cell.name] + offset(cell, index)
        before = show_scalar(cell.type, lens.old[at]) if old and lens.old is not None else ""
        now = show_scalar(cell.type, lens.states[-1][at])
        out.append(Observed(name_of(lens.system, cell, index), now, lens.setter(at), before))
    return tuple(out)
