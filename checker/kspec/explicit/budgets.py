"""What a run may use, and when it has to stop."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from kspec.engine.protocol import Budget, Control

SHARE = 0.75
"""The part of the free memory that is used when no budget is given."""
LEAST = 4 << 20
"""Bytes below which there is no point in starting."""


class StopError(Exception):
    """The search has to stop: ``time``, ``memory``, ``states`` or ``interrupted``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Budgets:
    """The limits of one run, which began at ``started`` (of the monotonic clock)."""

    budget: Budget
    control: Control
    started: float

    def poll(self) -> None:
        """Raises StopError when time is up or somebody wants the run to end."""
        if self.control.cancelled():
            raise StopError("interrupted")
        seconds = self.budget.seconds
        if seconds is not None and time.monotonic() - self.started >= seconds:
            raise StopError("time")

    def memory(self) -> int:
        """Bytes for states and table; raises StopError when they are too few."""
        asked = self.budget.memory
        limit = asked - resident() if asked is not None else int(available() * SHARE)
        if limit < LEAST:
            raise StopError("memory")
        return limit


def resident() -> int:
    """The resident memory of this process in bytes; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def available() -> int:
    """The memory that the system can still give, in bytes."""
    try:
        with open("/proc/meminfo", encoding="ascii") as f:
            for line in f:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
