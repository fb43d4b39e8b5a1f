"""The program agrees with the second implementation of the language: on the suite and on random models."""

from __future__ import annotations

import os

import pytest
from kspec.lang.diagnostics import Failed
from kspec.lang.load import load, load_text
from lang.comparing import difference
from lang.random_models import Shape, random_model
from lang.reference_values import NotSupported
from suite.suite_files import directives, files

SOAK = bool(os.environ.get("KSPEC_SOAK"))
MODELS = 6_000 if SOAK else 60
BATCHES = 60 if SOAK else 6

SHAPES = (
    Shape(),
    Shape(processes=0, actions=3, variables=4),
    Shape(processes=2, actions=1, variables=2, procedures=2),
)

def comparable() -> list[object]:
    """The files of the suite that build with the defaults of their parameters."""
    out: list[object] = []
    for p in files():
        d = directives(p.read_text("utf-8"))
        if not d.errors and not d.settings:
            out.append(pytest.param(p, id=p.stem))
    return out


@pytest.mark.parametrize("path", comparable())
def test_suite_file(path) -> None:  # type: ignore[no-untyped-def]
    try:
        assert difference(load(path), most=3000) == ""
    except NotSupported as reason:
        pytest.skip(str(reason))


def test_little_is_left_out() -> None:
    left_out = 0
    for p in files():
        d = directives(p.read_text("utf-8"))
        if not d.errors and not d.settings:
            try:
                difference(load(p), most=0)
            except NotSupported as reason:
                left_out += str(reason) != "refinement"
    assert left_out <= 6


@pytest.mark.parametrize("shape", SHAPES, ids=["mixed", "actions", "processes"])
@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_models(batch: int, shape: Shape) -> None:
    compared = 0
    for k in range(MODELS // BATCHES):
        seed = batch * 10_000 + k
        text = random_model(seed, shape)
        try:
            found = difference(load_text(text))
        except Failed as failed:  # jumps in a circle cannot be told from their text
            assert {d.code for d in failed.diagnostics} == {"E0412"}, f"seed {seed}: {failed}\n{text}"
            continue
        assert not found, f"seed {seed}: {found}\n{text}"
        compared += found is not None
    assert compared > 0
