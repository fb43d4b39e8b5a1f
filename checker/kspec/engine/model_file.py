"""A model that comes from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from kspec.lang.load import Program, load
from kspec.lower import build as lowering
from kspec.resources import project_root
from kspec.system.check import Case, Scenario
from kspec.system.model import System


@dataclass(frozen=True)
class FileModel:
    """A program with the name of its file as the user gave it.  Implements ``kspec.engine.job.Model``."""

    file: str
    program: Program = field(repr=False)

    @classmethod
    def load(cls, path: str) -> FileModel:
        """Reads a file and the modules that it uses.  Raises ``kspec.lang.diagnostics.Failed``."""
        return cls(path, load(path))

    @cached_property
    def reference(self) -> str:
        """Relative to the project when the working directory lies in it too, else absolute."""
        path = Path(self.file).resolve()
        root = project_root(path.parent)
        if root is not None and Path.cwd().resolve().is_relative_to(root):
            return path.relative_to(root).as_posix()
        return self.file if root is None and not Path(self.file).is_absolute() else str(path)

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """The configurations that the model asks to be checked.  Raises Failed."""
        return lowering.cases(self.program)

    @cached_property
    def scenarios(self) -> tuple[Scenario, ...]:
        """Its scenarios.  Raises Failed."""
        return lowering.scenarios(self.program)

    @cached_property
    def outlines(self) -> tuple[Scenario, ...]:
        """Its scenarios without their steps, which is much quicker.  Raises Failed."""
        return lowering.outlines(self.program)

    def scenario(self, name: str) -> tuple[System, Scenario]:
        """A scenario, and the system of its configuration.  Raises Failed."""
        return lowering.scenario(self.program, name)

    def build(self, params: Mapping[str, str]) -> System:
        """The transition system of a configuration.  Raises Failed."""
        return lowering.build(self.program, params)
