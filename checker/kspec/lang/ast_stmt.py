"""Statements of the syntax tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from kspec.lang.ast_expr import Arg, Binder, Expr, TypeExpr
from kspec.lang.source import Span


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
