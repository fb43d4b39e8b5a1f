"""Partial-order reduction on and off over all models, the conformance suite and random models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from explicit.comparing import SOAK
from explicit.test_partial_order import ON, answer, differences
from explicit.test_symmetry_corpus import files
from kspec.engine.protocol import Budget, Goals
from kspec.lang.diagnostics import Failed
from kspec.lang.load import load, load_text
from kspec.lower.build import build, cases
from kspec.system.model import System
from lang.random_models import Shape, random_model

FIRST, ALL = Goals(), Goals(everything=True)
FEW = Budget(states=100_000 if SOAK else 10_000)
SHAPES = (Shape(), Shape(processes=2, actions=1, variables=3))


def systems(path: Path) -> Iterator[tuple[str, System]]:
    """The configurations of a model: all of them, or a few."""
    try:
        program = load(path)
        found = [(c.name, dict(c.params)) for c in cases(program)] or [("", {})]
    except Failed:
        return
    for name, params in found if SOAK else found[:1]:
        try:
            yield name, build(program, params)
        except Failed:
            continue


MODELS = [p for p in files("models") if SOAK or p.parent.name == "classic"]
"""Without KSPEC_SOAK the small ones."""


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_models(path: Path) -> None:
    for name, system in systems(path):
        assert not differences(system, ON, ALL, FEW), name


def test_suite() -> None:
    """The files of the conformance suite (without KSPEC_SOAK every eighth), whatever is expected of them."""
    reduced = 0
    for path in files("spec")[:: 1 if SOAK else 12]:
        for name, system in systems(path):
            assert not differences(system, ON, FIRST, FEW), (path.stem, name)
            if SOAK:
                evidence = answer(system, ON).evidence
                reduced += evidence is not None and evidence.partial
    assert reduced or not SOAK


def test_random_models() -> None:
    for seed in range(400 if SOAK else 6):
        system = build(load_text(random_model(seed, SHAPES[seed % len(SHAPES)])), {})
        assert not differences(system, ON, ALL, FEW), seed
