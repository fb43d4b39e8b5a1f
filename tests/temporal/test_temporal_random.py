"""On random systems with random temporal properties and fairness: the native engine against the interpreter, and
the interpreter against the enumeration of short lassos."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from interp.random_systems import Features, random_system
from kspec.engine.protocol import Budget, Goals, Progress, Result, Run, Step
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.toolchain import system_compiler, tiny_compiler
from kspec.explicit.tuning import Tuning
from kspec.interp.confirm import confirm
from kspec.interp.explore import InterpEngine
from kspec.interp.lasso import refute
from kspec.interp.machine import Machine
from kspec.system.model import State, System
from temporal.logic_systems import graph_system, with_logic

SOAK = bool(os.environ.get("KSPEC_SOAK"))
SYSTEMS = 1000 if SOAK else 60
COMPILED = 60 if SOAK else 2
LISTED = 600 if SOAK else 60
ALL = Goals(everything=True)
VACUOUS = "no fair behaviour stays within the limits"
BUDGET = Budget(seconds=30, states=20_000)


class Quiet:
    def cancelled(self) -> bool:
        return False

    def report(self, progress: Progress) -> None:
        pass


def system_of(seed: int) -> System:
    r = random.Random(seed)
    base = random_system(seed, Features(product=100, actions=6)) if seed % 4 == 0 else graph_system(r, 3 + seed % 5)
    return with_logic(base, r) if base.actions else graph_system(r)


def behaviours(system: System, result: Result) -> dict[str, Run]:
    """The lassos that were found, all of them confirmed."""
    assert result.status == "exhausted"
    if result.undecided == VACUOUS:
        return {}
    assert not result.undecided
    for f in result.findings:
        assert confirm(system, f) is None, (f, confirm(system, f))
    found = {f.property: f.run for f in result.findings if f.run is not None and f.run.loop is not None}
    assert set(found) | set(result.behaviours) == {p.name for p in system.temporal}
    return found


def compare(seed: int, tuning: Tuning) -> None:
    system = system_of(seed)
    expected = InterpEngine().check(system, ALL, BUDGET, Quiet())
    got = ExplicitEngine(tuning).check(system, ALL, BUDGET, Quiet())
    assert got.engine == "explicit"
    assert not any("interpreter" in n for n in got.notes), got.notes
    assert set(behaviours(system, expected)) == set(behaviours(system, got)), seed
    assert expected.evidence == got.evidence
    assert expected.undecided == got.undecided


@pytest.mark.skipif(tiny_compiler() is None, reason="no TinyCC")
@pytest.mark.parametrize("block", range(4))
def test_native(block: int) -> None:
    for seed in range(block, SYSTEMS, 4):
        compare(seed, Tuning(tier="tcc"))


@pytest.mark.skipif(system_compiler() is None, reason="no C compiler")
def test_native_compiled() -> None:
    for seed in range(5000, 5000 + COMPILED):
        compare(seed, Tuning(tier="cc"))


def short_lassos(machine: Machine, most: int) -> Iterator[Run]:
    """Every behaviour that repeats within so many steps, or stays."""

    def grow(initial: State, states: tuple[State, ...], steps: tuple[Step, ...]) -> Iterator[Run]:
        for k, s in enumerate(states[:-1]):
            if s == states[-1]:
                yield Run(initial, steps, k)
        outcomes = list(machine.steps(states[-1]))
        if not outcomes:
            yield Run(initial, steps, len(steps))
        if len(steps) == most:
            return
        for o in outcomes:
            if o.post is not None and not o.cut:
                yield from grow(initial, (*states, o.post), (*steps, Step(o.action, o.args, o.post)))

    for o in machine.initial():
        if o.post is not None and not o.cut:
            yield from grow(o.post, (o.post,), ())


@pytest.mark.parametrize("block", range(4))
def test_short_lassos(block: int) -> None:
    """A property that a short lasso violates is found violated (that what is found is right is confirmed)."""
    shown = 0
    for seed in range(7000 + block, 7000 + LISTED, 4):
        r = random.Random(seed)
        system = with_logic(graph_system(r, 4), r)
        machine = Machine(system)
        result = InterpEngine().check(system, ALL, BUDGET, Quiet())
        if result.undecided == VACUOUS:
            continue
        found = behaviours(system, result)
        for n, run in enumerate(short_lassos(machine, 5)):
            if n == 2000:
                break
            for p in system.temporal:
                if p.name not in found:
                    assert refute(machine, p, run) is not None, (seed, p.name, run)
                else:
                    shown += refute(machine, p, run) is None
    assert shown
