"""Elaboration of expressions: typing and lowering in one walk.

Types depend on parameters (``0..N-1``), so every configuration is typed by itself; the walk that
finds the type of an expression also gives its value in terms of scalar expressions.
"""

from __future__ import annotations

from kspec.lang import ast
from kspec.lang.diagnostics import did_you_mean
from kspec.lang.source import Span
from kspec.lower.binders import bind, conjunction, nest
from kspec.lower.calls import call
from kspec.lower.coerce import coerce, common, dereference, mismatch
from kspec.lower.scope import (
    ConstBinding,
    Context,
    DeclBinding,
    Env,
    PlaceBinding,
    ProcessInfo,
    TypeBinding,
    ValueBinding,
    describe,
    error,
    unknown,
)
from kspec.lower.values import EmptyTag, NoneTag, Place, Value, ValueType, default_value, equal, ite, of
from kspec.system.expr import Binary, BinaryOp, Const, Expr, Fold, Ite, Let, Narrow, Quant, Read, Unary, Var, bounds
from kspec.system.layout import key_dims, leaves
from kspec.types import (
    BOOL,
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
            return integer(Unary("neg", _number(ctx, env, operand), ctx.site(span)))
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
            return _field(ctx, env, e, want)
        case ast.Index():
            return _index(ctx, env, e)
        case ast.At(base, label, span):
            return _at(ctx, env, base, label, span)
        case ast.Call():
            return call(ctx, env, e, want)
        case ast.Quantifier(op, binders, body, span):
            bound, inner = bind(ctx, env, binders)
            result = boolean(ctx, inner, body)
            return of(BOOL, nest(op, bound, result, ctx.site(span)))
        case ast.Aggregate():
            return _aggregate(ctx, env, e)
        case ast.SetLit(items, span):
            return _set_literal(ctx, env, items, span, want)
        case ast.SetFilter(binder, span):
            return _set_filter(ctx, env, binder, span)
        case ast.SeqLit(items, span):
            return _seq_literal(ctx, env, items, span, want)
        case ast.MapLit():
            return _map_literal(ctx, env, e, want)
        case ast.MethodStmt(_, method, _, span):
            raise error("E0312", f"`{method}` is a statement, not a value", span, help="put it on a line of its own")
        case _:
            raise TypeError(f"unknown expression {e}")


def place(ctx: Context, env: Env, e: ast.Expr) -> Place | None:
    """Where an expression is stored, or None when it is not a place (variable, element, field)."""
    match e:
        case ast.Name(name):
            found = ctx.lookup(env, name)
            if isinstance(found, PlaceBinding):
                p = found.place
                if ctx.watching:
                    ctx.observed_cells.update(c.name for c in p.cells if c.local_of)
                return Place(p.type, p.cells, p.index, ctx.site(e.span), env.old)
            return None
        case ast.Field(base, name, span):
            local = _process_local(ctx, env, base, name, span)
            if local is not None:
                return local
            outer = place(ctx, env, base)
            if outer is None:
                return None
            outer = _deref_place(ctx, outer, base.span)
            if isinstance(outer.type, StructType):
                return _field_place(ctx, outer, name, span)
            return None
        case ast.Index(base, index, span):
            if _process_named(ctx, env, base):
                return None
            outer = place(ctx, env, base)
            if outer is None:
                return None
            outer = _deref_place(ctx, outer, base.span)
            match outer.type:
                case MapType(key, element):
                    dims = key_dims(key)
                    at = map_key(ctx, env, index, key)
                    path = (*outer.index, *at[: len(dims)])
                    return Place(element, outer.cells, path, ctx.site(span), outer.old, outer.checks)
                case SeqType(item, cap):
                    i = _number(ctx, env, index)
                    checked = seq_index(ctx, i, outer, cap, span)
                    path = (*outer.index, checked)
                    return Place(item, outer.cells[1:], path, ctx.site(span), outer.old, outer.checks)
            return None
        case _:
            return None


def map_key(ctx: Context, env: Env, index: ast.Expr, key: Type) -> tuple[Expr, ...]:
    """The index expressions for a key; a number outside the key type is the error ``index``."""
    if isinstance(key, RangeType):
        got = value(ctx, env, index, key)
        if isinstance(got.type, OptType):
            got = dereference(got, got.type.base, ctx.site(index.span))
        if not isinstance(got.type, RangeType):
            raise mismatch(got.type, key, index.span, "index")
        lo, hi = bounds(got.expr)
        if key.lo <= lo and hi <= key.hi:
            return (got.expr,)
        return (Narrow(got.expr, key.lo, key.hi, "index", ctx.site(index.span)),)
    got = expect(ctx, env, index, key, "index")
    return tuple(got.leaf(k, ()) for k in range(len(key_dims(key))))


def seq_index(ctx: Context, i: Expr, outer: Place, cap: int, span: Span) -> Expr:
    """``i``, checked to be below the length of the sequence and within its capacity."""
    site = ctx.site(span)
    length = outer.read(0, ())
    lo, hi = bounds(i)
    v = Var(ctx.fresh("i"), lo, hi)
    inside = Binary("and", Binary("le", Const(0), v), Binary("lt", v, length))
    checked = Ite(inside, v, Const(-1))
    return Let(v, i, Narrow(checked, 0, cap - 1, "index", site))


# ------------------------------------------------------------------------------------ names


def _name(ctx: Context, env: Env, name: str, span: Span, want: ValueType | None) -> Value:
    found = ctx.lookup(env, name)
    match found:
        case ConstBinding(t, v):
            return of(t if isinstance(t, BoolType | EnumType) else RangeType(v, v), Const(v))
        case PlaceBinding():
            p = place(ctx, env, ast.Name(name, span))
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


def _number(ctx: Context, env: Env, e: ast.Expr) -> Expr:
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
    a, b = _number(ctx, env, e.left), _number(ctx, env, e.right)
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
    return of(BOOL, Binary(op, _number(ctx, env, e.left), _number(ctx, env, e.right), site))


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


# --------------------------------------------------------------------- fields, elements, processes


def _field_place(ctx: Context, outer: Place, name: str, span: Span) -> Place:
    assert isinstance(outer.type, StructType)
    at = 0
    for field_name, t in outer.type.fields:
        n = len(leaves(t))
        if field_name == name:
            return Place(t, outer.cells[at : at + n], outer.index, ctx.site(span), outer.old, outer.checks)
        at += n
    raise _no_field(outer.type, name, span)


def _no_field(t: StructType, name: str, span: Span) -> Exception:
    return error(
        "E0310", f"`{t}` has no field `{name}`", span, help=did_you_mean(name, (n for n, _ in t.fields))
    )


def _deref_place(ctx: Context, p: Place, span: Span) -> Place:
    """The place inside an optional compound; reading or writing it when it is absent is the error ``none``."""
    if not isinstance(p.type, OptType) or is_scalar(p.type):
        return p
    present = Narrow(Read(p.cells[0], p.index, p.old), 1, 1, "none", ctx.site(span))
    return Place(p.type.base, p.cells[1:], p.index, p.site, p.old, (*p.checks, present))


def _field(ctx: Context, env: Env, e: ast.Field, want: ValueType | None) -> Value:
    if isinstance(e.base, ast.Name):
        found = ctx.lookup(env, e.base.name)
        if isinstance(found, TypeBinding) and isinstance(found.type, EnumType):
            if e.name not in found.type.members:
                raise error(
                    "E0204",
                    f"`{found.type}` has no member `{e.name}`",
                    e.span,
                    help=did_you_mean(e.name, found.type.members),
                )
            return of(found.type, Const(found.type.members.index(e.name)))
    stored = place(ctx, env, e)
    if stored is not None:
        return stored.value()
    base = value(ctx, env, e.base)
    if isinstance(base.type, OptType):
        base = dereference(base, base.type.base, ctx.site(e.base.span))
    site = ctx.site(e.span)
    match base.type, e.name:
        case StructType(_, fields) as t, name:
            at = 0
            for field_name, ft in fields:
                if field_name == name:
                    return Value(ft, lambda k, i, at=at: base.leaf(at + k, i))  # type: ignore[misc]
                at += len(leaves(ft))
            raise _no_field(t, name, e.span)
        case SetType(item), "size":
            return integer(_count(ctx, base, item, e.span))
        case SeqType(), "len":
            return integer(base.leaf(0, ()))
        case SeqType(item, cap), "first" | "last":
            length = base.leaf(0, ())
            v = Var(ctx.fresh("n"), 0, cap)
            at_expr: Expr = Const(0) if e.name == "first" else Binary("sub", v, Const(1))
            n = Narrow(v, 1, cap, "index", site)
            i = Let(v, length, Ite(Binary("gt", n, Const(0)), at_expr, Const(0)))
            index = Narrow(i, 0, cap - 1, "index", site)
            return Value(item, lambda k, rest: base.leaf(k + 1, (index, *rest)))
        case t, name:
            known = {"size"} if isinstance(t, SetType) else {"len", "first", "last"} if isinstance(t, SeqType) else ()
            raise error(
                "E0310",
                f"`{t}` has no field `{name}`",
                e.span,
                help=did_you_mean(name, known) or "only structs, sets and sequences have fields",
            )


def _count(ctx: Context, s: Value, item: Type, span: Span) -> Expr:
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


def _index(ctx: Context, env: Env, e: ast.Index) -> Value:
    stored = place(ctx, env, e)
    if stored is not None:
        return stored.value()
    if _process_named(ctx, env, e.base):
        raise error("E0205", "a process is not a value", e.span, help="write `p[x] at label` or `p[x].local`")
    base = value(ctx, env, e.base)
    if isinstance(base.type, OptType):
        base = dereference(base, base.type.base, ctx.site(e.base.span))
    match base.type:
        case MapType(key, element):
            at = map_key(ctx, env, e.index, key)
            return Value(element, lambda k, i: base.leaf(k, (*at, *i)))
        case SeqType(item, cap):
            i0 = _number(ctx, env, e.index)
            lo, hi = bounds(i0)
            v = Var(ctx.fresh("i"), lo, hi)
            inside = Binary("and", Binary("le", Const(0), v), Binary("lt", v, base.leaf(0, ())))
            checked = Let(
                v, i0, Narrow(Ite(inside, v, Const(-1)), 0, cap - 1, "index", ctx.site(e.span))
            )
            return Value(item, lambda k, i: base.leaf(k + 1, (checked, *i)))
        case t:
            raise error("E0311", f"`{t}` cannot be indexed", e.base.span, help="maps and sequences can")


def _process_named(ctx: Context, env: Env, e: ast.Expr) -> ProcessInfo | None:
    if isinstance(e, ast.Name):
        found = ctx.lookup(env, e.name)
        if isinstance(found, DeclBinding) and isinstance(found.decl, ast.ProcessDecl):
            return ctx.processes.get(e.name)
    return None


def _instance(ctx: Context, env: Env, base: ast.Expr, span: Span) -> tuple[ProcessInfo, tuple[Expr, ...]] | None:
    """The process instance that ``p`` or ``p[x]`` names."""
    if (info := _process_named(ctx, env, base)) is not None:
        if info.self_type is not None:
            raise error(
                "E0206", f"`{info.decl.name}` has an instance for each `{info.self_type}`", span,
                help=f"write `{info.decl.name}[x]`",
            )
        return info, ()
    if isinstance(base, ast.Index) and (info := _process_named(ctx, env, base.base)) is not None:
        if info.self_type is None:
            raise error("E0206", f"`{info.decl.name}` has one instance only", span, help="leave out the index")
        return info, map_key(ctx, env, base.index, info.self_type)
    return None


def _process_local(ctx: Context, env: Env, base: ast.Expr, name: str, span: Span) -> Place | None:
    found = _instance(ctx, env, base, span)
    if found is None:
        return None
    info, index = found
    stored = info.locals.get(name)
    if stored is None:
        raise error(
            "E0207",
            f"process `{info.decl.name}` has no local `{name}`",
            span,
            help=did_you_mean(name, info.locals),
        )
    if ctx.watching:
        ctx.observed_cells.update(c.name for c in stored.cells)
    return Place(stored.type, stored.cells, index, ctx.site(span), env.old)


def _at(ctx: Context, env: Env, base: ast.Expr, label: str, span: Span) -> Value:
    found = _instance(ctx, env, base, span)
    if found is None:
        raise error("E0205", "`at` needs a process", base.span, help="write `p[x] at label`")
    info, index = found
    ctx.observed_labels.add((info.decl.name, label))
    if info.pc is None:
        return of(BOOL, Const(0))
    if label not in info.labels:
        raise error(
            "E0208",
            f"process `{info.decl.name}` has no label `{label}`",
            span,
            help=did_you_mean(label, info.labels),
        )
    pc = Place(info.pc.type, info.pc.cells, index, ctx.site(span), env.old).read(0, ())
    from kspec.lower.process import placeholder

    return of(BOOL, Binary("eq", pc, placeholder(info.decl.name, label), ctx.site(span)))


# ---------------------------------------------------------------------- aggregates and literals


def _aggregate(ctx: Context, env: Env, e: ast.Aggregate) -> Value:
    bound, inner = bind(ctx, env, (e.binder,))
    b = bound[0]
    cond = conjunction(b.conds)
    site = ctx.site(e.span)
    if e.op == "count":
        if e.value is not None:
            raise error("E0313", "`count` has a condition, not a value", e.value.span, help="count(x in S where p)")
        return integer(fold_count(ctx, b.vars, cond, b.size, e.span))
    if e.value is None:
        raise error("E0313", f"`{e.op}` needs a value", e.span, help=f"{e.op}(x in S where p: value)")
    term = _number(ctx, inner, e.value)
    lo, hi = bounds(term)
    if e.op == "sum":
        return integer(
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
    return integer(Narrow(body, lo, hi, "choose", site))


def _set_literal(
    ctx: Context, env: Env, items: tuple[ast.Expr, ...], span: Span, want: ValueType | None
) -> Value:
    if not items:
        return default_value(want) if isinstance(want, SetType) else Value(EmptyTag("set"), lambda _k, _i: Const(0))
    hint = want.item if isinstance(want, SetType) else None
    values = [value(ctx, env, x, hint) for x in items]
    t: ValueType = hint if hint is not None else values[0].type
    if hint is None:
        for v, x in zip(values[1:], items[1:], strict=True):
            t = common(ctx, Value(t, values[0].leaf), v, x.span)
    if isinstance(t, NoneTag | EmptyTag | MapType | SetType | SeqType):
        raise error("E0314", f"a set cannot have members of type `{t}`", span)
    members = [coerce(ctx, v, t, x.span) for v, x in zip(values, items, strict=True)]
    dims = key_dims(t)

    def leaf(_k: int, i: tuple[Expr, ...]) -> Expr:
        out: Expr | None = None
        for m in members:
            same: Expr | None = None
            for k in range(len(dims)):
                eq = Binary("eq", m.leaf(k, ()), i[k])
                same = eq if same is None else Binary("and", same, eq)
            assert same is not None
            out = same if out is None else Binary("or", out, same)
        assert out is not None
        return out

    return Value(SetType(t), leaf)


def _set_filter(ctx: Context, env: Env, binder: ast.Binder, span: Span) -> Value:
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


def _seq_literal(
    ctx: Context, env: Env, items: tuple[ast.Expr, ...], span: Span, want: ValueType | None
) -> Value:
    if not items:
        return default_value(want) if isinstance(want, SeqType) else Value(EmptyTag("seq"), lambda _k, _i: Const(0))
    if not isinstance(want, SeqType):
        first = value(ctx, env, items[0])
        if isinstance(first.type, NoneTag | EmptyTag):
            raise error("E0302", "the type of this sequence is not known", span)
        want = SeqType(first.type, len(items))
    if len(items) > want.cap:
        raise error("E0315", f"{len(items)} items in a sequence of at most {want.cap}", span)
    values = [expect(ctx, env, x, want.item) for x in items]
    layout = leaves(want)

    def leaf(k: int, i: tuple[Expr, ...]) -> Expr:
        if k == 0:
            return Const(len(items))
        out: Expr = Const(layout[k].type.lo)
        for n in range(len(values) - 1, -1, -1):
            out = Ite(Binary("eq", i[0], Const(n)), values[n].leaf(k - 1, i[1:]), out)
        return out

    return Value(want, leaf)


def _map_literal(ctx: Context, env: Env, e: ast.MapLit, want: ValueType | None) -> Value:
    bound, inner = bind(ctx, env, (e.binder,))
    b = bound[0]
    if b.conds or isinstance(b.type, NoneTag | EmptyTag):
        raise error("E0316", "a map has a value for every key", e.binder.span, help="[k in KeyType: value]")
    hint = want.value if isinstance(want, MapType) else None
    element = value(ctx, inner, e.value, hint)
    t = hint if hint is not None else element.type
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


def scalar_of(v: Value, span: Span) -> Scalar:
    """The scalar type of a value; Failed (E0317) when it has another."""
    if isinstance(v.type, NoneTag | EmptyTag) or not is_scalar(v.type):
        raise error("E0317", f"a scalar is needed here, found `{v.type}`", span)
    return scalar(v.type)
