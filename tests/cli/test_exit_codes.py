"""Every exit code, through the real command line."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from cli.command import KSPEC, LARGE, environment, kspec, lock

HOLDS = "check fine { TASKS = 2 } expect holds;"
WRONG = "check wrong { broken = true } expect holds;"


def test_0_when_all_checks_are_met(tmp_path: Path) -> None:
    lock(tmp_path, HOLDS, "check bad { broken = true } expect violates mutex;")
    done = kspec("check", "lock.kspec", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "exhausted, 3 states" in done.stdout and "violated mutex in 2 steps" in done.stdout


@pytest.mark.parametrize(
    ("check", "says"),
    [
        (WRONG, "violated mutex in 2 steps"),
        ("check w { TASKS = 2 } expect violates mutex;", "expected violates mutex, got exhausted, 3 states"),
        ("check w { TASKS = 2 } expect holds states 7;", "expected exactly 7 states, got 3"),
        ("check w { TASKS = 2 } expect holds transitions 7;", "expected exactly 7 transitions, got 4"),
        ("check w { broken = true; TASKS = 1 } expect violates only mutex;", "got exhausted"),
        ('scenario "w" { lock(Task#0); lock(Task#1); }', "fails at step 2"),
    ],
)
def test_1_when_a_check_does_not_end_as_declared(tmp_path: Path, check: str, says: str) -> None:
    lock(tmp_path, check)
    done = kspec("check", "lock.kspec", cwd=tmp_path)
    assert done.returncode == 1
    assert says in done.stdout


def test_1_when_a_model_has_a_limit_that_the_check_does_not_name(tmp_path: Path) -> None:
    lock(tmp_path, "limit: count(t in Task where inside[t]) < 2;", HOLDS)
    done = kspec("check", "lock.kspec", cwd=tmp_path)
    assert done.returncode == 1
    assert "holds within limit" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check"], "name a model"),
        (["check", "--colour", "lock.kspec"], "No such option"),
        (["check", ""], "name of a file is missing"),
        (["check", "::wrong"], "name of a file is missing"),
        (["check", "missing.kspec"], "there is no file missing.kspec"),
        (["check", "empty"], "no .kspec files"),
        (["check", "binary.kspec"], "not a text"),
        (["check", "latin.kspec"], "not UTF-8"),
        (["check", "lock.kspec::wronk"], "did you mean `wrong`?"),
        (["check", "lock.kspec::"], "name of a check is missing"),
        (["check", ".::wrong"], "not a folder"),
        (["check", "syntax.kspec"], "syntax.kspec:2:"),
        (["check", "--engine", "magic", "lock.kspec"], "magic"),
        (["check", "--timeout", "soon", "lock.kspec"], "no time"),
        (["check", "--max-memory", "much", "lock.kspec"], "no amount of memory"),
        (["check", "--set", "TASKS", "lock.kspec"], "NAME=VALUE"),
        (["check", "--set", "TASKZ=2", "lock.kspec"], "TASKS"),
        (["check", "--tier", "slow", "lock.kspec"], "nothing to check"),
        (["check", "damaged.itf.json"], "damaged.itf.json"),
        (["replay", "missing.itf.json"], "missing.itf.json"),
        (["show", "missing.itf.json"], "missing.itf.json"),
        (["show", "missing.kspec"], "missing.kspec"),
        (["sim", "lock.kspec", "--scenario", "none"], "no scenario"),
        (["chek"], "No such command"),
    ],
)
def test_2_when_the_input_is_wrong(tmp_path: Path, arguments: list[str], says: str) -> None:
    lock(tmp_path, WRONG)
    (tmp_path / "empty").mkdir()
    (tmp_path / "binary.kspec").write_bytes(b"kspec 1\n\0\0\0")
    (tmp_path / "latin.kspec").write_bytes("kspec 1\n// größe\n".encode("latin-1"))
    (tmp_path / "syntax.kspec").write_text("kspec 1\nvar var var;\n")
    (tmp_path / "damaged.itf.json").write_text('{"states": [')
    done = kspec(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_2_when_a_file_cannot_be_read(tmp_path: Path) -> None:
    path = lock(tmp_path, HOLDS)
    path.chmod(0)
    try:
        path.read_text()
    except PermissionError:
        done = kspec("check", "lock.kspec", cwd=tmp_path)
        assert done.returncode == 2 and "cannot read" in done.stdout
    else:
        pytest.skip("this user can read everything")


def test_2_when_the_results_cannot_be_written(tmp_path: Path) -> None:
    lock(tmp_path, HOLDS)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*KSPEC, "check", "lock.kspec"], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2 and done.stderr == "kspec: No space left on device\n"


def test_3_when_the_time_runs_out(tmp_path: Path) -> None:
    (tmp_path / "large.kspec").write_text(LARGE)
    done = kspec("check", "--engine", "explicit", "--timeout", "0.5", "large.kspec", cwd=tmp_path)
    assert done.returncode == 3
    assert "time budget" in done.stdout


def test_3_when_the_memory_runs_out(tmp_path: Path) -> None:
    (tmp_path / "large.kspec").write_text(LARGE)
    done = kspec("check", "--engine", "interp", "--max-memory", "150M", "large.kspec", cwd=tmp_path)
    assert done.returncode == 3
    assert "memory budget of 150 MB ran out" in done.stdout


LYING = """
from dataclasses import replace
from kspec.interp import explore
from kspec.engine.protocol import Finding, Run
honest = explore.InterpEngine.check
def check(self, system, goals, budget, control):
    return replace(honest(self, system, goals, budget, control), findings=(Finding("mutex", Run(system.start)),))
explore.InterpEngine.check = check
"""

CRASHING = """
import os
from kspec.interp import explore
explore.InterpEngine.check = lambda *_: os.abort()
"""

RAISING = """
from kspec.interp import explore
explore.InterpEngine.check = lambda *_: 1 // 0
"""

BROKEN = """
from kspec.cli import check
check.entries = lambda *_: 1 // 0
"""


@pytest.mark.parametrize(
    ("code", "says", "details"),
    [
        (LYING, "does not confirm", "mutex: from"),
        (CRASHING, "engine died: signal 6", "Fatal Python error: Aborted"),
        (RAISING, "ZeroDivisionError", "Traceback"),
        (BROKEN, "internal fault (ZeroDivisionError)", "Traceback"),
    ],
)
def test_70_on_an_internal_fault(tmp_path: Path, code: str, says: str, details: str) -> None:
    """The fault is injected by a module that the interpreter loads at its start."""
    lock(tmp_path, HOLDS)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(code)
    arguments = ["check", "--engine", "interp", "lock.kspec"]
    done = kspec(*arguments, cwd=tmp_path, env=environment(PYTHONPATH=str(tmp_path / "site")))
    everything = done.stdout + done.stderr
    assert done.returncode == 70, everything
    assert says in everything and "Traceback" not in everything
    match = re.search(r"\.kspec/faults/fault-[0-9a-f]+\.txt", everything)
    assert match is not None
    assert details in (tmp_path / match[0]).read_text()


def test_the_gravest_code_counts(tmp_path: Path) -> None:
    lock(tmp_path, HOLDS, WRONG)
    (tmp_path / "large.kspec").write_text(LARGE)
    (tmp_path / "syntax.kspec").write_text("kspec 1\nvar var var;\n")
    undecided = ("check", "--engine", "interp", "--timeout", "3", "lock.kspec", "large.kspec")
    assert kspec(*undecided, cwd=tmp_path).returncode == 1
    assert kspec("check", "lock.kspec", "syntax.kspec", cwd=tmp_path).returncode == 2
