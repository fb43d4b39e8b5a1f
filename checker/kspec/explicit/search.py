"""The breadth-first search: levels, goals, budgets.

What counts, and when the search may end, is defined in ``kspec.interp.explore``; the evidence is equal.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from kspec.engine.protocol import LEVELS, Evidence, Goals, Progress, Status
from kspec.explicit.budgets import Budgets, StopError, resident
from kspec.explicit.checkpoint import CheckpointError, Known, Store
from kspec.explicit.folding import LEAST_WORDS
from kspec.explicit.memory import NoMemoryError
from kspec.explicit.native import WORK_DONE, WORK_GROW
from kspec.explicit.space import Sizes, Space, lossy_slots
from kspec.explicit.spill import DiskError, Spill
from kspec.explicit.tiers import Tiers
from kspec.explicit.tuning import Tuning
from kspec.system.model import System

NAME = "explicit"
TURNED = "another way is better"
"""Why a search ended when it was so."""
REPORT_EVERY = 0.25
REACT = 3.0
"""Seconds that a busy machine may take until a search notices that it should stop."""
TARGET = 0.03
"""Seconds that a slice of work should take: budgets and the control block are looked at in between."""
@dataclass(frozen=True)
class Sighting:
    """Where a property was first seen: the length of the runs, and the packed words of the smallest state
    in which they end or from which their last step is taken (None: the init block failed)."""

    length: int
    words: tuple[int, ...]


@dataclass(frozen=True)
class Counts:
    """The counters at some moment: what :class:`Evidence` says, without the digest."""

    states: int
    transitions: int
    depth: int
    actions: tuple[int, ...]
    cut: int


@dataclass
class Search:
    """One running search."""

    system: System
    goals: Goals
    budgets: Budgets
    tiers: Tiers
    tuning: Tuning
    store: Store | None = None
    spill: Spill | None = None
    turn: Callable[[], bool] | None = None
    worthless: bool = False

    def __post_init__(self) -> None:
        native = self.tiers.native
        self.budget = self.budgets.budget
        sizes = Sizes(
            native.words, len(native.properties), len(native.actions), native.frame_bytes, native.stage_bytes
        )
        tuning = self.tuning
        memory, slots = self.budgets.memory(), tuning.slots
        lossy = tuning.hunt is not None
        if tuning.hunt is not None:
            memory = min(tuning.hunt or memory, memory)
            slots = lossy_slots(memory, native.words)
        self.limit = memory + resident()
        self.space = Space(
            sizes,
            memory,
            self.tiers.threads,
            self.budget.states,
            slots,
            tuning.chunk,
            self.spill,
            lossy,
            self.foldable,
        )
        self.reachable = {p.name for p in self.system.properties if p.kind == "reachable"}
        self.seen: dict[str, Sighting] = {}
        self.starts = [0]
        self.complete: int | None = None
        self.slice = self.tuning.slice
        self.depth = 0
        self.pending: list[tuple[int, int]] = []
        self.before = self.counts()
        self.notes: list[str] = []
        self.went_on = False
        self.reported = self.budgets.started

    def run(self) -> tuple[Status, Counts]:
        """Searches; raises StopError, BrokenError."""
        if self.tuning.fold == "on" and self.foldable:
            self.fold()
        if not self.resumed():
            self.enter_initial()
        depth = len(self.starts) - 2
        while self.frontier:
            if self.met(depth) and not self.pending:
                self.probe(depth)
                return "stopped", self.counts()
            if self.budget.depth is not None and depth >= self.budget.depth:
                self.probe(depth)
                return "bounded", self.counts()
            if not self.pending:
                self.pending, self.before = [(self.starts[-2], self.starts[-1])], self.counts()
            self.expand(depth)
            if self.frontier and self.met(depth):
                # Deadlocks at this depth were enough: what lies deeper does not count.
                self.seen = {n: s for n, s in self.seen.items() if s.length <= depth}
                return "stopped", self.before
            self.complete = depth
            depth += 1
        return "exhausted", self.counts()

    @property
    def frontier(self) -> int:
        """The number of states in the last level."""
        return self.starts[-1] - self.starts[-2]

    def met(self, length: int) -> bool:
        """Whether the goals are met by violations of at most that many steps."""
        found = {n for n, s in self.seen.items() if s.length <= length and n not in self.reachable}
        if self.goals.everything:
            return False
        return bool(found) if self.goals.wanted is None else self.goals.wanted <= found

    def enter_initial(self) -> None:
        """Level 0."""
        try:
            self.space.initial(self.tiers.image)
        except (NoMemoryError, DiskError) as e:
            raise self.full(e) from None
        self.starts.append(len(self.space))
        self.collect(0, 0)

    def expand(self, depth: int) -> None:
        """Takes every step out of the last level; what they reach is the next."""
        self.depth = depth
        try:
            while self.pending:
                first, end = self.pending.pop()
                self.space.begin(first, end)
                self.stretch(depth, end - first)
        finally:
            self.space.settle(self.tiers.image)
        self.starts.append(len(self.space))
        if self.space.lossy:
            self.space.leave_behind(self.starts[-2])
        self.collect(depth + 1, depth)
        self.poll(depth)

    def stretch(self, depth: int, states: int) -> None:
        """Expands a stretch of the last level that the workers share."""
        while True:
            threads = self.tiers.parallel if states >= self.tuning.few else 1
            began = time.monotonic()
            codes = self.space.work(self.tiers.image, self.slice, threads)
            if all(c == WORK_DONE for c in codes):
                return
            if WORK_GROW in codes:
                self.enlarge()
            else:
                self.adapt(time.monotonic() - began)
            if self.space.spilled and resident() > self.limit:
                self.space.forget()
            if self.store is not None and self.store.due:
                self.keep()
            if self.space.lossy and self.space.used > self.space.memory:
                raise StopError("memory")
            if self.turn is not None and len(self.space) >= self.tuning.many:
                turn, self.turn = self.turn, None
                if turn():
                    raise StopError(TURNED)
            self.poll(depth)
            self.tiers.improve()

    def resumed(self) -> bool:
        """Goes on from a checkpoint, if that is wanted and there is one."""
        if self.store is None or not self.store.keeping.resume:
            return False
        try:
            if self.store.count() > self.space.capacity:
                raise StopError("memory")
            if self.foldable and self.space.halves is None and not self.space.fits(self.store.count()):
                self.fold()
            self.space.make_room(self.store.count())
            known = self.store.load(self.space.in_full, self.space.parents)
            self.space.restore(self.tiers.image, known.count, known.actions, known.cut)
        except CheckpointError as e:
            self.notes.append(f"not resumed: {e}")
            return False
        except (NoMemoryError, DiskError) as e:
            raise self.full(e) from None
        self.starts, self.pending = list(known.starts), list(known.pending)
        self.before, self.complete = Counts(*known.before), known.complete
        self.seen = {name: Sighting(length, words) for name, length, words in known.seen}
        self.decide()
        self.went_on, self.turn = True, None
        self.notes.append(f"resumed at {known.count} states")
        return True

    def keep(self) -> None:
        """Writes a checkpoint; a search that cannot goes on without."""
        if self.store is None or len(self.starts) < 2 or not self.space.flush(self.tiers.image):
            return
        self.space.settle(self.tiers.image)
        self.collect_partly()
        taken, cut = self.space.counts()
        self.report(max(0, len(self.starts) - 2), "writing a checkpoint", 1 + 3 * self.store.cost(len(self.space)))
        b = self.before
        known = Known(
            count=len(self.space),
            starts=tuple(self.starts),
            pending=(*self.pending, *self.space.unexpanded()),
            actions=tuple(taken),
            cut=cut,
            before=(b.states, b.transitions, b.depth, b.actions, b.cut),
            seen=tuple((n, s.length, s.words) for n, s in self.seen.items()),
            complete=self.complete,
        )
        try:
            self.store.save(known, self.space.in_full, self.space.parents)
        except CheckpointError as e:
            self.notes.append(str(e))
            self.store = None

    def enlarge(self) -> None:
        """The table is full."""
        if self.budget.states is not None and len(self.space) >= self.budget.states:
            raise StopError("states")
        spilled = self.space.spilled
        try:
            try:
                self.space.grow(self.tiers.image)
            except NoMemoryError:
                if not self.foldable or self.space.halves is not None or self.over_states:
                    raise
                self.fold()
                self.space.grow(self.tiers.image)
        except (NoMemoryError, DiskError) as e:
            raise self.full(e) from None
        if self.space.spilled and not spilled:
            self.notes.append(f"states are on disk from {len(self.space)} states on")

    @property
    def over_states(self) -> bool:
        """Whether the budget of states is used up."""
        return self.budget.states is not None and len(self.space) >= self.budget.states

    @property
    def foldable(self) -> bool:
        """Whether states could be stored as pairs of halves, and may gain by it."""
        native, tuning = self.tiers.native, self.tuning
        if native.words < LEAST_WORDS or tuning.fold == "off" or self.spill is not None or self.worthless:
            return False
        return not (native.symmetric or tuning.hunt is not None or tuning.statistics or self._by_behaviours)

    @property
    def _by_behaviours(self) -> bool:
        return bool(self.system.temporal or self.system.refinements)

    def fold(self) -> None:
        """Changes over to code and memory for states as pairs of halves."""
        before, count = self.space.used, len(self.space)
        made = self.tiers.folded(self.system, self.tuning)
        if not self.space.fold(made.image):
            made.close()
            self.worthless = True
            return
        self.tiers.close()
        self.tiers = made
        if count:
            share = 100 * self.space.used // max(before, 1)
            self.notes.append(f"states are stored as pairs of halves from {count} states on: {share} % of the memory")

    def full(self, problem: NoMemoryError | DiskError) -> StopError:
        """Why no more states fit."""
        if isinstance(problem, DiskError):
            self.notes.append(str(problem))
        states = self.budget.states
        return StopError("states" if states is not None and len(self.space) >= states else "memory")

    def adapt(self, seconds: float) -> None:
        """Chooses the size of the next slice of work."""
        if seconds < TARGET / 2:
            self.slice = min(self.slice * 2, 1 << 24)
        elif seconds > TARGET * 2:
            self.slice = max(self.slice // 2, 64)

    def probe(self, depth: int) -> None:
        """Looks for deadlocks in a level that will not be expanded."""
        if not self.system.deadlock:
            return
        first, end = self.starts[-2:]
        while first < end:
            began = time.monotonic()
            self.space.probe(self.tiers.image, first, min(first + self.slice, end))
            first += self.slice
            self.adapt(time.monotonic() - began)
            self.poll(depth)
        self.collect(depth, depth)

    def collect(self, length: int, stuck: int) -> None:
        """Takes over what the workers saw: by runs of ``length`` steps, or ``stuck`` for deadlocks."""
        names = self.tiers.native.properties
        for number, words in self.space.sightings():
            sighting = Sighting(length if number < len(names) else stuck, words)
            name = names[number % len(names)]
            known = self.seen.get(name)
            if known is None or (sighting.length, words) < (known.length, known.words):
                self.seen[name] = sighting
        self.decide()

    def decide(self) -> None:
        """What was seen is not noted again."""
        names = self.tiers.native.properties
        for name in self.seen:
            number = names.index(name)
            self.space.decide(number)
            self.space.decide(number + len(names))

    def collect_partly(self) -> None:
        """Takes over what was seen in a level that is not complete: its runs are still shortest ones."""
        if len(self.starts) > 1:
            self.collect(self.depth + 1, self.depth)

    def poll(self, depth: int) -> None:
        """Looks at the budgets and the control block, and reports now and then."""
        self.budgets.poll()
        if time.monotonic() - self.reported >= REPORT_EVERY:
            self.report(depth)
            self.reserve()

    def reserve(self) -> None:
        """Ends the run a little before its time is up, so that the checkpoint is written by then."""
        seconds = self.budget.seconds
        if self.store is not None and seconds is not None:
            cost = min(self.store.cost(len(self.space)), seconds / 4)
            if time.monotonic() - self.budgets.started + cost >= seconds:
                raise StopError("time")

    def report(self, depth: int, note: str = "", finishing: float = 0.0) -> None:
        """Publishes a sample."""
        self.reported = time.monotonic()
        counts = self.counts()
        waiting = counts.states - min(int(self.space.shared.next), self.starts[-1])
        levels = tuple(b - a for a, b in pairwise(self.starts[-LEVELS - 1 :]))
        seconds = self.reported - self.budgets.started
        if self.store is not None:
            # Whoever interrupts the run waits for a checkpoint: also if it is in the middle of something now.
            finishing = max(finishing, REACT + 3 * self.store.cost(counts.states))
        self.budgets.control.report(
            Progress(
                NAME, counts.states, counts.transitions, depth, waiting, resident(), seconds, note, levels, finishing,
                self.starts[-1],
            )
        )

    def counts(self) -> Counts:
        """What has been seen so far."""
        taken, cut = self.space.counts()
        last = len(self.starts) - 2
        depth = last if last <= 0 or self.starts[-1] > self.starts[-2] else last - 1
        return Counts(len(self.space), sum(taken), max(depth, 0), tuple(taken), cut)

    def evidence(self, counts: Counts, depth: int | None = None) -> Evidence:
        """The evidence at the moment of ``counts``."""
        merged: dict[str, int] = {}
        for name, n in zip(self.tiers.native.actions, counts.actions):
            merged[name] = merged.get(name, 0) + n
        return Evidence(
            counts.states,
            counts.transitions,
            counts.depth if depth is None else depth,
            tuple(merged.items()),
            counts.cut,
            0 if self.space.lossy else self.space.digest(self.tiers.image, counts.states),
        )
