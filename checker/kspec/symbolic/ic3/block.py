"""Blocking: proof obligations, and the counterexample when one cannot be met.

An obligation says: this cube must not be reachable within so many steps, for from it an event can be
reached.  Obligations of the lowest level are met first; one that is met is taken up again a level higher, which
finds counterexamples longer than the number of frames (Een, Mishchenko and Brayton, FMCAD 2011, section IV).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from kspec.symbolic.ic3.frames import Found, Frames
from kspec.symbolic.ic3.generalise import Generaliser
from kspec.symbolic.ic3.lift import Lifting
from kspec.symbolic.ic3.literals import Cube
from kspec.system.model import State


@dataclass(frozen=True)
class Obligation:
    """``inputs`` lead from every state of ``cube`` into the cube of ``next``; to an event where that is None.

    ``length``: the number of steps to where the event happens.
    """

    cube: Cube
    inputs: tuple[int, ...]
    next: Obligation | None
    length: int = 0


@dataclass(frozen=True)
class Counterexample:
    """An initial state in the cube of the first of a chain of obligations."""

    start: State
    first: Obligation


@dataclass
class Blocker:
    """Excludes what leads to events."""

    frames: Frames
    lifting: Lifting
    generaliser: Generaliser
    _queue: list[tuple[int, int, int, Obligation]] = field(default_factory=list)
    _pushed: int = 0

    def clear(self, wrong: Sequence[int]) -> Counterexample | None:
        """Makes the events (SAT literals) impossible in the last frame, or says why they are possible."""
        level = self.frames.top
        while True:
            found = self.frames.event(wrong, level)
            if found is None:
                return None
            first = Obligation(self.lifting.event(found, wrong), found.inputs, None)
            counterexample = self._begin(first) or self._meet(first, level)
            if counterexample is not None:
                return counterexample

    def _meet(self, first: Obligation, level: int) -> Counterexample | None:
        """Meets an obligation and all that arise from it.  None of them has initial states."""
        frames = self.frames
        self._queue = []
        self._push(first, level)
        while self._queue:
            at, _, _, obligation = heapq.heappop(self._queue)
            if not frames.excludes(obligation.cube, at):
                result = frames.step_into(obligation.cube, at - 1)
                if isinstance(result, Found):
                    cube = self.lifting.into(result, obligation.cube)
                    before = Obligation(cube, result.inputs, obligation, obligation.length + 1)
                    if at == 1:
                        return Counterexample(result.state, before)
                    counterexample = self._begin(before)
                    if counterexample is not None:
                        return counterexample
                    self._push(before, at - 1)
                    self._push(obligation, at)
                    continue
                at = self.generaliser.exclude(result, at)
            if at < frames.top:
                self._push(obligation, at + 1)
        return None

    def _begin(self, obligation: Obligation) -> Counterexample | None:
        """A lifted cube may contain initial states."""
        start = self.frames.initial_state(obligation.cube)
        return None if start is None else Counterexample(start, obligation)

    def _push(self, obligation: Obligation, level: int) -> None:
        self._pushed += 1
        heapq.heappush(self._queue, (level, -obligation.length, self._pushed, obligation))
