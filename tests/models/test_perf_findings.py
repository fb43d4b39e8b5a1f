"""The models of perf's scheduling core and the pages about what they found: they belong together."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PERF = ROOT / "models" / "perf"
FINDINGS = ROOT / "docs" / "findings"
KEPT = ROOT / "counterexamples"
PAGES = sorted(FINDINGS.glob("i-*.md"))
MODELS = (
    "sched_state",
    "sched_core",
    "sched_rules",
    "rotation",
    "cgroup_switch",
    "resched",
    "fork_rotation",
    "migrate",
    "cgroup_list_old",
    "context_time",
    "sched_task",
)


def _checks(text: str) -> set[str]:
    return set(re.findall(r"^check (\w+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_says_what_it_is_about_and_stays_readable(name: str) -> None:
    lines = (PERF / f"{name}.kspec").read_text("utf-8").split("\n")
    assert lines[0] == "kspec 1"
    assert lines[1].startswith("//")
    assert "Left out" in "\n".join(lines[:30])
    assert len(lines) <= 400


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_a_finding_opens_with_the_note_for_the_maintainers(page: Path) -> None:
    text = page.read_text("utf-8")
    note = text.split("\n", 2)[2]
    assert note.startswith("> **To be brought to the perf maintainers before anything about it is published.**")
    for part in ("## Property", "## Shortest run", "## Controls", "## Proposed repair"):
        assert part in text


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_a_finding_names_kept_runs_with_and_without_the_repair(page: Path) -> None:
    run = page.stem if page.stem != "i-1" else "i-1-starves"
    intents = [
        json.loads((KEPT / f"{name}.itf.json").read_text("utf-8"))["kspec"]["kept"]["intent"]
        for name in (run, f"{run}-repaired")
    ]
    assert intents == ["must stay possible", "must stay impossible"]
    assert f"{run}.itf.json" in page.read_text("utf-8")


def test_the_checks_that_the_pages_name_exist() -> None:
    declared = set[str]()
    for name in MODELS:
        declared |= _checks((PERF / f"{name}.kspec").read_text("utf-8"))
    for page in PAGES:
        named = set(re.findall(r"`(i\d\w*|repaired\w*|multiplexing|fork_succeeds)`", page.read_text("utf-8")))
        assert named, page.name
        assert named <= declared, (page.name, named - declared)


def test_the_table_of_old_bugs_names_checks_that_exist() -> None:
    rows = re.findall(r"`(\w+)::(\w+)`", (ROOT / "docs" / "perf-scheduling.md").read_text("utf-8"))
    assert rows
    for model, check in rows:
        assert check in _checks((PERF / f"{model}.kspec").read_text("utf-8")), (model, check)
