"""Procedures that a process runs step by step: one body, a return label and a frame for all call sites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kspec.lang import ast
from kspec.lang.source import Span
from kspec.lower import assign, exprs, stmts
from kspec.lower import flow as flows
from kspec.lower.calls import check_count
from kspec.lower.scope import Context, DeclBinding, Env, PlaceBinding, ValueBinding, error, unknown
from kspec.lower.types import resolve
from kspec.lower.values import Place, Value, of
from kspec.system.expr import TRUE, Const, Expr, Var
from kspec.system.stmt import Stmt
from kspec.types import RangeType, Type, scalar

if TYPE_CHECKING:
    from kspec.lower.flow import Body, Flow


def procedure(ctx: Context, env: Env, t: ast.CallStmt) -> ast.ProcDecl | None:
    """The procedure of a call, when its body is more than one step."""
    found = ctx.lookup(env, t.name)
    if found is None:
        raise unknown(ctx, env, t.name, t.span, "procedure")
    if isinstance(found, DeclBinding) and isinstance(found.decl, ast.ProcDecl):
        return found.decl
    return None


def call(flow: Flow, env: Env, t: ast.CallStmt, decl: ast.ProcDecl, here: int, after: int) -> None:
    """Stores the arguments and the return label, and goes to the one body of the procedure."""
    ctx = flow.ctx
    if decl.name in flow.running:
        raise error(
            "E0333", f"`{decl.name}` is recursive", t.span, help=" -> ".join((*flow.running, decl.name))
        )
    check_count(t, len(decl.params), "procedure")
    found = ctx.lookup(env, t.name)
    assert isinstance(found, DeclBinding)
    before: list[Stmt] = []
    shape: list[object] = [decl.name]
    refs: dict[str, Place] = {}
    values: dict[str, tuple[Type, Value]] = {}
    for p, a in zip(decl.params, t.args, strict=True):
        assert p.type is not None
        kind = resolve(ctx, Env(found.module), p.type)
        if p.ref:
            place, fixed = stmts.reference(ctx, env, a, kind, p.name)
            before += fixed
            refs[p.name] = place
            shape.append((tuple(c.name for c in place.cells), tuple(map(_shape, place.index))))
        else:
            values[p.name] = kind, exprs.expect(ctx, env, a.value, kind, f"argument `{p.name}`")
    body = flow.bodies.get(tuple(shape))
    first = body is None
    if body is None:
        body = _frame(flow, env, decl, found.module, refs, values, t.span)
        flow.bodies[tuple(shape)] = body
    for place, name in body.frame:
        source = values[name][1] if name in values else _index_value(refs, name)
        before += assign.store(ctx, place, source, t.span)
    site = len(body.sites)
    body.sites.append(after)
    assert body.returns is not None
    before += assign.store(ctx, body.returns, of(scalar(body.returns.type), Const(site)), t.span)
    flow.step(here, t.span, TRUE, tuple(before), body.entry)
    if first:
        saved = flow.prefix, flow.anchor, flow.offset, flow.labels, flow.jumps
        flow.prefix, flow.anchor, flow.offset, flow.labels, flow.jumps = decl.name, "", 0, {}, []
        flow.running = (*flow.running, decl.name)
        flow.block(body.env, decl.body, body.entry, body.exit, flows.Scope(None, None, body.exit))
        flow.finish_gotos()
        flow.running = flow.running[:-1]
        flow.prefix, flow.anchor, flow.offset, flow.labels, flow.jumps = saved


def _frame(
    flow: Flow, env: Env, decl: ast.ProcDecl, module: str, refs: dict[str, Place],
    values: dict[str, tuple[Type, Value]], span: Span,
) -> Body:
    prefix = decl.name
    inner = env.entering(decl.name, module)
    frame: list[tuple[Place, str]] = []
    for name, (kind, _) in values.items():
        p = flow.local(flow.unique(f"{prefix}.{name}"), kind, span)
        frame.append((p, name))
        inner = inner.bind(name, ValueBinding(p.value()))
    for name, place in refs.items():
        index: list[Expr] = []
        for k, e in enumerate(place.index):
            if isinstance(e, Const) or (isinstance(e, Var) and e.name == "self"):
                index.append(e)
                continue
            dim = place.cells[0].dims[k]
            p = flow.local(flow.unique(f"{prefix}.{name}.at{k}"), dim, span)
            frame.append((p, f"{name}@{k}"))
            index.append(p.read(0, ()))
        again = tuple(stmts.again(c, tuple(index)) for c in place.checks)
        inner = inner.bind(name, PlaceBinding(Place(place.type, place.cells, tuple(index), place.site, checks=again)))
    returns = flow.local(flow.unique(f"{prefix}.ret"), RangeType(0, 63), span)
    return flows.Body(flow.new(), flow.new(), inner, returns, [], frame)


def _shape(e: Expr) -> object:
    """What of a reference's index is part of the specialisation of a body: constants and the instance itself."""
    return e if isinstance(e, Const) or (isinstance(e, Var) and e.name == "self") else "index"


def _index_value(refs: dict[str, Place], name: str) -> Value:
    ref, _, k = name.partition("@")
    place = refs[ref]
    return of(place.cells[0].dims[int(k)], place.index[int(k)])

