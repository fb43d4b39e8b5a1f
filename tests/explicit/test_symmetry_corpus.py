"""Symmetry on and off over all models and the conformance suite: the same verdicts, lengths and totals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from explicit.comparing import SOAK, Recorder
from kspec.engine.protocol import Budget, Finding, Goals, Result
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.tuning import Tuning
from kspec.interp.confirm import confirm
from kspec.interp.machine import Machine
from kspec.lang.diagnostics import Failed
from kspec.lang.load import load
from kspec.lower.build import build, cases
from kspec.resources import shipped
from kspec.system.model import System
from kspec.system.scalarsets import scalarsets

LARGE = 300_000


def files(folder: str) -> list[Path]:
    root = shipped(folder)
    return sorted(root.rglob("*.kspec")) if root else []


def systems(path: Path) -> Iterator[tuple[str, System]]:
    """The configurations of a model in which identities are interchangeable: all of them, or a few."""
    try:
        program = load(path)
        found = [(c.name, dict(c.params)) for c in cases(program)] or [("", {})]
    except Failed:
        return
    for name, params in found if SOAK else found[:3]:
        try:
            system = build(program, params)
        except Failed:
            continue
        if scalarsets(system).types:
            yield name, system


def answer(system: System, symmetry: str) -> Result:
    tuning = Tuning(symmetry=symmetry)  # type: ignore[arg-type]
    return ExplicitEngine(tuning).check(system, Goals(), Budget(states=LARGE), Recorder())


def told(findings: tuple[Finding, ...]) -> list[tuple[str, int | None]]:
    return sorted((f.property, f.run.length if f.run else None) for f in findings)


def compare(path: Path) -> int:
    compared = 0
    for name, system in systems(path):
        full, got = answer(system, "off"), answer(system, "on")
        if full.status == "unknown":
            continue
        assert full.status == got.status, name
        assert told(full.findings) == told(got.findings), name
        assert told(full.witnesses) == told(got.witnesses), name
        assert full.evidence is not None and got.evidence is not None
        assert got.evidence.depth == full.evidence.depth, name
        assert got.evidence.represents in (full.evidence.states, None), name
        machine = Machine(system)
        for f in (*got.findings, *got.witnesses):
            assert confirm(machine, f) is None, (name, f.property)
        compared += 1
    return compared


@pytest.mark.parametrize("path", files("models"), ids=lambda p: p.stem)
def test_models(path: Path) -> None:
    compare(path)


def test_suite() -> None:
    """Every file of the conformance suite that has identities."""
    assert sum(map(compare, files("spec"))) > 5
