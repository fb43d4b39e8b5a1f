"""On random systems the native engine answers as the interpreter does: verdicts, evidence, traces."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from explicit.comparing import SOAK, TINY, differences
from interp.random_systems import Features, random_system
from kspec.explicit.toolchain import system_compiler, tiny_compiler
from kspec.explicit.tuning import Tuning
from kspec.system.packing import slots, word_count

TCC = tiny_compiler()
CC = system_compiler()
BUSY = Features(product=3000, actions=10)
SMALL = 1500 if SOAK else 60
COMPILED = 300 if SOAK else 6


@pytest.mark.skipif(TCC is None, reason="no TinyCC")
@pytest.mark.parametrize("block", range(6))
def test_tcc(block: int) -> None:
    """Verdict, counts, digest and runs, on the quick tier."""
    for seed in range(block, SMALL, 6):
        features = BUSY if seed % 2 else Features()
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
        assert not differences(random_system(seed, BUSY), _tier("cc"), threads), seed


def _tier(name: Literal["cc", "tcc"]) -> Tuning:
    return replace(TINY, tier=name)
