"""What makes the reached states many: for each cell, how many states there would be but for it; for each
action, how many states it was the first to reach.

The first are counts of distinct states with the bits of the cell left out: exact up to ``EXACT``, beyond that
an estimate that is within about 2 %.  The second are of a sample of the states, evenly spread over the search.
"""

from __future__ import annotations

import ctypes
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kspec.engine.protocol import CellShare, Statistics
from kspec.explicit.cache import Cache
from kspec.explicit.search import Search
from kspec.explicit.toolchain import CompileError, start, system_compiler, tiny_compiler
from kspec.interp.machine import Machine
from kspec.system.model import State, System
from kspec.system.packing import Slot, slots, unpack

SLOTS = 1 << 16
EXACT = SLOTS // 2
"""Distinct values up to which counts are exact."""
CHUNK = 1 << 20
"""States that are looked at between two looks at the clock."""
SAMPLE = 400
"""States whose first step is looked for."""
SECONDS = 3.0
"""Seconds for the sample."""
END = 0xFFFFFFFF


class _Counter(ctypes.Structure):
    """``struct counter`` of distinct.c."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("slots", "used", "zeros", "table")]

    slots: int
    used: int
    zeros: int
    table: int


@dataclass
class _Distinct:
    """The compiled function, and the memory that it works in."""

    native: ctypes.CDLL
    memory: ctypes.Array[ctypes.c_uint64] = field(default_factory=lambda: (ctypes.c_uint64 * (2 * SLOTS))())

    def count(self, search: Search, mask: Sequence[int]) -> tuple[int, bool]:
        """The number of distinct states under a mask, and whether it is exact."""
        words = search.space.sizes.words
        ctypes.memset(self.memory, 0, 8 * SLOTS)
        counter = _Counter(SLOTS, 0, 0, ctypes.addressof(self.memory))
        masks = (ctypes.c_uint64 * words)(*mask)
        end = len(search.space)
        for first in range(0, end, CHUNK):
            search.budgets.poll()
            states = ctypes.c_void_p(int(search.space.shared.states) + first * 8 * words)
            size = ctypes.c_uint64(min(CHUNK, end - first))
            self.native.kspec_distinct(ctypes.byref(counter), states, size, ctypes.c_uint64(words), masks)
        return int(counter.used) << int(counter.zeros), counter.zeros == 0


def statistics(search: Search, cache: Cache) -> Statistics:
    """What makes the states of a search many.  Raises CompileError, OSError, or StopError."""
    total = len(search.space)
    distinct = _Distinct(_library(cache))
    layout = slots(search.system)
    cells = []
    exact = True
    for name, mine in _cells(search.system, layout):
        words = search.space.sizes.words
        only, rest = _mask(layout, mine, words), _mask(layout, set(range(len(layout))) - mine, words)
        values, sure = distinct.count(search, only)
        without, certain = distinct.count(search, rest)
        exact = exact and sure and certain
        cells.append(CellShare(name, sum(layout[i].bits for i in mine), min(values, total), min(without, total)))
    sampled = {} if search.tiers.native.symmetric else _first_steps(search, layout)
    return Statistics(total, exact, tuple(cells), tuple(sampled.items()))


def _library(cache: Cache) -> ctypes.CDLL:
    compiler = system_compiler()
    compiler = compiler.optimised("-O2") if compiler is not None else tiny_compiler()
    if compiler is None:
        raise CompileError("there is no compiler")
    text = (Path(__file__).parent / "distinct.c").read_text("ascii")
    return ctypes.CDLL(str(start(compiler, text, cache).result()))


def _cells(system: System, layout: Sequence[Slot]) -> Iterator[tuple[str, set[int]]]:
    """The cells that take room, with the positions of their scalars."""
    for cell in system.state_cells:
        at = system.offsets[cell.name]
        if layout[at].bits:
            yield cell.name.replace("[]", ""), set(range(at, at + cell.size))


def _mask(layout: Sequence[Slot], positions: set[int], words: int) -> list[int]:
    mask = [0] * words
    for i in positions:
        mask[layout[i].word] |= ((1 << layout[i].bits) - 1) << layout[i].shift
    return mask


def _first_steps(search: Search, layout: tuple[Slot, ...]) -> dict[str, int]:
    """For states evenly spread over the search: how many were first reached by each action."""
    machine = Machine(search.system)
    deadline = time.monotonic() + SECONDS
    first, total = search.starts[1], len(search.space)
    step = max(1, (total - first) // SAMPLE)
    found: Counter[str] = Counter()
    for number in range(first + step // 2, total, step):
        search.budgets.poll()
        if time.monotonic() > deadline:
            break
        parent = search.space.parent(number)
        if parent != END:
            name = _step_between(machine, _state(search, layout, parent), _state(search, layout, number))
            if name:
                found[name] += 1
    return dict(found)


def _state(search: Search, layout: tuple[Slot, ...], number: int) -> State:
    return unpack(layout, search.space.words(number))


def _step_between(machine: Machine, before: State, after: State) -> str:
    """The action that leads from one state to another; the one declared first where there are several."""
    return next((o.action for o in machine.steps(before) if o.post == after and not o.cut), "")
