"""The run to show, from the steps that native code notes while it sweeps backwards.

Chooses as ``kspec.interp.sweep`` does, without executing every step of every state on a shortest run: the
fewest switches of actor from each of these states to the end follow from the noted steps alone, and the
interpreter executes the steps of the states along the run that is chosen.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from kspec.engine.protocol import Run, Step
from kspec.explicit.search import Sighting
from kspec.explicit.space import END
from kspec.explicit.traces import TooManyError, Tracer
from kspec.interp.machine import Outcome
from kspec.system.model import State

STATES = 200_000
"""States on shortest runs up to which all of them are looked at."""
STEPS = 600_000
"""The same for steps."""


@dataclass
class Costs:
    """For a state: the fewest switches of actor from there to the end, by the actor of the first step, and
    the least of them."""

    by_actor: dict[int, int] = field(default_factory=dict)
    least: int = 1 << 30

    def offer(self, actor: int, switches: int) -> None:
        """A way to go on."""
        if switches < self.by_actor.get(actor, 1 << 30):
            self.by_actor[actor] = switches
            self.least = min(self.least, switches)

    def after(self, actor: int) -> int:
        """The fewest switches when ``actor`` took the step before."""
        return min(self.by_actor.get(actor, 1 << 30), self.least + 1)


@dataclass
class DirectTracer(Tracer):
    """Makes runs for the sightings of a search through the states themselves."""

    most: int = STATES
    levels: list[array[int]] = field(default_factory=list)

    def best(self, name: str, sighting: Sighting) -> Run:
        """The run to show; raises StopError or TooManyError."""
        self.levels = []
        marked = self.mark(name, sighting.length)
        if not marked[0]:
            if sighting.length:
                raise RuntimeError(f"{name} was seen, but no run to it is found")
            return Run(None)
        costs = self.costs(sighting.length)
        if not sighting.length:
            return Run(min(map(self.state, marked[0]), key=self.packed))
        at = min(marked[0], key=lambda n: (costs[0][n].least, self.space.words(n)))
        initial = state = self.state(at)
        steps: list[Step] = []
        actor: int | None = None
        for k in range(sighting.length):
            last = k == sighting.length - 1
            following = set(marked[k + 1])
            found = [r for o in self.outcomes(state) if (r := self.row(name, o, state, last, following))]
            outcome, at = min(
                found,
                key=lambda r: (
                    self.cost(r, actor, costs[k + 1]),
                    self.declared[r[0].action][0],
                    r[0].args,
                    self.packed(r[0].post),
                ),
            )
            steps.append(Step(outcome.action, outcome.args, outcome.post))
            actor = self.actor(outcome)
            if outcome.post is not None:
                state = outcome.post
        return Run(initial, tuple(steps))

    def swept(self, level: int) -> None:
        """Takes over the steps out of a level."""
        try:
            noted = self.space.edges()
        except OverflowError:
            raise TooManyError from None
        self.levels.insert(0, noted)
        if sum(map(len, self.levels)) > 3 * STEPS:
            raise TooManyError

    def costs(self, length: int) -> list[dict[int, Costs]]:
        """For every level, the costs of its states; the last has none, since runs end there."""
        out: list[dict[int, Costs]] = [{}]
        for k in range(length - 1, -1, -1):
            self.poll()
            here: dict[int, Costs] = {}
            following = out[0]
            noted = self.levels[k]
            for i in range(0, len(noted), 3):
                source, target, actor = noted[i], noted[i + 1], noted[i + 2]
                known = here.get(source)
                if known is None:
                    known = here[source] = Costs()
                rest = following.get(target)
                known.offer(actor, 0 if rest is None else rest.after(actor))
            out.insert(0, here)
        return out

    def row(
        self, name: str, o: Outcome, state: State, last: bool, following: set[int]
    ) -> tuple[Outcome, int] | None:
        """An outcome with the number of the state after it (END: it shows the property itself); None when
        it is not on a shortest run."""
        if last and self.shows(name, state, o):
            return o, END
        if o.post is None or o.cut:
            return None
        number = self.space.find(self.search.tiers.image, self.packed(o.post))
        return (o, number) if number is not None and number in following else None

    def cost(self, row: tuple[Outcome, int], before: int | None, following: dict[int, Costs]) -> int:
        """The switches along a step and on to the end."""
        actor = self.actor(row[0])
        rest = following.get(row[1])
        return (before is not None and before != actor) + (0 if rest is None else rest.after(actor))

    def actor(self, o: Outcome) -> int:
        """The number of who takes a step."""
        return self.search.tiers.native.actors[self.declared[o.action][0]].of(o.args)

