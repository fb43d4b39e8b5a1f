"""Hunting: a search that keeps hashes of states instead of states, for violations where memory ends.

Hash compaction (Stern and Dill, "Improved probabilistic verification by hash compaction", CHARME 1995) rather
than a bit state: breadth-first order and links to predecessors stay, so runs are short and can be executed
again, and what may have been overlooked can be computed.  A state takes 8 bytes of a table that is filled to
nine tenths, and 4 bytes for its predecessor, however wide it is; only the last two levels are there in full.

Two states are taken for equal when one is met while the other is looked for and 32 further bits of their
hashes are equal.  While a table is filled from empty to a share of A, a new state is compared with
((1/(1-A))^2 - 1)/2 others on average (Knuth, The Art of Computer Programming 3, 6.4, linear probing); the sum
of that over all states, times 2^-32, bounds the probability that any state was overlooked.  What lies behind
an overlooked state may be overlooked too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import expm1

from kspec.engine.protocol import Budget, Control, Finding, Goals, Result, Run, Step
from kspec.explicit.budgets import Budgets, StopError, resident
from kspec.explicit.fields import Unsupported
from kspec.explicit.search import NAME, Counts, Search, Sighting
from kspec.explicit.space import BrokenError
from kspec.explicit.tiers import NoCompilerError, Tiers
from kspec.explicit.traces import Tracer
from kspec.explicit.tuning import Tuning
from kspec.interp.machine import Outcome
from kspec.system.model import State, System

TAG_BITS = 32
"""Bits of a hash that are compared besides its place in the table."""
PATIENCE = 100_000
"""Steps that rebuilding a run may take."""


def hunt(system: System, goals: Goals, budget: Budget, control: Control, tuning: Tuning) -> Result:
    """A search that tells states apart by hashes; its status is ``hunted``, or ``unknown`` if it cannot be made."""
    started = time.monotonic()
    budgets = Budgets(budget, control, started)
    tiers: Tiers | None = None
    search: Search | None = None
    try:
        tiers = Tiers(system, max(1, budget.threads), tuning, budgets.poll)
        search = Search(system, goals, budgets, tiers, tuning)
        return _hunted(search)
    except (Unsupported, NoCompilerError) as e:
        return Result(NAME, "unknown", reason=f"there is no native code to hunt with: {e}", memory=resident())
    except BrokenError as e:
        return Result(NAME, "unknown", reason=str(e), memory=resident())
    except StopError as stop:
        return Result(NAME, "unknown", reason=stop.reason, memory=resident())
    except MemoryError as e:
        return Result(NAME, "unknown", reason="memory", memory=resident(), notes=(str(e),))
    finally:
        if tiers is not None:
            tiers.close()
        if search is not None:
            search.space.close()


def omission(states: int, slots: int) -> float:
    """The probability that a table of ``slots`` which holds ``states`` made some state be overlooked."""
    fill = min(states / slots, 0.999)
    compared = slots / 2 * (1 / (1 - fill) - 1 - fill)
    return -expm1(-compared / 2.0**TAG_BITS)


def _hunted(search: Search) -> Result:
    reason = ""
    counts: Counts
    try:
        status, counts = search.run()
        if status != "exhausted":
            reason = "a violation was found" if status == "stopped" else f"only {counts.depth} steps deep"
    except StopError as stop:
        search.collect_partly()
        reason, counts = stop.reason, search.counts()
    finally:
        search.tiers.close()
    tracer = HuntTracer(search, search.budgets.poll)
    findings: list[Finding] = []
    witnesses: list[Finding] = []
    notes: list[str] = []
    order = search.tiers.native.properties.index
    for name, sighting in sorted(search.seen.items(), key=lambda x: (x[1].length, order(x[0]))):
        run = tracer.rebuilt(name, sighting)
        if run is None:
            notes.append(f"{name} was seen, but its run could not be executed again: this is not counted")
        else:
            (witnesses if name in search.reachable else findings).append(Finding(name, run))
    return Result(
        NAME,
        "hunted",
        tuple(findings),
        tuple(witnesses),
        replace(search.evidence(counts), digest=0),
        reason=reason,
        seconds=time.monotonic() - search.budgets.started,
        memory=resident(),
        notes=(*notes, *search.tiers.notes, *search.notes),
        omission=omission(counts.states, int(search.space.shared.slot_count)),
    )


@dataclass
class HuntTracer(Tracer):
    """Makes runs from links to predecessors alone: each step leads to a state of the right number."""

    left: int = PATIENCE

    def rebuilt(self, name: str, sighting: Sighting) -> Run | None:
        """A real run to a sighting; None when there is none along the links (states were taken for equal)."""
        at = self.number(sighting.words)
        if at is None or (sighting.length == 0 and self.depth(at) != 0):
            run = Run(None)
            return run if sighting.length == 0 else None
        numbers = [at]
        for _ in range(self.depth(at)):
            numbers.insert(0, self.space.parent(numbers[0]))
        self.left = PATIENCE

        def ends(state: State) -> Step | bool:
            if len(numbers) - 1 == sighting.length:
                return self.wrong(name, state)
            last = [o for o in self.outcomes(state) if self.shows(name, state, o)]
            least = min(last, key=lambda o: (self.declared[o.action][0], o.args), default=None)
            return Step(least.action, least.args, least.post) if least is not None else False

        for o in self.machine.initial():
            if o.post is not None and not o.cut and self.number(self.packed(o.post)) == numbers[0]:
                steps = self.walk(o.post, numbers[1:], ends)
                if steps is not None:
                    return Run(o.post, steps)
        return Run(None) if sighting.length == 0 else None

    def walk(
        self, state: State, numbers: list[int], ends: Callable[[State], Step | bool]
    ) -> tuple[Step, ...] | None:
        """Steps from a state along numbers to an end."""
        path: list[tuple[list[Outcome], Step | None]] = [(self.towards(state, numbers, 0), None)]
        if not numbers:
            return _end((), ends(state))
        while path and self.left > 0:
            self.left -= 1
            ways, _ = path[-1]
            if not ways:
                path.pop()
                continue
            o = ways.pop()
            assert o.post is not None
            step = Step(o.action, o.args, o.post)
            if len(path) == len(numbers):
                taken = tuple(s for _, s in path if s is not None)
                done = _end((*taken, step), ends(o.post))
                if done is not None:
                    return done
                continue
            path.append((self.towards(o.post, numbers, len(path)), step))
        return None

    def towards(self, state: State, numbers: list[int], k: int) -> list[Outcome]:
        """The steps into a state that is numbered as it should be, the first one last."""
        if k >= len(numbers):
            return []
        found = [
            o
            for o in self.machine.steps(state)
            if o.post is not None and not o.cut and self.number(self.packed(o.post)) == numbers[k]
        ]
        found.sort(key=lambda o: (self.declared[o.action][0], o.args), reverse=True)
        return found

    def number(self, words: tuple[int, ...]) -> int | None:
        """The number that the table gives for a state."""
        return self.space.find(self.search.tiers.image, words)

    def depth(self, number: int) -> int:
        """The level of a number."""
        return next(k for k, end in enumerate(self.ends) if number < end)


def _end(steps: tuple[Step, ...], how: Step | bool) -> tuple[Step, ...] | None:
    """A run that is complete: the last step shows the property, or the last state does."""
    if isinstance(how, Step):
        return (*steps, how)
    return steps if how else None
