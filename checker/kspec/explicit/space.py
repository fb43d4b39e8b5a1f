"""The reached states of one exploration in memory, and what the native code does with them.

Policy (levels, budgets, which code runs) is in ``kspec.explicit.search``.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

from kspec.explicit.folding import Halves, InFull
from kspec.explicit.memory import NoMemoryError, Region
from kspec.explicit.native import (
    FANOUT,
    HELD,
    MAX_STATES,
    U64,
    WORK_BROKEN,
    WORK_GROW,
    Image,
    Shared,
    Worker,
    recent_states,
)
from kspec.explicit.spill import Spill

FILL = 0.7
"""The share of the table that may be in use before it grows."""
TIGHT = 0.85
"""The same when memory is scarce."""
FULL = 0.9
"""The same when states are told apart by hashes: the table never grows."""
EDGES = 1 << 19
"""The most steps that one sweep of a level notes."""
END = 0xFFFFFFFF


class BrokenError(Exception):
    """The native code met a system that breaks its contract, or a state with too many successors."""


@dataclass(frozen=True)
class Sizes:
    """What a system needs: words of a state, numbers of properties and actions, bytes for open choices and for
    choosing among steps."""

    words: int
    properties: int
    actions: int
    frames: int
    stage: int = 0


def lossy_slots(memory: int, words: int) -> int:
    """The size of a table for as many states as memory has room for, when only the last levels are there in
    full: a quarter of the states is allowed for."""
    return int(memory / (8 / FULL + 4 + 2 * words) / FULL)


class Space:
    """States, parents, table and workers.

    ``memory`` bounds the bytes of all of them together; ``states`` bounds the number of states.
    """

    def __init__(
        self,
        sizes: Sizes,
        memory: int,
        threads: int,
        states: int | None = None,
        slots: int = 1 << 14,
        chunk: int = 128,
        spill: Spill | None = None,
        lossy: bool = False,
        foldable: bool = False,
    ) -> None:
        """Reserves address space; raises MemoryError."""
        self.sizes = sizes
        self.memory = memory
        self.state_bytes = 8 * sizes.words + 4
        self.spill = spill
        self.spilled = False
        self.lossy = lossy
        self.forgotten = 0
        self.halves: Halves | None = None
        self._unfolding: Image | None = None
        self.most = states if states is not None else MAX_STATES
        in_memory = 12 if lossy else 8 if spill is not None else (20 if foldable else self.state_bytes + 8)
        capacity = min(MAX_STATES, memory // in_memory + 65536)
        spare = 64 * HELD * max(threads, 1)
        self.capacity = capacity
        self.states = Region((capacity + spare) * 8 * sizes.words)
        self.parents = Region((capacity + spare) * 4)
        self.slots = Region(int((capacity + spare) / FILL) * 8 + 8 * slots)
        self.marks = Region(capacity + spare)
        self.decided = Region(2 * sizes.properties)
        self.shared = Shared(
            states=self.states.address,
            parents=self.parents.address,
            slots=self.slots.address,
            marks=self.marks.address,
            decided=self.decided.address,
            chunk=chunk,
        )
        self._at = ctypes.addressof(self.shared)
        # Workers take numbers in advance, so there may be so many more states than there is room for.
        self._reserve = HELD * threads if threads > 1 else 0
        self._regions: list[Region] = []
        self.workers = [self._worker() for _ in range(threads)]
        self.scout = self._worker()
        """The worker that sweeps; what it counts does not count."""
        self._edges = Region(12 * EDGES)
        self.scout.edges, self.scout.edge_capacity = self._edges.address, EDGES
        self._regions.append(self._edges)
        self.pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._size_table(max(slots, 16 * self._reserve), FULL if lossy else FILL)

    def close(self) -> None:
        """Ends the threads and gives the memory back; nothing can be asked after that."""
        if self.pool is not None:
            self.pool.shutdown()
        if self.halves is not None:
            self.halves.close()
        for region in (*self._regions, self.states, self.parents, self.slots, self.marks, self.decided):
            region.close()
        if self.spill is not None:
            self.spill.close()

    def __len__(self) -> int:
        return int(self.shared.count)

    @property
    def used(self) -> int:
        """Bytes of memory in use (states on disk not counted)."""
        states = 0 if self.spilled else len(self) * self.state_bytes - self.forgotten * 8 * self.sizes.words
        halves = self.halves.used if self.halves is not None else 0
        return states + halves + int(self.shared.slot_count) * 8

    def initial(self, image: Image) -> None:
        """Enters the initial states."""
        for w in (*self.workers, self.scout):
            image.prepare(ctypes.addressof(w))
        worker = self.workers[0]
        code = image.init(ctypes.addressof(worker))
        self._check(code)
        while code == WORK_GROW:
            self.grow(image)
            code = image.work(ctypes.addressof(worker), 0)
            self._check(code)
        self.settle(image)

    def flush(self, image: Image) -> bool:
        """Stores the successors that wait in batches; False when there is no room for them."""
        waiting = [w for w in self.workers if w.n]
        if waiting:
            slots = int(self.shared.slot_count)
            self.shared.room = min(int(slots * 0.97) - self._reserve, self.capacity)
        for w in waiting:
            self._check(image.work(ctypes.addressof(w), 0))
        return not any(w.n for w in waiting)

    def unexpanded(self) -> list[tuple[int, int]]:
        """The stretches of the level that were not worked on yet."""
        rest = [(int(w.at), int(w.stop)) for w in self.workers]
        rest.append((int(self.shared.next), int(self.shared.end)))
        return [(first, end) for first, end in rest if first < end]

    def restore(self, image: Image, count: int, actions: Sequence[int], cut: int) -> None:
        """Takes over ``count`` states that are in memory already; raises NoMemoryError."""
        for w in (*self.workers, self.scout):
            image.prepare(ctypes.addressof(w))
        self.shared.count = count
        slots = int(self.shared.slot_count)
        while self._room(slots, TIGHT) <= count:
            slots = int(slots * 1.5)
            if slots > min(self.slots.size // 8, 1 << 32):
                raise NoMemoryError
        self._size_table(slots, FILL if self._room(slots, FILL) > count else TIGHT)
        self._rebuild(image, 0)
        row = (ctypes.c_uint64 * self.sizes.actions).from_address(self.workers[0].taken)
        row[:] = list(actions)
        self.workers[0].cut = cut

    def begin(self, first: int, end: int) -> None:
        """Sets the level that :meth:`work` expands."""
        self.shared.next, self.shared.end = first, end
        for w in self.workers:
            w.at = w.stop = 0

    def work(self, image: Image, slice_: int, threads: int) -> list[int]:
        """Lets so many workers expand ``slice_`` states each; the codes they end with."""
        codes = self._each(lambda w: image.work(ctypes.addressof(w), slice_), threads)
        for code in codes:
            self._check(code)
        return codes

    def grow(self, image: Image) -> None:
        """Makes the table larger, or moves the states to disk.

        Raises NoMemoryError when neither is within the budget, DiskError when the disk is full.
        """
        if self.lossy:
            raise NoMemoryError
        if self.halves is not None and self.halves.full:
            if not self.halves.grow(image, self.memory - self.used):
                raise NoMemoryError
            return
        old, count = int(self.shared.slot_count), len(self)
        best, chosen = count, (old, FILL)
        for factor, fill in ((4 if old < 1 << 20 else 2, FILL), (1.5, FILL), (1.2, TIGHT), (1, TIGHT)):
            slots = min(int(old * factor), self.slots.size // 8, 1 << 32)
            room = self._room(slots, fill)
            if room > best:
                best, chosen = room, (slots, fill)
            if room > count + count // 4:
                break
        if best < count + count // 16 + 1 and best < self.most and self.spill is not None and not self.spilled:
            self._to_disk()
            self.grow(image)
            return
        if best == count:
            raise NoMemoryError
        slots, fill = chosen
        self._size_table(slots, fill)
        if slots > old:
            self._rebuild(image, old)
        if self.spilled:
            self.claim()

    def fold(self, image: Image) -> bool:
        """Stores all states as pairs of halves, with code for such states, if a sample shows that this takes
        less memory; raises MemoryError."""
        self.settle(image)
        halves = Halves(self.sizes.words, self.capacity)
        if not halves.take_over(image, self.shared, self.states):
            halves.close()
            return False
        self.halves, self._unfolding, self.state_bytes = halves, image, 12
        self.shared.room = self._room(int(self.shared.slot_count), FILL)
        return True

    @property
    def in_full(self) -> Region | InFull:
        """The states in full, for checkpoints: raises NoMemoryError when it is written to and there is no room."""
        if self.halves is None or self._unfolding is None:
            return self.states
        return InFull(self.halves, self._unfolding, self.shared, self.memory)

    def _to_disk(self) -> None:
        """Moves states and parent links into files."""
        assert self.spill is not None
        self.spill.move(self.states, len(self) * 8 * self.sizes.words)
        self.spill.move(self.parents, len(self) * 4)
        self.spilled = True

    def claim(self) -> None:
        """Makes sure that the disk has room for the states that the table has room for."""
        assert self.spill is not None
        states = int(self.shared.room) + 64 * HELD * len(self.workers)
        self.spill.claim(self.states, states * 8 * self.sizes.words)
        self.spill.claim(self.parents, states * 4)

    def fits(self, count: int) -> bool:
        """Whether so many states fit into memory as they are."""
        return self._room(int(count / TIGHT) + 1 + self._reserve, 1.0) > count

    def make_room(self, count: int) -> None:
        """Before so many states are read in: puts them on disk when they are too many for memory."""
        if self.spill is not None and not self.fits(count):
            self._to_disk()
            self.shared.room = count
            self.claim()

    def forget(self) -> None:
        """Lets states on disk leave memory."""
        if self.spilled:
            self.states.forget(0, len(self) * 8 * self.sizes.words)
            self.parents.forget(0, len(self) * 4)

    def leave_behind(self, end: int) -> None:
        """Lets the first ``end`` states go, of which the table keeps what it needs."""
        self.states.forget(0, end * 8 * self.sizes.words)
        self.forgotten = end

    def _room(self, slots: int, fill: float) -> int:
        """How many states a table of that size may hold, within all bounds."""
        if self.lossy:
            by_memory = self.most
        elif self.spilled:
            # Some memory is left for the parts of the files that are being worked on.
            by_memory = self.most if slots * 8 <= self.memory - self.memory // 8 else 0
        else:
            # Halves are taken to grow as states do; they grow more slowly.
            halves = self.halves.used // max(len(self), 1) + 1 if self.halves is not None else 0
            by_memory = (self.memory - slots * 8) // (self.state_bytes + halves)
        by_slots = int(slots * fill) - self._reserve
        return max(0, min(by_slots, by_memory, self.most, self.capacity))

    def _size_table(self, slots: int, fill: float) -> None:
        self.shared.slot_count = slots
        self.shared.room = self._room(slots, fill)

    def _rebuild(self, image: Image, old_slots: int) -> None:
        self.slots.clear(old_slots * 8)
        holes = self._holes()
        skip = (ctypes.c_uint64 * len(holes))(*holes)
        end = len(self)
        # Only the code for several workers can enter states into the table side by side.
        parts = len(self.workers) if end > 1 << 16 and image.tier == "cc" else 1
        bounds = [end * i // parts for i in range(parts + 1)]
        todo = iter(list(pairwise(bounds)))

        def one(_: Worker) -> int:
            first, stop = next(todo)
            image.rebuild(self._at, first, stop, ctypes.addressof(skip), len(holes))
            return 0

        self._each(one, parts)

    def _holes(self) -> list[int]:
        """Numbers that workers hold in reserve, ascending."""
        return sorted(n for w in self.workers for n in range(w.held, w.held_end))

    def settle(self, image: Image) -> None:
        """Fills the numbers that workers hold in reserve with the last states, so that none is unused."""
        holes = self._holes()
        for w in self.workers:
            w.held = w.held_end = 0
        reserved = set(holes)
        for hole in holes:
            end = len(self)
            while end - 1 in reserved and end - 1 >= hole:
                reserved.discard(end - 1)
                end -= 1
            self.shared.count = end
            if hole >= end:
                break
            image.move(self._at, end - 1, hole)
            reserved.discard(hole)
            self.shared.count = end - 1

    def counts(self) -> tuple[list[int], int]:
        """How often each action was taken, and how often a limit cut a step off."""
        taken = [0] * self.sizes.actions
        for w in self.workers:
            row = (ctypes.c_uint64 * self.sizes.actions).from_address(w.taken)
            taken = [a + b for a, b in zip(taken, row)]
        return taken, sum(w.cut for w in self.workers)

    def spared(self) -> int:
        """How many successors partial-order reduction left out."""
        return sum(int(U64.from_address(w.stage + 8).value) for w in self.workers) if self.sizes.stage else 0

    def sightings(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """What was seen since the last call: property number and words of the smallest state (all workers)."""
        best: dict[int, tuple[int, ...]] = {}
        size = self.sizes.words + 2
        for w in (*self.workers, self.scout):
            rows = (ctypes.c_uint64 * (size * 2 * self.sizes.properties)).from_address(w.found)
            for number in range(2 * self.sizes.properties):
                if rows[number * size]:
                    rows[number * size] = 0
                    words = tuple(rows[number * size + 2 : (number + 1) * size])
                    best[number] = min(best.get(number, words), words)
        yield from sorted(best.items())

    def decide(self, number: int) -> None:
        """Sightings of that number are not noted any more."""
        self.decided.write(number, b"\1")

    def digest(self, image: Image, end: int) -> int:
        """The digest of the first ``end`` states."""
        parts = len(self.workers) if end > 1 << 16 else 1
        bounds = [end * i // parts for i in range(parts + 1)]
        outs = [(ctypes.c_uint64 * 2)() for _ in range(parts)]
        todo = iter(list(zip(bounds, bounds[1:], outs)))

        def one(_: Worker) -> int:
            first, stop, out = next(todo)
            image.digest(self._at, first, stop, ctypes.addressof(out))
            return 0

        self._each(one, parts)
        total = 0
        for high, low in outs:
            total ^= high << 64 | low
        return total

    def probe(self, image: Image, first: int, end: int) -> None:
        """Notes deadlocks among states that are not expanded."""
        self._check(image.probe(ctypes.addressof(self.scout), first, end))

    def judge(self, image: Image, first: int, end: int, target: int) -> None:
        """Marks the states that show a property themselves."""
        self._check(image.judge(ctypes.addressof(self.scout), first, end, target))

    def sweep(self, image: Image, first: int, end: int, following: int, target: int) -> None:
        """Marks the states first..end-1 with a marked successor from ``following`` on, or with a step that
        shows the target, and notes these steps."""
        self._check(image.sweep(ctypes.addressof(self.scout), first, end, following, target))

    def edges(self) -> array[int]:
        """The steps that were noted since the last call, three numbers each: from, to (END when the step
        shows the target itself) and the actor.  Raises OverflowError when there were too many."""
        count, self.scout.edge_count = int(self.scout.edge_count), 0
        if count > EDGES:
            raise OverflowError
        noted = array("I")
        noted.frombytes(self._edges.read(0, 12 * count))
        return noted

    def marked(self, first: int, end: int, most: int) -> list[int]:
        """The marked states in a range; at most ``most`` of them."""
        found: list[int] = []
        step = 1 << 20
        for base in range(first, end, step):
            chunk = self.marks.read(base, min(step, end - base))
            at = chunk.find(1)
            while at >= 0:
                found.append(base + at)
                if len(found) >= most:
                    return found
                at = chunk.find(1, at + 1)
        return found

    def unmark(self, end: int) -> None:
        """Removes the marks of the first ``end`` states."""
        self.marks.clear(end)

    def words(self, number: int) -> tuple[int, ...]:
        """The packed words of a state."""
        size = self.sizes.words
        if self.halves is not None:
            return self.halves.state(U64.from_address(int(self.shared.states) + number * 8).value)
        address = int(self.shared.states) + number * 8 * size
        return tuple((ctypes.c_uint64 * size).from_address(address))

    def parent(self, number: int) -> int:
        """The state from which a state was first reached."""
        return ctypes.c_uint32.from_address(int(self.shared.parents) + number * 4).value

    def find(self, image: Image, words: tuple[int, ...]) -> int | None:
        """The number of a state; None when it was not reached."""
        found = image.find(self._at, (ctypes.c_uint64 * self.sizes.words)(*words))
        return found - 1 if found else None

    def _each(self, call: Callable[[Worker], int], threads: int) -> list[int]:
        workers = self.workers[:threads]
        if self.pool is None or len(workers) == 1:
            return [call(w) for w in workers]
        return list(self.pool.map(call, workers))

    def _check(self, code: int) -> None:
        if code == WORK_BROKEN:
            why = {w.broken for w in (*self.workers, self.scout)}
            if 2 in why:
                raise BrokenError(f"a state has more than {FANOUT} successors")
            raise BrokenError("an index or a value is outside its type, unchecked")

    def _worker(self) -> Worker:
        s = self.sizes
        batch_sizes = (FANOUT * 8 * s.words, FANOUT * 8, FANOUT * 4, FANOUT * 4)
        found_size = 2 * s.properties * (s.words + 2) * 8
        sizes = (*batch_sizes, (s.actions + 1) * 8, found_size, recent_states(s.words) * 8 * s.words)
        regions = [Region(size) for size in (*sizes, s.frames, s.stage)]
        batch, hashes, sources, actors, taken, found, recent, frames, stage = (r.address for r in regions)
        self._regions += regions
        return Worker(
            shared=self._at,
            batch=batch,
            hashes=hashes,
            sources=sources,
            actors=actors,
            taken=taken,
            found=found,
            frames=frames,
            stage=stage,
            recent=recent,
            capacity=FANOUT,
        )
