"""Guesses at invariants: what is true of all sampled states, about one, two or three scalars.

Of one scalar: it has none but the values that were seen.  Of two: where the first has a certain value, the
second has none but certain values; so equalities, orders, implications, and that of several flags at most one is
set, are among them.  Of three: the same where two have certain values.  Each is kept as the cube that it excludes,
which stands for its images under renaming of identities.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from kspec.symbolic.ic3.literals import Cube, Literals
from kspec.symbolic.ic3.symmetry import Symmetry
from kspec.system.model import State

MOST = 6000
"""Cubes that are guessed at most, images included."""
FEW_VALUES = 90
"""Guesses about three scalars are made if so many values of scalars were seen at most."""


@dataclass(frozen=True)
class Guess:
    """A cube that no sampled state is in, and its images."""

    images: tuple[Cube, ...]

    @property
    def cube(self) -> Cube:
        """The one that stands for all."""
        return self.images[0]


def guesses(states: Sequence[State], literals: Literals, symmetry: Symmetry) -> tuple[Guess, ...]:
    """What the states suggest, simplest first; no guess follows from a simpler one alone."""
    table = _Table(states, literals)
    out: list[Guess] = []
    known: set[Cube] = set()
    total = 0
    for cube in table.cubes():
        if cube in known:
            continue
        images = symmetry.images(cube)
        if any(table.hit(image) for image in images):
            continue  # only seen of other identities so far
        known.update(images)
        total += len(images)
        if total > MOST:
            break
        out.append(Guess(images))
    return tuple(out)


class _Table:
    """Which values occur together.  A set of values of scalars is a number with a bit for each of them."""

    def __init__(self, states: Sequence[State], literals: Literals) -> None:
        self.literals = literals
        self.places = [p for p, true in enumerate(literals.true) if len(true) > 1]
        self.base: dict[int, int] = {}
        free = 0
        for p in self.places:
            self.base[p] = free
            free += len(literals.true[p])
        self.rows = [self._row(s) for s in states]
        self.seen = 0
        for row in self.rows:
            self.seen |= row

    def cubes(self) -> Iterator[Cube]:
        """The cubes of guesses about one, two and three scalars."""
        for p in self.places:
            yield from self._beyond((), p, self._full(p))
        pairs: dict[tuple[int, int], int] = {}
        given = [(p, v) for p in self.places for v in self._values(p, self.seen)]
        for p, v in given:
            together = self._with(self._bit(p, v))
            pairs[p, v] = together
            for q in self.places:
                if q != p:
                    yield from self._beyond(((p, v),), q, self.seen, together)
        if len(given) > FEW_VALUES:
            return
        for (p, v), (q, w) in combinations(given, 2):
            both = self._bit(p, v) | self._bit(q, w)
            if p != q and pairs[p, v] & self._bit(q, w):
                together = self._with(both)
                for r in self.places:
                    if r not in (p, q):
                        yield from self._beyond(((p, v), (q, w)), r, pairs[p, v] & pairs[q, w], together)

    def hit(self, cube: Cube) -> bool:
        """Whether a sampled state is in a cube."""
        excluded = 0
        for n in cube:
            x = self.literals.table[n]
            excluded |= self._bit(x.position, x.value)
        return any(not row & excluded for row in self.rows)

    def _beyond(
        self, given: tuple[tuple[int, int], ...], p: int, possible: int, together: int | None = None
    ) -> Iterator[Cube]:
        """With the given values, the scalar has no value that is possible but does not occur together."""
        here = self._full(p) & (self.seen if together is None else together)
        if here != possible & self._full(p):
            cube = [n for q, v in given for n in self._literals(q, 1 << (self._at(q, v)))]
            yield frozenset((*cube, *self._literals(p, self._full(p) & ~here)))

    def _literals(self, p: int, values: int) -> list[int]:
        """That a scalar has one of some values: it has none of the others."""
        numbers = self.literals.at[p]
        return [n for i, n in enumerate(numbers) if not values >> (self.base[p] + i) & 1]

    def _with(self, bits: int) -> int:
        together = 0
        for row in self.rows:
            if row & bits == bits:
                together |= row
        return together

    def _row(self, state: State) -> int:
        row = 0
        for p in self.places:
            row |= self._bit(p, state[p])
        return row

    def _values(self, p: int, among: int) -> list[int]:
        lo = self.literals.ranges[p][0]
        return [lo + i for i in range(len(self.literals.true[p])) if among >> (self.base[p] + i) & 1]

    def _full(self, p: int) -> int:
        return ((1 << len(self.literals.true[p])) - 1) << self.base[p]

    def _at(self, p: int, value: int) -> int:
        return self.base[p] + value - self.literals.ranges[p][0]

    def _bit(self, p: int, value: int) -> int:
        return 1 << self._at(p, value)
