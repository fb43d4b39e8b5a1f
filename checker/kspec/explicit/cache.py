"""The cache of compiled explorers: a directory of shared objects, one for each content key.

It is ``$XDG_CACHE_HOME/kspec/native`` (``~/.cache/kspec/native``), for its owner only: what is in it is
loaded as code.  A directory that belongs to somebody else, that others may write to, or that cannot be
made is not used; what is compiled then lives in a private directory until the process ends.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kspec import usercache

LIMIT = 256 << 20
"""Bytes that the cache may take; beyond it the entries used least recently go."""
SUFFIX = ".so"
NOTE = ".of"


@dataclass(frozen=True)
class CacheEntry:
    """A compiled explorer: its content key, bytes, when it was last used (seconds since the epoch), and what
    it was made for (empty: not known)."""

    key: str
    size: int
    used: float
    made_for: str = ""


@dataclass(frozen=True)
class Cache:
    """A directory of compiled explorers.  ``private`` is set when it goes away with the process.

    ``making_for`` is noted beside what is kept, for people: another system may have the same code.
    """

    path: Path
    private: tempfile.TemporaryDirectory[str] | None = None
    making_for: str = ""

    def find(self, key: str) -> Path | None:
        """The file of a key, marked as used now; None when there is none (that can be trusted)."""
        path = self.path / (key + SUFFIX)
        if not usercache.trusted(path):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return path

    def scratch(self) -> Path:
        """A new file name in the directory, for a compiler to write to; see :meth:`keep`."""
        fd, name = tempfile.mkstemp(prefix="tmp-", suffix=SUFFIX, dir=self.path)
        os.close(fd)
        return Path(name)

    def keep(self, scratch: Path, key: str) -> Path:
        """Makes a finished file the one of ``key``, at once and completely."""
        scratch.chmod(0o700)
        path = self.path / (key + SUFFIX)
        os.replace(scratch, path)
        if self.making_for:
            with contextlib.suppress(OSError):
                (self.path / (key + NOTE)).write_text(self.making_for, "utf-8")
        self.trim(LIMIT)
        return path

    def drop(self, key: str) -> None:
        """Removes an entry."""
        for suffix in (SUFFIX, NOTE):
            with contextlib.suppress(OSError):
                (self.path / (key + suffix)).unlink()

    def entries(self, *, noted: bool = False) -> tuple[CacheEntry, ...]:
        """What there is, most recently used first; ``noted``: with what it was made for."""
        found = []
        for path in self.path.glob("*" + SUFFIX):
            with contextlib.suppress(OSError):
                info = path.lstat()
                if not path.name.startswith("tmp-"):
                    note = self._note(path.stem) if noted else ""
                    found.append(CacheEntry(path.stem, info.st_size, info.st_mtime, note))
        return tuple(sorted(found, key=lambda e: -e.used))

    def clear(self) -> int:
        """Removes everything, left-over temporary files too; returns how many explorers went."""
        gone = 0
        for path in self.path.glob("*" + NOTE):
            with contextlib.suppress(OSError):
                path.unlink()
        for path in self.path.glob("*" + SUFFIX):
            with contextlib.suppress(OSError):
                path.unlink()
                gone += 1
        return gone

    def _note(self, key: str) -> str:
        try:
            return (self.path / (key + NOTE)).read_text("utf-8")[:400]
        except (OSError, ValueError):
            return ""

    def trim(self, limit: int) -> None:
        """Removes the entries used least recently until ``limit`` bytes are left, and stale temporaries."""
        total = 0
        for entry in self.entries():
            total += entry.size
            if total > limit:
                self.drop(entry.key)
        for path in self.path.glob("tmp-*" + SUFFIX):
            with contextlib.suppress(OSError):
                if time.time() - path.lstat().st_mtime > 3600:
                    path.unlink()


def location(environ: Mapping[str, str]) -> Path:
    """Where the cache is."""
    return usercache.location("native", environ)


def open_cache(environ: Mapping[str, str] = os.environ) -> Cache:
    """The cache of this user, or a private directory where there cannot be one."""
    path = location(environ)
    if usercache.usable(path):
        return Cache(path)
    made = tempfile.TemporaryDirectory(prefix="kspec-native-")
    return Cache(Path(made.name), made)
