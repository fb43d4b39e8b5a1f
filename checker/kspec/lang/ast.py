"""The syntax tree of a kspec text.  Nodes compare by identity; every node knows its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from kspec.lang.source import Span

# ---------------------------------------------------------------------------------------- types


@dataclass(frozen=True, eq=False)
class NamedType:
    """``bool`` or a declared type name."""

    name: str
    span: Span


@dataclass(frozen=True, eq=False)
class RangeTypeExpr:
    """``lo..hi`` (constant expressions)."""

    lo: Expr
    hi: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class OptTypeExpr:
    """``T?``."""

    base: TypeExpr
    span: Span


@dataclass(frozen=True, eq=False)
class SetTypeExpr:
    """``set<T>``."""

    item: TypeExpr
    span: Span


@dataclass(frozen=True, eq=False)
class SeqTypeExpr:
    """``seq<T, n>``."""

    item: TypeExpr
    cap: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class MapTypeExpr:
    """``map<K, V>``; also what the declarator ``x[K]: V`` stands for."""

    key: TypeExpr
    value: TypeExpr
    span: Span


TypeExpr: TypeAlias = NamedType | RangeTypeExpr | OptTypeExpr | SetTypeExpr | SeqTypeExpr | MapTypeExpr

# ---------------------------------------------------------------------------------- expressions


@dataclass(frozen=True, eq=False)
class IntLit:
    value: int
    span: Span


@dataclass(frozen=True, eq=False)
class BoolLit:
    value: bool
    span: Span


@dataclass(frozen=True, eq=False)
class NoneLit:
    span: Span


@dataclass(frozen=True, eq=False)
class Name:
    """A name, or (with ``scope``) ``Enum.member``."""

    name: str
    span: Span


@dataclass(frozen=True, eq=False)
class IdentityLit:
    """``Event#1``: only in scenarios."""

    type: str
    number: int
    span: Span


@dataclass(frozen=True, eq=False)
class AnyLit:
    """``_`` as an argument in a scenario."""

    span: Span


@dataclass(frozen=True, eq=False)
class UnaryExpr:
    op: Literal["!", "-"]
    operand: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class BinaryExpr:
    """``op`` is the operator as written: ``+ - * / % == != < <= > >= && || => | & in``."""

    op: str
    left: Expr
    right: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class Conditional:
    cond: Expr
    then: Expr
    other: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class Field:
    base: Expr
    name: str
    span: Span


@dataclass(frozen=True, eq=False)
class Index:
    base: Expr
    index: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class At:
    """``p[x] at label``: the process is about to execute the labelled statement."""

    base: Expr
    label: str
    span: Span


