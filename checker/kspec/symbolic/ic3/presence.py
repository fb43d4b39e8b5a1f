"""Which scalars are items of sequences, so that clauses read no item beyond the end.

In the flat state every sequence has all its items; those beyond its length hold the default of their type
(``kspec.system.representation``).  In the language reading one of them is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kspec.system.expr import Cell
from kspec.system.layout import key_dims, leaves
from kspec.system.model import System
from kspec.types import MapType, OptType, SeqType, StructType, Type, is_scalar


@dataclass(frozen=True)
class Item:
    """The scalars of a cell are parts of items: index ``depth`` of them is the item's place in the sequence whose
    length is in the cell ``length``, at the indices before that."""

    length: Cell
    depth: int


def items(system: System) -> Mapping[str, tuple[Item, ...]]:
    """For every cell, by name, the sequences that its scalars are in, outer ones first."""
    out: dict[str, tuple[Item, ...]] = {}
    for v in system.variables:
        out.update((c.name, within) for c, within in _walk(v.type, v.cells, 0, ()))
    return out


def _walk(
    t: Type, cells: tuple[Cell, ...], depth: int, within: tuple[Item, ...]
) -> Iterator[tuple[Cell, tuple[Item, ...]]]:
    """The cells of a value of type ``t`` that has ``depth`` indices."""
    match t:
        case StructType(_, fields):
            at = 0
            for _, ft in fields:
                n = len(leaves(ft))
                yield from _walk(ft, cells[at : at + n], depth, within)
                at += n
        case MapType(key, value):
            yield from _walk(value, cells, depth + len(key_dims(key)), within)
        case SeqType(item):
            yield cells[0], within
            yield from _walk(item, cells[1:], depth + 1, (*within, Item(cells[0], depth)))
        case OptType(base) if not is_scalar(t):
            yield cells[0], within
            yield from _walk(base, cells[1:], depth, within)
        case _:
            yield from ((c, within) for c in cells)
