"""The checks of a model: declared configurations, matrices expanded."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from kspec.lang import ast
from kspec.lang.diagnostics import Diagnostic, Failed, Note, did_you_mean
from kspec.lang.load import Program
from kspec.lang.source import Span
from kspec.lower.declare import declare_only, parameters_in_words
from kspec.lower.scope import ConstBinding, Context, Env, error
from kspec.lower.types import constant, number
from kspec.system.check import Case, Expectation
from kspec.types import RangeType, show_scalar

BUILT_IN = ("deadlock", "error.range", "error.index", "error.none", "error.div", "error.choose")
MAX_POINTS = 1000


def cases(program: Program) -> tuple[Case, ...]:
    """Every configuration that the model's own file asks to be checked, in order.

    Raises Failed when a check names what is not there.  A model without checks has one, ``default``.
    """
    ctx = Context({s.name: s for s in program.sources})
    declare_only(ctx, program)
    known = set(property_names(program))
    has_limit = any(
        isinstance(d, ast.PropertyDecl) and d.kind == "limit" for m in program.modules for d in m.decls
    )
    out: list[Case] = []
    seen: dict[str, Span] = {}
    found: list[Diagnostic] = []
    for d in program.main.decls:
        if not isinstance(d, ast.CheckDecl):
            continue
        try:
            if d.name in seen:
                raise error(
                    "E0210", f"check `{d.name}` is declared twice", d.span, notes=(Note(seen[d.name], "first here"),)
                )
            seen[d.name] = d.span
            _verify(d, known, has_limit)
            out += _points(ctx, Env(program.main.name), d)
        except Failed as failed:
            found += failed.diagnostics
    if found:
        raise Failed(found, program.sources)
    if not out:
        return (Case("default", "", (), Expectation("holds")),)
    return tuple(out)


def property_names(program: Program) -> Iterator[str]:
    """The names that `violates` can mention."""
    yield from BUILT_IN
    for m in program.modules:
        for d in m.decls:
            match d:
                case ast.PropertyDecl(kind, name) if kind not in ("terminal", "limit"):
                    yield name
                case ast.RefinesDecl(_, name):
                    yield name
                case ast.ActionDecl(body=body) | ast.ProcDecl(body=body) | ast.ProcessDecl(body=body):
                    yield from _asserts(body)
                case ast.InitDecl(body):
                    yield from _asserts(body)
                case _:
                    pass


def _asserts(body: tuple[ast.Stmt, ...]) -> Iterator[str]:
    for t in body:
        match t:
            case ast.AssertStmt(name):
                yield name
            case ast.IfStmt(_, then, other):
                yield from _asserts(then)
                yield from _asserts(other)
            case ast.ForStmt(_, inner) | ast.WhileStmt(_, inner) | ast.AtomicStmt(inner):
                yield from _asserts(inner)
            case ast.EitherStmt(branches):
                for b in branches:
                    yield from _asserts(b)
            case _:
                pass


def _verify(d: ast.CheckDecl, known: set[str], has_limit: bool) -> None:
    e = d.expect
    if e.property is not None and e.property not in known:
        raise error(
            "E0501",
            f"there is no property `{e.property}`",
            e.span,
            help=did_you_mean(e.property, known) or "properties, assertions, `deadlock`, `error.KIND`",
        )
    if e.within_limit and not has_limit:
        raise error("E0502", "`within limit`, but the model declares no limit", e.span, help="limit: ...;")
    if e.up_to is not None and (e.states is not None or e.transitions is not None):
        raise error("E0503", "counts cannot be pinned for a bounded check", e.span, help="leave out `up to`")


def _points(ctx: Context, env: Env, d: ast.CheckDecl) -> Iterator[Case]:
    axes = [(s.name, values(ctx, env, s)) for s in d.settings]
    names = [n for n, _ in axes]
    for k, n in enumerate(names):
        if n in names[:k]:
            raise error("E0504", f"parameter `{n}` is set twice", d.settings[k].span)
    total = 1
    for _, v in axes:
        total *= len(v)
    if total > MAX_POINTS:
        raise error("E0505", f"the matrix has {total} points", d.span, help=f"at most {MAX_POINTS}")
    varied = [n for n, v in axes if len(v) > 1]
    e = d.expect
    expect = Expectation(e.kind, e.property, e.only, e.up_to, e.within_limit, e.states, e.transitions)
    for point in product(*(v for _, v in axes)):
        params = tuple(zip(names, point, strict=True))
        suffix = ",".join(f"{n}={v}" for n, v in params if n in varied)
        yield Case(
            f"{d.name}[{suffix}]" if suffix else d.name,
            d.story,
            params,
            expect,
            "slow" if d.slow else "quick",
            ctx.site(d.span),
        )


def values(ctx: Context, env: Env, s: ast.Setting) -> list[str]:
    """The values of a setting, as text."""
    found = ctx.lookup(env, s.name) or next((g[s.name] for g in ctx.globals.values() if s.name in g), None)
    params = {d for m in ctx.params for d in m}
    if not isinstance(found, ConstBinding) or s.name not in params:
        help_ = did_you_mean(s.name, params) or parameters_in_words(params)
        raise error("E0601", f"the model has no parameter `{s.name}`", s.span, help=help_)
    t = found.type
    if s.range is not None:
        assert s.range.lo is not None and s.range.hi is not None
        if not isinstance(t, RangeType):
            raise error("E0603", f"`{s.name}` is not a number", s.span, help="list the values: `in [a, b]`")
        lo, hi = number(ctx, env, s.range.lo), number(ctx, env, s.range.hi)
        if hi < lo or lo < t.lo or hi > t.hi:
            raise error("E0603", f"{lo}..{hi} is not a part of {t}", s.span)
        return [str(v) for v in range(lo, hi + 1)]
    out: list[str] = []
    for e in s.values:
        kind, v = constant(ctx, env, e, None if isinstance(t, RangeType) else t)
        if isinstance(t, RangeType) and (not isinstance(kind, RangeType) or not t.lo <= v <= t.hi):
            raise error("E0603", f"`{show_scalar(kind, v)}` is no value of parameter `{s.name}`", e.span,
                        help=f"its type is {t}")
        if show_scalar(t, v) in out:
            raise error("E0504", f"`{show_scalar(t, v)}` is listed twice", e.span)
        out.append(show_scalar(t, v))
    return out
