"""The circuits of random systems against the interpreter, valuation by valuation.

In a random reachable state every valuation of a step's inputs is simulated at once (a bit of a Python
integer each); what completes and what is raised must be exactly what the interpreter says.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence

import pytest
from interp.random_systems import Features, random_system
from kspec.interp.machine import Machine, Outcome
from kspec.symbolic.aig import Aig
from kspec.symbolic.bits import Bits
from kspec.symbolic.encode import Template, encode
from kspec.system.model import State, System

SOAK = os.environ.get("KSPEC_SOAK")
SEEDS = range(400 if SOAK else 40)
MOST_INPUTS = 15


def parallel(aig: Aig, roots: Sequence[int], known: Mapping[int, int], lanes: int) -> list[int]:
    """The values of roots for ``lanes`` valuations at once."""
    full = (1 << lanes) - 1
    values = {0: 0}
    for node in aig.cone(roots):
        a, b = aig.left[node], aig.right[node]
        if a < 0:
            values[node] = known[node]
        else:
            values[node] = (values[a >> 1] ^ (full * (a & 1))) & (values[b >> 1] ^ (full * (b & 1)))
    return [values[r >> 1] ^ (full * (r & 1)) for r in roots]


def fixed(numbers: Sequence[Bits], state: State, lanes: int) -> dict[int, int]:
    """The valuation of the state's literals that means ``state``."""
    full = (1 << lanes) - 1
    out: dict[int, int] = {}
    for v, value in zip(numbers, state, strict=True):
        for i, a in enumerate(v.literals):
            out[a >> 1] = full * ((value - v.lo) >> i & 1)
    return out


def all_valuations(inputs: Sequence[int]) -> dict[int, int]:
    """For every input the truth table of its variable."""
    out = {}
    lanes = 1 << len(inputs)
    for i, a in enumerate(inputs):
        block = ((1 << (1 << i)) - 1) << (1 << i)
        out[a >> 1] = sum(block << at for at in range(0, lanes, 2 << i))
    return out


class Lanes:
    """What the circuits say in every lane."""

    def __init__(self, t: Template, inputs: Sequence[int], known: Mapping[int, int]) -> None:
        self.t, self.known, self.count = t, known, 1 << len(inputs)
        self.table: dict[int, int] = {}

    def of(self, a: int) -> int:
        if a not in self.table:
            self.table[a] = parallel(self.t.aig, [a], self.known, self.count)[0]
        return self.table[a]

    def number(self, v: Bits, lane: int) -> int:
        return v.lo + sum((self.of(a) >> lane & 1) << i for i, a in enumerate(v.literals))

    def where(self, a: int) -> list[int]:
        truth = self.of(a)
        return [i for i in range(self.count) if truth >> i & 1]


def circuit_steps(t: Template, state: State) -> set[tuple[object, ...]]:
    known = {**fixed(t.state, state, 1 << len(t.inputs)), **all_valuations(t.inputs)}
    lanes = Lanes(t, t.inputs, known)
    picked = {i: a for a in t.actions for i in lanes.where(a.chosen)}

    def head(i: int) -> tuple[object, ...]:
        a = picked[i]
        return (a.action.name, tuple(lanes.number(v, i) for v in a.args))

    out: set[tuple[object, ...]] = set()
    for i in lanes.where(t.completes):
        out.add((*head(i), tuple(lanes.number(v, i) for v in t.following), None))
    for name, cond in t.raised.items():
        for i in lanes.where(cond):
            out.add((*head(i), None, name))
    return out


def machine_steps(outcomes: list[Outcome]) -> set[tuple[object, ...]]:
    return {(o.action, o.args, o.post, o.error.property if o.error else None) for o in outcomes}


def states_of(machine: Machine, rng: random.Random, count: int) -> list[State]:
    """Some reachable states."""
    frontier = [o.post for o in machine.initial() if o.post is not None and not o.cut]
    seen = list(dict.fromkeys(frontier))
    for state in seen:
        if len(seen) > 40:
            break
        for o in machine.steps(state):
            if o.post is not None and not o.cut and o.post not in seen:
                seen.append(o.post)
    return rng.sample(seen, min(count, len(seen)))


def check_state(t: Template, machine: Machine, system: System, state: State) -> None:
    known = fixed(t.state, state, 1)
    lanes = Lanes(t, (), known)
    assert lanes.of(t.typed)
    assert bool(lanes.of(t.within)) == machine.within(state)
    said = {name for name, cond in t.broken.items() if lanes.of(cond)}
    assert said == {v.property for v in machine.violations(state)}
    assert {n for n, c in t.reached.items() if lanes.of(c)} == set(machine.reached(state))
    if len(t.inputs) <= MOST_INPUTS:
        assert circuit_steps(t, state) == machine_steps(list(machine.steps(state)))


def check_step_properties(t: Template, machine: Machine, state: State) -> None:
    if len(t.inputs) > MOST_INPUTS:
        return
    known = {**fixed(t.state, state, 1 << len(t.inputs)), **all_valuations(t.inputs)}
    lanes = Lanes(t, t.inputs, known)
    for i in lanes.where(t.completes):
        post = tuple(lanes.number(v, i) for v in t.following)
        said = {n for n, c in t.broken_step.items() if lanes.of(c) >> i & 1}
        assert said == {v.property for v in machine.step_violations(state, post)}


def check_start(t: Template, machine: Machine) -> None:
    if len(t.start_inputs) > MOST_INPUTS:
        return
    lanes = Lanes(t, t.start_inputs, all_valuations(t.start_inputs))
    said: set[tuple[object, ...]] = {
        ("", (), tuple(lanes.number(v, i) for v in t.start), None) for i in lanes.where(t.starts)
    }
    for name, cond in t.start_raised.items():
        said |= {("", (), None, name)} if lanes.where(cond) else set()
    assert said == machine_steps(list(machine.initial()))


@pytest.mark.parametrize("seed", SEEDS)
def test_circuits_say_what_the_interpreter_says(seed: int) -> None:
    system = random_system(seed, Features())
    machine, t = Machine(system), encode(system)
    check_start(t, machine)
    for state in states_of(machine, random.Random(seed), 4):
        check_state(t, machine, system, state)
        check_step_properties(t, machine, state)
