"""Diagnostics: what is wrong with an input, as values with a code, places and help."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from kspec.lang.source import Source, Span


@dataclass(frozen=True)
class Note:
    """A secondary place with a remark."""

    span: Span
    text: str


@dataclass(frozen=True)
class Diagnostic:
    """One finding about an input.

    ``code`` is stable (``spec/diagnostics.md`` lists them); ``headline`` says what is wrong in one
    line; ``label`` stands under the marked place; ``help`` says what to do.
    """

    code: str
    headline: str
    span: Span | None = None
    label: str = ""
    notes: tuple[Note, ...] = ()
    help: str = ""
    severity: Literal["error", "warning"] = "error"


LONG_NAME = 60
MOST_CANDIDATES = 2000
LONG_LINE = 300
"""Headlines, labels and help are cut at this length when they are shown."""


class Failed(Exception):
    """The input has errors; carries the diagnostics and the texts that they point into."""

    def __init__(self, diagnostics: Iterable[Diagnostic], sources: Iterable[Source] = ()) -> None:
        self.diagnostics = tuple(diagnostics)
        self.sources = tuple(sources)
        super().__init__("; ".join(f"{d.code}: {d.headline}" for d in self.diagnostics))


def visible(text: str) -> str:
    """``text`` with control characters made visible, so that no input can steer a terminal."""
    return "".join(c if c == "\t" or (c.isprintable() and c != "\x7f") else f"\\x{ord(c):02x}" for c in text)


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """``did you mean `x`?`` for the nearest candidate, or nothing."""
    if len(name) > LONG_NAME:
        return ""
    near = difflib.get_close_matches(name, sorted(set(candidates))[:MOST_CANDIDATES], n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""


def render(diagnostic: Diagnostic, sources: Iterable[Source] = ()) -> str:
    """A diagnostic as plain text, with the source line and a marker under the place.

    ::

        error[E0201]: unknown name `foo`
          --> model.kspec:3:5
           |
         3 |   x = foo;
           |       ^^^ not declared
           = help: did you mean `fob`?
    """
    texts = {s.name: s for s in sources}
    out = [f"{diagnostic.severity}[{diagnostic.code}]: {_cut(diagnostic.headline)}"]
    width = max(
        (len(str(s.line)) for s in (diagnostic.span, *(n.span for n in diagnostic.notes)) if s), default=1
    )
    if diagnostic.span:
        out += _excerpt(diagnostic.span, diagnostic.label, texts, width, "-->", "^")
    for note in diagnostic.notes:
        out += _excerpt(note.span, note.text, texts, width, ":::", "-")
    if diagnostic.help:
        out.append(f"{' ' * width}  = help: {_cut(diagnostic.help)}")
    return "\n".join(out)


def _cut(text: str) -> str:
    """``text``, visible, and not too long: names and types in it may be of any length."""
    return visible(text if len(text) <= LONG_LINE else text[:LONG_LINE] + "...")


def _excerpt(
    span: Span, label: str, texts: dict[str, Source], width: int, arrow: str, mark: str
) -> list[str]:
    pad = " " * width
    out = [f"{pad}{arrow} {visible(str(span))}"]
    source = texts.get(span.file)
    if source is None:
        return out + ([f"{pad}  = {_cut(label)}"] if label else [])
    line = source.line(span.line)
    start = min(span.column, len(line) + 1)
    end = span.end_column if span.end_line == span.line else len(line) + 1
    shown, lead, marked = _window(line, start - 1, max(end - 1, start))
    out.append(f"{pad} |")
    out.append(f"{span.line:>{width}} | {shown}")
    out.append(f"{pad} | {lead}{mark * max(1, marked)} {_cut(label)}".rstrip())
    return out


def _window(line: str, start: int, end: int, room: int = 100) -> tuple[str, str, int]:
    """The part of a long line around the marked place; tabs become blanks so that the marker is in place."""
    left = max(0, start - room // 2) if len(line) > room else 0
    right = min(len(line), left + room)
    cut = [visible(c).replace("\t", "    ") for c in line[left:right]]
    prefix = "..." if left else ""
    lead = " " * (len(prefix) + sum(len(c) for c in cut[: start - left]))
    marked = sum(len(c) for c in cut[start - left : end - left])
    return prefix + "".join(cut) + ("..." if right < len(line) else ""), lead, marked
