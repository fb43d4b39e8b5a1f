"""The lines of progress, and what is forecast."""

from __future__ import annotations

import json
import math
from itertools import accumulate
from pathlib import Path

from kspec.cli.progress import Board, short
from kspec.engine.control import ControlBlock
from kspec.engine.pool import Sample
from kspec.engine.protocol import LEVELS, Progress
from kspec.report.forecast import forecast

REAL = json.loads((Path(__file__).parent / "levels.json").read_text())
"""The sizes of the levels of models."""


def bell(depth: int, top: float, width: float) -> list[int]:
    return [max(1, int(top * math.exp(-(((d - depth / 2) / width) ** 2)))) for d in range(depth)]


def test_a_bell_is_foreseen() -> None:
    levels = bell(60, 1e6, 12)
    total = sum(levels)
    for d in range(32, 50):
        found = forecast(sum(levels[: d + 1]), sum(levels[: d + 1]), levels[max(0, d - LEVELS + 1) : d + 1])
        assert found is not None and found.low <= total <= found.high, d


def test_growth_without_end_has_no_forecast() -> None:
    levels = [3**d for d in range(14)]
    assert forecast(sum(levels), sum(levels), levels) is None
    assert forecast(10, 10, (1, 4, 5)) is None
    assert forecast(0, 0, ()) is None


def test_real_models() -> None:
    """The forecast is never below what is there, and the final number is in the range in most cases."""
    given = right = near = 0
    for levels in REAL.values():
        total = sum(levels)
        for d, seen in enumerate(accumulate(levels)):
            found = forecast(seen, seen, levels[max(0, d - LEVELS + 1) : d + 1])
            if found is not None and total / 20 < seen < total:
                assert seen <= found.low <= found.high
                given += 1
                right += found.low <= total <= found.high
                near += found.low / 1.25 <= total <= found.high * 1.25
    assert given > 100
    assert right >= 0.85 * given and near >= 0.93 * given


def sample(index: int, seconds: float, progress: Progress | None) -> Sample:
    return Sample(index, seconds, progress)


def test_lines_fit() -> None:
    """Whatever the width, no line is longer; what matters least goes first."""
    levels = tuple(bell(60, 1e6, 12)[20:36])
    p = Progress("explicit", 12_400_000, 80_000_000, 31, 1_200_000, 412 << 20, 48.0, "", levels, complete=12_000_000)
    for width in (40, 60, 79, 99, 200):
        lines = Board().lines("0/2 done, 48.0 s", [("a" * 90, sample(0, 48.2, p))], 0.0, width, 10)
        assert all(len(line) <= width for line in lines)
        assert "12.4M states" in lines[1] or width < 60
    assert "B/state" in lines[1] and "412 MB" in lines[1] and "forecast" in lines[2]


def test_many_checks_need_no_more_lines_than_there_are() -> None:
    running = [(f"c{n}", sample(n, 1.0, Progress("explicit", 500, levels=(50,) * 9))) for n in range(40)]
    lines = Board().lines("0/40 done", running, 0.0, 79, 8)
    assert len(lines) <= 8 and lines[-1].endswith("more running")
    few = Board().lines("0/3 done", running[:3], 0.0, 79, 8)
    assert len(few) == 7 and few[2].strip() == "no forecast yet"


def test_nothing_of_a_model_reaches_the_terminal_as_it_is() -> None:
    lines = Board().lines("h", [("x\x1b[2J", sample(0, 1.0, Progress("pdr", note="\x07")))], 0.0, 79, 8)
    assert not any(c < " " for line in lines for c in line)


def test_the_speed_is_that_of_the_last_seconds() -> None:
    board = Board()
    for second in range(20):
        states = 1000 * min(second, 10) + 10 * max(0, second - 10)
        p = Progress("explicit", states, seconds=float(second), levels=(1,))
        lines = board.lines("h", [("c", sample(0, second, p))], float(second), 99, 8)
    assert "10 states/s" in lines[1]


def test_short_counts() -> None:
    shown = [short(n) for n in (0, 9999, 10_000, 99_949, 99_950, 999_499, 999_500, 4_560_000, 123_456_789_000)]
    assert shown == ["0", "9999", "10.0k", "99.9k", "100k", "999k", "1.00M", "4.56M", "123G"]


def test_a_sample_passes_the_control_block() -> None:
    block = ControlBlock.private()
    p = Progress("explicit", 5, 6, 7, 8, 9, 1.5, "note", tuple(range(1, LEVELS + 1)), 2.5, 99)
    block.report(p)
    assert block.latest() == p
