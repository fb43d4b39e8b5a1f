"""The result of a replay for people: the verdict, and what changed since the trace was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from kspec.trace.lines import fold, text
from kspec.trace.model import Trace
from kspec.trace.replay import ReplayResult, kept_verdict
from kspec.trace.table import PLAIN_WIDTH, needed_lines

_STYLE = {
    "reproduces": "bold",
    "no longer reproduces": "bold",
    "drift": "bold red",
    "undecided": "bold yellow",
}


@dataclass(frozen=True)
class ReplayView:
    """A replay as something that rich prints, at the width of the console."""

    trace: Trace
    result: ReplayResult

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in replay_lines(self.trace, self.result, options.max_width):
            line.end = "\n"
            yield line


def replay_plain(trace: Trace, result: ReplayResult, width: int = PLAIN_WIDTH) -> str:
    """The same as text without colours."""
    return "".join(line.plain.rstrip() + "\n" for line in replay_lines(trace, result, width))


def replay_lines(trace: Trace, result: ReplayResult, width: int) -> Iterator[Text]:
    """The verdict, the reason, the first differing state, notes; for a kept trace whether it is met."""
    width = max(width, 30)
    word = (result.verdict.upper(), _STYLE[result.verdict])
    yield from fold(text(word, f"  {result.message}"), width)
    if result.cause is not None:
        yield from needed_lines(trace, "it needs  ", result.cause, width)
    label = "differs"
    for c in result.differences:
        at = f"after step {result.differs_at}" if result.differs_at else "in the initial state"
        entry = text(c.path, " is ", (c.new, "bold"), ", recorded ", (c.old, "bold"), (f"  {at}", "dim"))
        yield from _labelled(label, entry, width)
        label = ""
    for note in result.notes:
        yield from _labelled("note", text(note), width)
    kept = kept_verdict(trace, result)
    if kept is not None:
        style = "green" if kept.met else "bold red"
        yield from _labelled("kept", text((kept.intent, style), ": met" if kept.met else ": not met"), width)


def _labelled(label: str, line: Text, width: int) -> Iterator[Text]:
    for i, piece in enumerate(fold(line, width - 11)):
        yield text("  ", (f"{label if i == 0 else '':>7}", "dim"), "  ", piece)
