"""Giving a value where a type is wanted: widening, range checks, dereferencing."""

from __future__ import annotations

from collections.abc import Callable

from kspec.lang.source import Span
from kspec.lower.scope import Context, error
from kspec.lower.values import EmptyTag, NoneTag, Value, ValueType, default_value, of
from kspec.system.expr import Binary, Const, Expr, Ite, Let, Narrow, Site, Var, bounds
from kspec.system.layout import default, key_dims, leaves
from kspec.types import (
    MapType,
    OptType,
    RangeType,
    Scalar,
    SeqType,
    SetType,
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
        case OptType(sb), OptType(tb) if join(sb, tb) is not None:
            some = coerce(ctx, Value(sb, lambda k, i: value.leaf(k + 1, i)), tb, span, what)
            return Value(target, lambda k, i: _present(value, some, target, k, i, site))
        case MapType(key, sv), MapType(other, tv) if key == other and join(sv, tv) is not None:
            n = len(key_dims(key))
            return Value(
                target,
                lambda k, i: coerce(
                    ctx, Value(sv, lambda kk, ii: value.leaf(kk, (*i[:n], *ii))), tv, span, what
                ).leaf(k, i[n:]),
            )
        case SeqType(_, n), SeqType(_, m) if n <= m and join(source, target) is not None:
            return _longer(ctx, value, source, target, span)
        case SetType(RangeType() as s), SetType(RangeType() as t) if t.lo <= s.lo and s.hi <= t.hi:
            return Value(target, lambda _k, i: _within(i[0], s, lambda at: value.leaf(0, (at,)), site))
        case _:
            raise mismatch(source, target, span, what)


def _present(value: Value, some: Value, target: OptType, k: int, i: tuple[Expr, ...], site: Site) -> Expr:
    """A leaf of an optional compound whose inside has been converted: it keeps its default where it is absent."""
    there = value.leaf(0, ())
    if k == 0:
        return there
    return Ite(there, some.leaf(k - 1, i), Const(default(leaves(target)[k].type)), site)


def _longer(ctx: Context, value: Value, source: SeqType, target: SeqType, span: Span) -> Value:
    """A sequence as one of another item type, or of a larger capacity; vacant items keep their default."""
    site = ctx.site(span)
    at_most = RangeType(0, source.cap - 1)

    def leaf(k: int, i: tuple[Expr, ...]) -> Expr:
        length = value.leaf(0, ())
        if k == 0:
            return length
        index = narrow(i[0], at_most, site)
        item = Value(source.item, lambda kk, ii: value.leaf(kk + 1, (index, *ii)))
        fitting = coerce(ctx, item, target.item, span).leaf(k - 1, i[1:])
        return Ite(Binary("lt", i[0], length), fitting, Const(default(leaves(target)[k].type)), site)

    return Value(target, leaf)


def _within(i: Expr, t: RangeType, then: Callable[[Expr], Expr], site: Site) -> Expr:
    """``then`` of ``i`` when it lies in ``t``, else false."""
    lo, hi = bounds(i)
    if t.lo <= lo and hi <= t.hi:
        return then(i)
    inside = Binary("and", Binary("le", Const(t.lo), i), Binary("le", i, Const(t.hi)))
    return Binary("and", inside, then(Narrow(i, t.lo, t.hi, "range", site)), site)


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


def common(ctx: Context, a: Value, b: Value, span: Span, what: str = "compared") -> ValueType:
    """The type in which two values can be compared or be the branches of a conditional."""
    if isinstance(a.type, NoneTag | EmptyTag) and isinstance(b.type, NoneTag | EmptyTag):
        raise error("E0302", "the type of this is not known", span, help="compare with a variable")
    found = join(a.type, b.type)
    if found is None:
        raise error("E0301", f"{_english(a.type)} and {_english(b.type)} cannot be {what}", span)
    return found


def join(a: ValueType, b: ValueType) -> ValueType | None:
    """The least type that holds the values of both, or None."""
    match a, b:
        case _ if a == b:
            return a
        case RangeType(al, ah), RangeType(bl, bh):
            return RangeType(min(al, bl), max(ah, bh))
        case (NoneTag() | EmptyTag(), NoneTag() | EmptyTag()):
            return None
        case (NoneTag(), OptType() as t) | (OptType() as t, NoneTag()):
            return t
        case (NoneTag(), t) | (t, NoneTag()):
            return _optional(t)
        case (EmptyTag("set"), SetType() as t) | (SetType() as t, EmptyTag("set")):
            return t
        case (EmptyTag("seq"), SeqType() as t) | (SeqType() as t, EmptyTag("seq")):
            return t
        case OptType(x), OptType(y):
            return _optional(join(x, y))
        case (OptType(x), y) | (y, OptType(x)):
            return _optional(join(x, y))
        case MapType(k, x), MapType(other, y) if k == other:
            value = join(x, y)
            return None if value is None or isinstance(value, NoneTag | EmptyTag) else MapType(k, value)
        case SeqType(x, n), SeqType(y, m):
            item = join(x, y)
            return None if item is None or isinstance(item, NoneTag | EmptyTag) else SeqType(item, max(n, m))
        case SetType(RangeType(al, ah)), SetType(RangeType(bl, bh)):
            return SetType(RangeType(min(al, bl), max(ah, bh)))
        case _:
            return None


def _optional(t: ValueType | None) -> ValueType | None:
    return None if t is None or isinstance(t, NoneTag | EmptyTag) else OptType(t)


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
