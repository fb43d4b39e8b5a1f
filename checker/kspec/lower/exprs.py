"""Elaboration of expressions: typing and lowering in one walk.

Types depend on parameters (``0..N-1``), so every configuration is typed by itself; the walk that
finds the type of an expression also gives its value in terms of scalar expressions.
"""

from __future__ import annotations

from kspec.lang import ast
from kspec.lang.source import Span
from kspec.lower import literals, places
from kspec.lower.binders import bind, nest
from kspec.lower.calls import call
from kspec.lower.coerce import coerce, common, dereference, mismatch
from kspec.lower.scope import (
    ConstBinding,
    Context,
    DeclBinding,
    Env,
    PlaceBinding,
    TypeBinding,
    ValueBinding,
    describe,
    error,
    unknown,
)
from kspec.lower.values import EmptyTag, NoneTag, Value, ValueType, equal, ite, of
from kspec.system.expr import Binary, BinaryOp, Const, Expr, Let, Narrow, Quant, Unary, Var, bounds
from kspec.system.layout import key_dims, leaves
from kspec.types import (
    BOOL,
    BoolType,
    EnumType,
    IdType,
    OptType,
    RangeType,
    Scalar,
    SeqType,
    SetType,
    Type,
    is_scalar,
    scalar,
)

_ARITH: dict[str, BinaryOp] = {"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod"}
_ORDER: dict[str, BinaryOp] = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_LOGIC: dict[str, BinaryOp] = {"&&": "and", "||": "or", "=>": "implies"}


def boolean(ctx: Context, env: Env, e: ast.Expr, what: str = "") -> Expr:
    """The scalar expression of a condition."""
    return coerce(ctx, value(ctx, env, e, BOOL), BOOL, e.span, what).expr


def expect(ctx: Context, env: Env, e: ast.Expr, t: Type, what: str = "") -> Value:
    """The value of ``e`` as a ``t``."""
    return coerce(ctx, value(ctx, env, e, t), t, e.span, what)


def integer(e: Expr) -> Value:
    """An integer value with the type that its bounds give."""
    lo, hi = bounds(e)
    return of(RangeType(lo, hi), e)


def value(ctx: Context, env: Env, e: ast.Expr, want: ValueType | None = None) -> Value:
    """The value of an expression; ``want`` is the type that the context would like (a hint)."""
    match e:
        case ast.IntLit(n):
            return of(RangeType(n, n), Const(n))
        case ast.BoolLit(b):
            return of(BOOL, Const(int(b)))
        case ast.NoneLit():
            return Value(NoneTag(), lambda _k, _i: Const(0))
        case ast.AnyLit(span):
            raise error("E0511", "`_` is an argument in scenarios only", span)
        case ast.IdentityLit():
            return _identity(ctx, env, e)
        case ast.Name(name, span):
            return _name(ctx, env, name, span, want)
        case ast.UnaryExpr("!", operand, span):
            return of(BOOL, Unary("not", boolean(ctx, env, operand), ctx.site(span)))
        case ast.UnaryExpr(_, operand, span):
            return integer(Unary("neg", number(ctx, env, operand), ctx.site(span)))
        case ast.BinaryExpr():
            return _binary(ctx, env, e, want)
        case ast.Conditional(cond, then, other, span):
            c = boolean(ctx, env, cond, "condition")
            yes, no = value(ctx, env, then, want), value(ctx, env, other, want)
            t = want if want is not None and _undecided(yes, no) else common(ctx, yes, no, span)
            if isinstance(t, NoneTag | EmptyTag):
                raise error("E0302", "the type of this is not known", span)
            return ite(c, coerce(ctx, yes, t, then.span), coerce(ctx, no, t, other.span), t, ctx.site(span))
        case ast.Field():
            return places.field(ctx, env, e, want)
        case ast.Index():
            return places.index_of(ctx, env, e)
        case ast.At(base, label, span):
            return places.at_label(ctx, env, base, label, span)
        case ast.Call():
            return call(ctx, env, e, want)
        case ast.Quantifier(op, binders, body, span):
            bound, inner = bind(ctx, env, binders)
            result = boolean(ctx, inner, body)
            return of(BOOL, nest(op, bound, result, ctx.site(span)))
        case ast.Aggregate():
            return literals.aggregate(ctx, env, e)
        case ast.SetLit(items, span):
            return literals.set_literal(ctx, env, items, span, want)
        case ast.SetFilter(binder, span):
            return literals.set_filter(ctx, env, binder, span)
        case ast.SeqLit(items, span):
            return literals.seq_literal(ctx, env, items, span, want)
        case ast.MapLit():
            return literals.map_literal(ctx, env, e, want)
        case ast.MethodStmt(_, method, _, span):
            raise error("E0312", f"`{method}` is a statement, not a value", span, help="put it on a line of its own")
        case _:
            raise TypeError(f"unknown expression {e}")


