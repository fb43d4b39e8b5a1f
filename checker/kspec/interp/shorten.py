"""Shorter lassos: the same behaviour in fewer steps, or one of fewer steps that violates the same property."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from kspec.engine.protocol import Run
from kspec.interp.lasso import refute, states_of
from kspec.interp.machine import Machine
from kspec.system.model import Property

MOST = 400
"""Steps above which only what leaves the behaviour as it is is done."""


def shortened(machine: Machine, prop: Property, run: Run, poll: Callable[[], None]) -> Run:
    """A lasso that is no longer; every detour that is not needed to violate the property is left out.

    ``poll`` is called now and then and may raise to give up.
    """
    run = rolled(run)
    if run.length > MOST:
        return run
    found = True
    while found:
        found = False
        for shorter in _without_detours(run):
            poll()
            if refute(machine, prop, shorter) is None:
                run, found = rolled(shorter), True
                break
    return run


def rolled(run: Run) -> Run:
    """The same behaviour in as few steps as possible: the cycle once, and no part of it in the stem."""
    loop = run.loop
    if loop is None or loop == run.length:
        return run
    steps = run.steps
    cycle = steps[loop:]
    for n in range(1, len(cycle)):
        if len(cycle) % n == 0 and cycle[:n] * (len(cycle) // n) == cycle:
            steps, cycle = steps[: loop + n], cycle[:n]
            break
    states = states_of(run)
    while loop and steps[loop - 1] == steps[-1] and states[loop - 1] == states[len(steps) - 1]:
        loop, steps = loop - 1, steps[:-1]
    return replace(run, steps=steps, loop=loop)


def _without_detours(run: Run) -> Iterator[Run]:
    """The run without the steps between two visits of a state, the longest detours first."""
    assert run.loop is not None
    states = states_of(run)
    visits = [
        (i, j)
        for i in range(run.length)
        for j in range(i + 1, run.length + 1)
        if states[i] == states[j] and not (i < run.loop < j) and (i, j) != (run.loop, run.length)
    ]
    for i, j in sorted(visits, key=lambda v: v[0] - v[1]):
        loop = run.loop if i >= run.loop else run.loop - (j - i)
        yield replace(run, steps=run.steps[:i] + run.steps[j:], loop=loop)
