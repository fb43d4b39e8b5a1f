"""Static effects contain what executions do: what is not read does not matter, what is not written stays."""

from __future__ import annotations

import random

import pytest
from interp.random_systems import Features, random_system
from kspec.interp.machine import Machine, Outcome
from kspec.system.effects import (
    Effects,
    action_errors,
    cone,
    deadlock_reads,
    obligations,
    property_reads,
    reads,
    writes,
)
from kspec.system.layout import elements
from kspec.system.model import State, System
from symbolic.small import lockstep, never, token


def random_state(system: System, rng: random.Random) -> State:
    return tuple(rng.randint(x.cell.type.lo, x.cell.type.hi) for x in elements(system))


def seen(system: System, outcomes: list[Outcome], cells: frozenset[str]) -> list[tuple[object, ...]]:
    """Outcomes, of the state after them only some cells."""
    names = [x.cell.name for x in elements(system)]
    return [
        (o.args, o.error.property if o.error else None, o.choices,
         tuple(v for v, n in zip(o.post, names, strict=True) if n in cells) if o.post else None)
        for o in outcomes
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_reads_and_writes(seed: int) -> None:
    system = random_system(seed, Features(limits=False))
    machine, rng = Machine(system), random.Random(seed)
    table = elements(system)
    for a in system.actions:
        read, written = reads(a), writes(a)
        for _ in range(10):
            state = random_state(system, rng)
            other = tuple(
                v if x.cell.name in read | written else rng.randint(x.cell.type.lo, x.cell.type.hi)
                for v, x in zip(state, table, strict=True)
            )
            mine = [o for o in machine.steps(state) if o.action == a.name]
            same = [o for o in machine.steps(other) if o.action == a.name]
            assert seen(system, mine, written) == seen(system, same, written)
            for o in mine:
                kinds = {f"error.{k}" for k in action_errors(a)} | {p.name for p in system.properties}
                assert o.error is None or o.error.property in kinds
                changed = {x.cell.name for x, v, w in zip(table, state, o.post or state, strict=True) if v != w}
                assert changed <= written


@pytest.mark.parametrize("seed", range(40))
def test_cones_are_closed(seed: int) -> None:
    system = random_system(seed)
    for p in system.properties:
        part = cone(system, property_reads(system, p))
        assert property_reads(system, p) <= part.cells
        for a in system.actions:
            assert (a in part.actions) == bool(writes(a) & part.cells)
            if a in part.actions:
                assert reads(a) <= part.cells


def test_known_effects() -> None:
    pass_, begin, end = token().actions
    assert reads(pass_) == {"holds[]", "works[]"}
    assert writes(pass_) == {"holds[]"}
    assert (reads(begin), writes(begin)) == ({"holds[]"}, {"works[]"})
    assert (reads(end), writes(end)) == ({"works[]"}, {"works[]"})
    assert not Effects(token()).independent(begin, end)
    assert deadlock_reads(token()) == {"holds[]", "works[]"}
    assert obligations(token()) == ("alone",)
    assert obligations(never()) == ("small", "deadlock")
    assert cone(lockstep(), {"x"}).cells == {"x", "y"}  # one action writes both
