"""Ctrl-C and termination while checks run."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Interrupt:
    """Whether the user asked for a stop; a second request raises KeyboardInterrupt."""

    requested: bool = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


@contextmanager
def caught() -> Iterator[Interrupt]:
    """Within, SIGINT, SIGTERM and SIGHUP only set a flag (main thread only)."""
    handler = Interrupt()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(n, handler) for n in numbers]
    try:
        yield handler
    finally:
        for number, old in zip(numbers, before, strict=True):
            signal.signal(number, old)
