"""The engines by name, which of them can run here, and which of them a check uses.

Engines are imported when they are asked for: a missing solver or compiler makes that engine
unavailable, with the reason, and nothing else.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass

from kspec.engine.protocol import Engine


@dataclass(frozen=True)
class Entry:
    """One engine: where its class is, and the modules it cannot do without."""

    name: str
    module: str
    attribute: str
    needs: tuple[str, ...] = ()
    summary: str = ""


@dataclass(frozen=True)
class Unavailable:
    """Why an engine cannot run here."""

    name: str
    reason: str


ENTRIES = (Entry("interp", "kspec.interp.explore", "InterpEngine", (), "breadth-first search by the interpreter"),)

AUTO = ("interp",)
"""What ``auto`` chooses from: the first that can run here."""


def names(entries: Iterable[Entry] = ENTRIES) -> tuple[str, ...]:
    """The names of all engines."""
    return tuple(e.name for e in entries)


def find(name: str, entries: Iterable[Entry] = ENTRIES) -> Engine | Unavailable:
    """The engine of that name, or why there is none."""
    entry = next((e for e in entries if e.name == name), None)
    if entry is None:
        return Unavailable(name, f"there is no engine `{name}`; there are: {', '.join(names(entries))}")
    missing = [m for m in entry.needs if not _installed(m)]
    if missing:
        return Unavailable(name, f"the Python package {' and '.join(missing)} is not installed")
    try:
        made = getattr(importlib.import_module(entry.module), entry.attribute)()
    except (ImportError, OSError) as e:
        return Unavailable(name, str(e))
    engine: Engine = made
    return engine


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