@dataclass(frozen=True, eq=False)
class Arg:
    """An argument; ``name`` only in struct values."""

    name: str | None
    value: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class Call:
    """``f(a, b)``: a function, a built-in, or a struct value ``S(field = e)``."""

    name: str
    args: tuple[Arg, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class Domain:
    """What a binder ranges over: an expression (a set, a type name) or ``lo..hi``."""

    expr: Expr | None
    lo: Expr | None
    hi: Expr | None
    span: Span


@dataclass(frozen=True, eq=False)
class Binder:
    """``x in S where p``."""

    name: str
    domain: Domain
    where: Expr | None
    span: Span


@dataclass(frozen=True, eq=False)
class Quantifier:
    op: Literal["forall", "exists"]
    binders: tuple[Binder, ...]
    body: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class Aggregate:
    """``count(x in S where p)``, ``sum|min|max(x in S where p: e)``."""

    op: Literal["count", "sum", "min", "max"]
    binder: Binder
    value: Expr | None
    span: Span


@dataclass(frozen=True, eq=False)
class SetLit:
    items: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class SetFilter:
    binder: Binder
    span: Span


@dataclass(frozen=True, eq=False)
class SeqLit:
    items: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class MapLit:
    """``[k in K: e]``."""

    binder: Binder
    value: Expr
    span: Span


Expr: TypeAlias = (
    IntLit
    | BoolLit
    | NoneLit
    | Name
    | IdentityLit
    | AnyLit
    | UnaryExpr
    | BinaryExpr
    | Conditional
    | Field
    | Index
    | At
    | Call
    | Quantifier
    | Aggregate
    | SetLit
    | SetFilter
    | SeqLit
    | MapLit
)

# ----------------------------------------------------------------------------------- statements


@dataclass(frozen=True, eq=False)
class Message:
    """A text with values in it: literal strings and expressions in turn."""

    parts: tuple[str | Expr, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class AssignStmt:
    """``target op value``; ``op`` is ``= += -= |= &=``."""

    target: Expr
    op: str
    value: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class StepStmt:
    """``target++`` or ``target--``."""

    target: Expr
    op: Literal["++", "--"]
    span: Span


@dataclass(frozen=True, eq=False)
class MethodStmt:
    """``s.push(e);`` and its like on sets and sequences."""

    target: Expr
    method: str
    args: tuple[Arg, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class CallStmt:
    name: str
    args: tuple[Arg, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class IfStmt:
    cond: Expr
    then: tuple[Stmt, ...]
    other: tuple[Stmt, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class ForStmt:
    binder: Binder
    body: tuple[Stmt, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class WhileStmt:
    """``while (c) { }``; ``loop { }`` has no condition."""

    cond: Expr | None
    body: tuple[Stmt, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class EitherStmt:
    branches: tuple[tuple[Stmt, ...], ...]
    span: Span


@dataclass(frozen=True, eq=False)
class AtomicStmt:
    body: tuple[Stmt, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class LetStmt:
    name: str
    type: TypeExpr | None
    value: Expr
    span: Span


@dataclass(frozen=True, eq=False)
class LocalStmt:
    """``var x: T = e;`` in a body."""

    name: str
    type: TypeExpr
    value: Expr | None
    span: Span


@dataclass(frozen=True, eq=False)
class ChooseStmt:
    binder: Binder
    span: Span


@dataclass(frozen=True, eq=False)
class RequireStmt:
    """``require e;``, or ``await e;`` (``wait`` set)."""

    cond: Expr
    wait: bool
    span: Span


@dataclass(frozen=True, eq=False)
class AssertStmt:
    name: str
    cond: Expr
    message: Message | None
    span: Span


@dataclass(frozen=True, eq=False)
class LabelStmt:
    """``label:`` before a statement."""

    name: str
    span: Span


@dataclass(frozen=True, eq=False)
class JumpStmt:
    """``goto l;``, ``break;``, ``continue;``, ``return;``, ``skip;``."""

    op: Literal["goto", "break", "continue", "return", "skip"]
    label: str
    span: Span


Stmt: TypeAlias = (
    AssignStmt
    | StepStmt
    | MethodStmt
    | CallStmt
    | IfStmt
    | ForStmt
    | WhileStmt
    | EitherStmt
    | AtomicStmt
    | LetStmt
    | LocalStmt
    | ChooseStmt
    | RequireStmt
    | AssertStmt
    | LabelStmt
    | JumpStmt
)

# --------------------------------------------------------------------------------- declarations


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


@dataclass(frozen=True, eq=False)
class ActionDecl:
    name: str
    params: tuple[ParamItem, ...]
    guard: Expr | None
    body: tuple[Stmt, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class ProcessDecl:
    name: str
    param: ParamItem | None
    body: tuple[Stmt, ...]
    span: Span


@dataclass(frozen=True, eq=False)
class PropertyDecl:
    """``invariant``, ``lemma``, ``step``, ``reachable``, ``terminal``, ``limit``."""

    kind: Literal["invariant", "lemma", "step", "reachable", "terminal", "limit"]
    name: str
    expr: Expr
    message: Message | None
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
    | DeadlockDecl
    | CheckDecl
    | ScenarioDecl
)


@dataclass(frozen=True, eq=False)
class Module:
    """One file."""

    name: str
    file: str
    decls: tuple[Decl, ...]
