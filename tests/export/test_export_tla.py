"""TLA+ modules: read and explored by a small evaluator, and by TLC where TLA2TOOLS_JAR names its jar."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from export.exporting import MODELS, SOAK, Truth, everything, halves, shipped, suite, truth
from export.tla_reading import Module
from interp.random_systems import random_system
from kspec.export import tla
from kspec.export.goals import goals
from kspec.lang.diagnostics import Failed
from kspec.system.model import System

JAR = os.environ.get("TLA2TOOLS_JAR")
SEEDS = range(300 if SOAK else 12)
FEW = 5_000 if SOAK else 100
"""Systems with more states are left out (the evaluator is slow)."""


def agree(system: System, known: Truth) -> None:
    """What holds is found to hold, on as many states; each property that does not is found not to."""
    right, _ = halves(system, known)
    wrong = tuple(n for n in everything(system) if n in known.lengths)
    for names in (right, *((n,) for n in wrong)):
        try:
            module, config = tla.write(system, names)
        except Failed as e:
            assert e.diagnostics[0].code == "E0702"
            return
        invariants = re.findall(r"^INVARIANT (\w+)$", config, re.MULTILINE)
        states, violated = Module(module).explore(invariants)
        if names == right:
            assert (states, violated) == (known.states, set())
        else:
            assert len(violated) == 1 and violated <= set(invariants[1:])
            assert len(invariants) == 1 + len(goals(system, names).names)


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_models(path: Path) -> None:
    for _, system, known in shipped(path):
        if known.states <= FEW:
            agree(system, known)


def test_suite() -> None:
    for _, system, known in suite():
        agree(system, known)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_systems(seed: int) -> None:
    system = random_system(seed)
    known = truth(system, 5000)
    assert known is not None
    if known.states <= FEW:
        agree(system, known)


@pytest.mark.skipif(not JAR, reason="needs TLC: set TLA2TOOLS_JAR to the path of tla2tools.jar")
def test_tlc(tmp_path: Path) -> None:
    for _, system, known in (x for path in MODELS for x in shipped(path)):
        for names in halves(system, known):
            if not names:
                continue
            module, config = tla.write(system, names, "M")
            (tmp_path / "M.tla").write_text(module)
            (tmp_path / "M.cfg").write_text(config)
            done = subprocess.run(
                ["java", "-Xmx2g", "-cp", str(JAR), "tlc2.TLC", "-workers", "1", "-config", "M.cfg", "M.tla"],
                cwd=tmp_path, capture_output=True, text=True, timeout=300,
            )  # fmt: skip
            if any(n in known.lengths for n in names):
                assert "is violated" in done.stdout, done.stdout
            else:
                found = re.search(r"(\d+) distinct states found, 0 states left", done.stdout)
                assert found and int(found[1]) == known.states, done.stdout
