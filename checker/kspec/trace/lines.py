"""Styled lines of a given width, for a terminal and for a pipe alike."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.text import Text

_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def visible(text: str) -> str:
    """Text that a terminal shows as it is: control, format and unassigned characters as ``\\x1b``, ``\\u202e``.

    Among these are escape sequences, line ends, and the marks that change the direction of writing.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(c) if unicodedata.category(c) in _INVISIBLE else c for c in text)


def _escape(c: str) -> str:
    n = ord(c)
    match c:
        case "\n":
            return "\\n"
        case "\t":
            return "\\t"
    return f"\\x{n:02x}" if n < 0x100 else f"\\u{n:04x}" if n < 0x10000 else f"\\U{n:08x}"


def text(*parts: str | tuple[str, str] | Text) -> Text:
    """Parts one after the other, each text or (text, style); all of it is made visible."""
    out = Text(no_wrap=True, end="")
    for p in parts:
        match p:
            case Text():
                out.append_text(p)
            case str():
                out.append(visible(p))
            case (words, style):
                out.append(visible(words), style)
    return out


def width_of(line: Text) -> int:
    """How many columns a line takes."""
    return cell_len(line.plain)


def pad(line: Text, width: int) -> Text:
    """The line with blanks at its end up to a width."""
    out = line.copy()
    out.append(" " * max(0, width - width_of(line)))
    return out


def fold(line: Text, width: int, hang: int = 2) -> list[Text]:
    """A line in pieces of at most ``width`` columns, broken at blanks where that is possible; pieces after the
    first are indented by ``hang``."""
    width = max(width, 4)
    out: list[Text] = []
    rest = line
    while width_of(rest) > width:
        at = _break(rest.plain, width, hang if out else 0)
        head, rest = rest.divide([at])
        head.rstrip()
        out.append(head)
        while rest.plain.startswith(" "):
            rest = rest[1:]
        rest = text(" " * min(hang, width - 2), rest)
    out.append(rest)
    return out


def _break(plain: str, width: int, after: int) -> int:
    """The offset to break at: behind the last blank that fits, else as far as fits."""
    used = 0
    blank = 0
    for i, c in enumerate(plain):
        used += cell_len(c)
        if used > width:
            return blank if blank > after else max(i, after + 1)
        if c == " ":
            blank = i + 1
    return len(plain)


def flow(entries: Iterable[Text], width: int, gap: int = 3) -> list[Text]:
    """Entries in as few lines as possible: an entry is broken only when it does not fit on a line of its own."""
    out: list[Text] = []
    for e in entries:
        if out and width_of(out[-1]) + gap + width_of(e) <= width:
            out[-1] = text(out[-1], " " * gap, e)
        else:
            out.extend(fold(e, width))
    return out or [text("")]


def columns(cells: Sequence[tuple[list[Text], int]], gap: int = 2) -> list[Text]:
    """Cells side by side, each a list of lines and its width (the last one may be wider)."""
    height = max(len(lines) for lines, _ in cells)
    out = []
    for row in range(height):
        parts = [
            pad(lines[row] if row < len(lines) else text(""), 0 if i == len(cells) - 1 else width + gap)
            for i, (lines, width) in enumerate(cells)
        ]
        line = text(*parts)
        line.rstrip()
        out.append(line)
    return out
