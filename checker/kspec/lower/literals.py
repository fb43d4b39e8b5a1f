"""Aggregates, and literals of sets, sequences and maps."""

from __future__ import annotations

from kspec.lang import ast
from kspec.lang.source import Span
from kspec.lower import exprs
from kspec.lower.binders import bind, conjunction
from kspec.lower.coerce import coerce, common
from kspec.lower.scope import (
    Context,
    Env,
    error,
)
from kspec.lower.values import EmptyTag, NoneTag, Soft, Value, ValueType, Want, default_value, item_hint, strict
from kspec.system.expr import Binary, Const, Expr, Fold, Ite, Let, Narrow, Var, bounds
from kspec.system.layout import key_dims, leaves
from kspec.types import (
    MapType,
    SeqType,
    SetType,
    Type,
)


def count_members(ctx: Context, s: Value, item: Type, span: Span) -> Expr:
    dims = key_dims(item)
    total = 1
    for d in dims:
        total *= d.hi - d.lo + 1
    vs = tuple(Var(ctx.fresh("i"), d.lo, d.hi, d) for d in dims)
    return fold_count(ctx, vs, s.leaf(0, vs), total, span)


def fold_count(ctx: Context, vs: tuple[Var, ...], cond: Expr, total: int, span: Span) -> Expr:
    """How many values of the binders satisfy ``cond``."""
    return fold_sum(ctx, vs, cond, Const(1), 0, total, span)


def fold_sum(
    ctx: Context, vs: tuple[Var, ...], cond: Expr, term: Expr, lo: int, hi: int, span: Span
) -> Expr:
    """The sum of ``term`` over the values of the binders that satisfy ``cond``."""
    site = ctx.site(span)
    accs = [Var(ctx.fresh("n"), lo, hi) for _ in vs]
    body: Expr = Ite(cond, Binary("add", accs[-1], term), accs[-1])
    for k in range(len(vs) - 1, -1, -1):
        body = Fold(accs[k], Const(0) if k == 0 else accs[k - 1], vs[k], body, site)
    return body



def aggregate(ctx: Context, env: Env, e: ast.Aggregate) -> Value:
    bound, inner = bind(ctx, env, (e.binder,))
    b = bound[0]
    cond = conjunction(b.conds)
    site = ctx.site(e.span)
    if e.op == "count":
        if e.value is not None:
            raise error("E0313", "`count` has a condition, not a value", e.value.span, help="count(x in S where p)")
        return exprs.integer(fold_count(ctx, b.vars, cond, b.size, e.span))
    if e.value is None:
        raise error("E0313", f"`{e.op}` needs a value", e.span, help=f"{e.op}(x in S where p: value)")
    term = exprs.number(ctx, inner, e.value)
    lo, hi = bounds(term)
    if e.op == "sum":
        return exprs.integer(
            fold_sum(ctx, b.vars, cond, term, min(0, lo) * b.size, max(0, hi) * b.size, e.span)
        )
    nothing = lo - 1
    accs = [Var(ctx.fresh("m"), nothing, hi) for _ in b.vars]
    v = Var(ctx.fresh("v"), lo, hi)
    better = Binary("lt" if e.op == "min" else "gt", v, accs[-1])
    first = Binary("eq", accs[-1], Const(nothing))
    pick = Let(v, term, Ite(Binary("or", first, better), v, accs[-1]))
    body: Expr = Ite(cond, pick, accs[-1])
    for k in range(len(b.vars) - 1, -1, -1):
        body = Fold(accs[k], Const(nothing) if k == 0 else accs[k - 1], b.vars[k], body, site)
    return exprs.integer(Narrow(body, lo, hi, "choose", site))


def set_literal(
    ctx: Context, env: Env, items: tuple[ast.Expr, ...], span: Span, want: Want
) -> Value:
    if not items:
        return default_value(want) if isinstance(want, SetType) else Value(EmptyTag("set"), lambda _k, _i: Const(0))
    values, t = _items(ctx, env, items, item_hint(want))
    if isinstance(t, NoneTag | EmptyTag):
        raise error("E0302", "the type of this set is not known", span)
    if isinstance(t, MapType | SetType | SeqType):
        raise error("E0314", f"a set cannot have members of type `{t}`", span)
    members = [coerce(ctx, v, t, x.span) for v, x in zip(values, items, strict=True)]
    dims = key_dims(t)

    def leaf(_k: int, i: tuple[Expr, ...]) -> Expr:
        site = ctx.site(span)
        same = [[Binary("eq", m.leaf(k, ()), i[k]) for k in range(len(dims))] for m in members]
        parts = [strict("and", list(s), ctx.fresh, site) for s in same]
        return strict("or", parts, ctx.fresh, site)

    return Value(SetType(t), leaf)