# ------------------------------------------------------------------------------------ names


def _name(ctx: Context, env: Env, name: str, span: Span, want: ValueType | None) -> Value:
    found = ctx.lookup(env, name)
    match found:
        case ConstBinding(t, v):
            return of(t if isinstance(t, BoolType | EnumType) else RangeType(v, v), Const(v))
        case PlaceBinding():
            p = places.place(ctx, env, ast.Name(name, span))
            assert p is not None
            return p.value()
        case ValueBinding(v):
            return v
        case None:
            return _member(ctx, env, name, span, want)
        case DeclBinding(ast.FunDecl(params=())):
            raise error("E0202", f"`{name}` is a function", span, help=f"call it: `{name}()`")
        case TypeBinding():
            raise error(
                "E0202", f"`{name}` is a type, not a value", span, help=f"a domain: `exists x in {name}: ...`"
            )
        case _:
            raise error("E0202", f"`{name}` is {describe(found)}, not a value", span)


def _member(ctx: Context, env: Env, name: str, span: Span, want: ValueType | None) -> Value:
    candidates = ctx.enums.get(name, [])
    inner = want.base if isinstance(want, OptType) else want
    for t, at in candidates:
        if t == inner:
            return of(t, Const(at))
    if not candidates:
        raise unknown(ctx, env, name, span)
    if len(candidates) > 1:
        names = ", ".join(f"`{t.name}.{name}`" for t, _ in candidates)
        raise error("E0203", f"`{name}` is a member of several enums", span, help=f"write one of {names}")
    t, at = candidates[0]
    return of(t, Const(at))


def _identity(ctx: Context, env: Env, e: ast.IdentityLit) -> Value:
    if not env.scenario:
        raise error(
            "E0303",
            f"`{e.type}#{e.number}` can only be written in a scenario",
            e.span,
            help="identities are interchangeable: choose one, or quantify over them",
        )
    found = ctx.lookup(env, e.type)
    match found:
        case TypeBinding(IdType(_, size) as t):
            if e.number >= size:
                raise error("E0304", f"`{e.type}` has {size} identities, numbered from 0", e.span)
            return of(t, Const(e.number))
        case None:
            raise unknown(ctx, env, e.type, e.span, "id type")
        case _:
            raise error("E0202", f"`{e.type}` is {describe(found)}, not an id type", e.span)


# ------------------------------------------------------------------------------- operators


def number(ctx: Context, env: Env, e: ast.Expr) -> Expr:
    v = value(ctx, env, e)
    if isinstance(v.type, OptType) and isinstance(v.type.base, RangeType):
        v = dereference(v, v.type.base, ctx.site(e.span))
    if isinstance(v.type, RangeType):
        return v.expr
    if isinstance(v.type, IdType):
        raise error(
            "E0305",
            f"no arithmetic on identities of `{v.type}`",
            e.span,
            f"this is a `{v.type}`",
            help="identities are interchangeable; use a range type if the number matters",
        )
    raise error("E0301", f"expected an integer, found `{v.type}`", e.span, f"this is `{v.type}`")


