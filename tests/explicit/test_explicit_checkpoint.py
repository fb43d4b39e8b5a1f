"""Checkpoints: a search that is killed or stopped at any moment goes on to the identical result."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from explicit.classic_systems import german, peterson
from explicit.comparing import SOAK, TINY, Recorder
from kspec.engine.protocol import Budget, Goals, Result
from kspec.explicit.budgets import resident
from kspec.explicit.checkpoint import HEADER, Keeping
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.toolchain import system_compiler
from kspec.explicit.tuning import Tuning
from kspec.system.model import System

KILLS = 6 if SOAK else 2
"""Processes that are killed in one test."""
PARTS = 5 if SOAK else 1
IN_A_ROW = 4 if SOAK else 2


def run(
    system: System, folder: Path, looks: int | None = None, threads: int = 1, resume: bool = True,
    budget: Budget | None = None,
) -> Result:  # fmt: skip
    """One run that is cancelled after so many looks at the control block."""
    engine = ExplicitEngine(replace(TINY, slice=40), Keeping(folder, 0.0, resume))
    limits = replace(budget or Budget(), threads=threads)
    return engine.check(system, Goals(), limits, Recorder(cancel_after=looks))


@pytest.mark.parametrize("threads", [1, 2])
def test_stopped_and_resumed(tmp_path: Path, threads: int) -> None:
    """Cancelled again and again, each time after a little progress: the evidence is that of one run."""
    system = german(2)
    expected = ExplicitEngine().check(system, Goals(), Budget(), Recorder())
    folder = tmp_path / "kept"
    parts = 0
    while True:
        result = run(system, folder, looks=9, threads=threads)
        parts += 1
        if result.status != "unknown":
            break
        assert (folder / HEADER).exists(), result
    assert parts > 3
    assert result.status == "exhausted"
    assert result.evidence == expected.evidence
    assert not folder.exists()


def test_violation_after_resume(tmp_path: Path) -> None:
    """The counterexample is the same, though its first half was found by another process."""
    system = peterson(3, levels=1)
    expected = ExplicitEngine().check(system, Goals(), Budget(), Recorder())
    for _ in range(3):
        assert run(system, tmp_path, looks=5).status == "unknown"
    result = run(system, tmp_path)
    assert any("resumed at" in n for n in result.notes)
    assert result.findings == expected.findings
    assert result.evidence == expected.evidence


def test_memory_then_more(tmp_path: Path) -> None:
    """A run that ends for want of memory goes on when there is more."""
    system = german(4)
    tight = Budget(memory=resident() + (12 << 20))
    first = ExplicitEngine(Tuning(), Keeping(tmp_path)).check(system, Goals(), tight, Recorder())
    assert (first.status, first.reason) == ("unknown", "memory")
    engine = ExplicitEngine(Tuning(), Keeping(tmp_path, resume=True))
    second = engine.check(system, Goals(), Budget(), Recorder())
    assert any("resumed at" in n for n in second.notes)
    assert second.evidence is not None
    assert (second.evidence.states, second.evidence.transitions) == (1105353, 5921856)


def test_other_system_is_refused(tmp_path: Path) -> None:
    """A checkpoint of something else is not used, and a note says so."""
    assert run(german(2), tmp_path, looks=9).status == "unknown"
    result = run(peterson(2), tmp_path)
    assert result.status == "exhausted"
    assert any("another system" in n for n in result.notes)


def test_damage_is_noticed(tmp_path: Path) -> None:
    """A flipped bit in the states, a cut file, a header that is no JSON: the search starts anew."""
    expected = ExplicitEngine().check(german(2), Goals(), Budget(), Recorder())
    for damage in ("flip", "cut", "header"):
        assert run(german(2), tmp_path, looks=9, resume=False).status == "unknown"
        states = tmp_path / "states.bin"
        data = bytearray(states.read_bytes())
        if damage == "flip":
            data[len(data) // 2] ^= 4
            states.write_bytes(data)
        elif damage == "cut":
            states.write_bytes(data[: len(data) // 2])
        else:
            (tmp_path / HEADER).write_text("{")
        result = run(german(2), tmp_path)
        assert result.evidence == expected.evidence
        assert any("not resumed" in n for n in result.notes), damage


SCRIPT = """
import json, sys
from pathlib import Path
from dataclasses import asdict, replace
from explicit.classic_systems import german
from explicit.comparing import Recorder
from kspec.engine.protocol import Budget, Goals
from kspec.explicit.checkpoint import Keeping
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.tuning import Tuning

folder, tier, threads, size = sys.argv[1:]
engine = ExplicitEngine(Tuning(tier=tier, few=64, slice=500), Keeping(Path(folder), 0.01, True))
print("ready", flush=True)
result = engine.check(german(int(size)), Goals(), Budget(threads=int(threads)), Recorder())
print(json.dumps([result.status, asdict(result.evidence), result.notes]))
"""


def started(folder: Path, threads: int) -> subprocess.Popen[str]:
    """A process that searches, or goes on with a search, once it has said that it is ready."""
    command = [sys.executable, "-c", SCRIPT, str(folder), "cc", str(threads), "4" if SOAK else "3"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.skipif(system_compiler() is None, reason="no C compiler")
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("threads", [1, 2])
def test_killed_at_any_moment(
    tmp_path: Path, threads: int, part: int, record_property: Callable[[str, object], None]
) -> None:
    """SIGKILL at random moments, several times in a row; whatever was kept leads to the identical evidence."""
    size = 4 if SOAK else 3
    expected = ExplicitEngine().check(german(size), Goals(), Budget(), Recorder())
    folder = tmp_path / "kept"
    first = started(folder, threads)
    began = time.monotonic()
    first.communicate(timeout=300)
    whole = time.monotonic() - began
    rng = random.Random(10 * part + threads)
    kills = resumed = 0
    for _ in range(20 * KILLS):
        if kills >= KILLS and resumed:
            break
        for last in [False] * rng.randint(1, IN_A_ROW) + [True]:
            kept = (folder / HEADER).exists()
            process = started(folder, threads)
            if not last:
                time.sleep(rng.random() * whole)
                process.send_signal(signal.SIGKILL)
            out, _ = process.communicate(timeout=300)
            if process.returncode == 0:
                break
            assert process.returncode == -signal.SIGKILL
            kills += 1
        status, evidence, notes = json.loads(out)
        assert kept == any("resumed at" in n for n in notes), notes
        resumed += kept
        assert status == "exhausted"
        assert evidence == json.loads(json.dumps(expected.evidence.__dict__))
        assert not folder.exists()
    record_property(f"killed {threads}.{part}", kills)
    record_property(f"went on {threads}.{part}", resumed)
    assert kills >= KILLS
    if not resumed:
        pytest.skip("no kill came between a checkpoint and the end")
