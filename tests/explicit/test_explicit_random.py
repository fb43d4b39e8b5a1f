"""On random systems the native engine answers as the interpreter does: verdicts, evidence, traces."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from explicit.comparing import SOAK, TINY, Recorder, differences
from interp.random_systems import Features, random_system
from kspec.engine.protocol import Budget, Goals
from kspec.explicit.checkpoint import Keeping
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.native import Image
from kspec.explicit.space import Space
from kspec.explicit.toolchain import system_compiler, tiny_compiler
from kspec.explicit.tuning import Tuning
from kspec.system.packing import slots, word_count

TCC = tiny_compiler()
CC = system_compiler()
BUSY = Features(product=3000, actions=10)
CALM = Features(product=3000, actions=10, errors=False, asserts=False, limits=False)
"""Nothing ends a run early, so that there are more states."""
SMALL = 1500 if SOAK else 60
COMPILED = 300 if SOAK else 6


@pytest.mark.skipif(TCC is None, reason="no TinyCC")
@pytest.mark.parametrize("block", range(6))
def test_tcc(block: int) -> None:
    """Verdict, counts, digest and runs, on the quick tier."""
    for seed in range(block, SMALL, 6):
        features = (Features(), BUSY, CALM)[seed // 6 % 3]
        assert not differences(random_system(seed, features), _tier("tcc")), seed


@pytest.mark.skipif(TCC is None, reason="no TinyCC")
def test_wide_states() -> None:
    """States of several words: arrays whose elements cross word boundaries, and sums of hashes."""
    checked = 0
    for seed in range(5000, 5000 + SMALL * 10):
        system = random_system(seed, Features(product=3000, actions=8))
        if word_count(slots(system)) > 1:
            assert not differences(system, _tier("tcc")), seed
            checked += 1
        if checked == SMALL // 4:
            return
    raise AssertionError(f"only {checked} wide systems")


@pytest.mark.skipif(CC is None, reason="no C compiler")
@pytest.mark.parametrize("threads", [1, 2])
def test_cc(threads: int) -> None:
    """The same with the system's compiler, one worker and two."""
    for seed in range(1000 * threads, 1000 * threads + COMPILED):
        features = CALM if seed % 2 else BUSY
        assert not differences(random_system(seed, features), _tier("cc"), threads), seed


@pytest.mark.skipif(TCC is None, reason="no TinyCC")
def test_states_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is moved to disk when the table grows for the first time."""
    moved = 0
    grow = Space.grow

    def to_disk_first(space: Space, image: Image) -> None:
        nonlocal moved
        if not space.spilled:
            space._to_disk()
            moved += 1
        grow(space, image)

    monkeypatch.setattr(Space, "grow", to_disk_first)
    for seed in range(20_000, 20_000 + SMALL // 6):
        spilling = ExplicitEngine(_tier("tcc"), spill=tmp_path)
        assert not differences(random_system(seed, CALM), _tier("tcc"), engine=spilling), seed
    assert moved > SMALL // 12
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(CC is None or TCC is None, reason="no compilers")
@pytest.mark.parametrize("threads", [1, 2])
def test_stopped_and_resumed(tmp_path: Path, threads: int) -> None:
    """A search that is stopped after some looks, again and again, ends with the evidence of a whole one."""
    rng = random.Random(threads)
    goals = Goals(everything=True)
    wanted = (200 if threads == 1 else 40) if SOAK else (6 if threads == 1 else 2)
    resumed = 0
    for seed in range(30_000, 40_000):
        if resumed >= wanted:
            return
        system = random_system(seed, CALM)
        whole = Recorder()
        expected = ExplicitEngine(_tier("tcc")).check(system, goals, Budget(), whole)
        if expected.evidence is None or expected.evidence.states < 50:
            continue
        # Only code of the system's compiler serves several workers.
        engine = ExplicitEngine(_tier("cc" if threads > 1 else "tcc"), Keeping(tmp_path / str(seed), 0.0, True))
        got = expected
        for attempt in range(60):
            looks = None if attempt == 59 else rng.randrange(2, whole.looks + 3)
            got = engine.check(system, goals, Budget(threads=threads), Recorder(cancel_after=looks))
            if got.status != "unknown":
                break
        resumed += any("resumed at" in n for n in got.notes)
        assert (got.status, got.evidence) == (expected.status, expected.evidence), seed
        assert got.findings == expected.findings, seed
    raise AssertionError(f"only {resumed} were resumed")


def _tier(name: Literal["cc", "tcc"]) -> Tuning:
    return replace(TINY, tier=name)
