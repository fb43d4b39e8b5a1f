"""Numbers for those who act: equal exactly for steps of the same actor (``kspec.interp.explore.actor_of``)."""

from __future__ import annotations

from dataclasses import dataclass

from kspec.system.model import Action, System
from kspec.types import Scalar


@dataclass(frozen=True)
class ActorNumber:
    """The number of an action's actor: ``base``, plus the value of a parameter if the actor is one."""

    base: int
    param: int | None

    @property
    def text(self) -> str:
        """The number as a C expression in the function of the action."""
        return f"(u32)({self.base} + p{self.param})" if self.param is not None else f"{self.base}u"

    def of(self, args: tuple[int, ...]) -> int:
        """The number for given arguments."""
        return (self.base + (args[self.param] if self.param is not None else 0)) & 0xFFFFFFFF


def actors_of(system: System) -> tuple[ActorNumber, ...]:
    """The numbers of all actions, in order."""
    spans: dict[object, tuple[int, int]] = {}
    for action in system.actions:
        key, domain = _who(action)
        lo, hi = (domain.lo, domain.hi) if domain is not None else (0, 0)
        known = spans.get(key, (lo, hi))
        spans[key] = (min(lo, known[0]), max(hi, known[1]))
    bases: dict[object, int] = {}
    free = 0
    for key, (lo, hi) in spans.items():
        bases[key] = free - lo
        free += hi - lo + 1
    return tuple(ActorNumber(bases[_who(a)[0]], a.actor) for a in system.actions)


def _who(action: Action) -> tuple[object, Scalar | None]:
    """What tells actors apart besides the value of a parameter, and the type of that parameter."""
    if action.actor is None:
        return ("one", action.process or action.name), None
    domain = action.params[action.actor][1]
    return ("each", action.process or domain), domain
