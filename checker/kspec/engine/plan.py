"""Which engines answer a question, in which order, and with how much of the budget.

``auto`` explores the states, with native code where it can.  Where that gives no answer (too many states
for the time or the memory), the rest of the time goes to an engine that needs not enumerate them.  Where
there are few states, the interpreter explores them again, so that ordinary runs compare two engines.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from kspec.engine import child, registry
from kspec.engine.job import Settings
from kspec.engine.protocol import Budget, Control, Engine, Goals, Result
from kspec.system.check import Expectation
from kspec.system.model import System

FEW = 400
"""States up to which the interpreter repeats an exhaustive search."""
_REPEAT_SECONDS = 1.0
_FIRST_SHARE = 0.7


class UsageError(Exception):
    """What the user asked for cannot be done; the text says why."""


@runtime_checkable
class Checkpointing(Engine, Protocol):
    """An engine that saves a long search, and can go on from what was saved."""

    def checkpointed(self, folder: Path, every: float, resume: bool, about: tuple[tuple[str, str], ...]) -> Engine:
        """The engine that does so: in which folder, every so many seconds, whether it goes on from what is
        there, and what the search is of."""


@runtime_checkable
class Reducing(Engine, Protocol):
    """An engine that can let one state stand for its orbit."""

    def up_to(self, symmetry: Literal["off", "on", "auto"]) -> Engine:
        """The engine that does so, does not, or decides."""


def answers(
    system: System, expect: Expectation, goals: Goals, settings: Settings, control: Control
) -> Iterator[Result]:
    """The results of the engines, as they come.

    Raises UsageError for an engine that cannot run here, EngineFault for one that crashes.
    """
    asked = _Question(system, expect, goals, settings, control, time.monotonic())
    match settings.engine:
        case "auto":
            yield from _auto(asked)
        case "all":
            yield from _all(asked)
        case name:
            yield asked.to(_engine(name))


@dataclass(frozen=True)
class _Question:
    system: System
    expect: Expectation
    goals: Goals
    settings: Settings
    control: Control
    started: float

    def left(self) -> float | None:
        """The seconds that are left; None without a budget."""
        if self.settings.seconds is None:
            return None
        return max(0.05, self.settings.seconds - (time.monotonic() - self.started))

    @property
    def pinned(self) -> bool:
        """Whether exact counts are declared: these are of all states."""
        return self.expect.states is not None or self.expect.transitions is not None

    def to(self, engine: Engine, seconds: float | None = None) -> Result:
        """What an engine says, within some of the time (None: all that is left)."""
        s = self.settings
        if isinstance(engine, Reducing):
            engine = engine.up_to("off" if s.symmetry == "auto" and self.pinned else s.symmetry)
        c = s.checkpoints
        if isinstance(engine, Checkpointing) and c is not None and c.folder is not None:
            engine = engine.checkpointed(c.folder, c.every, c.resume, c.about)
        depth = self.expect.up_to if s.depth is None and engine.name == "bmc" else s.depth
        budget = Budget(seconds or self.left(), s.memory, depth=depth, threads=s.threads)
        return child.run(engine, self.system, self.goals, budget, self.control)


def _all(asked: _Question) -> Iterator[Result]:
    found = [registry.find(n) for n in registry.names()]
    engines = [e for e in found if not isinstance(e, registry.Unavailable)]
    for position, engine in enumerate(engines):
        left = asked.left()
        yield asked.to(engine, None if left is None else left / (len(engines) - position))
        if asked.control.cancelled():
            return


def _auto(asked: _Question) -> Iterator[Result]:
    engine = next((e for e in map(registry.find, registry.AUTO) if not isinstance(e, registry.Unavailable)), None)
    if engine is None:
        raise UsageError("no engine can run here")
    other = _fallback(asked.expect)
    left = asked.left()
    first = asked.to(engine, None if left is None or other is None else left * _FIRST_SHARE)
    yield first
    if asked.control.cancelled():
        return
    if first.status == "unknown" and other is not None:
        yield asked.to(other)
    elif first.status == "exhausted" and first.evidence is not None:
        states = first.evidence.represents if first.evidence.reduction else first.evidence.states
        if states is not None and states <= FEW:
            yield from _repeat(asked, engine)


def _fallback(expect: Expectation) -> Engine | None:
    """The engine that may answer where states cannot be enumerated; counts need them enumerated."""
    if expect.states is not None or expect.transitions is not None:
        return None
    bounded = expect.kind == "violates" or expect.up_to is not None
    engine = registry.find("bmc" if bounded else "kinduction")
    return None if isinstance(engine, registry.Unavailable) else engine


def _repeat(asked: _Question, engine: Engine) -> Iterator[Result]:
    oracle = registry.find("interp")
    if isinstance(oracle, registry.Unavailable) or engine.name == oracle.name:
        return
    left = asked.left()
    seconds = _REPEAT_SECONDS if left is None else min(_REPEAT_SECONDS, left)
    if seconds > 0.1:
        again = asked.to(oracle, seconds)
        if again.status != "unknown":
            yield again


def _engine(name: str) -> Engine:
    engine = registry.find(name)
    if isinstance(engine, registry.Unavailable):
        raise UsageError(f"engine {name} cannot run: {engine.reason}")
    return engine
