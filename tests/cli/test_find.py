"""`kspec find`: a run that ends as wanted."""

from __future__ import annotations

from pathlib import Path

from cli.command import kspec, lock

AGAIN = "\n".join(['scenario "once" {', "    lock(Task#0);", "    unlock(Task#0);", "}"])


def test_a_shortest_run_is_shown_and_saved(tmp_path: Path) -> None:
    lock(tmp_path)
    done = kspec("find", "lock.kspec", "exists t in Task: inside[t]", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 step" in done.stdout and "lock" in done.stdout
    (trace,) = (tmp_path / ".kspec" / "traces").iterdir()
    assert kspec("replay", str(trace), cwd=tmp_path).returncode == 0


def test_after_the_steps_of_a_scenario(tmp_path: Path) -> None:
    lock(tmp_path, AGAIN)
    done = kspec("find", "lock.kspec", "owner != none", "--after", "once", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 steps" in done.stdout


def test_there_is_none(tmp_path: Path) -> None:
    lock(tmp_path)
    done = kspec("find", "lock.kspec", "forall t in Task: inside[t]", "--depth", "5", cwd=tmp_path)
    assert done.returncode == 1
    assert "none of up to 5 steps" in done.stdout


def test_a_wrong_condition_is_a_diagnostic(tmp_path: Path) -> None:
    lock(tmp_path)
    done = kspec("find", "lock.kspec", "nobody == none", cwd=tmp_path)
    assert done.returncode == 2
    assert "error[E0201]" in done.stderr
