"""Statements of the transition system: the body of an action is one atomic step.

Statements run in order and see earlier writes of the same step.  A body ends in one of three ways:
it completes (there is a successor), it is disabled (``Require`` failed, or a ``Choose`` with
``on_empty="disable"`` had nothing to choose: no successor, as if the action were not there), or it
raises an error (no successor; a violation of ``error.<kind>`` or of the named assertion).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kspec.system.expr import Cell, Expr, Site, Var
from kspec.types import Type


@dataclass(frozen=True)
class Write:
    """``cell[index] = value`` for every value of the binders ``over`` (none: one write).

    ``index`` and ``value`` may mention the binders.  Distinct binder values write distinct elements.
    """

    cell: Cell
    index: tuple[Expr, ...]
    value: Expr
    over: tuple[Var, ...] = ()


@dataclass(frozen=True)
class Assign:
    """All writes at once: every index and value is evaluated before the first write happens."""

    writes: tuple[Write, ...]
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Bind:
    """``let var = value``: immutable, visible in the rest of the enclosing block and what is nested there."""

    var: Var
    value: Expr
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class If:
    """``if (cond) then else other``."""

    cond: Expr
    then: Block
    other: Block
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class For:
    """``body`` for every value ``var.lo..var.hi``, ascending."""

    var: Var
    body: Block
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Choose:
    """Picks any value of ``var.lo..var.hi`` for which ``where`` holds; visible in the rest of the block.

    Every value gives a successor of its own.  When there is none: ``disable`` or the error ``choose``.
    """

    var: Var
    where: Expr
    on_empty: Literal["disable", "error"]
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Require:
    """The step is disabled when ``cond`` is false."""

    cond: Expr
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Assert:
    """Raises a violation of the assertion ``name`` when ``cond`` is false."""

    name: str
    cond: Expr
    message: tuple[str | Shown, ...] = field(default=(), compare=False)
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Shown:
    """A value inside a message: an expression and the type it is displayed as."""

    expr: Expr
    type: Type


@dataclass(frozen=True)
class Block:
    """Statements in order."""

    stmts: tuple[Stmt, ...] = ()


Stmt: TypeAlias = Assign | Bind | If | For | Choose | Require | Assert | Block

EMPTY = Block()


def walk(s: Stmt) -> Iterator[Stmt]:
    """``s`` and every statement below it, in preorder."""
    yield s
    match s:
        case Block(stmts):
            for x in stmts:
                yield from walk(x)
        case If(_, then, other):
            yield from walk(then)
            yield from walk(other)
        case For(_, body):
            yield from walk(body)
        case _:
            pass


def expressions(s: Stmt) -> Iterator[Expr]:
    """The expressions written directly in ``s`` (not in nested statements)."""
    match s:
        case Assign(writes):
            for w in writes:
                yield from w.index
                yield w.value
        case Bind(_, value):
            yield value
        case If(cond) | Require(cond) | Assert(_, cond):
            yield cond
        case Choose(_, where):
            yield where
        case _:
            pass
