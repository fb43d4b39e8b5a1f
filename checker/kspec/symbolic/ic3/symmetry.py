"""Symmetry: what holds of some identities holds of all others in their place.

Identities without an order can be renamed without changing which steps there are (Ip and Dill, "Better
verification through symmetry", 1996).  So a cube that cannot be reached within some steps stands for all its
images, and frames are kept closed under renaming.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kspec.symbolic.ic3.literals import Cube, Literals
from kspec.system.layout import Element, elements, offset
from kspec.system.model import System
from kspec.types import IdType, OptType, Scalar

MOST_IMAGES = 1000
"""Of so many images of a cube the frames hear; a clause in a certificate stands for all of them."""


@dataclass(frozen=True)
class Symmetry:
    """Renamings, given by some that generate them all, as permutations of literals."""

    generators: tuple[tuple[int, ...], ...] = ()

    def images(self, cube: Cube) -> tuple[Cube, ...]:
        """The cube and its images, each once: all of them, or the first ``MOST_IMAGES`` that turn up.

        Leaving some out loses strength, not soundness: an inductive set of cubes stays inductive when it is
        closed under renaming, as every image of it is inductive as well.
        """
        found = [cube]
        seen = {cube}
        for c in found:
            for g in self.generators:
                image = frozenset(g[n] for n in c)
                if image not in seen:
                    seen.add(image)
                    found.append(image)
            if len(found) >= MOST_IMAGES:
                break
        return tuple(found[:MOST_IMAGES])

    def representative(self, cube: Cube) -> Cube:
        """One of its images, the same for all of them; the cube itself where these are too many."""
        images = self.images(cube)
        return cube if len(images) == MOST_IMAGES else min(images, key=sorted)


def interchangeable(system: System) -> tuple[IdType, ...]:
    """The id types whose identities can be renamed."""
    found: dict[IdType, None] = {}
    for c in system.state_cells:
        for t in (*c.dims, c.type):
            base = identity(t)
            if base is not None and not base.ordered and base.size > 1:
                found[base] = None
    return tuple(found)


def identity(t: Scalar) -> IdType | None:
    """The id type of which a scalar type has values."""
    base = t.base if isinstance(t, OptType) else t
    return base if isinstance(base, IdType) else None


def symmetry(system: System, literals: Literals) -> Symmetry:
    """The renamings of a system's identities: neighbours are exchanged."""
    types = interchangeable(system)
    numbers = {(x.position, x.value, x.bit): n for n, x in enumerate(literals.table)}
    places = elements(system)

    def renamed(renaming: Mapping[IdType, Mapping[int, int]]) -> Iterator[int]:
        moved = [_position(system, e, renaming) for e in places]
        for x in literals.table:
            t = places[x.position].cell.type
            value = x.value if x.bit is not None else _value(t, x.value, renaming)
            yield numbers[moved[x.position], value, x.bit]

    pairs = ((t, i) for t in types for i in range(t.size - 1))
    return Symmetry(tuple(tuple(renamed({t: {i: i + 1, i + 1: i}})) for t, i in pairs))


def _value(t: Scalar, value: int, renaming: Mapping[IdType, Mapping[int, int]]) -> int:
    base = identity(t)
    return value if base is None else renaming.get(base, {}).get(value, value)


def _position(system: System, e: Element, renaming: Mapping[IdType, Mapping[int, int]]) -> int:
    index = tuple(_value(d, i, renaming) for d, i in zip(e.cell.dims, e.index, strict=True))
    return system.offsets[e.cell.name] + offset(e.cell, index)
