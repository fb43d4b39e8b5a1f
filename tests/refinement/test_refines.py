"""Refinement by a mapping: known answers, both engines against a definition by brute force, and the explanation."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
from interp.random_systems import random_system
from kspec.engine.crosscheck import disagreements
from kspec.engine.protocol import Budget, Finding, Goals, Progress, Result, Run
from kspec.engine.verdict import verdicts
from kspec.explicit.engine import ExplicitEngine
from kspec.interp.confirm import confirm
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.lang.load import load
from kspec.lower.build import build
from kspec.resources import project_root
from kspec.symbolic.bmc import BmcEngine
from kspec.system.expr import TRUE, Const, Read
from kspec.system.layout import indices
from kspec.system.model import Property, Refinement, State, System
from kspec.trace.build import trace_of

SOAK = bool(os.environ.get("KSPEC_SOAK"))
SEEDS = range(200 if SOAK else 16)
COMPILED = range(60 if SOAK else 3)
MOST = 400


class Quiet:
    """A control block that no one looks at."""

    def cancelled(self) -> bool:
        return False

    def report(self, progress: Progress) -> None:
        pass


def ticket(**params: str) -> System:
    root = project_root(Path(__file__).resolve())
    assert root is not None
    return build(load(root / "models/classic/ticket_mutex.kspec"), params)


def interp(system: System) -> Result:
    return InterpEngine().check(system, Goals(everything=True), Budget(states=MOST, seconds=60), Quiet())


def explicit(system: System) -> Result:
    budget = Budget(states=MOST, seconds=120, memory=1 << 29)
    return ExplicitEngine().check(system, Goals(everything=True), budget, Quiet())


def length(result: Result, name: str) -> int | None:
    return next((f.run.length for f in result.findings if f.property == name and f.run is not None), None)


@pytest.mark.parametrize("engine", [interp, explicit])
def test_a_lock_refines_a_mutex(engine) -> None:  # type: ignore[no-untyped-def]
    good = engine(ticket(THREADS="2"))
    assert good.status == "exhausted" and "mutex" in good.behaviours and length(good, "mutex") is None
    system = ticket(THREADS="3", TICKETS="2")
    bad = engine(system)
    assert "mutex" not in bad.behaviours and length(bad, "mutex") == 5
    finding = next(f for f in bad.findings if f.property == "mutex")
    assert confirm(system, finding) is None
    assert finding.run is not None
    shorter = Finding("mutex", Run(finding.run.initial, finding.run.steps[:-1]))
    assert confirm(system, shorter) is not None


def test_the_explanation_says_why_no_action_fits() -> None:
    system = ticket(THREADS="3", TICKETS="2")
    finding = next(f for f in interp(system).findings if f.property == "mutex")
    trace = trace_of(system, finding)
    assert trace.property is not None and "inside: {Thread#" in trace.property.message
    first, *others = trace.why.blocked
    assert first.action == "release" and first.cause.text.startswith("leads to inside[Thread#")
    assert {b.action for b in others} == {"acquire", "release"}
    assert any(b.cause.text == "inside == {}" for b in others)


def test_symbolic_engines_say_that_they_do_not_decide() -> None:
    system = ticket(THREADS="3", TICKETS="2")
    result = BmcEngine().check(system, Goals(everything=True), Budget(depth=6, seconds=60), Quiet())
    verdict = next(v for v in verdicts(system, [result]) if v.property == "mutex")
    assert (verdict.strength, verdict.reason) == ("unknown", "bmc does not decide refinement")
    found = interp(system)
    refined = frozenset(p.name for p in system.refinements)
    assert disagreements([result, found], refined) == ()
    wrong = dataclasses.replace(explicit(ticket(THREADS="2")), evidence=None, status="proved", behaviours=("mutex",))
    assert disagreements([wrong, found], refined)


def refining(system: System, without: str | None) -> System:
    """A system that is to refine itself, without one of its actions."""
    reads = tuple(
        Read(c, tuple(Const(x) for x in i)) for c in system.state_cells for i in indices(c.dims)
    )
    abstract = dataclasses.replace(
        system, properties=(), actions=tuple(a for a in system.actions if a.name != without)
    )
    prop = Property("itself", "property", TRUE, refinement=Refinement(abstract, reads))
    return dataclasses.replace(system, properties=(*system.properties, prop))


def by_definition(system: System, without: str | None) -> int | None:
    """The length of a shortest run to a step that only the action ``without`` takes, and that changes something."""
    machine = Machine(system)
    level = [o.post for o in machine.initial() if o.post is not None and not o.cut]
    seen: set[State] = set(level)
    depth = 0
    while level:
        depth += 1
        following: list[State] = []
        for state in level:
            steps = [(o.action, o.post) for o in machine.steps(state) if o.post is not None and not o.cut]
            others = {post for action, post in steps if action != without}
            for _, post in steps:
                if post != state and post not in others:
                    return depth
                if post not in seen:
                    seen.add(post)
                    following.append(post)
        level = following
    return None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_system_refines_itself_but_not_with_less(seed: int) -> None:
    system = random_system(seed)
    for without in (None, *(a.name for a in system.actions)):
        refined = refining(system, without)
        result = interp(refined)
        if result.status != "exhausted":
            return
        expected = by_definition(system, without)
        assert length(result, "itself") == expected
        assert ("itself" in result.behaviours) == (expected is None)
        assert without is not None or expected is None
        if seed in COMPILED and without in (None, system.actions[0].name):
            native = explicit(refined)
            assert native.status == "exhausted", native.reason
            assert length(native, "itself") == expected
            assert ("itself" in native.behaviours) == (expected is None)
            for f in native.findings:
                assert confirm(refined, f) is None


def test_systems_without_refinement_keep_their_hash() -> None:
    system = random_system(1)
    again = dataclasses.replace(
        system, properties=tuple(dataclasses.replace(p, refinement=None) for p in system.properties)
    )
    assert again.hash == system.hash
    assert refining(system, None).hash != refining(system, system.actions[0].name).hash
