"""What a breadth-first search remembers: the states level by level, the steps from each level to the
next, and where properties were first seen violated.

A step from a state of level k to a state of level k+1 is an *advancing* edge; shortest runs consist of
these (and of a last step, which may fail or lead anywhere).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from kspec.system.model import State


@dataclass
class Edges:
    """The advancing edges out of one level, in the order in which they were found."""

    pre: array[int] = field(default_factory=lambda: array("L"))
    post: array[int] = field(default_factory=lambda: array("L"))
    event: array[int] = field(default_factory=lambda: array("L"))

    def add(self, pre: int, event: int, post: int) -> None:
        self.pre.append(pre)
        self.post.append(post)
        self.event.append(event)

    def rows(self) -> Iterator[tuple[int, int, int]]:
        """``(pre, event, post)``."""
        return zip(self.pre, self.event, self.post)


@dataclass(frozen=True)
class Event:
    """An action with its arguments; ``order`` is the action's place in the declaration."""

    order: int
    action: str
    args: tuple[int, ...]
    actor: tuple[object, ...]

    @property
    def key(self) -> tuple[int, tuple[int, ...]]:
        """Events compare by declaration order, then arguments."""
        return self.order, self.args


@dataclass
class Levels:
    """States by number, in the order in which they were found; ``starts[k]`` is the first of level k."""

    states: list[State] = field(default_factory=list)
    index: dict[State, int] = field(default_factory=dict)
    starts: list[int] = field(default_factory=lambda: [0])
    edges: list[Edges] = field(default_factory=list)
    parents: list[tuple[int, int]] = field(default_factory=list)
    """For every state the edge by which it was first found (state, event); (-1, -1) if initial."""

    def enter(self, state: State, parent: tuple[int, int]) -> int:
        """Adds a new state to the level that is being found."""
        self.index[state] = at = len(self.states)
        self.states.append(state)
        self.parents.append(parent)
        return at

    def close(self) -> range:
        """Ends the level that is being found; returns its states."""
        self.starts.append(len(self.states))
        return range(self.starts[-2], self.starts[-1])


@dataclass
class Sighting:
    """Where one property was seen violated (or reached) first, by runs of ``length`` steps: all the states
    in which such a run ends, all its last steps ``(state before, event, state after)``, and whether init
    itself failed."""

    length: int
    states: list[int] = field(default_factory=list)
    steps: list[tuple[int, int, State | None]] = field(default_factory=list)


@dataclass
class Sightings:
    """The shortest sightings of every property."""

    found: dict[str, Sighting] = field(default_factory=dict)

    def at(self, name: str, length: int) -> Sighting | None:
        """The place to note a sighting at ``length``; None when a shorter one is known."""
        known = self.found.get(name)
        if known is None or known.length > length:
            known = self.found[name] = Sighting(length)
        return known if known.length == length else None

    def state(self, name: str, length: int, state: int) -> None:
        """Notes that a run of that length ends in a state that shows it."""
        place = self.at(name, length)
        if place is not None:
            place.states.append(state)

    def step(self, name: str, length: int, pre: int, event: int, post: State | None) -> None:
        """Notes that the last step of a run of that length shows it."""
        place = self.at(name, length)
        if place is not None:
            place.steps.append((pre, event, post))

    def forget_beyond(self, length: int) -> None:
        """Drops what is longer."""
        self.found = {n: s for n, s in self.found.items() if s.length <= length}
