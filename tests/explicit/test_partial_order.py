"""Partial-order reduction on and off: the same verdicts, on random processes and on crafted systems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from explicit.comparing import SOAK, TINY, Recorder
from explicit.random_processes import random_processes
from interp.random_systems import Features, random_system
from kspec.engine.protocol import Budget, Evidence, Finding, Goals, Result, Run
from kspec.explicit import partial, reduction
from kspec.explicit.checkpoint import Keeping
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.relations import Relations, grids
from kspec.explicit.toolchain import system_compiler, tiny_compiler
from kspec.explicit.tuning import Tuning
from kspec.interp.confirm import confirm
from kspec.interp.machine import Machine
from kspec.lang.load import load
from kspec.lower.build import build
from kspec.resources import shipped
from kspec.system.expr import TRUE, Binary, Cell, Const, Expr, Read
from kspec.system.model import Action, Property, System
from kspec.system.stmt import EMPTY, Assign, Block, Write
from kspec.types import RangeType

TCC, CC = tiny_compiler(), system_compiler()
ALL = Goals(everything=True)
LARGE = Budget(states=100_000)
ON = Tuning(tier="tcc" if TCC else "cc", partial="on")
OFF = replace(ON, partial="off")


def answer(system: System, tuning: Tuning, goals: Goals = ALL, budget: Budget = LARGE) -> Result:
    return ExplicitEngine(tuning).check(system, goals, budget, Recorder())


def lengths(findings: tuple[Finding, ...]) -> dict[str, int | None]:
    return {f.property: f.run.length if f.run else None for f in findings}


def differences(system: System, tuning: Tuning = ON, goals: Goals = ALL, budget: Budget = LARGE) -> list[str]:
    """What a reduced search says that one without does not, and the other way round."""
    full = answer(system, replace(tuning, partial="off", symmetry="off"), goals, budget)
    if full.status == "unknown":
        return []
    got = answer(system, tuning, goals, budget)
    out: list[str] = []
    if full.status != got.status:
        out.append(f"status {full.status} but {got.status} ({got.reason})")
    if lengths(full.findings) != lengths(got.findings):
        out.append(f"violated {lengths(full.findings)} but {lengths(got.findings)}")
    if goals.everything and {f.property for f in full.witnesses} != {f.property for f in got.witnesses}:
        out.append(f"reached {lengths(full.witnesses)} but {lengths(got.witnesses)}")
    assert full.evidence is not None and got.evidence is not None
    if got.evidence.states > full.evidence.states:
        out.append(f"{full.evidence.states} states but {got.evidence.states}")
    machine = Machine(system)
    out += [f"{f.property}: {p}" for f in (*got.findings, *got.witnesses) if (p := confirm(machine, f)) is not None]
    return out


@pytest.mark.parametrize("block", range(4))
def test_random_processes(block: int) -> None:
    """Violated properties and their shortest lengths, what is reached, deadlocks."""
    for seed in range(block, 1600 if SOAK else 28, 4):
        system = random_processes(seed)
        symmetry = "on" if seed % 3 == 0 else "off"
        goals = Goals() if seed % 5 == 0 else ALL
        tuning = replace(ON, symmetry=symmetry)  # type: ignore[arg-type]
        assert not differences(system, tuning, goals), seed


def test_states_are_left_out() -> None:
    """In the dining philosophers, when only deadlocks are looked for."""
    root = shipped("models")
    assert root is not None
    philosophers = build(load(root / "classic" / "philosophers.kspec"), {"N": "6"})
    full, got = (answer(replace(philosophers, properties=()), t) for t in (OFF, ON))
    assert full.evidence is not None and got.evidence is not None
    assert (full.evidence.states, got.evidence.spared) != (got.evidence.states, 0)
    assert got.evidence.states < full.evidence.states // 2
    assert got.evidence.reduction == partial.NAME and got.evidence.represents is None


@pytest.mark.parametrize("block", range(2))
def test_random_systems(block: int) -> None:
    for seed in range(block, 600 if SOAK else 16, 2):
        assert not differences(random_system(seed, Features(product=3000, actions=6))), seed


@pytest.mark.skipif(CC is None, reason="no C compiler")
def test_counts_do_not_depend_on_threads() -> None:
    """The choice of steps is a function of the state: workers, slices and tiers change nothing."""
    for seed in range(40 if SOAK else 2):
        system = random_processes(seed)
        found: set[Evidence | None] = set()
        for threads in (1, 2):
            budget = Budget(states=100_000, threads=threads)
            found.add(answer(system, replace(TINY, tier="cc", partial="on"), budget=budget).evidence)
        found.add(answer(system, ON).evidence)
        assert len(found) == 1, seed


def test_counts_do_not_depend_on_resuming(tmp_path: Path) -> None:
    for seed in range(20 if SOAK else 4):
        system = random_processes(seed)
        whole = answer(system, replace(ON, slice=4, chunk=1))
        keeping = Keeping(tmp_path / str(seed), every=0.0)
        engine = ExplicitEngine(replace(ON, slice=4, chunk=1), keeping=keeping)
        engine.check(system, ALL, Budget(), Recorder(cancel_after=6))
        engine = replace(engine, keeping=replace(keeping, resume=True))
        rest = engine.check(system, ALL, Budget(), Recorder())
        assert whole.evidence is not None and rest.evidence is not None
        assert replace(rest.evidence, spared=None) == replace(whole.evidence, spared=None), seed


# -- crafted systems ------------------------------------------------------------------------------

X = Cell("x", (), RangeType(0, 2))
PC = (Cell("pc0", (), RangeType(0, 2)), Cell("pc1", (), RangeType(0, 2)))


def step(name: str, process: int, at: int, to: int, *more: Write, when: Expr = TRUE) -> Action:
    here = Binary("eq", Read(PC[process]), Const(at))
    guard = here if when == TRUE else Binary("and", here, when)
    return Action(name, (), guard, Block((Assign((Write(PC[process], (), Const(to)), *more)),)), f"p{process}")


def put(value: int) -> Write:
    return Write(X, (), Const(value))


def system(*actions: Action, **more: object) -> System:
    base = System("crafted", (), (*PC, X), (0, 0, 0), EMPTY, actions, (), deadlock=False)
    return replace(base, **more)  # type: ignore[arg-type]


def is_(cell: Cell, value: int) -> Expr:
    return Binary("eq", Read(cell), Const(value))


NEVER_TWO = Property("never_two", "invariant", Binary("ne", Read(X), Const(2)))
IGNORED = system(step("turn", 0, 0, 1), step("back", 0, 1, 0), step("late", 1, 0, 1, put(2)), properties=(NEVER_TWO,))
"""Process 0 goes round for ever; what process 1 does must not be put off for ever."""
LAST_WINS = system(
    step("one", 0, 0, 1, put(1)), step("two", 1, 0, 1, put(2)), terminal=(is_(X, 2),), deadlock=True
)
"""Nothing is read, but the last write decides whether the end is a good one."""
UNLOCKED = system(
    step("through", 1, 0, 1, put(2), when=is_(X, 1)),
    step("other", 1, 0, 2),
    step("own", 0, 0, 1),
    step("open", 0, 1, 2, put(1)),
    properties=(NEVER_TWO,),
)
"""A step that is disabled becomes enabled by another process, before its alternative is taken."""
BETWEEN = system(
    step("there", 0, 0, 1),
    step("away", 0, 1, 2),
    step("meet", 1, 0, 1),
    properties=(Property("apart", "invariant", Binary("or", Binary("ne", *(Read(PC[0]), Const(1))), is_(PC[1], 0))),),
)
"""The bad states lie between two steps of one process."""
CRAFTED = {"ignored": IGNORED, "last_wins": LAST_WINS, "unlocked": UNLOCKED, "between": BETWEEN}


def no_sticky(relations: Relations) -> int:
    return 0


def no_clash(relations: Relations, position: int, unit: int) -> int:
    return 0


def no_enablers(relations: Relations, unit: int, part: Expr | None) -> int:
    return 0


def nothing_lowered(relations: Relations, look: object) -> tuple[int, int]:
    return 0, 0


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted(name: str) -> None:
    assert not differences(CRAFTED[name])
    assert answer(CRAFTED[name], ON).findings


@pytest.mark.parametrize(
    ("name", "attribute", "broken"),
    [
        ("ignored", "sticky", property(no_sticky)),
        ("last_wins", "clashing", no_clash),
        ("unlocked", "enabling", no_enablers),
        ("between", "movers_of", nothing_lowered),
    ],
)
def test_broken_relations_are_caught(
    name: str, attribute: str, broken: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any one of the relations a violation is missed: the comparison would see it."""
    monkeypatch.setattr(Relations, attribute, broken)
    assert differences(CRAFTED[name])


