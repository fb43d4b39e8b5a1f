"""Why a property is violated: which condition decided, what it read, and which step set that.

For an invariant or a step property it is the innermost false part; for an error or an assertion the
part that went wrong, with the state in the middle of the step; for a deadlock what blocks every action.
"""

from __future__ import annotations

from collections.abc import Iterator

from kspec.engine.protocol import Run
from kspec.interp.machine import Machine
from kspec.interp.refines import Simulation
from kspec.system.expr import Expr
from kspec.system.model import State, System
from kspec.system.stmt import Block
from kspec.trace.blame import Leaf, Lens, blame, cause_of, halted
from kspec.trace.deadlock import blocked
from kspec.trace.misfit import misfits
from kspec.trace.model import Cause, Why
from kspec.trace.observe import Env, FaultError, HaltError, Observer

MOST_BLOCKED = 12


def explain(machine: Machine, run: Run, name: str) -> Why:
    """Why the end of ``run`` violates the property ``name`` (for a failing run empty: whatever it violates).

    The answer is empty when there is nothing to say, among others when the run violates nothing.
    """
    try:
        return _explain(machine, run, name)
    except RecursionError:
        # An expression nested a thousand deep: the trace is as good without its reason.
        return Why()


def _explain(machine: Machine, run: Run, name: str) -> Why:
    system = machine.system
    states = tuple(s for s in (run.initial, *(x.post for x in run.steps)) if s is not None)
    if run.last is None:
        cause = _failed(machine, run, name, states)
        return Why(causes=(cause,) if cause else ())
    declared = system.property_named(name)
    if declared is not None and declared.refinement is not None:
        found = misfits(Simulation(machine, declared), states)
        return Why(blocked=found[:MOST_BLOCKED], more_blocked=max(0, len(found) - MOST_BLOCKED))
    lens = Lens(system, states, states[-2] if len(states) > 1 else None)
    if name == "deadlock":
        found = tuple(blocked(Lens(system, states)))
        return Why(blocked=found[:MOST_BLOCKED], more_blocked=max(0, len(found) - MOST_BLOCKED))
    for e in _conditions(system, run, name):
        try:
            wrong = not lens.observer().value(e, {})
        except FaultError as fault:
            if name.startswith("error."):
                return Why((cause_of(lens, Leaf(fault.expr, fault.env, None)),))
        else:
            if wrong and not name.startswith("error."):
                return Why((cause_of(lens, blame(lens, e, {})),))
    return Why()


def _conditions(system: System, run: Run, name: str) -> Iterator[Expr]:
    """What is evaluated at the end of a run for that property (for ``error.*``: everything)."""
    for p in system.properties:
        if p.kind != "assert" and (p.kind != "step" or run.steps) and name in (p.name, "error." + name[6:]):
            yield p.expr
    if name.startswith("error."):
        yield from system.limits
        yield from system.terminal


def _failed(machine: Machine, run: Run, name: str, states: tuple[State, ...]) -> Cause | None:
    """Why the last step, or the initialisation, raised an error."""
    system = machine.system
    env: Env = {}
    guard: Expr | None = None
    start, body = system.start, system.init
    if run.steps and states:
        step = run.steps[-1]
        action = next((a for a in system.actions if a.name == step.action), None)
        if action is None:
            return None
        outcomes = machine.fire(states[-1], step.action, step.args)
        start, guard, body = states[-1], action.guard, action.body
        env = {v.name: a for (v, _), a in zip(action.params, step.args, strict=True)}
    else:
        outcomes = machine.initial()
    found = (o for o in outcomes if o.error and name in ("", o.error.property))
    outcome = next(found, None)
    if outcome is None:
        return None
    return _stop(Observer(system, start), states, guard, body, env, outcome.choices)


def _stop(
    o: Observer,
    states: tuple[State, ...],
    guard: Expr | None,
    body: Block,
    env: Env,
    choices: tuple[int, ...],
) -> Cause | None:
    """Why a step stops on the way, with what is read there; None when it does not."""
    try:
        if guard is not None:
            o.value(guard, env)
        o.execute(body, env, choices)
    except FaultError as fault:
        lens = Lens(o.system, (*states, tuple(o.scalars)), None, o.temps)
        return cause_of(lens, Leaf(fault.expr, fault.env, None))
    except HaltError as halt:
        lens = Lens(o.system, (*states, tuple(o.scalars)), None, o.temps)
        return halted(lens, halt)
    return None
