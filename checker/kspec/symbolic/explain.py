"""What kept a proof by induction from going through, for people."""

from __future__ import annotations

from collections.abc import Iterator

from kspec.engine.protocol import Finding
from kspec.system.layout import Value, named_values, show
from kspec.system.model import State, System
from kspec.types import show_scalar


def explain_obstacle(system: System, obstacle: Finding) -> tuple[str, ...]:
    """A counterexample to induction as lines of text: the state it starts in, whole, then every step with
    what it changes.  Nothing says that the start is reachable, and nothing assumed excludes it."""
    run = obstacle.run
    if run is None or run.initial is None:
        return ()
    k = run.length
    steps = "the next step" if k == 1 else f"the next {k} steps"
    head = f"{obstacle.property} is not inductive: nothing that is assumed excludes this state,"
    lines = [head, f"and {steps} would violate it:"]
    lines += [f"    {name} = {show(value)}" for name, value in named_values(system, run.initial).items()]
    before = run.initial
    for step in run.steps:
        lines.append(f"  {_call(system, step.action, step.args)}")
        if step.post is None:
            lines.append(f"    raises {obstacle.property}")
        else:
            lines += [f"    {text}" for text in _changes(system, before, step.post)]
            before = step.post
    return tuple(lines)


def summary(system: System, obstacle: Finding) -> str:
    """The same in one line."""
    run = obstacle.run
    if run is None:
        return f"{obstacle.property}: not inductive"
    last = run.steps[-1]
    return (
        f"{obstacle.property}: not inductive with k = {run.length}"
        f" ({_call(system, last.action, last.args)} from a state that is not known to be unreachable)"
    )


def _call(system: System, action: str, args: tuple[int, ...]) -> str:
    found = next((a for a in system.actions if a.name == action and len(a.params) == len(args)), None)
    if found is None or not args:
        return action
    texts = (f"{v.name} = {show_scalar(t, x)}" for (v, t), x in zip(found.params, args, strict=True))
    return f"{action}({', '.join(texts)})"


def _changes(system: System, before: State, after: State) -> Iterator[str]:
    old = named_values(system, before)
    for name, value in named_values(system, after).items():
        if not _same(old[name], value):
            yield f"{name} = {show(value)}"


def _same(a: Value, b: Value) -> bool:
    return a == b
