"""Murphi and Promela files against rumur and SPIN: verdicts, and numbers of states."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from export.exporting import MODELS, SOAK, Truth, halves, needs, run, shipped, suite, truth
from interp.random_systems import random_system
from kspec.export import murphi, promela
from kspec.lang.diagnostics import Failed
from kspec.system.model import System

SEEDS = range(300 if SOAK else 2)

Tool = Callable[[System, tuple[str, ...], Path], int | None]
"""Exports some properties and checks the file: the number of states, or None when the tool finds a violation."""


def rumur(system: System, names: tuple[str, ...], folder: Path) -> int | None:
    """By rumur."""
    (folder / "m.m").write_text(murphi.write(system, names))
    options = ["--threads", "1", "--symmetry-reduction", "off", "--deadlock-detection", "off"]
    run("rumur", *options, "--output", "m.c", "m.m", cwd=folder)
    run("gcc", "-std=c11", "-O0", "-mcx16", "-w", "-o", "m", "m.c", "-lpthread", cwd=folder)
    out = run("sh", "-c", "./m || test $? = 1", cwd=folder)
    if "No error found" in out:
        found = re.search(r"(\d+) states, \d+ rules fired", out)
        assert found, out
        return int(found[1])
    assert re.search(r"\d+ error\(s\) found", out), out
    return None


def spin(system: System, names: tuple[str, ...], folder: Path) -> int | None:
    """By SPIN; the state before the choice of the initial state is no state of the system."""
    text = promela.write(system, names)
    (folder / "m.pml").write_text(text)
    run("spin", "-o2", "-o3", "-a", "m.pml", cwd=folder)
    options = ["-DSAFETY", "-DNOREDUCE", "-DVECTORSZ=100000", "-DMEMLIM=2000"]
    run("gcc", "-O0", "-w", *options, "-o", "pan", "pan.c", cwd=folder)
    out = run("./pan", "-m1000000", "-w20", cwd=folder)
    assert "max search depth too small" not in out
    found = re.search(r"errors: (\d+)\n +(\d+) states, stored", out)
    assert found, out
    if found[1] != "0":
        assert "assertion violated" in out, out
        return None
    return int(found[2]) - ("  if\n  :: d_step {" in text)


TOOLS = [
    pytest.param(rumur, id="rumur", marks=needs("rumur", "gcc")),
    pytest.param(spin, id="spin", marks=needs("spin", "gcc")),
]


def agree(tool: Tool, system: System, known: Truth, folder: Path, seed: int = 0) -> None:
    """What holds is found to hold, on as many states; what does not is found not to."""
    right, wrong = halves(system, known, seed)
    try:
        assert tool(system, right, folder) == known.states
        if wrong:
            assert tool(system, wrong, folder) is None
    except Failed as e:
        assert e.diagnostics[0].code == "E0702"


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("path", MODELS if SOAK else MODELS[::3], ids=lambda p: p.stem)
def test_models(tool: Tool, path: Path, tmp_path: Path) -> None:
    systems = shipped(path)
    for _, system, known in systems if SOAK else systems[-1:]:
        agree(tool, system, known, tmp_path)


@pytest.mark.parametrize("tool", TOOLS)
def test_suite(tool: Tool, tmp_path: Path) -> None:
    chosen = suite() if SOAK else suite()[::12]
    for i, (_, system, known) in enumerate(chosen):
        agree(tool, system, known, tmp_path, i)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("seed", SEEDS)
def test_random_systems(tool: Tool, seed: int, tmp_path: Path) -> None:
    system = random_system(seed)
    known = truth(system, 5000)
    assert known is not None
    agree(tool, system, known, tmp_path, seed)
