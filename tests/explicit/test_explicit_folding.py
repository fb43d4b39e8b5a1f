"""Long states as pairs of halves: the same answers, more states in the same memory."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from pathlib import Path

import pytest
from explicit.comparing import SOAK, TINY, Recorder, differences
from interp.random_systems import Features, random_system
from kspec.engine.protocol import Budget, Goals, Result
from kspec.explicit.checkpoint import Keeping
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.folding import LEAST_WORDS, InFull
from kspec.explicit.toolchain import system_compiler, tiny_compiler
from kspec.explicit.tuning import Tuning
from kspec.lang.load import load_text
from kspec.lower.build import build
from kspec.system.model import System
from kspec.system.packing import slots, word_count

TCC, CC = tiny_compiler(), system_compiler()
ALL = Goals(everything=True)


def wide(places: int = 64, most: int = 1000, more: str = "") -> System:
    text = f"kspec 1\nvar x[0..{places - 1}]: 0..{most};\ndeadlock off;\n{more}"
    text += f"action up(i: 0..{places - 1}) when x[i] < 3 {{ x[i] = x[i] + 1; }}\n"
    return build(load_text(text), {})


def answer(system: System, tuning: Tuning, budget: Budget, keeping: Keeping | None = None) -> Result:
    return ExplicitEngine(tuning, keeping=keeping).check(system, ALL, budget, Recorder())


@pytest.mark.skipif(TCC is None, reason="no TinyCC")
def test_as_the_interpreter() -> None:
    """Verdicts, counts, digest and runs, on systems with long states that are folded from the start."""
    checked = 0
    for seed in range(20_000, 60_000):
        system = random_system(seed, Features(product=3000, actions=8))
        if word_count(slots(system)) >= LEAST_WORDS:
            assert not differences(system, replace(TINY, tier="tcc", fold="on")), seed
            checked += 1
        if checked == (40 if SOAK else 2):
            break
    padded = wide(places=20, more="invariant small: x[0] + x[1] + x[19] < 5;\nreachable two: x[3] == 2;\n")
    budget = Budget(depth=3)
    found = [answer(padded, replace(TINY, tier="tcc", fold=f), budget) for f in ("on", "off")]  # type: ignore[arg-type]
    assert [replace(r, seconds=0.0, memory=0, notes=()) for r in found[:1]] == [
        replace(r, seconds=0.0, memory=0, notes=()) for r in found[1:]
    ]


@pytest.mark.skipif(CC is None, reason="no C compiler")
@pytest.mark.parametrize("threads", [1, 2])
def test_when_memory_ends(threads: int) -> None:
    """It changes over in the middle of the search, to the same evidence; without that it would have ended."""
    system, budget = wide(places=40), Budget(depth=4, threads=threads)
    whole = answer(system, Tuning(fold="off"), budget)
    tuning = Tuning(few=64)
    ended = answer(system, replace(tuning, fold="off"), replace(budget, memory=_resident() + (6 << 20)))
    assert (ended.status, ended.reason) == ("unknown", "memory")
    got = answer(system, tuning, replace(budget, memory=_resident() + (6 << 20)))
    assert got.status == "bounded" and got.evidence == whole.evidence
    assert any(n.startswith("states are stored as pairs of halves from") for n in got.notes)


def test_states_that_have_nothing_in_common() -> None:
    """Where a sample shows that it would not help, states stay as they are, and the search ends as it did."""
    text = """kspec 1
var x[0..8]: 0..1000000;
action one(v: 1..550) when x[1] == 0 { x[1] = v; }
action two(u: 1..550) when x[1] > 0 && x[0] == 0 {
    x[0] = x[1] * 1000 + u;
    x[3] = x[1] * 1000 + u;
    x[6] = x[1] * 1000 + u;
}
deadlock off;
"""
    system = build(load_text(text), {})
    got = answer(system, Tuning(), Budget(states=900_000, memory=_resident() + (8 << 20)))
    assert (got.status, got.reason) == ("unknown", "memory")
    assert not any("halves" in n for n in got.notes)
    assert got.evidence is not None and got.evidence.digest


@pytest.mark.skipif(CC is None and TCC is None, reason="no compiler")
@pytest.mark.parametrize(("before", "after"), [("on", "on"), ("on", "off"), ("off", "on")])
def test_checkpoints_do_not_depend_on_it(before: str, after: str, tmp_path: Path) -> None:
    """What one search keeps another goes on from, whichever way it stores states."""
    system, budget = wide(places=40), Budget(depth=4)
    tuning = Tuning(tier="tcc" if TCC else "cc", slice=64, fold=before)  # type: ignore[arg-type]
    whole = answer(system, tuning, budget)
    keeping = Keeping(tmp_path / "kept", every=0.0)
    engine = ExplicitEngine(tuning, keeping=keeping)
    stopped = engine.check(system, ALL, budget, Recorder(cancel_after=12))
    assert stopped.reason == "interrupted"
    rest = answer(system, replace(tuning, fold=after), budget, replace(keeping, resume=True))  # type: ignore[arg-type]
    assert any("resumed at" in n for n in rest.notes)
    assert rest.evidence == whole.evidence


def test_bytes_come_in_any_pieces() -> None:
    """Checkpoints are read and written in pieces that end anywhere."""

    class Halves:
        words = (2, 1)

        def intern(self, image: object, shared: object, first: int, end: int, words: int, memory: int) -> None:
            taken[24 * first : 24 * end] = ctypes.string_at(words, 24 * (end - first))

    taken = bytearray(24 * 10)
    data = bytes(range(240))
    array = InFull(Halves(), None, ctypes.c_uint64(), 1 << 20)  # type: ignore[arg-type]
    at = 0
    for size in (1, 30, 100, 47, 62):
        array.write(at, data[at : at + size])
        at += size
    assert bytes(taken) == data


def _resident() -> int:
    from kspec.explicit.budgets import resident

    return resident()
