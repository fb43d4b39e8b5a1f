"""Calls in expressions: functions (inlined), built-ins, struct values."""

from __future__ import annotations

import dataclasses

from kspec.lang import ast
from kspec.lang.diagnostics import Failed, did_you_mean
from kspec.lang.source import Span
from kspec.lower import exprs
from kspec.lower.coerce import coerce, dereference
from kspec.lower.scope import Context, DeclBinding, Env, TypeBinding, ValueBinding, describe, error, unknown
from kspec.lower.types import resolve
from kspec.lower.values import Value, Want, default_value, has_default, of
from kspec.system.expr import Binary, Expr, Ite, Let, Var, bounds
from kspec.system.layout import leaves
from kspec.types import EnumType, IdType, OptType, StructType, is_scalar, scalar


def call(ctx: Context, env: Env, e: ast.Call, want: Want) -> Value:
    """The value of ``f(args)``."""
    match e.name:
        case "old":
            return _old(ctx, env, e, want)
        case "ord":
            return _ord(ctx, env, e)
        case "min" | "max":
            return _least(ctx, env, e)
    found = ctx.lookup(env, e.name)
    match found:
        case DeclBinding(ast.FunDecl() as decl, module):
            return _function(ctx, env, e, decl, module)
        case TypeBinding(StructType() as t):
            return _struct(ctx, env, e, t)
        case None:
            raise unknown(ctx, env, e.name, e.span, "function")
        case _:
            raise error("E0202", f"`{e.name}` is {describe(found)}, not a function", e.span)


def check_count(e: ast.Call | ast.CallStmt, want: int, what: str) -> None:
    """Fails (E0330) unless there are ``want`` positional arguments."""
    for a in e.args:
        if a.name is not None:
            raise error("E0331", f"`{e.name}` has no named arguments", a.span, help="named: struct values only")
    if len(e.args) != want:
        raise wrong_count(what, e.name, want, len(e.args), e.span)


def wrong_count(what: str, name: str, want: int, got: int, span: Span) -> Failed:
    """The failure for a call with too few or too many arguments."""
    plural = "" if want == 1 else "s"
    return error("E0330", f"{what} `{name}` takes {want} argument{plural}, not {got}", span)


def _old(ctx: Context, env: Env, e: ast.Call, want: Want) -> Value:
    check_count(e, 1, "built-in")
    if not env.step:
        raise error("E0332", "`old` is for `step` properties", e.span, help="step NAME: old(x) <= x;")
    if env.old:
        raise error("E0332", "`old` inside `old`", e.span)
    return exprs.value(ctx, env.with_old(), e.args[0].value, want)


def _ord(ctx: Context, env: Env, e: ast.Call) -> Value:
    check_count(e, 1, "built-in")
    v = exprs.value(ctx, env, e.args[0].value)
    if isinstance(v.type, OptType):
        v = dereference(v, v.type.base, ctx.site(e.args[0].span))
    match v.type:
        case EnumType() | IdType(ordered=True):
            return exprs.integer(v.expr)
        case IdType() as t:
            raise error(
                "E0305",
                f"identities of `{t}` have no order",
                e.span,
                f"`{t}` is an `id` type",
                help=f"declare it `ordered id {t}[...]` if its order matters (this gives up its symmetry)",
            )
        case t:
            raise error("E0301", f"`ord` needs an enum or an ordered id, found `{t}`", e.args[0].span)


def _least(ctx: Context, env: Env, e: ast.Call) -> Value:
    best: Expr = exprs.number(ctx, env, e.args[0].value)
    for a in e.args[1:]:
        other = exprs.number(ctx, env, a.value)
        (bl, bh), (ol, oh) = bounds(best), bounds(other)
        x, y = Var(ctx.fresh("a"), bl, bh), Var(ctx.fresh("b"), ol, oh)
        pick = Ite(Binary("le" if e.name == "min" else "ge", x, y), x, y)
        best = Let(x, best, Let(y, other, pick))
    return exprs.integer(best)


def _function(ctx: Context, env: Env, e: ast.Call, decl: ast.FunDecl, module: str) -> Value:
    if decl.name in env.calls:
        raise error(
            "E0333", f"`{decl.name}` is recursive", e.span, help=" -> ".join((*env.calls, decl.name))
        )
    check_count(e, len(decl.params), "function")
    ctx.spend(size(decl.body), env, e.span)
    inner = env.entering(decl.name, module)
    types_env = Env(module)
    lets: list[tuple[Var, Expr]] = []
    for p, a in zip(decl.params, e.args, strict=True):
        assert p.type is not None
        t = resolve(ctx, types_env, p.type)
        v = exprs.expect(ctx, env, a.value, t, f"argument `{p.name}`")
        if is_scalar(t):
            s = scalar(t)
            lo, hi = bounds(v.expr)
            var = Var(ctx.fresh(p.name), max(lo, s.lo), min(hi, s.hi), s)
            lets.append((var, v.expr))
            v = of(s, var)
        else:
            v = _counted(ctx, env, v, e.span)
        inner = inner.bind(p.name, ValueBinding(v))
    result_type = resolve(ctx, types_env, decl.result)
    result = coerce(ctx, exprs.value(ctx, inner, decl.body, result_type), result_type, decl.body.span, "result")

    def leaf(k: int, i: tuple[Expr, ...]) -> Expr:
        body = result.leaf(k, i)
        for var, arg in reversed(lets):
            body = Let(var, arg, body, ctx.site(e.span))
        return body

    return Value(result_type, leaf)


def _counted(ctx: Context, env: Env, v: Value, span: Span) -> Value:
    """A compound argument, which is put in place wherever the function uses it."""

    def leaf(k: int, i: tuple[Expr, ...]) -> Expr:
        ctx.spend(1, env, span)
        return v.leaf(k, i)

    return Value(v.type, leaf, v.place)


def size(node: object) -> int:
    """How many nodes a part of the syntax tree has."""
    total, stack = 0, [node]
    while stack:
        x = stack.pop()
        if isinstance(x, tuple):
            stack.extend(x)
        elif dataclasses.is_dataclass(x) and not isinstance(x, Span):
            total += 1
            stack.extend(getattr(x, f.name) for f in dataclasses.fields(x))
    return total


def _struct(ctx: Context, env: Env, e: ast.Call, t: StructType) -> Value:
    given: dict[str, ast.Arg] = {}
    names = [n for n, _ in t.fields]
    for a in e.args:
        if a.name is None:
            raise error("E0334", f"the fields of `{t}` are given by name", a.span, help=f"{t}({names[0]} = ...)")
        if a.name not in names:
            raise error("E0310", f"`{t}` has no field `{a.name}`", a.span, help=did_you_mean(a.name, names))
        if a.name in given:
            raise error("E0334", f"field `{a.name}` is given twice", a.span)
        given[a.name] = a
    parts: list[Value] = []
    for name, ft in t.fields:
        if name in given:
            parts.append(exprs.expect(ctx, env, given[name].value, ft, f"field `{name}`"))
        elif has_default(ft):
            parts.append(default_value(ft))
        else:
            raise error("E0335", f"field `{name}` of `{t}` has no default", e.span, help=f"give it: {name} = ...")
    table = [(part, k) for part, (_, ft) in zip(parts, t.fields, strict=True) for k in range(len(leaves(ft)))]
    return Value(t, lambda k, i: table[k][0].leaf(table[k][1], i))
