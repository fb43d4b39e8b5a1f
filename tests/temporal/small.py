"""Small texts and what is asked of them."""

from __future__ import annotations

from pathlib import Path

from kspec.engine.protocol import Budget, Goals, Progress, Result
from kspec.explicit.engine import ExplicitEngine
from kspec.interp.explore import InterpEngine
from kspec.lang.load import load
from kspec.lower.build import build
from kspec.system.model import System

ALL = Goals(everything=True)
BUDGET = Budget(seconds=30, states=50_000)


class Quiet:
    """A control block that nobody looks at."""

    def cancelled(self) -> bool:
        return False

    def report(self, progress: Progress) -> None:
        pass


def system_of(folder: Path, text: str, **settings: str) -> System:
    """The system of a text."""
    path = folder / "model.kspec"
    path.write_text("kspec 1\n" + text)
    return build(load(path), settings)


def both(system: System) -> tuple[Result, Result]:
    """What the interpreter and the native engine say."""
    return (
        InterpEngine().check(system, ALL, BUDGET, Quiet()),
        ExplicitEngine().check(system, ALL, BUDGET, Quiet()),
    )


def violated(system: System) -> set[str]:
    """The temporal properties that are violated; both engines must say the same, and be sure of the others."""
    answers: list[set[str]] = []
    for r in both(system):
        assert r.status == "exhausted"
        assert not r.undecided
        assert not any("interpreter" in n for n in r.notes), r.notes
        found = {f.property for f in r.findings if f.run is not None and f.run.loop is not None}
        assert found | set(r.behaviours) == {p.name for p in system.temporal}
        answers.append(found)
    assert answers[0] == answers[1]
    return answers[0]
