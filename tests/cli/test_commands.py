"""What the commands do: selection of checks, ad-hoc configurations, show, replay, sim."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cli.command import kspec, lock

CHECKS = (
    "check fine { TASKS = 2 } expect holds states 3;",
    "check bad { broken = true } expect violates mutex;",
    "check sizes { TASKS in 1..3 } tier slow expect holds;",
    'scenario "two" { lock(Task#0); disabled lock(Task#1); }',
)


def rows(output: str) -> list[str]:
    """The names in the rows."""
    found = [
        re.match(r"(ok|FAILED|undecided|invalid)\s+lock\.kspec\s+(scenario \S+|\S+)", x) for x in output.splitlines()
    ]
    return [m[2] for m in found if m]


def test_which_checks_run(tmp_path: Path) -> None:
    lock(tmp_path, *CHECKS)

    def ran(*arguments: str) -> list[str]:
        done = kspec("check", *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stdout
        return rows(done.stdout)

    sizes = ["sizes[TASKS=1]", "sizes[TASKS=2]", "sizes[TASKS=3]"]
    assert ran("lock.kspec") == ["fine", "bad", "scenario two"]
    assert ran(".", "--tier", "slow") == sizes
    assert ran(".", "--tier", "all") == ["fine", "bad", *sizes, "scenario two"]
    assert ran("lock.kspec::sizes") == sizes
    assert ran("lock.kspec::sizes[TASKS=3]") == sizes[2:]
    assert ran("lock.kspec::two") == ["scenario two"]


def test_configurations_that_no_check_declares(tmp_path: Path) -> None:
    lock(tmp_path, *CHECKS)
    held = kspec("check", "lock.kspec", "--set", "TASKS=3", cwd=tmp_path)
    assert held.returncode == 0 and "exhausted, 4 states" in held.stdout
    broken = kspec("check", "lock.kspec", "--set", "TASKS=3", "--set", "broken=true", cwd=tmp_path)
    assert broken.returncode == 1 and "violated mutex in 2 steps" in broken.stdout
    changed = kspec("check", "lock.kspec::fine", "--set", "TASKS=3", cwd=tmp_path)
    assert changed.returncode == 0 and rows(changed.stdout) == ["fine[TASKS=3]"]  # without the pinned count


def test_all_gives_every_violated_property_a_trace(tmp_path: Path) -> None:
    more = "invariant one: owner == none || !inside[owner]; invariant two: count(t in Task where inside[t]) < 1;"
    lock(tmp_path, more.replace("invariant two", "\ninvariant two"), "check bad { broken = true } expect holds;")
    first = kspec("check", "lock.kspec", cwd=tmp_path)
    every = kspec("check", "lock.kspec", "--all", cwd=tmp_path)
    assert first.returncode == every.returncode == 1
    assert first.stdout.count("VIOLATED") < every.stdout.count("VIOLATED") == 3


def test_a_depth_bounds_the_search(tmp_path: Path) -> None:
    lock(tmp_path, "check deep { TASKS = 2 } expect holds up to 1;", *CHECKS[:1])
    done = kspec("check", "lock.kspec", "--depth", "1", "--engine", "interp", cwd=tmp_path)
    assert "bounded 1" in done.stdout
    assert re.search(r"^ok +lock.kspec +deep", done.stdout, re.MULTILINE)
    assert re.search(r"^undecided +lock.kspec +fine", done.stdout, re.MULTILINE)


def test_a_broken_scenario_does_not_keep_the_checks_from_running(tmp_path: Path) -> None:
    lock(tmp_path, CHECKS[0], 'scenario "bad" { lokc(Task#0); }')
    done = kspec("check", "lock.kspec", cwd=tmp_path)
    assert done.returncode == 2
    assert "exhausted, 3 states" in done.stdout and "lokc" in done.stdout


def test_an_error_is_told_once(tmp_path: Path) -> None:
    lock(tmp_path, "invariant nonsense: owner + 1 == 2;", *CHECKS[:2])
    done = kspec("check", "lock.kspec", cwd=tmp_path)
    assert done.returncode == 2
    assert len(re.findall(r"^error\[", done.stdout, re.MULTILINE)) == 1


def test_saved_traces_are_shown_replayed_and_checked(tmp_path: Path) -> None:
    lock(tmp_path, "check wrong { broken = true } expect holds;")
    done = kspec("check", "lock.kspec", "--save-traces", "saved", cwd=tmp_path)
    command = re.search(r"replay  (kspec replay (\S+))", done.stdout)
    assert command is not None
    path = command[2]
    assert json.loads((tmp_path / path).read_text())["kspec"]["property"]["name"] == "mutex"
    shown = kspec("show", path, cwd=tmp_path)
    assert shown.returncode == 0 and "VIOLATED" in shown.stdout and "Task#" in shown.stdout
    replayed = kspec("replay", path, cwd=tmp_path)
    assert replayed.returncode == 0 and "REPRODUCES" in replayed.stdout
    checked = kspec("check", path, cwd=tmp_path)
    assert checked.returncode == 0 and "reproduces" in checked.stdout
    mended = (tmp_path / "lock.kspec").read_text().replace("owner == none || broken", "owner == none")
    (tmp_path / "lock.kspec").write_text(mended)
    assert kspec("replay", path, cwd=tmp_path).returncode == 1
    checked = kspec("check", path, cwd=tmp_path)
    assert checked.returncode == 1 and "cannot be taken" in checked.stdout


def test_a_folder_that_cannot_hold_traces(tmp_path: Path) -> None:
    lock(tmp_path, "check wrong { broken = true } expect holds;")
    done = kspec("check", "lock.kspec", "--save-traces", "lock.kspec/x", cwd=tmp_path)
    assert done.returncode == 1 and "could not be saved" in done.stdout


def test_show(tmp_path: Path) -> None:
    lock(tmp_path, *CHECKS)
    overview = kspec("show", "lock.kspec", cwd=tmp_path)
    assert overview.returncode == 0
    for text in ("TASKS = 2, broken = false", "lock(t: Task)", "invariant mutex", "sizes[TASKS=3]", "two"):
        assert text in overview.stdout
    system = kspec("show", "--system", "lock.kspec::bad", cwd=tmp_path)
    assert system.returncode == 0
    for text in ("cell inside[Task]: bool = false;", "action unlock(t: Task) when inside[t] {", "reachable busy"):
        assert text in system.stdout


def test_sim(tmp_path: Path) -> None:
    lock(tmp_path, *CHECKS)
    fine = kspec("sim", "lock.kspec", "--walks", "20", "--steps", "10", cwd=tmp_path)
    assert fine.returncode == 0
    assert "nothing is violated" in fine.stdout and "simulated 20 walks" in fine.stdout
    broken = ("sim", "lock.kspec", "--set", "broken=true", "--walks", "20")
    done = kspec(*broken, "--seed", "3", cwd=tmp_path)
    assert done.returncode == 1 and "violated: mutex" in done.stdout and "kspec replay" in done.stdout
    assert done.stdout == kspec(*broken, "--seed", "3", cwd=tmp_path).stdout
    expected = kspec("sim", "lock.kspec::bad", "--walks", "20", cwd=tmp_path)
    assert expected.returncode == 0 and "mutex (expected)" in expected.stdout
    one = kspec("sim", "lock.kspec", "--walks", "1", "--steps", "3", cwd=tmp_path)
    assert one.returncode == 0 and "3 steps" in one.stdout
    scenario = kspec("sim", "lock.kspec", "--scenario", "two", cwd=tmp_path)
    assert scenario.returncode == 0 and "passes" in scenario.stdout


def test_help_and_version(tmp_path: Path) -> None:
    assert re.fullmatch(r"kspec \d+\.\d+\.\d+\n", kspec("--version", cwd=tmp_path).stdout)
    for command in ("check", "show", "replay", "sim"):
        assert command in kspec("--help", cwd=tmp_path).stdout
        shown = kspec(command, "--help", cwd=tmp_path)
        assert shown.returncode == 0 and "Usage: kspec " + command in shown.stdout


def test_modules_are_checked_by_those_who_use_them(tmp_path: Path) -> None:
    (tmp_path / "shared.kspec").write_text("kspec 1\nvar x: 0..9;\naction up() { x = x + 1; }\n")
    (tmp_path / "user.kspec").write_text(
        "kspec 1\nuse shared: x;\nlimit: x < 3;\ndeadlock off;\ncheck small expect holds within limit;\n"
    )
    done = kspec("check", ".", cwd=tmp_path)
    assert done.returncode == 0 and "1 check: 1 as declared" in done.stdout, done.stdout
    assert kspec("check", "shared.kspec", cwd=tmp_path).returncode == 1
