"""What all exported texts share: the heading, and names that no format can take amiss."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kspec import __version__
from kspec.export.goals import Goals
from kspec.system.model import System

LONGEST = 60
"""Identifiers are cut at this length."""
_NOT_PLAIN = re.compile(r"[^!-\[\]-~]")


def plain(name: str) -> str:
    """A name of printable ASCII without spaces and backslashes, for comments and symbol tables."""
    return _NOT_PLAIN.sub("?", name)


def heading(system: System, goals: Goals, form: str) -> Iterator[str]:
    """The lines that say what a file was made of; for comments."""
    yield f"{form}, written by kspec {__version__}"
    yield f"model {plain(system.name)}, system {system.hash}"
    for name, value in system.params:
        yield f"parameter {plain(name)} = {plain(value)}"
    for name in goals.claims:
        yield f"claim {plain(name)}"
    for name in goals.reaches:
        yield f"claim: nothing reaches {plain(name)}"
    for name in goals.left_out:
        yield f"not claimed, as it is in temporal logic: {plain(name)}"


@dataclass
class Names:
    """Identifiers of one file: each is a letter with letters, digits and underscores after it, is no reserved word,
    and stands for one thing.

    ``fold``: identifiers that differ in case only count as equal.
    """

    reserved: Iterable[str]
    fold: bool = False
    _taken: set[str] = field(default_factory=set)
    _of: dict[str, str] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._taken |= {self._key(w) for w in self.reserved}

    def of(self, thing: str, prefix: str = "") -> str:
        """The identifier that stands for ``thing``, always the same."""
        if thing not in self._of:
            self._of[thing] = self.fresh(thing, prefix)
        return self._of[thing]

    def fresh(self, hint: str, prefix: str = "") -> str:
        """A new identifier that looks like ``hint``."""
        stem = prefix + re.sub(r"_{2,}", "_", re.sub(r"[^A-Za-z0-9]", "_", hint)).strip("_")[:LONGEST]
        if not stem or not stem[0].isalpha() or stem.startswith(("WF_", "SF_")):
            stem = f"n{stem}"
        stem = stem.rstrip("_")
        name, count = stem, self._last.get(stem, 1)
        while self._key(name) in self._taken:
            count += 1
            name = f"{stem}_{count}"
        self._last[stem] = count
        self._taken.add(self._key(name))
        return name

    def table(self) -> tuple[tuple[str, str], ...]:
        """What was named with :meth:`of`: the identifier and the thing, in the order in which they came."""
        return tuple((name, plain(thing)) for thing, name in self._of.items())

    def _key(self, name: str) -> str:
        return name.lower() if self.fold else name
