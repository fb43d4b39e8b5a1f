"""Type expressions to types, and constant expressions to numbers."""

from __future__ import annotations

import math

from kspec.lang import ast
from kspec.lang.build_expr import MAX_INT
from kspec.lang.diagnostics import Failed, did_you_mean
from kspec.lang.source import Span
from kspec.lower.scope import Context, Env, TypeBinding, describe, error
from kspec.lower.values import EmptyTag, NoneTag
from kspec.system.constant import ConstantFails, NotConstant, TooLong, evaluate
from kspec.system.expr import Expr
from kspec.system.layout import key_dims
from kspec.types import (
    MapType,
    OptType,
    RangeType,
    Scalar,
    SeqType,
    SetType,
    StructType,
    Type,
    is_scalar,
    scalar,
)

MAX_DOMAIN = 1 << 20
MAX_CELLS = 1 << 16
MAX_LEAVES = 1 << 10


def resolve(ctx: Context, env: Env, t: ast.TypeExpr) -> Type:
    """The type that a type expression stands for; raises Failed."""
    match t:
        case ast.NamedType(name, span):
            found = ctx.lookup(env, name)
            if found is None and ctx.on_demand is not None and ctx.on_demand(name, span):
                found = ctx.lookup(env, name)
            if isinstance(found, TypeBinding):
                return found.type
            if found is None:
                if name in ctx.broken:
                    raise Failed([])
                types = [n for n in ctx.names(env) if isinstance(ctx.lookup(env, n), TypeBinding)]
                raise error("E0201", f"unknown type `{name}`", span, "not declared", did_you_mean(name, types))
            raise error("E0209", f"`{name}` is {describe(found)}, not a type", span)
        case ast.RangeTypeExpr(lo, hi, span):
            a, b = number(ctx, env, lo), number(ctx, env, hi)
            if b < a:
                raise error("E0340", f"the range {a}..{b} is empty", span)
            if b - a >= MAX_DOMAIN or max(abs(a), abs(b)) >= 1 << 40:
                raise error("E0341", f"the range {a}..{b} is too large", span, help="keep it below 2^20 values")
            return RangeType(a, b)
        case ast.OptTypeExpr(base, span):
            inner = resolve(ctx, env, base)
            if isinstance(inner, OptType):
                raise error("E0342", "an optional of an optional", span, help="one `?` is enough")
            return sized(OptType(inner), span)
        case ast.SetTypeExpr(item, span):
            inner = resolve(ctx, env, item)
            key_scalars(inner, item.span, "a set member")
            return sized(SetType(inner), span)
        case ast.SeqTypeExpr(item, cap, span):
            inner = resolve(ctx, env, item)
            n = number(ctx, env, cap)
            if n < 1:
                raise error("E0343", f"a sequence of at most {n} items", cap.span, help="at least 1")
            if n >= MAX_DOMAIN:
                raise error("E0341", f"a sequence of {n} items is too large", cap.span)
            return sized(SeqType(inner, n), span)
        case ast.MapTypeExpr(key, item, span):
            inner_key = resolve(ctx, env, key)
            key_scalars(inner_key, key.span, "a key")
            return sized(MapType(inner_key, resolve(ctx, env, item)), span)


def key_scalars(t: Type, span: Span, what: str) -> None:
    """Fails (E0344) unless ``t`` is a scalar or a struct of scalars."""
    match t:
        case StructType(_, fields):
            for _, ft in fields:
                key_scalars(ft, span, what)
        case _ if is_scalar(t):
            pass
        case _:
            raise error("E0344", f"`{t}` cannot be {what}", span, help="a scalar type or a struct of scalars can")


def sized(t: Type, span: Span) -> Type:
    """``t``, unless it takes more cells than any engine could hold (E0341)."""
    parts, scalars = count_cells(t)
    if scalars > MAX_CELLS:
        raise error("E0341", f"`{t}` has too many elements", span, help=f"keep it below {MAX_CELLS}")
    if parts > MAX_LEAVES:
        raise error("E0341", f"`{t}` has too many fields", span, help=f"at most {MAX_LEAVES}, nested ones included")
    return t


def count_cells(t: Type) -> tuple[int, int]:
    """How many cells and how many scalars a value of the type takes."""
    match t:
        case StructType(_, fields):
            parts = [count_cells(ft) for _, ft in fields]
            return sum(p for p, _ in parts), sum(n for _, n in parts)
        case MapType(key, value):
            parts_, n = count_cells(value)
            return parts_, n * _values(key)
        case SetType(item):
            return 1, _values(item)
        case SeqType(item, cap):
            parts_, n = count_cells(item)
            return parts_ + 1, n * cap + 1
        case OptType(base) if not is_scalar(t):
            parts_, n = count_cells(base)
            return parts_ + 1, n + 1
        case _:
            return 1, 1


def _values(t: Type) -> int:
    """How many values a key type has."""
    return math.prod(d.hi - d.lo + 1 for d in key_dims(t))


def constant(ctx: Context, env: Env, e: ast.Expr, want: Type | None = None) -> tuple[Scalar, int]:
    """The type and encoded value of a constant scalar expression; raises Failed (E0345)."""
    from kspec.lower.coerce import coerce
    from kspec.lower.exprs import value

    v = value(ctx, env, e, want)
    if want is not None:
        v = coerce(ctx, v, want, e.span)
    if isinstance(v.type, NoneTag | EmptyTag) or not is_scalar(v.type):
        raise error("E0345", "a constant scalar is needed here", e.span)
    return scalar(v.type), fold(ctx, v.expr, e)


def fold(ctx: Context, expr: Expr, e: ast.Expr) -> int:
    """The value of a constant expression; raises Failed when it is not one or raises an error."""
    try:
        value = evaluate(expr, None, ctx.steps)
    except TooLong as problem:
        raise error("E0353", f"this constant is too much work: {problem}", e.span) from None
    except ConstantFails as problem:
        raise error("E0352", f"this constant has no value: {problem}", e.span) from None
    except NotConstant as problem:
        raise error("E0345", "a constant is needed here", e.span, str(problem)) from None
    if abs(value) > MAX_INT:
        raise error("E0107", "the number is too large", e.span, help=f"at most {MAX_INT}")
    return value


def number(ctx: Context, env: Env, e: ast.Expr) -> int:
    """The value of a constant integer expression."""
    t, v = constant(ctx, env, e)
    if not isinstance(t, RangeType):
        raise error("E0301", f"expected an integer, found `{t}`", e.span)
    return v
