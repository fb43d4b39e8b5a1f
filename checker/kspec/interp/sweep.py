"""Which of the shortest runs is shown: the one with the fewest switches of actor, then the smallest.

A backward sweep over the advancing edges finds the states on shortest runs to the sighting and, for each
and for each actor, the fewest switches from there to the end; a forward walk then takes, among the runs
with the fewest switches, the smallest initial state and at each step the smallest event (declaration
order, then arguments), then the smallest state after it.  States compare by their packed words, word 0
first.  The result depends on nothing but the system.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from kspec.engine.protocol import Run, Step
from kspec.interp.levels import Event, Levels, Sighting
from kspec.system.model import State
from kspec.system.packing import Slot, pack

Actor: TypeAlias = tuple[object, ...]
END = -1
"""The state number that stands for the end of the run."""


@dataclass(frozen=True)
class Row:
    """An edge on a shortest run; ``post`` is a state number or END, ``state`` the state after it."""

    event: Event
    post: int
    state: State | None


def fewest_switches(
    levels: Levels,
    events: list[Event],
    layout: tuple[Slot, ...],
    sighting: Sighting,
    poll: Callable[[], None],
) -> Run:
    """The run to show; ``poll`` is called now and then and may raise to give up."""
    if not sighting.states and not sighting.steps:
        return Run(None)
    rows = _rows(levels, events, sighting, poll)
    starts = set(sighting.states) if sighting.length == 0 else rows[0].keys()
    costs = _costs(rows, poll)
    packed: Callable[[int], tuple[int, ...]] = lambda i: pack(layout, levels.states[i])  # noqa: E731
    at = min(starts, key=lambda i: (min(costs[0][i].values()) if rows else 0, packed(i)))
    initial = levels.states[at]
    steps: list[Step] = []
    actor: Actor | None = None
    for k, level in enumerate(rows):
        row = min(
            level[at],
            key=lambda r: (
                _cost(r, actor, costs[k + 1]),
                r.event.key,
                () if r.state is None else pack(layout, r.state),
            ),
        )
        steps.append(Step(row.event.action, row.event.args, row.state))
        actor, at = row.event.actor, row.post
    return Run(initial, tuple(steps))


def first_found(levels: Levels, events: list[Event], sighting: Sighting) -> Run:
    """The run along the edges by which states were first found; deterministic, switches not minimised."""
    if not sighting.states and not sighting.steps:
        return Run(None)
    steps: list[Step] = []
    if sighting.states:
        at = sighting.states[0]
    else:
        at, event, post = sighting.steps[0]
        steps.append(Step(events[event].action, events[event].args, post))
    while levels.parents[at] != (-1, -1):
        pre, event = levels.parents[at]
        steps.append(Step(events[event].action, events[event].args, levels.states[at]))
        at = pre
    return Run(levels.states[at], tuple(reversed(steps)))


def _rows(
    levels: Levels, events: list[Event], sighting: Sighting, poll: Callable[[], None]
) -> list[dict[int, list[Row]]]:
    """For every step of the run, the edges that lie on shortest runs, by the state before them."""
    rows: list[dict[int, list[Row]]] = [{} for _ in range(sighting.length)]
    for pre, event, state in sighting.steps:
        rows[-1].setdefault(pre, []).append(Row(events[event], END, state))
    wanted = set(sighting.states)
    for k in reversed(range(sighting.length)):
        poll()
        for pre, event, post in levels.edges[k].rows() if wanted else ():
            if post in wanted:
                rows[k].setdefault(pre, []).append(Row(events[event], post, levels.states[post]))
        wanted = set(rows[k])
    return rows


def _costs(rows: list[dict[int, list[Row]]], poll: Callable[[], None]) -> list[dict[int, dict[Actor, int]]]:
    """For every step and state before it: the fewest switches to the end by the actor of that step."""
    costs: list[dict[int, dict[Actor, int]]] = [{}]
    for level in reversed(rows):
        poll()
        here: dict[int, dict[Actor, int]] = {}
        for pre, out in level.items():
            best = here[pre] = {}
            for row in out:
                cost = _cost(row, None, costs[0])
                best[row.event.actor] = min(cost, best.get(row.event.actor, cost))
        costs.insert(0, here)
    return costs


def _cost(row: Row, before: Actor | None, after: dict[int, dict[Actor, int]]) -> int:
    """The switches from the actor ``before`` (None: the first step) along ``row`` to the end."""
    actor = row.event.actor
    switch = 0 if before is None or before == actor else 1
    rest = after.get(row.post)
    if not rest:
        return switch
    return switch + min(n + (0 if a == actor else 1) for a, n in rest.items())
