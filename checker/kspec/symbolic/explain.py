"""What kept a proof by induction from going through, for people."""

from __future__ import annotations

from collections.abc import Iterator

from kspec.engine.protocol import Obstacle
from kspec.symbolic.ic3.literals import literals
from kspec.symbolic.ic3.readable import Writer
from kspec.symbolic.ic3.relate import Group
from kspec.symbolic.ic3.symmetry import interchangeable, symmetry
from kspec.system.effects import DEADLOCK
from kspec.system.layout import elements, named_values, show
from kspec.system.model import State, System
from kspec.types import show_scalar

MOST_SAID = 12
"""Of how many scalars a lemma may speak that is proposed."""


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
    lines.append("  It is not known whether such a state can be reached.  If none can, a lemma that says so helps:")
    lemma = _lemma(system, obstacle)
    lines.append(f"      lemma NAME: {lemma};" if lemma else "      lemma NAME: ...;")
    lines.append("  A lemma is proved like any property; the simpler and stronger it is, the better the chances.")
    return tuple(lines)


def _lemma(system: System, obstacle: Obstacle) -> str:
    """What excludes the states that the obstacle describes (and what renaming makes of them), in the language;
    empty where it cannot be said there, or is too long to be of use."""
    if not 0 < len(obstacle.matters) <= MOST_SAID or obstacle.run.initial is None:
        return ""
    known = literals([(e.cell.type.lo, e.cell.type.hi) for e in elements(system)])
    renamings = symmetry(system, known)
    if interchangeable(system) and not renamings.generators:
        return ""
    values = {p: obstacle.run.initial[p] for p in obstacle.matters}
    cube = frozenset(
        n for p, v in values.items() for n in known.at[p] if known.table[n].allows(v, known.ranges[p][0])
    )
    return Writer(system, known, bool(renamings.generators)).clause(Group(cube)).text


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
