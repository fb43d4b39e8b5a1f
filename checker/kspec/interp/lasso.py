"""Re-execution of lassos: is it a fair behaviour of the system that does not satisfy the property?

The formula is evaluated by its definition (``kspec.temporal.lasso``), without the automata of the engines.
"""

from __future__ import annotations

from dataclasses import dataclass

from kspec.engine.protocol import Run, Step
from kspec.interp.evaluate import EvalError
from kspec.interp.machine import Machine
from kspec.system.model import Property, State
from kspec.system.temporal import Atom, Claim, Constraint, Holds, constraints, matches
from kspec.temporal.lasso import satisfies


@dataclass(frozen=True)
class Discharge:
    """How the repeating part of a lasso meets a fairness constraint.

    ``taken``: at this step; ``disabled``: after this step (0: at the start); ``stopped``: nothing can happen.
    ``idle``: strong fairness of something that is not enabled at all there.
    """

    constraint: Constraint
    how: str
    step: int = 0


def refute(machine: Machine, prop: Property, run: Run) -> str | None:
    """None when the run is a fair behaviour that does not satisfy the property, else the reason why it is not.

    The steps themselves must have been re-executed before.
    """
    reason = open_end(machine, run)
    if reason is not None:
        return reason
    unfair = next((c for c in constraints(machine.system) if discharge(machine, run, c) is None), None)
    if unfair is not None:
        return f"the behaviour is not fair to {unfair.name}{unfair.args}"
    if violated_claim(machine, prop, run) is None:
        return f"the behaviour satisfies {prop.name}"
    return None


def open_end(machine: Machine, run: Run) -> str | None:
    """None when the run repeats for ever as it says, else why not."""
    states = states_of(run)
    if run.loop is None or len(states) != run.length + 1 or not 0 <= run.loop <= run.length:
        return "the run has no repeating part"
    if run.loop == run.length:
        stuck = next(machine.steps(states[-1]), None) is None
        return None if stuck else "something can happen in the state that is said to stay for ever"
    return None if states[-1] == states[run.loop] else "the repeating part does not end where it begins"


def violated_claim(machine: Machine, prop: Property, run: Run) -> Claim | None:
    """The first claim of the property that the behaviour does not satisfy."""
    assert run.loop is not None
    length = max(run.length, run.loop + 1)
    truth = _Truth(machine, run)
    found = (c for c in prop.claims if not satisfies(c.formula, length, run.loop, truth))
    return next(found, None)


def discharge(machine: Machine, run: Run, c: Constraint) -> Discharge | None:
    """How the repeating part is fair in one respect; None when it is not."""
    assert run.loop is not None
    if run.loop == run.length:
        return Discharge(c, "stopped", run.length)
    states = states_of(run)
    for i in range(run.loop, run.length):
        if run.steps[i].action in c.actions and run.steps[i].args == c.args:
            return Discharge(c, "taken", i + 1)
    off = [i for i in range(run.loop, run.length) if not enabled(machine, states[i], c)]
    if c.kind == "weak" and off:
        return Discharge(c, "disabled", off[0])
    if c.kind == "strong" and len(off) == run.length - run.loop:
        return Discharge(c, "idle", off[0])
    return None


def discharges(machine: Machine, run: Run) -> tuple[Discharge, ...]:
    """The same for every constraint of the system."""
    return tuple(d for c in constraints(machine.system) if (d := discharge(machine, run, c)) is not None)


def enabled(machine: Machine, state: State, c: Constraint) -> bool:
    """Whether a step of the constraint has an outcome in a state, be it an error or beyond a limit."""
    return any(machine.enabled(state, a, c.args) for a in sorted(c.actions))


def states_of(run: Run) -> tuple[State, ...]:
    """The initial state and the state after each step."""
    return tuple(s for s in (run.initial, *(x.post for x in run.steps)) if s is not None)


def holds(machine: Machine, atom: Holds, state: State) -> bool:
    """Whether a condition is true in a state; one that raises an error is not."""
    try:
        return machine.holds(atom.expr, state)
    except EvalError:
        return False


def is_step(machine: Machine, atom: Atom, step: Step) -> bool:
    """Whether a step is one that the atom means."""
    assert not isinstance(atom, Holds)
    return any(a.name == step.action and matches(atom, a, step.args) for a in machine.system.actions)


@dataclass(frozen=True)
class _Truth:
    """The truth of atoms along a run."""

    machine: Machine
    run: Run

    def __call__(self, atom: Atom, position: int) -> bool:
        if isinstance(atom, Holds):
            return holds(self.machine, atom, states_of(self.run)[position])
        return position < self.run.length and is_step(self.machine, atom, self.run.steps[position])
