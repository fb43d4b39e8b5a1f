"""Declarations of the syntax tree, checks and scenarios, and the module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from kspec.lang.ast_expr import Arg, Domain, Expr, TypeExpr
from kspec.lang.ast_stmt import Message, Stmt
from kspec.lang.source import Span


@dataclass(frozen=True, eq=False)
class UseDecl:
    module: str
    names: tuple[tuple[str, Span], ...]
    span: Span


@dataclass(frozen=True, eq=False)
class ParamDecl:
    name: str
    type: TypeExpr
    value: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class ConstDecl:
    name: str
    value: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class EnumDecl:
    name: str
    members: tuple[tuple[str, Span], ...]
    span: Span


@dataclass(frozen=True, eq=False)
class IdDecl:
    name: str
    size: Expr
    ordered: bool
    span: Span


@dataclass(frozen=True, eq=False)
class TypeDecl:
    name: str
    type: TypeExpr
    span: Span


@dataclass(frozen=True, eq=False)
class StructDecl:
    name: str
    fields: tuple[tuple[str, TypeExpr, Span], ...]
    span: Span


@dataclass(frozen=True, eq=False)
class VarDecl:
    """``keys`` are the index types of the declarator, ``type`` is that of one element."""

    name: str
    keys: tuple[TypeExpr, ...]
    type: TypeExpr
    value: Expr | None
    span: Span


@dataclass(frozen=True, eq=False)
class InitDecl:
    body: tuple[Stmt, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class ParamItem:
    """A formal parameter: ``x: T``, ``ref x: T``, or in an action header ``x in S``."""

    name: str
    type: TypeExpr | None
    domain: Domain | None
    ref: bool
    span: Span


@dataclass(frozen=True, eq=False)
class FunDecl:
    name: str
    params: tuple[ParamItem, ...]
    result: TypeExpr
    body: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class ProcDecl:
    name: str
    params: tuple[ParamItem, ...]
    body: tuple[Stmt, ...]
    span: Span


Fairness: TypeAlias = Literal["weak", "strong"]


@dataclass(frozen=True, eq=False)
class ActionDecl:
    name: str
    params: tuple[ParamItem, ...]
    guard: Expr | None
    body: tuple[Stmt, ...]
    span: Span
    fair: Fairness | None = None


@dataclass(frozen=True, eq=False)
class ProcessDecl:
    """``on``: when the process may take a step at all."""

    name: str
    param: ParamItem | None
    body: tuple[Stmt, ...]
    span: Span
    fair: Fairness | None = None
    on: Expr | None = None


@dataclass(frozen=True, eq=False)
class FairDecl:
    """``weak fair a, p at label when e;``: the steps are names, with labels where these are given."""

    fair: Fairness
    steps: tuple[tuple[str, str | None, Span], ...]
    when: Expr | None
    span: Span


@dataclass(frozen=True, eq=False)
class PropertyDecl:
    """``invariant``, ``lemma``, ``step``, ``reachable``, ``property`` (temporal), ``terminal``, ``limit``."""

    kind: Literal["invariant", "lemma", "step", "reachable", "property", "terminal", "limit"]
    name: str
    expr: Expr
    message: Message | None
    span: Span


@dataclass(frozen=True, eq=False)
class Mapped:
    """``VARIABLE = e;``: what a variable of the abstract model is in a state of this one."""

    name: str
    value: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class RefinesDecl:
    """``refines MODULE as NAME with { PARAM = e; } { VARIABLE = e; }``; ``name`` is the property's."""

    module: str
    name: str
    settings: tuple[Setting, ...]
    mapping: tuple[Mapped, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class DeadlockDecl:
    """``deadlock off;``."""

    span: Span


@dataclass(frozen=True, eq=False)
class Setting:
    """``NAME = e`` or ``NAME in [a, b]`` or ``NAME in lo..hi``."""

    name: str
    values: tuple[Expr, ...]
    range: Domain | None
    span: Span


@dataclass(frozen=True, eq=False)
class ExpectClause:
    """How a check is to end; ``words`` are the clause's parts (see ``kspec.system.check.Expectation``)."""

    kind: Literal["holds", "violates"]
    property: str | None
    only: bool
    up_to: int | None
    within_limit: bool
    states: int | None
    transitions: int | None
    span: Span


@dataclass(frozen=True, eq=False)
class CheckDecl:
    name: str
    story: str
    settings: tuple[Setting, ...]
    slow: bool
    expect: ExpectClause
    span: Span


@dataclass(frozen=True, eq=False)
class DoStep:
    """``action(args);`` or ``process(args).label;``, with ``violates P``."""

    name: str
    args: tuple[Arg, ...]
    label: str | None
    violates: str | None
    span: Span


@dataclass(frozen=True, eq=False)
class DisabledStep:
    name: str
    args: tuple[Arg, ...]
    label: str | None
    span: Span


@dataclass(frozen=True, eq=False)
class ExpectStep:
    cond: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class PickStep:
    cond: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class RepeatStep:
    times: Expr
    body: tuple[ScenarioItem, ...]
    span: Span


ScenarioItem: TypeAlias = DoStep | DisabledStep | ExpectStep | PickStep | RepeatStep


@dataclass(frozen=True, eq=False)
class ScenarioDecl:
    name: str
    settings: tuple[Setting, ...]
    steps: tuple[ScenarioItem, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class ObservedField:
    """A field of a record; ``name`` is what it is called in the model.  ``mode``: an identity begins or ends."""

    field: str
    name: str
    type: TypeExpr
    mode: Literal["use", "birth", "death"]
    span: Span


@dataclass(frozen=True, eq=False)
class ObservedCall:
    action: str
    args: tuple[Arg, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class ObserveDecl:
    """``observe record(field as name: T) when e { action(args); }``."""

    record: str
    fields: tuple[ObservedField, ...]
    when: Expr | None
    calls: tuple[ObservedCall, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class UnobservedDecl:
    """``ignore record, ...;`` and ``silent action, ...;``."""

    kind: Literal["ignore", "silent"]
    names: tuple[tuple[str, Span], ...]
    span: Span


Decl: TypeAlias = (
    UseDecl
    | ParamDecl
    | ConstDecl
    | EnumDecl
    | IdDecl
    | TypeDecl
    | StructDecl
    | VarDecl
    | InitDecl
    | FunDecl
    | ProcDecl
    | ActionDecl
    | ProcessDecl
    | PropertyDecl
    | FairDecl
    | RefinesDecl
    | DeadlockDecl
    | CheckDecl
    | ScenarioDecl
    | ObserveDecl
    | UnobservedDecl
)


@dataclass(frozen=True, eq=False)
class Module:
    """One file."""

    name: str
    file: str
    decls: tuple[Decl, ...]
