"""Re-execution of runs: nothing that an engine says is shown before it has passed through here.

:func:`confirm` re-executes a finding from the initial state and evaluates the property at its end;
:func:`complete` fills in what an engine left out of a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kspec.engine.protocol import Finding, Run, Step
from kspec.interp.lasso import refute, states_of
from kspec.interp.machine import Machine, Outcome, Violation
from kspec.interp.refines import Simulation
from kspec.system.expr import Site
from kspec.system.model import State, System
from kspec.types import show_scalar


def confirm(system: System | Machine, finding: Finding) -> str | None:
    """None when the run of the finding is an execution of the system that shows the property violated (or,
    for a ``reachable`` property, reached); else the reason why it is not."""
    machine = system if isinstance(system, Machine) else Machine(system)
    name, run = finding.property, finding.run
    declared = machine.system.property_named(name)
    if run is None:
        if declared is not None and declared.kind == "reachable":
            return None
        return f"{name} is said to be violated without a run"
    reason = _execution(machine, run)
    if reason is None and declared is not None and declared.kind == "property" and declared.refinement is None:
        return refute(machine, declared, run)
    if reason is None and violation(machine, name, run) is None:
        reason = f"the run is an execution, but does not show {name} at its end"
    return reason


def violation(machine: Machine, name: str, run: Run) -> Violation | None:
    """What the end of an execution shows about the property, with place and message; None when nothing.

    For a ``reachable`` property that the last state satisfies, it says so.
    """
    before = _before_last(run)
    if run.loop is not None:
        return _broken(machine, name, run)
    if run.last is None:
        failed = _last_outcomes(machine, run, before)
        return next((o.error for o in failed if o.error is not None and o.error.property == name), None)
    return _shown(machine, name, before, run.last)


def _broken(machine: Machine, name: str, run: Run) -> Violation | None:
    """What a lasso shows about a temporal property."""
    declared = machine.system.property_named(name)
    if declared is None or declared.kind != "property" or refute(machine, declared, run) is not None:
        return None
    return Violation(name, Site(declared.span), machine.message(name, states_of(run)[-1]))


def complete(system: System | Machine, run: Run, name: str | None = None) -> Run | str:
    """The run with every state filled in, or the reason why there is no such execution.

    Unknown are: the initial state where it is None, and the state after a step where that is None.  With
    ``name`` the end must show that property (a last step without a state may then be one that fails);
    without, every step must complete.  Among several executions the first in order of initial states and
    outcomes is taken.
    """
    machine = system if isinstance(system, Machine) else Machine(system)
    starts = [o for o in machine.initial() if run.initial is None or o.post == run.initial]
    if not run.steps and run.initial is None:
        for o in starts:
            if o.error is not None and o.error.property == name:
                return Run(None)
    layers: list[dict[State, State | None]] = [
        {o.post: None for o in starts if o.post is not None and not o.cut}
    ]
    if not layers[0]:
        return "there is no such initial state"
    for i, step in enumerate(run.steps):
        layer: dict[State, State | None] = {}
        for state in layers[-1]:
            for o in machine.fire(state, step.action, step.args):
                if i == len(run.steps) - 1 and o.error is not None and step.post is None and name is not None:
                    if o.error.property == name:
                        return _path(layers, run, state, None)
                elif o.post is not None and not o.cut and step.post in (None, o.post):
                    layer.setdefault(o.post, state)
        if not layer:
            if name is not None and i == len(run.steps) - 1:
                return f"the last step, {_call(machine, step)}, does not show {name}"
            return f"step {i + 1}, {_call(machine, step)}, cannot be taken in any state before it"
        layers.append(layer)
    return _end(machine, layers, run, name)


def _end(machine: Machine, layers: list[dict[State, State | None]], run: Run, name: str | None) -> Run | str:
    """Picks the last state; for a step property the state before it matters too."""
    for state in layers[-1]:
        if name is None or _shown(machine, name, None, state) is not None:
            return _path(layers[:-1], run, layers[-1][state], state)
    if name is not None and run.steps:
        step = run.steps[-1]
        for state in layers[-2]:
            for o in machine.fire(state, step.action, step.args):
                if o.post is None or o.cut or o.post not in layers[-1]:
                    continue
                if _shown(machine, name, state, o.post) is not None:
                    return _path(layers[:-1], run, state, o.post)
    return f"no state at the end shows {name}"


def _path(
    layers: list[dict[State, State | None]], run: Run, before: State | None, last: State | None
) -> Run:
    """The run through the layers to ``before``, and its last state."""
    states: list[State | None] = [last]
    at = before
    for layer in reversed(layers):
        if at is None:
            break
        states.append(at)
        at = layer[at]
    states.reverse()
    steps = tuple(Step(s.action, s.args, post) for s, post in zip(run.steps, states[1:], strict=True))
    return Run(states[0], steps)


def _execution(machine: Machine, run: Run) -> str | None:
    """The reason why a run is not an execution, whatever it shows."""
    if run.initial is None:
        return "the run has steps but no initial state" if run.steps else None
    if not any(o.post == run.initial and not o.cut for o in machine.initial()):
        return "the run does not start in an initial state"
    state = run.initial
    for i, step in enumerate(run.steps):
        outcomes = list(machine.fire(state, step.action, step.args))
        if step.post is None:
            if i < len(run.steps) - 1:
                return f"step {i + 1}, {_call(machine, step)}, has no state after it"
            return None
        if not any(o.post == step.post and not o.cut for o in outcomes):
            return f"step {i + 1}, {_call(machine, step)}, {_why_not(outcomes, step.post)}"
        state = step.post
    return None


def _why_not(outcomes: list[Outcome], post: State) -> str:
    if not outcomes:
        return "is not enabled"
    if any(o.post == post for o in outcomes):
        return "leads beyond a limit"
    if all(o.error is not None for o in outcomes):
        return f"raises {outcomes[0].error.property if outcomes[0].error else 'an error'}"
    return "does not lead to that state"


def _call(machine: Machine, step: Step) -> str:
    """The step as people write it."""
    for a in machine.system.actions:
        if a.name == step.action and len(a.params) == len(step.args):
            return f"{a.name}({', '.join(show_scalar(t, v) for (_, t), v in zip(a.params, step.args))})"
    return f"{step.action}({', '.join(map(str, step.args))})"


def _before_last(run: Run) -> State | None:
    if not run.steps:
        return None
    return run.steps[-2].post if len(run.steps) > 1 else run.initial


def _last_outcomes(machine: Machine, run: Run, before: State | None) -> Iterable[Outcome]:
    if not run.steps:
        return machine.initial()
    last = run.steps[-1]
    return machine.fire(before, last.action, last.args) if before is not None else ()


def _shown(machine: Machine, name: str, before: State | None, state: State) -> Violation | None:
    """What a state, and the step to it from ``before`` if there is one, show about a property."""
    return next((v for v in _all_shown(machine, name, before, state) if v.property == name), None)


def _all_shown(machine: Machine, name: str, before: State | None, state: State) -> Iterator[Violation]:
    declared = machine.system.property_named(name)
    if declared is not None and declared.refinement is not None:
        reason = Simulation(machine, declared).violation(before, state)
        if reason is not None:
            yield reason
        return
    wrong, reached = machine.judge(state)
    yield from wrong
    if name in reached:
        yield Violation(name, Site(declared.span if declared else None), f"{name} is reached")
    if before is not None:
        yield from machine.step_violations(before, state)
    ends = name == "deadlock" or name.startswith("error.")
    if ends and next(machine.steps(state), None) is None:
        yield from machine.deadlock_violations(state)
