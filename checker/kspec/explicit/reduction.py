"""Which searches are made up to symmetry, and what is said about it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Literal, Protocol, TypeAlias

from kspec.engine.protocol import Budget, Evidence, Result
from kspec.explicit.orbits import totals
from kspec.explicit.search import Search
from kspec.system.model import System
from kspec.system.scalarsets import scalarsets
from kspec.types import IdType

Mode: TypeAlias = Literal["off", "on", "auto"]

WORTHWHILE = 6
"""Permutations below which ``auto`` does without."""
SMALL = 200_000
"""States up to which ``auto`` explores them all: full counts are worth more than the time."""
NAME = "symmetry"


class Explore(Protocol):
    """A search with a budget, up to permutations of the given types; a ``trial`` leaves checkpoints alone."""

    def __call__(self, budget: Budget, symmetric: tuple[IdType, ...], trial: bool = False) -> Result: ...


def with_symmetry(mode: Mode, system: System, budget: Budget, explore: Explore) -> Result:
    """The answer of a search, up to symmetry if that is wanted and possible.

    ``auto`` explores without symmetry first, and starts again with it when there are many states.
    """
    if mode == "off":
        return explore(budget, ())
    started = time.monotonic()
    sets = scalarsets(system)
    refused = tuple(f"no symmetry: {r}" for r in sets.refusals)
    if not sets.types or (mode == "auto" and sets.group < WORTHWHILE):
        return _noted(explore(budget, ()), refused)
    if mode == "auto":
        few = budget.states is not None and budget.states <= SMALL
        result = explore(budget, ()) if few else explore(replace(budget, states=SMALL), (), trial=True)
        if few or result.status != "unknown" or result.reason not in ("states", "memory"):
            return _noted(result, refused)
    result = explore(_left(budget, started), sets.types)
    if result.evidence is None or not result.evidence.reduction:
        return _noted(result, refused)
    doubtful = sorted(sets.confusable & {f.property for f in result.findings})
    if doubtful:
        # Which of several errors is raised may depend on which state stands for the orbit.
        result = explore(_left(budget, started), ())
        return _noted(result, (*refused, f"no symmetry: it could hide other errors behind {doubtful[0]}"))
    return _noted(result, refused)


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
