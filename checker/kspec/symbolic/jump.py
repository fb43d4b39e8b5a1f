"""Bounded search with jumping bounds: whether something goes wrong within k steps, in one query.

Most of the time of a search level by level goes into showing that nothing happens at the levels before the
one where it does.  A query for all depths up to a bound spares that: a violation is found fast, by a run that
need not be shortest, and made shorter afterwards.  Queries have a budget of conflicts, so what comes out does
not depend on the speed of the machine.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kspec.engine.protocol import Finding
from kspec.symbolic.aig import FALSE, TRUE
from kspec.symbolic.bounded import Level, Search
from kspec.symbolic.cnf import Clauses
from kspec.symbolic.solver import PySat

SOLVER = "minisat22"
"""A solver that keeps a budget of conflicts, and is fast at queries with many solutions."""
FIRST = 8
"""The depth of the search by levels at which the first jump is made; then whenever it has doubled."""
REACH = (4, 3, 2)
"""How far jumps go, as multiples of the depth."""
CONFLICTS = 2500
"""The budget of a query, for each level that the search by levels is deep."""
SHORTENING = 3
"""Queries for shorter runs have so much less."""


def available() -> bool:
    """Whether a solver that keeps a budget is installed."""
    return importlib.util.find_spec("pysat") is not None


@dataclass(frozen=True)
class Hit:
    """The event ``name`` at a level, with the values of the inputs."""

    level: Level
    name: str
    model: Mapping[int, bool]


@dataclass(frozen=True)
class Outcome:
    """What a jump came to: a finding if there is one, shortest of those of its names or not (``shortest``);
    ``clear``: within so many steps nothing happens."""

    finding: Finding | None
    clear: int
    shortest: bool = False


@dataclass
class Jump:
    """Queries about all depths up to a bound, with the frames of a search by levels and a solver of its own."""

    search: Search
    names: Sequence[str]
    levels: list[Level] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._sat = PySat(SOLVER)
        self._clauses = Clauses(self.search.aig, self._sat)
        self._alive = TRUE
        self._excluded = 0
        self._events: list[int] = []
        """For every level, that one of the names happens there and nothing ended the run before."""

    def go(self, clear: int, limit: int) -> Outcome:
        """Looks ahead, when nothing happens within ``clear`` steps, no further than ``limit`` steps."""
        depth, conflicts = self.search.depth, CONFLICTS * self.search.depth
        for bound in dict.fromkeys(min(depth * reach, limit) for reach in REACH):
            if bound <= clear:
                continue
            hit = self.find(clear + 1, bound, conflicts)
            if hit is None:
                return Outcome(None, bound)
            if isinstance(hit, Hit):
                return self._shorter(hit, clear, conflicts)
        return Outcome(None, clear)

    def find(self, first: int, last: int, conflicts: int) -> Hit | bool | None:
        """Something that happens at level ``first`` to ``last``; None when there is nothing, False when the
        budget of conflicts did not suffice to say."""
        while len(self.levels) <= last:
            self._deepen()
        for level in range(self._excluded, first):
            self._clauses.require(self._events[level] ^ 1)
        self._excluded = max(self._excluded, first)
        some = self.search.aig.any(self._events[first : last + 1])
        if some == FALSE:
            return None
        answer = self._sat.solve_within([self._clauses.literal(some)] if some != TRUE else [], conflicts)
        if answer is None:
            return False
        if not answer:
            self._clauses.require(some ^ 1)
            return None
        return self._hit(self._clauses.inputs(), first)

    def _shorter(self, hit: Hit, clear: int, conflicts: int) -> Outcome:
        """Shorter and shorter runs, until there are none or the budget does not suffice to say.

        A run that is a quarter shorter is looked for first: that is often easier than one step less.
        """
        while hit.level.depth > clear + 1:
            last = hit.level.depth - 1
            for bound in dict.fromkeys((last - (last - clear) // 4, last)):
                found = self.find(clear + 1, bound, conflicts // SHORTENING)
                if isinstance(found, Hit):
                    hit = found
                    break
                if found is None:
                    clear = bound
            else:
                if clear < last:
                    return Outcome(self._finding(hit), clear)
        return Outcome(self._finding(hit), clear, shortest=True)

    def _finding(self, hit: Hit) -> Finding:
        return Finding(hit.name, self.search.run(hit.level, hit.name, hit.model))

    def _deepen(self) -> None:
        search, aig = self.search, self.search.aig
        level = search.level_at(len(self.levels))
        events = [level.event(aig, n) for n in self.names]
        self._events.append(aig.and_(self._alive, aig.any(events)))
        self._alive = aig.and_(self._alive, level.entered)
        self.levels.append(level)

    def _hit(self, model: Mapping[int, bool], first: int) -> Hit:
        """The first thing that happens in a model."""
        aig = self.search.aig
        truth = aig.evaluate(self._events[first:], model)
        level = self.levels[first + truth.index(True)]
        happens = aig.evaluate([level.event(aig, n) for n in self.names], model)
        return Hit(level, self.names[happens.index(True)], model)
