"""Memory for the native explorer: address space reserved in advance, pages that come when touched."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os

MAP_NORESERVE = 0x4000
HUGE = 2 << 20


class NoMemoryError(Exception):
    """There is no room for more states within the memory budget."""


class Region:
    """A stretch of zeroed memory of fixed address; only what is touched counts."""

    def __init__(self, size: int) -> None:
        """Reserves at least ``size`` bytes; raises MemoryError when the address space cannot be had."""
        self.size = -(-max(size, 1) // HUGE) * HUGE
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE
        try:
            self._map = mmap.mmap(-1, self.size, flags=flags)
        except (OSError, ValueError, OverflowError) as e:
            raise MemoryError(f"cannot reserve {self.size} bytes: {e}") from None
        if self.size > HUGE:
            with contextlib.suppress(OSError, AttributeError):
                # Small explorations stay on small pages: they would spend their time zeroing large ones.
                # A kernel without huge pages is slower, not wrong.
                self._map.madvise(mmap.MADV_HUGEPAGE, HUGE)
        self._anchor = ctypes.c_char.from_buffer(self._map)
        self.address = ctypes.addressof(self._anchor)

    def close(self) -> None:
        """Gives the memory back; the address is not valid any more."""
        del self._anchor
        self._map.close()

    def clear(self, size: int) -> None:
        """Makes the first ``size`` bytes zero."""
        ctypes.memset(self.address, 0, min(size, self.size))

    def forget(self, first: int, end: int) -> None:
        """Lets whole pages between two offsets leave memory, if the region is mapped from a file."""
        first, end = -(-first // HUGE) * HUGE, end // HUGE * HUGE
        if first < end:
            self._map.madvise(mmap.MADV_DONTNEED, first, end - first)

    def save(self, fd: int, size: int) -> None:
        """Writes the first bytes to a file; raises OSError."""
        at = 0
        while at < size:
            at += os.pwrite(fd, self._map[at : min(size, at + (16 << 20))], at)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the region."""
        return self._map[offset : offset + size]

    def write(self, offset: int, data: bytes) -> None:
        """Overwrites bytes of the region."""
        self._map[offset : offset + len(data)] = data
