"""The formats that a model can be exported to."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from pathlib import PurePath
from typing import Protocol, cast

from kspec.system.model import System

FORMATS = {
    "aiger": "a circuit for hardware model checkers (.aig binary, .aag text)",
    "btor2": "words for hardware model checkers (.btor2)",
    "vmt": "SMT-LIB 2 with annotations (.vmt)",
    "tla": "a TLA+ module for TLC, with its configuration (.tla, .cfg)",
    "murphi": "a Murphi description for rumur (.m)",
    "promela": "a Promela model for SPIN (.pml)",
}
"""What there is to choose from; ``kspec.export.<name>`` has a function ``files`` of type :class:`Files`."""


class Files(Protocol):
    """``files(system, properties, path)``: what to write, by path.

    ``path`` is the file that the user names (it may decide between variants), None for standard output.
    Raises kspec.lang.diagnostics.Failed for what the format cannot say.
    """

    def __call__(
        self, system: System, properties: Collection[str] | None, path: PurePath | None
    ) -> tuple[tuple[PurePath | None, bytes], ...]: ...


def files_of(form: str) -> Files:
    """The function that writes a format."""
    return cast(Files, importlib.import_module(f"kspec.export.{form}").files)
