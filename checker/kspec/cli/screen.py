"""What people see while checks run: rows on standard output, one progress line on a terminal.

The progress line goes to standard error and only if that is a terminal; it is wiped before anything
else is written, so rows and progress can share one screen.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console
from rich.text import Text

from kspec.engine.child import size_text
from kspec.engine.pool import Sample
from kspec.lang.diagnostics import visible
from kspec.report.words import duration
from kspec.trace.model import Trace
from kspec.trace.replay import ReplayResult
from kspec.trace.replay_view import ReplayView, replay_plain
from kspec.trace.table import TraceView, plain

_EVERY = 0.2
_WIPE = "\r\x1b[2K"


class _Console(Console):
    """A console that lets a broken pipe be known: the command line ends the run."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console(file: TextIO | None = None) -> Console:
    """A console for results: colours on a terminal unless NO_COLOR is set, plain text in a pipe; nothing
    in a text is taken for markup, and lines are not wrapped."""
    target = file or sys.stdout
    plain = not _is_terminal(target)
    return _Console(
        file=target,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=True,
        no_color=plain or bool(os.environ.get("NO_COLOR")),
        color_system=None if plain else "auto",
    )


def _is_terminal(file: TextIO) -> bool:
    return file.isatty() and os.environ.get("TERM") != "dumb"


@dataclass
class Screen:
    """The user's terminal or pipe."""

    out: Console
    quiet: bool = False
    shown_at: float = field(default=0.0, init=False)
    visible_line: bool = field(default=False, init=False)
    rates: dict[int, tuple[float, int, float]] = field(default_factory=dict, init=False)

    def print(self, text: Text | str = "") -> None:
        """Writes a line of the report."""
        self.wipe()
        if not self.quiet:
            self.out.print(text)

    def trace(self, trace: Trace) -> None:
        """Writes a trace: at the width of a terminal, or of a page in a pipe."""
        self.wipe()
        if not self.quiet and self.out.is_terminal:
            self.out.print(TraceView(trace))
        elif not self.quiet:
            self.out.print(plain(trace), end="")

    def replayed(self, trace: Trace, result: ReplayResult) -> None:
        """Writes what became of a saved trace."""
        self.wipe()
        if not self.quiet and self.out.is_terminal:
            self.out.print(ReplayView(trace, result))
        elif not self.quiet:
            self.out.print(replay_plain(trace, result), end="")

    def progress(self, done: int, total: int, running: tuple[tuple[str, Sample], ...], now: float) -> None:
        """Shows where the running checks are, a few times a second, on a terminal."""
        if not _is_terminal(sys.stderr) or now - self.shown_at < _EVERY or not running:
            return
        self.shown_at = now
        oldest = max(running, key=lambda pair: pair[1].seconds)
        line = f"{done}/{total} done; {self._sample(*oldest)}"
        if len(running) > 1:
            line += f"; {len(running) - 1} more running"
        width = shutil.get_terminal_size().columns
        sys.stderr.write(_WIPE + line[: max(10, width - 1)])
        sys.stderr.flush()
        self.visible_line = True

    def wipe(self) -> None:
        """Takes the progress line away."""
        if self.visible_line:
            sys.stderr.write(_WIPE)
            sys.stderr.flush()
            self.visible_line = False

    def _sample(self, name: str, sample: Sample) -> str:
        p = sample.progress
        head = f"{visible(name)} {duration(sample.seconds)}"
        if p is None:
            return head
        rate = self._rate(sample.index, p.states, p.seconds)
        parts = [f"{p.states} states", f"frontier {p.frontier}", f"depth {p.depth}", f"{rate:.0f} states/s"]
        if not p.states:
            parts = [f"depth {p.depth}"]
        if p.memory:
            parts.append(size_text(p.memory))
        if p.note:
            parts.append(visible(p.note))
        return f"{head} ({p.engine}): {', '.join(parts)}"

    def _rate(self, index: int, states: int, seconds: float) -> float:
        """Distinct states per second since the last sample of this check."""
        before, count, rate = self.rates.get(index, (0.0, 0, 0.0))
        if seconds > before:
            rate = max(0, states - count) / (seconds - before)
            self.rates[index] = (seconds, states, rate)
        return rate
