"""Evaluation of expressions: every IR node becomes one closure, made once per system.

A closure takes ``(scalars, env)``: the flat state followed by the scratch scalars of temporary cells, and
the frame of bound variables.  Its value is a Python int (booleans are 0 and 1).  The order of evaluation
is that of ``kspec.system.expr.children``, which decides the error that is raised where there are several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from kspec.system.expr import (
    Binary,
    Cell,
    Const,
    ErrorKind,
    Expr,
    Fold,
    Ite,
    Let,
    Narrow,
    Quant,
    Read,
    Site,
    Unary,
    Var,
    bounds,
    trunc_div,
    trunc_mod,
    walk,
)
from kspec.types import Scalar

Scalars: TypeAlias = Sequence[Any]
Env: TypeAlias = list[Any]
Fn: TypeAlias = Callable[[Scalars, Env], int]

OLD = 0
"""The slot of the environment that holds the state before the step (for step properties)."""
CHOICES = 1
"""The slot of the environment that holds the running script of choices (for bodies)."""
RESERVED = 2


class EvalError(Exception):
    """One of the language's errors: its kind, where it was raised, and what was wrong in words."""

    def __init__(self, kind: ErrorKind, site: Site, detail: str) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.site = site
        self.detail = detail


class MalformedError(Exception):
    """The transition system breaks its own contract (an index or a value outside its type, an unknown
    variable, a temporary read before it is written): a fault of whoever built it, not of the model."""


@dataclass
class Frame:
    """Counts the slots of an environment while closures are made."""

    size: int = RESERVED

    def new(self) -> int:
        """A fresh slot."""
        self.size += 1
        return self.size - 1

    def env(self) -> Env:
        """An environment for the closures made with this frame."""
        return [None] * self.size


@dataclass(frozen=True)
class Scope:
    """The variables in scope and their slots, and where the cells are."""

    frame: Frame
    offsets: Mapping[str, int]
    names: Mapping[str, int] = field(default_factory=dict)

    def bind(self, var: Var) -> tuple[Scope, int]:
        """The scope with ``var`` added, and its slot."""
        slot = self.frame.new()
        return Scope(self.frame, self.offsets, {**self.names, var.name: slot}), slot

    def slot(self, name: str) -> int:
        """The slot of a variable in scope."""
        if name not in self.names:
            raise MalformedError(f"variable {name} is not in scope")
        return self.names[name]


def compile_expr(e: Expr, scope: Scope) -> Fn:
    """The closure of an expression."""
    match e:
        case Const(number):
            return lambda s, env: number
        case Var(name):
            slot = scope.slot(name)
            return lambda s, env: env[slot]
        case Read():
            return _read(e, scope)
        case Unary("not", a):
            fa = compile_expr(a, scope)
            return lambda s, env: 0 if fa(s, env) else 1
        case Unary(_, a):
            fa = compile_expr(a, scope)
            return lambda s, env: -fa(s, env)
        case Binary("and" | "or" | "add" as op):
            return _chain(op, [compile_expr(x, scope) for x in _operands(e)])
        case Binary():
            return _binary(e, scope)
        case Ite():
            return _ite(e, scope)
        case Let():
            return _let(e, scope)
        case Quant():
            return _quant(e, scope)
        case Fold():
            return _fold(e, scope)
        case Narrow(value, lo, hi, kind, site):
            fv = compile_expr(value, scope)

            def narrow(s: Scalars, env: Env) -> int:
                v = fv(s, env)
                if lo <= v <= hi:
                    return v
                raise EvalError(kind, site, _detail(kind, v, lo, hi))

            return narrow


