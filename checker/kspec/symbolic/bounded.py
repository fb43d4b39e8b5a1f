"""Bounded search: what can go wrong within k steps, level by level (Biere, Cimatti, Clarke and Zhu,
"Symbolic Model Checking without BDDs", TACAS 1999).

One solver grows with the depth.  At every level one query asks for any of the conditions that have not
been met yet; runs are read from its models until none is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kspec.engine.protocol import Finding, Run
from kspec.symbolic.aig import FALSE, TRUE, Aig
from kspec.symbolic.cnf import Clauses
from kspec.symbolic.encode import Template
from kspec.symbolic.solver import Sat
from kspec.symbolic.unroll import Frame, Unrolling, initial, read_run


class SolverGaveUp(Exception):
    """The solver answered neither yes nor no."""


@dataclass
class Level:
    """One level of a search: ``events`` are the conditions, by name, that come true at this depth.

    ``completed``: an event of the state after the last step (else the last step fails in it).
    """

    depth: int
    entered: int
    completed: Mapping[str, int]
    failed: Mapping[str, int]

    def event(self, aig: Aig, name: str) -> int:
        """Where the event of that name happens at this level."""
        return aig.or_(self.completed.get(name, FALSE), self.failed.get(name, FALSE))


@dataclass
class Search:
    """All runs, level after level: from the initial states, or (``anywhere``) from every state of the types
    within the limits."""

    template: Template
    sat: Sat
    anywhere: bool = False
    aig: Aig = field(default_factory=Aig)

    def __post_init__(self) -> None:
        self.clauses = Clauses(self.aig, self.sat)
        self._start: dict[int, int] = {}
        literals: Sequence[int] | None = None
        if not self.anywhere:
            self._start, literals = initial(self.template, self.aig)
        self.unrolling = Unrolling(self.template, literals, self.aig)
        self.entered: list[int] = []
        """For every level left behind, that a run enters its state."""
        self.depth = 0

    @property
    def frames(self) -> Sequence[Frame]:
        """The frames so far: one more than the current depth, at least."""
        return self.unrolling.frames

    def level(self) -> Level:
        """The conditions of the current depth."""
        return self.level_at(self.depth)

    def level_at(self, depth: int) -> Level:
        """The conditions of any depth."""
        while len(self.frames) <= depth:
            self.unrolling.extend()
        t, frame = self.template, self.frames[depth]
        inside = frame.literal(t.within)
        steps: Mapping[str, int] = {}
        failed: Mapping[str, int] = {}
        if depth == 0 and self.anywhere:
            entered = self.aig.and_(frame.literal(t.typed), inside)
        elif depth == 0:
            entered = self.aig.and_(self._of_start(t.starts), inside)
            failed = {n: self._of_start(c) for n, c in t.start_raised.items()}
        else:
            before = self.frames[depth - 1]
            entered = self.aig.and_(before.literal(t.completes), inside)
            steps = {n: before.literal(c) for n, c in t.broken_step.items()}
            failed = {n: before.literal(c) for n, c in t.raised.items()}
        completed: dict[str, int] = {}
        for name, cond in (*t.broken.items(), *t.reached.items()):
            completed[name] = self.aig.and_(entered, frame.literal(cond))
        for name, cond in steps.items():
            both = self.aig.or_(completed.get(name, FALSE), self.aig.and_(entered, cond))
            completed[name] = both
        return Level(depth, entered, completed, failed)

    def sweep(self, level: Level, names: Sequence[str]) -> Iterator[Finding]:
        """Every event of ``names`` that happens at the level, each with a run; raises SolverGaveUp.

        Afterwards the events that did not happen are excluded for good.
        """
        pending = {n: level.event(self.aig, n) for n in names}
        pending = {n: a for n, a in pending.items() if a != FALSE}
        while pending:
            some = self.aig.any(pending.values())
            if some == FALSE:
                return
            model = self.solve((some,))
            if model is None:
                self.clauses.require(some ^ 1)
                return
            truth = self.aig.evaluate(list(pending.values()), model)
            for name in [n for n, true in zip(pending, truth, strict=True) if true]:
                del pending[name]
                yield Finding(name, self.run(level, name, model))

    def advance(self, level: Level) -> None:
        """Runs that end here are left behind; the search goes on with those that enter a state."""
        self.clauses.require(level.entered)
        self.entered.append(level.entered)
        self.depth += 1
        if len(self.frames) <= self.depth:
            self.unrolling.extend()

    def solve(self, conditions: Sequence[int]) -> Mapping[int, bool] | None:
        """The values of the inputs in a model of the conditions; None when there is none.

        Raises SolverGaveUp.
        """
        if FALSE in conditions:
            return None
        answer = self.sat.solve([self.clauses.literal(a) for a in conditions if a != TRUE])
        if answer is None:
            raise SolverGaveUp(f"the solver gave up at depth {self.depth}")
        return self.clauses.inputs() if answer else None

    def run(self, level: Level, name: str, model: Mapping[int, bool]) -> Run:
        """The run of a model in which the event ``name`` happens at the level."""
        fails = self.aig.evaluate([level.failed.get(name, FALSE)], model)[0]
        if fails and level.depth == 0:
            return Run(None)
        return read_run(self.frames, model, level.depth, fails)

    def _of_start(self, a: int) -> int:
        return self._start[a >> 1] ^ (a & 1)
