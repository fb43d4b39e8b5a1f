"""Functions and procedures are elaborated by themselves, too: an error in one that nothing calls is an error."""

from __future__ import annotations

import dataclasses

from kspec.lang import ast
from kspec.lang.diagnostics import Failed
from kspec.lang.load import Program
from kspec.lower import exprs
from kspec.lower.flow import Flow, Scope
from kspec.lower.scope import Context, Env, PlaceBinding, ProcessInfo, ValueBinding
from kspec.lower.types import resolve
from kspec.lower.values import Value, default_value, of
from kspec.system.expr import Var
from kspec.types import Type, is_scalar, scalar

RECURSIVE = "E0333"


def check_declarations(ctx: Context, program: Program) -> None:
    """Reports what is wrong in functions and procedures, called or not."""
    for m in program.modules:
        for d in m.decls:
            try:
                match d:
                    case ast.FunDecl():
                        _function(ctx, Env(m.name), d)
                    case ast.ProcDecl():
                        _procedure(ctx, Env(m.name), d)
                    case _:
                        pass
            except Failed as failed:
                ctx.report(failed)


def _any(ctx: Context, name: str, t: Type) -> Value:
    """Some value of a type."""
    if not is_scalar(t):
        return default_value(t)
    s = scalar(t)
    return of(s, Var(ctx.fresh(name), s.lo, s.hi, s))


def _function(ctx: Context, outer: Env, d: ast.FunDecl) -> None:
    env = outer.entering(d.name, outer.module)
    for p in d.params:
        assert p.type is not None
        env = env.bind(p.name, ValueBinding(_any(ctx, p.name, resolve(ctx, outer, p.type))))
    exprs.expect(ctx, env, d.body, resolve(ctx, outer, d.result), "result")


def _procedure(ctx: Context, outer: Env, d: ast.ProcDecl) -> None:
    """As a process would run it, which allows more than a step does; what it leaves behind is thrown away."""
    trial = dataclasses.replace(
        ctx, asserts=dict(ctx.asserts), temps=list(ctx.temps), diagnostics=[], watching=False,
        observed_labels=set(), observed_cells=set(),
    )  # fmt: skip
    decl = ast.ProcessDecl(d.name, None, d.body, d.span)
    flow = Flow(trial, ProcessInfo(decl, outer.module, None))
    flow.running = (d.name,)
    flow.prefix = d.name
    env = outer.entering(d.name, outer.module)
    try:
        for p in d.params:
            assert p.type is not None
            place = flow.local(flow.unique(f"{d.name}.{p.name}"), resolve(trial, outer, p.type), p.span)
            env = env.bind(p.name, PlaceBinding(place) if p.ref else ValueBinding(place.value()))
        entry, end = flow.new(), flow.new()
        flow.block(env, d.body, entry, end, Scope(None, None, end))
        flow.finish(d.span)
    finally:
        ctx.counter = trial.counter
        ctx.work = trial.work
        known = any(d.code == RECURSIVE for d in ctx.diagnostics)  # a circle is reported once
        ctx.report(Failed(d for d in trial.diagnostics if not (known and d.code == RECURSIVE)))
