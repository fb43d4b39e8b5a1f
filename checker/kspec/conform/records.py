"""Records of a trace, whatever their format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a log: ``line`` counts from 1 in ``file``; ``time`` as it is written; fields as texts."""

    file: str
    line: int
    name: str
    cpu: int
    pid: int
    time: str
    fields: Mapping[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The tracer says that records are missing here; ``count`` is 0 where it does not say how many."""

    file: str
    line: int
    cpu: int
    count: int


class BadTrace(Exception):
    """A log that cannot be read: where, and what is wrong with it."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        self.file, self.line, self.reason = file, line, reason
        super().__init__(file, line, reason)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}" if self.line else f"{self.file}: {self.reason}"


def integer(text: str) -> int | None:
    """The number that a field holds: decimal, or hexadecimal with 0x; None for other texts.

    The 64-bit forms of small negative numbers (error pointers) are left as they are.
    """
    try:
        return int(text, 16) if text[:2] == "0x" else int(text)
    except ValueError:
        return None
