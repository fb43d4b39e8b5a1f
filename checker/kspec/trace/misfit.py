"""Why no step of the abstract system does what the last step of a run does: for every abstract action, what is false
in the abstract state, or in which variable the state after it would differ."""

from __future__ import annotations

from collections.abc import Sequence

from kspec.interp.refines import Simulation
from kspec.system.model import State
from kspec.trace.blame import Lens
from kspec.trace.deadlock import obstacle
from kspec.trace.model import Blocked, Cause
from kspec.types import show_scalar

MOST_CALLS = 256
MOST_DIFFERENCES = 3


def misfits(simulation: Simulation, states: Sequence[State]) -> tuple[Blocked, ...]:
    """For the abstract actions, nearest first: those that can be taken, by in how much their outcome differs, then
    those that cannot.  Calls with one reason are together.  Empty for a run without steps."""
    images = [simulation.image(s) for s in states]
    past = tuple(i for i in images[:-1] if i is not None)
    after = images[-1]
    if len(past) + 1 != len(images) or not past or after is None:
        return ()
    lens = Lens(simulation.abstract.system, past)
    actions = {a.name: a for a in simulation.abstract.system.actions}
    ranks: dict[tuple[str, Cause], int] = {}
    groups: dict[tuple[str, Cause], list[str]] = {}
    for name, args, posts in simulation.possible(past[-1], MOST_CALLS):
        action = actions[name]
        cause: Cause | None
        if posts:
            nearest = min((tuple(simulation.differences(p, after)) for p in posts), key=len)
            shown = tuple(f"{element} = {leads}, not {needed}" for element, leads, needed in nearest)
            more = len(shown) - MOST_DIFFERENCES
            text = ", ".join(shown[:MOST_DIFFERENCES]) + (f" and {more} more" if more > 0 else "")
            cause, rank = Cause(f"leads to {text}", None), len(nearest)
        else:
            cause, rank = obstacle(lens, action, args), 1 << 20
        if cause is None:
            continue
        shown_args = ", ".join(show_scalar(t, a) for (_, t), a in zip(action.params, args, strict=True))
        groups.setdefault((name, cause), []).append(shown_args)
        ranks[name, cause] = min(rank, ranks.get((name, cause), rank))
    ordered = sorted(groups.items(), key=lambda x: ranks[x[0]])
    return tuple(Blocked(name, tuple(i for i in calls if i), cause) for (name, cause), calls in ordered)
