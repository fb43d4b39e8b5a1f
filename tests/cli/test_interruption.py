"""Ctrl-C, kills from outside, and what is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.command import LARGE, lock, started
from kspec.engine import process

SLACK = 1.0
"""Seconds that a loaded machine may take on top."""
FINE = "check fine { TASKS = 2 } expect holds;"


def wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def searching(run: subprocess.Popen[str]) -> list[int]:
    """The engine child: the process below a worker below the command, once it has used some time."""
    found = []
    for pid in process.descendants(run.pid):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) != run.pid and int(fields[11]) > 20:
            found.append(pid)
    return found


@pytest.fixture
def large(tmp_path: Path) -> Path:
    lock(tmp_path, FINE, name="a_lock.kspec")
    (tmp_path / "large.kspec").write_text(LARGE)
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_ends_within_a_second_of_a_signal(large: Path, number: int) -> None:
    with started("check", "--engine", "interp", ".", cwd=large) as run:
        wait_for(lambda: bool(searching(run)))
        workers = process.descendants(run.pid)
        sent = time.monotonic()
        run.send_signal(number)
        out, err = run.communicate(timeout=60)
        assert time.monotonic() - sent < 1.0 + SLACK
    assert run.returncode == 3, out + err
    assert "exhausted, 3 states" in out  # what was known is reported
    assert "interrupted" in out and "states" in out
    assert "Traceback" not in out + err
    wait_for(lambda: not any(os.path.exists(f"/proc/{w}") for w in workers))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_group_is_one_interruption(large: Path, number: int) -> None:
    """A terminal sends Ctrl-C to every process of the group, as ``timeout`` does with its signal."""
    with started("check", "--engine", "interp", ".", cwd=large) as run:
        wait_for(lambda: bool(searching(run)))
        for pid in (*process.descendants(run.pid), run.pid):
            os.kill(pid, number)
        out, err = run.communicate(timeout=60)
    assert run.returncode == 3 and "interrupted" in out and err == ""


def test_a_killed_engine_is_reported_as_such(large: Path) -> None:
    with started("check", "--engine", "interp", ".", cwd=large) as run:
        wait_for(lambda: bool(searching(run)))
        os.kill(searching(run)[0], signal.SIGKILL)
        out, _ = run.communicate(timeout=60)
    assert run.returncode == 3
    assert "engine died: signal 9" in out


def test_a_killed_command_leaves_no_process_and_no_half_written_file(large: Path) -> None:
    (large / "result.json").write_text("{}\n")
    arguments = ("check", ".", "--engine", "interp", "--format", "json", "--output", "result.json")
    with started(*arguments, cwd=large) as run:
        wait_for(lambda: bool(searching(run)))
        below = process.descendants(run.pid)
        run.kill()
        run.communicate(timeout=60)
    wait_for(lambda: not any(os.path.exists(f"/proc/{p}") for p in below))
    assert (large / "result.json").read_text() == "{}\n"


def test_a_reader_that_goes_away_ends_the_run(large: Path) -> None:
    with started("check", ".", "--engine", "interp", "--timeout", "1", cwd=large) as run:
        assert run.stdout is not None and run.stderr is not None
        run.stdout.close()
        assert run.wait(timeout=60) == 3
        assert run.stderr.read() == ""


def test_files_appear_whole(tmp_path: Path) -> None:
    """However often the command is killed, a result file is either the old one or a whole new one."""
    lock(tmp_path, *(f"check c{n} {{ TASKS = 2 }} expect holds;" for n in range(6)))
    result = tmp_path / "result.json"
    for delay in (0.2, 0.4, 0.6, 0.8, 1.0, 1.4):
        with started("check", ".", "--format", "json", "--output", "result.json", cwd=tmp_path) as run:
            time.sleep(delay)
            run.kill()
        if result.exists():
            assert len(json.loads(result.read_text())["checks"]) == 6
