"""Reachable states of a system, to guess invariants from: those near the initial states, and those on walks."""

from __future__ import annotations

import random
import time

from kspec.interp.machine import Machine
from kspec.interp.simulate import walk
from kspec.system.model import State, System

NEAR = 1500
WALKS = 40
LENGTH = 120


def samples(system: System, seconds: float, seed: int = 0) -> tuple[State, ...]:
    """Some reachable states, each once, in the order in which they were found; breadth first for up to half of
    the time and ``NEAR`` states, then along random walks.  The time is a backstop: small systems are done before."""
    machine = Machine(system)
    started = time.monotonic()
    found: dict[State, None] = {}
    for o in machine.initial():
        if o.post is not None and not o.cut and len(found) < NEAR:
            found[o.post] = None
    queue = list(found)
    for state in queue:
        if len(found) >= NEAR or time.monotonic() - started > seconds / 2:
            break
        for o in machine.steps(state):
            if o.post is not None and not o.cut and o.post not in found:
                found[o.post] = None
                queue.append(o.post)
    else:
        return tuple(found)  # these are all
    rng = random.Random(seed)
    for _ in range(WALKS):
        for _, state in walk(machine, rng, LENGTH):
            found[state] = None
            if time.monotonic() - started > seconds:
                return tuple(found)
    return tuple(found)
