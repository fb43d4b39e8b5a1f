"""Holding the native engine against the interpreter."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from kspec.engine.protocol import Budget, Finding, Goals, Progress, Result
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.tuning import Tuning
from kspec.interp.explore import InterpEngine
from kspec.system.model import System

SOAK = bool(os.environ.get("KSPEC_SOAK"))
TINY = Tuning(few=1, slots=64, chunk=1, slice=3)
"""Many slices, many growths of the table, every level shared by the workers."""


@dataclass
class Recorder:
    """A control block that remembers samples, and cancels after so many looks."""

    cancel_after: int | None = None
    looks: int = 0
    samples: list[Progress] = field(default_factory=list)

    def cancelled(self) -> bool:
        self.looks += 1
        return self.cancel_after is not None and self.looks > self.cancel_after

    def report(self, progress: Progress) -> None:
        self.samples.append(progress)


def goals_of(system: System) -> list[tuple[Goals, Budget]]:
    """Different ways to ask about a system."""
    names = [p.name for p in system.properties if p.kind not in ("reachable", "lemma")]
    asked = [
        (Goals(everything=True), Budget()),
        (Goals(), Budget()),
        (Goals(), Budget(depth=2)),
        (Goals(wanted=frozenset({"deadlock"})), Budget()),
    ]
    return [*asked, *((Goals(wanted=frozenset({n})), Budget()) for n in names[-1:])]


def differences(
    system: System, tuning: Tuning, threads: int = 1, engine: ExplicitEngine | None = None
) -> list[str]:
    """Where the two engines answer differently; ``engine`` instead of one that only has the tuning."""
    out = []
    for goals, budget in goals_of(system):
        expected = InterpEngine().check(system, goals, budget, Recorder())
        limits = Budget(depth=budget.depth, threads=threads)
        got = (engine or ExplicitEngine(tuning)).check(system, goals, limits, Recorder())
        out += [f"{goals} {budget}: {text}" for text in _compare(expected, got)]
    return out


def _compare(expected: Result, got: Result) -> list[str]:
    if got.engine != "explicit":
        return [f"ran on {got.engine}: {got.notes}"]
    out = []
    for name in ("status", "evidence", "bound", "reason"):
        a, b = getattr(expected, name), getattr(got, name)
        if a != b:
            out.append(f"{name}: {a} but {b}")
    for name in ("findings", "witnesses"):
        a, b = _sorted(getattr(expected, name)), _sorted(getattr(got, name))
        if a != b:
            out.append(f"{name}: {a} but {b}")
    return out


def _sorted(findings: tuple[Finding, ...]) -> list[Finding]:
    return sorted(findings, key=lambda f: f.property)
