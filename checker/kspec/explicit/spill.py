"""States on disk when memory ends: still exact, slower.

The arrays of states and parent links are moved into files that are mapped in the same place, so nothing
else changes.  What is not looked at any more leaves memory; looking up a duplicate of an old state reads
it back.  The table stays in memory (about 10 bytes for each state).
"""

from __future__ import annotations

import ctypes
import mmap
import os
import tempfile
from pathlib import Path

from kspec.explicit.memory import Region

MAP_FIXED = 0x10
AHEAD = 64 << 20
"""Bytes of disk that are claimed beyond what is in use: a full disk must not show when a page is written."""


class DiskError(Exception):
    """The disk is full, or the folder cannot be used; the text says why."""


class Spill:
    """The files of one exploration, in a folder; they have no names, so they go with the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[int, int] = {}
        self._claimed: dict[int, int] = {}

    def move(self, region: Region, used: int) -> None:
        """Moves a region into a file; ``used`` bytes of it are in use.  Raises DiskError."""
        try:
            fd = os.open(self._folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError:
            fd = self._named()
        self._files[region.address] = fd
        self._claimed[region.address] = 0
        try:
            os.ftruncate(fd, region.size)
            self.claim(region, used)
            region.save(fd, used)
        except OSError as e:
            raise DiskError(f"cannot write to {self._folder}: {e}") from None
        _map_over(region, fd)

    def claim(self, region: Region, used: int) -> None:
        """Makes sure that the disk has room for ``used`` bytes and some more.  Raises DiskError."""
        fd, claimed = self._files[region.address], self._claimed[region.address]
        if used <= claimed:
            return
        end = min(used + AHEAD, region.size)
        try:
            os.posix_fallocate(fd, claimed, end - claimed)
        except OSError as e:
            raise DiskError(f"no room on disk in {self._folder}: {e}") from None
        self._claimed[region.address] = end

    def close(self) -> None:
        """Closes the files; the mappings go with their regions."""
        for fd in self._files.values():
            os.close(fd)
        self._files.clear()

    def _named(self) -> int:
        """A file without a name, where the file system cannot make one at once."""
        try:
            fd, name = tempfile.mkstemp(dir=self._folder)
            os.unlink(name)
        except OSError as e:
            raise DiskError(f"cannot use {self._folder}: {e}") from None
        return fd


def _map_over(region: Region, fd: int) -> None:
    """Puts a shared mapping of a file in the place of a region."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
    ]  # fmt: skip
    flags = mmap.MAP_SHARED | MAP_FIXED
    got = libc.mmap(region.address, region.size, mmap.PROT_READ | mmap.PROT_WRITE, flags, fd, 0)
    if got != region.address:
        raise DiskError(f"cannot map a file: {os.strerror(ctypes.get_errno())}")
