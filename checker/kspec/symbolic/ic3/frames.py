"""Frames: what is known about the states that can be reached in so many steps.

Frame 0 is the initial states; frame i > 0 is a conjunction of clauses that every state reachable in at
most i steps satisfies.  Clauses are kept by the highest frame they hold in ("delta encoding"; Een, Mishchenko
and Brayton, "Efficient implementation of property directed reachability", FMCAD 2011, section III): frame i
is all clauses of levels i and above.  A clause is kept as the cube that it excludes.

Every frame has a solver of its own with the step from it; frames and steps are never unrolled (Bradley,
"SAT-based model checking without unrolling", VMCAI 2011).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kspec.symbolic.ic3.literals import Cube
from kspec.symbolic.ic3.problem import Problem
from kspec.symbolic.ic3.query import Query
from kspec.symbolic.ic3.symmetry import Symmetry
from kspec.system.model import State


@dataclass(frozen=True)
class Found:
    """A state of a frame, and the inputs (SAT literals) of the step from it."""

    state: State
    inputs: tuple[int, ...]


@dataclass
class Frames:
    """The frames of one search.

    What holds in every reachable state: ``known`` (SAT literals about the state), and ``always`` (excluded
    cubes, with all their images).
    """

    problem: Problem
    symmetry: Symmetry
    known: Sequence[int] = ()
    always: list[Cube] = field(default_factory=list)
    solver: str | None = None

    def __post_init__(self) -> None:
        self.levels: list[dict[Cube, tuple[Cube, ...]]] = []
        """For every level its cubes, each with its images."""
        self.restarts = 0
        self._queries: list[Query] = []
        self._asked = 0
        self._never = self._never_initial()
        self._last = Found((), ())
        self._initial = Query(self.problem.init, self.solver)
        self._begin(self._initial)
        self.extend()

    @property
    def top(self) -> int:
        """The number of the last frame."""
        return len(self.levels) - 1

    @property
    def asked(self) -> int:
        """The number of queries so far."""
        return self._asked + self._initial.asked + sum(q.asked for q in self._queries)

    def extend(self) -> None:
        """One more frame, about which nothing is known yet."""
        self.levels.append({})
        self._queries.append(self._fresh(self.top))

    def add(self, cube: Cube, level: int) -> None:
        """The cube and its images are excluded up to a level; what they subsume there is dropped."""
        images = self.symmetry.images(cube)
        for i in range(1, level + 1):
            covered = [c for c in self.levels[i] if any(image <= c for image in images)]
            for c in covered:
                del self.levels[i][c]
        self.levels[level][cube] = images
        self._require(images, level)

    def settle(self, cubes: Iterable[Cube]) -> None:
        """Clauses of the frames that are inductive by themselves hold in every reachable state."""
        for cube in cubes:
            for level in self.levels:
                level.pop(cube, None)
            images = self.symmetry.images(cube)
            self.always += images
            self._require(images, self.top)

    def clauses(self, level: int) -> Iterable[Cube]:
        """The cubes that frame ``level`` excludes."""
        yield from self.always
        for i in range(level, len(self.levels)):
            for images in self.levels[i].values():
                yield from images

    def excludes(self, cube: Cube, level: int) -> bool:
        """Whether one clause of the frame excludes the cube."""
        return any(c <= cube for c in self.clauses(level))

    def initial_state(self, cube: Cube) -> State | None:
        """An initial state in the cube."""
        if not cube.isdisjoint(self._never):
            return None
        p, q = self.problem, self._initial
        assumptions = [p.now[n] for n in sorted(cube)]
        return p.read(q.value) if q.holds(assumptions) else None

    def unreached(self, cube: Cube, level: int) -> Cube | None:
        """A part of the cube into which no step leads from a state of frame ``level`` outside it (Bradley's
        consecution relative to the frame), and without initial states; or None if there is such a step.

        The cube has no initial states.
        """
        return self._consecution(cube, level, show=False)

    def step_into(self, cube: Cube, level: int) -> Found | Cube:
        """The same, or such a step."""
        part = self._consecution(cube, level, show=True)
        return self._last if part is None else part

    def event(self, wrong: Sequence[int], level: int) -> Found | None:
        """A state of the frame, and inputs, in which one of the events (SAT literals) happens."""
        q = self._query(level)
        switch = q.temporary(wrong)
        found = self._found(q) if q.holds((switch,)) else None
        q.release(switch)
        return found

    def _consecution(self, cube: Cube, level: int, show: bool) -> Cube | None:
        p, q = self.problem, self._query(level)
        there = {p.then[n]: n for n in sorted(cube)}
        assumptions = [p.moves, *there]
        switch = 0
        if level > 0:
            switch = q.temporary([-p.now[n] for n in cube])
            assumptions.insert(0, switch)
        part: Cube | None = None
        if not q.holds(assumptions):
            part = self._apart(frozenset(there[x] for x in q.core() if x in there), cube)
        elif show:
            self._last = self._found(q)
        if switch:
            q.release(switch)
        return part

    def _apart(self, part: Cube, whole: Cube) -> Cube:
        """A cube between ``part`` and ``whole`` that has no initial state; ``whole`` has none."""
        if not part.isdisjoint(self._never):
            return part
        outside = whole & self._never
        if outside:
            return part | {min(outside)}
        if self.initial_state(part) is None:
            return part
        p, q = self.problem, self._initial
        assumptions = {p.now[n]: n for n in sorted(whole)}
        q.holds(list(assumptions))
        return part | {assumptions[x] for x in q.core() if x in assumptions}

    def _found(self, q: Query) -> Found:
        p = self.problem
        return Found(p.read(q.value), tuple(x if q.value(x) else -x for x in p.inputs))

    def _require(self, cubes: Iterable[Cube], level: int) -> None:
        for cube in cubes:
            clause = [-self.problem.now[n] for n in cube]
            for i in range(1, level + 1):
                self._queries[i].require(clause)

    def _query(self, level: int) -> Query:
        """The solver of a frame; it is made anew when too much has piled up in it (Een et al., section VII)."""
        q = self._queries[level]
        if q.worn:
            self._asked += q.asked
            self.restarts += 1
            q = self._queries[level] = self._fresh(level)
        return q

    def _fresh(self, level: int) -> Query:
        p = self.problem
        q = Query(p.step, self.solver)
        q.require((p.inside,))
        for x in self.known:
            q.require((x,))
        if level == 0:
            q.include(p.init)
            self._begin(q)
        else:
            for cube in self.clauses(level):
                q.require([-p.now[n] for n in cube])
        return q

    def _begin(self, q: Query) -> None:
        """The state is initial."""
        p = self.problem
        q.require((p.starts,))
        for bits, made in zip(p.state, p.start, strict=True):
            for x, y in zip(bits, made, strict=True):
                q.require((-x, y))
                q.require((x, -y))

    def _never_initial(self) -> Cube:
        """Literals that are false in every initial state because a scalar is a constant there."""
        known = self.problem.literals
        out: set[int] = set()
        for p, v in enumerate(self.problem.template.start):
            value = v.constant
            if value is not None:
                lo = known.ranges[p][0]
                out |= {n for n in known.at[p] if not known.table[n].allows(value, lo)}
        return frozenset(out)
