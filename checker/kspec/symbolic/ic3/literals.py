"""The literals of cubes: what is said about one scalar of a state.

A literal names one scalar and a set of values that it allows.  A scalar with few values has one literal
"is not v" for each of its values, so that cubes are exactly the products of sets of values (Dureja, Gurfinkel,
Ivrii and Vizel, "IC3 with Internal Signals", FMCAD 2021, argue for more than bits in lemmas; here it also
makes them readable).  A scalar with many values has two literals for each of its bits.

Literals are numbered; a cube is a set of numbers and means their conjunction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kspec.symbolic.bits import Arithmetic, Bits
from kspec.system.model import State

Cube: TypeAlias = frozenset[int]

FEW = 16
"""Scalars with at most so many values have a literal for each."""
FEW_NUMBERS = 4
"""The same for numbers."""


@dataclass(frozen=True)
class Literal:
    """About the scalar at ``position``: it is not ``value``; or, where ``bit`` is set, that bit of its
    distance from the lower end of its type is not that of ``value``."""

    position: int
    value: int
    bit: int | None = None

    def allows(self, value: int, lo: int) -> bool:
        """Whether the scalar may have a value (of a type that begins at ``lo``)."""
        if self.bit is None:
            return value != self.value
        return (value - lo) >> self.bit & 1 != self.value


@dataclass(frozen=True)
class Literals:
    """All literals of a state of scalars with the intervals ``ranges``."""

    ranges: tuple[tuple[int, int], ...]
    table: tuple[Literal, ...]
    at: tuple[tuple[int, ...], ...]
    """For every position its literals."""
    true: tuple[tuple[Cube, ...], ...]
    """For every position of few values, for every value, the literals that are true then."""

    def cube(self, state: State) -> Cube:
        """All literals that are true in a state."""
        out: list[int] = []
        for p, value in enumerate(state):
            lo = self.ranges[p][0]
            if self.true[p]:
                out += self.true[p][value - lo]
            else:
                out += (n for n in self.at[p] if self.table[n].allows(value, lo))
        return frozenset(out)

    def circuit(self, n: int, scalars: Sequence[Bits], math: Arithmetic) -> int:
        """Where a literal is true of symbolic scalars."""
        x = self.table[n]
        v = scalars[x.position]
        if x.bit is None:
            return math.equal_to(v, x.value) ^ 1
        return v.literals[x.bit] ^ x.value

    def allowed(self, cube: Iterable[int], position: int) -> frozenset[int]:
        """The values that a cube allows a scalar (of few or, then slowly, of many values)."""
        lo, hi = self.ranges[position]
        mine = [self.table[n] for n in cube if self.table[n].position == position]
        return frozenset(v for v in range(lo, hi + 1) if all(x.allows(v, lo) for x in mine))

    def positions(self, cube: Iterable[int]) -> tuple[int, ...]:
        """The scalars that a cube is about."""
        return tuple(sorted({self.table[n].position for n in cube}))


def literals(ranges: Sequence[tuple[int, int]], few: Sequence[int] | None = None) -> Literals:
    """The literals of scalars with those intervals; ``few``: up to how many values each is looked at by value."""
    most = [FEW] * len(ranges) if few is None else few
    table: list[Literal] = []
    at: list[tuple[int, ...]] = []
    true: list[tuple[Cube, ...]] = []
    for p, (lo, hi) in enumerate(ranges):
        first = len(table)
        values = range(lo, hi + 1)
        if hi - lo < most[p]:
            table += (Literal(p, v) for v in values if hi > lo)
        else:
            table += (Literal(p, v, b) for b in range((hi - lo).bit_length()) for v in (0, 1))
        mine = tuple(range(first, len(table)))
        at.append(mine)
        if hi - lo < most[p]:
            true.append(tuple(frozenset(n for n in mine if table[n].value != v) for v in values))
        else:
            true.append(())
    return Literals(tuple(ranges), tuple(table), tuple(at), tuple(true))
