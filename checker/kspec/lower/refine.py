"""Refinement: the abstract system, elaborated on its own, and its state in terms of the concrete one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from kspec.lang import ast
from kspec.lang.diagnostics import Failed, Note, did_you_mean
from kspec.lang.load import Program
from kspec.lower import exprs
from kspec.lower.scope import Context, Env, error
from kspec.lower.types import constant
from kspec.system.effects import expr_errors
from kspec.system.expr import TRUE, Binary, Const, Expr
from kspec.system.layout import indices, leaves
from kspec.system.model import Property, Refinement, System
from kspec.system.simplify import simplify
from kspec.types import show_scalar


def refinements(
    ctx: Context, program: Program, elaborate: Callable[[Program, Mapping[str, str]], System]
) -> list[Property]:
    """The properties of the ``refines`` declarations, in order; what is wrong is reported."""
    out: list[Property] = []
    known = dict(program.abstract)
    for m in program.modules:
        for d in m.decls:
            if isinstance(d, ast.RefinesDecl):
                try:
                    out.append(_refinement(ctx, Env(m.name), d, known[d.module], elaborate))
                except Failed as failed:
                    ctx.report(failed)
    return out


def _refinement(
    ctx: Context,
    env: Env,
    d: ast.RefinesDecl,
    program: Program,
    elaborate: Callable[[Program, Mapping[str, str]], System],
) -> Property:
    settings: dict[str, str] = {}
    for s in d.settings:
        if s.range is not None or len(s.values) != 1:
            raise error("E0506", "the abstract model has one configuration", s.span, help=f"{s.name} = ...")
        if s.name in settings:
            raise error("E0504", f"parameter `{s.name}` is set twice", s.span)
        kind, value = constant(ctx, env, s.values[0])
        settings[s.name] = show_scalar(kind, value)
    try:
        abstract = elaborate(program, settings)
    except Failed as failed:
        note = (Note(d.span, "refined here"),)
        raise Failed(
            dataclasses.replace(x, notes=x.notes or note) if x.span else dataclasses.replace(x, span=d.span)
            for x in failed.diagnostics
        ) from None
    if any(a.process is not None for a in abstract.actions):
        help_ = "write the abstract model with actions: its whole state is in variables then"
        raise error("E0356", f"`{d.module}` has processes, whose places cannot be mapped", d.span, help=help_)
    values = _values(ctx, env, d, abstract)
    bare = dataclasses.replace(abstract, properties=(), fairness=())
    return Property(d.name, "property", TRUE, (), d.span, (), Refinement(bare, values))


def _values(ctx: Context, env: Env, d: ast.RefinesDecl, abstract: System) -> tuple[Expr, ...]:
    """The flat state of the abstract system."""
    given: dict[str, ast.Mapped] = {}
    names = [v.name for v in abstract.variables]
    for x in d.mapping:
        if x.name not in names:
            help_ = did_you_mean(x.name, names)
            ctx.report(error("E0355", f"`{d.module}` has no variable `{x.name}`", x.span, help=help_))
        elif x.name in given:
            notes = (Note(given[x.name].span, "first here"),)
            ctx.report(error("E0210", f"`{x.name}` is mapped twice", x.span, notes=notes))
        given[x.name] = x
    if missing := [n for n in names if n not in given]:
        listed = ", ".join(f"`{n}`" for n in missing)
        raise error("E0354", f"no value is given for {listed} of `{d.module}`", d.span, help=f"{missing[0]} = ...;")
    out: list[Expr] = []
    for v in abstract.variables:
        x = given[v.name]
        try:
            value = exprs.expect(ctx, env, x.value, v.type, v.name)
        except Failed as failed:
            # The types may well have one name and differ in what is behind it.
            help_ = f"compare the types of `{d.module}` with those here, and the parameters that `with` sets"
            found = failed.diagnostics
            fits = (y if y.help or y.code != "E0301" else dataclasses.replace(y, help=help_) for y in found)
            ctx.report(Failed(fits))
            continue
        for k, leaf in enumerate(leaves(v.type)):
            out += [value.leaf(k, tuple(Const(n) for n in i)) for i in indices(leaf.dims)]
    return tuple(out)


def simplified_refinement(p: Property) -> Property:
    """The property with simplified values; evaluating its condition raises what evaluating them raises."""
    assert p.refinement is not None
    values = tuple(simplify(e) for e in p.refinement.values)
    out: Expr | None = None
    for e in dict.fromkeys(values):
        if expr_errors(e):
            one = Binary("or", Binary("eq", e, Const(0)), TRUE)
            out = one if out is None else Binary("and", out, one)
    refinement = dataclasses.replace(p.refinement, values=values)
    return dataclasses.replace(p, expr=TRUE if out is None else out, refinement=refinement)
