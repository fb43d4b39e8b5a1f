"""State and transition counts of the models against rumur, an independent explicit-state checker.

``murphi/*.m`` are the same protocols written by hand in Murphi; ``@NAME@`` stands for a parameter.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from kspec.engine.protocol import Budget, Goals, Progress
from kspec.interp.explore import InterpEngine
from kspec.lang.load import load
from kspec.lower.build import build

ROOT = Path(__file__).parents[2]
MURPHI = Path(__file__).parent / "murphi"

pytestmark = pytest.mark.skipif(
    shutil.which("rumur") is None or shutil.which("gcc") is None,
    reason="needs rumur and gcc (apt-get install rumur gcc)",
)


@dataclass(frozen=True)
class Pair:
    """One configuration of a model, and of its Murphi twin (whose parameters are the same unless given).

    ``deadlock`` off: the Murphi text cannot say that a state is cut off by a limit, or that it is an end.
    """

    model: str
    params: dict[str, int]
    extra: dict[str, str] = field(default_factory=dict)
    murphi: dict[str, int] | None = None
    deadlock: bool = True

    def __str__(self) -> str:
        name = Path(self.model).stem
        return f"{name}-" + "-".join(f"{k}{v}" for k, v in self.params.items())


LEFT_FIRST = {"POLICY": "left_first", "ACCEPT_DEADLOCK": "true"}

QUICK = (
    Pair("classic/peterson", {"N": 2}),
    Pair("classic/peterson", {"N": 3}),
    Pair("classic/german", {"NODES": 2}),
    Pair("classic/philosophers", {"N": 4}, LEFT_FIRST, {"N": 4, "ODD": 0}, deadlock=False),
    Pair("classic/philosophers", {"N": 4}, {}, {"N": 4, "ODD": 1}),
    Pair("classic/ticket", {"THREADS": 3, "TICKETS": 4}),
    Pair("classic/two_phase_commit", {"RMS": 3}),
    Pair("classic/bakery", {"THREADS": 2, "MAX": 3}, deadlock=False),
    Pair("classic/mesi", {"CACHES": 3}),
    Pair("classic/rwlock", {"THREADS": 3, "BIAS": 8}),
    Pair("classic/alternating_bit", {"CAPACITY": 2}),
    Pair("classic/futex_mutex", {"THREADS": 3}),
    Pair("classic/rcu", {"READERS": 1, "OBJECTS": 2}),
    Pair("perf/rbtree", {"KEYS": 5}),
)

LARGE = (
    Pair("classic/peterson", {"N": 4}),
    Pair("classic/german", {"NODES": 3}),
    Pair("classic/philosophers", {"N": 8}, LEFT_FIRST, {"N": 8, "ODD": 0}, deadlock=False),
    Pair("classic/ticket", {"THREADS": 4, "TICKETS": 8}),
    Pair("classic/two_phase_commit", {"RMS": 5}),
    Pair("classic/bakery", {"THREADS": 3, "MAX": 2}, deadlock=False),
    Pair("classic/mesi", {"CACHES": 5}),
    Pair("classic/rwlock", {"THREADS": 4, "BIAS": 8}),
    Pair("classic/alternating_bit", {"CAPACITY": 4}),
    Pair("classic/futex_mutex", {"THREADS": 4}),
    Pair("classic/rcu", {"READERS": 2, "OBJECTS": 3}),
    Pair("perf/rbtree", {"KEYS": 7}),
)

PAIRS = QUICK + (LARGE if os.environ.get("KSPEC_SOAK") else ())


class _Quiet:
    """A control block that nobody watches."""

    def cancelled(self) -> bool:
        return False

    def report(self, progress: Progress) -> None:
        pass


def rumur_counts(pair: Pair, folder: Path) -> tuple[int, int]:
    """Distinct states and rules fired according to rumur; fails when it finds an error."""
    text = (MURPHI / f"{Path(pair.model).name}.m").read_text("utf-8")
    for name, value in (pair.params if pair.murphi is None else pair.murphi).items():
        text = text.replace(f"@{name}@", str(value))
    assert "@" not in text.split("\n", 1)[1], "a parameter of the Murphi text has no value"
    source, c_file, program = folder / "model.m", folder / "model.c", folder / "model"
    source.write_text(text, "utf-8")
    deadlock = "stuck" if pair.deadlock else "off"
    options = ["--threads", "1", "--symmetry-reduction", "off", "--deadlock-detection", deadlock]
    subprocess.run(["rumur", *options, "--output", c_file, source], check=True, timeout=60)
    compile_ = ["gcc", "-std=c11", "-O1", "-mcx16", "-w", "-o", program, c_file, "-lpthread"]
    subprocess.run(compile_, check=True, timeout=120)
    done = subprocess.run([program], capture_output=True, text=True, timeout=600, check=False)
    assert "No error found" in done.stdout, done.stdout
    found = re.search(r"(\d+) states, (\d+) rules fired", done.stdout)
    assert found is not None, done.stdout
    return int(found[1]), int(found[2])


def kspec_counts(pair: Pair) -> tuple[int, int]:
    """Distinct states and transitions according to the interpreter; fails on a violation."""
    program = load(ROOT / "models" / f"{pair.model}.kspec")
    system = build(program, {k: str(v) for k, v in pair.params.items()} | pair.extra)
    result = InterpEngine().check(system, Goals(everything=True), Budget(), _Quiet())
    assert result.status == "exhausted"
    assert result.evidence is not None
    wrong = [f.property for f in result.findings]
    assert not wrong
    return result.evidence.states, result.evidence.transitions


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_counts_agree(pair: Pair, tmp_path: Path) -> None:
    assert kspec_counts(pair) == rumur_counts(pair, tmp_path)
