"""What a saved trace holds.

Everything that is needed to show a trace is in it, as text; the model is needed only to replay it.
A state is kept as the values of the variables by name, so a trace outlives changes of the layout.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kspec.lang.source import Span
from kspec.trace.values import TraceState

VERSION = 1

Outcome = Literal["violated", "reached", "run"]
Intent = Literal["must stay possible", "must stay impossible"]


@dataclass(frozen=True)
class TraceError:
    """Why a file is no trace: ``message``, and ``where`` in it (``kspec.steps[3].args``, ``line 7``)."""

    file: str
    where: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.where}" if self.where else self.file
        return f"{place}: {self.message}"


@dataclass(frozen=True)
class ModelRef:
    """Which model: its file (relative to the project's directory), its name, the check, the parameters."""

    file: str
    name: str
    case: str = ""
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class TraceProperty:
    """The property that the trace is about.

    ``kind`` is a kind of ``kspec.system.model.Property``, ``deadlock`` or ``error``.  ``message`` has the
    values of the last state in it; ``text`` is the source of the expression.
    """

    name: str
    kind: str
    message: str = ""
    text: str = ""
    place: Span | None = None


@dataclass(frozen=True)
class Origin:
    """Where the trace comes from: engine, how strong its search was, when (ISO 8601, or empty).

    ``shortest``: no shorter trace violates the property.
    """

    engine: str = ""
    strength: str = ""
    when: str = ""
    shortest: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TraceStep:
    """One step: the action, its arguments by parameter name, and who acts (empty: nobody in particular)."""

    action: str
    args: tuple[tuple[str, str], ...] = ()
    actor: str = ""
    actor_param: str = ""
    place: Span | None = None
    text: str = ""


@dataclass(frozen=True)
class Failure:
    """The error of the last step, or of the initialisation: it has no state after it.

    ``kind`` is ``assert`` or ``error.range``, ``error.index``, ``error.none``, ``error.div``,
    ``error.choose``; ``property`` is the violated property.
    """

    kind: str
    property: str
    message: str = ""
    text: str = ""
    place: Span | None = None


@dataclass(frozen=True)
class Observed:
    """A state element that a condition read: its value, and which step set it (0: it is as at the start).

    ``old`` is its value before the last step, for step properties (empty when it was not read).
    """

    element: str
    value: str
    step: int
    old: str = ""


@dataclass(frozen=True)
class Cause:
    """The innermost condition that decides: ``text`` is ``truth`` under ``bindings`` where ``given`` holds.

    ``truth`` None: the condition is an expression whose evaluation went wrong.  ``operands`` are the
    values of the two sides of a comparison that are not plain elements.  ``more_reads``: how many
    elements were read besides those in ``reads``.  ``when``: at which places of a behaviour, in words.
    """

    text: str
    truth: bool | None
    place: Span | None = None
    bindings: tuple[tuple[str, str], ...] = ()
    given: tuple[str, ...] = ()
    operands: tuple[tuple[str, str], ...] = ()
    reads: tuple[Observed, ...] = ()
    more_reads: int = 0
    when: str = ""


@dataclass(frozen=True)
class Fair:
    """How the repeating part of a behaviour meets a fairness constraint.

    ``kind``: ``weak`` or ``strong``; ``who``: the action or process with its arguments.  ``how``: it is ``taken``
    at ``step``; ``disabled`` after ``step``; ``idle``, never enabled; ``stopped``: nothing can happen at all.
    """

    kind: str
    who: str
    how: str
    step: int = 0


@dataclass(frozen=True)
class Blocked:
    """An action that cannot be taken at the end, for whom (several instances with one reason), and why."""

    action: str
    instances: tuple[str, ...]
    cause: Cause


@dataclass(frozen=True)
class Why:
    """Why the property is violated: the deciding conditions, or for a deadlock what blocks each action."""

    causes: tuple[Cause, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    more_blocked: int = 0


@dataclass(frozen=True)
class Kept:
    """What a trace that is kept as a regression must show, and its story.

    ``settings`` are parameters in which it is replayed, where they differ from those it was found with: the
    trace of a bug, replayed with the fix.
    """

    intent: Intent
    story: str = ""
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Trace:
    """A run of a model, and what it shows.

    ``states`` has the initial state and the state after each step; a failing last step has none, and
    there is none at all when the initialisation fails.  With ``loop`` it is an infinite behaviour: the steps after
    step ``loop`` repeat (none: nothing can happen any more), which is fair in the ways listed.
    """

    model: ModelRef
    outcome: Outcome
    system_hash: str
    variables: tuple[str, ...]
    states: tuple[TraceState, ...]
    steps: tuple[TraceStep, ...]
    property: TraceProperty | None = None
    origin: Origin = field(default=Origin())
    failure: Failure | None = None
    why: Why = field(default=Why())
    kept: Kept | None = None
    kspec_version: str = ""
    loop: int | None = None
    fairness: tuple[Fair, ...] = ()

    def replay_params(self) -> dict[str, str]:
        """The parameters to replay with."""
        return dict(self.model.params) | dict(self.kept.settings if self.kept else ())
