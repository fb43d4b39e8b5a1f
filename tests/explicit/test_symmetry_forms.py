"""Canonical forms of packed states: one for each orbit, held against all permutations."""

from __future__ import annotations

import ctypes
import os
import random
from itertools import combinations
from pathlib import Path

import pytest
from kspec.explicit.cache import Cache
from kspec.explicit.codegen import generate
from kspec.explicit.toolchain import Compiler, start, system_compiler, tiny_compiler
from kspec.system.expr import Cell
from kspec.system.model import State, System
from kspec.system.packing import pack, slots, unpack
from kspec.system.scalarsets import permuted
from kspec.system.stmt import EMPTY
from kspec.types import BOOL, EnumType, IdType, OptType, RangeType, Scalar
from system.orbits import all_of

SOAK = bool(os.environ.get("KSPEC_SOAK"))
TCC, CC = tiny_compiler(), system_compiler()


class Forms:
    """The canonical forms of a layout, as compiled code makes them."""

    def __init__(self, cells: tuple[Cell, ...], types: tuple[IdType, ...], folder: Path, compiler: Compiler,
                 leaves: int | None = None) -> None:  # fmt: skip
        start_state = tuple(c.type.lo for c in cells for _ in range(c.size))
        self.system = System("layout", (), cells, start_state, EMPTY, (), ())
        self.layout = slots(self.system)
        self.types = types
        text = generate(self.system, types).text
        if leaves is not None:
            assert "LEAVES = 5040" in text
            text = text.replace("LEAVES = 5040", f"LEAVES = {leaves}")
        lib = ctypes.CDLL(str(start(compiler, text, Cache(folder)).result()))
        self.canon = lib.kspec_canon
        self.canon.restype = ctypes.c_uint64

    def form(self, state: State) -> tuple[State, int]:
        """The form of a state, and how many permutations are said to leave the state as it is."""
        words = pack(self.layout, state)
        memory = (ctypes.c_uint64 * len(words))(*words)
        alike = self.canon(memory)
        return unpack(self.layout, tuple(memory)), alike


def random_cells(rng: random.Random, t: IdType, u: IdType) -> tuple[Cell, ...]:
    """Cells in which identities of two types occur in every role."""
    few = (RangeType(0, 2), BOOL, EnumType("E", ("a", "b", "c")), IdType("O", 2, ordered=True), RangeType(0, 12))
    dims: tuple[Scalar, ...] = (t, u, t, u, OptType(t), OptType(u), *few)
    values: tuple[Scalar, ...] = (OptType(t), OptType(u), t, u, *few, RangeType(-100, 900), RangeType(0, 1 << 40))
    cells: list[Cell] = []
    for k in range(rng.randint(1, 5)):
        d = tuple(rng.choice(dims) for _ in range(rng.choice((0, 1, 1, 2, 2, 3))))
        c = Cell(f"c{k}" + "[]" * len(d), d, rng.choice(values))
        if c.size < 200:
            cells.append(c)
    return tuple(cells)


def random_state(cells: tuple[Cell, ...], rng: random.Random) -> State:
    """Anything from nearly empty (many symmetries) to fully random."""
    out: list[int] = []
    for c in cells:
        filled = rng.choice((0.0, 0.2, 1.0))
        for _ in range(c.size):
            out.append(rng.randint(c.type.lo, c.type.hi) if rng.random() < filled else c.type.lo)
    return tuple(out)


def involved(cells: tuple[Cell, ...], types: tuple[IdType, ...]) -> tuple[IdType, ...]:
    """Those of the types that occur."""
    found = {x.base if isinstance(x, OptType) else x for c in cells for x in (*c.dims, c.type)}
    return tuple(t for t in types if t in found)


def check_orbits(forms: Forms, states: list[State]) -> None:
    """All states of an orbit have one form, a member of it; stabilisers are counted exactly."""
    for state in states:
        orbit = [permuted(forms.system, state, by) for by in all_of(forms.types)]
        found = {forms.form(s) for s in orbit}
        assert len(found) == 1, state
        form, alike = found.pop()
        assert form in orbit
        assert alike == orbit.count(state)
        assert forms.form(form)[0] == form


def check_random(seed: int, compiler: Compiler, folder: Path) -> bool:
    rng = random.Random(seed)
    t, u = IdType("T", rng.choice((2, 3, 4))), IdType("U", rng.choice((2, 3)))
    cells = random_cells(rng, t, u)
    types = involved(cells, (t, u))
    if types:
        check_orbits(Forms(cells, types, folder, compiler), [random_state(cells, rng) for _ in range(8)])
    return bool(types)


