"""What people see while checks run: rows on standard output, lines with the progress on a terminal.

The progress goes to standard error and only if that is a terminal; it is wiped before anything else is
written, so rows and progress can share one screen.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console
from rich.text import Text

from kspec.cli.progress import Board
from kspec.engine.pool import Sample
from kspec.report.words import duration
from kspec.trace.model import Trace
from kspec.trace.replay import ReplayResult
from kspec.trace.replay_view import ReplayView, replay_plain
from kspec.trace.table import TraceView, plain

_EVERY = 0.2
_MOST = 24
"""Lines of progress."""


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
    lines: int = field(default=0, init=False)
    board: Board = field(default_factory=Board, init=False)
    began: float | None = field(default=None, init=False)

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

    def progress(
        self, done: int, total: int, running: tuple[tuple[str, Sample], ...], now: float, stopping: bool = False
    ) -> None:
        """Shows where the running checks are, a few times a second, on a terminal."""
        self.began = now if self.began is None else self.began
        if not _is_terminal(sys.stderr) or now - self.shown_at < _EVERY or not running:
            return
        self.shown_at = now
        head = f"{done}/{total} done, {duration(now - self.began)}"
        if stopping:
            head += "; stopping (Ctrl-C again: at once)"
        size = shutil.get_terminal_size()
        room = max(2, min(_MOST, size.lines // 2))
        lines = self.board.lines(head, running, now, max(20, size.columns - 1), room)
        sys.stderr.write(self._over() + "\n".join(lines))
        sys.stderr.flush()
        self.lines = len(lines)

    def wipe(self) -> None:
        """Takes the progress away."""
        if self.lines:
            sys.stderr.write(self._over())
            sys.stderr.flush()
            self.lines = 0

    def _over(self) -> str:
        """Goes to the beginning of the progress and clears all below."""
        up = f"\x1b[{self.lines - 1}A" if self.lines > 1 else ""
        return f"\r{up}\x1b[J"