@pytest.mark.skipif(not SOAK, reason="some seconds")
def test_broken_relations_are_caught_by_random_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Relations, "sticky", property(no_sticky))
    assert any(differences(random_processes(seed)) for seed in range(60))


# -- what is static -------------------------------------------------------------------------------


def test_relations() -> None:
    r = Relations(UNLOCKED, grids(UNLOCKED))
    names = {n: r.actions[u.action].name for n, u in enumerate(r.units)}
    through, other, own, opening = range(4)
    observer = r.steps
    assert names[observer] == "never_two 0" and len(r.units) == 5
    assert r.dependent[own] == 0  # the other step of its process is at another location
    assert r.dependent[opening] == 1 << through | 1 << observer  # it may write over what is looked for
    assert r.dependent[other] == 1 << through
    assert r.enabling(through, is_(X, 1)) == 1 << opening
    assert r.enabling(observer, is_(X, 2)) == 1 << through
    assert r.sticky == 0  # no process goes back


def test_every_cycle_has_a_sticky_unit() -> None:
    r = Relations(IGNORED, grids(IGNORED))
    assert r.sticky in (1, 2)  # one of the two steps of the cycle, and not the step that is taken once


def test_step_properties_that_standing_still_violates() -> None:
    """Such a property may be violated by any step: nothing is left out."""
    moving = Property("moves", "step", Binary("ne", Read(X), Read(X, (), old=True)))
    got = answer(replace(IGNORED, properties=(moving,)), ON)
    assert got.evidence is not None and not got.evidence.partial
    assert any("moves may be violated by steps that change nothing" in n for n in got.notes)
    kept = Property("kept", "step", Binary("ge", Read(X), Read(X, (), old=True)))
    got = answer(replace(IGNORED, properties=(kept,)), ON)
    assert got.evidence is not None and got.evidence.partial