def compile_index(cell: Cell, index: tuple[Expr, ...], scope: Scope) -> int | Fn:
    """The position of an element among the scalars: a number if it is always the same, else a closure.

    Raises MalformedError, at once or when evaluated, for an index outside its dimension.
    """
    if len(index) != len(cell.dims):
        raise MalformedError(f"{cell.name} takes {len(cell.dims)} indices, not {len(index)}")
    if cell.name not in scope.offsets:
        raise MalformedError(f"{cell.name} is not a cell of the system")
    constant = scope.offsets[cell.name]
    stride = cell.size
    terms: list[tuple[Fn, int]] = []
    for dim, i in zip(cell.dims, index):
        stride //= dim.hi - dim.lo + 1
        constant -= dim.lo * stride
        if isinstance(i, Const) and dim.lo <= i.value <= dim.hi:
            constant += i.value * stride
        else:
            terms.append((compile_within(i, dim, f"index of {cell.name}", scope), stride))
    if not terms:
        return constant
    if len(terms) == 1:
        (f1, m1) = terms[0]
        if m1 == 1:
            return lambda s, env: constant + f1(s, env)
        return lambda s, env: constant + m1 * f1(s, env)
    if len(terms) == 2:
        (f1, m1), (f2, m2) = terms
        return lambda s, env: constant + m1 * f1(s, env) + m2 * f2(s, env)

    def position(s: Scalars, env: Env) -> int:
        at = constant
        for f, m in terms:
            at += m * f(s, env)
        return at

    return position


def compile_within(e: Expr, bound: Scalar | Var, what: str, scope: Scope) -> Fn:
    """The closure of an expression that has to lie in ``bound.lo..bound.hi``: checked each time unless
    interval arithmetic shows that it always does."""
    f = compile_expr(e, scope)
    lo, hi = bound.lo, bound.hi
    elo, ehi = bounds(e)
    if lo <= elo and ehi <= hi:
        return f

    def checked(s: Scalars, env: Env) -> int:
        v = f(s, env)
        if lo <= v <= hi:
            return v
        raise MalformedError(f"{what} is {v}, outside {lo}..{hi}")

    return checked


def can_fail(e: Expr) -> bool:
    """Whether evaluating ``e`` may raise an error (False only when it surely cannot)."""
    return any(isinstance(x, Narrow) or (isinstance(x, Binary) and x.op in ("div", "mod")) for x in walk(e))


def _detail(kind: ErrorKind, value: int, lo: int, hi: int) -> str:
    match kind:
        case "range":
            return f"the value {value} is outside {lo}..{hi}"
        case "index":
            return f"the index {value} is outside {lo}..{hi}"
        case "none":
            return "the value is none"
        case "div":
            return "division by zero"
        case "choose":
            return "there is nothing to choose from"


def _read(e: Read, scope: Scope) -> Fn:
    cell = e.cell
    at = compile_index(cell, e.index, scope)
    if e.old:
        if cell.temp:
            raise MalformedError(f"temporary {cell.name} has no value before the step")
        if isinstance(at, int):
            return lambda s, env: env[OLD][at]
        return lambda s, env: env[OLD][at(s, env)]
    if cell.temp:
        where: Fn = (lambda s, env: at) if isinstance(at, int) else at

        def scratch(s: Scalars, env: Env) -> int:
            v = s[where(s, env)]
            if v is None:
                raise MalformedError(f"temporary {cell.name} is read before it is written")
            return v  # type: ignore[no-any-return]

        return scratch
    if isinstance(at, int):
        return lambda s, env: s[at]
    return lambda s, env: s[at(s, env)]


def _operands(e: Binary) -> list[Expr]:
    """The operands of a chain of one associative operator, left to right (chains can be very long)."""
    out: list[Expr] = []
    stack: list[Expr] = [e]
    while stack:
        x = stack.pop()
        if isinstance(x, Binary) and x.op == e.op:
            stack += (x.b, x.a)
        else:
            out.append(x)
    return out


def _chain(op: str, parts: list[Fn]) -> Fn:
    if len(parts) == 2:
        fa, fb = parts
        match op:
            case "and":
                return lambda s, env: fb(s, env) if fa(s, env) else 0
            case "or":
                return lambda s, env: 1 if fa(s, env) else fb(s, env)
            case _:
                return lambda s, env: fa(s, env) + fb(s, env)

    if op == "add":
        return lambda s, env: sum(f(s, env) for f in parts)

    def conjunction(s: Scalars, env: Env) -> int:
        for f in parts:
            if not f(s, env):
                return 0
        return 1

    def disjunction(s: Scalars, env: Env) -> int:
        for f in parts:
            if f(s, env):
                return 1
        return 0

    return conjunction if op == "and" else disjunction


