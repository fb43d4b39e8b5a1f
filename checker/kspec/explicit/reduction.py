"""Which searches are made up to symmetry or with partial-order reduction, and what is said about it.

Both together are sound: the stubborn set of the state that stands for an orbit is taken (Emerson, Jha and
Peled, "Combining partial order and symmetry reductions", TACAS 1997), and with an action's unit all units of
the action are sticky, so that cycles of orbits are broken as cycles of states are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias

from kspec.engine.protocol import Budget, Evidence, Goals, Result
from kspec.explicit.orbits import totals
from kspec.explicit.partial import relations_of, saving, shortened
from kspec.explicit.relations import Relations
from kspec.explicit.search import TURNED, Search
from kspec.system.model import System
from kspec.system.scalarsets import scalarsets
from kspec.types import IdType

Mode: TypeAlias = Literal["off", "on", "auto"]

WORTHWHILE = 6
"""Permutations below which ``auto`` does without."""
SMALL = 200_000
"""States up to which ``auto`` explores them all: full counts are worth more than the time."""
PROBE = 20_000
"""States after which a trial of partial-order reduction says how many steps it leaves out."""
EFFORT = 1_000_000
"""Expressions that ``auto`` looks at to see which steps depend on one another: a second or two."""
WORTH_SPARING = 0.2
"""The share of the steps that partial-order reduction has to leave out to be worth its while."""
NAME = "symmetry"


@dataclass(frozen=True)
class Reduction:
    """What a search leaves out: states of the same orbit, steps outside of stubborn sets."""

    symmetric: tuple[IdType, ...] = ()
    relations: Relations | None = None

    @property
    def none(self) -> bool:
        """Whether it leaves out nothing."""
        return not self.symmetric and self.relations is None


class Explore(Protocol):
    """A search with a budget and a reduction; a ``trial`` leaves checkpoints alone.

    ``turn`` is asked once there are many states: when it says so, the search ends for the reason ``TURNED``.
    """

    def __call__(
        self, budget: Budget, reduction: Reduction, trial: bool = False, turn: Callable[[], bool] | None = None
    ) -> Result: ...


NOTHING = Reduction()


@dataclass(frozen=True)
class Modes:
    """Which reductions are wanted."""

    symmetry: Mode
    partial: Mode


def reduced(modes: Modes, system: System, goals: Goals, budget: Budget, explore: Explore) -> Result:
    """The answer of a search with the reductions that are wanted and possible.

    With ``auto`` the search begins without them, and begins again with them when there are many states: up to
    symmetry where there are many permutations, and with stubborn sets where a trial shows that these leave out
    many steps.  Not in the search for one violation, which has to be looked for without them in the end.
    """
    started = time.monotonic()
    must, may, notes = _reductions(modes, system, goals, budget)
    if must != may:
        few = budget.states is not None and budget.states <= SMALL
        result = explore(budget, must) if few else explore(replace(budget, states=SMALL), must, trial=True)
        if few or result.status != "unknown" or result.reason not in ("states", "memory"):
            return _finished(result, system, must, budget, started, explore, notes)
    turn = None
    if modes.partial == "auto" and goals.wanted is None and budget.depth is None:
        turn = _Turn(system, may, replace(budget, states=PROBE), explore)
    result = explore(_left(budget, started), may, turn=turn)
    if turn is not None and result.reason == TURNED:
        may = turn.reduction
        result = _no_worse(explore(_left(budget, started), may), result)
    return _finished(result, system, may, budget, started, explore, notes)


@dataclass
class _Turn:
    """Asked where there are many states: whether stubborn sets leave out many steps."""

    system: System
    reduction: Reduction
    budget: Budget
    explore: Explore

    def __call__(self) -> bool:
        relations = relations_of(self.system, bool(self.reduction.symmetric), EFFORT)
        if not isinstance(relations, Relations):
            return False
        self.reduction = replace(self.reduction, relations=relations)
        return saving(self.explore(self.budget, self.reduction, trial=True)) >= WORTH_SPARING


def _reductions(
    modes: Modes, system: System, goals: Goals, budget: Budget
) -> tuple[Reduction, Reduction, tuple[str, ...]]:
    """The reductions that are made in any case, those that may be made, and why others are not."""
    must, may = NOTHING, NOTHING
    notes: tuple[str, ...] = ()
    if modes.symmetry != "off":
        sets = scalarsets(system)
        notes += tuple(f"no symmetry: {r}" for r in sets.refusals)
        if modes.symmetry == "on" or sets.group >= WORTHWHILE:
            may = replace(may, symmetric=sets.types)
            must = may if modes.symmetry == "on" else must
    if modes.partial == "on" and budget.depth is not None:
        notes += ("no partial-order reduction: it does not keep depths, and the depth is limited",)
    elif modes.partial == "on":
        relations = relations_of(system, bool(may.symmetric))
        if isinstance(relations, Relations):
            must, may = replace(must, relations=relations), replace(may, relations=relations)
        else:
            notes += (relations,)
    return must, may, notes


def _no_worse(result: Result, trial: Result) -> Result:
    """Within how many steps nothing is wrong, as the trial without the reduction has shown."""
    if result.status != "unknown" or trial.evidence is None or trial.evidence.partial:
        return result
    return replace(result, bound=trial.evidence.depth)


def _finished(
    result: Result,
    system: System,
    reduction: Reduction,
    budget: Budget,
    started: float,
    explore: Explore,
    notes: tuple[str, ...],
) -> Result:
    """The result with shortest runs, and with what could be hidden behind a reduction."""
    if result.evidence is None or not result.evidence.reduction:
        return _noted(result, notes)
    if reduction.symmetric:
        doubtful = sorted(scalarsets(system).confusable & {f.property for f in result.findings})
        if doubtful:
            # Which of several errors is raised may depend on which state stands for the orbit.
            result = explore(_left(budget, started), NOTHING)
            return _noted(result, (*notes, f"no symmetry: it could hide other errors behind {doubtful[0]}"))
    if result.evidence is not None and result.evidence.partial:

        def again(budget: Budget) -> Result:
            return explore(budget, replace(reduction, relations=None), trial=True)

        result = shortened(result, _left(budget, started), again)
    return _noted(result, notes)


def up_to_symmetry(search: Search, evidence: Evidence) -> tuple[Evidence, tuple[str, ...]]:
    """The evidence of a search, with what its states stand for, and remarks."""
    types = search.tiers.native.symmetric
    if not types:
        return evidence, ()
    found = totals(search, evidence.states)
    names = ", ".join(f"{t}[{t.size}]" for t in types)
    known = found.states if found is not None else None
    text = f"up to permutations of {names}: {evidence.states} states"
    if known is not None:
        text += f" stand for {known}"
    notes = [text]
    if found is not None and found.inexact:
        notes.append(f"symmetry: heuristic normal form of {found.inexact} states (several may stand for one orbit)")
    return replace(evidence, reduction=NAME, represents=known), tuple(notes)


def _left(budget: Budget, started: float) -> Budget:
    """What is left of a budget."""
    if budget.seconds is None:
        return budget
    return replace(budget, seconds=max(0.0, budget.seconds - (time.monotonic() - started)))


def _noted(result: Result, notes: tuple[str, ...]) -> Result:
    return replace(result, notes=(*result.notes, *notes)) if notes else result
