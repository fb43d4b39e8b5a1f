"""Keeping a trace as a regression."""

from __future__ import annotations

import json
from pathlib import Path

from cli.command import kspec, lock

BROKEN = "check bad { broken = true } expect violates mutex;"


def _saved(folder: Path) -> str:
    lock(folder, BROKEN)
    kspec("check", "lock.kspec", cwd=folder)
    (trace,) = (folder / ".kspec" / "traces").iterdir()
    return str(trace)


def test_a_bug_must_stay_possible_and_its_fix_must_keep_it_impossible(tmp_path: Path) -> None:
    trace = _saved(tmp_path)
    assert kspec("keep", trace, "--must-stay", "possible", "--story", "no test", cwd=tmp_path).returncode == 0
    fixed = ("--must-stay", "impossible", "--set", "broken=false", "--name", "fixed")
    assert kspec("keep", trace, *fixed, cwd=tmp_path).returncode == 0
    kept = json.loads((tmp_path / "counterexamples" / "fixed.itf.json").read_text())["kspec"]["kept"]
    assert kept == {"intent": "must stay impossible", "story": "", "settings": {"broken": "false"}}
    done = kspec("check", "counterexamples", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "must stay possible" in done.stdout and "must stay impossible" in done.stdout


def test_the_regression_fails_when_the_model_changes(tmp_path: Path) -> None:
    trace = _saved(tmp_path)
    kspec("keep", trace, "--must-stay", "impossible", "--set", "broken=false", cwd=tmp_path)
    model = tmp_path / "lock.kspec"
    model.write_text(model.read_text().replace("owner == none || broken", "true"))
    assert kspec("check", "counterexamples", cwd=tmp_path).returncode == 1


def test_what_does_not_hold_is_not_kept(tmp_path: Path) -> None:
    trace = _saved(tmp_path)
    done = kspec("keep", trace, "--must-stay", "impossible", cwd=tmp_path)
    assert done.returncode == 1
    assert "not kept" in done.stderr
    assert not (tmp_path / "counterexamples").exists()


def test_a_name_with_folders_is_refused(tmp_path: Path) -> None:
    trace = _saved(tmp_path)
    done = kspec("keep", trace, "--must-stay", "possible", "--name", "../x", cwd=tmp_path)
    assert done.returncode == 2