def set_filter(ctx: Context, env: Env, binder: ast.Binder, span: Span) -> Value:
    bound, _ = bind(ctx, env, (binder,))
    b = bound[0]
    item = b.type
    if isinstance(item, NoneTag | EmptyTag):
        raise error("E0302", "the type of this set is not known", span)
    cond = conjunction(b.conds)

    def leaf(_k: int, i: tuple[Expr, ...]) -> Expr:
        body = cond
        for v, x in zip(reversed(b.vars), reversed(i), strict=True):
            body = Let(v, x, body)
        return body

    return Value(SetType(item), leaf)


def seq_literal(
    ctx: Context, env: Env, items: tuple[ast.Expr, ...], span: Span, want: Want
) -> Value:
    if not items:
        return default_value(want) if isinstance(want, SeqType) else Value(EmptyTag("seq"), lambda _k, _i: Const(0))
    found, t = _items(ctx, env, items, item_hint(want))
    if isinstance(t, NoneTag | EmptyTag):
        raise error("E0302", "the type of this sequence is not known", span)
    kind = want if isinstance(want, SeqType) else SeqType(t, len(items))
    if len(items) > kind.cap:
        raise error("E0315", f"{len(items)} items in a sequence of at most {kind.cap}", span)
    values = [coerce(ctx, v, kind.item, x.span) for v, x in zip(found, items, strict=True)]
    layout = leaves(kind)

    def leaf(k: int, i: tuple[Expr, ...]) -> Expr:
        if k == 0:
            return Const(len(items))
        out: Expr = Const(layout[k].type.lo)
        for n in range(len(values) - 1, -1, -1):
            out = Ite(Binary("eq", i[0], Const(n)), values[n].leaf(k - 1, i[1:]), out)
        return out

    return Value(kind, leaf)


def _items(
    ctx: Context, env: Env, items: tuple[ast.Expr, ...], hint: Want
) -> tuple[list[Value], ValueType]:
    """The items of a set or sequence, and their type: the one that is wanted, else one that holds all of them."""
    first = next((k for k, x in enumerate(items) if not exprs.needs_hint(ctx, env, x)), 0)
    clear = exprs.value(ctx, env, items[first], hint)
    soft = Soft(clear.type) if hint is None else hint
    values = [clear if k == first else exprs.value(ctx, env, x, soft) for k, x in enumerate(items)]
    if hint is not None and not isinstance(hint, Soft):
        return values, hint
    t = values[0].type
    for v, x in zip(values[1:], items[1:], strict=True):
        t = common(ctx, Value(t, v.leaf), v, x.span, "items of one set or sequence") if t != v.type else t
    return values, known_from(t, hint)


def known_from(t: ValueType, hint: Want) -> ValueType:
    """The type of what has type ``t``: what is wanted; what is hinted only where ``t`` leaves it open."""
    if isinstance(hint, Soft):
        return hint.type if isinstance(t, NoneTag | EmptyTag) else t
    return t if hint is None else hint


def map_literal(ctx: Context, env: Env, e: ast.MapLit, want: Want) -> Value:
    bound, inner = bind(ctx, env, (e.binder,))
    b = bound[0]
    if b.conds or isinstance(b.type, NoneTag | EmptyTag):
        raise error("E0316", "a map has a value for every key", e.binder.span, help="[k in KeyType: value]")
    hint = item_hint(want)
    element = exprs.value(ctx, inner, e.value, hint)
    t = known_from(element.type, hint)
    if isinstance(t, NoneTag | EmptyTag):
        raise error("E0302", "the type of this map is not known", e.span)
    element = coerce(ctx, element, t, e.value.span)
    n = len(b.vars)

    def leaf(k: int, i: tuple[Expr, ...]) -> Expr:
        body = element.leaf(k, i[n:])
        for v, x in zip(reversed(b.vars), reversed(i[:n]), strict=True):
            body = Let(v, x, body)
        return body

    return Value(MapType(b.type, t), leaf)


