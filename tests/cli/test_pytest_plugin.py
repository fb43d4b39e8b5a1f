"""`pytest models/`: every check, scenario and kept trace is a test item."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cli.command import environment, kspec, lock


def _pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest with the plugin, whether it is installed as an entry point or not."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120)


def test_checks_and_scenarios_are_items(tmp_path: Path) -> None:
    lock(tmp_path, "check fine { TASKS = 2 } expect holds;", 'scenario "once" { lock(Task#0); }')
    done = _pytest(tmp_path, ".")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_a_failure_has_the_trace_as_its_message(tmp_path: Path) -> None:
    lock(tmp_path, "check wrong { broken = true } expect holds;")
    done = _pytest(tmp_path, ".")
    assert done.returncode == 1
    assert "VIOLATED  invariant mutex" in done.stdout
    assert "because" in done.stdout and "inside[Task#1]" in done.stdout
    assert "Traceback" not in done.stdout


def test_an_invalid_model_fails_with_its_diagnostics(tmp_path: Path) -> None:
    (tmp_path / "bad.kspec").write_text("kspec 1\nvar x: 0..3 = y;\n")
    done = _pytest(tmp_path, ".")
    assert done.returncode == 1
    assert "error[E0201]" in done.stdout


def test_slow_checks_run_when_they_are_asked_for(tmp_path: Path) -> None:
    lock(tmp_path, "check a { TASKS = 2 } expect holds;", "check b { TASKS = 3 } tier slow expect holds;")
    assert "1 passed" in _pytest(tmp_path, ".").stdout
    assert "2 passed" in _pytest(tmp_path, "--kspec-tier", "all", ".").stdout


def test_kept_traces_are_items(tmp_path: Path) -> None:
    lock(tmp_path, "check bad { broken = true } expect violates mutex;")
    kspec("check", "lock.kspec", cwd=tmp_path)
    (trace,) = (tmp_path / ".kspec" / "traces").iterdir()
    kspec("keep", str(trace), "--must-stay", "possible", cwd=tmp_path)
    done = _pytest(tmp_path, "counterexamples")
    assert "1 passed" in done.stdout, done.stdout
