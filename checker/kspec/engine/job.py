"""One unit of work for a worker process: a model and what is to be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from kspec.engine.checkpoints import Checkpoints
from kspec.lang.source import Span
from kspec.system.check import Case, Scenario
from kspec.system.model import System
from kspec.trace.model import Trace


class Model(Protocol):
    """A model whose text has been read; it can be pickled."""

    @property
    def file(self) -> str:
        """The file as the user named it."""

    @property
    def reference(self) -> str:
        """The file as a saved trace names it: relative to the project where that is possible."""

    def build(self, params: Mapping[str, str]) -> System:
        """The transition system of one configuration.  Raises ``kspec.lang.diagnostics.Failed``."""

    def scenario(self, name: str) -> tuple[System, Scenario]:
        """A scenario with its steps, and the system of its configuration.  Raises Failed."""


@dataclass(frozen=True)
class KeptTrace:
    """A saved counterexample that is kept as a regression: its file and its content."""

    file: str
    trace: Trace


Unit: TypeAlias = Case | Scenario | KeptTrace


@dataclass(frozen=True)
class Settings:
    """How checks are run.  ``engine`` is a name, ``auto`` or ``all``.

    ``seconds`` is for each check, ``memory`` (bytes) and ``threads`` are the share of each of the checks
    that run at the same time; ``depth`` (steps) bounds the search.  ``everything``: every violated
    property gets its own shortest trace.  ``symmetry``: whether one state may stand for all that
    permutations of identities make of it; ``auto`` where there are many, and no counts are pinned.
    ``partial``: whether only some of the steps of a state may be taken, where the others change nothing that is
    looked for; ``auto`` where there are many states, no counts are pinned and engines are not compared.
    ``hunt``: states are told apart by hashes, in so many bytes (0: all there are), and nothing is exhaustive.
    ``checkpoints``: whether and where long searches are saved.  ``statistics``: results say what makes the
    states many.  ``mining``: proofs may use invariants that nobody declared.
    """

    engine: str = "auto"
    seconds: float | None = None
    memory: int | None = None
    threads: int = 1
    depth: int | None = None
    everything: bool = False
    symmetry: Literal["off", "on", "auto"] = "auto"
    partial: Literal["off", "on", "auto"] = "auto"
    checkpoints: Checkpoints | None = None
    statistics: bool = False
    hunt: int | None = None
    mining: bool = True


@dataclass(frozen=True)
class Job:
    """A unit of a model.  A scenario is named by its outline: the steps are elaborated where it is run."""

    model: Model
    unit: Unit

    @property
    def kind(self) -> Literal["check", "scenario", "counterexample"]:
        """``check``, ``scenario`` or ``counterexample``."""
        match self.unit:
            case Case():
                return "check"
            case Scenario():
                return "scenario"
            case KeptTrace():
                return "counterexample"

    @property
    def name(self) -> str:
        """The name of the check or scenario, or the file of the trace."""
        match self.unit:
            case KeptTrace(file):
                return file
            case Case(name) | Scenario(name):
                return name

    @property
    def expect(self) -> str:
        """What is expected of it, in words."""
        match self.unit:
            case Case():
                return str(self.unit.expect)
            case Scenario():
                return "passes"
            case KeptTrace(_, trace):
                return trace.kept.intent if trace.kept else "replays"

    @property
    def place(self) -> Span | None:
        """Where in the model it is declared."""
        return None if isinstance(self.unit, KeptTrace) else self.unit.site.span