def test_limits() -> None:
    """What leads beyond a limit depends on the order of everything that the limit looks at."""
    limited = replace(LAST_WINS, limits=(Binary("lt", Read(X), Const(2)),), terminal=())
    assert not differences(limited)


def test_depth_budget_switches_it_off() -> None:
    got = answer(IGNORED, ON, budget=Budget(depth=3))
    assert got.evidence is not None and not got.evidence.partial
    assert any("the depth is limited" in n for n in got.notes)


# -- shortest runs --------------------------------------------------------------------------------


def test_what_is_not_proved_shortest_is_said() -> None:
    finding = Finding("p", Run((0,)))
    found = Result("explicit", "exhausted", (finding,), evidence=Evidence(reduction=partial.NAME))
    got = partial.shortened(found, Budget(), lambda budget: Result("explicit", "unknown", reason="time"))
    assert got.findings == (finding,) and not got.shortest
    assert any(n.startswith("not proved shortest: p") for n in got.notes)


def test_a_violation_of_the_reduction_alone_is_a_fault() -> None:
    found = Result("explicit", "exhausted", (Finding("p", Run((0,))),), evidence=Evidence(reduction=partial.NAME))
    with pytest.raises(RuntimeError, match="under partial-order reduction only"):
        partial.shortened(found, Budget(), lambda budget: Result("explicit", "bounded", bound=budget.depth))


def test_auto_explores_few_states_without() -> None:
    got = answer(IGNORED, replace(ON, partial="auto"))
    assert got.evidence == answer(IGNORED, OFF).evidence


@pytest.mark.parametrize("worth", [0.0, 2.0])
def test_auto_turns_where_that_is_worth_while(worth: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search with many states is begun again if a trial leaves out many steps, and goes on if not."""
    monkeypatch.setattr(reduction, "WORTH_SPARING", worth)
    tuning = replace(ON, partial="auto", many=2, slice=1, chunk=1)
    got = answer(IGNORED, tuning)
    assert got.evidence is not None and got.evidence.partial == (not worth)
    assert lengths(got.findings) == lengths(answer(IGNORED, OFF).findings)
