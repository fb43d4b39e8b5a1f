"""Traces of random systems: every violation that a walk meets, to text and back, shown and replayed."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from interp.random_systems import random_system
from kspec.engine.protocol import Finding, Run, Step
from kspec.interp.evaluate import EvalError
from kspec.interp.machine import Machine
from kspec.system.expr import Expr, Narrow, Unary
from kspec.system.model import State, System
from kspec.trace.build import state_values, trace_of
from kspec.trace.format import dumps, loads
from kspec.trace.observe import FaultError, Observer
from kspec.trace.replay import replay
from kspec.trace.restore import run_of
from kspec.trace.table import plain
from kspec.trace.values import changes
from rich.cells import cell_len

SEEDS = range(3000 if os.environ.get("KSPEC_SOAK") else 120)
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "spec" / "trace.schema.json").read_text())
)


def findings(system: System, seed: int, walks: int = 4, length: int = 8) -> Iterator[Finding]:
    """What random walks meet: one finding for every property, errors of all outcomes included."""
    machine, rng = Machine(system), random.Random(seed)
    seen: set[str] = set()

    def fresh(name: str) -> bool:
        new = name not in seen
        seen.add(name)
        return new

    for _ in range(walks):
        run: Run | None = None
        for _ in range(length):
            outcomes = list(machine.initial() if run is None else machine.steps(run.last or ()))[:400]
            going = []
            for o in outcomes:
                if run is None:
                    longer = Run(o.post)
                else:
                    longer = Run(run.initial, (*run.steps, Step(o.action, o.args, o.post)))
                if o.error is not None and fresh(o.error.property):
                    yield Finding(o.error.property, longer)
                if o.post is None or o.cut:
                    continue
                going.append(longer)
                wrong = list(machine.state_violations(o.post))
                if run is not None and run.last is not None:
                    wrong += machine.step_violations(run.last, o.post)
                for name in [*(v.property for v in wrong), *machine.reached(o.post)]:
                    if fresh(name):
                        yield Finding(name, longer)
            if not outcomes and run is not None and run.last is not None:
                for v in machine.deadlock_violations(run.last):
                    if fresh(v.property):
                        yield Finding(v.property, run)
            if not going:
                break
            run = rng.choice(going)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_finding_survives(seed: int) -> None:
    system = random_system(seed)
    for found in findings(system, seed):
        assert found.run is not None
        trace = trace_of(system, found)
        text = dumps(trace)
        assert loads(text) == trace
        assert SCHEMA.is_valid(json.loads(text))
        assert run_of(system, trace) == found.run
        if trace.outcome == "violated":
            assert trace.why.causes or trace.why.blocked or found.property == "deadlock", found
        for width in (50, 110):
            shown = plain(trace, width)
            assert max(map(cell_len, shown.splitlines()[1:])) <= width
        result = replay(trace, system)
        assert result.verdict == "reproduces", (found, result)
        assert result.differs_at is None


@pytest.mark.parametrize("seed", SEEDS)
def test_changes_are_exactly_what_changed(seed: int) -> None:
    """Applying the changes to the elements of one state gives those of the next, and nothing is listed twice."""
    system = random_system(seed)
    machine = Machine(system)
    for o in list(machine.initial())[:5]:
        if o.post is None:
            continue
        for p in list(machine.steps(o.post))[:20]:
            if p.post is None:
                continue
            old, new = state_values(system, o.post), state_values(system, p.post)
            listed = changes(old, new)
            assert (
                len({c.path for c in listed}) == len(listed) == sum(a != b for a, b in zip(o.post, p.post, strict=True))
            )
            assert all(c.old != c.new for c in listed)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_observer_agrees_with_the_interpreter(seed: int) -> None:
    """Every guard and property has the value that the interpreter gives it, or an error of the same kind."""
    system = random_system(seed)
    machine = Machine(system)
    states = [o.post for o in machine.initial() if o.post is not None][:3]
    states += [p.post for s in states for p in list(machine.steps(s))[:4] if p.post is not None]
    for state in states[:8]:
        for prop in system.properties:
            if prop.kind != "assert":
                _agree(machine, prop.expr, state, states[0], {})
        for action in system.actions:
            for args in [tuple(t.lo for _, t in action.params), tuple(t.hi for _, t in action.params)]:
                _agree(
                    machine,
                    action.guard,
                    state,
                    None,
                    {v.name: a for (v, _), a in zip(action.params, args, strict=True)},
                )


def _agree(machine: Machine, e: Expr, state: State, old: State | None, env: dict[str, int]) -> None:
    expected: object
    try:
        expected = machine.value(e, state, old, env)
    except EvalError as error:
        expected = error.kind
    got: object
    try:
        got = Observer(machine.system, state, old).value(e, env)
    except FaultError as fault:
        got = fault.expr.error if isinstance(fault.expr, Narrow) else "div"
    assert got == expected
    if isinstance(e, Unary):
        _agree(machine, e.a, state, old, env)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_observer_executes_as_the_interpreter_does(seed: int) -> None:
    """A step that completes along its choices leaves the observer in the state the interpreter gives."""
    system = random_system(seed)
    machine = Machine(system)
    for o in list(machine.initial())[:3]:
        if o.post is None:
            continue
        for p in list(machine.steps(o.post))[:30]:
            action = next(a for a in system.actions if a.name == p.action)
            observer = Observer(system, o.post)
            env = {v.name: a for (v, _), a in zip(action.params, p.args, strict=True)}
            if p.post is not None:
                observer.execute(action.body, env, p.choices)
                assert tuple(observer.scalars) == p.post
