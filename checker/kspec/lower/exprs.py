"""Elaboration of expressions: typing and lowering in one walk.

Types depend on parameters (``0..N-1``), so every configuration is typed by itself; the walk that
finds the type of an expression also gives its value in terms of scalar expressions.
"""

from __future__ import annotations

from kspec.lang import ast
from kspec.lang.diagnostics import Failed
from kspec.lang.source import Span
from kspec.lower import literals, places
from kspec.lower.binders import bind, nest
from kspec.lower.calls import call
from kspec.lower.coerce import coerce, common, dereference, mismatch
from kspec.lower.scope import (
    BrokenBinding,
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
from kspec.lower.values import EmptyTag, NoneTag, Soft, Value, Want, equal, first, ite, item_hint, of, strict
from kspec.system.effects import expr_errors
from kspec.system.expr import Binary, BinaryOp, Const, Expr, Let, Narrow, Quant, Unary, Var, bounds
from kspec.system.layout import key_dims, leaves
from kspec.types import (
    BOOL,
    BoolType,
    EnumType,
    IdType,
    OptType,
    RangeType,
    SeqType,
    SetType,
    Type,
    is_scalar,
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


def value(ctx: Context, env: Env, e: ast.Expr, want: Want = None) -> Value:
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
            yes, no = _pair(ctx, env, then, other, want)
            known = want.type if isinstance(want, Soft) else want
            if known is not None and _undecided(yes, no):
                t = known
            else:
                t = common(ctx, yes, no, span, "the results of one `?:`")
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
        case ast.Temporal():
            from kspec.lower.temporal import misplaced

            raise misplaced(e)
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


def _name(ctx: Context, env: Env, name: str, span: Span, want: Want) -> Value:
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
        case BrokenBinding():
            raise Failed([])
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


def _member(ctx: Context, env: Env, name: str, span: Span, want: Want) -> Value:
    candidates = ctx.members(env, name)
    known = want.type if isinstance(want, Soft) else want
    inner = known.base if isinstance(known, OptType) else known
    for t, at in candidates:
        if t == inner:
            return of(t, Const(at))
    if not candidates:
        if hidden := ctx.enums.get(name):
            enum = hidden[0][0]
            raise error("E0201", f"unknown name `{name}`", span, "not declared here",
                        help=f"it is a member of `{enum}`: list `{enum}` in a `use`")
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
    """The scalar expression of an integer."""
    return as_number(ctx, value(ctx, env, e), e.span)


def as_number(ctx: Context, v: Value, span: Span) -> Expr:
    """A value as an integer; raises Failed (E0301, E0305)."""
    if isinstance(v.type, OptType) and isinstance(v.type.base, RangeType):
        v = dereference(v, v.type.base, ctx.site(span))
    if isinstance(v.type, RangeType):
        return v.expr
    if isinstance(v.type, IdType):
        raise error(
            "E0305",
            f"no arithmetic on identities of `{v.type}`",
            span,
            f"this is a `{v.type}`",
            help="identities are interchangeable; use a range type if the number matters",
        )
    raise error("E0301", f"expected an integer, found `{v.type}`", span, f"this is `{v.type}`")


def needs_hint(ctx: Context, env: Env, e: ast.Expr) -> bool:
    """Whether what an expression means depends on the type that its context wants: `none`, `{}`, `[]`, enum
    members that several enums have, and what is made of these."""
    match e:
        case ast.NoneLit():
            return True
        case ast.Name(name):
            return ctx.lookup(env, name) is None and len(ctx.members(env, name)) > 1
        case ast.Conditional(_, then, other):
            return needs_hint(ctx, env, then) and needs_hint(ctx, env, other)
        case ast.SetLit(items) | ast.SeqLit(items):
            return all(needs_hint(ctx, env, x) for x in items)
        case ast.BinaryExpr("|" | "&" | "-", left, right):
            return needs_hint(ctx, env, left) and needs_hint(ctx, env, right)
        case ast.MapLit(_, inner):
            return needs_hint(ctx, env, inner)
        case _:
            return False


def _pair(ctx: Context, env: Env, left: ast.Expr, right: ast.Expr, want: Want = None) -> tuple[Value, Value]:
    """The values of two expressions that are to be of one type: each may say what the other means."""
    if want is not None:
        return value(ctx, env, left, want), value(ctx, env, right, want)
    if needs_hint(ctx, env, left):
        b = value(ctx, env, right)
        return value(ctx, env, left, Soft(b.type)), b
    a = value(ctx, env, left)
    return a, value(ctx, env, right, Soft(a.type))


def _binary(ctx: Context, env: Env, e: ast.BinaryExpr, want: Want) -> Value:
    site = ctx.site(e.span)
    if e.op in _LOGIC:
        return of(
            BOOL, Binary(_LOGIC[e.op], boolean(ctx, env, e.left), boolean(ctx, env, e.right), site)
        )
    if e.op in ("==", "!="):
        return of(BOOL, _equality(ctx, env, e))
    if e.op == "in":
        return of(BOOL, _membership(ctx, env, e))
    left, right = _pair(ctx, env, e.left, e.right, want if e.op in "|&-" else None)
    left, right = _collection(ctx, left, e.left.span), _collection(ctx, right, e.right.span)
    if e.op in ("|", "&", "-") and isinstance(left.type, SetType | EmptyTag):
        return _set_operation(ctx, e, left, right, want)
    if e.op in ("|", "&"):
        if isinstance(left.type, BoolType):
            help_ = f"for conditions, use `{e.op}{e.op}`"
        else:
            help_ = "`|` and `&` are set union and intersection"
        raise error("E0306", f"`{e.op}` needs sets, found `{left.type}`", e.left.span, help=help_)
    if e.op in _ORDER:
        return _comparison(ctx, e, left, right)
    a, b = as_number(ctx, left, e.left.span), as_number(ctx, right, e.right.span)
    if e.op in "/%" and bounds(b) == (0, 0):
        raise error("E0307", "division by zero", e.right.span)
    return integer(Binary(_ARITH[e.op], a, b, site))


def _collection(ctx: Context, v: Value, span: Span) -> Value:
    """A set or sequence, dereferenced if it is optional."""
    match v.type:
        case OptType(SetType() | SeqType() as base):
            return dereference(v, base, ctx.site(span))
        case _:
            return v


def _undecided(a: Value, b: Value) -> bool:
    return isinstance(a.type, NoneTag | EmptyTag) and isinstance(b.type, NoneTag | EmptyTag)


def _equality(ctx: Context, env: Env, e: ast.BinaryExpr) -> Expr:
    a, b = _pair(ctx, env, e.left, e.right)
    t = common(ctx, a, b, e.span)
    if isinstance(t, NoneTag | EmptyTag):
        raise error("E0302", "the type of this is not known", e.span)
    site = ctx.site(e.span)
    left, right = coerce(ctx, a, t, e.left.span), coerce(ctx, b, t, e.right.span)
    same = equal(left, right, t, ctx.fresh, site)
    if e.op == "==":
        return same
    return Binary("ne", left.expr, right.expr, site) if is_scalar(t) else Unary("not", same, site)


def _comparison(ctx: Context, e: ast.BinaryExpr, left: Value, right: Value) -> Value:
    site = ctx.site(e.span)
    op = _ORDER[e.op]
    if isinstance(left.type, SetType | EmptyTag) or isinstance(right.type, SetType):
        if op not in ("le", "ge"):
            raise error("E0306", f"`{e.op}` does not compare sets", e.span, help="`<=` is the subset test")
        t = common(ctx, left, right, e.span)
        if not isinstance(t, SetType):
            raise error("E0302", "the type of this is not known", e.span)
        small, big = (left, right) if op == "le" else (right, left)
        small, big = coerce(ctx, small, t, e.span), coerce(ctx, big, t, e.span)
        vs = tuple(Var(ctx.fresh("i"), d.lo, d.hi, d) for d in key_dims(t.item))
        body: Expr = strict("implies", [small.leaf(0, vs), big.leaf(0, vs)], ctx.fresh, site)
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
    return of(BOOL, Binary(op, as_number(ctx, left, e.left.span), as_number(ctx, right, e.right.span), site))


def _membership(ctx: Context, env: Env, e: ast.BinaryExpr) -> Expr:
    site = ctx.site(e.span)
    if isinstance(e.right, ast.Name) and isinstance(ctx.lookup(env, e.right.name), TypeBinding):
        raise error("E0308", "a type has every value of it", e.right.span, help="`in` needs a set or a sequence")
    got, box = _contained(ctx, env, e)
    box = _collection(ctx, box, e.right.span)
    match box.type:
        case SetType(RangeType() as item) if isinstance(got.type, RangeType):
            # A number outside the item type is in no such set.
            lo, hi = bounds(got.expr)
            if item.lo <= lo and hi <= item.hi:
                got, lets = _evaluated(ctx, got, item)
                return first(lets, box.leaf(0, (got.expr,)))
            v = Var(ctx.fresh("m"), lo, hi)
            inside = Binary("and", Binary("le", Const(item.lo), v), Binary("le", v, Const(item.hi)))
            safe = Narrow(v, item.lo, item.hi, "range", site)
            return Let(v, got.expr, Binary("and", inside, box.leaf(0, (safe,)), site))
        case SetType(item):
            got, lets = _evaluated(ctx, coerce(ctx, got, item, e.left.span), item)
            return first(lets, box.leaf(0, tuple(got.leaf(k, ()) for k in range(len(key_dims(item))))))
        case SeqType(item, cap):
            v = Var(ctx.fresh("i"), 0, cap - 1)
            there = Value(item, lambda k, i: box.leaf(k + 1, (v, *i)))
            if isinstance(got.type, OptType) and not isinstance(item, OptType):
                got = dereference(got, got.type.base, ctx.site(e.left.span))
            t = common(ctx, there, got, e.span)
            assert not isinstance(t, NoneTag | EmptyTag)
            left = coerce(ctx, there, t, e.right.span)
            right, lets = _evaluated(ctx, coerce(ctx, got, t, e.left.span), t)
            same = equal(left, right, t, ctx.fresh, site)
            found: Expr = Quant("exists", v, Binary("and", Binary("lt", v, box.leaf(0, ())), same), site)
            return first(lets, found)
        case EmptyTag() if not isinstance(got.type, NoneTag | EmptyTag):
            return first(_evaluated(ctx, got, got.type)[1], Const(0))
        case EmptyTag():
            return Const(0)
        case _:
            raise error("E0308", f"`in` needs a set or a sequence, found `{box.type}`", e.right.span)


def _evaluated(ctx: Context, v: Value, t: Type) -> tuple[Value, list[tuple[Var, Expr]]]:
    """A value whose scalars, if they may raise errors, are evaluated before it is used, and what to bind for that."""
    lets: dict[int, tuple[Var, Expr]] = {}
    for k, leaf in enumerate(leaves(t)):
        if not leaf.dims and expr_errors(x := v.leaf(k, ())):
            lets[k] = Var(ctx.fresh("m"), *bounds(x)), x
    return Value(t, lambda k, i: lets[k][0] if k in lets else v.leaf(k, i)), list(lets.values())


def _contained(ctx: Context, env: Env, e: ast.BinaryExpr) -> tuple[Value, Value]:
    """The two sides of ``x in s``."""
    if needs_hint(ctx, env, e.left):
        box = value(ctx, env, e.right)
        hint = item_hint(box.type)
        return value(ctx, env, e.left, hint), box
    got = value(ctx, env, e.left)
    match e.right, got.type:
        case ast.SeqLit(items), t if items and not isinstance(t, NoneTag | EmptyTag):
            return got, value(ctx, env, e.right, Soft(SeqType(t, len(items))))
        case _, t if not isinstance(t, NoneTag | EmptyTag):
            return got, value(ctx, env, e.right, Soft(SetType(t)))
        case _:
            return got, value(ctx, env, e.right)


def _set_operation(ctx: Context, e: ast.BinaryExpr, left: Value, right: Value, want: Want) -> Value:
    known = want.type if isinstance(want, Soft) else want
    t = common(ctx, left, right, e.span) if not _undecided(left, right) else known
    if not isinstance(t, SetType):
        raise error("E0302", "the type of this set is not known", e.span)
    a, b = coerce(ctx, left, t, e.left.span), coerce(ctx, right, t, e.right.span)
    site = ctx.site(e.span)

    def leaf(_k: int, i: tuple[Expr, ...]) -> Expr:
        x, y = a.leaf(0, i), b.leaf(0, i)
        if e.op == "-":
            y = Unary("not", y)
        return strict("or" if e.op == "|" else "and", [x, y], ctx.fresh, site)

    return Value(t, leaf)
