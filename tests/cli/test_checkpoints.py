"""Searches that are stopped, killed or out of budget go on through the command line to the identical result."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cli.command import LARGE, environment, kspec, started
from click.testing import CliRunner
from kspec.cli.check import command
from kspec.engine.checkpoints import UnreadableError, every_one, read, tidy

SOAK = bool(os.environ.get("KSPEC_SOAK"))
KILLS = 40 if SOAK else 4
GRID = """kspec 1
param N: 1..9 = 8;
var x[0..5]: 0..N;
action up(i: 0..5) when x[i] < N { x[i] = x[i] + 1; }
action down(i: 0..5) when x[i] > 0 { x[i] = x[i] - 1; }
invariant small: x[0] <= 9;
check all expect holds;
"""
"""9^6 = 531441 states."""
STATES = 9**6
if SOAK:
    GRID = GRID.replace("0..5", "0..6")
    STATES = 9**7
UNENDING = ("check", "large.kspec", "--engine", "explicit", "--por", "off", "--checkpoint-dir", "kept")
COMMON = ("check", "grid.kspec", "--engine", "explicit", "--por", "off", "--checkpoint-dir", "kept")


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    (tmp_path / "grid.kspec").write_text(GRID)
    (tmp_path / "large.kspec").write_text(LARGE)
    return tmp_path


def evidence(folder: Path, *options: str) -> Mapping[str, Any]:
    """What the JSON document says about the only check."""
    done = kspec(*COMMON, *options, "--format", "json", cwd=folder)
    (check,) = json.loads(done.stdout)["checks"]
    found: dict[str, Any] = check
    return found


def saved(folder: Path) -> bool:
    return bool(list(every_one(folder / "kept")))


def header_time(folder: Path) -> int:
    """When the checkpoint was written (0: there is none)."""
    with suppress(OSError):
        return max((p.stat().st_mtime_ns for p in (folder / "kept").glob("*/checkpoint.json")), default=0)
    return 0


def newly_saved(folder: Path, run: subprocess.Popen[str], before: int) -> None:
    """Waits until a run has written a checkpoint, or has ended."""
    deadline = time.monotonic() + 60
    while header_time(folder) in (0, before) and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def test_killed_at_random_moments(grid: Path, record_property: Callable[[str, object], None]) -> None:
    """SIGKILL, SIGTERM and Ctrl-C, whenever; the evidence is that of one run, and nothing is left."""
    whole = evidence(grid, "--checkpoint", "off")
    assert whole["evidence"]["states"] == STATES and not (grid / "kept").exists()
    rng = random.Random(4)
    stopped = 0
    for n in range(KILLS):
        before = header_time(grid)
        number = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT)[n % 4]
        with started(*COMMON, "--checkpoint", "0.01s", "--resume", cwd=grid) as run:
            newly_saved(grid, run, before)
            time.sleep(rng.random() * 0.2)
            run.send_signal(number)
            out, err = run.communicate(timeout=60)
            assert "Traceback" not in out + err
            if run.returncode == 3:
                assert "--resume" in out and "checkpoint: " in out
            stopped += run.returncode != 0
        if run.returncode == 0:
            break
    kept = saved(grid)
    last = evidence(grid, "--resume")
    assert last["outcome"] == "met"
    assert last["evidence"] == whole["evidence"]
    assert any(n.startswith("resumed at") for n in last["notes"]) == kept
    assert not saved(grid)
    record_property("stopped and gone on", stopped)
    if not stopped:
        pytest.skip("the search was through before any signal came")


def test_a_budget_of_time_and_what_to_do(grid: Path) -> None:
    run = (*UNENDING, "--timeout", "1.5")
    first = kspec(*run, cwd=grid)
    assert first.returncode == 3
    line = next(text for text in first.stdout.splitlines() if "go on:" in text)
    command = line.split("go on: kspec ")[1].split()
    assert sorted(command) == sorted([*run, "--resume"])
    second = kspec(*command, cwd=grid)
    assert second.returncode == 3 and "resumed at" in second.stdout
    again = kspec(*run[:-1], "0.3", cwd=grid)
    assert "has a checkpoint" in again.stdout and "--resume goes on from it" in again.stdout


def test_a_budget_of_memory_and_what_to_do(grid: Path) -> None:
    run = UNENDING
    first = kspec(*run, "--max-memory", "90M", cwd=grid)
    assert first.returncode == 3, first.stdout
    assert "the memory budget" in first.stdout
    assert "go on, with more memory: kspec check large.kspec" in first.stdout
    assert "--max-memory 180M --resume" in first.stdout


def test_engines_that_save_nothing_say_what_else_can_be_done(grid: Path) -> None:
    done = kspec("check", "large.kspec", "--engine", "interp", "--timeout", "1", cwd=grid)
    assert done.returncode == 3
    assert "give it more: kspec check large.kspec --engine interp --timeout 4s" in done.stdout


def test_something_else_is_refused(grid: Path) -> None:
    """Another parameter, another goal, another model: E0801, with what has changed; nothing is lost."""
    model = (grid / "grid.kspec").read_text()
    large = model.replace("= 8;", "= 9;").replace("0..5", "0..8")
    (grid / "grid.kspec").write_text(large)
    assert kspec(*COMMON, "--timeout", "1", cwd=grid).returncode == 3
    assert saved(grid)
    for options, text, word in (
        (("--all",), large, "goal the first violation then, everything now"),
        (("--symmetry", "off"), large, "symmetry auto then, off now"),
        ((), large.replace("= 9;", "= 8;"), "parameters N = 9 then, N = 8 now"),
        ((), large.replace("<= 9", "<= 10"), "the model has changed"),
    ):
        (grid / "grid.kspec").write_text(text)
        done = kspec(*COMMON, "--resume", *options, cwd=grid)
        assert done.returncode == 2, done.stdout
        assert "E0801" in done.stdout and word in done.stdout
        assert saved(grid)


def test_what_cannot_be_read_is_refused(grid: Path) -> None:
    run = UNENDING
    kspec(*run, "--timeout", "1", cwd=grid)
    (header,) = (grid / "kept").glob("*/checkpoint.json")
    assert header.stat().st_mode & 0o077 == 0 and header.parent.stat().st_mode & 0o077 == 0
    whole = header.read_bytes()
    for damage in (b"{", b"[]", b"{}"):
        header.write_bytes(damage)
        with pytest.raises(UnreadableError):
            read(header.parent)
    done = kspec(*run, "--resume", "--timeout", "1", cwd=grid)
    assert done.returncode == 2 and "E0802" in done.stdout
    header.write_bytes(whole)
    header.chmod(0o666)
    with pytest.raises(UnreadableError, match="this user's alone"):
        read(header.parent)


def test_two_runs_at_once(grid: Path) -> None:
    """The second one does without checkpoints, and says so."""
    run = (*UNENDING, "--checkpoint", "0.1s")
    with started(*run, "--timeout", "20", cwd=grid) as first:
        newly_saved(grid, first, 0)
        second = kspec(*run, "--timeout", "1", cwd=grid)
        assert "another run uses the checkpoint" in second.stdout
        first.send_signal(signal.SIGINT)
        out, _ = first.communicate(timeout=60)
        assert "go on:" in out


def test_an_answer_removes_the_checkpoint(grid: Path) -> None:
    """Without --resume, too: it is of no use any more."""
    with started(*COMMON, "--checkpoint", "0.01s", cwd=grid) as run:
        newly_saved(grid, run, 0)
        run.kill()
        run.communicate()
    assert kspec(*COMMON, cwd=grid).returncode == 0
    assert not saved(grid)


def test_options_that_do_not_go_together(grid: Path) -> None:
    for options, word in (
        (("--resume", "--engine", "bmc"), "saves nothing"),
        (("--resume", "--checkpoint", "off"), "exclude each other"),
        (("--checkpoint", "soon"), "is no time"),
    ):
        done = CliRunner().invoke(command, ["grid.kspec", *options])
        assert done.exit_code == 2 and word in done.output


def test_no_place_for_checkpoints(grid: Path) -> None:
    env = environment(XDG_CACHE_HOME=str(grid / "large.kspec"))
    done = kspec("check", "grid.kspec", "--resume", cwd=grid, env=env)
    assert done.returncode == 2 and "--checkpoint-dir" in done.stderr


def test_what_is_of_no_use_goes(grid: Path) -> None:
    """Checkpoints of models that are gone; what was left half made, when it is old."""
    assert kspec(*UNENDING, "--timeout", "1", cwd=grid).returncode == 3
    half = grid / "kept" / "half"
    half.mkdir()
    tidy(grid / "kept")
    assert len(list((grid / "kept").iterdir())) == 2
    (grid / "large.kspec").unlink()
    os.utime(half, (0, 0))
    tidy(grid / "kept")
    assert not list((grid / "kept").iterdir())
