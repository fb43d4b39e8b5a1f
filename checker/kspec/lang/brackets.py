"""A first look at a text, before it is parsed: brackets, comments and texts in quotes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kspec.lang.source import Source, Span

_TOKENS = re.compile(r'//[^\n]*|/\*[\s\S]*?\*/|/\*|"(?:\\.|[^"\\\n])*"|[\[\](){}]')


@dataclass(frozen=True)
class Look:
    """What the look finds: the bracket with which nesting becomes too deep, the beginning of a comment that does
    not end, the innermost bracket that is not closed (all are positions in the text)."""

    too_deep: int | None = None
    comment: int | None = None
    unclosed: int | None = None


def look(text: str, most: int) -> Look:
    """Walks over a text; ``most`` is how deep brackets may be nested."""
    opened: list[int] = []
    for token in _TOKENS.finditer(text):
        match token[0]:
            case "/*":
                return Look(comment=token.start(), unclosed=opened[-1] if opened else None)
            case "(" | "[" | "{":
                opened.append(token.start())
                if len(opened) > most:
                    return Look(too_deep=token.start())
            case ")" | "]" | "}" if opened:
                opened.pop()
            case _:
                pass
    return Look(unclosed=opened[-1] if opened else None)


def place(source: Source, position: int, length: int = 1) -> Span:
    """The span of ``length`` characters at a position of the text."""
    line = source.text.count("\n", 0, position) + 1
    column = position - (source.text.rfind("\n", 0, position) + 1) + 1
    return Span(source.name, line, column, line, column + length)
