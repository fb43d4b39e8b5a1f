"""The host's side of the native explorer: the structures of ``runtime_head.c`` and its functions."""

from __future__ import annotations

import ctypes
from pathlib import Path

from kspec.explicit.memory import Region

WORK_DONE, WORK_SLICE, WORK_GROW, WORK_BROKEN = range(4)
HELD = 16
"""How many numbers of states a worker takes at a time (several workers)."""
BATCH = 64
MAX_STATES = (1 << 32) - 4096
"""Numbers of states have 32 bits."""

U64 = ctypes.c_uint64


class Shared(ctypes.Structure):
    """``struct shared``: see runtime_head.c."""

    _fields_ = [
        (name, U64)
        for name in (
            "states", "parents", "slots", "marks", "decided",
            "slot_count", "room", "count", "next", "end",
        )
    ]  # fmt: skip

    states: int
    parents: int
    slots: int
    marks: int
    decided: int
    slot_count: int
    room: int
    count: int
    next: int
    end: int


class Worker(ctypes.Structure):
    """``struct worker``: see runtime_head.c."""

    _fields_ = [
        (name, U64)
        for name in (
            "shared", "batch", "hashes", "sources", "taken", "found", "capacity", "n", "at", "stop",
            "held", "held_end", "source", "origin", "base", "alive", "cut", "broken", "marking",
        )
    ]  # fmt: skip

    shared: int
    batch: int
    hashes: int
    sources: int
    taken: int
    found: int
    capacity: int
    n: int
    at: int
    stop: int
    held: int
    held_end: int
    source: int
    origin: int
    base: int
    alive: int
    cut: int
    broken: int
    marking: int


class Image:
    """A compiled explorer, loaded into this process.

    Calls release the interpreter lock, so workers run in parallel on threads of the host.
    """

    def __init__(self, path: Path, tier: str) -> None:
        """Loads a shared object; raises OSError when that fails."""
        self.tier = tier
        lib = ctypes.CDLL(str(path))
        ptr = ctypes.c_void_p
        self.init = self._function(lib, "kspec_init", ctypes.c_int32, ptr)
        self.work = self._function(lib, "kspec_work", ctypes.c_int32, ptr, U64)
        self.sweep = self._function(lib, "kspec_sweep", ctypes.c_int32, ptr, U64, U64, U64)
        self.rebuild = self._function(lib, "kspec_rebuild", None, ptr, U64, U64, ptr, U64)
        self.move = self._function(lib, "kspec_move", None, ptr, U64, U64)
        self.find = self._function(lib, "kspec_find", U64, ptr, ptr)
        self.digest = self._function(lib, "kspec_digest", None, ptr, U64, U64, ptr)

    @staticmethod
    def _function(lib: ctypes.CDLL, name: str, result: object, *args: object):  # type: ignore[no-untyped-def]
        f = getattr(lib, name)
        f.restype = result
        f.argtypes = args
        return f


class Explorer:
    """The memory of one exploration: dense states, parents, table, workers.  No policy."""

    def __init__(self, words: int, properties: int, actions: int, capacity: int, threads: int) -> None:
        """Reserves address space for ``capacity`` states; raises MemoryError."""
        self.words, self.properties, self.actions = words, properties, actions
        self.capacity = min(capacity, MAX_STATES)
        self.threads = threads
        spare = 4096
        self.states = Region((self.capacity + spare) * 8 * words)
        self.parents = Region((self.capacity + spare) * 4)
        self.slots = Region(int(self.capacity / 0.6) * 8 + (1 << 20))
        self.marks: Region | None = None
        self.decided = Region(max(properties, 1))
        self.shared = Shared(
            states=self.states.address,
            parents=self.parents.address,
            slots=self.slots.address,
            decided=self.decided.address,
        )
        self._kept: list[Region] = []
        self.workers = [self.worker() for _ in range(threads)]

    def worker(self, capacity: int = 1 << 20) -> Worker:
        """A worker with memory of its own; ``capacity`` bounds the successors of one state."""
        sizes = [capacity * 8 * self.words, capacity * 8, capacity * 4]
        sizes += [(self.actions + 1) * 8, self.properties * (self.words + 2) * 8]
        regions = [Region(size) for size in sizes]
        self._kept += regions
        batch, hashes, sources, taken, found = (r.address for r in regions)
        return Worker(
            shared=ctypes.addressof(self.shared),
            batch=batch,
            hashes=hashes,
            sources=sources,
            taken=taken,
            found=found,
            capacity=capacity,
        )
