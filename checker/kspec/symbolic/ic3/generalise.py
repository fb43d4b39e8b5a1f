"""Generalisation: from a cube that cannot be reached to a larger one.

A minimal inductive subclause is approximated by leaving literals out, one after the other (Bradley and Manna,
"Checking safety by inductive generalization of counterexamples to induction", FMCAD 2007).  What stands in the
way of leaving one out is a state; where that state itself cannot be reached it is excluded too (counterexamples
to generalisation: Hassan, Bradley and Somenzi, "Better generalization in IC3", FMCAD 2013), otherwise the cube is
joined with it ("down").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from kspec.symbolic.ic3.frames import Found, Frames
from kspec.symbolic.ic3.lift import Lifting
from kspec.symbolic.ic3.literals import Cube


@dataclass(frozen=True)
class Effort:
    """How much is tried: how many counterexamples to generalisation in a row, how deeply nested, how many
    joins, and after how many failures in a row a cube is left as it is."""

    examples: int = 3
    depth: int = 1
    joins: int = 1 << 20
    failures: int = 1 << 20


@dataclass
class Generaliser:
    """Generalises cubes and adds them to the frames."""

    frames: Frames
    lifting: Lifting
    effort: Effort = Effort()
    activity: Counter[int] = field(default_factory=Counter)

    def exclude(self, cube: Cube, level: int, nesting: int = 0) -> int:
        """Excludes a cube into which no step leads from frame ``level - 1``, and more; returns the highest
        level at which that could be done, beyond which it is not pushed for now."""
        cube = self.minimal(cube, level, nesting)
        while level < self.frames.top:
            further = self.frames.unreached(cube, level)
            if further is None:
                break
            cube = further
            level += 1
        for n in cube:
            self.activity[n] += 1
        self.frames.add(cube, level)
        return level

    def minimal(self, cube: Cube, level: int, nesting: int) -> Cube:
        """The cube without literals that it can do without.  Rarely used literals go first, so that what is
        left has been useful before."""
        failures = 0
        needed: set[int] = set()
        for n in self._order(cube):
            if n not in cube:
                continue
            less = self._down(cube - {n}, level, nesting, frozenset(needed))
            if less is not None:
                cube = less
                failures = 0
                continue
            needed.add(n)
            failures += 1
            if failures >= self.effort.failures:
                break
        return cube

    def _order(self, cube: Cube) -> Iterable[int]:
        return sorted(cube, key=lambda n: (self.activity[n], n))

    def _down(self, cube: Cube, level: int, nesting: int, needed: Cube) -> Cube | None:
        """A cube within reach of ``cube`` that cannot be stepped into from frame ``level - 1``, or None."""
        examples = joins = 0
        frames = self.frames
        while True:
            if frames.initial_state(cube) is not None:
                return None
            if nesting >= self.effort.depth:
                return frames.unreached(cube, level - 1)
            found = frames.step_into(cube, level - 1)
            if not isinstance(found, Found):
                return found
            state = frames.problem.literals.cube(found.state)
            if examples < self.effort.examples and level > 1 and self._excluded(found, cube, level, nesting):
                examples += 1
                continue
            if joins >= self.effort.joins:
                return None
            joins += 1
            examples = 0
            if not needed <= state or not cube & state:
                return None
            cube = cube & state

    def _excluded(self, found: Found, cube: Cube, level: int, nesting: int) -> bool:
        """Excludes the state from which the cube can be stepped into, if it cannot be reached either."""
        frames = self.frames
        example = self.lifting.into(found, cube)
        if frames.initial_state(example) is not None:
            return False
        before = frames.unreached(example, level - 2)
        if before is None:
            return False
        self.exclude(before, level - 1, nesting + 1)
        return True
