"""Comparing models: known answers, and the subset construction against all traces up to a length."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from interp.random_systems import random_system
from kspec.cli.main import main
from kspec.refinement.inclusion import compare
from kspec.refinement.visible import Item, Label, View
from kspec.system.model import State, System

SPEC = """kspec 1
id Task[2];
var inside: set<Task>;
action enter(t: Task) when inside == {} { inside += {t}; }
action leave(t: Task) when t in inside { inside -= {t}; }
"""
LOCK = """kspec 1
param atomic_lock: bool = true;
id Task[2];
var owner: Task?;
var inside: set<Task>;
process p(self: Task) {
    loop {
        if (atomic_lock) {
            atomic { await owner == none; owner = self; }
        } else {
            await owner == none;
            owner = self;
        }
    cs: inside += {self};
        inside -= {self};
        owner = none;
    }
}
"""


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.kspec").write_text(SPEC)
    (tmp_path / "lock.kspec").write_text(LOCK)
    return tmp_path


def test_a_lock_is_mutual_exclusion(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "lock.kspec", "spec.kspec", "--visible", "inside", "--both"]) == 0
    output = capsys.readouterr().out
    assert output.count("included") == 2 and "not included" not in output


def test_a_shortest_difference(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "lock.kspec", "spec.kspec", "--visible", "inside", "--set-a", "atomic_lock=false"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("not included  lock.kspec (atomic_lock = false) in spec.kspec")
    assert lines[-3].split()[0] == ">" and "inside = {Task#0, Task#1}" in lines[-3]
    assert lines[-2:] == ["  the other model can only show:", "         inside = {}"]


def test_actions_conditions_and_names(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ok = ["compare", "lock.kspec", "spec.kspec", "--visible", "busy: inside != {}", "--visible", "owner",
          "--in-b", "owner: inside == {}"]  # fmt: skip
    assert main(ok) == 1  # a task is not a truth value
    capsys.readouterr()
    assert main(["compare", "spec.kspec", "spec.kspec", "--visible", "enter", "--visible", "leave", "--both"]) == 0
    fewer = SPEC.replace("when t in inside", "when false")
    (models / "fewer.kspec").write_text(fewer)
    assert main(["compare", "fewer.kspec", "spec.kspec", "--visible", "enter", "--visible", "leave"]) == 0
    assert main(["compare", "spec.kspec", "fewer.kspec", "--visible", "enter", "--visible", "leave"]) == 1
    output = capsys.readouterr().out
    assert "leave(Task#0)" in output and "the other model shows nothing more here" in output


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--visible", "nothing"], 2, "unknown name `nothing`"),
        (["--visible", "Task"], 2, "E0951"),
        (["--visible", "inside", "--in-b", "x: inside"], 2, "nothing visible has this name"),
        (["--visible", "inside", "--pairs", "1"], 3, "more than 1 pairs"),
        ([], 2, "--visible"),
    ],
)
def test_use(options: list[str], code: int, words: str, models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "lock.kspec", "spec.kspec", *options]) == code
    assert words in "".join(capsys.readouterr())


def traces(view: View, length: int) -> set[tuple[Label | tuple[str, ...], ...]]:
    """All visible traces of runs with up to so many steps: the obvious way."""
    out: set[tuple[Label | tuple[str, ...], ...]] = set()
    todo: list[tuple[State, tuple[Label | tuple[str, ...], ...], int]] = [
        (s, (view.observation(s),), 0) for s in view.initial()
    ]
    seen = set()
    while todo:
        state, trace, n = todo.pop()
        if (state, trace, n) in seen:
            continue
        seen.add((state, trace, n))
        out.add(trace)
        if n < length:
            for o, label in view.steps(state):
                assert o.post is not None
                todo.append((o.post, trace if label is None else (*trace, label), n + 1))
    return out


def views(system: System, other: System) -> tuple[View, View] | None:
    shared = {v.name for v in system.variables} & {v.name for v in other.variables}
    items = [Item(n, n) for n in sorted(shared)][:1]
    return (View(system, items), View(other, items)) if items else None


def test_against_all_traces() -> None:
    """If a model is not included, its shortest difference is no trace of the other within that many steps or, for
    the other's invisible steps, more; if it is included, all its short traces are traces of the other."""
    decided = 0
    for seed in range(400 if os.environ.get("KSPEC_SOAK") else 60):
        pair = views(random_system(seed), random_system(seed + 1 if seed % 3 else seed))
        if pair is None:
            continue
        first, second = pair
        answer = compare(first, second, 400, lambda: False)
        if answer.reason:
            continue
        decided += 1
        if answer.difference is None:
            # invisible steps of the second cost length: look further there
            assert traces(first, 2) <= traces(second, 6) or len(second.initial()) > 3, seed
        else:
            d = answer.difference
            labels = tuple(s.label for s in d.steps if s.label is not None)
            assert (first.observation(d.initial), *labels) not in traces(second, 4), seed
    assert decided > 5
