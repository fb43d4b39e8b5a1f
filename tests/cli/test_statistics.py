"""What makes the states many: counts held against plain enumeration; the tables; actions that are never taken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.command import environment, kspec
from kspec.engine.model_file import FileModel
from kspec.engine.protocol import Budget, Goals, Result, Statistics
from kspec.explicit import statistics as counting
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.search import Search
from kspec.interp.machine import Machine
from kspec.system.model import State, System

MODEL = """kspec 1
param N: 1..7 = 3;
var x: 0..N;
var twice: 0..14;
var m[0..2]: 0..N;
var idle: bool;
action up() when x < N { x = x + 1; twice = 2 * x; }
action next(i: 0..2) when m[i] < x { m[i] = m[i] + 1; }
action reset(i: 0..2) when m[i] > 0 { m[i] = 0; }
action never() when x > N { x = 0; }
invariant i: x <= N;
check small expect holds;
check large { N = 7 } expect holds;
check wrong { N = 2 } expect violates broken;
invariant broken: N != 2 || x < 2;
deadlock off;
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m.kspec").write_text(MODEL)
    return tmp_path


class Quiet:
    def cancelled(self) -> bool:
        return False

    def report(self, progress: object) -> None:
        pass


def reached(system: System) -> set[State]:
    """All states, by plain enumeration."""
    machine = Machine(system)
    found = {o.post for o in machine.initial() if o.post is not None}
    todo = list(found)
    while todo:
        for o in machine.steps(todo.pop()):
            if o.post is not None and o.post not in found:
                found.add(o.post)
                todo.append(o.post)
    return found


def counted(system: System) -> Statistics:
    result: Result = ExplicitEngine().with_statistics().check(system, Goals(), Budget(), Quiet())
    assert result.statistics is not None, result.notes
    return result.statistics


def projected(system: System, states: set[State], cell: str, *, without: bool) -> int:
    at = system.offsets[cell]
    mine = range(at, at + next(c.size for c in system.state_cells if c.name == cell))
    return len({tuple(v for i, v in enumerate(s) if (i in mine) != without) for s in states})


def test_exact_counts(folder: Path) -> None:
    system = FileModel.load(str(folder / "m.kspec")).build({})
    states = reached(system)
    found = counted(system)
    assert found.exact and found.states == len(states)
    assert [c.cell for c in found.cells] == ["x", "twice", "m", "idle"]
    for share, cell in zip(found.cells, system.state_cells, strict=True):
        assert share.values == projected(system, states, cell.name, without=False)
        assert share.without == projected(system, states, cell.name, without=True)
    assert dict(found.first).keys() <= {"up", "next", "reset"}
    assert sum(dict(found.first).values()) == len(states) - 1


def test_estimates(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a small table, most counts are estimates, and near the truth."""
    monkeypatch.setattr(counting, "SLOTS", 1 << 8)
    system = FileModel.load(str(folder / "m.kspec")).build({"N": "5"})
    states = reached(system)
    found = counted(system)
    assert not found.exact
    for share, cell in zip(found.cells, system.state_cells, strict=True):
        for got, without in ((share.values, False), (share.without, True)):
            true = projected(system, states, cell.name, without=without)
            assert 0.6 * true <= got <= 1.6 * true, (share, true)


def test_no_compiler_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no(search: Search, cache: object) -> Statistics:
        raise OSError("there is none")

    monkeypatch.setattr("kspec.explicit.engine.statistics", no)
    system = FileModel.load(str(folder / "m.kspec")).build({})
    result = ExplicitEngine().with_statistics().check(system, Goals(), Budget(), Quiet())
    assert result.statistics is None and "no statistics: there is none" in result.notes


def test_tables_and_documents(folder: Path) -> None:
    run = ("check", "m.kspec", "--stats", "--format", "json", "--output", "r.json")
    done = kspec(*run, cwd=folder, env=environment())
    assert done.returncode == 0, done.stdout
    out = done.stdout
    assert "never taken in all 2 complete searches: never" in out
    assert "m.kspec: check large" in out and "transitions   share" in out
    assert "follows from the others" in out and " times" in out
    assert "not all states were looked at" in out
    assert all(len(line) <= 100 for line in out.splitlines())
    small, large, wrong = json.loads((folder / "r.json").read_text())["checks"]
    assert small["never_taken"] == large["never_taken"] == ["never"] and wrong["never_taken"] is None
    assert small["complete"] and not wrong["complete"]
    assert small["statistics"]["states"] == small["evidence"]["states"]
    names = [v["name"] for v in small["statistics"]["variables"]]
    assert names == ["x", "twice", "m", "idle"]


def test_nothing_of_this_unless_wanted(folder: Path) -> None:
    done = kspec("check", "m.kspec::small", cwd=folder)
    assert "never" not in done.stdout and "times" not in done.stdout
