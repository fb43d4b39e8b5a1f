"""Mutated texts give diagnostics, and nothing else: no other exception, no endless work."""

from __future__ import annotations

import os
import random
import time
import traceback

import pytest
from kspec.lang.diagnostics import Failed, render
from kspec.lang.load import load_text
from kspec.lower.build import build, cases, scenarios
from lang.mutations import mutant, sources

SOAK = bool(os.environ.get("KSPEC_SOAK"))
TEXTS = 25_000 if SOAK else 320
BATCHES = 50 if SOAK else 8
SECONDS = 5.0


def front_end(text: str) -> list[str]:
    """Everything that the front end does with a text; gives the codes of what is wrong.

    Raises whatever goes wrong in it.
    """
    try:
        program = load_text(text, "mutant.kspec")
    except Failed as failed:
        return shown(failed)
    out: list[str] = []
    for phase in (cases, scenarios, build):
        try:
            phase(program)
        except Failed as failed:
            out += shown(failed)
    return out


def shown(failed: Failed) -> list[str]:
    """The codes of a failure, which must have some and can be shown."""
    assert failed.diagnostics, "a failure without a diagnostic"
    for d in failed.diagnostics:
        assert render(d, failed.sources)
        assert d.span is None or (d.span.line >= 1 and d.span.column >= 1)
    return [d.code for d in failed.diagnostics]


@pytest.mark.parametrize("batch", range(BATCHES))
def test_fuzz(batch: int) -> None:
    texts = sources()
    rng = random.Random(f"mutants {batch}")
    codes: set[str] = set()
    for k in range(TEXTS // BATCHES):
        text = mutant(texts, rng)
        started = time.process_time()
        try:
            codes.update(front_end(text))
        except Exception:
            pytest.fail(f"batch {batch}, text {k}:\n{text}\n\n{traceback.format_exc()}")
        seconds = time.process_time() - started
        assert seconds < SECONDS, f"batch {batch}, text {k} took {seconds:.1f} s:\n{text}"
    assert "E0101" in codes
    assert len(codes) > 5
