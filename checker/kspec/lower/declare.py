"""Global names of one configuration: parameters, types, variables, and who can see what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

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
MAX_KEYS = 16


def declare_all(ctx: Context, program: Program, settings: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Declares everything of every module; gives the parameters with their values as text."""
    params: dict[str, str] = {}
    ctx.params.append(params)
    for module in program.modules:
        ctx.globals[module.name] = {}
        ctx.visible[module.name] = dict(builtin_types())
    where: dict[str, Span] = {}
    for module in program.modules:
        _Module(ctx, module, settings, params).declare(list(_names(ctx, module, where)))
    for name in settings:
        if name not in params and name not in ctx.broken:
            help_ = did_you_mean(name, params) or parameters_in_words(params)
            ctx.report(Failed([Diagnostic("E0601", f"the model has no parameter `{name}`", None, help=help_)]))
    return tuple(params.items())


def declare_only(ctx: Context, program: Program) -> None:
    """Declares everything with the defaults of the parameters; raises Failed with what is wrong."""
    try:
        declare_all(ctx, program, {})
    except Failed as failed:
        raise Failed(failed.diagnostics, program.sources) from None
    if ctx.diagnostics:
        raise Failed(ctx.diagnostics, program.sources)


def parameters_in_words(params: Iterable[str]) -> str:
    """What there is, for a message about what is not."""
    names = ", ".join(f"`{p}`" for p in params)
    return f"it has {names}" if names else "it has no parameters"


def _names(ctx: Context, module: ast.Module, where: dict[str, Span]) -> Iterator[ast.Decl]:
    """The declarations whose names are free; the others are reported."""
    for d in module.decls:
        name = getattr(d, "name", "")
        if isinstance(d, ast.UseDecl | ast.CheckDecl | ast.ScenarioDecl) or not name:
            yield d
        elif name in BUILTINS:
            ctx.report(error("E0212", f"`{name}` is built in", d.span, help="choose another name"))
        elif name in where:
            notes = (Note(where[name], "first here"),)
            ctx.report(error("E0210", f"`{name}` is declared twice", d.span, "again here", notes=notes))
        else:
            where[name] = d.span
            yield d


