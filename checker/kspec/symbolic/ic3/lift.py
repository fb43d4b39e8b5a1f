"""Lifting: from one state that leads to a target to all states that do so for the same reason.

The step is a function: with the inputs fixed, the state and the negated target contradict each other, and
the part of the state that this needs is the lifted cube.  This is the SAT-based form of lifting of Chockler,
Ivrii, Matsliah, Moran and Nevo, "Incremental formal verification of hardware", FMCAD 2011; ternary simulation
(Een, Mishchenko and Brayton, FMCAD 2011) serves the same end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kspec.symbolic.ic3.frames import Found
from kspec.symbolic.ic3.literals import Cube
from kspec.symbolic.ic3.problem import Problem
from kspec.symbolic.ic3.query import Query


@dataclass
class Lifting:
    """Lifts states; every state of a lifted cube (of its types, within the limits) does what the one does."""

    problem: Problem
    solver: str | None = None
    asked_before: int = 0
    _made: Query = field(init=False)

    def __post_init__(self) -> None:
        self._made = self._fresh()

    @property
    def asked(self) -> int:
        """The number of queries so far."""
        return self.asked_before + self._made.asked

    def into(self, found: Found, target: Cube) -> Cube:
        """The states from which the same inputs lead into the target cube."""
        p = self.problem
        return self._lift(found, [-p.moves, *(-p.then[n] for n in target)])

    def event(self, found: Found, wrong: Sequence[int]) -> Cube:
        """The states in which, with the same inputs, one of the events (SAT literals) happens."""
        q = self._query()
        q.need(wrong)
        return self._refuted(q, found, [-x for x in wrong])

    def _lift(self, found: Found, misses: Sequence[int]) -> Cube:
        q = self._query()
        switch = q.temporary(misses)
        cube = self._refuted(q, found, [switch])
        q.release(switch)
        return cube

    def _refuted(self, q: Query, found: Found, assumptions: Sequence[int]) -> Cube:
        p = self.problem
        here = {p.now[n]: n for n in sorted(p.literals.cube(found.state))}
        q.need(here)
        if q.holds([*assumptions, *found.inputs, *here]):
            raise AssertionError("a step that was found does not lead to its target")
        return frozenset(here[x] for x in q.core() if x in here)

    def _query(self) -> Query:
        if self._made.worn:
            self.asked_before += self._made.asked
            self._made = self._fresh()
        return self._made

    def _fresh(self) -> Query:
        q = Query(self.problem.formula, self.solver)
        q.require((self.problem.inside,))
        q.need(self.problem.inputs)
        return q