@pytest.mark.skipif(TCC is None, reason="no TinyCC")
@pytest.mark.parametrize("block", range(4))
def test_tcc(block: int, tmp_path: Path) -> None:
    """Random layouts and states, on the quick tier."""
    assert TCC is not None
    assert sum(check_random(seed, TCC, tmp_path) for seed in range(block, 2000 if SOAK else 100, 4)) > 10


@pytest.mark.skipif(CC is None, reason="no C compiler")
def test_cc(tmp_path: Path) -> None:
    """The same by the system's compiler."""
    assert CC is not None
    assert sum(check_random(seed, CC, tmp_path) for seed in range(7000, 7100 if SOAK else 7008)) > 3


NODE = IdType("Node", 6)
EDGE = Cell("edge[][]", (NODE, NODE), BOOL)
NEXT = Cell("next[]", (NODE,), OptType(NODE))


def graph(edges: list[tuple[int, int]]) -> State:
    """An undirected graph on six nodes, and no pointers."""
    both = {*edges, *((b, a) for a, b in edges)}
    return (*(int((a, b) in both) for a in range(6) for b in range(6)), *(-1,) * 6)


REGULAR = {
    "ring": [(i, (i + 1) % 6) for i in range(6)],
    "two triangles": [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)],
    "three pairs": [(0, 1), (2, 3), (4, 5)],
    "bipartite": [(a, b) for a in range(3) for b in range(3, 6)],
    "prism": [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (0, 3), (1, 4), (2, 5)],
    "complete": list(combinations(range(6), 2)),
    "none": [],
}


@pytest.mark.skipif(TCC is None, reason="no TinyCC")
def test_regular_graphs(tmp_path: Path) -> None:
    """Where colours tell nothing apart, the search tree decides: ring and two triangles differ."""
    assert TCC is not None
    forms = Forms((EDGE, NEXT), (NODE,), tmp_path, TCC)
    rng = random.Random(1)
    found: dict[State, str] = {}
    for name, edges in REGULAR.items():
        state = graph(edges)
        shuffles = [rng.sample(range(6), 6) for _ in range(60)]
        seen = {forms.form(permuted(forms.system, state, {NODE: s})) for s in shuffles}
        assert len(seen) == 1, name
        form, alike = seen.pop()
        assert alike == sum(permuted(forms.system, state, by) == state for by in all_of((NODE,))), name
        assert form not in found, (name, found)
        found[form] = name


@pytest.mark.skipif(TCC is None, reason="no TinyCC")
def test_interchangeable_modules(tmp_path: Path) -> None:
    """Pairs that point to each other: every order of the pairs is the same, which is seen without trying all."""
    assert TCC is not None
    user, item = IdType("User", 12), IdType("Item", 12)
    held = Cell("held[]", (user,), OptType(item))
    forms = Forms((held,), (user, item), tmp_path, TCC)
    rng = random.Random(2)
    state = tuple(i if i < 9 else -1 for i in range(12))
    seen = {
        forms.form(permuted(forms.system, state, {user: rng.sample(range(12), 12), item: rng.sample(range(12), 12)}))
        for _ in range(20)
    }
    assert len(seen) == 1
    assert seen.pop()[1] == 362880 * 6 * 6  # 9! orders of the pairs, 3! of the users and of the items left over


@pytest.mark.skipif(TCC is None, reason="no TinyCC")
def test_too_many_leaves(tmp_path: Path) -> None:
    """Beyond the bound a form is still a member of the orbit, but it says that it is not exact."""
    assert TCC is not None
    forms = Forms((EDGE, NEXT), (NODE,), tmp_path, TCC, leaves=2)
    rng = random.Random(3)
    inexact = 0
    for edges in REGULAR.values():
        state = graph(edges)
        for _ in range(20):
            form, alike = forms.form(permuted(forms.system, state, {NODE: rng.sample(range(6), 6)}))
            assert any(permuted(forms.system, state, by) == form for by in all_of((NODE,)))
            inexact += not alike
    assert inexact


@pytest.mark.skipif(TCC is None, reason="no TinyCC")
def test_many_identities(tmp_path: Path) -> None:
    """Groups of more than 2**64 permutations: forms are exact, only nothing is counted."""
    assert TCC is not None
    many = IdType("Many", 40)
    level = Cell("level[]", (many,), RangeType(0, 1000))
    front = Cell("front", (), OptType(many))
    forms = Forms((level, front), (many,), tmp_path, TCC)
    rng = random.Random(4)
    state = (*(rng.randint(0, 30) for _ in range(40)), 7)
    seen = {forms.form(permuted(forms.system, state, {many: rng.sample(range(40), 40)}))[0] for _ in range(50)}
    assert len(seen) == 1
