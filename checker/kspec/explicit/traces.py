"""From a sighting to the run that is shown: one of the shortest, with the fewest switches of actor.

The native code marks, level by level backwards, the states from which a shortest run to a sighting goes
on; the interpreter executes the steps between marked states; ``kspec.interp.sweep`` chooses among the runs,
as it does for the interpreter's own search, so both show the same run.  Where there is no time for this,
or there are too many marked states, parent links give a run, and it is said that its switches were not
minimised.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from kspec.engine.protocol import Run, Step
from kspec.explicit.budgets import StopError
from kspec.explicit.search import Search, Sighting
from kspec.interp.explore import actor_of
from kspec.interp.levels import Edges, Event, Levels
from kspec.interp.levels import Sighting as Sighted
from kspec.interp.machine import Machine, Outcome
from kspec.interp.sweep import fewest_switches
from kspec.system.model import State
from kspec.system.packing import pack, slots, unpack

MOST = 20_000
"""Marked states up to which the interpreter looks at all of them."""


class TooManyError(Exception):
    """More states lie on shortest runs than are worth looking at."""


@dataclass
class Tracer:
    """Makes runs for the sightings of a finished search.  ``poll`` raises StopError to give up."""

    search: Search
    poll: Callable[[], None]
    most: int = MOST

    def __post_init__(self) -> None:
        self.system = self.search.system
        self.machine = Machine(self.system)
        self.layout = slots(self.system)
        self.space = self.search.space
        self.events: list[Event] = []
        self.kept: dict[State, tuple[Outcome, ...]] = {}
        self.numbers: dict[tuple[str, tuple[int, ...]], int] = {}
        self.declared = {a.name: (i, a) for i, a in enumerate(self.system.actions)}
        self.ends = [*self.search.starts[1:], len(self.space)]

    def best(self, name: str, sighting: Sighting) -> Run:
        """The run to show; raises StopError or TooManyError."""
        levels, sighted = self.restricted(name, sighting.length)
        if sighting.length and not sighted.states and not sighted.steps:
            raise RuntimeError(f"the interpreter does not see {name} violated where native code did")
        return fewest_switches(levels, self.events, self.layout, sighted, self.poll)

    def restricted(self, name: str, length: int) -> tuple[Levels, Sighted]:
        """The part of the search that lies on shortest runs to a sighting."""
        marked = self.mark(name, length)
        levels = Levels()
        for numbers in marked:
            for number in numbers:
                levels.enter(self.state(number), (-1, -1))
            levels.close()
        sighted = Sighted(length)
        for k in range(len(marked)):
            edges = Edges()
            levels.edges.append(edges)
            for number in range(levels.starts[k], levels.starts[k + 1]):
                self.poll()
                self.step(name, length, k, number, levels, edges, sighted)
        return levels, sighted

    def step(
        self, name: str, length: int, k: int, number: int, levels: Levels, edges: Edges, sighted: Sighted
    ) -> None:
        """One state of level k: the steps that go on, or what shows the property."""
        state = levels.states[number]
        if k == length:
            if self.wrong(name, state):
                sighted.states.append(number)
            return
        following = range(levels.starts[k + 1], levels.starts[k + 2])
        for o in self.outcomes(state):
            if k == length - 1 and self.shows(name, state, o):
                sighted.steps.append((number, self.event(o), o.post))
            if o.post is not None and not o.cut:
                post = levels.index.get(o.post)
                if post is not None and post in following:
                    edges.add(number, self.event(o), post)

    def outcomes(self, state: State) -> tuple[Outcome, ...]:
        """What can happen in a state; kept, since sightings have states in common."""
        known = self.kept.get(state)
        if known is None:
            known = self.kept[state] = tuple(self.machine.steps(state, self.poll))
        return known

    def wrong(self, name: str, state: State) -> bool:
        """Whether a state shows the property itself."""
        wrong, reached = self.machine.judge(state)
        if name in reached or any(v.property == name for v in wrong):
            return True
        if name != "deadlock" and not name.startswith("error."):
            return False
        stuck = () if self.outcomes(state) else self.machine.deadlock_violations(state)
        return any(v.property == name for v in stuck)

    def shows(self, name: str, state: State, o: Outcome) -> bool:
        """Whether a step violates the property itself."""
        if o.error is not None:
            return o.error.property == name
        if o.post is None or o.cut:
            return False
        return any(v.property == name for v in self.machine.step_violations(state, o.post))

    def mark(self, name: str, length: int) -> list[list[int]]:
        """Marks the states on shortest runs; their numbers by level."""
        space, image = self.space, self.search.tiers.image
        number = self.search.tiers.native.properties.index(name)
        nowhere = (1 << 64) - 1
        space.unmark(len(space))
        space.scout.edge_count = 0
        marked: list[list[int]] = []
        left = self.most
        for level in range(length, -1, -1):
            first, end = (self.ends[level - 1] if level else 0), self.ends[level]
            target = number if level == length - 1 else nowhere
            for at in range(first, end, self.search.slice):
                stop = min(at + self.search.slice, end)
                if level == length:
                    space.judge(image, at, stop, number)
                else:
                    space.sweep(image, at, stop, end, target)
                self.poll()
            found = space.marked(first, end, left + 1)
            left -= len(found)
            if left < 0:
                raise TooManyError
            marked.insert(0, found)
            self.swept(level)
        return marked

    def swept(self, level: int) -> None:
        """Called after each level that was swept, last level first."""
        self.space.scout.edge_count = 0

    def plain(self, name: str, sighting: Sighting) -> Run:
        """The run along parent links to the smallest state of a sighting."""
        at = self.space.find(self.search.tiers.image, sighting.words)
        if at is None or (sighting.length == 0 and not self.wrong(name, self.state(at))):
            return Run(None)
        depth = next(k for k, end in enumerate(self.ends) if at < end)
        numbers = [at]
        for _ in range(depth):
            numbers.insert(0, self.space.parent(numbers[0]))
        run = self.along([self.state(n) for n in numbers])
        end = run.last
        if depth == sighting.length or end is None:
            return run
        last = min(
            (Step(o.action, o.args, o.post) for o in self.machine.steps(end) if self.shows(name, end, o)),
            key=lambda s: (self.declared[s.action][0], s.args, self.packed(s.post)),
        )
        return Run(run.initial, (*run.steps, last))

    def along(self, states: list[State]) -> Run:
        """A run through the given states."""
        return Run(states[0], tuple(self.between(a, b) for a, b in pairwise(states)))

    def between(self, old: State, new: State) -> Step:
        """The smallest step from one state to another."""
        found = [o for o in self.machine.steps(old) if o.post == new and not o.cut]
        least = min(found, key=lambda o: (self.declared[o.action][0], o.args))
        return Step(least.action, least.args, new)

    def packed(self, state: State | None) -> tuple[int, ...]:
        """For comparing; nothing comes first."""
        return () if state is None else pack(self.layout, state)

    def state(self, number: int) -> State:
        """The state with a number."""
        return unpack(self.layout, self.space.words(number))

    def event(self, o: Outcome) -> int:
        """The number of an action with its arguments."""
        key = (o.action, o.args)
        if key not in self.numbers:
            order, action = self.declared[o.action]
            self.numbers[key] = len(self.events)
            self.events.append(Event(order, o.action, o.args, actor_of(action, o.args)))
        return self.numbers[key]


def polling(search: Search, deadline: float | None) -> Callable[[], None]:
    """What gives up at a deadline, or else when the run is cancelled."""

    def poll() -> None:
        if deadline is not None and time.monotonic() > deadline:
            raise StopError("time")
        if deadline is None and search.budgets.control.cancelled():
            raise StopError("interrupted")

    return poll
