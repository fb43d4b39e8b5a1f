"""Expressions of the transition system.

All values are mathematical integers (``bool`` is 0 or 1; encodings are in ``kspec.types``).
Evaluation is left to right.  ``and``, ``or``, ``implies`` and ``Ite`` short-circuit; quantifiers
and folds do not: every element is evaluated, so an error in any element is an error.

Evaluating an expression gives a value or raises one of the language's errors
(``range``, ``index``, ``none``, ``div``, ``choose``), each at a ``Site``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kspec.lang.source import Span
from kspec.types import Scalar

ErrorKind = Literal["range", "index", "none", "div", "choose"]
UnaryOp = Literal["not", "neg"]
BinaryOp = Literal[
    "add", "sub", "mul", "div", "mod", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "implies"
]


@dataclass(frozen=True)
class Site:
    """Where in the source something can go wrong, and what is written there.  Not part of the hash."""

    span: Span | None = field(default=None, compare=False)
    text: str = field(default="", compare=False)


@dataclass(frozen=True)
class Cell:
    """An array of scalars, the unit of state: one scalar for every index in the product of ``dims``.

    ``name`` is a template with ``[]`` for each dimension, e.g. ``ev[].refs``; unique in its system.
    A ``temp`` cell lives inside one step only: it is always written before it is read in a step and
    is not part of the state.  ``local_of`` names the process that owns a process-local cell
    (its first dimension is then the process's ``self``, when the process has one).
    """

    name: str
    dims: tuple[Scalar, ...]
    type: Scalar
    temp: bool = False
    local_of: str | None = None

    @property
    def size(self) -> int:
        """How many scalars the cell holds."""
        n = 1
        for d in self.dims:
            n *= d.hi - d.lo + 1
        return n


@dataclass(frozen=True)
class Const:
    """An integer."""

    value: int


@dataclass(frozen=True)
class Var:
    """A bound variable (parameter, let, quantifier, choice); its name is unique in its action or property."""

    name: str
    lo: int
    hi: int
    type: Scalar | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Read:
    """The value of ``cell`` at ``index`` (one expression per dimension, each within that dimension).

    ``old`` reads the state before the step; only in the expressions of step properties.
    """

    cell: Cell
    index: tuple[Expr, ...] = ()
    old: bool = False


@dataclass(frozen=True)
class Unary:
    """``not`` or ``neg``."""

    op: UnaryOp
    a: Expr
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Binary:
    """A binary operation; ``div`` and ``mod`` are C's (towards zero) and raise ``div`` on a zero divisor."""

    op: BinaryOp
    a: Expr
    b: Expr
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Ite:
    """``cond ? then : other``."""

    cond: Expr
    then: Expr
    other: Expr
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Let:
    """Binds ``var`` to ``value`` in ``body``."""

    var: Var
    value: Expr
    body: Expr
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Quant:
    """``forall``/``exists`` over every value ``var.lo..var.hi``."""

    op: Literal["forall", "exists"]
    var: Var
    body: Expr
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Fold:
    """``acc := init; for var in var.lo..var.hi ascending: acc := body``; the value is the last ``acc``.

    Counts, sums, minima and maxima are folds.  ``acc.lo..acc.hi`` bounds every intermediate value.
    """

    acc: Var
    init: Expr
    var: Var
    body: Expr
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Narrow:
    """``value`` if it lies in ``lo..hi``, else the error ``error`` at ``site``."""

    value: Expr
    lo: int
    hi: int
    error: ErrorKind
    site: Site = field(default=Site(), compare=False)


Expr: TypeAlias = Const | Var | Read | Unary | Binary | Ite | Let | Quant | Fold | Narrow

TRUE = Const(1)
FALSE = Const(0)


def children(e: Expr) -> tuple[Expr, ...]:
    """The direct sub-expressions, in evaluation order."""
    match e:
        case Const() | Var():
            return ()
        case Read(_, index):
            return index
        case Unary(_, a):
            return (a,)
        case Binary(_, a, b):
            return (a, b)
        case Ite(c, t, o):
            return (c, t, o)
        case Let(_, value, body):
            return (value, body)
        case Quant(_, _, body):
            return (body,)
        case Fold(_, init, _, body):
            return (init, body)
        case Narrow(value):
            return (value,)


def walk(e: Expr) -> Iterator[Expr]:
    """``e`` and everything below it, in preorder."""
    stack = [e]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


def bounds(e: Expr) -> tuple[int, int]:
    """An interval that contains every value that ``e`` can have (interval arithmetic, no relations)."""
    match e:
        case Const(v):
            return v, v
        case Var(_, lo, hi):
            return lo, hi
        case Read(cell):
            return cell.type.lo, cell.type.hi
        case Unary("not", _):
            return 0, 1
        case Unary(_, a):
            lo, hi = bounds(a)
            return -hi, -lo
        case Binary("add", a, b):
            (al, ah), (bl, bh) = bounds(a), bounds(b)
            return al + bl, ah + bh
        case Binary("sub", a, b):
            (al, ah), (bl, bh) = bounds(a), bounds(b)
            return al - bh, ah - bl
        case Binary("mul", a, b):
            (al, ah), (bl, bh) = bounds(a), bounds(b)
            products = (al * bl, al * bh, ah * bl, ah * bh)
            return min(products), max(products)
        case Binary("div", a, b):
            al, ah = bounds(a)
            bl, bh = bounds(b)
            if bl > 0:
                corners = (trunc_div(al, bl), trunc_div(al, bh), trunc_div(ah, bl), trunc_div(ah, bh))
                return min(corners), max(corners)
            m = max(abs(al), abs(ah))
            return -m, m
        case Binary("mod", a, b):
            al, ah = bounds(a)
            bl, bh = bounds(b)
            m = max(abs(bl), abs(bh), 1) - 1
            return (0 if al >= 0 else -min(m, -al)), (min(m, ah) if ah > 0 else 0)
        case Binary():
            return 0, 1
        case Ite(_, t, o):
            (tl, th), (ol, oh) = bounds(t), bounds(o)
            return min(tl, ol), max(th, oh)
        case Let(_, _, body):
            return bounds(body)
        case Quant():
            return 0, 1
        case Fold(acc, _, _, _):
            return acc.lo, acc.hi
        case Narrow(value, lo, hi):
            vl, vh = bounds(value)
            return (lo, hi) if vh < lo or vl > hi else (max(lo, vl), min(hi, vh))


def trunc_div(a: int, b: int) -> int:
    """C's integer division: towards zero."""
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


def trunc_mod(a: int, b: int) -> int:
    """C's remainder: ``a - b * trunc_div(a, b)``."""
    return a - b * trunc_div(a, b)
