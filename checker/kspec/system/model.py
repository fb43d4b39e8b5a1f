"""The transition system: the only thing that engines, exporters, conformance and drawings know.

A ``System`` is one configuration of a model: all parameters have values.  Its state is the tuple of
all non-temporary cells, flattened in order, each row-major over its dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

from kspec.lang.source import Source, Span
from kspec.system.expr import Cell, Expr, Var
from kspec.system.observe import Observations
from kspec.system.stmt import Block, Shown
from kspec.system.temporal import Claim, Fair
from kspec.types import Scalar, Type

State: TypeAlias = tuple[int, ...]

IF_SET: Mapping[str, str] = {"hash": "if set"}
"""Metadata of a field that does not count in the hash while it has its default."""


@dataclass(frozen=True)
class Action:
    """A guarded atomic action.

    ``params`` are free choices within their types; ``guard`` is over them and the state; ``body`` is
    the step.  ``actor`` is the index of the parameter that says who acts (a process's ``self``, else
    the first parameter of an id type), or None.  ``process`` is the process the step belongs to.
    ``label`` is what traces call it.
    """

    name: str
    params: tuple[tuple[Var, Scalar], ...]
    guard: Expr
    body: Block
    process: str | None = None
    actor: int | None = None
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Refinement:
    """What a system is to refine: ``values`` give the flat state of ``abstract``, in order, from a state."""

    abstract: System
    values: tuple[Expr, ...]


@dataclass(frozen=True)
class Property:
    """Something to be verified.

    ``invariant``: holds in every reachable state.  ``step``: holds of every step (``Read.old`` is the
    start).  ``reachable``: some reachable state satisfies it.  ``assert``: an assertion inside a step;
    ``expr`` is TRUE, the condition is at the statement.  ``lemma``: an invariant that helps proofs.
    ``property``: every fair behaviour satisfies all ``claims``; ``expr`` is true in every state, evaluating
    it raises what their conditions raise.  With a ``refinement`` it is one of steps instead: every initial state
    is one of the abstract system, every step one of its steps or no change of its state.
    """

    name: str
    kind: Literal["invariant", "step", "reachable", "assert", "lemma", "property"]
    expr: Expr
    message: tuple[str | Shown, ...] = field(default=(), compare=False)
    span: Span | None = field(default=None, compare=False)
    claims: tuple[Claim, ...] = field(default=(), metadata=IF_SET)
    refinement: Refinement | None = field(default=None, metadata=IF_SET)


@dataclass(frozen=True)
class Variable:
    """A declared variable: how its value is put together from cells (see ``kspec.system.layout``)."""

    name: str
    type: Type
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class System:
    """A finite transition system.

    Initial states: start with every scalar at ``start`` (its default), run ``init`` (whose choices
    give several initial states; a disabled path gives none; an error is a violation with a trace of
    length 0).  A state is ``terminal`` if any of the terminal expressions holds.  States in which
    a limit expression is false are not entered (nor are they initial).
    """

    name: str
    params: tuple[tuple[str, str], ...]
    cells: tuple[Cell, ...]
    start: tuple[int, ...]
    init: Block
    actions: tuple[Action, ...]
    properties: tuple[Property, ...]
    terminal: tuple[Expr, ...] = ()
    limits: tuple[Expr, ...] = ()
    deadlock: bool = True
    variables: tuple[Variable, ...] = ()
    id_types: tuple[Scalar, ...] = ()
    sources: tuple[Source, ...] = field(default=(), compare=False)
    fairness: tuple[Fair, ...] = field(default=(), metadata=IF_SET)
    observations: Observations = field(default=Observations(), compare=False)

    @cached_property
    def offsets(self) -> Mapping[str, int]:
        """For every state cell, where its first scalar is in the flat state."""
        table: dict[str, int] = {}
        at = 0
        for c in self.cells:
            if not c.temp:
                table[c.name] = at
                at += c.size
        return table

    @cached_property
    def width(self) -> int:
        """The number of scalars in a state."""
        return sum(c.size for c in self.cells if not c.temp)

    @cached_property
    def state_cells(self) -> tuple[Cell, ...]:
        """The cells that make up the state, in order."""
        return tuple(c for c in self.cells if not c.temp)

    @cached_property
    def hash(self) -> str:
        """A stable hash of everything that has a meaning: spans, comments and messages do not count."""
        from kspec.system.hashing import system_hash

        return system_hash(self)

    def property_named(self, name: str) -> Property | None:
        """The declared property of that name."""
        return next((p for p in self.properties if p.name == name), None)

    @property
    def temporal(self) -> tuple[Property, ...]:
        """The properties in temporal logic."""
        return tuple(p for p in self.properties if p.kind == "property" and p.refinement is None)

    @property
    def refinements(self) -> tuple[Property, ...]:
        """The properties that say what the system refines."""
        return tuple(p for p in self.properties if p.refinement is not None)

    def source(self, name: str) -> Source | None:
        """The source text of that file name."""
        return next((s for s in self.sources if s.name == name), None)