def _binary(ctx: Context, env: Env, e: ast.BinaryExpr, want: ValueType | None) -> Value:
    site = ctx.site(e.span)
    if e.op in _LOGIC:
        return of(
            BOOL, Binary(_LOGIC[e.op], boolean(ctx, env, e.left), boolean(ctx, env, e.right), site)
        )
    if e.op in ("==", "!="):
        return of(BOOL, _equality(ctx, env, e))
    if e.op == "in":
        return of(BOOL, _membership(ctx, env, e))
    left = value(ctx, env, e.left, want if e.op in "|&-" else None)
    if e.op in ("|", "&", "-") and isinstance(left.type, SetType | EmptyTag):
        return _set_operation(ctx, env, e, left, want)
    if e.op in ("|", "&"):
        if isinstance(left.type, BoolType):
            help_ = f"for conditions, use `{e.op}{e.op}`"
        else:
            help_ = "`|` and `&` are set union and intersection"
        raise error("E0306", f"`{e.op}` needs sets, found `{left.type}`", e.left.span, help=help_)
    if e.op in _ORDER:
        return _comparison(ctx, env, e, left)
    a, b = number(ctx, env, e.left), number(ctx, env, e.right)
    if e.op in "/%" and bounds(b) == (0, 0):
        raise error("E0307", "division by zero", e.right.span)
    return integer(Binary(_ARITH[e.op], a, b, site))


def _undecided(a: Value, b: Value) -> bool:
    return isinstance(a.type, NoneTag | EmptyTag) and isinstance(b.type, NoneTag | EmptyTag)


def _equality(ctx: Context, env: Env, e: ast.BinaryExpr) -> Expr:
    a = _try_hinted(ctx, env, e.left, e.right)
    b = value(ctx, env, e.right, a.type)
    if isinstance(a.type, NoneTag | EmptyTag):
        a = value(ctx, env, e.left, b.type)
    t = common(ctx, a, b, e.span)
    if isinstance(t, NoneTag | EmptyTag):
        raise error("E0302", "the type of this is not known", e.span)
    site = ctx.site(e.span)
    left, right = coerce(ctx, a, t, e.left.span), coerce(ctx, b, t, e.right.span)
    same = equal(left, right, t, ctx.fresh, site)
    if e.op == "==":
        return same
    return Binary("ne", left.expr, right.expr, site) if is_scalar(t) else Unary("not", same, site)


def _try_hinted(ctx: Context, env: Env, left: ast.Expr, right: ast.Expr) -> Value:
    """The left side of a comparison; an enum member that several enums have takes the right side's type."""
    if isinstance(left, ast.Name) and ctx.lookup(env, left.name) is None and len(ctx.enums.get(left.name, [])) > 1:
        return value(ctx, env, left, value(ctx, env, right).type)
    return value(ctx, env, left)


def _comparison(ctx: Context, env: Env, e: ast.BinaryExpr, left: Value) -> Value:
    site = ctx.site(e.span)
    op = _ORDER[e.op]
    right = value(ctx, env, e.right, left.type)
    if isinstance(left.type, SetType | EmptyTag) or isinstance(right.type, SetType):
        if op not in ("le", "ge"):
            raise error("E0306", f"`{e.op}` does not compare sets", e.span, help="`<=` is the subset test")
        t = common(ctx, left, right, e.span)
        if not isinstance(t, SetType):
            raise error("E0302", "the type of this is not known", e.span)
        small, big = (left, right) if op == "le" else (right, left)
        small, big = coerce(ctx, small, t, e.span), coerce(ctx, big, t, e.span)
        vs = tuple(Var(ctx.fresh("i"), d.lo, d.hi, d) for d in key_dims(t.item))
        body: Expr = Binary("implies", small.leaf(0, vs), big.leaf(0, vs), site)
        for v in reversed(vs):
            body = Quant("forall", v, body, site)
        return of(BOOL, body)
    match left.type, right.type:
        case (EnumType() as a, EnumType() as b) | (IdType() as a, IdType() as b):
            if a != b:
                raise mismatch(b, a, e.right.span, "")
            if isinstance(a, IdType) and not a.ordered:
                raise error(
                    "E0305",
                    f"identities of `{a}` have no order",
                    e.span,
                    f"`{a}` is an `id` type",
                    help=f"declare it `ordered id {a}[...]` if its order matters (this gives up its symmetry)",
                )
            return of(BOOL, Binary(op, left.expr, right.expr, site))
    return of(BOOL, Binary(op, number(ctx, env, e.left), number(ctx, env, e.right), site))


