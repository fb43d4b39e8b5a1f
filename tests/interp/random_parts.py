"""What random systems are drawn from: picks, fresh names, and the scalar types of one system."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kspec.system.expr import Var
from kspec.types import BOOL, EnumType, IdType, OptType, RangeType, Scalar

T = TypeVar("T")


@dataclass(frozen=True)
class Pick:
    """Draws ``0..n-1``; 0 is the simplest, so that shrinking leads to small systems."""

    draw: Callable[[int], int]

    def __call__(self, n: int) -> int:
        return self.draw(n) if n > 1 else 0

    def of(self, items: Sequence[T]) -> T:
        return items[self(len(items))]

    def chance(self, n: int) -> bool:
        """True once in n times; shrinks to False."""
        return self(n) == n - 1


@dataclass
class Names:
    """Fresh names of bound variables."""

    count: int = 0

    def var(self, t: Scalar) -> Var:
        self.count += 1
        return Var(f"x{self.count}", t.lo, t.hi, t)


@dataclass(frozen=True)
class Types:
    """The scalar types of one system, by what they may be used for.

    An identity that is not ordered is stored only as an optional (there is no symmetric start value).
    """

    ranges: tuple[RangeType, ...]
    enum: EnumType
    ids: tuple[IdType, ...]

    @property
    def keys(self) -> tuple[Scalar, ...]:
        """What cells are indexed with."""
        return (*self.ids, *self.ranges[:2], self.enum, BOOL)

    @property
    def loops(self) -> tuple[Scalar, ...]:
        """What loops run over (their order shows, so no scalarset)."""
        return (*self.ranges, self.enum, *(t for t in self.ids if t.ordered))

    @property
    def storable(self) -> tuple[Scalar, ...]:
        """What cells hold."""
        opts = (OptType(self.ids[0]), OptType(self.ranges[0]), OptType(self.enum))
        return (BOOL, *self.ranges, self.enum, *opts, *(t for t in self.ids if t.ordered))

    @property
    def params(self) -> tuple[Scalar, ...]:
        """What parameters, choices and quantifiers range over."""
        return (BOOL, *self.ids, *self.ranges[:2], self.enum, OptType(self.ids[0]))


def draw_types(p: Pick) -> Types:
    """The types of one system: two or three ranges, an enum, a scalarset, perhaps an ordered id."""
    ranges = (
        RangeType(0, 1 + p(3)),
        RangeType(*((0, 2), (-1, 1), (1, 4), (0, 5), (3, 3))[p(5)]),
        RangeType(*((0, 7), (-8, 7), (0, 1), (-3, -1))[p(4)]),
    )
    ids: tuple[IdType, ...] = (IdType("Task", 1 + p(3)),)
    if p.chance(3):
        ids = (*ids, IdType("Cpu", 2, ordered=True))
    return Types(ranges, EnumType("E", ("a", "b", "c")[: 2 + p(2)]), ids)