@dataclass
class _Module:
    """The declarations of one module.

    Constants, parameters and identities come first, in order, for everything else may depend on them; a type is
    declared when something needs it, so types may come in any order.
    """

    ctx: Context
    module: ast.Module
    settings: Mapping[str, str]
    params: dict[str, str]
    later: dict[str, ast.Decl] = field(default_factory=dict)
    running: list[str] = field(default_factory=list)

    def declare(self, decls: list[ast.Decl]) -> None:
        """Declares all of them; what is wrong with one is reported."""
        types = [d for d in decls if isinstance(d, ast.TypeDecl | ast.StructDecl)]
        self.later = {d.name: d for d in decls if isinstance(d, _EARLY) or d in types}
        self.ctx.on_demand = self.demand
        first = [d for d in decls if isinstance(d, ast.UseDecl | ast.EnumDecl)]
        second = [d for d in decls if isinstance(d, ast.ParamDecl | ast.ConstDecl | ast.IdDecl)]
        done = {id(d) for d in (*first, *second, *types)}
        for d in (*first, *second, *types, *(d for d in decls if id(d) not in done)):
            name = getattr(d, "name", "")
            if name not in self.later or self.later[name] is d:
                self.attempt(d)
        self.ctx.on_demand = None

    def attempt(self, d: ast.Decl) -> None:
        """Declares one; its name is not reported again where it is used if this fails."""
        name = getattr(d, "name", "")
        self.later.pop(name, None)
        self.running.append(name)
        try:
            self._declare(d)
        except Failed as failed:
            self.ctx.report(failed)
            self.ctx.broken.add(name)
        self.running.pop()

    def demand(self, name: str, span: Span) -> bool:
        """Declares a type that something before it needs; False when there is no such type to come."""
        if name in self.running and name not in self.later:
            trail = (*self.running[self.running.index(name) :], name)
            raise error("E0350", f"type `{name}` contains itself", span, help=" -> ".join(trail))
        waiting = self.later.get(name)
        if not isinstance(waiting, ast.TypeDecl | ast.StructDecl):
            return waiting is not None and self._too_early(name, span)
        self.attempt(waiting)
        return True

    def _too_early(self, name: str, span: Span) -> bool:
        raise error(
            "E0351",
            f"`{name}` is declared further down",
            span,
            notes=(Note(self.later[name].span, "declared here"),),
            help="a constant expression uses only what is declared before it",
        )

    def _declare(self, decl: ast.Decl) -> None:
        ctx, name = self.ctx, getattr(decl, "name", "")
        env = Env(self.module.name)
        match decl:
            case ast.UseDecl():
                _use(ctx, self.module, decl)
            case ast.ParamDecl(_, type_, value):
                t = resolve(ctx, env, type_)
                if not isinstance(t, BoolType | RangeType | EnumType):
                    raise error("E0602", f"a parameter is a bool, a range or an enum, not `{t}`", type_.span)
                _, encoded = constant(ctx, env, value, t)
                if name in self.settings:
                    encoded = parse_setting(t, name, self.settings[name])
                self.params[name] = show_scalar(t, encoded)
                self._add(name, ConstBinding(t, encoded))
            case ast.ConstDecl(_, value):
                self._add(name, ConstBinding(*constant(ctx, env, value)))
            case ast.EnumDecl(_, members):
                self._add(name, TypeBinding(_enum(ctx, name, members)))
            case ast.IdDecl(_, size, ordered):
                n = number(ctx, env, size)
                if n < 1:
                    raise error("E0347", f"`{name}` needs at least one identity, not {n}", size.span)
                if n > MAX_IDENTITIES:
                    raise error("E0341", f"{n} identities are too many", size.span, help=f"at most {MAX_IDENTITIES}")
                self._add(name, TypeBinding(IdType(name, n, ordered)))
            case ast.TypeDecl(_, type_):
                self._add(name, TypeBinding(resolve(ctx, env, type_)))
            case ast.StructDecl(_, fields, span):
                self._add(name, TypeBinding(_struct(ctx, env, name, fields, span)))
            case ast.VarDecl(_, keys, type_, _, span):
                t1: Type = resolve(ctx, env, type_)
                if len(keys) > MAX_KEYS:
                    raise error("E0341", f"{len(keys)} indices are too many", span, help=f"at most {MAX_KEYS}")
                for key in reversed(keys):
                    t1 = resolve_key(ctx, env, key, t1, span)
                self._add(name, PlaceBinding(Place(t1, cells_of(name, t1), ())))
            case ast.FunDecl(_, formals) | ast.ProcDecl(_, formals):
                for p in formals:
                    if p.type is None:
                        raise error("E0213", "a parameter is `name: Type`", p.span, help="`x in S` is for actions")
                    if p.ref and isinstance(decl, ast.FunDecl):
                        raise error("E0405", "a function has no `ref` parameters", p.span, help="functions are pure")
                self._add(name, DeclBinding(decl, self.module.name))
            case ast.ActionDecl() | ast.ProcessDecl():
                self._add(name, DeclBinding(decl, self.module.name))
            case ast.PropertyDecl() if name:
                self._add(name, PropertyBinding(decl))
            case _:
                pass

    def _add(self, name: str, binding: Binding) -> None:
        self.ctx.globals[self.module.name][name] = binding
        self.ctx.visible[self.module.name][name] = binding


_EARLY = (ast.ParamDecl, ast.ConstDecl, ast.IdDecl, ast.EnumDecl)


def _enum(ctx: Context, name: str, members: tuple[tuple[str, Span], ...]) -> EnumType:
    seen: dict[str, Span] = {}
    for m, at in members:
        if m in seen:
            notes = (Note(seen[m], "first here"),)
            raise error("E0210", f"member `{m}` appears twice in `{name}`", at, notes=notes)
        seen[m] = at
    enum = EnumType(name, tuple(seen))
    for k, m in enumerate(seen):
        ctx.enums.setdefault(m, []).append((enum, k))
    return enum


def resolve_key(ctx: Context, env: Env, key: ast.TypeExpr, value: Type, span: Span) -> Type:
    """``map<key, value>`` for a declarator."""
    from kspec.lower.types import key_scalars

    k = resolve(ctx, env, key)
    key_scalars(k, key.span, "a key")
    return sized(MapType(k, value), span)


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
    for part, type_, at in fields:
        if part in out:
            raise error("E0210", f"field `{part}` appears twice in `{name}`", at)
        out[part] = resolve(ctx, env, type_)
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
