"""Names: what they mean, where they can be seen, and the state of one elaboration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from kspec.lang import ast
from kspec.lang.diagnostics import Diagnostic, Failed, Note, did_you_mean
from kspec.lang.source import Source, Span
from kspec.lower.values import Place, Value
from kspec.system.constant import MOST_STEPS, Steps
from kspec.system.expr import Cell, Site
from kspec.types import BOOL, EnumType, IdType, Scalar, StructType, Type

MOST_WORK = 40_000
MAX_SCALARS = 1 << 16
ENOUGH = 100
"""After so many errors no more are looked for."""


@dataclass(frozen=True)
class ConstBinding:
    """A constant or parameter: an encoded scalar."""

    type: Scalar
    value: int


@dataclass(frozen=True)
class TypeBinding:
    """A named type."""

    type: Type


@dataclass(frozen=True)
class PlaceBinding:
    """A variable, or a `ref` parameter, or a mutable local."""

    place: Place


@dataclass(frozen=True)
class ValueBinding:
    """An immutable name for a value: let, choice, quantifier, parameter."""

    value: Value


@dataclass(frozen=True)
class DeclBinding:
    """A function, procedure, action or process."""

    decl: ast.FunDecl | ast.ProcDecl | ast.ActionDecl | ast.ProcessDecl
    module: str


@dataclass(frozen=True)
class PropertyBinding:
    """A property's name."""

    decl: ast.PropertyDecl


@dataclass(frozen=True)
class BrokenBinding:
    """A name whose declaration has failed: what uses it is not reported again."""


Binding: TypeAlias = (
    ConstBinding | TypeBinding | PlaceBinding | ValueBinding | DeclBinding | PropertyBinding | BrokenBinding
)


@dataclass(frozen=True)
class Env:
    """Nested scopes; the innermost binding wins.

    ``module`` says whose names are visible; ``scenario`` allows identity literals; ``step`` allows
    ``old``; ``self_process`` is the process whose code this is; ``depth`` guards inlining.
    """

    module: str
    names: Mapping[str, Binding] = field(default_factory=dict)
    scenario: bool = False
    step: bool = False
    old: bool = False
    calls: tuple[str, ...] = ()

    def bind(self, name: str, binding: Binding) -> Env:
        """A scope with one more name."""
        return Env(
            self.module, {**self.names, name: binding}, self.scenario, self.step, self.old, self.calls
        )

    def with_old(self) -> Env:
        """Inside ``old(...)``."""
        return Env(self.module, self.names, self.scenario, self.step, True, self.calls)

    def entering(self, callee: str, module: str) -> Env:
        """The scope of a callee's body: nothing local is visible."""
        return Env(module, {}, self.scenario, self.step, self.old, (*self.calls, callee))


@dataclass
class ProcessInfo:
    """What expressions may ask of a process: where it is, and its locals.

    ``branches`` are the labels of the first statements of branches of ``either``.
    """

    decl: ast.ProcessDecl
    module: str
    self_type: Scalar | None
    locals: dict[str, Place] = field(default_factory=dict)
    pc: Place | None = None
    labels: frozenset[str] = frozenset()
    branches: frozenset[str] = frozenset()


