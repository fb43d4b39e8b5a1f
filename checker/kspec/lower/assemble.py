"""From a program and a setting of its parameters to a transition system."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from kspec.lang import ast
from kspec.lang.diagnostics import Failed
from kspec.lang.load import Program
from kspec.lower import exprs, process, stmts
from kspec.lower.assigned import unassigned
from kspec.lower.binders import conjunction, domain
from kspec.lower.declare import declare_all
from kspec.lower.flow import split_guard
from kspec.lower.observe import observations
from kspec.lower.observed import watch_scenarios
from kspec.lower.refine import refinements, simplified_refinement
from kspec.lower.scope import MAX_SCALARS, Context, Env, PlaceBinding, ProcessInfo, ValueBinding, error
from kspec.lower.temporal import Temporal, fairness, has_next, simplified, too_many
from kspec.lower.types import fold, resolve
from kspec.lower.uncalled import check_declarations
from kspec.lower.values import EmptyTag, NoneTag, of
from kspec.system.expr import FALSE, TRUE, Binary, Cell, Const, Expr, Quant, Var
from kspec.system.layout import default, indices, leaves
from kspec.system.model import Action, Property, System, Variable
from kspec.system.relink import Relink, relink_system
from kspec.system.rewrite import substitute
from kspec.system.simplify import simplify, simplify_block
from kspec.system.stmt import Block, Stmt
from kspec.system.temporal import evaluated
from kspec.types import IdType, Scalar, is_scalar, scalar

RECURSION = 20_000


@dataclass(frozen=True)
class Elaborated:
    """A system, and the context in which more expressions (of scenarios) can be elaborated."""

    system: System
    context: Context
    relink: Relink


def build(program: Program, params: Mapping[str, str] | None = None, *, merging: bool = True) -> System:
    """The transition system of a program; ``params`` are settings as text.

    Raises Failed with every diagnostic that was found.
    """
    return elaborate(program, params or {}, merging=merging).system


def elaborate(program: Program, params: Mapping[str, str], *, merging: bool = True) -> Elaborated:
    """Like :func:`build`, with what is needed to elaborate scenarios."""
    if sys.getrecursionlimit() < RECURSION:
        # Nesting is bounded by the parser; a level of it takes several Python frames here.
        sys.setrecursionlimit(RECURSION)
    ctx = Context({s.name: s for s in program.sources})
    try:
        return _elaborate(ctx, program, params, merging)
    except Failed as failed:
        raise Failed(dict.fromkeys((*ctx.diagnostics, *failed.diagnostics)), program.sources) from None


def _stop_on_errors(ctx: Context) -> None:
    if ctx.diagnostics:
        raise Failed(ctx.diagnostics)


def _elaborate(ctx: Context, program: Program, params: Mapping[str, str], merging: bool) -> Elaborated:
    settings = declare_all(ctx, program, params)
    _stop_on_errors(ctx)
    processes = _processes(ctx, program)
    start, init = _initial(ctx, program)
    actions = [a for m in program.modules for a in _actions(ctx, m)]
    ctx.watching = True
    watch_scenarios(ctx, program)
    logic = Temporal(ctx, {a.name: a for a in actions})
    properties = [p for m in program.modules for p in _properties(ctx, m, logic)]
    refined = refinements(ctx, program, lambda p, settings: elaborate(p, settings, merging=False).system)
    properties += refined
    fair = fairness(ctx, program, logic)
    observed = observations(ctx, program, {a.name: a for a in actions})
    terminal = _anonymous(ctx, program, "terminal")
    limits = _anonymous(ctx, program, "limit")
    check_declarations(ctx, program)
    _stop_on_errors(ctx)
    counting = any(p.kind == "step" or has_next(p.claims) for p in properties) or refined or logic.unmerged
    merging = merging and not counting
    finished = [process.finish(ctx, b, merging) for b in processes]
    if finished:
        terminal.append(_all_done(finished, processes))
    variables = _variables(program, ctx)
    cells: list[Cell] = [c for v in variables for c in v.cells]
    flat = list(start)
    for b, f in zip(processes, finished, strict=True):
        variables.append(Variable(b.info.decl.name, f.shape, f.cells))
        cells += f.cells
        flat += [f.starts[f"{c.name}/{k}"] for c in f.cells for k in range(c.size)]
    properties += [
        Property(name, "assert", TRUE, span=span) for name, span in ctx.asserts.items()
    ]
    _unique_properties(properties)
    system = System(
        program.name,
        settings,
        (*cells, *ctx.temps),
        tuple(flat),
        init,
        (*actions, *(a for f in finished for a in f.actions)),
        tuple(properties),
        tuple(terminal),
        tuple(limits),
        not any(isinstance(d, ast.DeadlockDecl) for m in program.modules for d in m.decls),
        tuple(variables),
        _id_types(ctx),
        program.sources,
        fair,
        observed,
    )
    logic.check_labels(system)
    if (failed := too_many(system)) is not None:
        ctx.report(failed)
    _stop_on_errors(ctx)
    links = Relink(
        {k: v for f in finished for k, v in f.labels.items()}, {k: v for f in finished for k, v in f.relink.items()}
    )
    return Elaborated(_simplified(relink_system(system, links)), ctx, links)


def _simplified(system: System) -> System:
    """Without what is constant in this configuration; actions that can never be taken stay, by name."""
    return dataclasses.replace(
        system,
        init=simplify_block(system.init),
        actions=tuple(
            dataclasses.replace(a, guard=simplify(a.guard), body=simplify_block(a.body)) for a in system.actions
        ),
        properties=tuple(_simplified_property(p) for p in system.properties),
        terminal=tuple(e for t in system.terminal if (e := simplify(t)) != FALSE),
        limits=tuple(e for t in system.limits if (e := simplify(t)) != TRUE),
    )


def _simplified_property(p: Property) -> Property:
    if p.kind != "property":
        return dataclasses.replace(p, expr=simplify(p.expr))
    if p.refinement is not None:
        return simplified_refinement(p)
    claims = simplified(p.claims)
    return dataclasses.replace(p, expr=evaluated(claims), claims=claims)


def _processes(ctx: Context, program: Program) -> list[process.Built]:
    infos: list[ProcessInfo] = []
    for m in program.modules:
        for d in m.decls:
            if isinstance(d, ast.ProcessDecl):
                try:
                    infos.append(process.declare(ctx, Env(m.name), d))
                except Failed as failed:
                    ctx.report(failed)
    for info in infos:
        ctx.processes[info.decl.name] = info
    out: list[process.Built] = []
    for info in infos:
        try:
            out.append(process.build(ctx, info))
        except Failed as failed:
            ctx.report(failed)
    return out


def _initial(ctx: Context, program: Program) -> tuple[list[int], Block]:
    """The start values of all variables, and the init step."""
    flat: list[int] = []
    bodies: list[Stmt] = []
    inits = [d for m in program.modules for d in m.decls if isinstance(d, ast.InitDecl)]
    for m in program.modules:
        for d in m.decls:
            if isinstance(d, ast.VarDecl):
                try:
                    _check_size(ctx, Env(m.name), d, len(flat))
                    flat += _start(ctx, Env(m.name), d, bool(inits))
                except Failed as failed:
                    ctx.report(failed)
    for m in program.modules:
        for d in m.decls:
            if isinstance(d, ast.InitDecl):
                bodies += stmts.body(ctx, Env(m.name), d.body).stmts
    init = Block(tuple(bodies))
    if inits and not ctx.diagnostics:
        for m in program.modules:
            for d in m.decls:
                if isinstance(d, ast.VarDecl) and d.value is None:
                    _check_assigned(ctx, Env(m.name), d, init)
    return flat, init


def _check_size(ctx: Context, env: Env, d: ast.VarDecl, before: int) -> None:
    found = ctx.lookup(env, d.name)
    assert isinstance(found, PlaceBinding)
    total = before + sum(c.size for c in found.place.cells)
    if total > MAX_SCALARS:
        raise error("E0349", f"the state has {total} scalars up to here", d.span, help=f"at most {MAX_SCALARS}")


def _check_assigned(ctx: Context, env: Env, d: ast.VarDecl, init: Block) -> None:
    """An identity that `init` may leave without a value would prefer one identity to the others."""
    found = ctx.lookup(env, d.name)
    assert isinstance(found, PlaceBinding)
    cells = tuple(c for c in found.place.cells if isinstance(c.type, IdType))
    if unassigned(init, cells) is not None:
        ctx.report(
            error(
                "E0346",
                f"`{d.name}` holds an identity, and `init` may leave it without a value",
                d.span,
                help="assign it on every path before it is read, or make it optional: `T?`",
            )
        )


def _start(ctx: Context, env: Env, d: ast.VarDecl, has_init: bool) -> list[int]:
    found = ctx.lookup(env, d.name)
    assert isinstance(found, PlaceBinding)
    t = found.place.type
    if d.value is None:
        if not has_init and any(isinstance(x.type, IdType) for x in leaves(t)):
            raise error(
                "E0346",
                f"`{d.name}` holds an identity and has no value",
                d.span,
                help="choose one in `init { }`, or make it optional: `T?`",
            )
        return [default(c.type) for c in found.place.cells for _ in indices(c.dims)]
    v = stmts.initial_value(ctx, env, d.value, t)
    out: list[int] = []
    for k, leaf in enumerate(leaves(t)):
        for i in indices(leaf.dims):
            out.append(fold(ctx, v.leaf(k, tuple(Const(x) for x in i)), d.value))
    return out


def _actions(ctx: Context, module: ast.Module) -> list[Action]:
    out: list[Action] = []
    for d in module.decls:
        if isinstance(d, ast.ActionDecl):
            try:
                out.append(_action(ctx, Env(module.name), d))
            except Failed as failed:
                ctx.report(failed)
    return out


def _action(ctx: Context, env: Env, d: ast.ActionDecl) -> Action:
    params: list[tuple[Var, Scalar]] = []
    conds: list[Expr] = []
    for p in d.params:
        if p.ref:
            raise error("E0405", "an action has no `ref` parameters", p.span)
        if any(v.name == p.name for v, _ in params):
            raise error("E0210", f"parameter `{p.name}` is declared twice", p.span)
        if p.type is not None:
            t = resolve(ctx, env, p.type)
            if not is_scalar(t):
                raise error("E0406", f"an action's parameter is a scalar, not `{t}`", p.span)
            s = scalar(t)
            var = Var(p.name, s.lo, s.hi, s)
            env = env.bind(p.name, ValueBinding(of(s, var)))
            params.append((var, s))
            continue
        assert p.domain is not None
        bound = domain(ctx, env, p.name, p.domain)
        if isinstance(bound.type, NoneTag | EmptyTag) or not is_scalar(bound.type):
            raise error("E0406", f"an action's parameter is a scalar, not `{bound.type}`", p.span)
        v = bound.vars[0]
        kind = v.type
        assert kind is not None
        var = Var(p.name, v.lo, v.hi, kind)
        conds += [substitute(c, {v.name: var}) for c in bound.conds]
        env = env.bind(p.name, ValueBinding(of(kind, var)))
        params.append((var, kind))
    if d.guard is not None:
        try:
            conds.append(exprs.boolean(ctx, env, d.guard, "guard"))
        except Failed as failed:
            ctx.report(failed)
    leading, rest = split_guard(stmts.body(ctx, env, d.body))
    if leading != TRUE:
        conds.append(leading)
    actor = next((k for k, (_, t) in enumerate(params) if isinstance(t, IdType)), None)
    return Action(d.name, tuple(params), conjunction(tuple(conds)), rest, None, actor, d.span)


def _properties(ctx: Context, module: ast.Module, logic: Temporal) -> list[Property]:
    out: list[Property] = []
    for d in module.decls:
        if not isinstance(d, ast.PropertyDecl) or d.kind in ("terminal", "limit"):
            continue
        env = Env(module.name, step=d.kind == "step")
        try:
            if d.kind == "property":
                claims = logic.claims(env, d.expr)
                out.append(Property(d.name, d.kind, TRUE, stmts.message(ctx, env, d.message), d.span, claims))
                continue
            e = exprs.boolean(ctx, env, d.expr, "property")
            out.append(Property(d.name, d.kind, e, stmts.message(ctx, env, d.message), d.span))  # type: ignore[arg-type]
        except Failed as failed:
            ctx.report(failed)
    return out


def _anonymous(ctx: Context, program: Program, kind: str) -> list[Expr]:
    out: list[Expr] = []
    for m in program.modules:
        for d in m.decls:
            if isinstance(d, ast.PropertyDecl) and d.kind == kind:
                try:
                    out.append(exprs.boolean(ctx, Env(m.name), d.expr, kind))
                except Failed as failed:
                    ctx.report(failed)
    return out


def _all_done(finished: list[process.Finished], processes: list[process.Built]) -> Expr:
    """Every instance of every process has run to its end: a legal end of the run."""
    out: Expr | None = None
    for f, b in zip(finished, processes, strict=True):
        e = f.done
        t = b.info.self_type
        if t is not None:
            e = Quant("forall", Var("self", t.lo, t.hi, t), e)
        out = e if out is None else Binary("and", out, e)
    assert out is not None
    return out


def _variables(program: Program, ctx: Context) -> list[Variable]:
    out: list[Variable] = []
    for m in program.modules:
        for d in m.decls:
            if isinstance(d, ast.VarDecl):
                found = ctx.globals[m.name][d.name]
                assert isinstance(found, PlaceBinding)
                out.append(Variable(d.name, found.place.type, found.place.cells))
    return out


def _id_types(ctx: Context) -> tuple[Scalar, ...]:
    from kspec.lower.scope import TypeBinding

    return tuple(
        b.type
        for names in ctx.globals.values()
        for b in names.values()
        if isinstance(b, TypeBinding) and isinstance(b.type, IdType)
    )


def _unique_properties(properties: list[Property]) -> None:
    from kspec.lang.diagnostics import Note

    seen: dict[str, Property] = {}
    for p in properties:
        if p.name in seen and p.span is not None:
            first = seen[p.name].span
            notes = (Note(first, "first here"),) if first else ()
            raise error("E0210", f"property `{p.name}` is declared twice", p.span, notes=notes)
        seen[p.name] = p


__all__ = ["Elaborated", "build", "elaborate"]