def _binary(e: Binary, scope: Scope) -> Fn:
    fa, fb = compile_expr(e.a, scope), compile_expr(e.b, scope)
    site = e.site
    match e.op:
        case "eq":
            return lambda s, env: 1 if fa(s, env) == fb(s, env) else 0
        case "ne":
            return lambda s, env: 1 if fa(s, env) != fb(s, env) else 0
        case "lt":
            return lambda s, env: 1 if fa(s, env) < fb(s, env) else 0
        case "le":
            return lambda s, env: 1 if fa(s, env) <= fb(s, env) else 0
        case "gt":
            return lambda s, env: 1 if fa(s, env) > fb(s, env) else 0
        case "ge":
            return lambda s, env: 1 if fa(s, env) >= fb(s, env) else 0
        case "sub":
            return lambda s, env: fa(s, env) - fb(s, env)
        case "mul":
            return lambda s, env: fa(s, env) * fb(s, env)
        case "implies":
            return lambda s, env: fb(s, env) if fa(s, env) else 1
        case "div" | "mod" as op:
            apply = trunc_div if op == "div" else trunc_mod

            def divide(s: Scalars, env: Env) -> int:
                a, b = fa(s, env), fb(s, env)
                if b == 0:
                    raise EvalError("div", site, _detail("div", 0, 0, 0))
                return apply(a, b)

            return divide
        case _:
            raise MalformedError(f"unknown operator {e.op}")


def _ite(e: Ite, scope: Scope) -> Fn:
    """A chain ``c1 ? a1 : c2 ? a2 : ... : z`` is one closure (such chains can be very long)."""
    arms: list[tuple[Fn, Fn]] = []
    rest: Expr = e
    while isinstance(rest, Ite):
        arms.append((compile_expr(rest.cond, scope), compile_expr(rest.then, scope)))
        rest = rest.other
    last = compile_expr(rest, scope)
    if len(arms) == 1:
        cond, then = arms[0]
        return lambda s, env: then(s, env) if cond(s, env) else last(s, env)

    def choose(s: Scalars, env: Env) -> int:
        for c, f in arms:
            if c(s, env):
                return f(s, env)
        return last(s, env)

    return choose


def _let(e: Let, scope: Scope) -> Fn:
    """A chain of lets is one closure."""
    values: list[tuple[int, Fn]] = []
    rest: Expr = e
    while isinstance(rest, Let):
        value = compile_within(rest.value, rest.var, f"let {rest.var.name}", scope)
        scope, slot = scope.bind(rest.var)
        values.append((slot, value))
        rest = rest.body
    body = compile_expr(rest, scope)

    def let(s: Scalars, env: Env) -> int:
        for slot, f in values:
            env[slot] = f(s, env)
        return body(s, env)

    return let


def _quant(e: Quant, scope: Scope) -> Fn:
    inner, slot = scope.bind(e.var)
    body = compile_expr(e.body, inner)
    values = range(e.var.lo, e.var.hi + 1)
    answer = 0 if e.op == "forall" else 1  # the answer as soon as one element decides it

    def every(s: Scalars, env: Env) -> int:
        result = 1 - answer
        for v in values:
            env[slot] = v
            if body(s, env) == answer:
                result = answer
        return result

    def first(s: Scalars, env: Env) -> int:
        for v in values:
            env[slot] = v
            if body(s, env) == answer:
                return answer
        return 1 - answer

    # Quantifiers do not short-circuit, but only an error could tell the difference.
    return every if can_fail(e.body) else first


def _fold(e: Fold, scope: Scope) -> Fn:
    init = compile_within(e.init, e.acc, f"fold {e.acc.name}", scope)
    scope, acc = scope.bind(e.acc)
    scope, slot = scope.bind(e.var)
    body = compile_within(e.body, e.acc, f"fold {e.acc.name}", scope)
    values = range(e.var.lo, e.var.hi + 1)

    def fold(s: Scalars, env: Env) -> int:
        env[acc] = init(s, env)
        for v in values:
            env[slot] = v
            env[acc] = body(s, env)
        return env[acc]  # type: ignore[no-any-return]

    return fold


def conjuncts(e: Expr) -> Iterator[Expr]:
    """The operands of a chain of ``and``, left to right; ``e`` itself when it is none."""
    yield from _operands(e) if isinstance(e, Binary) and e.op == "and" else (e,)
