"""Relations between scalars: cubes that together say that two scalars differ, or are in some order.

Cubes can only compare scalars with constants, so a simple relation takes several of them.  Where some cubes
are equal but for two scalars of one type, and their union there is a comparison, they are shown as one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from kspec.symbolic.ic3.literals import Cube, Literals
from kspec.symbolic.ic3.symmetry import Symmetry
from kspec.system.expr import BinaryOp
from kspec.types import IdType, OptType, Scalar

_COMPARISONS: Mapping[BinaryOp, Callable[[int, int], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Relation:
    """The scalars at two positions compare like that."""

    op: BinaryOp
    left: int
    right: int


@dataclass(frozen=True)
class Group:
    """A cube, and a relation between two scalars that the cube says nothing about."""

    cube: Cube
    relation: Relation | None = None


def grouped(
    cubes: Iterable[Cube], literals: Literals, types: Sequence[Scalar], symmetry: Symmetry
) -> tuple[Group, ...]:
    """The cubes as groups; ``types`` has the type of every scalar.  Each stands for its images too."""
    left = list(cubes)
    out: list[Group] = []
    while left:
        cube = left[0]
        group, used = _largest(cube, left, literals, types, symmetry)
        out.append(group)
        left = [c for c in left if c not in used]
    return tuple(out)


def _largest(
    cube: Cube, others: Sequence[Cube], literals: Literals, types: Sequence[Scalar], symmetry: Symmetry
) -> tuple[Group, set[Cube]]:
    for p, q in combinations(literals.positions(cube), 2):
        if types[p] != types[q] or not literals.true[p]:
            continue
        rest = frozenset(n for n in cube if literals.table[n].position not in (p, q))
        pairs: set[tuple[int, int]] = set()
        used: set[Cube] = set()
        for other in others:
            for image in symmetry.images(other):
                if rest <= image and all(literals.table[n].position in (p, q) for n in image - rest):
                    pairs.update(product(literals.allowed(image, p), literals.allowed(image, q)))
                    used.add(other)
        op = _comparison(pairs, literals.ranges[p], ordered=_ordered(types[p])) if len(used) > 1 else None
        if op is not None:
            return Group(rest, Relation(op, p, q)), used
    return Group(cube), {cube}


def _comparison(pairs: set[tuple[int, int]], bounds: tuple[int, int], ordered: bool) -> BinaryOp | None:
    values = range(bounds[0], bounds[1] + 1)
    for op, compare in _COMPARISONS.items():
        if (ordered or op in ("eq", "ne")) and pairs == {(a, b) for a in values for b in values if compare(a, b)}:
            return op
    return None


def _ordered(t: Scalar) -> bool:
    """Whether the language compares values of a type with ``<``."""
    return not isinstance(t, IdType | OptType) or (isinstance(t, IdType) and t.ordered)
