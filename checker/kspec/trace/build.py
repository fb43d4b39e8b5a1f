"""From a run of a transition system to a trace, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from kspec import __version__
from kspec.engine.protocol import Finding, Run, Step
from kspec.interp.confirm import violation
from kspec.interp.machine import Machine, Violation
from kspec.system.layout import value_of
from kspec.system.model import Action, State, System, Variable
from kspec.trace import behaviour
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
from kspec.trace.relocate import relocated
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
    shown = _violation(machine, run, name)
    states = tuple(state_values(system, s) for s in _states(run))
    prop = _property(system, name, shown) if name else None
    outcome: Outcome = "run" if prop is None else "reached" if prop.kind == "reachable" else "violated"
    trace = Trace(
        model=ModelRef(meta.file, system.name, meta.case, system.params),
        outcome=outcome,
        system_hash=system.hash,
        variables=tuple(v.name for v in shown_variables(system)),
        states=states,
        steps=tuple(_step(system, s) for s in run.steps),
        property=prop,
        origin=meta.origin,
        failure=_failure(system, run, name, shown),
        why=_why(machine, run, name, outcome),
        kept=meta.kept,
        kspec_version=__version__,
        loop=run.loop,
        fairness=() if run.loop is None else behaviour.fairness(machine, run),
    )
    return relocated(trace, system, meta.file)


def _why(machine: Machine, run: Run, name: str, outcome: Outcome) -> Why:
    if run.loop is not None:
        return behaviour.why(machine, run, name)
    return Why() if outcome == "reached" else explain(machine, run, name)


def actor_of(action: Action, args: tuple[int, ...]) -> str:
    """Who acts, as people see it: ``Task#0``, ``peterson(Proc#1)``, ``ticker``, or nothing."""
    who = ""
    if action.actor is not None:
        who = show_scalar(action.params[action.actor][1], args[action.actor])
    if action.process is None:
        return who
    return f"{action.process}({who})" if who else action.process


def _step(system: System, step: Step) -> TraceStep:
    same = [a for a in system.actions if a.name == step.action and len(a.params) == len(step.args)]
    if not same:
        raise ValueError(f"{system.name} has no action {step.action}")
    action = same[0]
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
    """What the interpreter says about the end of the run (without a name: the error of its last step)."""
    if name:
        return violation(machine, name, run)
    if run.last is not None:
        return None
    before = run.steps[-2].post if len(run.steps) > 1 else run.initial
    if run.steps and before is not None:
        outcomes = machine.fire(before, run.steps[-1].action, run.steps[-1].args)
    else:
        outcomes = machine.initial()
    return next((o.error for o in outcomes if o.error is not None), None)


def _property(system: System, name: str, shown: Violation | None) -> TraceProperty:
    declared = system.property_named(name)
    message = shown.message if shown and (declared is None or declared.kind != "reachable") else ""
    if declared is None:
        kind = "deadlock" if name == "deadlock" else "error"
        place = shown.site.span if shown else None
        text = (shown.site.text if shown else "") or source_text(system, place)
        return TraceProperty(name, kind, message, cut(text), place)
    place = declared.span or (shown.site.span if shown else None)
    return TraceProperty(name, declared.kind, message, cut(source_text(system, declared.span)), place)


def _failure(system: System, run: Run, name: str, shown: Violation | None) -> Failure | None:
    if run.last is not None:
        return None
    if shown is None:
        return Failure("error", name)
    site = shown.site
    kind = shown.property if system.property_named(shown.property) is None else "assert"
    text = site.text or source_text(system, site.span)
    return Failure(kind, shown.property, shown.message, cut(text), site.span)
