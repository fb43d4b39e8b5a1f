"""What records of a real system's trace mean for a model (part of a ``System``, without influence on its steps)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kspec.lang.source import Span
from kspec.system.expr import Expr, Var
from kspec.types import Scalar


@dataclass(frozen=True)
class ObservedField:
    """A field of a record, read into ``var``.

    Fields of an id type hold object identities (addresses, process numbers), which are bound to identities of the
    model: ``birth`` begins the life of one, ``death`` ends it after the record.  The names ``CPU`` and ``PID`` stand
    for the processor and the process that made the record.
    """

    field: str
    var: Var
    type: Scalar
    mode: Literal["use", "birth", "death"]


@dataclass(frozen=True)
class Observation:
    """A record with this name, whose fields satisfy ``when``, stands for these actions, one after the other."""

    record: str
    fields: tuple[ObservedField, ...]
    when: Expr
    calls: tuple[tuple[str, tuple[Expr, ...]], ...]
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Observations:
    """All of them; records to be ignored, and actions that leave no record, by name."""

    observed: tuple[Observation, ...] = ()
    ignored: frozenset[str] = frozenset()
    silent: tuple[str, ...] = ()
