"""Binders: ``x in S where p`` as variables over intervals with conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kspec.lang import ast
from kspec.lower import exprs
from kspec.lower.coerce import dereference
from kspec.lower.scope import Context, Env, TypeBinding, ValueBinding, error
from kspec.lower.types import MAX_DOMAIN
from kspec.lower.values import EmptyTag, NoneTag, Value, ValueType, of
from kspec.system.expr import Binary, Const, Expr, Quant, Site, Var, bounds
from kspec.system.layout import key_dims
from kspec.system.simplify import simplify
from kspec.types import OptType, RangeType, Scalar, SeqType, SetType, StructType, Type, is_scalar, scalar


@dataclass(frozen=True)
class Bound:
    """An elaborated binder: ``x`` of ``type`` made of ``vars``, those values for which all ``conds`` hold.

    ``domain_conds`` is how many of the conditions come from the domain (the rest from ``where``).
    """

    name: str
    vars: tuple[Var, ...]
    conds: tuple[Expr, ...]
    type: ValueType
    value: Value
    domain_conds: int

    @property
    def size(self) -> int:
        """How many values the variables have."""
        n = 1
        for v in self.vars:
            n *= v.hi - v.lo + 1
        return n


def bind(ctx: Context, env: Env, binders: tuple[ast.Binder, ...]) -> tuple[tuple[Bound, ...], Env]:
    """Elaborates binders from left to right; later domains see earlier names."""
    out: list[Bound] = []
    for b in binders:
        bound = domain(ctx, env, b.name, b.domain)
        env = env.bind(b.name, ValueBinding(bound.value))
        if b.where is not None:
            conds = (*bound.conds, exprs.boolean(ctx, env, b.where, "where"))
            bound = Bound(bound.name, bound.vars, conds, bound.type, bound.value, bound.domain_conds)
        out.append(bound)
    return tuple(out), env


def domain(ctx: Context, env: Env, name: str, d: ast.Domain) -> Bound:
    """The variables of a name that ranges over a domain."""
    if d.expr is None:
        assert d.lo is not None and d.hi is not None
        lo, hi = simplify(exprs.number(ctx, env, d.lo)), simplify(exprs.number(ctx, env, d.hi))
        least, most = bounds(lo)[0], max(bounds(hi)[1], bounds(lo)[0])
        if most - least >= MAX_DOMAIN:
            raise error("E0341", f"{most - least + 1} values are too many to go through", d.span)
        v = Var(ctx.fresh(name), least, most, RangeType(least, most))
        conds: list[Expr] = []
        if not isinstance(lo, Const):
            conds.append(Binary("le", lo, v))
        if not isinstance(hi, Const) or hi.value < most:
            conds.append(Binary("le", v, hi))
        return Bound(name, (v,), tuple(conds), RangeType(least, most), of(RangeType(least, most), v), len(conds))
    if isinstance(d.expr, ast.Name):
        found = ctx.lookup(env, d.expr.name)
        if isinstance(found, TypeBinding):
            return over_type(ctx, name, found.type, d)
    s = exprs.value(ctx, env, d.expr)
    if isinstance(s.type, OptType) and isinstance(s.type.base, SetType):
        s = dereference(s, s.type.base, ctx.site(d.span))
    match s.type:
        case SetType(item):
            bound = over_type(ctx, name, item, d)
            return Bound(name, bound.vars, (s.leaf(0, bound.vars),), item, bound.value, 1)
        case EmptyTag() | NoneTag():
            raise error("E0320", "there is nothing to range over", d.span)
        case t:
            items = "`i in 0..s.len - 1` for the items of a sequence `s`"
            help_ = items if isinstance(t, SeqType) else "name a type, a set, or `a..b`"
            raise error("E0320", f"a value of type `{t}` has no elements to range over", d.span, help=help_)


def over_type(ctx: Context, name: str, t: Type, d: ast.Domain) -> Bound:
    """Variables for every value of a scalar type or of a struct of scalars."""
    if is_scalar(t):
        s: Scalar = scalar(t)
        v = Var(ctx.fresh(name), s.lo, s.hi, s)
        return Bound(name, (v,), (), s, of(s, v), 0)
    if isinstance(t, StructType):
        try:
            dims = key_dims(t)
        except TypeError:
            raise error("E0320", f"cannot range over `{t}`: it is not a struct of scalars", d.span) from None
        vs = tuple(Var(ctx.fresh(name), x.lo, x.hi, x) for x in dims)
        return Bound(name, vs, (), t, Value(t, lambda k, _i: vs[k]), 0)
    raise error("E0320", f"cannot range over `{t}`", d.span, help="a scalar type, a set, or `a..b`")


def conjunction(conds: tuple[Expr, ...]) -> Expr:
    """All of the conditions, left to right."""
    out: Expr | None = None
    for c in conds:
        out = c if out is None else Binary("and", out, c)
    return Const(1) if out is None else out


def nest(op: Literal["forall", "exists"], bound: tuple[Bound, ...], body: Expr, site: Site) -> Expr:
    """``op x in S where p, ...: body``: the conditions guard what is inside."""
    for b in reversed(bound):
        if b.conds:
            body = Binary("implies" if op == "forall" else "and", conjunction(b.conds), body, site)
        for v in reversed(b.vars):
            body = Quant(op, v, body, site)
    return body
