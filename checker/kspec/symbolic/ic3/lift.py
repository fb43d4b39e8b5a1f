"""Lifting: from one state that leads to a target to all states that do so for the same reason.

The step is a function: with the inputs fixed, the state and the negated target contradict each other, and
the part of the state that this needs is the lifted cube.  This is the SAT-based form of lifting of Chockler,
Ivrii, Matsliah, Moran and Nevo, "Incremental formal verification of hardware", FMCAD 2011; ternary simulation
(Een, Mishchenko and Brayton, FMCAD 2011, section V) serves the same end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kspec.symbolic.ic3.frames import Found
from kspec.symbolic.ic3.literals import Cube
from kspec.symbolic.ic3.problem import Problem
from kspec.symbolic.ic3.query import Query


class LiftingError(AssertionError):
    """A step that was found does not lead to its target: the encoding contradicts itself."""


@dataclass
class Lifting:
    """Lifts states.  Of a lifted cube every state that is of its types, within the limits and as ``known``
    (SAT literals that hold in every reachable state) does what the one state does."""

    problem: Problem
    known: Sequence[int] = ()
    solver: str | None = None
    _asked: int = 0
    _made: Query = field(init=False)

    def __post_init__(self) -> None:
        self._made = self._fresh()

    @property
    def asked(self) -> int:
        """The number of queries so far."""
        return self._asked + self._made.asked

    def into(self, found: Found, target: Cube) -> Cube:
        """The states from which the same inputs lead into the target cube, within the limits."""
        p, q = self.problem, self._query()
        switch = q.temporary([-p.moves, *(-p.then[n] for n in target)])
        cube = self._needed(q, found, [switch])
        q.release(switch)
        return cube

    def event(self, found: Found, wrong: Sequence[int]) -> Cube:
        """The states in which, with the same inputs, one of the events (SAT literals) happens."""
        q = self._query()
        return self._needed(q, found, [-x for x in wrong])

    def _needed(self, q: Query, found: Found, misses: Sequence[int]) -> Cube:
        """What of the state contradicts that the target is missed."""
        p = self.problem
        here = {p.now[n]: n for n in sorted(p.literals.cube(found.state))}
        if q.holds([*misses, *found.inputs, *here]):
            raise LiftingError(f"a step from {found.state} does not do what it was found for")
        return frozenset(here[x] for x in q.core() if x in here)

    def _query(self) -> Query:
        if self._made.worn:
            self._asked += self._made.asked
            self._made = self._fresh()
        return self._made

    def _fresh(self) -> Query:
        p = self.problem
        q = Query(p.step, self.solver)
        for x in (p.inside, *self.known):
            q.require((x,))
        return q
