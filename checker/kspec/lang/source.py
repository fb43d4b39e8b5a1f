"""Source texts and places in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Span:
    """A stretch of a source file: lines and columns count from 1, ``end_column`` is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def to(self, other: Span) -> Span:
        """The stretch from the start of this span to the end of ``other``."""
        return Span(self.file, self.line, self.column, other.end_line, other.end_column)


@dataclass(frozen=True)
class Source:
    """One source file: its name as shown to people, and its text."""

    name: str
    text: str

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines, without line ends."""
        return tuple(self.text.split("\n"))

    def line(self, number: int) -> str:
        """Line ``number`` (from 1) without its line end; empty when there is no such line."""
        return self.lines[number - 1].rstrip("\r") if 0 < number <= len(self.lines) else ""

    def excerpt(self, span: Span) -> str:
        """The text that ``span`` covers, with runs of white space made one blank."""
        lines = list(self.lines[span.line - 1 : span.end_line])
        if not lines:
            return ""
        lines[-1] = lines[-1][: span.end_column - 1]
        lines[0] = lines[0][span.column - 1 :]
        return " ".join(" ".join(part.split("//")[0] for part in lines).split())
