"""The host's side of ``graph_head.c`` and ``graph_tail.c``: the graph of a finished search, and its products."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kspec.explicit.graph_code import GraphCode
from kspec.explicit.memory import Region
from kspec.explicit.native import WORK_BROKEN, WORK_DONE
from kspec.explicit.space import BrokenError, Space
from kspec.system.temporal import Taken
from kspec.temporal.automaton import Automaton
from kspec.temporal.components import components

U64 = ctypes.c_uint64
FOUND = 0x80000000
MOST_NODES = (1 << 31) - 2
SLICE = 1 << 14
STEPS = 1 << 18


class _Graph(ctypes.Structure):
    """``struct graph``."""

    _fields_ = [
        (n, U64)
        for n in ("ends", "targets", "kinds", "count", "capacity", "kind_of", "serves", "enabled", "lost")
    ]  # fmt: skip

    count: int
    lost: int


class _Product(ctypes.Structure):
    """``struct product``."""

    _fields_ = [
        (n, U64)
        for n in (
            "g", "letters", "taken", "arcs", "rows", "q", "all_marks", "weak", "strong", "numbers", "regions", "frames",
            "depth", "stack", "height", "again", "agains", "index", "component", "part", "found", "restricted", "next",
            "end", "lurking", "edge", "arc", "nodes",
        )
    ]  # fmt: skip

    found: int
    nodes: int


class _Wish(ctypes.Structure):
    """``struct wish``."""

    _fields_ = [(n, U64) for n in ("marks", "served", "resting", "node", "region")]


class GraphImage:
    """The compiled code."""

    def __init__(self, path: Path) -> None:
        """Loads a shared object; raises OSError when that fails."""
        lib = ctypes.CDLL(str(path))
        ptr = ctypes.c_void_p
        self.graph = _function(lib, "kspec_graph", ctypes.c_int32, ptr, ptr, U64, U64)
        self.letters = _function(lib, "kspec_letters", None, ptr, U64, U64, U64, ptr)
        self.regions = _function(lib, "kspec_regions", ctypes.c_int32, ptr, U64)
        self.path = _function(lib, "kspec_path", U64, ptr, ptr, U64, ptr, U64)


def _function(lib: ctypes.CDLL, name: str, result: Any, *args: Any) -> Callable[..., int]:
    f = getattr(lib, name)
    f.restype = result
    f.argtypes = args
    call: Callable[..., int] = f
    return call


@dataclass(frozen=True)
class Hop:
    """A step of a path: the node, the step's kind, the marks of the automaton's arc, the node after it."""

    node: int
    kind: int
    marks: int
    to: int


@dataclass(frozen=True)
class Due:
    """What a cycle still has to meet: acceptance sets, and constraints as bit sets.

    ``served``: a step of it; ``resting``: a step of it, or a state in which it cannot be taken.
    """

    marks: int
    served: int
    resting: int

    def __bool__(self) -> bool:
        return bool(self.marks or self.served or self.resting)


class Graph:
    """All steps of a finished search; ``poll`` may raise to give up."""

    def __init__(
        self, image: GraphImage, code: GraphCode, space: Space, transitions: int, poll: Callable[[], None]
    ) -> None:
        self.image, self.code, self.space, self.poll = image, code, space, poll
        self.states = n = len(space)
        words = self.words = code.fair_words
        capacity = transitions + n
        sizes = (8 * (n + 2), 4 * capacity + 8, 2 * capacity + 8, 8 * words * n + 8)
        self._regions = [Region(s) for s in sizes]
        self._kind_of = array("H", code.kinds.kind_of or (0,))
        self._serves = array("Q", [w for s in code.kinds.served for w in _spread(s, words)])
        ends, targets, kinds, enabled = (r.address for r in self._regions)
        self.ends, self.targets, self.kinds, self.enabled_at = ends, targets, kinds, enabled
        self.raw = _Graph(
            ends=ends, targets=targets, kinds=kinds, capacity=capacity, kind_of=self._kind_of.buffer_info()[0],
            serves=self._serves.buffer_info()[0], enabled=enabled,
        )  # fmt: skip

    def close(self) -> None:
        """Gives the memory back."""
        for r in self._regions:
            r.close()

    def build(self, complete: bool = True) -> None:
        """Takes every step of every state; raises BrokenError when the search, if it was ``complete``, has not seen
        where one leads.  Steps to states that it has not seen are left out."""
        at = ctypes.addressof(self.raw)
        for first in range(0, self.states, SLICE):
            stop = min(first + SLICE, self.states)
            if self.image.graph(ctypes.addressof(self.space.scout), at, first, stop) == WORK_BROKEN:
                raise BrokenError("an index or a value is outside its type, unchecked")
            self.poll()
        if complete and self.raw.lost:
            raise BrokenError("the search has not seen all states")

    def enabled(self, state: int) -> int:
        """The constraints, as a bit set, of which a step can be taken in a state."""
        row = (U64 * self.words).from_address(self.enabled_at + 8 * self.words * state)
        return sum(int(w) << 64 * i for i, w in enumerate(row))


class Product:
    """The product of a graph with the automaton of a claim."""

    def __init__(self, graph: Graph, claim: int, automaton: Automaton) -> None:
        """Raises MemoryError when it is too large."""
        self.graph, self.automaton = graph, automaton
        n, q = graph.states, len(automaton.edges)
        if n * q > MOST_NODES:
            raise MemoryError(f"{n * q} nodes are too many")
        sizes = (8 * n, 4 * n * q, 4 * n * q, 24 * n * q, 4 * n * q, 8 * n * q)
        self._regions = [Region(s + 64) for s in sizes]
        letters, numbers, regions, frames, stack, again = (r.address for r in self._regions)
        self.stack, self.regions = stack, regions
        flat: list[int] = []
        rows = [0]
        for row in automaton.edges:
            flat += [x for e in row for x in (e.need, e.value, e.to, e.marks)]
            rows.append(len(flat) // 4)
        weak = sum(1 << k for k, c in enumerate(graph.code.constraints) if c.kind == "weak")
        strong = sum(1 << k for k, c in enumerate(graph.code.constraints) if c.kind == "strong")
        taken = [_bits(automaton, atoms) for atoms in graph.code.kinds.taken]
        self._tables = [
            array("Q", t) for t in (taken, flat, rows, _spread(weak, graph.words), _spread(strong, graph.words))
        ]
        at = [t.buffer_info()[0] for t in self._tables]
        self.raw = _Product(
            g=ctypes.addressof(graph.raw), letters=letters, taken=at[0], arcs=at[1], rows=at[2], q=q,
            all_marks=automaton.all_marks, weak=at[3], strong=at[4], numbers=numbers, regions=regions, frames=frames,
            stack=stack, again=again, index=1, component=0xFFFFFFFE,
        )  # fmt: skip
        self.raw.lurking = int(_lurking(automaton))
        for first in range(0, n, SLICE * 16):
            graph.image.letters(
                ctypes.addressof(graph.space.scout), claim, first, min(first + SLICE * 16, n), letters
            )
            graph.poll()

    def close(self) -> None:
        """Gives the memory back."""
        for r in self._regions:
            r.close()

    def search(self, initial: int) -> bool:
        """Whether some fair behaviour from the states 0 .. initial-1 is accepted."""
        self.raw.end = self.graph.states if self.raw.lurking else initial
        while self.graph.image.regions(ctypes.addressof(self.raw), STEPS) != WORK_DONE:
            self.graph.poll()
        size = 4 * self.graph.states * len(self.automaton.edges)
        if self.raw.found:
            ctypes.memset(self.raw.numbers, 0, size)
        return bool(self.raw.found)

    def region(self, node: int) -> int:
        """The fair region of a node; 0 when it is in none."""
        number = ctypes.c_uint32.from_address(self.regions + 4 * node).value
        return number if number & FOUND else 0

    def stem(self, initial: int) -> list[Hop] | int:
        """A shortest path from an initial node to a fair region, or an initial node that is in one."""
        q = len(self.automaton.edges)
        for s in range(initial):
            if self.region(s * q):
                return s * q
            ctypes.c_uint32.from_address(self.stack + 4 * s).value = s * q
        return self._path(_Wish(node=~0 & (1 << 64) - 1), initial, self.graph.states * q)

    def toward(self, node: int, due: Due, goal: int | None) -> list[Hop]:
        """A shortest path from a node, within its region, to something that is due or to a node."""
        words = self.graph.words
        served = array("Q", _spread(due.served | due.resting, words))
        resting = array("Q", _spread(due.resting, words))
        wish = _Wish(
            marks=due.marks, served=served.buffer_info()[0], resting=resting.buffer_info()[0],
            node=(1 << 64) - 1 if goal is None else goal, region=self.region(node),
        )  # fmt: skip
        ctypes.c_uint32.from_address(self.stack).value = node
        return self._path(wish, 1, self.graph.states * len(self.automaton.edges))

    def _path(self, wish: _Wish, sources: int, most: int) -> list[Hop]:
        nothing = array("Q", [0] * self.graph.words)
        if not wish.served:
            wish.served = wish.resting = nothing.buffer_info()[0]
        out = Region(32 * most + 32)
        count = self.graph.image.path(
            ctypes.addressof(self.raw), ctypes.addressof(wish), sources, out.address, most
        )
        flat = array("Q")
        flat.frombytes(out.read(0, 32 * count))
        out.close()
        hops: list[Hop] = []
        for i in range(count):
            node, edge, arc, to = flat[4 * i : 4 * i + 4]
            kind = ctypes.c_uint16.from_address(self.graph.kinds + 2 * edge).value
            hops.append(Hop(node, kind, self._tables[1][4 * arc + 3], to))
        return hops


def _spread(bits: int, words: int) -> Sequence[int]:
    return [bits >> 64 * i & (1 << 64) - 1 for i in range(words)]


def _bits(automaton: Automaton, atoms: frozenset[Taken]) -> int:
    return sum(1 << i for i, a in enumerate(automaton.atoms) if a in atoms)


def _lurking(a: Automaton) -> bool:
    """Whether every state with 0 is a node (it can wait in 0 as long as it likes), none of which is in a region."""
    waits = any(e.to == 0 and e.need == 0 for e in a.edges[0])
    for component in components(range(len(a.edges)), lambda q: [e.to for e in a.edges[q]]):
        if 0 in component:
            marks = 0
            for e in a.edges[0]:
                marks |= e.marks if e.to == 0 else 0
            return waits and component == [0] and marks != a.all_marks
    return False
