"""Several engines on one question at the same time; the first answer ends the race.

One engine runs first and alone, so that a check it answers in milliseconds costs nothing more.  Then the
others enter.  No more processes run than there are lanes: where engines outnumber them they take turns, in
growing slices of time, and those whose turn it is not are stopped (SIGSTOP).
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from kspec.engine.child import Running
from kspec.engine.protocol import Budget, Control, Engine, Goals, Progress, Result
from kspec.system.model import System

TICK = 0.02
FIRST_SLICE = 0.5
GROWTH = 1.2
LONGEST_SLICE = 4.0
LEAST = 0.2
"""With fewer seconds left no engine enters."""
PATIENCE = 2.0
"""Seconds for which a shorter run is looked for, at least, once there is an answer."""

Standing: TypeAlias = Literal["open", "answered", "final"]
"""What the results so far come to: no answer; an answer whose run may not be shortest; nothing to add."""


@dataclass(frozen=True)
class Entrant:
    """An engine in a race; ``finds_shortest``: it may supply a shorter run than the one that is known."""

    engine: Engine
    budget: Budget
    finds_shortest: bool = False


@dataclass(frozen=True)
class Course:
    """When and where engines run.

    ``delay``: for how many seconds the first engine is alone (None: until it has ended).  ``lanes``: how many
    of the others run beside it; with 0 they share its processor, of which it keeps two thirds.
    """

    delay: float | None
    lanes: int


@dataclass
class _Lane:
    """An engine that has been started; ``result`` once it has ended."""

    entrant: Entrant
    running: Running
    result: Result | None = None

    @property
    def live(self) -> bool:
        return self.result is None


@dataclass
class Race:
    """One race.  ``standing`` judges the results so far; they are to be trusted by then."""

    system: System
    goals: Goals
    control: Control
    course: Course
    standing: Callable[[Sequence[Result]], Standing]
    results: list[Result] = field(default_factory=list)

    def run(self, first: Entrant, others: Sequence[Entrant]) -> Iterator[Result]:
        """The results as they come, at last those of engines that were stopped because another had answered.

        Raises EngineFault.  Closing the iterator ends all engines.
        """
        self._board = _Board(self.control)
        self._started = time.monotonic()
        self._lanes: list[_Lane] = []
        self._turn, self._slice, self._until = 0, FIRST_SLICE, 0.0
        waiting = list(others)
        answered: float | None = None
        try:
            self._enter(first)
            while any(x.live for x in self._lanes) or waiting:
                if waiting and self._due():
                    for entrant in waiting:
                        self._enter(entrant)
                    waiting.clear()
                    if not any(x.live for x in self._lanes):
                        return
                self._schedule()
                for lane in self._ended():
                    yield self._take(lane)
                    standing = self.standing(self.results)
                    if self.control.cancelled():
                        waiting.clear()  # the others stop by themselves, and say what they had
                    elif standing == "final":
                        yield from self._stop(self._lanes, self._why())
                        return
                    elif standing == "answered" and answered is None:
                        answered = time.monotonic()
                        waiting = [e for e in waiting if e.finds_shortest]
                        yield from self._stop([x for x in self._lanes if not x.entrant.finds_shortest], self._why())
                if answered is not None and time.monotonic() > answered + self._patience(answered):
                    waiting.clear()
                    yield from self._stop(self._lanes, f"{self._why()}; no shorter run was found in time")
                    return
        finally:
            for lane in self._lanes:
                lane.running.close()

    def _due(self) -> bool:
        """Whether it is time for the others to enter."""
        if not self._lanes[0].live:
            return True
        delay = self.course.delay
        return delay is not None and time.monotonic() - self._started >= delay

    def _enter(self, entrant: Entrant) -> None:
        spent = time.monotonic() - self._started
        budget = entrant.budget
        if budget.seconds is not None:
            left = budget.seconds - spent
            if self._lanes and left < LEAST:
                return
            budget = replace(budget, seconds=max(0.05, left))
        control = self._board.side(first=not self._lanes)
        self._lanes.append(_Lane(entrant, Running(entrant.engine, self.system, self.goals, budget, control)))

    def _ended(self) -> list[_Lane]:
        """The engines that have ended by now, after a moment."""
        live = [x for x in self._lanes if x.live]
        select.select([x.running.answer for x in live], [], [], TICK)
        return [x for x in live if x.running.ended()]

    def _take(self, lane: _Lane) -> Result:
        lane.result = lane.running.result()
        self.results.append(lane.result)
        return lane.result

    def _stop(self, lanes: Sequence[_Lane], why: str) -> Iterator[Result]:
        """Ends engines whose answer is not needed any more.  What they had is dropped: it would depend on chance."""
        live = [x for x in lanes if x.live]
        for lane in live:
            lane.running.stop(why)
        for lane in live:
            while not lane.running.ended(TICK):
                pass
            seconds = lane.running.result().seconds
            lane.result = Result(lane.running.name, "unknown", reason=why, seconds=seconds)
            self.results.append(lane.result)
            yield lane.result

    def _why(self) -> str:
        return f"{self.results[-1].engine} had answered"

    def _patience(self, answered: float) -> float:
        return max(PATIENCE, answered - self._started)

    def _schedule(self) -> None:
        """Lets those run whose turn it is."""
        first, *rest = self._lanes
        live = [x for x in rest if x.live]
        places = self.course.lanes if first.live else self.course.lanes + 1
        if first.live and live and self.course.lanes == 0:
            queue, places = [first, *live], 1
            turns = [x for lane in live for x in (first, first, lane)]
        else:
            queue = turns = live
        if len(queue) <= places:
            chosen = queue
        else:
            now = time.monotonic()
            if now >= self._until:
                self._turn += 1
                self._until = now + self._slice
                self._slice = min(LONGEST_SLICE, self._slice * GROWTH)
            chosen = [turns[(self._turn + i) % len(turns)] for i in range(places)]
        for lane in queue:
            if any(lane is x for x in chosen):
                lane.running.go_on()
            else:
                lane.running.pause()
        if first.live and not any(first is x for x in queue):
            first.running.go_on()


@dataclass
class _Board:
    """Progress of several engines as one: that of the first, with a word about the others."""

    control: Control
    first: Progress | None = None
    others: dict[str, str] = field(default_factory=dict)

    def side(self, first: bool) -> Control:
        """The control of one engine."""
        return _Side(self, first)

    def report(self, progress: Progress, first: bool) -> None:
        if first:
            self.first = progress
        else:
            self.others[progress.engine] = f"{progress.engine} at depth {progress.depth}"
        notes = [p for p in (self.first.note if self.first else "", *self.others.values()) if p]
        shown = self.first or progress
        self.control.report(replace(shown, note=", ".join(notes)))


@dataclass(frozen=True)
class _Side:
    board: _Board
    first: bool

    def cancelled(self) -> bool:
        return self.board.control.cancelled()

    def report(self, progress: Progress) -> None:
        self.board.report(progress, self.first)
