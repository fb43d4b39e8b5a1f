"""Observations: what records of a trace mean, elaborated."""

from __future__ import annotations

from collections.abc import Mapping

from kspec.lang import ast
from kspec.lang.diagnostics import Failed, did_you_mean
from kspec.lang.load import Program
from kspec.lower import exprs
from kspec.lower.scope import Context, Env, ValueBinding, error
from kspec.lower.types import resolve
from kspec.lower.values import of
from kspec.system.expr import TRUE, Expr, Var
from kspec.system.model import Action
from kspec.system.observe import Observation, Observations, ObservedField
from kspec.types import IdType, OptType, is_scalar, scalar


def observations(ctx: Context, program: Program, actions: Mapping[str, Action]) -> Observations:
    """The observations of all modules; what is wrong is reported."""
    observed: list[Observation] = []
    ignored: set[str] = set()
    silent: list[str] = []
    for m in program.modules:
        for d in m.decls:
            try:
                match d:
                    case ast.ObserveDecl():
                        observed.append(_observation(ctx, Env(m.name), d, actions))
                    case ast.UnobservedDecl("ignore", names):
                        ignored |= {n for n, _ in names}
                    case ast.UnobservedDecl("silent", names):
                        for n, span in names:
                            if n not in actions:
                                help_ = did_you_mean(n, actions)
                                raise error("E0521", f"there is no action `{n}`", span, help=help_)
                            silent.append(n)
                    case _:
                        pass
            except Failed as failed:
                ctx.report(failed)
    for o in observed:
        if o.record in ignored and o.span is not None:
            ctx.report(error("E0522", f"records `{o.record}` are both observed and ignored", o.span))
    return Observations(tuple(observed), frozenset(ignored), tuple(dict.fromkeys(silent)))


def _observation(ctx: Context, env: Env, d: ast.ObserveDecl, actions: Mapping[str, Action]) -> Observation:
    fields: list[ObservedField] = []
    for f in d.fields:
        if any(f.name == g.var.name for g in fields):
            raise error("E0210", f"field `{f.name}` is declared twice", f.span)
        t = resolve(ctx, env, f.type)
        if not is_scalar(t):
            raise error("E0523", f"a field of a record is a scalar, not `{t}`", f.span)
        s = scalar(t)
        if f.mode != "use" and not isinstance(s.base if isinstance(s, OptType) else s, IdType):
            raise error("E0523", f"only an identity begins or ends; `{f.name}` is `{t}`", f.span)
        var = Var(f.name, s.lo, s.hi, s)
        env = env.bind(f.name, ValueBinding(of(s, var)))
        fields.append(ObservedField(f.field, var, s, f.mode))
    when: Expr = TRUE if d.when is None else exprs.boolean(ctx, env, d.when, "when")
    return Observation(d.record, tuple(fields), when, tuple(_call(ctx, env, c, actions) for c in d.calls), d.span)


def _call(
    ctx: Context, env: Env, c: ast.ObservedCall, actions: Mapping[str, Action]
) -> tuple[str, tuple[Expr, ...]]:
    action = actions.get(c.action)
    if action is None:
        raise error("E0521", f"there is no action `{c.action}`", c.span, help=did_you_mean(c.action, actions))
    if len(c.args) != len(action.params) or any(a.name for a in c.args):
        names = ", ".join(v.name for v, _ in action.params)
        raise error("E0524", f"`{c.action}` takes {len(action.params)} arguments: ({names})", c.span)
    return c.action, tuple(
        exprs.expect(ctx, env, a.value, t, "argument").expr for a, (_, t) in zip(c.args, action.params, strict=True)
    )
