"""Symmetry: what holds of some identities holds of all others in their place.

Identities without an order can be renamed without changing which steps there are (Ip and Dill, "Better
verification through symmetry", 1996).  So a cube that cannot be reached within some steps stands for all its
images, and frames are kept closed under renaming.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from math import factorial, prod

from kspec.symbolic.ic3.literals import Cube, Literals
from kspec.system.layout import Element, elements, offset
from kspec.system.model import System
from kspec.types import IdType, OptType, Scalar

MOST_RENAMINGS = 120
"""Systems with more renamings than that are treated as if they had none."""


@dataclass(frozen=True)
class Symmetry:
    """Renamings as permutations of literals, the identity left out."""

    renamings: tuple[tuple[int, ...], ...] = ()

    def images(self, cube: Cube) -> tuple[Cube, ...]:
        """The cube and all its images, each once."""
        found = {cube: None}
        for r in self.renamings:
            found[frozenset(r[n] for n in cube)] = None
        return tuple(found)


def interchangeable(system: System) -> tuple[IdType, ...]:
    """The id types whose identities can be renamed."""
    found: dict[IdType, None] = {}
    for c in system.state_cells:
        for t in (*c.dims, c.type):
            base = t.base if isinstance(t, OptType) else t
            if isinstance(base, IdType) and not base.ordered and base.size > 1:
                found[base] = None
    return tuple(found)


def symmetry(system: System, literals: Literals) -> Symmetry:
    """The renamings of a system's identities."""
    types = interchangeable(system)
    if prod(factorial(t.size) for t in types) > MOST_RENAMINGS:
        return Symmetry()
    numbers = {(x.position, x.value, x.bit): n for n, x in enumerate(literals.table)}
    places = elements(system)

    def renamed(renaming: dict[IdType, tuple[int, ...]]) -> Iterator[int]:
        moved = [_position(system, e, renaming) for e in places]
        for x in literals.table:
            t = places[x.position].cell.type
            value = x.value if x.bit is not None else _value(t, x.value, renaming)
            yield numbers[moved[x.position], value, x.bit]

    choices = product(*(permutations(range(t.size)) for t in types))
    next(choices)
    return Symmetry(tuple(tuple(renamed(dict(zip(types, c, strict=True)))) for c in choices))


def _value(t: Scalar, value: int, renaming: dict[IdType, tuple[int, ...]]) -> int:
    base = t.base if isinstance(t, OptType) else t
    if isinstance(base, IdType) and base in renaming and 0 <= value < base.size:
        return renaming[base][value]
    return value


def _position(system: System, e: Element, renaming: dict[IdType, tuple[int, ...]]) -> int:
    index: Sequence[int] = [_value(d, i, renaming) for d, i in zip(e.cell.dims, e.index, strict=True)]
    return system.offsets[e.cell.name] + offset(e.cell, tuple(index))
