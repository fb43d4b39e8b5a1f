"""Global names of one configuration: parameters, types, variables, and who can see what."""

from __future__ import annotations

from collections.abc import Mapping

from kspec.lang import ast
from kspec.lang.diagnostics import Diagnostic, Failed, Note, did_you_mean
from kspec.lang.load import Program
from kspec.lang.source import Span
from kspec.lower.scope import (
    Binding,
    ConstBinding,
    Context,
    DeclBinding,
    Env,
    PlaceBinding,
    PropertyBinding,
    TypeBinding,
    builtin_types,
    error,
)
from kspec.lower.types import constant, number, resolve, sized
from kspec.lower.values import Place
from kspec.system.layout import cells_of
from kspec.types import (
    BoolType,
    EnumType,
    IdType,
    MapType,
    RangeType,
    Scalar,
    StructType,
    Type,
    parse_scalar,
    show_scalar,
)

BUILTINS = frozenset({"old", "ord", "min", "max", "count", "sum", "deadlock", "error"})
MAX_IDENTITIES = 4096


def declare_all(ctx: Context, program: Program, settings: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Declares everything of every module; gives the parameters with their values as text."""
    params: dict[str, str] = {}
    ctx.params.append(params)
    where: dict[str, Span] = {}
    for module in program.modules:
        ctx.globals[module.name] = {}
        ctx.visible[module.name] = dict(builtin_types())
    for module in program.modules:
        for decl in module.decls:
            try:
                _declare(ctx, module, decl, settings, params, where)
            except Failed as failed:
                ctx.report(failed)
                name = getattr(decl, "name", None)
                if isinstance(name, str) and name:
                    where.setdefault(name, decl.span)
    for name in settings:
        if name not in params:
            where_ = Diagnostic(
                "E0601", f"the model has no parameter `{name}`", None, help=did_you_mean(name, params)
            )
            ctx.report(Failed([where_]))
    return tuple(params.items())


def _declare(
    ctx: Context,
    module: ast.Module,
    decl: ast.Decl,
    settings: Mapping[str, str],
    params: dict[str, str],
    where: dict[str, Span],
) -> None:
    env = Env(module.name)
    match decl:
        case ast.UseDecl():
            _use(ctx, module, decl)
        case ast.ParamDecl(name, type_, value, span):
            _free(ctx, where, name, span)
            t = resolve(ctx, env, type_)
            if not isinstance(t, BoolType | RangeType | EnumType):
                raise error("E0602", f"a parameter is a bool, a range or an enum, not `{t}`", type_.span)
            _, default = constant(ctx, env, value, t)
            encoded = default
            if name in settings:
                encoded = parse_setting(t, name, settings[name])
            params[name] = show_scalar(t, encoded)
            _add(ctx, module, where, name, ConstBinding(t, encoded), span)
        case ast.ConstDecl(name, value, span):
            _free(ctx, where, name, span)
            t0, v = constant(ctx, env, value)
            _add(ctx, module, where, name, ConstBinding(t0, v), span)
        case ast.EnumDecl(name, members, span):
            _free(ctx, where, name, span)
            seen: dict[str, Span] = {}
            for m, at in members:
                if m in seen:
                    notes = (Note(seen[m], "first here"),)
                    raise error("E0210", f"member `{m}` appears twice in `{name}`", at, notes=notes)
                seen[m] = at
            enum = EnumType(name, tuple(seen))
            for k, m in enumerate(seen):
                ctx.enums.setdefault(m, []).append((enum, k))
            _add(ctx, module, where, name, TypeBinding(enum), span)
        case ast.IdDecl(name, size, ordered, span):
            _free(ctx, where, name, span)
            n = number(ctx, env, size)
            if n < 1:
                raise error("E0347", f"`{name}` needs at least one identity, not {n}", size.span)
            if n > MAX_IDENTITIES:
                raise error("E0341", f"{n} identities are too many", size.span, help=f"at most {MAX_IDENTITIES}")
            _add(ctx, module, where, name, TypeBinding(IdType(name, n, ordered)), span)
        case ast.TypeDecl(name, type_, span):
            _free(ctx, where, name, span)
            _add(ctx, module, where, name, TypeBinding(resolve(ctx, env, type_)), span)
        case ast.StructDecl(name, fields, span):
            _free(ctx, where, name, span)
            _add(ctx, module, where, name, TypeBinding(_struct(ctx, env, name, fields, span)), span)
        case ast.VarDecl(name, keys, type_, _, span):
            _free(ctx, where, name, span)
            t1: Type = resolve(ctx, env, type_)
            for key in reversed(keys):
                t1 = resolve_key(ctx, env, key, t1, span)
            _add(ctx, module, where, name, PlaceBinding(Place(t1, cells_of(name, t1), ())), span)
        case ast.FunDecl(name, _, _, _, span) | ast.ProcDecl(name, _, _, span):
            _free(ctx, where, name, span)
            _add(ctx, module, where, name, DeclBinding(decl, module.name), span)
        case ast.ActionDecl(name, _, _, _, span) | ast.ProcessDecl(name, _, _, span):
            _free(ctx, where, name, span)
            _add(ctx, module, where, name, DeclBinding(decl, module.name), span)
        case ast.PropertyDecl(_, name, _, _, span) if name:
            _free(ctx, where, name, span)
            _add(ctx, module, where, name, PropertyBinding(decl), span)
        case _:
            pass


def resolve_key(ctx: Context, env: Env, key: ast.TypeExpr, value: Type, span: Span) -> Type:
    """``map<key, value>`` for a declarator."""
    from kspec.lower.types import key_scalars

    k = resolve(ctx, env, key)
    key_scalars(k, key.span, "a key")
    return sized(MapType(k, value), span)


def _free(ctx: Context, where: dict[str, Span], name: str, span: Span) -> None:
    if name in BUILTINS:
        raise error("E0212", f"`{name}` is built in", span, help="choose another name")
    if name in where:
        raise error(
            "E0210", f"`{name}` is declared twice", span, "again here", notes=(Note(where[name], "first here"),)
        )


def _add(
    ctx: Context, module: ast.Module, where: dict[str, Span], name: str, binding: Binding, span: Span
) -> None:
    where[name] = span
    ctx.globals[module.name][name] = binding
    ctx.visible[module.name][name] = binding


def _use(ctx: Context, module: ast.Module, decl: ast.UseDecl) -> None:
    theirs = ctx.globals.get(decl.module, {})
    for name, span in decl.names:
        if name not in theirs:
            raise error(
                "E0214", f"module `{decl.module}` has no `{name}`", span, help=did_you_mean(name, theirs)
            )
        ctx.visible[module.name][name] = theirs[name]


def _struct(
    ctx: Context, env: Env, name: str, fields: tuple[tuple[str, ast.TypeExpr, Span], ...], span: Span
) -> StructType:
    if not fields:
        raise error("E0348", f"struct `{name}` has no fields", span)
    out: dict[str, Type] = {}
    for field, type_, at in fields:
        if field in out:
            raise error("E0210", f"field `{field}` appears twice in `{name}`", at)
        out[field] = resolve(ctx, env, type_)
    result = StructType(name, tuple(out.items()))
    sized(result, span)
    return result


def parse_setting(t: Scalar, name: str, text: str) -> int:
    """The encoded value of a parameter given as text; raises Failed (E0603)."""
    plain = text.split(".")[-1] if isinstance(t, EnumType) else text
    value = parse_scalar(t, plain)
    if value is None:
        values = ", ".join(t.members) if isinstance(t, EnumType) else str(t)
        raise Failed(
            [Diagnostic("E0603", f"`{text}` is no value of parameter `{name}`", None, help=f"its type is {values}")]
        )
    return value
