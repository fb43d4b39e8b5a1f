"""Giving a value where a type is wanted: widening, range checks, dereferencing."""

from __future__ import annotations

from kspec.lang.source import Span
from kspec.lower.scope import Context, error
from kspec.lower.values import EmptyTag, NoneTag, Value, ValueType, default_value, of
from kspec.system.expr import Binary, Const, Expr, Ite, Let, Narrow, Site, Var, bounds
from kspec.system.layout import leaves
from kspec.types import (
    BoolType,
    EnumType,
    IdType,
    MapType,
    OptType,
    RangeType,
    Scalar,
    SeqType,
    SetType,
    StructType,
    is_scalar,
    scalar,
)


def coerce(ctx: Context, value: Value, target: ValueType, span: Span, what: str = "") -> Value:
    """``value`` as a value of type ``target``.

    Raises Failed (E0301) when the types do not fit; what can only fail at run time becomes a ``Narrow``.
    """
    site = ctx.site(span)
    source = value.type
    if source == target:
        return value
    match source, target:
        case NoneTag(), OptType(base):
            if is_scalar(base):
                return of(target, Const(target.none))
            return default_value(target)
        case EmptyTag("set"), SetType():
            return default_value(target)
        case EmptyTag("seq"), SeqType():
            return default_value(target)
        case OptType(sb), OptType(tb) if is_scalar(sb) and is_scalar(tb):
            return _optional_to_optional(ctx, value, source, target, span, what)
        case _, OptType(base) if not isinstance(source, OptType):
            inner = coerce(ctx, value, base, span, what)
            if is_scalar(base):
                return of(target, inner.expr)
            return Value(target, lambda k, i: Const(1) if k == 0 else inner.leaf(k - 1, i))
        case OptType(base), _ if not isinstance(target, OptType):
            return coerce(ctx, dereference(value, base, site), target, span, what)
        case RangeType(), RangeType():
            return of(target, narrow(value.expr, target, site))
        case StructType() | MapType() | SeqType(), _ if _same_shape(source, target):
            theirs = leaves(target)  # type: ignore[arg-type]
            return Value(target, lambda k, i: _fit(value.leaf(k, i), theirs[k].type, site))
        case _:
            raise mismatch(source, target, span, what)


def narrow(e: Expr, target: Scalar, site: Site) -> Expr:
    """``e`` with a check that it lies in ``target``, unless its bounds show that it does."""
    lo, hi = bounds(e)
    if target.lo <= lo and hi <= target.hi:
        return e
    return Narrow(e, target.lo, target.hi, "range", site)


def dereference(value: Value, base: ValueType, site: Site) -> Value:
    """The value inside an optional; the error ``none`` when there is none."""
    if isinstance(base, NoneTag | EmptyTag):
        raise TypeError("not a base type")
    if is_scalar(base):
        s = scalar(base)
        return of(s, Narrow(value.expr, s.lo, s.hi, "none", site))

    def leaf(k: int, i: tuple[Expr, ...]) -> Expr:
        present = Narrow(value.leaf(0, ()), 1, 1, "none", site)
        return Ite(Binary("eq", present, Const(1)), value.leaf(k + 1, i), Const(0), site)

    return Value(base, leaf)


def common(ctx: Context, a: Value, b: Value, span: Span) -> ValueType:
    """The type in which two values can be compared or be the branches of a conditional."""
    match a.type, b.type:
        case RangeType(al, ah), RangeType(bl, bh):
            return RangeType(min(al, bl), max(ah, bh))
        case (NoneTag(), NoneTag()) | (EmptyTag(), EmptyTag()):
            raise error("E0302", "the type of this is not known", span, help="compare with a variable")
        case NoneTag(), OptType() as t:
            return t
        case OptType() as t, NoneTag():
            return t
        case NoneTag(), (RangeType() | EnumType() | IdType() | BoolType() | StructType()) as t:
            return OptType(t)
        case (RangeType() | EnumType() | IdType() | BoolType() | StructType()) as t, NoneTag():
            return OptType(t)
        case OptType(RangeType(al, ah)), (OptType(RangeType(bl, bh)) | RangeType(bl, bh)):
            return OptType(RangeType(min(al, bl), max(ah, bh)))
        case RangeType(al, ah), OptType(RangeType(bl, bh)):
            return OptType(RangeType(min(al, bl), max(ah, bh)))
        case OptType() as t, _:
            return t
        case _, OptType() as t:
            return t
        case EmptyTag(), t:
            return t
        case t, EmptyTag():
            return t
        case s, t if s == t:
            return s
        case s, t if _same_shape(s, t):
            return s
        case s, t:
            raise mismatch(s, t, span, "")


def mismatch(source: ValueType, target: ValueType, span: Span, what: str) -> Exception:
    """The failure for types that do not fit."""
    wanted = _english(target)
    got = _english(source)
    return error("E0301", f"{what + ': ' if what else ''}expected {wanted}, found {got}", span, f"this is {got}")


def _english(t: ValueType) -> str:
    match t:
        case RangeType(lo, hi) if lo == hi:
            return f"an integer ({lo})"
        case RangeType():
            return f"an integer ({t})"
        case NoneTag():
            return "`none`"
        case _:
            return f"`{t}`"


def _optional_to_optional(
    ctx: Context, value: Value, source: OptType, target: OptType, span: Span, what: str
) -> Value:
    ranges = isinstance(source.base, RangeType) and isinstance(target.base, RangeType)
    if ranges and source.none == target.none and source.hi <= target.hi:
        return of(target, value.expr)
    inner = coerce(ctx, of(scalar(source.base), Var("", source.lo, source.hi)), target.base, span, what)
    if inner.type != target.base:
        raise mismatch(source, target, span, what)
    v = Var(ctx.fresh("o"), source.lo, source.hi)
    base = narrow(Narrow(v, source.lo + 1, source.hi, "none", ctx.site(span)), scalar(target.base), ctx.site(span))
    some = Ite(Binary("eq", v, Const(source.none)), Const(target.none), base)
    return of(target, Let(v, value.expr, some))


def _same_shape(a: ValueType, b: ValueType) -> bool:
    """The same type but for the bounds of ranges that are stored (not of those used as keys)."""
    match a, b:
        case RangeType(), RangeType():
            return True
        case OptType(x), OptType(y):
            return _same_shape(x, y)
        case MapType(k, v), MapType(l, w):
            return k == l and _same_shape(v, w)
        case SeqType(x, n), SeqType(y, m):
            return n == m and _same_shape(x, y)
        case _:
            return a == b


def _fit(e: Expr, t: Scalar, site: Site) -> Expr:
    lo, hi = bounds(e)
    return e if t.lo <= lo and hi <= t.hi else Narrow(e, t.lo, t.hi, "range", site)
