"""Places, fields, elements, and what expressions may ask of a process."""

from __future__ import annotations

from dataclasses import replace

from kspec.lang import ast
from kspec.lang.diagnostics import did_you_mean
from kspec.lang.source import Span
from kspec.lower import exprs, literals
from kspec.lower.coerce import dereference, mismatch
from kspec.lower.scope import (
    Context,
    DeclBinding,
    Env,
    PlaceBinding,
    ProcessInfo,
    TypeBinding,
    error,
)
from kspec.lower.values import Place, Value, Want, first, of
from kspec.system.effects import expr_errors
from kspec.system.expr import Binary, Const, Expr, Ite, Let, Narrow, Read, Var, bounds
from kspec.system.layout import key_dims, leaves
from kspec.types import (
    BOOL,
    EnumType,
    MapType,
    OptType,
    RangeType,
    SeqType,
    SetType,
    StructType,
    Type,
    is_scalar,
)


def place(ctx: Context, env: Env, e: ast.Expr) -> Place | None:
    """Where an expression is stored, or None when it is not a place (variable, element, field)."""
    match e:
        case ast.Name(name):
            found = ctx.lookup(env, name)
            if isinstance(found, PlaceBinding):
                p = found.place
                return replace(p, site=ctx.site(e.span), old=env.old)
            return None
        case ast.Field(base, name, span):
            local = _process_local(ctx, env, base, name, span)
            if local is not None:
                return local
            outer = place(ctx, env, base)
            if outer is None:
                return None
            outer = inside(ctx, outer, base.span)
            if isinstance(outer.type, StructType):
                return _field_place(ctx, outer, name, span)
            return None
        case ast.Index(base, index, span):
            if _process_named(ctx, env, base):
                return None
            outer = place(ctx, env, base)
            if outer is None:
                return None
            outer = inside(ctx, outer, base.span)
            match outer.type:
                case MapType(key, element):
                    dims = key_dims(key)
                    at = map_key(ctx, env, index, key)
                    path = (*outer.index, *at[: len(dims)])
                    return replace(outer, type=element, index=path, site=ctx.site(span))
                case SeqType(item, cap):
                    i = exprs.number(ctx, env, index)
                    checked = seq_index(ctx, i, outer, cap, span)
                    path = (*outer.index, checked)
                    there = Binary("lt", checked, Read(outer.cells[0], outer.index, outer.old))
                    live = (*outer.live, Narrow(there, 1, 1, "index", ctx.site(span)))
                    return replace(
                        outer, type=item, cells=outer.cells[1:], index=path, site=ctx.site(span), live=live
                    )
            return None
        case _:
            return None


def map_key(ctx: Context, env: Env, index: ast.Expr, key: Type) -> tuple[Expr, ...]:
    """The index expressions for a key; a number outside the key type is the error ``index``."""
    if isinstance(key, RangeType):
        got = exprs.value(ctx, env, index, key)
        if isinstance(got.type, OptType):
            got = dereference(got, got.type.base, ctx.site(index.span))
        if not isinstance(got.type, RangeType):
            raise mismatch(got.type, key, index.span, "index")
        lo, hi = bounds(got.expr)
        if key.lo <= lo and hi <= key.hi:
            return (got.expr,)
        return (Narrow(got.expr, key.lo, key.hi, "index", ctx.site(index.span)),)
    got = exprs.expect(ctx, env, index, key, "index")
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



def _field_place(ctx: Context, outer: Place, name: str, span: Span) -> Place:
    assert isinstance(outer.type, StructType)
    at = 0
    for field_name, t in outer.type.fields:
        n = len(leaves(t))
        if field_name == name:
            return replace(outer, type=t, cells=outer.cells[at : at + n], site=ctx.site(span))
        at += n
    raise _no_field(outer.type, name, span)


def _no_field(t: StructType, name: str, span: Span) -> Exception:
    return error(
        "E0310", f"`{t}` has no field `{name}`", span, help=did_you_mean(name, (n for n, _ in t.fields))
    )


def inside(ctx: Context, p: Place, span: Span) -> Place:
    """The place inside an optional compound; reading or writing it when it is absent is the error ``none``."""
    if not isinstance(p.type, OptType) or is_scalar(p.type):
        return p
    present = Narrow(Read(p.cells[0], p.index, p.old), 1, 1, "none", ctx.site(span))
    return replace(p, type=p.type.base, cells=p.cells[1:], checks=(*p.checks, present))


