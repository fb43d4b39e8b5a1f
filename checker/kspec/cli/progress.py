"""What a terminal shows of running checks: some lines that are written over again and again.

For each check: how long it has been running, states, depth, frontier (states that wait), states per second,
memory, and where a breadth-first search is going to end, as far as that can be said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kspec.engine.child import size_text
from kspec.engine.pool import Sample
from kspec.engine.protocol import Progress
from kspec.lang.diagnostics import visible
from kspec.report.forecast import forecast
from kspec.report.words import duration

WINDOW = 6.0
"""Seconds over which a speed is measured."""
FRESH = 3.0
"""Seconds after which a sample of one engine gives way to those of others."""
MANY = 100_000
"""States from which bytes per state mean something."""
_NAME = 28


@dataclass
class _Track:
    """What is remembered of one engine at work on one check."""

    last: Progress
    at: float
    points: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, p: Progress, now: float) -> None:
        if p != self.last or not self.points:
            self.last, self.at = p, now
            self.points.append((p.seconds, p.states))
        while len(self.points) > 2 and self.points[0][0] < p.seconds - WINDOW:
            self.points.popleft()

    @property
    def rate(self) -> float:
        """Distinct states per second, lately."""
        (began, few), (ended, many) = self.points[0], self.points[-1]
        if ended <= began:
            return self.last.states / ended if ended > 0 else 0.0
        return max(0, many - few) / (ended - began)


@dataclass
class Board:
    """The lines for all running checks."""

    tracks: dict[tuple[int, str], _Track] = field(default_factory=dict)

    def lines(
        self, head: str, running: Sequence[tuple[str, Sample]], now: float, width: int, height: int
    ) -> list[str]:
        """At most ``height`` lines of at most ``width`` columns."""
        out = [head]
        room = height - 1
        each = 2 if 2 * len(running) <= room else 1
        shown = running if each * len(running) <= room else running[: max(1, room - 1)]
        for name, sample in shown:
            track = self._track(sample, now)
            out.append(_fitting(_facts(name, sample, track), width))
            ahead = _ahead(track) if each == 2 and track is not None else ""
            if ahead:
                out.append(f"    {ahead}")
        if len(shown) < len(running):
            out.append(f"  {len(running) - len(shown)} more running")
        return [line[:width] for line in out]

    def _track(self, sample: Sample, now: float) -> _Track | None:
        """The engine to show for a check: one that counts states, while it is heard of."""
        p = sample.progress
        if p is not None:
            key = sample.index, p.engine
            self.tracks.setdefault(key, _Track(p, now)).add(p, now)
        mine = [t for (index, _), t in self.tracks.items() if index == sample.index]
        fresh = [t for t in mine if now - t.at <= FRESH] or mine
        return max(fresh, key=lambda t: (bool(t.last.levels), t.last.states, t.at), default=None)


def _facts(name: str, sample: Sample, track: _Track | None) -> Iterator[tuple[int, str]]:
    """The parts of a line, each with its rank: those of a high rank are left out first."""
    title = visible(name)
    title = title if len(title) <= _NAME else title[: _NAME - 3] + "..."
    yield 0, f"  {title} {duration(sample.seconds)}"
    if track is None:
        yield 0, "starting"
        return
    p = track.last
    if not p.states:
        yield 2, p.engine
        yield 0, f"depth {p.depth}"
    else:
        yield 0, f"{short(p.states)} states"
        yield 1, f"depth {p.depth}"
        if p.frontier:
            yield 2, f"frontier {short(p.frontier)}"
        yield 1, f"{short(int(track.rate))} states/s"
        if p.memory and p.states >= MANY:
            yield 4, f"{p.memory / p.states:.0f} B/state"
    if p.memory:
        yield 3, size_text(p.memory)
    if p.note:
        yield 0, visible(p.note)


def _fitting(facts: Iterator[tuple[int, str]], width: int) -> str:
    """The parts that fit, in order."""
    parts = list(facts)
    while True:
        line = parts[0][1] + (": " if len(parts) > 1 else "") + ", ".join(text for _, text in parts[1:])
        worst = max(rank for rank, _ in parts)
        if len(line) <= width or worst == 0:
            return line
        drop = max(i for i, (rank, _) in enumerate(parts) if rank == worst)
        del parts[drop]


def _ahead(track: _Track) -> str:
    """How many states a breadth-first search may have in the end, and how long that may take."""
    p = track.last
    if not p.levels:
        return ""
    expected = forecast(p.states, p.complete, p.levels)
    if expected is None:
        return "no forecast yet"
    text = f"forecast {short(expected.low)} to {short(expected.high)} states"
    if track.rate < 1:
        return text
    soon, late = ((n - p.states) / track.rate for n in (expected.low, expected.high))
    if late < 1:
        return f"{text}, about to end"
    return f"{text}, {duration(max(0.0, soon), rough=True)} to {duration(late, rough=True)} more"


def short(n: int) -> str:
    """A count in few characters: ``9876``, ``12.3k``, ``4.56M``, ``1.20G``."""
    if n < 10_000:
        return str(n)
    for unit, scale in (("k", 1e3), ("M", 1e6), ("G", 1e9)):
        if n < 999.5 * scale or unit == "G":
            x = n / scale
            return f"{x:.2f}{unit}" if x < 9.995 else f"{x:.1f}{unit}" if x < 99.95 else f"{x:.0f}{unit}"
    raise AssertionError
