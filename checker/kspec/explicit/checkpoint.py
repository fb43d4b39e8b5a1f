"""Checkpoints of a running search, and going on from one to the same result.

States and parent links only grow, so a checkpoint appends what is new to two files and then replaces a
small header that says how much of them counts, and what else the search knows.  A run that is killed at
any moment leaves the last complete header and at least the data that it names.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from kspec import __version__

FORMAT = 1
HEADER = "checkpoint.json"
FILES = ("states.bin", "parents.bin")
LOCK = "lock"
CHUNK = 16 << 20
SPARE = 64 << 20
"""Bytes of the disk that a checkpoint leaves free."""
SPEED = 250e6
"""Bytes per second that a disk is taken to write until it has shown what it does."""


class Stored(Protocol):
    """An array in memory."""

    def read(self, offset: int, size: int) -> bytes:
        """Some of its bytes."""

    def write(self, offset: int, data: bytes) -> None:
        """Overwrites some of its bytes."""


class CheckpointError(Exception):
    """A checkpoint cannot be used; the text says why."""


@dataclass(frozen=True)
class Keeping:
    """Where checkpoints go and how often: every ``every`` seconds, and when a run is stopped.

    ``resume``: go on from what is there (a checkpoint of something else is not touched before the first
    one of this run is written).  ``about`` is written into the header for readers: what the run is of.
    """

    folder: Path
    every: float = 300.0
    resume: bool = False
    about: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Identity:
    """What a checkpoint is of.  Counts and packed states mean the same only if all of this is equal."""

    system: str
    words: int
    symmetric: tuple[str, ...] = ()
    partial: bool = False
    version: str = __version__


@dataclass(frozen=True)
class Known:
    """What a search knows besides the states.

    ``pending``: the stretches of the last level that are still to be expanded; ``starts``: the first state
    of every level and the end of the last; ``actions`` and ``cut`` as counted so far, ``before`` the counts
    when the level was begun; ``seen``: name, length and words for every sighting.
    """

    count: int
    starts: tuple[int, ...]
    pending: tuple[tuple[int, int], ...]
    actions: tuple[int, ...]
    cut: int
    before: tuple[int, int, int, tuple[int, ...], int]
    seen: tuple[tuple[str, int, tuple[int, ...]], ...]
    complete: int | None


@dataclass
class Store:
    """The files of one search."""

    keeping: Keeping
    identity: Identity
    saved: int = 0
    sums: list[int] = field(default_factory=lambda: [0, 0])
    last: float = field(default_factory=time.monotonic)
    speed: float = SPEED
    lock: int | None = None

    def cost(self, states: int) -> float:
        """The seconds that it takes to write a checkpoint with so many states now."""
        return self._size(states - self.saved) / self.speed

    @property
    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.monotonic() - self.last >= self.keeping.every

    def save(self, known: Known, states: Stored, parents: Stored) -> None:
        """Writes a checkpoint.  Raises CheckpointError when the files cannot be written."""
        folder = self.keeping.folder
        began, new = time.monotonic(), self._size(known.count - self.saved)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._claim()
            free = shutil.disk_usage(folder).free
            if free < new + SPARE:
                raise CheckpointError(
                    f"no checkpoint was written: it takes {new >> 20} MB, and {folder} has {free >> 20} MB left"
                )
            if not self.saved:
                (folder / HEADER).unlink(missing_ok=True)
            for n, (name, region, size) in enumerate(self._files(states, parents)):
                self.sums[n] = _append(folder / name, region, self.saved * size, known.count * size, self.sums[n])
            self.saved = known.count
            header = {
                "format": FORMAT,
                "about": dict(self.keeping.about),
                "written": int(time.time()),
                "identity": asdict(self.identity),
                "sums": self.sums,
                **asdict(known),
            }
            _replace(folder / HEADER, json.dumps(header).encode())
        except OSError as e:
            raise CheckpointError(f"cannot write a checkpoint: {e}") from None
        self.last = time.monotonic()
        if new > 32 << 20:
            self.speed = new / max(self.last - began, 0.001)

    def load(self, states: Stored, parents: Stored) -> Known:
        """Reads the checkpoint into memory.  Raises CheckpointError when there is none for this search."""
        folder = self.keeping.folder
        header = self._header()
        try:
            self._claim()
        except OSError as e:
            raise CheckpointError(f"cannot use the checkpoint: {e}") from None
        count, sums = int(header["count"]), [int(x) for x in header["sums"]]
        try:
            for n, (name, region, size) in enumerate(self._files(states, parents)):
                if _fill(folder / name, region, count * size) != sums[n]:
                    raise CheckpointError(f"{folder / name} is damaged")
        except OSError as e:
            raise CheckpointError(f"cannot read the checkpoint: {e}") from None
        self.saved, self.sums = count, sums
        self.last = time.monotonic()
        return _known(header)

    def count(self) -> int:
        """The number of states in the checkpoint; raises CheckpointError like :meth:`load`."""
        return int(self._header()["count"])

    def drop(self) -> None:
        """Removes the checkpoint: the search has ended."""
        try:
            self._claim()
        except (CheckpointError, OSError):
            return
        remove(self.keeping.folder)

    def _claim(self) -> None:
        """Makes sure that no other run uses the folder; raises CheckpointError."""
        path = self.keeping.folder / LOCK
        while self.lock is None:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(fd).st_nlink:  # not the file of a run that has just removed its checkpoint
                    self.lock = fd
            except BlockingIOError:
                raise CheckpointError(f"another run uses the checkpoint in {self.keeping.folder}") from None
            finally:
                if self.lock is None:
                    os.close(fd)

    def close(self) -> None:
        """Lets other runs use the folder."""
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None

    def _size(self, states: int) -> int:
        return states * (8 * self.identity.words + 4)

    def _header(self) -> dict[str, Any]:
        path = self.keeping.folder / HEADER
        try:
            header = json.loads(path.read_bytes())
            same = header["format"] == FORMAT and header["identity"] == json.loads(
                json.dumps(asdict(self.identity))
            )
        except FileNotFoundError:
            raise CheckpointError(f"there is no checkpoint in {self.keeping.folder}") from None
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise CheckpointError(f"{path} cannot be read: {e}") from None
        if not same:
            raise CheckpointError(f"{path} is of another system, reduction or version of kspec")
        out: dict[str, Any] = header
        return out

    def _files(self, states: Stored, parents: Stored) -> tuple[tuple[str, Stored, int], ...]:
        return (FILES[0], states, 8 * self.identity.words), (FILES[1], parents, 4)


def remove(folder: Path) -> None:
    """Removes the files of a checkpoint, and their folder if there is nothing else in it."""
    half_written = [p.name for p in folder.glob(HEADER + "?*")]
    for name in (HEADER, *half_written, *FILES, LOCK):
        with contextlib.suppress(OSError):
            (folder / name).unlink()
    with contextlib.suppress(OSError):
        folder.rmdir()


def _known(header: dict[str, Any]) -> Known:
    """The inverse of ``asdict`` through JSON."""
    states, transitions, depth, actions, cut = header["before"]
    return Known(
        count=header["count"],
        starts=tuple(header["starts"]),
        pending=tuple((a, b) for a, b in header["pending"]),
        actions=tuple(header["actions"]),
        cut=header["cut"],
        before=(states, transitions, depth, tuple(actions), cut),
        seen=tuple((name, length, tuple(words)) for name, length, words in header["seen"]),
        complete=header["complete"],
    )


def _append(path: Path, region: Stored, first: int, end: int, checksum: int) -> int:
    """Writes bytes first..end of a region to the same place of a file; the checksum of all up to there."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if first == 0 else 0) | os.O_CLOEXEC, 0o600)
    try:
        at = first
        while at < end:
            data = region.read(at, min(CHUNK, end - at))
            checksum = zlib.crc32(data, checksum)
            view = memoryview(data)
            while view:
                written = os.pwrite(fd, view, at)
                view = view[written:]
                at += written
        os.fsync(fd)
    finally:
        os.close(fd)
    return checksum


def _fill(path: Path, region: Stored, size: int) -> int:
    """Reads the first bytes of a file into a region; their checksum."""
    checksum = 0
    with path.open("rb") as f:
        at = 0
        while at < size:
            data = f.read(min(CHUNK, size - at))
            if not data:
                raise CheckpointError(f"{path} is too short")
            checksum = zlib.crc32(data, checksum)
            region.write(at, data)
            at += len(data)
    return checksum


def _replace(path: Path, data: bytes) -> None:
    """Makes ``data`` the content of a file, all of it or none."""
    fd, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.replace(name, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
