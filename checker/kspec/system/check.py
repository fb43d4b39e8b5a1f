"""What a model asks to be checked: cases with their expectation, and scenarios."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kspec.system.expr import Expr, Site


@dataclass(frozen=True)
class Expectation:
    """How a check must end.

    ``holds``: every property holds.  By default that needs ``exhausted`` or ``proved``; ``up_to``
    accepts ``bounded`` at that depth or deeper; ``within_limit`` accepts (and needs) a limit.
    ``states`` and ``transitions`` pin the exact counts.
    ``violates``: ``property`` is violated (others may be too, unless ``only``).
    """

    kind: Literal["holds", "violates"]
    property: str | None = None
    only: bool = False
    up_to: int | None = None
    within_limit: bool = False
    states: int | None = None
    transitions: int | None = None

    def __str__(self) -> str:
        if self.kind == "violates":
            return f"violates {'only ' if self.only else ''}{self.property}"
        text = "holds"
        if self.up_to is not None:
            text += f" up to {self.up_to}"
        if self.within_limit:
            text += " within limit"
        if self.states is not None:
            text += f" states {self.states}"
        if self.transitions is not None:
            text += f" transitions {self.transitions}"
        return text


@dataclass(frozen=True)
class Case:
    """One configuration to check: a declared check, or one point of its matrix.

    ``name`` is unique in the model; points of a matrix are named ``check[CPUS=2,TASKS=1]``.
    ``params`` are the settings as written, in order (values as text).
    """

    name: str
    story: str
    params: tuple[tuple[str, str], ...]
    expect: Expectation
    tier: Literal["quick", "slow"] = "quick"
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Do:
    """Take one of ``actions`` (more than one: alternatives at the same place of a process).

    ``args`` are the values of the action's parameters, None where any value will do.  ``violates``
    names a property that this step must violate (then the scenario ends).
    """

    actions: tuple[str, ...]
    args: tuple[int | None, ...]
    violates: str | None = None
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Disabled:
    """None of ``actions`` can be taken with ``args``."""

    actions: tuple[str, ...]
    args: tuple[int | None, ...]
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Expect:
    """``cond`` holds in every state that the scenario can be in."""

    cond: Expr
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Pick:
    """Go on with those states only in which ``cond`` holds (there must be one)."""

    cond: Expr
    site: Site = field(default=Site(), compare=False)


ScenarioStep: TypeAlias = Do | Disabled | Expect | Pick


@dataclass(frozen=True)
class Scenario:
    """A scripted run: a unit test of a model.

    It is executed on the set of states that the script so far allows: initial states first; ``Do``
    replaces the set by the successors.  An undeclared violation (an invariant false in every state of
    the set, an error in every successor) fails it.
    """

    name: str
    params: tuple[tuple[str, str], ...]
    steps: tuple[ScenarioStep, ...]
    site: Site = field(default=Site(), compare=False)
