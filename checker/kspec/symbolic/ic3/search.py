"""One search of IC3: frame after frame until no event can happen, with counterexamples on the way.

(Bradley, "SAT-based model checking without unrolling", VMCAI 2011; Een, Mishchenko and Brayton, "Efficient
implementation of property directed reachability", FMCAD 2011.)  Several events are looked at together: what
keeps one from happening often keeps another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from kspec.engine.protocol import Finding
from kspec.symbolic.ic3.block import Blocker
from kspec.symbolic.ic3.counterexample import findings
from kspec.symbolic.ic3.frames import Frames
from kspec.symbolic.ic3.generalise import STANDARD, Effort, Generaliser
from kspec.symbolic.ic3.lift import Lifting
from kspec.symbolic.ic3.literals import Cube
from kspec.symbolic.ic3.problem import Problem
from kspec.symbolic.ic3.propagate import propagate, settle
from kspec.symbolic.ic3.query import Query
from kspec.symbolic.ic3.symmetry import Symmetry

FIRST_SETTLED = 4
SETTLED = 1.5
"""Clauses are looked through for what is inductive whenever the number of frames has grown by this factor."""


@dataclass(frozen=True)
class Happens:
    """Events that happen, each with a run to it."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Never:
    """Events that never happen: ``Ic3.always`` says why."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class NotWithin:
    """The open events do not happen within so many steps."""

    steps: int


News: TypeAlias = Happens | Never | NotWithin


@dataclass
class Ic3:
    """A search for events; ``open`` are those of which nothing is known yet.

    ``known``: names of events of states that are known never to happen.  ``always``: cubes, with all their
    images, that are known to be unreachable.
    """

    problem: Problem
    symmetry: Symmetry
    open: list[str]
    known: Sequence[str] = ()
    always: Sequence[Cube] = ()
    effort: Effort = STANDARD
    solver: str | None = None
    frames: Frames = field(init=False)

    def __post_init__(self) -> None:
        p = self.problem
        never = tuple(-p.broken[n] for n in self.known if n in p.broken)
        self.frames = Frames(p, self.symmetry, never, list(self.always), self.solver)
        self._lifting = Lifting(p, never, self.solver)
        generaliser = Generaliser(self.frames, self._lifting, self.effort)
        self._blocker = Blocker(self.frames, self._lifting, generaliser)

    @property
    def asked(self) -> int:
        """The number of queries so far."""
        return self.frames.asked + self._lifting.asked

    def run(self) -> Iterator[News]:
        """News as they come, until no event is open.  Raises SolverGaveUp."""
        frames, settle_at = self.frames, FIRST_SETTLED
        yield from self._never()
        while self.open:
            yield from self._happens()
            if not self.open:
                return
            yield NotWithin(frames.top)
            equal = frames.top > 0 and propagate(frames)
            if not equal and frames.top >= settle_at:
                settle_at = int(frames.top * SETTLED)
                settle(frames)
            yield from self._never()
            if equal and self.open:
                raise AssertionError(f"equal frames do not exclude {', '.join(self.open)}")
            frames.extend()

    def _happens(self) -> Iterator[Happens]:
        """Makes the open events impossible in the last frame; those that are possible are open no longer."""
        while self.open:
            counterexample = self._blocker.clear([self.problem.events[n] for n in self.open])
            if counterexample is None:
                return
            found = findings(self.problem, counterexample, self.open)
            if not found:
                raise AssertionError("a counterexample in which nothing happens")
            self.open = [n for n in self.open if all(f.property != n for f in found)]
            yield Happens(found)

    def _never(self) -> Iterator[Never]:
        """The open events that what is known excludes."""
        p = self.problem
        q = Query(p.step, self.solver)
        for x in (p.inside, *self.frames.known):
            q.require((x,))
        for cube in self.frames.always:
            q.require([-p.now[n] for n in cube])
        never: list[str] = []
        for name in self.open:
            event = p.events.get(name)
            if event is None or not q.holds((event,)):
                never.append(name)
        if never:
            self.open = [n for n in self.open if n not in never]
            yield Never(tuple(never))
