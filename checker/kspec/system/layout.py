"""How values of compound types are laid out in cells of scalars, and put together again.

Every type flattens into leaves: a leaf is a scalar type with the index dimensions above it.

======================  =====================================================================
scalar                  itself
struct                  the leaves of its fields, ``.field`` in front
``map<K, V>``           the leaves of V, the dimensions of K in front
``set<T>``              one bool for every value of T
``seq<T, n>``           ``.len`` and the leaves of T with dimension ``0..n-1`` in front
``T?``, T compound      ``.present`` and the leaves of T
======================  =====================================================================

Parts that have no meaning (items beyond the length, the inside of an absent optional) always hold
their default, so that equal values have equal cells.  The default of an identity is ``none`` there:
such leaves have the optional type, so that no identity is preferred to another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from kspec.system.expr import Cell
from kspec.system.model import State, System, Variable
from kspec.types import (
    BOOL,
    IdType,
    MapType,
    OptType,
    RangeType,
    Scalar,
    SeqType,
    SetType,
    StructType,
    Type,
    is_scalar,
    scalar,
    show_scalar,
)


@dataclass(frozen=True)
class Leaf:
    """One scalar array of a flattened type; ``path`` is a template with ``[]`` for each dimension."""

    path: str
    dims: tuple[Scalar, ...]
    type: Scalar


@dataclass(frozen=True)
class ScalarValue:
    """A scalar with its type, so that it can be shown."""

    type: Scalar
    value: int


@dataclass(frozen=True)
class StructValue:
    """Fields in declaration order."""

    name: str
    fields: tuple[tuple[str, Value], ...]


@dataclass(frozen=True)
class MapValue:
    """Keys (a tuple of scalars each) with their values, in key order."""

    pairs: tuple[tuple[tuple[ScalarValue, ...], Value], ...]


@dataclass(frozen=True)
class SetValue:
    """The members (a tuple of scalars each), in order."""

    items: tuple[tuple[ScalarValue, ...], ...]


@dataclass(frozen=True)
class SeqValue:
    """The items, first to last."""

    items: tuple[Value, ...]


@dataclass(frozen=True)
class NoneValue:
    """An absent optional of a compound type."""


Value: TypeAlias = ScalarValue | StructValue | MapValue | SetValue | SeqValue | NoneValue


def key_dims(key: Type) -> tuple[Scalar, ...]:
    """The index dimensions of a key type (a scalar, or a struct of key types)."""
    match key:
        case StructType(_, fields):
            return tuple(d for _, t in fields for d in key_dims(t))
        case _:
            return (scalar(key),)


def leaves(t: Type) -> tuple[Leaf, ...]:
    """The leaves of a type, in layout order."""
    match t:
        case _ if is_scalar(t):
            return (Leaf("", (), scalar(t)),)
        case StructType(_, fields):
            return tuple(Leaf(f".{n}{x.path}", x.dims, x.type) for n, ft in fields for x in leaves(ft))
        case MapType(key, value):
            dims = key_dims(key)
            return tuple(Leaf("[]" * len(dims) + x.path, dims + x.dims, x.type) for x in leaves(value))
        case SetType(item):
            dims = key_dims(item)
            return (Leaf("[]" * len(dims), dims, BOOL),)
        case SeqType(item, cap):
            at = RangeType(0, cap - 1)
            return (
                Leaf(".len", (), RangeType(0, cap)),
                *(Leaf("[]" + x.path, (at, *x.dims), vacant(x.type)) for x in leaves(item)),
            )
        case OptType(base):
            return (
                Leaf(".present", (), BOOL),
                *(Leaf(x.path, x.dims, vacant(x.type)) for x in leaves(base)),
            )
        case _:
            raise TypeError(f"{t} has no layout")


def vacant(t: Scalar) -> Scalar:
    """The cell type of a scalar that may have no value: an identity becomes optional, others have a default."""
    return OptType(t) if isinstance(t, IdType) else t


def default(t: Scalar) -> int:
    """The value that a scalar has when nothing else is said."""
    return t.lo


def cells_of(name: str, t: Type, *, temp: bool = False, local_of: str | None = None) -> tuple[Cell, ...]:
    """The cells of a variable ``name`` of type ``t``."""
    return tuple(Cell(name + x.path, x.dims, x.type, temp, local_of) for x in leaves(t))


def indices(dims: tuple[Scalar, ...]) -> Iterator[tuple[int, ...]]:
    """Every index into the dimensions, row-major."""
    return product(*(range(d.lo, d.hi + 1) for d in dims))


def element_name(cell: Cell, index: tuple[int, ...]) -> str:
    """The name of one scalar as people see it: ``ev[Event#1].refs``."""
    parts = cell.name.split("[]")
    keys = [f"[{show_scalar(d, i)}]" for d, i in zip(cell.dims, index, strict=True)]
    return "".join(p + k for p, k in zip(parts, [*keys, ""], strict=True))


@dataclass(frozen=True)
class Element:
    """One scalar of the flat state."""

    name: str
    cell: Cell
    index: tuple[int, ...]


def elements(system: System) -> tuple[Element, ...]:
    """What every position of the flat state is."""
    return tuple(
        Element(element_name(c, i), c, i) for c in system.state_cells for i in indices(c.dims)
    )


def offset(cell: Cell, index: tuple[int, ...]) -> int:
    """The row-major position of an element within its cell."""
    at = 0
    for d, i in zip(cell.dims, index, strict=True):
        at = at * (d.hi - d.lo + 1) + (i - d.lo)
    return at


def decode(t: Type, read: Callable[[int, tuple[int, ...]], int]) -> Value:
    """Puts a value of type ``t`` together; ``read(leaf, index)`` gives the scalars."""
    match t:
        case _ if is_scalar(t):
            return ScalarValue(scalar(t), read(0, ()))
        case StructType(name, fields):
            out: list[tuple[str, Value]] = []
            at = 0
            for n, ft in fields:
                out.append((n, decode(ft, _shift(read, at))))
                at += len(leaves(ft))
            return StructValue(name, tuple(out))
        case MapType(key, value):
            dims = key_dims(key)
            return MapValue(
                tuple((_key(dims, i), decode(value, _prefix(read, 0, i))) for i in indices(dims))
            )
        case SetType(item):
            dims = key_dims(item)
            return SetValue(tuple(_key(dims, i) for i in indices(dims) if read(0, i)))
        case SeqType(item, _):
            return SeqValue(tuple(decode(item, _prefix(read, 1, (i,))) for i in range(read(0, ()))))
        case OptType(base):
            return decode(base, _shift(read, 1)) if read(0, ()) else NoneValue()
        case _:
            raise TypeError(f"{t} has no layout")


def value_of(system: System, variable: Variable, state: State) -> Value:
    """The value of a declared variable in a state."""
    base = [system.offsets[c.name] for c in variable.cells]
    return decode(
        variable.type, lambda leaf, index: state[base[leaf] + offset(variable.cells[leaf], index)]
    )


def show(value: Value) -> str:
    """A value as text: ``Ev { state = idle, refs = 1 }``, ``{Event#0}``, ``[1, 2]``, ``none``."""
    match value:
        case ScalarValue(t, v):
            return show_scalar(t, v)
        case StructValue(name, fields):
            return f"{name} {{ {', '.join(f'{n} = {show(v)}' for n, v in fields)} }}"
        case MapValue(pairs):
            return "{" + ", ".join(f"{_show_key(k)}: {show(v)}" for k, v in pairs) + "}"
        case SetValue(items):
            return "{" + ", ".join(_show_key(i) for i in items) + "}"
        case SeqValue(items):
            return "[" + ", ".join(show(i) for i in items) + "]"
        case NoneValue():
            return "none"


def named_values(system: System, state: State) -> Mapping[str, Value]:
    """Every declared variable with its value."""
    return {v.name: value_of(system, v, state) for v in system.variables}


def _show_key(key: tuple[ScalarValue, ...]) -> str:
    return show(key[0]) if len(key) == 1 else "(" + ", ".join(show(k) for k in key) + ")"


def _key(dims: tuple[Scalar, ...], index: tuple[int, ...]) -> tuple[ScalarValue, ...]:
    return tuple(ScalarValue(d, i) for d, i in zip(dims, index, strict=True))


def _shift(read: Callable[[int, tuple[int, ...]], int], by: int) -> Callable[[int, tuple[int, ...]], int]:
    return lambda leaf, index: read(leaf + by, index)


def _prefix(
    read: Callable[[int, tuple[int, ...]], int], by: int, head: tuple[int, ...]
) -> Callable[[int, tuple[int, ...]], int]:
    return lambda leaf, index: read(leaf + by, (*head, *index))
