"""Values and places of any type, as functions from leaves to scalar expressions.

A value of a compound type is never one expression: it gives, for every leaf of its type (see
``kspec.system.layout``) and every index into that leaf, a scalar expression.  A place is where a value
is stored: cells with the index expressions that lead to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kspec.system.effects import expr_errors
from kspec.system.expr import Binary, Cell, Const, Expr, Ite, Let, Narrow, Quant, Read, Site, Var, bounds
from kspec.system.layout import default, leaves
from kspec.types import IdType, MapType, OptType, Scalar, SeqType, SetType, Type, is_scalar

CHECKED = Var("'checked", 1, 1)  # the value of a check is of no use to anyone

Leaf: TypeAlias = Callable[[int, tuple[Expr, ...]], Expr]


@dataclass(frozen=True)
class NoneTag:
    """The type of the literal ``none`` before its context is known."""

    def __str__(self) -> str:
        return "none"


@dataclass(frozen=True)
class EmptyTag:
    """The type of ``{}`` or ``[]`` before its context is known."""

    kind: str

    def __str__(self) -> str:
        return "{}" if self.kind == "set" else "[]"


ValueType: TypeAlias = Type | NoneTag | EmptyTag


@dataclass(frozen=True)
class Soft:
    """What a comparison says about its other side: it decides what an enum member means, and nothing else."""

    type: ValueType


Want: TypeAlias = ValueType | Soft | None


def item_hint(want: Want) -> Want:
    """What is wanted of an item of a set or sequence, or of a map's values, when the whole is wanted as ``want``."""
    soft = isinstance(want, Soft)
    inner: Type | None = None
    match want.type if isinstance(want, Soft) else want:
        case SetType(item) | SeqType(item) | MapType(_, item):
            inner = item
    return Soft(inner) if soft and inner is not None else inner


@dataclass(frozen=True)
class Place:
    """Where a value of ``type`` is stored; all its cells share the indices ``index``.

    ``checks`` are evaluated (for their errors) whenever the place is read or written: the optionals
    on the way to it must be there.  ``live`` are what its index expressions check already (sequence items on
    the way are within the length); a reference, whose indices are fixed, has to check it again.
    """

    type: Type
    cells: tuple[Cell, ...]
    index: tuple[Expr, ...]
    site: Site = field(default=Site(), compare=False)
    old: bool = False
    checks: tuple[Expr, ...] = ()
    live: tuple[Expr, ...] = ()

    def read(self, leaf: int, index: tuple[Expr, ...]) -> Expr:
        """The scalar at a leaf; an identity that has no value yet is the error ``none``."""
        cell = self.cells[leaf]
        value: Expr = Read(cell, self.index + index, self.old)
        if isinstance(cell.type, OptType) and isinstance(wanted := leaves(self.type)[leaf].type, IdType):
            value = Narrow(value, wanted.lo, wanted.hi, "none", self.site)
        for check in reversed(self.checks):
            value = Let(CHECKED, check, value)
        return value

    def value(self) -> Value:
        """What is stored."""
        return Value(self.type, self.read, self)


@dataclass(frozen=True)
class Value:
    """A value; ``place`` is where it was read, if it was simply read."""

    type: ValueType
    leaf: Leaf
    place: Place | None = None

    @property
    def expr(self) -> Expr:
        """The expression of a scalar value."""
        return self.leaf(0, ())


def of(t: Scalar, e: Expr) -> Value:
    """A scalar value."""
    return Value(t, lambda _k, _i: e)


def ite(cond: Expr, a: Value, b: Value, t: Type, site: Site) -> Value:
    """``cond ? a : b`` for values of the same type."""
    return Value(t, lambda k, i: Ite(cond, a.leaf(k, i), b.leaf(k, i), site))


def default_value(t: Type) -> Value:
    """The default of a type (identities: the vacant ``none``)."""
    layout = leaves(t)
    return Value(t, lambda k, _i: Const(default(layout[k].type)))


def has_default(t: Type) -> bool:
    """False when the type directly holds an identity, which has no default."""
    return all(not isinstance(x.type, IdType) for x in leaves(t))


def equal(a: Value, b: Value, t: Type, fresh: Callable[[str], str], site: Site) -> Expr:
    """``a == b``: leaf by leaf, for every index."""
    if is_scalar(t):
        return Binary("eq", a.expr, b.expr, site)
    parts: list[Expr] = []
    for k, leaf in enumerate(leaves(t)):
        binders = tuple(Var(fresh("i"), d.lo, d.hi, d) for d in leaf.dims)
        body: Expr = Binary("eq", a.leaf(k, binders), b.leaf(k, binders), site)
        for v in reversed(binders):
            body = Quant("forall", v, body, site)
        parts.append(body)
    return strict("and", parts, fresh, site)


def first(lets: list[tuple[Var, Expr]], then: Expr) -> Expr:
    """``then``, after the values of the variables have been evaluated."""
    for v, x in reversed(lets):
        then = Let(v, x, then)
    return then


def strict(op: Literal["and", "or", "implies"], parts: list[Expr], fresh: Callable[[str], str], site: Site) -> Expr:
    """All of the parts joined; those that may raise an error are evaluated even if the others decide."""
    lets: list[tuple[Var, Expr]] = []
    joined: Expr | None = None
    for k, part in enumerate(parts):
        if k > 0 and expr_errors(part):
            v = Var(fresh("e"), *bounds(part))
            lets.append((v, part))
            part = v
        joined = part if joined is None else Binary(op, joined, part, site)
    out = joined if joined is not None else Const(int(op != "or"))
    if lets and expr_errors(parts[0]):  # the first one is evaluated first
        v = Var(fresh("e"), *bounds(parts[0]))
        return Let(v, parts[0], strict(op, [v, *parts[1:]], fresh, site))
    return first(lets, out)
