"""The interpreter against a naive semantics that shares no code with it, on random systems."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from interp.naive import Naive, Space
from interp.random_systems import Features, random_system, systems
from interp.small import Patient
from kspec.engine.protocol import Budget, Goals, Result
from kspec.interp.confirm import confirm
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.system.model import System
from kspec.system.packing import lanes, pack, slots

SEEDS = 20_000 if os.environ.get("KSPEC_SOAK") else 120
BATCH = 20


def search(system: System, goals: Goals, depth: int | None = None) -> Result:
    return InterpEngine().check(system, goals, Budget(depth=depth), Patient())


def agree(system: System) -> None:
    """Everything the engine says about a system, under several goals and depths."""
    space = Naive(system).space()
    full = search(system, Goals(everything=True))
    assert full.status == "exhausted"
    same_up_to(system, space, full, None)
    machine = Machine(system)
    for f in (*full.findings, *full.witnesses):
        assert confirm(machine, f) is None
    unmet = {p.name for p in system.properties if p.kind == "reachable"} - space.reached.keys()
    assert {f.property for f in full.findings if f.run is None} == unmet

    first = search(system, Goals())
    least = min(space.violated.values(), default=None)
    assert (first.status == "stopped") <= (least is not None)
    same_up_to(system, space, first, least if first.status == "stopped" else None)

    for name in sorted(space.violated)[-1:]:
        wanted = search(system, Goals(frozenset({name})))
        same_up_to(system, space, wanted, space.violated[name] if wanted.status == "stopped" else None)

    depth = space.depth // 2
    bounded = search(system, Goals(everything=True), depth)
    if bounded.status == "exhausted":
        assert depth == space.depth == 0 and not space.states
    else:
        assert (bounded.status, bounded.bound) == ("bounded", depth)
        same_up_to(system, space, bounded, depth)


def same_up_to(system: System, space: Space, result: Result, level: int | None) -> None:
    """The evidence, findings and witnesses are those of the levels up to ``level`` (None: of all)."""
    last = space.depth + 1 if level is None else level
    states = {k for k, d in space.distance.items() if d <= last}
    taken = {a.name: 0 for a in system.actions} | {"": 0}
    for (distance, name), n in space.left.items():
        if distance < last:
            taken[name] += n
    digest = 0
    layout = slots(system)
    for key in states:
        digest ^= lanes(pack(layout, key))
    e = result.evidence
    assert e is not None
    assert e.states == len(states)
    assert e.cut == taken.pop("")
    assert dict(e.actions) == taken
    assert e.transitions == sum(taken.values())
    assert e.depth == max((space.distance[k] for k in states), default=0)
    assert e.digest == digest
    for found, table in ((result.findings, space.violated), (result.witnesses, space.reached)):
        lengths = {f.property: f.run.length for f in found if f.run is not None}
        assert lengths == {n: d for n, d in table.items() if d <= last}


@pytest.mark.parametrize("batch", range(SEEDS // BATCH))
def test_random_systems(batch: int) -> None:
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        try:
            agree(random_system(seed, Features(product=400)))
        except AssertionError as e:
            raise AssertionError(f"random_system({seed}, Features(product=400))") from e


@settings(
    max_examples=1000 if os.environ.get("KSPEC_SOAK") else 40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(systems(Features(product=100)))
def test_drawn_systems(system: System) -> None:
    agree(system)


def test_random_systems_are_worth_it() -> None:
    """Enough of them move, branch, and violate each kind of thing."""
    spaces = [Naive(random_system(seed, Features(product=60))).space() for seed in range(150)]
    moving = [s for s in spaces if len(s.states) > 3]
    assert len(moving) > 50
    assert sum(s.cut > 0 for s in spaces) > 2
    violated = {name.rstrip("0123456789") for s in spaces for name in s.violated}
    errors = {f"error.{k}" for k in ("range", "index", "none", "div", "choose")}
    assert violated >= {"inv", "step", "assert", "deadlock"} | errors
    assert any(s.reached for s in spaces)


def test_a_seed_gives_the_same_system_everywhere() -> None:
    assert random_system(7).hash == random_system(7).hash
    assert random_system(7).hash != random_system(8).hash
