"""The run that is shown is the least of all shortest runs, by enumeration of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from interp.random_systems import Features, random_system
from interp.small import Patient
from kspec.engine.protocol import Budget, Goals, Run, Step
from kspec.interp.confirm import violation
from kspec.interp.explore import InterpEngine, actor_of
from kspec.interp.machine import Machine
from kspec.system.model import System
from kspec.system.packing import pack, slots

MOST_RUNS = 3000


def runs(machine: Machine, length: int) -> Iterator[Run]:
    """All the runs of that length, a last step that fails included."""

    def extend(run: Run) -> Iterator[Run]:
        if run.length == length:
            yield run
        elif run.last is not None:
            for o in machine.steps(run.last):
                if not o.cut:
                    yield from extend(Run(run.initial, (*run.steps, Step(o.action, o.args, o.post))))

    for o in machine.initial():
        if not o.cut and o.post is not None:
            yield from extend(Run(o.post))


def rank(system: System, run: Run) -> tuple:
    layout = slots(system)
    order = {a.name: (i, a) for i, a in enumerate(system.actions)}
    actors = [actor_of(order[s.action][1], s.args) for s in run.steps]
    switches = sum(a != b for a, b in pairwise(actors))
    assert run.initial is not None
    steps = [(order[s.action][0], s.args, pack(layout, s.post) if s.post else ()) for s in run.steps]
    return switches, pack(layout, run.initial), steps


@pytest.mark.parametrize("seed", range(60))
def test_the_least_run_is_shown(seed: int) -> None:
    system = random_system(seed, Features(product=40, actions=3))
    machine = Machine(system)
    result = InterpEngine().check(system, Goals(everything=True), Budget(), Patient())
    for finding in (*result.findings, *result.witnesses):
        run = finding.run
        if run is None or run.initial is None:
            continue
        candidates: list[Run] = []
        for candidate in runs(machine, run.length):
            candidates.append(candidate)
            if len(candidates) > MOST_RUNS:
                break
        else:
            good = [r for r in candidates if violation(machine, finding.property, r) is not None]
            assert rank(system, run) == min(rank(system, r) for r in good)
