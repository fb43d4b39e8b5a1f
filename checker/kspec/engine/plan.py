"""Which engines answer a question, in which order, and with how much of the budget.

``auto`` explores the states, with native code where it can.  Where that takes longer than a moment, engines
that need not enumerate them run beside it (``kspec.engine.race``): IC3, bounded model checking, k-induction.
The first answer counts; a run that may not be shortest is held back while a shorter one is looked for.
Exact counts come from enumeration only.  Where there are few states, the interpreter explores them again, so
that ordinary runs compare two engines.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from kspec.engine import child, registry
from kspec.engine.job import Settings
from kspec.engine.judge import OPEN, judge
from kspec.engine.protocol import Budget, Control, Engine, Goals, Result
from kspec.engine.race import Course, Entrant, Race, Standing
from kspec.engine.verdict import evidence_of, known_shortest, verdicts
from kspec.system.check import Expectation
from kspec.system.model import System

BOUNDED = ("bmc", "bmc-z3")
"""The engines that look only so deep."""
FEW = 400
"""States up to which the interpreter repeats an exhaustive search."""
_REPEAT_SECONDS = 1.0
_FIRST_SHARE = 0.7
ALONE = 1.5
"""Seconds for which the states are explored before other engines run beside that, at most."""
_ALONE_SHARE = 0.15
_OTHERS_MEMORY = 0.3
_LEAST_MEMORY = 400 << 20
"""An engine that has less than that beside another runs after it."""
_DEPTH = 100
"""How deep bounded model checking goes where other engines run beside it."""


class UsageError(Exception):
    """What the user asked for cannot be done; the text says why."""


@runtime_checkable
class Checkpointing(Engine, Protocol):
    """An engine that saves a long search, and can go on from what was saved."""

    def checkpointed(self, folder: Path, every: float, resume: bool, about: tuple[tuple[str, str], ...]) -> Engine:
        """The engine that does so: in which folder, every so many seconds, whether it goes on from what is
        there, and what the search is of."""


@runtime_checkable
class Counting(Engine, Protocol):
    """An engine that can say what makes the states many."""

    def with_statistics(self) -> Engine:
        """The engine that does so."""


@runtime_checkable
class Reducing(Engine, Protocol):
    """An engine that can let one state stand for its orbit."""

    def up_to(self, symmetry: Literal["off", "on", "auto"]) -> Engine:
        """The engine that does so, does not, or decides."""


@runtime_checkable
class Sparing(Engine, Protocol):
    """An engine that can leave out steps that change nothing that is looked for."""

    def sparing(self, partial: Literal["off", "on", "auto"]) -> Engine:
        """The engine that does so, does not, or decides."""


@runtime_checkable
class Hunting(Engine, Protocol):
    """An engine that can tell states apart by hashes, to see more of them."""

    def hunting(self, memory: int) -> Engine:
        """The engine that does so in so many bytes (0: what its budget gives)."""


@runtime_checkable
class Mining(Engine, Protocol):
    """An engine that guesses invariants for its proofs."""

    def without_mining(self) -> Engine:
        """The engine that does not."""


def answers(
    system: System, expect: Expectation, goals: Goals, settings: Settings, control: Control
) -> Iterator[Result]:
    """The results of the engines, as they come.

    Raises UsageError for an engine that cannot run here, EngineFault for one that crashes.
    """
    asked = _Question(system, expect, goals, settings, control, time.monotonic())
    if settings.hunt is not None:
        yield asked.to(_hunter(settings))
        return
    match settings.engine:
        case "auto":
            yield from _auto(asked)
        case "all":
            yield from _all(asked)
        case name:
            yield from _named(asked, _engine(name))


def _named(asked: _Question, engine: Engine) -> Iterator[Result]:
    """The answer of one engine, and of what decides temporal properties with it, where that is wanted."""
    result = asked.to(engine)
    lassos = registry.lassos(engine)
    if lassos is None or not asked.behaviours_open(result):
        yield result
        return
    further = asked.to(lassos)
    yield replace(result, undecided=further.undecided)
    yield further


def _hunter(settings: Settings) -> Engine:
    """The engine that hunts; raises UsageError where another one was asked for."""
    engine = _engine(registry.AUTO[0] if settings.engine == "auto" else settings.engine)
    if not isinstance(engine, Hunting):
        raise UsageError(f"engine {settings.engine} keeps no states that hashes could stand for; leave out --hunt")
    return engine.hunting(settings.hunt or 0)


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
        engine, budget = self.fitted(engine), self.budget(engine, seconds)
        return child.run(engine, self.system, self.goals, budget, self.control)

    def fitted(self, engine: Engine) -> Engine:
        """The engine as the settings want it."""
        s = self.settings
        if isinstance(engine, Reducing):
            engine = engine.up_to("off" if s.symmetry == "auto" and self.pinned else s.symmetry)
        if isinstance(engine, Sparing):
            full = s.partial == "auto" and (self.pinned or s.engine == "all")
            engine = engine.sparing("off" if full else s.partial)
        c = s.checkpoints if s.hunt is None else None
        if isinstance(engine, Mining) and not s.mining:
            engine = engine.without_mining()
        if isinstance(engine, Checkpointing) and c is not None and c.folder is not None:
            engine = engine.checkpointed(c.folder, c.every, c.resume, c.about)
        if isinstance(engine, Counting) and s.statistics:
            engine = engine.with_statistics()
        return engine

    def budget(self, engine: Engine, seconds: float | None = None) -> Budget:
        """What an engine may use if it runs alone."""
        s = self.settings
        depth = self.expect.up_to if s.depth is None and engine.name in BOUNDED else s.depth
        return Budget(seconds or self.left(), s.memory, depth=depth, threads=s.threads)

    def behaviours_open(self, result: Result) -> bool:
        """Whether temporal properties are still to be looked at."""
        if self.control.cancelled() or not any(p.claims for p in self.system.temporal):
            return False
        found = {f.property for f in result.findings}
        if self.goals.everything:
            return True
        return not found if self.goals.wanted is None else not self.goals.wanted <= found

    def standing(self, results: Sequence[Result]) -> Standing:
        """What results come to."""
        found = verdicts(self.system, results)
        counted = any(r.status == "exhausted" for r in results)
        if judge(self.expect, found, evidence_of(results), counted).outcome == "undecided":
            return "open"
        violated = [v for v in found if v.strength == "violated" and v.run is not None]
        if self.goals.everything:
            if any(v.strength in OPEN for v in found):
                return "open"
        elif self.goals.wanted is not None:
            violated = [v for v in violated if v.property in self.goals.wanted]
        else:
            violated = sorted(violated, key=lambda v: v.run.length if v.run else 0)[:1]
        short = all(known_shortest(results, v.property, v.run.length) for v in violated if v.run and v.run.loop is None)
        return "final" if short else "answered"


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
    first, others, course = _course(asked, asked.fitted(engine), _others(asked))
    race = Race(asked.system, asked.goals, asked.control, course, asked.standing)
    yield from race.run(first, others)
    done = next(r for r in race.results if r.engine == engine.name)
    if done.status == "exhausted" and done.evidence is not None and not asked.control.cancelled():
        states = done.evidence.represents if done.evidence.reduction else done.evidence.states
        if states is not None and states <= FEW:
            yield from _repeat(asked, engine)


def _others(asked: _Question) -> list[Engine]:
    """The engines that may answer where states cannot be enumerated; counts need them enumerated."""
    if asked.pinned:
        return []
    bounded = asked.expect.kind == "violates" or asked.expect.up_to is not None
    names = ("bmc", "pdr") if bounded else ("pdr", "kinduction", "bmc")
    return [e for e in map(registry.find, names) if not isinstance(e, registry.Unavailable)]


def _course(asked: _Question, engine: Engine, others: Sequence[Engine]) -> tuple[Entrant, list[Entrant], Course]:
    """Who runs when, and with how much: together no more than the settings give."""
    alone = asked.budget(engine)
    if not others:
        return Entrant(engine, alone, True), [], Course(None, 0)
    lanes = min(len(others), alone.threads // 2)
    memory, share = alone.memory, alone.memory
    delay: float | None = ALONE if alone.seconds is None else min(ALONE, _ALONE_SHARE * alone.seconds)
    seconds = alone.seconds
    if memory is not None:
        share = int(memory * _OTHERS_MEMORY) // len(others)
        if share < _LEAST_MEMORY:
            share, delay = memory // len(others), None
            seconds = None if seconds is None else seconds * _FIRST_SHARE
        else:
            memory -= share * len(others)
    threads = alone.threads - lanes if delay is not None else alone.threads
    first = Entrant(engine, replace(alone, seconds=seconds, memory=memory, threads=threads), True)
    entrants: list[Entrant] = []
    for other in others:
        budget = asked.budget(other)
        depth = _DEPTH if other.name == "bmc" and budget.depth is None else budget.depth
        budget = replace(budget, memory=share, threads=1, depth=depth)
        entrants.append(Entrant(other, budget, other.name == "bmc"))
    return first, entrants, Course(delay, lanes)


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
