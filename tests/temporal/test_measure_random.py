"""Measured waits against the temporal properties that say the same, on random systems."""

from __future__ import annotations

import os
import random

import pytest
from kspec.engine.protocol import Run
from kspec.interp.confirm import complete
from kspec.interp.lasso import discharge, holds, is_step, open_end, states_of
from kspec.interp.machine import Machine
from kspec.interp.measure import Question, measure, reachable_states
from kspec.interp.temporal import Product, VacuousError, graph_of
from kspec.system.model import System
from kspec.system.temporal import NO, YES, And, Formula, Holds, Next, Not, Or, Release, Taken, Until, constraints
from kspec.temporal.automaton import violating
from temporal.logic_systems import conditions, graph_system, with_logic

SEEDS = 60 if os.environ.get("KSPEC_SOAK") is None else 2000
STATES = 4


def nothing() -> None:
    pass


def question(r: random.Random, system: System) -> Question:
    """Something to be counted, and a wait."""
    steps: list[Formula] = []
    for a in r.sample(system.actions, min(len(system.actions), r.choice([1, 2, 3]))):
        steps.append(Taken(a.process or a.name, None, (None,) * len(a.params)))
    count: Formula = Or(tuple(steps))
    some = [Holds(e) for e in conditions(r, system)]
    if r.random() < 0.3:
        count = And((count, Not(r.choice(some))))
    return Question(count, r.choice([*some, YES]), r.choice([*some, NO]))


def at_least(q: Question, k: int) -> Formula:
    """That some wait has k counted steps."""
    on = Not(q.ends)
    chain: Formula = YES
    for _ in range(k):
        chain = Until(on, And((on, q.count, Next(chain))))
    return Until(YES, And((q.begins, on, chain)))


def endlessly(q: Question) -> Formula:
    """That some wait has no end, and counts for ever."""
    on = Release(NO, Not(q.ends))
    return Until(YES, And((q.begins, on, Release(NO, Until(YES, q.count)))))


def counted(machine: Machine, q: Question, run: Run, first: int, last: int) -> int:
    """The counted steps of a part of a run that waits."""
    states = states_of(run)
    n = 0
    for i in range(first, last):
        assert not truth(machine, q.ends, run, i)
        n += truth(machine, q.count, run, i)
    assert truth(machine, q.begins, run, first), states[first]
    return n


def truth(machine: Machine, f: Formula, run: Run, i: int) -> bool:
    match f:
        case Holds():
            return holds(machine, f, states_of(run)[i])
        case Taken():
            return is_step(machine, f, run.steps[i])
        case Not(a):
            return not truth(machine, a, run, i)
        case And(parts):
            return all(truth(machine, p, run, i) for p in parts)
        case Or(parts):
            return any(truth(machine, p, run, i) for p in parts)
    raise TypeError(f)


@pytest.mark.parametrize("block", range(4))
def test_against_temporal_properties(block: int) -> None:
    kinds = set()
    for seed in range(block * SEEDS // 4, (block + 1) * SEEDS // 4):
        r = random.Random(f"measure {seed}")
        system = with_logic(graph_system(r, STATES), r, 1)
        q = question(r, system)
        machine = Machine(system)
        states = reachable_states(machine, 1000, nothing)
        assert states is not None
        graph = graph_of(machine, states, nothing)

        def possible(f: Formula) -> bool:
            return Product(machine, graph, violating(Not(f)), nothing).lasso() is not None  # noqa: B023

        try:
            got = measure(machine, states, [q], nothing)
        except VacuousError:
            assert not possible(YES)
            continue
        kinds.add(got.kind)
        k = next((k for k in range(STATES + 2) if not possible(at_least(q, k))), None)
        assert possible(endlessly(q)) == (got.kind == "endless"), seed
        if got.kind == "never":
            assert k == 0
            assert got.run is None
            continue
        assert k == (got.most + 1 if got.kind == "bounded" else None), seed
        assert possible(Until(YES, And((q.begins, Release(NO, Not(q.ends)))))) == got.stays, seed
        run = got.run
        assert run is not None
        assert isinstance(complete(machine, Run(run.initial, run.steps)), Run)
        if got.kind == "endless":
            assert open_end(machine, run) is None
            assert all(discharge(machine, run, c) is not None for c in constraints(system))
            assert run.loop is not None
            assert counted(machine, q, run, got.begin, run.length) > 0
            assert counted(machine, q, Run(run.initial, run.steps), got.begin, run.loop) < run.length
        elif got.kind == "any":
            assert got.again is not None
            assert states_of(run)[got.again] == states_of(run)[-1]
            assert counted(machine, q, run, got.begin, run.length) > 0
        else:
            assert counted(machine, q, run, got.begin, run.length) == got.most
    assert kinds >= {"bounded", "never", "endless"}


def test_fairness_bounds_only_what_it_ends() -> None:
    """Over all seeds every kind of answer is met; with weak fairness there is one that is finite without a bound."""
    seen: set[str] = set()
    for seed in range(120):
        r = random.Random(f"measure {seed}")
        system = with_logic(graph_system(r, STATES), r, 1)
        machine = Machine(system)
        states = reachable_states(machine, 1000, nothing)
        assert states is not None
        try:
            seen.add(measure(machine, states, [question(r, system)], nothing).kind)
        except VacuousError:
            seen.add("vacuous")
    assert seen >= {"bounded", "never", "endless", "any"}
