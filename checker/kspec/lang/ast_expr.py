"""Types and expressions of the syntax tree."""

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
class Temporal:
    """``always e``, ``eventually e``, ``a until b``, ``a release b``, ``a leads_to b``."""

    op: Literal["always", "eventually", "until", "release", "leads_to"]
    operands: tuple[Expr, ...]
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
    | Temporal
    | Aggregate
    | SetLit
    | SetFilter
    | SeqLit
    | MapLit
)