@dataclass
class Context:
    """The state of one elaboration (one configuration of one program)."""

    sources: Mapping[str, Source]
    globals: dict[str, dict[str, Binding]] = field(default_factory=dict)
    visible: dict[str, dict[str, Binding]] = field(default_factory=dict)
    enums: dict[str, list[tuple[EnumType, int]]] = field(default_factory=dict)
    processes: dict[str, ProcessInfo] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    temps: list[Cell] = field(default_factory=list)
    asserts: dict[str, Span] = field(default_factory=dict)
    observed_labels: set[tuple[str, str]] = field(default_factory=set)
    observed_cells: set[str] = field(default_factory=set)
    watching: bool = False
    params: list[dict[str, str]] = field(default_factory=list)
    counter: int = 0
    steps: Steps = field(default_factory=lambda: Steps(MOST_STEPS))
    work: int = 0
    outermost: Span | None = None
    broken: set[str] = field(default_factory=set)
    on_demand: Callable[[str, Span], bool] | None = None

    def fresh(self, base: str) -> str:
        """A name that is not used elsewhere in the same action or property."""
        self.counter += 1
        return f"{base}'{self.counter}"

    def spend(self, work: int, env: Env, span: Span) -> None:
        """Accounts for text that is put in place of a call; raises Failed (E0353, once) when it becomes too much."""
        if not env.calls:
            self.outermost = span
        before, self.work = self.work, self.work + work
        if self.work > MOST_WORK:
            if before > MOST_WORK:
                raise Failed([])
            raise error(
                "E0353",
                "the model becomes too large when calls are replaced by what they call",
                self.outermost or span,
                help="use `let` for values that are needed twice, and procedures that processes run step by step",
            )

    def add_temps(self, cells: tuple[Cell, ...]) -> None:
        """Notes temporaries; raises Failed (E0349) when they become too many."""
        self.temps.extend(cells)
        if sum(c.size for c in self.temps) > MAX_SCALARS:
            headline = "the temporary values of the steps have too many elements"
            raise Failed([Diagnostic("E0349", headline, None, help=f"at most {MAX_SCALARS}")])

    def site(self, span: Span) -> Site:
        """The site of a span, with its text."""
        source = self.sources.get(span.file)
        return Site(span, source.excerpt(span) if source else "")

    def report(self, failed: Failed) -> None:
        """Notes the diagnostics of a part that failed, so that other parts are looked at, too.

        Raises Failed with all of them when there are enough.
        """
        self.diagnostics.extend(d for d in failed.diagnostics if d not in self.diagnostics)
        if len(self.diagnostics) >= ENOUGH:
            raise Failed(self.diagnostics)

    def lookup(self, env: Env, name: str) -> Binding | None:
        """What a name means here."""
        return env.names.get(name) or self.visible.get(env.module, {}).get(name)

    def members(self, env: Env, name: str) -> list[tuple[EnumType, int]]:
        """The enums with a member of that name that can be written here, and its position in each."""
        seen = self.visible.get(env.module, {})
        out: list[tuple[EnumType, int]] = []
        for enum, at in self.enums.get(name, []):
            found = seen.get(enum.name)
            if isinstance(found, TypeBinding) and found.type == enum:
                out.append((enum, at))
        return out

    def names(self, env: Env) -> Iterator[str]:
        """Every name that can be written here."""
        yield from env.names
        yield from self.visible.get(env.module, {})
        yield from self.enums


def error(
    code: str, headline: str, span: Span, label: str = "", help: str = "", notes: tuple[Note, ...] = ()
) -> Failed:
    """A failure with one diagnostic."""
    return Failed([Diagnostic(code, headline, span, label, notes, help)])


def unknown(ctx: Context, env: Env, name: str, span: Span, what: str = "name") -> Failed:
    """The failure for a name that means nothing here; silent for one whose declaration has failed."""
    if name in ctx.broken:
        return Failed([])
    if ctx.on_demand is not None:
        ctx.on_demand(name, span)  # raises when it is declared, but too far down
    home = next((m for m, names in ctx.globals.items() if name in names), None)
    if home is not None and name not in env.names:
        help_ = f"module `{home}` has it: list it in the `use`"
        return error("E0201", f"unknown {what} `{name}`", span, "not listed", help=help_)
    return error(
        "E0201", f"unknown {what} `{name}`", span, "not declared", help=did_you_mean(name, ctx.names(env))
    )


def builtin_types() -> dict[str, Binding]:
    """The types that are always there."""
    return {"bool": TypeBinding(BOOL)}


def describe(binding: Binding) -> str:
    """What kind of thing a name is, for messages."""
    match binding:
        case ConstBinding():
            return "a constant"
        case TypeBinding(type=StructType()):
            return "a struct type"
        case TypeBinding(type=IdType()):
            return "an id type"
        case TypeBinding():
            return "a type"
        case PlaceBinding():
            return "a variable"
        case ValueBinding():
            return "a value"
        case PropertyBinding():
            return "a property"
        case BrokenBinding():
            return "something with an error"
        case DeclBinding(decl):
            match decl:
                case ast.FunDecl():
                    return "a function"
                case ast.ProcDecl():
                    return "a procedure"
                case ast.ActionDecl():
                    return "an action"
                case _:
                    return "a process"