def _membership(ctx: Context, env: Env, e: ast.BinaryExpr) -> Expr:
    site = ctx.site(e.span)
    if isinstance(e.right, ast.Name) and isinstance(ctx.lookup(env, e.right.name), TypeBinding):
        raise error("E0308", "a type has every value of it", e.right.span, help="`in` needs a set or a sequence")
    box = value(ctx, env, e.right)
    match box.type:
        case SetType(item):
            dims = key_dims(item)
            if isinstance(item, RangeType):
                got = value(ctx, env, e.left, item)
                if isinstance(got.type, RangeType):
                    lo, hi = bounds(got.expr)
                    if item.lo <= lo and hi <= item.hi:
                        return box.leaf(0, (got.expr,))
                    # A number outside the item type is in no such set.
                    v = Var(ctx.fresh("m"), lo, hi)
                    inside = Binary("and", Binary("le", Const(item.lo), v), Binary("le", v, Const(item.hi)))
                    safe = Narrow(v, item.lo, item.hi, "range", site)
                    return Let(v, got.expr, Binary("and", inside, box.leaf(0, (safe,)), site))
            got = expect(ctx, env, e.left, item)
            return box.leaf(0, tuple(got.leaf(k, ()) for k in range(len(dims))))
        case SeqType(item, cap):
            got = expect(ctx, env, e.left, item)
            v = Var(ctx.fresh("i"), 0, cap - 1)
            there = Value(item, lambda k, i: box.leaf(k + 1, (v, *i)))
            layout = leaves(item)
            same: Expr = Const(1)
            for k, leaf in enumerate(layout):
                if leaf.dims:
                    raise error("E0309", f"`in` does not compare items of type `{item}`", e.span)
                same = Binary("and", same, Binary("eq", there.leaf(k, ()), got.leaf(k, ())))
            return Quant("exists", v, Binary("and", Binary("lt", v, box.leaf(0, ())), same), site)
        case EmptyTag():
            return Const(0)
        case _:
            raise error("E0308", f"`in` needs a set or a sequence, found `{box.type}`", e.right.span)


def _set_operation(ctx: Context, env: Env, e: ast.BinaryExpr, left: Value, want: ValueType | None) -> Value:
    right = value(ctx, env, e.right, left.type if isinstance(left.type, SetType) else want)
    t = common(ctx, left, right, e.span) if not _undecided(left, right) else want
    if not isinstance(t, SetType):
        raise error("E0302", "the type of this set is not known", e.span)
    a, b = coerce(ctx, left, t, e.left.span), coerce(ctx, right, t, e.right.span)
    site = ctx.site(e.span)

    def leaf(_k: int, i: tuple[Expr, ...]) -> Expr:
        x, y = a.leaf(0, i), b.leaf(0, i)
        match e.op:
            case "|":
                return Binary("or", x, y, site)
            case "&":
                return Binary("and", x, y, site)
            case _:
                return Binary("and", x, Unary("not", y), site)

    return Value(t, leaf)


def scalar_of(v: Value, span: Span) -> Scalar:
    """The scalar type of a value; Failed (E0317) when it has another."""
    if isinstance(v.type, NoneTag | EmptyTag) or not is_scalar(v.type):
        raise error("E0317", f"a scalar is needed here, found `{v.type}`", span)
    return scalar(v.type)
