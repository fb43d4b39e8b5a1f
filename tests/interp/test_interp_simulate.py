"""Random simulation: reproducible, sound, and within its budgets."""

import random

import pytest
from interp.random_systems import Features, random_system
from interp.small import Patient, action, block, cell, fit, op, put, system, var
from kspec.engine.protocol import Budget, Goals, Run
from kspec.interp.confirm import confirm
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.interp.simulate import SimulateEngine, walk
from kspec.system.expr import TRUE
from kspec.system.model import Property, System
from kspec.system.stmt import Choose
from kspec.types import RangeType

N = RangeType(0, 50)
X = cell("x", N)


def line(bound: int) -> System:
    """x goes up or down."""
    up = action("up", op(X, "lt", 50), put(X, fit(op(X, "add", 1), N)))
    down = action("down", op(X, "gt", 0), put(X, fit(op(X, "sub", 1), N)))
    props = (Property("low", "invariant", op(X, "lt", bound)), Property("two", "reachable", op(X, "eq", 2)))
    return system((X,), up, down, props=props)


def test_a_seed_gives_the_same_walks() -> None:
    s = line(6)
    engine = SimulateEngine(seed=5, walks=30, length=40)
    one = engine.check(s, Goals(everything=True), Budget(), Patient())
    two = engine.check(s, Goals(everything=True), Budget(), Patient())
    other = SimulateEngine(seed=6, walks=30, length=40).check(s, Goals(everything=True), Budget(), Patient())
    assert one.findings == two.findings
    assert one.evidence == two.evidence
    assert one.evidence != other.evidence


def test_findings_are_confirmed_and_never_shorter_than_shortest() -> None:
    r = SimulateEngine(walks=50, length=60).check(line(6), Goals(everything=True), Budget(), Patient())
    assert r.status == "simulated"
    assert r.reason == "simulated 50 walks of up to 60 steps, seed 0"
    assert {f.property for f in r.findings} == {"low"}
    assert all(confirm(line(6), f) is None for f in (*r.findings, *r.witnesses))
    assert all(f.run is not None and f.run.length >= 6 for f in r.findings)
    assert r.evidence is not None
    assert r.evidence.transitions == 50 * 60 == sum(n for _, n in r.evidence.actions)


def test_it_ends_when_the_goals_are_met() -> None:
    r = SimulateEngine(walks=1000, length=20).check(line(2), Goals(), Budget(), Patient())
    assert r.reason.startswith("simulated 1 walk of") or r.reason.startswith("simulated 2 walks")
    none = SimulateEngine(walks=20, length=20).check(line(2), Goals(frozenset({"other"})), Budget(), Patient())
    assert none.reason.startswith("simulated 20 walks")


def test_budgets() -> None:
    long = SimulateEngine(walks=10**9, length=50)
    assert long.check(line(51), Goals(), Budget(seconds=0.2), Patient()).notes == ("time",)
    assert long.check(line(51), Goals(), Budget(), Patient(cancel_after=50)).notes == ("interrupted",)
    assert long.check(line(51), Goals(), Budget(states=3), Patient()).notes == ("states",)
    shallow = SimulateEngine(walks=10, length=50).check(line(51), Goals(), Budget(depth=3), Patient())
    assert shallow.evidence is not None
    assert shallow.evidence.depth == 3


def test_errors_beside_the_path_are_seen() -> None:
    bad = action("bad", op(X, "eq", 1), put(X, fit(op(X, "add", 100), N)))
    s = line(51)
    s = system(s.cells, *s.actions, bad)
    r = SimulateEngine(walks=1, length=3).check(s, Goals(everything=True), Budget(), Patient())
    (f,) = r.findings
    assert f.property == "error.range"
    assert f.run is not None
    assert f.run.length == 2
    assert confirm(s, f) is None


def test_no_initial_state_and_errors_of_init() -> None:
    c = var("c", RangeType(0, 1))
    bad = block(Choose(c, TRUE, "disable"), put(X, fit(op(c, "sub", 1), N)))
    s = system((X,), init=bad)
    r = SimulateEngine(walks=3, length=3).check(s, Goals(everything=True), Budget(), Patient())
    assert [(f.property, f.run) for f in r.findings] == [("error.range", Run(None))]
    none = system((X,), limits=(op(X, "gt", 0),))
    r = SimulateEngine(walks=3, length=3).check(none, Goals(everything=True), Budget(), Patient())
    assert r.evidence is not None
    assert (r.findings, r.evidence.states) == ((), 0)
    assert list(walk(Machine(none), random.Random(1), 5)) == []


def test_walk() -> None:
    states = list(walk(Machine(line(51)), random.Random(3), 25))
    assert len(states) == 26
    assert states[0] == (None, (0,))
    assert all(step is not None and step.post == state for step, state in states[1:])


@pytest.mark.parametrize("seed", range(30))
def test_what_is_found_is_a_part_of_what_there_is(seed: int) -> None:
    s = random_system(seed, Features(product=150))
    full = InterpEngine().check(s, Goals(everything=True), Budget(), Patient())
    r = SimulateEngine(seed=seed, walks=15, length=15).check(s, Goals(everything=True), Budget(), Patient())
    shortest = {f.property: f.run.length for f in (*full.findings, *full.witnesses) if f.run}
    for f in (*r.findings, *r.witnesses):
        assert f.run is not None
        assert confirm(s, f) is None
        assert f.run.length >= shortest[f.property]
    assert r.evidence is not None
    assert full.evidence is not None
    assert r.evidence.states <= full.evidence.states
