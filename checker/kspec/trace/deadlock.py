"""Why nothing can happen: for every action, and everyone who could take it, what is in the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, product

from kspec.interp.evaluate import conjuncts
from kspec.system.model import Action
from kspec.trace.blame import Lens, blame, cause_of, halted
from kspec.trace.model import Blocked, Cause
from kspec.trace.observe import Env, FaultError, HaltError
from kspec.types import show_scalar

MOST_INSTANCES = 512


def obstacle(lens: Lens, action: Action, args: tuple[int, ...]) -> Cause | None:
    """Why an action cannot be taken in the last state of the lens; None when it can, or raises an error.

    A false guard is followed to its innermost false part; where the guard holds, the body is executed (along
    its first choices) to the requirement that is not met.
    """
    params = [v.name for v, _ in action.params]
    env: Env = dict(zip(params, args, strict=True))
    o = lens.observer()
    try:
        if not o.value(action.guard, env):
            return cause_of(lens, blame(lens, action.guard, env), hidden=params)
        o.execute(action.body, env, ())
    except FaultError:
        return None
    except HaltError as halt:
        inside = Lens(lens.system, (*lens.states, tuple(o.scalars)), None, o.temps)
        return replace(halted(inside, halt), bindings=())
    return None


def blocked(lens: Lens) -> Iterator[Blocked]:
    """What blocks every action in the last state; instances with one reason are together.

    A process stands at one place: of its actions only those there are listed.  One that stands where it
    has no action (it has ended) is listed under its own name.
    """
    groups: dict[tuple[str, Cause], list[str]] = {}
    resting: dict[tuple[str, str], Cause] = {}
    for action in lens.system.actions:
        for args in islice(product(*(range(t.lo, t.hi + 1) for _, t in action.params)), MOST_INSTANCES):
            cause = obstacle(lens, action, args)
            if cause is None:
                continue
            names = tuple(show_scalar(t, a) for (_, t), a in zip(action.params, args, strict=True))
            if action.process is not None:
                who = (action.process, names[action.actor] if action.actor is not None else "")
                if elsewhere(lens, action, args):
                    resting.setdefault(who, cause)
                    continue
                resting[who] = _HERE
            groups.setdefault((action.name, cause), []).append(", ".join(names))
    for (process, self_name), cause in resting.items():
        if cause is not _HERE:
            ended = replace(cause, text="", bindings=(), given=(), operands=(), place=None)
            groups.setdefault((process, ended), []).append(self_name)
    for (name, cause), instances in groups.items():
        yield Blocked(name, tuple(i for i in instances if i), cause)


_HERE = Cause("", False)
"""Marks a process that has an action where it stands."""


def elsewhere(lens: Lens, action: Action, args: tuple[int, ...]) -> bool:
    """Whether the process stands somewhere else: the first conjunct of the guard, over cells of the process
    alone, is false."""
    first = next(conjuncts(action.guard))
    o = lens.observer()
    try:
        false = not o.value(first, {v.name: a for (v, _), a in zip(action.params, args, strict=True)})
    except FaultError:
        return False
    return false and bool(o.reads) and all(c.local_of == action.process for c, _, _ in o.reads)
