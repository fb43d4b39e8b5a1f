"""The host's side of the native explorer: the structures of ``runtime_head.c`` and its functions."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORK_DONE, WORK_SLICE, WORK_GROW, WORK_BROKEN = range(4)
HELD = 16
"""How many numbers of states a worker takes at a time (several workers)."""
RECENT_BYTES = 1 << 15
"""What a worker remembers of the successors it saw lately should fit into the nearest cache."""


def recent_states(words: int) -> int:
    """How many successors a worker remembers: a power of two."""
    return max(64, 1 << (RECENT_BYTES // (8 * words)).bit_length() - 1)


MAX_STATES = (1 << 32) - (1 << 20)
"""Numbers of states have 32 bits."""

FANOUT = 1 << 20
"""The most successors of one state."""

U64 = ctypes.c_uint64


class Shared(ctypes.Structure):
    """``struct shared``: see runtime_head.c."""

    _fields_ = [
        (name, U64)
        for name in (
            "states", "parents", "slots", "marks", "decided",
            "slot_count", "room", "count", "next", "end", "chunk", "halves",
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
    chunk: int
    halves: int


class Worker(ctypes.Structure):
    """``struct worker``: see runtime_head.c."""

    _fields_ = [
        (name, U64)
        for name in (
            "shared", "batch", "hashes", "sources", "taken", "found", "recent", "frames", "capacity", "n", "at", "stop",
            "held", "held_end", "source", "origin", "base", "alive", "cut", "broken", "mode", "target",
            "hit", "first", "actors", "edges", "edge_count", "edge_capacity", "actor", "stage",
        )
    ]  # fmt: skip

    shared: int
    batch: int
    hashes: int
    sources: int
    taken: int
    found: int
    recent: int
    frames: int
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
    mode: int
    target: int
    hit: int
    first: int
    actors: int
    edges: int
    edge_count: int
    edge_capacity: int
    actor: int
    stage: int


class Image:
    """A compiled explorer, loaded into this process.

    Calls release the interpreter lock, so workers run in parallel on threads of the host.
    """

    def __init__(self, path: Path, tier: str) -> None:
        """Loads a shared object; raises OSError when that fails."""
        self.tier = tier
        lib = ctypes.CDLL(str(path))
        ptr = ctypes.c_void_p
        self.prepare = self._function(lib, "kspec_prepare", None, ptr)
        self.init = self._function(lib, "kspec_init", ctypes.c_int32, ptr)
        self.work = self._function(lib, "kspec_work", ctypes.c_int32, ptr, U64)
        self.sweep = self._function(lib, "kspec_sweep", ctypes.c_int32, ptr, U64, U64, U64, U64)
        self.judge = self._function(lib, "kspec_judge", ctypes.c_int32, ptr, U64, U64, U64)
        self.probe = self._function(lib, "kspec_probe", ctypes.c_int32, ptr, U64, U64)
        self.rebuild = self._function(lib, "kspec_rebuild", None, ptr, U64, U64, ptr, U64)
        self.move = self._function(lib, "kspec_move", None, ptr, U64, U64)
        self.find = self._function(lib, "kspec_find", U64, ptr, ptr)
        self.digest = self._function(lib, "kspec_digest", None, ptr, U64, U64, ptr)
        if hasattr(lib, "kspec_fold"):  # states are stored as pairs of halves
            self.fold = self._function(lib, "kspec_fold", U64, ptr, U64, U64, ptr)
            self.unfold = self._function(lib, "kspec_unfold", None, ptr, U64, U64, ptr)
            self.rehash = self._function(lib, "kspec_rehash", None, ptr, U64)
        if hasattr(lib, "kspec_canon"):  # one state stands for its orbit
            self.canon = self._function(lib, "kspec_canon", U64, ptr)
            self.orbits = self._function(lib, "kspec_orbits", None, ptr, U64, U64, ptr)

    @staticmethod
    def _function(lib: ctypes.CDLL, name: str, result: Any, *args: Any) -> Callable[..., int]:
        f = getattr(lib, name)
        f.restype = result
        f.argtypes = args
        call: Callable[..., int] = f
        return call
