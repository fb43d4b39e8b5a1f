"""Comparing the program with the second implementation of the language (``lang.reference``)."""

from __future__ import annotations

from typing import Any

from kspec.engine.protocol import Budget, Goals, Progress
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine as Interp
from kspec.lang.load import Program
from kspec.lower.build import build
from kspec.system.layout import show, value_of
from kspec.system.model import State, System
from lang.reference import Machine
from lang.reference_values import NotSupported, text

Values = tuple[str, ...]


class Quiet:
    """A control block that no one looks at."""

    def cancelled(self) -> bool:
        return False

    def report(self, progress: Progress) -> None:
        pass


def difference(program: Program, settings: dict[str, Any] | None = None, most: int = 500) -> str | None:
    """What the program and the reference do not agree about; empty when they agree, None when the model has too many
    states.

    Compared are the violated properties, the values that the variables have together in some state, and for models
    without processes the numbers of states and transitions; all with and without merging.
    """
    if program.abstract:
        raise NotSupported("refinement")  # the reference knows one model at a time
    reference = Machine(program, settings)
    expected = reference.explore(most)
    if not expected.complete:
        return None
    names = list(reference.world.variables)
    wanted = {tuple(text(v) for _, v in s) for s in expected.seen}
    for merging in (True, False):
        system = build(program, {k: text(v) for k, v in (settings or {}).items()}, merging=merging)
        result = InterpEngine().check(system, Goals(everything=True), Budget(states=4 * most), Quiet())
        found = reachable(system, names, 4 * most)
        if result.status != "exhausted" or found is None:
            return None
        said = f"merging {merging}: "
        # Behaviours are beyond the reference: it explores states.
        violated = {f.property for f in result.findings if f.run is None or f.run.loop is None}
        if violated != expected.violated:
            return f"{said}violated {sorted(violated)}, by the reference {sorted(expected.violated)}"
        if found != wanted:
            return f"{said}states {sorted(found - wanted)[:3]}, by the reference {sorted(wanted - found)[:3]}"
        if not reference.world.processes:
            assert result.evidence is not None
            counts = result.evidence.states, result.evidence.transitions
            if counts != (expected.states, expected.transitions):
                return f"{said}counts {counts}, by the reference {(expected.states, expected.transitions)}"
    return ""


def reachable(system: System, names: list[str], most: int) -> set[Values] | None:
    """The values that the variables have in the reachable states, as text; None when there are too many states."""
    machine = Interp(system)
    variables = {v.name: v for v in system.variables}
    known: set[State] = set()
    todo = [o.post for o in machine.initial() if o.post is not None and not o.cut]
    while todo:
        state = todo.pop()
        if state in known:
            continue
        known.add(state)
        if len(known) > most:
            return None
        todo += [o.post for o in machine.steps(state) if o.post is not None and not o.cut]
    return {tuple(show(value_of(system, variables[n], s)) for n in names) for s in known}
