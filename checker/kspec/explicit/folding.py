"""Long states as pairs of halves: how a search changes over to that when memory ends (see ``halves.c``).

States, transitions, depth, runs and digest stay what they are; only the place in memory changes.
"""

from __future__ import annotations

import ctypes
from copy import copy

from kspec.explicit.memory import NoMemoryError, Region
from kspec.explicit.native import U64, Image, Shared

LEAST_WORDS = 3
"""Shorter states gain nothing: a pair takes one word, and the table and the links stay."""
FIRST = 1 << 12
"""Slots of the first table of halves."""
FILL = 0.7
STEP = 1 << 12
SAMPLE = 8
"""One stretch of so many states out of so many stretches is looked at before states are stored as pairs,"""
WORTH_FOLDING = 0.75
"""which have to take no more than this share of the memory, were all other stretches no less diverse."""


class Half(ctypes.Structure):
    """``struct half``: see halves.c."""

    _fields_ = [(name, U64) for name in ("items", "slots", "slot_count", "room", "count")]

    items: int
    slots: int
    slot_count: int
    room: int
    count: int


class Halves:
    """The two tables of halves.

    ``most`` bounds the number of states, and with it that of halves.
    """

    def __init__(self, words: int, most: int) -> None:
        """Reserves address space; raises MemoryError."""
        self.words = ((words + 1) // 2, words // 2)
        spare = 4096
        self.items = [Region((most + spare) * 8 * w) for w in self.words]
        self.slots = [Region(int((most + spare) / FILL) * 8 + 8 * FIRST) for _ in self.words]
        self.table = (Half * 2)()
        for half, items, slots in zip(self.table, self.items, self.slots):
            half.items, half.slots = items.address, slots.address
            half.slot_count, half.room = FIRST, int(FIRST * FILL)

    @property
    def address(self) -> int:
        """Of the pair of structures."""
        return ctypes.addressof(self.table)

    @property
    def used(self) -> int:
        """Bytes in use."""
        return sum(int(h.count) * 8 * w + int(h.slot_count) * 8 for h, w in zip(self.table, self.words))

    @property
    def full(self) -> bool:
        """Whether some table has to grow before anything new can be stored."""
        return any(h.count >= h.room for h in self.table)

    def grow(self, image: Image, allowed: int) -> bool:
        """Makes full tables larger; False when that would take more than ``allowed`` bytes more."""
        for number, (half, slots) in enumerate(zip(self.table, self.slots)):
            if half.count < half.room:
                continue
            old = int(half.slot_count)
            new = min(old * (4 if old < 1 << 16 else 2), slots.size // 8)
            if new <= old or 8 * (new - old) > allowed:
                return False
            allowed -= 8 * (new - old)
            half.slot_count, half.room = new, int(new * FILL)
            slots.clear(old * 8)
            image.rehash(ctypes.addressof(half), number)
        return True

    def take_over(self, image: Image, shared: Shared, states: Region) -> bool:
        """Makes pairs of all states, in their place, and gives back what they took; False, and nothing is
        changed, when a sample shows that this would not save enough.  Raises MemoryError."""
        count, size = int(shared.count), 8 * sum(self.words)
        scratch = Region(8 * STEP)
        try:
            sample = copy(shared)
            sample.halves = self.address
            for first in range(0, count, SAMPLE * STEP):
                sample.states = scratch.address - 8 * first
                end = min(first + STEP, count)
                self.intern(image, sample, first, end, states.address + first * size)
        finally:
            scratch.close()
        if count and 8 * count + SAMPLE * self.used > WORTH_FOLDING * count * size:
            return False
        shared.halves = self.address
        for first in range(0, count, STEP):
            end = min(first + STEP, count)
            self.intern(image, shared, first, end, states.address + first * size)
            states.forget(end * 8, end * size)
        return True

    def intern(
        self, image: Image, shared: Shared, first: int, end: int, words: int, memory: int | None = None
    ) -> None:
        """Stores states whose words are given; raises NoMemoryError when that takes more than ``memory``."""
        while first < end:
            done = int(image.fold(ctypes.addressof(shared), first, end, words))
            words += (done - first) * 8 * sum(self.words)
            first = done
            if first < end and not self.grow(image, 1 << 62 if memory is None else memory - self.used):
                raise NoMemoryError

    def state(self, stored: int) -> tuple[int, ...]:
        """The words of a state."""
        out: list[int] = []
        for half, w, number in zip(self.table, self.words, (stored >> 32, stored & 0xFFFFFFFF)):
            out += (U64 * w).from_address(int(half.items) + number * 8 * w)
        return tuple(out)

    def close(self) -> None:
        """Gives the memory back."""
        for region in (*self.items, *self.slots):
            region.close()


class InFull:
    """Folded states as they would be if they were not: what checkpoints read and write.

    ``memory``: what states and halves may take together; writing raises NoMemoryError beyond that.
    """

    def __init__(self, halves: Halves, image: Image, shared: Shared, memory: int) -> None:
        self.size = 8 * sum(halves.words)
        self.halves, self.image, self.shared, self.memory = halves, image, shared, memory
        self._rest = b""

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the array of states in full."""
        first, end = offset // self.size, -(-(offset + size) // self.size)
        words = ctypes.create_string_buffer((end - first) * self.size)
        self.image.unfold(ctypes.addressof(self.shared), first, end, ctypes.addressof(words))
        skip = offset - first * self.size
        return words.raw[skip : skip + size]

    def write(self, offset: int, data: bytes) -> None:
        """Takes over bytes, which come one piece after the other from the start."""
        data = self._rest + data
        first = (offset - len(self._rest)) // self.size
        whole = len(data) // self.size
        words = ctypes.create_string_buffer(data[: whole * self.size], max(whole * self.size, 1))
        end, address = first + whole, ctypes.addressof(words)
        self.halves.intern(self.image, self.shared, first, end, address, self.memory - 12 * end)
        self._rest = data[whole * self.size :]
