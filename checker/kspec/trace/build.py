"""From a run of a transition system to a trace, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from kspec import __version__
from kspec.engine.protocol import Finding, Run, Step
from kspec.interp.machine import Machine, Violation
from kspec.system.layout import value_of
from kspec.system.model import Action, State, System, Variable
from kspec.trace.explain import explain
from kspec.trace.model import (
    Failure,
    Kept,
    ModelRef,
    Origin,
    Outcome,
    Trace,
    TraceProperty,
    TraceStep,
    Why,
)
from kspec.trace.values import (
    TraceState,
    of_value,
)
from kspec.trace.words import cut, source_text
from kspec.types import (
    MapType,
    Type,
    show_scalar,
)


@dataclass(frozen=True)
class Meta:
    """What a run does not say: the model's file and check, where the trace comes from, why it is kept."""

    file: str = ""
    case: str = ""
    origin: Origin = field(default=Origin())
    kept: Kept | None = None


def shown_variables(system: System) -> tuple[Variable, ...]:
    """The declared variables, then every cell that belongs to none of them (program counters, ghosts).

    Such a cell is shown as a map over its dimensions, under its own name (a template like ``pc[]``).
    """
    covered = {c.name for v in system.variables for c in v.cells}
    extra = []
    for c in system.state_cells:
        if c.name not in covered:
            t: Type = c.type
            for d in reversed(c.dims):
                t = MapType(d, t)
            extra.append(Variable(c.name, t, (c,)))
    return (*system.variables, *extra)


def state_values(system: System, state: State) -> TraceState:
    """The values of all variables in a state."""
    return tuple((v.name, of_value(value_of(system, v, state))) for v in shown_variables(system))


def trace_of(system: System, found: Finding | Run, meta: Meta = Meta(), machine: Machine | None = None) -> Trace:
    """The trace of a finding (or, of a bare run, one that is about no property).

    The finding is one that the interpreter has confirmed.  ``machine``, when there is one for the system
    already, saves compiling it again.  Raises ValueError for a finding without a run, and for a run that
    names an action that the system does not have.
    """
    run = found if isinstance(found, Run) else found.run
    name = "" if isinstance(found, Run) else found.property
    if run is None:
        raise ValueError(f"{name} has no run")
    machine = machine or Machine(system)
    violation = _violation(machine, run, name)
    states = tuple(state_values(system, s) for s in _states(run))
    prop = _property(system, name, violation) if name else None
    outcome: Outcome = "run" if prop is None else "reached" if prop.kind == "reachable" else "violated"
    return Trace(
        model=ModelRef(meta.file, system.name, meta.case, system.params),
        outcome=outcome,
        system_hash=system.hash,
        variables=tuple(v.name for v in shown_variables(system)),
        states=states,
        steps=tuple(_step(system, s) for s in run.steps),
        property=prop,
        origin=meta.origin,
        failure=_failure(system, run, name, violation),
        why=Why() if outcome == "reached" else explain(machine, run, name),
        kept=meta.kept,
        kspec_version=__version__,
    )


def action_named(system: System, name: str) -> Action | None:
    """The first action of that name."""
    return next((a for a in system.actions if a.name == name), None)


def actor_of(action: Action, args: tuple[int, ...]) -> str:
    """Who acts, as people see it: ``Task#0``, ``peterson(Proc#1)``, ``ticker``, or nothing."""
    who = ""
    if action.actor is not None:
        who = show_scalar(action.params[action.actor][1], args[action.actor])
    if action.process is None:
        return who
    return f"{action.process}({who})" if who else action.process


def _step(system: System, step: Step) -> TraceStep:
    action = action_named(system, step.action)
    if action is None:
        raise ValueError(f"{system.name} has no action {step.action}")
    return TraceStep(
        action=action.name,
        args=tuple((v.name, show_scalar(t, a)) for (v, t), a in zip(action.params, step.args, strict=True)),
        actor=actor_of(action, step.args),
        actor_param="" if action.actor is None else action.params[action.actor][0].name,
        place=action.span,
        text=cut(source_text(system, action.span)),
    )


def _states(run: Run) -> Iterator[State]:
    if run.initial is not None:
        yield run.initial
    for step in run.steps:
        if step.post is not None:
            yield step.post


def _violation(machine: Machine, run: Run, name: str) -> Violation | None:
    """What the interpreter says about the end of the run."""
    before = run.steps[-2].post if len(run.steps) > 1 else run.initial
    found: list[Violation] = []
    if run.last is None:
        if run.steps and before is not None:
            last = run.steps[-1]
            outcomes = machine.fire(before, last.action, last.args)
        else:
            outcomes = machine.initial()
        found = [o.error for o in outcomes if o.error is not None]
        return next((v for v in found if v.property == name), found[0] if found and not name else None)
    found.extend(machine.state_violations(run.last))
    if run.steps and before is not None:
        found.extend(machine.step_violations(before, run.last))
    if name == "deadlock":
        found.extend(machine.deadlock_violations(run.last))
    return next((v for v in found if v.property == name), None)


def _property(system: System, name: str, violation: Violation | None) -> TraceProperty:
    declared = system.property_named(name)
    message = violation.message if violation else ""
    if declared is None:
        kind = "deadlock" if name == "deadlock" else "error"
        place = violation.site.span if violation else None
        text = (violation.site.text if violation else "") or source_text(system, place)
        return TraceProperty(name, kind, message, cut(text), place)
    place = declared.span or (violation.site.span if violation else None)
    return TraceProperty(name, declared.kind, message, cut(source_text(system, declared.span)), place)


def _failure(system: System, run: Run, name: str, violation: Violation | None) -> Failure | None:
    if run.last is not None:
        return None
    if violation is None:
        return Failure("error", name)
    site = violation.site
    kind = violation.property if system.property_named(violation.property) is None else "assert"
    text = site.text or source_text(system, site.span)
    return Failure(kind, violation.property, violation.message, cut(text), site.span)
