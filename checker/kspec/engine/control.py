"""The shared control block: a cancel flag for a running engine, and its latest progress sample.

One page of shared memory.  The engine's side polls the flag and publishes samples; the watching side
sets the flag and reads them.  A sample is guarded by a sequence number (odd while it is written), so a
reader never sees half of one; a sample that cannot be read whole is skipped, another will follow.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass, field

from kspec.engine.protocol import LEVELS, Progress

SIZE = mmap.PAGESIZE
_FLAG = struct.Struct("<I")
_SEQUENCE = struct.Struct("<I")
_SAMPLE = struct.Struct(f"<QQQQQdd{LEVELS + 1}Q32s160s")
_SEQUENCE_AT = 4
_SAMPLE_AT = 8
_BIG = (1 << 64) - 1


@dataclass(frozen=True)
class ControlBlock:
    """Both sides of a control block.  Implements ``kspec.engine.protocol.Control``."""

    memory: mmap.mmap = field(repr=False)

    @classmethod
    def private(cls) -> ControlBlock:
        """A block shared with the processes that are forked from this one."""
        return cls(mmap.mmap(-1, SIZE))

    @classmethod
    def opened(cls, fd: int) -> ControlBlock:
        """The block behind a file descriptor (see :func:`descriptor`)."""
        return cls(mmap.mmap(fd, SIZE))

    def cancel(self) -> None:
        """Asks the engine to stop."""
        _FLAG.pack_into(self.memory, 0, 1)

    def clear(self) -> None:
        """Takes a request to stop back and forgets the sample: the block serves a new run."""
        self.memory[:] = bytes(SIZE)

    def cancelled(self) -> bool:
        """True once somebody asked for a stop."""
        return bool(_FLAG.unpack_from(self.memory, 0)[0])

    def report(self, progress: Progress) -> None:
        """Publishes a sample."""
        p = progress
        counts = [min(max(n, 0), _BIG) for n in (p.states, p.transitions, p.depth, p.frontier, p.memory)]
        (sequence,) = _SEQUENCE.unpack_from(self.memory, _SEQUENCE_AT)
        _SEQUENCE.pack_into(self.memory, _SEQUENCE_AT, (sequence | 1) & 0xFFFFFFFF)
        levels = [min(n, _BIG) for n in (p.complete, *p.levels, *(0,) * LEVELS)[: LEVELS + 1]]
        texts = p.engine.encode()[:32], p.note.encode()[:160]
        _SAMPLE.pack_into(self.memory, _SAMPLE_AT, *counts, p.seconds, p.finishing, *levels, *texts)
        _SEQUENCE.pack_into(self.memory, _SEQUENCE_AT, ((sequence | 1) + 1) & 0xFFFFFFFF)

    def latest(self) -> Progress | None:
        """The latest sample, or None when there is none yet."""
        for _ in range(4):
            (before,) = _SEQUENCE.unpack_from(self.memory, _SEQUENCE_AT)
            sample = _SAMPLE.unpack_from(self.memory, _SAMPLE_AT)
            (after,) = _SEQUENCE.unpack_from(self.memory, _SEQUENCE_AT)
            if before == after and not before & 1:
                break
        else:
            return None
        states, transitions, depth, frontier, memory, seconds, finishing, complete, *levels, engine, note = sample
        name = _text(engine)
        if before == 0 or not name:
            return None
        sizes = tuple(n for n in levels if n)
        return Progress(
            name, states, transitions, depth, frontier, memory, seconds, _text(note), sizes, finishing, complete
        )


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode(errors="replace")


def descriptor() -> int:
    """A new, zeroed block as a file descriptor that can be handed to a program; the caller closes it."""
    fd = os.memfd_create("kspec-control", os.MFD_CLOEXEC)
    os.ftruncate(fd, SIZE)
    return fd
