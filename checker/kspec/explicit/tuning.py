"""The numbers that steer an exploration; none of them changes what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Tuning:
    """``tier``: the compiler to use, both as they come when None.  ``symmetry``: whether one state stands for
    its orbit; ``auto`` when there are many states and many permutations.  ``partial``: whether only the steps of
    stubborn sets are taken; ``auto`` when there are many states and that leaves out many steps.  ``many``: the
    states at which that is asked.  ``hunt``: bytes in which as many states as possible are told apart by hashes
    (0: as many as the budget gives), see ``kspec.explicit.hunt``.  ``fold``: whether
    long states are stored as pairs of halves: ``on`` from the start, ``auto`` when memory ends.

    ``few``: levels with fewer states are not worth more than one worker.  ``slots``: of the first table.
    ``chunk``: states that a worker takes from a level at a time.  ``slice``: states in the first slice of
    work.  ``statistics``: the result says what makes the states many.  ``earn``: seconds of exploration after
    which the system's compiler is started.
    """

    tier: Literal["cc", "tcc"] | None = None
    few: int = 4096
    slots: int = 1 << 14
    chunk: int = 128
    slice: int = 2048
    earn: float = 0.03
    symmetry: Literal["off", "on", "auto"] = "off"
    statistics: bool = False
    partial: Literal["off", "on", "auto"] = "off"
    many: int = 1_000_000
    hunt: int | None = None
    fold: Literal["off", "on", "auto"] = "auto"
