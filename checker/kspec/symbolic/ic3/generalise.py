"""Generalisation: from a cube that cannot be reached to a larger one.

A minimal inductive subclause is approximated by leaving literals out, one after the other (Bradley and Manna,
"Checking safety by inductive generalization of counterexamples to induction", FMCAD 2007).  What stands in the
way of leaving one out is a state; where that state itself cannot be reached it is excluded too (counterexamples
to generalisation: Hassan, Bradley and Somenzi, "Better generalization in IC3", FMCAD 2013), else the cube may be
joined with it (there "down").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from kspec.symbolic.ic3.frames import Found, Frames
from kspec.symbolic.ic3.lift import Lifting
from kspec.symbolic.ic3.literals import Cube


@dataclass(frozen=True)
class Effort:
    """How much is tried: how many counterexamples to generalisation for one literal, how deeply nested, and
    how many joins; none of it before ``after`` queries.

    Measured on the models of this repository: with counterexamples hard systems take up to four times less
    time, easy ones up to four times as much, hence the delay; joins cost more than they save.
    """

    examples: int = 3
    depth: int = 1
    joins: int = 0
    after: int = 4000


STANDARD = Effort()


@dataclass
class Generaliser:
    """Generalises cubes and adds them to the frames."""

    frames: Frames
    lifting: Lifting
    effort: Effort
    activity: Counter[int] = field(default_factory=Counter)
    """How often a literal was in a cube that was excluded."""

    def exclude(self, cube: Cube, level: int, nesting: int = 0) -> int:
        """Excludes a cube into which no step leads from frame ``level - 1``, and more; returns the highest
        level at which that was possible for now."""
        cube = self.minimal(cube, level, nesting)
        while level < self.frames.top:
            further = self.frames.unreached(cube, level)
            if further is None:
                break
            cube = further
            level += 1
        self.activity.update(cube)
        self.frames.add(cube, level)
        return level

    def minimal(self, cube: Cube, level: int, nesting: int = 0) -> Cube:
        """The cube without literals that it can do without.

        First all literals of a scalar are left out at once.  Those seldom used go first, so that what is left
        has been useful before.
        """
        needed: set[int] = set()
        for group in self._groups(cube):
            if group <= cube:
                less = self._down(cube - group, level, nesting, frozenset(needed))
                if less is not None:
                    cube = less
                elif len(group) == 1:
                    needed |= group
        return cube

    def _groups(self, cube: Cube) -> Iterator[Cube]:
        table = self.frames.problem.literals.table
        scalars: dict[int, list[int]] = {}
        for n in sorted(cube):
            scalars.setdefault(table[n].position, []).append(n)
        several = [g for g in scalars.values() if len(g) > 1]
        for g in sorted(several, key=lambda g: sum(self.activity[n] for n in g) / len(g)):
            yield frozenset(g)
        for n in sorted(cube, key=lambda n: (self.activity[n], n)):
            yield frozenset((n,))

    def _down(self, cube: Cube, level: int, nesting: int, needed: Cube) -> Cube | None:
        """A part of ``cube`` that no step leads into from frame ``level - 1``, or None if none was found."""
        examples = joins = 0
        frames, effort = self.frames, self.effort
        while True:
            if frames.initial_state(cube) is not None:
                return None
            if nesting >= effort.depth or frames.asked < effort.after:
                return frames.unreached(cube, level - 1)
            found = frames.step_into(cube, level - 1)
            if not isinstance(found, Found):
                return found
            if examples < effort.examples and level > 1 and self._excluded(found, cube, level, nesting):
                examples += 1
                continue
            state = frames.problem.literals.cube(found.state)
            if joins >= effort.joins or not needed <= state:
                return None
            joins += 1
            examples = 0
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
