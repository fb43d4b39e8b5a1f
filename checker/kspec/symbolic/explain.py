"""What kept a proof by induction from going through, for people."""

from __future__ import annotations

from collections.abc import Iterator

from kspec.engine.protocol import Obstacle
from kspec.system.effects import DEADLOCK
from kspec.system.layout import elements, named_values, show
from kspec.system.model import State, System
from kspec.types import show_scalar


def explain_obstacle(system: System, obstacle: Obstacle) -> tuple[str, ...]:
    """A counterexample to induction as lines of text: the state it starts in (what matters of it, where that
    is known), then every step with what it changes.

    It is no violation: nothing says that the start is reachable, only that nothing assumed excludes it.
    """
    run = obstacle.run
    some = "a state with" if len(obstacle.matters) == system.width else "any state with"
    lines = [
        f"{_subject(obstacle)} is not inductive.  From {some if obstacle.matters else 'a state with'}",
        *(f"    {text}" for text in _start(system, obstacle)),
        f"  that the assumed properties allow, the last of these steps {_verb(obstacle)}:"
        if run.length > 1
        else f"  that the assumed properties allow, this step {_verb(obstacle)}:",
    ]
    before = run.initial
    for i, step in enumerate(run.steps, 1):
        lines.append(f"  {i:3}  {_call(system, step.action, step.args)}")
        if step.post is None:
            lines.append(f"         {obstacle.property}")
        elif before is not None:
            lines += [f"         {text}" for text in _changes(system, before, step.post)]
        before = step.post
    lines.append("  If no such state can be reached, an invariant or a lemma that says so may complete the proof.")
    return tuple(lines)


def summary(system: System, obstacle: Obstacle) -> str:
    """The same in one line."""
    run = obstacle.run
    last = run.steps[-1]
    how = f"{_call(system, last.action, last.args)} {_verb(obstacle)}"
    if run.length > 1:
        how = f"after {run.length} steps {how}"
    state = ", ".join(_scalars(system, obstacle))
    return f"{_subject(obstacle)} is not inductive: {how}{f', from a state with {state}' if state else ''}"


def _subject(obstacle: Obstacle) -> str:
    name = obstacle.property
    return f"freedom from {name}" if name == DEADLOCK or name.startswith("error.") else name


def _verb(obstacle: Obstacle) -> str:
    if obstacle.property == DEADLOCK:
        return "leads into one"
    return "raises it" if obstacle.run.last is None else "violates it"


def _start(system: System, obstacle: Obstacle) -> Iterator[str]:
    if obstacle.matters:
        yield from _scalars(system, obstacle)
    elif obstacle.run.initial is not None:
        yield from (f"{n} = {show(v)}" for n, v in named_values(system, obstacle.run.initial).items())


def _scalars(system: System, obstacle: Obstacle) -> Iterator[str]:
    """The scalars that matter, with their values."""
    table = elements(system)
    for position in obstacle.matters if obstacle.run.initial else ():
        element = table[position]
        assert obstacle.run.initial is not None
        yield f"{element.name} = {show_scalar(element.cell.type, obstacle.run.initial[position])}"


def _call(system: System, action: str, args: tuple[int, ...]) -> str:
    found = next((a for a in system.actions if a.name == action and len(a.params) == len(args)), None)
    if found is None or not args:
        return action
    texts = (f"{v.name} = {show_scalar(t, x)}" for (v, t), x in zip(found.params, args, strict=True))
    return f"{action}({', '.join(texts)})"


def _changes(system: System, before: State, after: State) -> Iterator[str]:
    for element, old, new in zip(elements(system), before, after, strict=True):
        if old != new:
            t = element.cell.type
            yield f"{element.name}: {show_scalar(t, old)} -> {show_scalar(t, new)}"