def field(ctx: Context, env: Env, e: ast.Field, want: Want) -> Value:
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
    base = exprs.value(ctx, env, e.base)
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
            return exprs.integer(literals.count_members(ctx, base, item, e.span))
        case SeqType(), "len":
            return exprs.integer(base.leaf(0, ()))
        case SeqType(item, cap), "first" | "last":
            length = base.leaf(0, ())
            v = Var(ctx.fresh("n"), 0, cap)
            at_expr: Expr = Const(0) if e.name == "first" else Binary("sub", v, Const(1))
            n = Narrow(v, 1, cap, "index", site)
            i = Let(v, length, Ite(Binary("gt", n, Const(0)), at_expr, Const(0)))
            return _item(ctx, base, item, Narrow(i, 0, cap - 1, "index", site))
        case t, name:
            match t:
                case SetType():
                    known = "a set has `size`"
                case SeqType():
                    known = "a sequence has `len`, `first` and `last`"
                case _:
                    known = "structs, sets and sequences have fields"
            raise error("E0310", f"`{t}` has no field `{name}`", e.span, help=known)


def index_of(ctx: Context, env: Env, e: ast.Index) -> Value:
    stored = place(ctx, env, e)
    if stored is not None:
        return stored.value()
    if _process_named(ctx, env, e.base):
        raise error("E0205", "a process is not a value", e.span, help="write `p[x] at label` or `p[x].local`")
    base = exprs.value(ctx, env, e.base)
    if isinstance(base.type, OptType):
        base = dereference(base, base.type.base, ctx.site(e.base.span))
    match base.type:
        case MapType(key, element):
            at = map_key(ctx, env, e.index, key)
            lets = [(Var(ctx.fresh("k"), *bounds(x)), x) for x in at if expr_errors(x)]
            names = {id(x): v for v, x in lets}
            keys = tuple(names.get(id(x), x) for x in at)
            return Value(element, lambda k, i: first(lets, base.leaf(k, (*keys, *i))))
        case SeqType(item, cap):
            i0 = exprs.number(ctx, env, e.index)
            lo, hi = bounds(i0)
            v = Var(ctx.fresh("i"), lo, hi)
            inside = Binary("and", Binary("le", Const(0), v), Binary("lt", v, base.leaf(0, ())))
            checked = Let(
                v, i0, Narrow(Ite(inside, v, Const(-1)), 0, cap - 1, "index", ctx.site(e.span))
            )
            return _item(ctx, base, item, checked)
        case t:
            raise error("E0311", f"`{t}` cannot be indexed", e.base.span, help="maps and sequences can")


def _item(ctx: Context, base: Value, item: Type, index: Expr) -> Value:
    """An item of a sequence that is no place; the index is evaluated first."""
    v = Var(ctx.fresh("i"), *bounds(index))
    return Value(item, lambda k, rest: Let(v, index, base.leaf(k + 1, (v, *rest))))


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
    if not ctx.watching:
        raise error(
            "E0216",
            f"`{name}` belongs to process `{info.decl.name}`",
            span,
            "properties may read it, nothing else",
            help="make it a variable if others use it",
        )
    stored = info.locals.get(name)
    if stored is None:
        raise error(
            "E0207",
            f"process `{info.decl.name}` has no local `{name}`",
            span,
            help=did_you_mean(name, info.locals),
        )
    ctx.observed_cells.update(c.name for c in stored.cells)
    return Place(stored.type, stored.cells, index, ctx.site(span), env.old)


def at_label(ctx: Context, env: Env, base: ast.Expr, label: str, span: Span) -> Value:
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
    if label in info.branches:
        return of(BOOL, Let(POSITION, pc, label_test(info.decl.name, label), ctx.site(span)))
    return of(BOOL, Binary("eq", pc, label_number(info.decl.name, label), ctx.site(span)))


POSITION = Var("'pc", 0, 1 << 16)


def label_number(process: str, label: str) -> Var:
    """Stands for the number of a label until locations are numbered."""
    return Var(f"@{process}:{label}", 0, 1 << 16)


def label_test(process: str, label: str) -> Var:
    """Stands for the test that ``POSITION`` is at a label that begins a branch of an ``either``: the process is
    there at the ``either`` itself, too."""
    return Var(f"@{process}:{label}?", 0, 1)


