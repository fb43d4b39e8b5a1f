"""Checkpoints: a search that is killed or stopped at any moment goes on to the identical result."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from explicit.classic_systems import german, peterson
from explicit.comparing import SOAK, TINY, Recorder
from kspec.engine.protocol import Budget, Goals, Result
from kspec.explicit.budgets import resident
from kspec.explicit.checkpoint import HEADER, Keeping
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.tuning import Tuning
from kspec.system.model import System

KILLS = 60 if SOAK else 6


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

engine = ExplicitEngine(Tuning(tier=sys.argv[2], few=64, slice=500), Keeping(Path(sys.argv[1]), 0.01, True))
result = engine.check(german(3), Goals(), Budget(threads=int(sys.argv[3])), Recorder())
print(json.dumps([result.status, asdict(result.evidence), result.notes]))
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_killed_at_any_moment(tmp_path: Path, threads: int) -> None:
    """SIGKILL at random moments; whatever was kept leads to the identical evidence."""
    expected = ExplicitEngine().check(german(3), Goals(), Budget(), Recorder())
    rng = random.Random(threads)
    kills = 0
    while True:
        kept = (tmp_path / "kept" / HEADER).exists()
        command = [sys.executable, "-c", SCRIPT, str(tmp_path / "kept"), "cc", str(threads)]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        if kills < KILLS:
            wait_for_progress(process, tmp_path / "kept" / HEADER, rng)
            process.send_signal(signal.SIGKILL)
        out, _ = process.communicate(timeout=120)
        if process.returncode == 0:
            break
        kills += 1
    status, evidence, notes = json.loads(out)
    assert kept == any("resumed at" in n for n in notes)
    assert status == "exhausted"
    assert evidence == json.loads(json.dumps(expected.evidence.__dict__))
    if not kills:
        pytest.skip("the search was through before any signal came")


def wait_for_progress(process: subprocess.Popen[str], header: Path, rng: random.Random) -> None:
    """Waits until a checkpoint was written, and a little more."""
    before = header.stat().st_mtime_ns if header.exists() else 0
    for _ in range(2000):
        if process.poll() is not None:
            return
        if header.exists() and header.stat().st_mtime_ns != before:
            break
        time.sleep(0.002)
    time.sleep(rng.random() * 0.03)
