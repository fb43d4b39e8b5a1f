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
    """``cube`` leads, with ``inputs``, to the cube of ``next``; to an event where that is None."""

    cube: Cube
    inputs: tuple[int, ...]
    next: Obligation | None
    length: int = 0


@dataclass(frozen=True)
class Counterexample:
    """An initial state and the chain of obligations that it is in."""

    start: State
    chain: Obligation


@dataclass
class Blocker:
    """Excludes what leads to events."""

    frames: Frames
    lifting: Lifting
    generaliser: Generaliser
    met: int = 0
    _pushed: int = 0
    _queue: list[tuple[int, int, int, Obligation]] = field(default_factory=list)

    def clear(self, wrong: Sequence[int]) -> Counterexample | None:
        """Makes the events (SAT literals) impossible in the last frame, or says why they are possible."""
        level = self.frames.top
        while True:
            found = self.frames.event(wrong, level)
            if found is None:
                return None
            cube = self.lifting.event(found, wrong)
            counterexample = self._meet(Obligation(cube, found.inputs, None), level)
            if counterexample is not None:
                return counterexample

    def _meet(self, first: Obligation, level: int) -> Counterexample | None:
        self._queue = []
        start = self._begin(first)
        if start is not None:
            return start
        self._push(first, level)
        while self._queue:
            at, _, _, obligation = heapq.heappop(self._queue)
            if not self.frames.excludes(obligation.cube, at):
                result = self.frames.step_into(obligation.cube, at - 1)
                if isinstance(result, Found):
                    cube = self.lifting.into(result, obligation.cube)
                    before = Obligation(cube, result.inputs, obligation, obligation.length + 1)
                    if at == 1:
                        return Counterexample(result.state, before)
                    start = self._begin(before)
                    if start is not None:
                        return start
                    self._push(before, at - 1)
                    self._push(obligation, at)
                    continue
                self.met += 1
                at = self.generaliser.exclude(result, at)
            if at < self.frames.top:
                self._push(obligation, at + 1)
        return None

    def _begin(self, obligation: Obligation) -> Counterexample | None:
        """A lifted cube may contain initial states."""
        start = self.frames.initial_state(obligation.cube)
        return None if start is None else Counterexample(start, obligation)

    def _push(self, obligation: Obligation, level: int) -> None:
        self._pushed += 1
        heapq.heappush(self._queue, (level, -obligation.length, self._pushed, obligation))
