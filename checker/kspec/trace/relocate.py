"""Source files by the names that a saved trace gives them, wherever the command was given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

from kspec.lang.source import Span
from kspec.system.model import System
from kspec.trace.model import Trace

T = TypeVar("T")


def relocated(trace: Trace, system: System, file: str) -> Trace:
    """The trace with all source files named relative to where ``file``, the model's, is relative to.

    So the same model gives the same trace from whatever directory it is checked.  Files that lie elsewhere
    keep their names; with an absolute ``file`` all do.
    """
    paths = {s.name: os.path.abspath(s.name) for s in system.sources}
    inside = f"{os.sep}{file}"
    root = next((p.removesuffix(inside) for p in paths.values() if p.endswith(inside)), None)
    if root is None or not file or os.path.isabs(file):
        return trace
    names = {
        n: p.removeprefix(f"{root}{os.sep}").replace(os.sep, "/")
        for n, p in paths.items()
        if p.startswith(f"{root}{os.sep}")
    }
    return trace if all(a == b for a, b in names.items()) else _renamed(trace, names)


def _renamed(item: T, names: Mapping[str, str]) -> T:
    """The item with the files of all spans in it renamed (states, which have none, left out)."""
    if isinstance(item, Span):
        return replace(item, file=names.get(item.file, item.file))
    if isinstance(item, tuple):
        return type(item)(_renamed(x, names) for x in item)
    if is_dataclass(item) and not isinstance(item, type):
        parts = {f.name: getattr(item, f.name) for f in fields(item) if f.name != "states"}
        return replace(item, **{n: _renamed(v, names) for n, v in parts.items()})
    return item
