"""Searches in which one state stands for its orbit: runs of real states, and how many states there are.

The levels of such a search hold canonical states.  A run is rebuilt from a real initial state by real
steps, each into the orbit of a state on a shortest run, so identities keep their names all along.  As all
real states of these orbits are looked at (as far as there is time), the run that is shown is the one that a
search without symmetry shows.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from math import factorial, prod

from kspec.engine.protocol import Run, Step
from kspec.explicit.budgets import StopError
from kspec.explicit.native import U64
from kspec.explicit.search import Search
from kspec.explicit.traces import MOST, TooManyError, Tracer
from kspec.interp.levels import Edges, Levels
from kspec.interp.levels import Sighting as Sighted
from kspec.interp.machine import Outcome
from kspec.system.model import State
from kspec.system.packing import pack, unpack

EXACT = 1 << 63
"""Groups of fewer permutations are counted."""


@dataclass(frozen=True)
class Totals:
    """How many states the representatives stand for (None when that is not known), and how many of them are
    not in exact normal form: several may stand for one orbit."""

    states: int | None
    inexact: int


def totals(search: Search, states: int) -> Totals | None:
    """Looks at the first ``states`` representatives; None when a budget does not allow it."""
    image = search.tiers.image
    sums = (U64 * 2)()
    first = 0
    try:
        while first < states:
            search.budgets.poll()
            end = min(first + search.slice, states)
            image.orbits(ctypes.addressof(search.space.shared), first, end, ctypes.addressof(sums))
            first = end
    except StopError:
        return None
    exact = not sums[1] and order(search) < EXACT
    return Totals(int(sums[0]) if exact else None, int(sums[1]))


def order(search: Search) -> int:
    """The number of permutations."""
    return prod(factorial(t.size) for t in search.tiers.native.symmetric)


@dataclass
class OrbitTracer(Tracer):
    """Makes runs for the sightings of a search that went through orbits."""

    forms: dict[State, State] = field(default_factory=dict)

    def form(self, state: State) -> State:
        """The state that stands for the orbit of a state."""
        known = self.forms.get(state)
        if known is None:
            known = self.forms[state] = self.canonical(state)[0]
        return known

    def canonical(self, state: State) -> tuple[State, int]:
        """The form of a state, and how many permutations leave the state as it is (0: not known)."""
        words = pack(self.layout, state)
        memory = (U64 * len(words))(*words)
        alike = self.search.tiers.image.canon(ctypes.addressof(memory))
        return unpack(self.layout, tuple(memory)), alike

    def restricted(self, name: str, length: int) -> tuple[Levels, Sighted]:
        """The real states on shortest runs to a sighting, and the steps between them."""
        orbits = [{self.state(n) for n in numbers} for numbers in self.mark(name, length)]
        group = order(self.search)
        alike = (self.canonical(s)[1] for states in orbits for s in states)
        if group < EXACT and sum(group // a for a in alike if a) > MOST:
            raise TooManyError
        levels, sighted = Levels(), Sighted(length)
        for o in self.machine.initial():
            if self.enters(o, orbits[0]) and o.post is not None and o.post not in levels.index:
                levels.enter(o.post, (-1, -1))
        for k in range(len(orbits)):
            edges = Edges()
            levels.edges.append(edges)
            for number in levels.close():
                self.poll()
                if k < length:
                    self.advance(name, k == length - 1, number, orbits[k + 1], levels, edges, sighted)
                elif self.wrong(name, levels.states[number]):
                    sighted.states.append(number)
        return levels, sighted

    def advance(
        self,
        name: str,
        last: bool,
        number: int,
        orbits: set[State],
        levels: Levels,
        edges: Edges,
        sighted: Sighted,
    ) -> None:
        """The steps from a state into given orbits; the last ones may show the property themselves."""
        state = levels.states[number]
        for o in self.outcomes(state):
            if last and self.shows(name, state, o):
                sighted.steps.append((number, self.event(o), o.post))
            if o.post is None or not self.enters(o, orbits):
                continue
            post = levels.index.get(o.post)
            if post is None:
                post = levels.enter(o.post, (-1, -1))
                if post >= MOST:
                    raise TooManyError
            edges.add(number, self.event(o), post)

    def enters(self, o: Outcome, orbits: set[State]) -> bool:
        """Whether an outcome leads into one of the orbits."""
        return o.post is not None and not o.cut and self.form(o.post) in orbits

    def along(self, states: list[State]) -> Run:
        """A run through the orbits of the given states."""
        entered = [o.post for o in self.machine.initial() if self.enters(o, {states[0]})]
        initial = state = min((s for s in entered if s is not None), key=self.packed)
        steps: list[Step] = []
        for following in states[1:]:
            least = min(
                (o for o in self.machine.steps(state) if self.enters(o, {following})),
                key=lambda o: (self.declared[o.action][0], o.args, self.packed(o.post)),
            )
            assert least.post is not None
            steps.append(Step(least.action, least.args, least.post))
            state = least.post
        return Run(initial, tuple(steps))
