"""Searches up to symmetry: the same verdicts and the same runs as without, and exactly one state per orbit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from explicit.comparing import SOAK, TINY, Recorder, goals_of
from interp.random_systems import Features, random_system
from kspec.engine.protocol import Budget, Finding, Goals, Result
from kspec.explicit import orbits, reduction
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.toolchain import system_compiler, tiny_compiler
from kspec.explicit.tuning import Tuning
from kspec.interp.confirm import confirm
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.lang.load import load
from kspec.lower.build import build
from kspec.resources import shipped
from kspec.system.expr import TRUE, Binary, Cell, Const, Narrow, Read, Var
from kspec.system.model import Action, State, System
from kspec.system.scalarsets import scalarsets
from kspec.system.stmt import EMPTY, Assign, Block, Write
from kspec.types import IdType, OptType, RangeType
from system.orbits import orbit

TCC, CC = tiny_compiler(), system_compiler()
PRODUCT = Features(product=3000, actions=8)
ALL = Goals(everything=True)
NO_LIMIT = Budget()
MODELS = shipped("models")


def answer(system: System, tuning: Tuning, goals: Goals = ALL, budget: Budget = NO_LIMIT) -> Result:
    return ExplicitEngine(tuning).check(system, goals, budget, Recorder())


def model(name: str, **params: str) -> System:
    assert MODELS is not None
    return build(load(MODELS / f"{name}.kspec"), params)


def named(findings: tuple[Finding, ...]) -> list[Finding]:
    return sorted(findings, key=lambda f: f.property)


def differences(system: System, tuning: Tuning, threads: int = 1) -> list[str]:
    """What a search up to symmetry says that a search by the interpreter does not."""
    out: list[str] = []
    machine = Machine(system)
    for goals, limits in goals_of(system):
        budget = Budget(depth=limits.depth, threads=threads)
        expected = InterpEngine().check(system, goals, limits, Recorder())
        got = answer(system, replace(tuning, symmetry="on"), goals, budget)
        for name in ("status", "bound", "reason"):
            if getattr(expected, name) != getattr(got, name):
                out.append(f"{goals}: {name}: {getattr(expected, name)} but {getattr(got, name)}")
        for name in ("findings", "witnesses"):
            a, b = named(getattr(expected, name)), named(getattr(got, name))
            if a != b:
                out.append(f"{goals}: {name}: {a} but {b}")
            out += [str(p) for f in b if (p := confirm(machine, f)) is not None]
        e, g = expected.evidence, got.evidence
        if e is None or g is None or not g.reduction:
            if e != g:
                out.append(f"{goals}: {e} but {g}")
        elif (e.depth, e.states) != (g.depth, g.represents):
            out.append(f"{goals}: {e} but {g}")
    return out


@pytest.mark.skipif(TCC is None, reason="no TinyCC")
@pytest.mark.parametrize("block", range(4))
def test_random(block: int) -> None:
    """Status, findings with their runs, depth, and the number of states that are stood for."""
    seen = 0
    for seed in range(block, 3000 if SOAK else 120, 4):
        system = random_system(seed, PRODUCT)
        if scalarsets(system).types:
            seen += 1
            assert not differences(system, replace(TINY, tier="tcc")), seed
    assert seen > 5


@pytest.mark.skipif(CC is None, reason="no C compiler")
def test_random_threads() -> None:
    """The same by the system's compiler with two workers."""
    checked = 0
    for seed in range(20_000, 20_200 if SOAK else 20_010):
        system = random_system(seed, PRODUCT)
        if scalarsets(system).types:
            checked += 1
            assert not differences(system, replace(TINY, tier="cc"), threads=2), seed
    assert checked


@pytest.mark.skipif(TCC is None, reason="no TinyCC")
def test_one_state_for_each_orbit() -> None:
    """No orbit has two representatives, by brute force."""
    reduced = 0
    for seed in range(1500 if SOAK else 200):
        system = random_system(seed, PRODUCT)
        types = scalarsets(system).types
        if not types:
            continue
        least = {min(orbit(system, s, types)) for s in reachable(system)}
        got = answer(system, Tuning(tier="tcc", symmetry="on"))
        assert got.evidence is not None
        if got.evidence.reduction:
            assert got.evidence.states == len(least), seed
            reduced += len(least) < len(reachable(system))
    assert reduced > 5


def reachable(system: System) -> set[State]:
    machine = Machine(system)
    states = {o.post: None for o in machine.initial() if o.post is not None and not o.cut}
    todo = list(states)
    for s in todo:
        for o in machine.steps(s):
            if o.post is not None and not o.cut and o.post not in states:
                states[o.post] = None
                todo.append(o.post)
    return set(todo)


CONFIGURATIONS = [
    ("classic/german", {"NODES": "3"}, 10460, 42538),
    ("classic/ticket", {"THREADS": "4", "TICKETS": "8"}, None, None),
    ("classic/rwlock", {"THREADS": "3"}, None, None),
    ("classic/futex_mutex", {"THREADS": "4"}, None, None),
    ("classic/mesi", {"CACHES": "3"}, None, None),
    ("classic/rcu", {"READERS": "2", "OBJECTS": "3"}, None, None),
    ("classic/two_phase_commit", {"RMS": "4"}, None, None),
    ("perf/epc_lifetime", {"EVENTS": "3"}, None, None),
    ("perf/epc_lifetime", {"EVENTS": "3", "EMBEDDED": "false", "fix_b02": "false"}, None, None),
    ("classic/ticket", {"THREADS": "3", "TICKETS": "2"}, None, None),
    ("classic/german", {"NODES": "3", "AWAIT_ACKS": "false"}, None, None),
    ("classic/german", {"NODES": "3", "WRITE_BACK": "false"}, None, None),
    ("classic/futex_mutex", {"THREADS": "3", "BUG": "relock_as_1"}, None, None),
]


