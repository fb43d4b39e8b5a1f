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
    """One engine: where its class is; ``needs`` are Python packages of which it needs one (none: nothing)."""

    name: str
    module: str
    attribute: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unavailable:
    """Why an engine cannot run here."""

    name: str
    reason: str


ENTRIES = (
    Entry("explicit", "kspec.explicit.engine", "ExplicitEngine"),
    Entry("interp", "kspec.interp.explore", "InterpEngine"),
    Entry("bmc", "kspec.symbolic.bmc", "BmcEngine", ("pysat", "z3")),
    Entry("bmc-z3", "kspec.symbolic.words", "WordBmcEngine", ("z3",)),
    Entry("kinduction", "kspec.symbolic.kinduction", "KInductionEngine", ("pysat", "z3")),
    Entry("pdr", "kspec.symbolic.ic3.engine", "PdrEngine", ("pysat", "z3")),
)
AUTO = ("explicit", "interp")
"""What ``auto`` chooses from: the first that can run here."""


def names(entries: Iterable[Entry] = ENTRIES) -> tuple[str, ...]:
    """The names of all engines."""
    return tuple(e.name for e in entries)


def lassos(engine: Engine) -> Engine | None:
    """The engine that decides temporal properties with this one; None where they are its own work, or no work
    that it does."""
    if engine.name not in ("bmc", "pdr"):
        return None
    made: Engine = importlib.import_module("kspec.symbolic.behaviours").Behaviours(engine)
    return made


def find(name: str, entries: Iterable[Entry] = ENTRIES) -> Engine | Unavailable:
    """The engine of that name, or why there is none."""
    entry = next((e for e in entries if e.name == name), None)
    if entry is None:
        return Unavailable(name, f"there is no engine `{name}`; there are: {', '.join(names(entries))}")
    if entry.needs and not any(map(_installed, entry.needs)):
        return Unavailable(name, f"the Python package {' or '.join(entry.needs)} is not installed")
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
