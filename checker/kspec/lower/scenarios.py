"""Scenarios: scripted runs of a configuration."""

from __future__ import annotations

from collections.abc import Callable

from kspec.lang import ast
from kspec.lang.diagnostics import Diagnostic, Failed, Note, did_you_mean
from kspec.lang.load import Program
from kspec.lang.source import Span
from kspec.lower import exprs
from kspec.lower.assemble import Elaborated, elaborate
from kspec.lower.calls import wrong_count
from kspec.lower.checks import property_names, values
from kspec.lower.declare import declare_only
from kspec.lower.scope import Context, Env, error, unknown
from kspec.lower.types import constant, number
from kspec.system.check import Disabled, Do, Expect, Pick, Scenario, ScenarioStep
from kspec.system.model import System

MAX_STEPS = 10_000


def scenarios(program: Program) -> tuple[Scenario, ...]:
    """The scenarios of the model's own file, in order.  Raises Failed."""
    known = set(property_names(program))
    built: dict[tuple[tuple[str, str], ...], Elaborated] = {}

    def make(d: ast.ScenarioDecl, params: tuple[tuple[str, str], ...], _ctx: Context) -> Scenario:
        if params not in built:
            built[params] = elaborate(program, dict(params))
        return _scenario(built[params], program, d, params, known)

    return _of_all(program, make)


def outlines(program: Program) -> tuple[Scenario, ...]:
    """The scenarios without their steps, which need the elaborated configuration.  Raises Failed."""
    return _of_all(program, lambda d, params, ctx: Scenario(d.name, params, (), ctx.site(d.span)))


def scenario(program: Program, name: str) -> tuple[System, Scenario]:
    """One scenario, and the system of its configuration.  Raises Failed, and KeyError for another name."""
    found = {s.name: s for s in outlines(program)}[name]
    decl = next(d for d in program.main.decls if isinstance(d, ast.ScenarioDecl) and d.name == name)
    try:
        e = elaborate(program, dict(found.params))
        return e.system, _scenario(e, program, decl, found.params, set(property_names(program)))
    except Failed as failed:
        raise Failed(dict.fromkeys(failed.diagnostics), program.sources) from None


def _of_all(
    program: Program, make: Callable[[ast.ScenarioDecl, tuple[tuple[str, str], ...], Context], Scenario]
) -> tuple[Scenario, ...]:
    ctx = Context({s.name: s for s in program.sources})
    declare_only(ctx, program)
    seen: dict[str, Span] = {}
    out: list[Scenario] = []
    found: list[Diagnostic] = []
    for d in program.main.decls:
        if not isinstance(d, ast.ScenarioDecl):
            continue
        try:
            if d.name in seen:
                raise error(
                    "E0210", f"scenario {d.name!r} is declared twice", d.span, notes=(Note(seen[d.name], "first here"),)
                )
            seen[d.name] = d.span
            params = _settings(ctx, Env(program.main.name), d)
            out.append(make(d, params, ctx))
        except Failed as failed:
            found += failed.diagnostics
    if found:
        raise Failed(dict.fromkeys(found), program.sources)
    return tuple(out)


def _settings(ctx: Context, env: Env, d: ast.ScenarioDecl) -> tuple[tuple[str, str], ...]:
    out: list[tuple[str, str]] = []
    for s in d.settings:
        v = values(ctx, env, s)
        if len(v) != 1:
            raise error("E0506", "a scenario has one configuration", s.span, help=f"{s.name} = ...")
        out.append((s.name, v[0]))
    return tuple(out)


def _scenario(
    e: Elaborated, program: Program, d: ast.ScenarioDecl, params: tuple[tuple[str, str], ...], known: set[str]
) -> Scenario:
    env = Env(program.main.name, scenario=True)
    steps = _steps(e, env, d.steps, known)
    return Scenario(d.name, params, steps, e.context.site(d.span))


def _steps(
    e: Elaborated, env: Env, items: tuple[ast.ScenarioItem, ...], known: set[str]
) -> tuple[ScenarioStep, ...]:
    out: list[ScenarioStep] = []
    ctx = e.context
    for t in items:
        match t:
            case ast.DoStep(name, args, label, violates, span):
                if violates is not None and violates not in known:
                    raise error(
                        "E0501", f"there is no property `{violates}`", span, help=did_you_mean(violates, known)
                    )
                actions, given = _target(e, env, name, args, label, span)
                out.append(Do(actions, given, violates, ctx.site(span)))
            case ast.DisabledStep(name, args, label, span):
                actions, given = _target(e, env, name, args, label, span)
                out.append(Disabled(actions, given, ctx.site(span)))
            case ast.ExpectStep(cond, _):
                out.append(Expect(e.relink.expr(exprs.boolean(ctx, env, cond)), ctx.site(cond.span)))
            case ast.PickStep(cond, _):
                out.append(Pick(e.relink.expr(exprs.boolean(ctx, env, cond)), ctx.site(cond.span)))
            case ast.RepeatStep(times, body, span):
                n = number(ctx, env, times)
                inner = _steps(e, env, body, known)
                if n < 0 or n * len(inner) + len(out) > MAX_STEPS:
                    raise error("E0507", f"cannot repeat {n} times", span, help=f"at most {MAX_STEPS} steps")
                out += inner * n
    return tuple(out)


def _target(
    e: Elaborated, env: Env, name: str, args: tuple[ast.Arg, ...], label: str | None, span: Span
) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
    """The actions that a step of the script means, and its arguments."""
    ctx = e.context
    actions = [a for a in e.system.actions if (a.process or a.name) == name]
    if not actions:
        if (found := ctx.lookup(env, name)) is not None:
            from kspec.lower.scope import describe

            raise error("E0508", f"`{name}` is {describe(found)}, not an action or a process", span)
        raise unknown(ctx, env, name, span, "action")
    if label is not None:
        if actions[0].process is None:
            raise error("E0509", f"`{name}` is an action: it has no labels", span)
        at = [a for a in actions if a.name.removeprefix(f"{name}.").split("/")[0] == label]
        if not at:
            labels = [a.name.removeprefix(f"{name}.").split("/")[0] for a in actions]
            raise error("E0208", f"`{name}` has no step `{label}`", span, help=did_you_mean(label, labels))
        actions = at
    params = actions[0].params
    if len(args) != len(params):
        raise wrong_count("action" if label is None else "process", name, len(params), len(args), span)
    given: list[int | None] = []
    for a, (_, t) in zip(args, params, strict=True):
        if isinstance(a.value, ast.AnyLit):
            given.append(None)
        else:
            given.append(constant(ctx, env, a.value, t)[1])
    return tuple(a.name for a in actions), tuple(given)
