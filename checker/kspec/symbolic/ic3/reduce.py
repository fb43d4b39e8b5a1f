"""Reduction: from the clauses that IC3 has found to few and strong ones that still make a proof.

Clauses that others do not need are dropped, following the cores of the queries of the proof (Ivrii,
Gurfinkel and Belov, "Small inductive safe invariants", FMCAD 2014); then literals are dropped from those that are
left, and clauses that differ in one scalar only are joined, which for cubes of sets of values is exact.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kspec.symbolic.ic3.frames import Frames
from kspec.symbolic.ic3.literals import Cube
from kspec.symbolic.ic3.problem import Problem
from kspec.symbolic.ic3.query import Query
from kspec.symbolic.ic3.symmetry import Symmetry


@dataclass
class Reducer:
    """Reduces inductive sets of cubes; every cube stands for all its images.

    ``known``: SAT literals that hold in every reachable state.  ``wrong``: the events (SAT literals) that the
    invariant must exclude.  ``until``: when to stop (by the monotonic clock); what there is then is an
    invariant all the same.  ``frames`` know the initial states.
    """

    frames: Frames
    known: Sequence[int]
    wrong: Sequence[int]
    until: float
    _switches: dict[Cube, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        p = self.problem
        self._query = Query(p.step, self.frames.solver)
        for x in (p.inside, *self.known):
            self._query.require((x,))
        self._wrong = self._query.temporary(self.wrong)

    @property
    def problem(self) -> Problem:
        """The system."""
        return self.frames.problem

    @property
    def symmetry(self) -> Symmetry:
        """Its renamings."""
        return self.frames.symmetry

    def reduce(self, cubes: Iterable[Cube]) -> tuple[Cube, ...]:
        """A smaller set.  ``cubes`` are inductive together, and exclude the events."""
        left = self._closed(frozenset(cubes))
        assert left is not None
        left = self._fewer(left)
        left = self._stronger(left)
        left = self._fewer(left)
        return tuple(sorted(self._joined(left), key=sorted))

    def _fewer(self, cubes: frozenset[Cube]) -> frozenset[Cube]:
        """Without cubes that the proof can do without: long ones first."""
        for cube in sorted(cubes, key=lambda c: (-len(c), sorted(c))):
            if cube in cubes and not self._late():
                less = self._closed(cubes - {cube})
                cubes = cubes if less is None else less
        return cubes

    def _stronger(self, cubes: frozenset[Cube]) -> frozenset[Cube]:
        """Every cube larger, as far as the set stays inductive; what is then subsumed goes."""
        for cube in sorted(cubes, key=lambda c: (len(c), sorted(c))):
            if cube not in cubes:
                continue
            larger = self._larger(cube, cubes - {cube})
            images = self.symmetry.images(larger)
            cubes = frozenset(c for c in cubes if not any(i <= c for i in images)) | {larger}
        return cubes

    def _larger(self, cube: Cube, others: frozenset[Cube]) -> Cube:
        table = self.problem.literals.table
        scalars: dict[int, set[int]] = {}
        for n in sorted(cube):
            scalars.setdefault(table[n].position, set()).add(n)
        for group in (*(g for g in scalars.values() if len(g) > 1), *({n} for n in sorted(cube))):
            if group <= cube and not self._late():
                less = cube - group
                if self.frames.initial_state(less) is None and self._core(less, {*others, less}) is not None:
                    cube = less
        return cube

    def _joined(self, cubes: frozenset[Cube]) -> list[Cube]:
        """Cubes that differ in the values of one scalar of few values become one."""
        todo, done = sorted(cubes, key=sorted), list[Cube]()
        while todo:
            cube = todo.pop()
            for other in done:
                images = self.symmetry.images(other)
                both = next((u for b in images if (u := self._union(cube, b)) is not None), None)
                if both is not None:
                    done.remove(other)
                    todo.append(both)
                    break
            else:
                done.append(cube)
        return done

    def _union(self, a: Cube, b: Cube) -> Cube | None:
        """The union of two cubes where that is a cube: they differ in one scalar (of few values) at most."""
        lits = self.problem.literals
        apart = {lits.table[n].position for n in a ^ b}
        if len(apart) > 1 or any(not lits.true[p] for p in apart):
            return None
        return a & b

    def _closed(self, cubes: frozenset[Cube]) -> frozenset[Cube] | None:
        """A part of the cubes that is inductive and excludes the events, if there is one."""
        needed = self._core(None, cubes)
        if needed is None:
            return None
        todo = sorted(needed, key=sorted)
        while todo:
            cube = todo.pop()
            core = self._core(cube, needed)
            if core is None:
                core = self._core(cube, cubes)
            if core is None:
                return None
            todo += sorted(core - needed, key=sorted)
            needed |= core
        return needed

    def _core(self, cube: Cube | None, cubes: Iterable[Cube]) -> frozenset[Cube] | None:
        """Some of the cubes that keep steps from leading into ``cube`` (None: the events from happening)."""
        p, q = self.problem, self._query
        switches = {self._switch(c): c for c in sorted(cubes, key=sorted)}
        goal: list[int] = [self._wrong]
        if cube is not None:
            goal = [p.moves, *(p.then[n] for n in sorted(cube))]
        if q.holds([*switches, *goal]):
            return None
        return frozenset(switches[x] for x in q.core() if x in switches)

    def _switch(self, cube: Cube) -> int:
        """What is assumed so that the cube and its images are excluded."""
        if cube not in self._switches:
            switch = self._switches[cube] = self._query.variable()
            for image in self.symmetry.images(cube):
                self._query.require((-switch, *(-self.problem.now[n] for n in image)))
        return self._switches[cube]

    def _late(self) -> bool:
        return time.monotonic() > self.until