@pytest.mark.parametrize(("name", "params", "states", "transitions"), CONFIGURATIONS)
def test_models(name: str, params: dict[str, str], states: int | None, transitions: int | None) -> None:
    """With symmetry the same verdicts, lengths, runs; the states stand for as many as there are."""
    system = model(name, **params)
    full = answer(system, Tuning(), Goals())
    got = answer(system, Tuning(symmetry="on"), Goals())
    assert (full.status, named(full.findings)) == (got.status, named(got.findings))
    assert named(full.witnesses) == named(got.witnesses)
    assert full.evidence is not None and got.evidence is not None
    assert got.evidence.represents == full.evidence.states
    assert got.evidence.depth == full.evidence.depth
    assert states in (None, got.evidence.states) and transitions in (None, got.evidence.transitions)
    assert any("up to permutations of" in n for n in got.notes)


@pytest.mark.skipif(not SOAK, reason="a million states")
def test_german_four() -> None:
    """The published size of the reduced graph: 56,161 states, 301,088 transitions."""
    system = model("classic/german", NODES="4")
    got = answer(system, Tuning(symmetry="on"), Goals())
    assert got.evidence is not None
    assert (got.evidence.states, got.evidence.transitions) == (56_161, 301_088)
    assert got.evidence.represents == 1_105_353


def test_runs_without_care(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where too many states lie on shortest runs, parent links give a real run with stable identities."""
    system = model("classic/german", NODES="3", AWAIT_ACKS="false")
    careful = answer(system, Tuning(symmetry="on"), Goals())
    monkeypatch.setattr(orbits, "MOST", 3)
    got = answer(system, Tuning(symmetry="on"), Goals())
    assert "switches not minimised" in got.notes
    machine = Machine(system)
    for a, b in zip(named(careful.findings), named(got.findings), strict=True):
        assert a.run is not None and b.run is not None and a.run.length == b.run.length
        assert confirm(machine, b) is None


def test_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    """``auto`` explores few states in full; it starts again with symmetry when there are many."""
    system = model("classic/futex_mutex", THREADS="4")
    got = answer(system, Tuning(symmetry="auto"))
    assert got.evidence is not None and not got.evidence.reduction and got.evidence.states == 6698
    monkeypatch.setattr(reduction, "SMALL", 1000)
    got = answer(system, Tuning(symmetry="auto"))
    assert got.evidence is not None and got.evidence.reduction == "symmetry" and got.evidence.represents == 6698
    got = answer(system, Tuning(symmetry="auto"), ALL, Budget(states=500))
    assert got.status == "unknown" and got.reason == "states"
    assert got.evidence is None or not got.evidence.reduction
    two = model("classic/futex_mutex", THREADS="2")
    got = answer(two, Tuning(symmetry="auto"))
    assert got.evidence is not None and not got.evidence.reduction


def test_not_symmetric() -> None:
    """A note says why there is no symmetry."""
    task = IdType("Task", 3)
    up = Cell("up[]", (task,), RangeType(0, 1))
    system = System("s", (), (up,), (1, 0, 0), EMPTY, (), ())
    got = answer(system, Tuning(symmetry="on"))
    assert got.notes == (
        "no symmetry: identities of Task are not interchangeable: up[] starts with values that tell them apart",
    )
    assert got.evidence is not None and not got.evidence.reduction


def test_confusable_errors() -> None:
    """One error must not hide another that a permuted state raises: such findings are made without symmetry."""
    task = IdType("Task", 2)
    t, u = Var("t", 0, 1, task), Var("u", 0, 1, task)
    ptr, div = Cell("ptr[]", (task,), OptType(task)), Cell("div[]", (task,), RangeType(0, 1))
    value = Binary("div", Const(1), Read(div, (Narrow(Read(ptr, (u,)), 0, 1, "none"),)))
    go = Action("go", (), TRUE, Block((Assign((Write(div, (u,), Narrow(value, 0, 1, "range"), (u,)),)),)))
    point = Action("point", ((t, task),), Binary("eq", Read(ptr, (t,)), Const(-1)),
                   Block((Assign((Write(ptr, (t,), t),)),)))  # fmt: skip
    system = System("s", (), (ptr, div), (-1, -1, 0, 0), EMPTY, (go, point), ())
    assert scalarsets(system).confusable >= {"error.none", "error.div"}
    got = answer(system, Tuning(symmetry="on"))
    assert {f.property for f in got.findings} >= {"error.none", "error.div"}
    assert got.evidence is not None and not got.evidence.reduction
    assert any("could hide other errors" in n for n in got.notes)


def test_budget() -> None:
    """A search up to symmetry stops in time, and what it says of its states is of what it had."""
    system = model("classic/german", NODES="5")
    got = answer(system, Tuning(symmetry="on"), Goals(), Budget(states=20_000))
    assert (got.status, got.reason) == ("unknown", "states")
    assert got.evidence is not None and got.evidence.reduction == "symmetry"
