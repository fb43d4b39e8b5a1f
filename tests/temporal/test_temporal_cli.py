"""What people see of a violated temporal property, and what can be done with its saved trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cli.command import kspec
from kspec.trace.format import dumps, load_trace, loads
from kspec.trace.model import Trace

ROOT = Path(__file__).resolve().parents[2]
MODEL = """kspec 1
param FAIR: bool = true;
id Task[2];
var lock: Task?;
process locker(t: Task) {
    loop {
    want:
        atomic { await lock == none; lock = t; }
    cs:
        lock = none;
    }
}
weak fair locker;
strong fair locker at want when FAIR;
property served: forall t in Task: locker[t] at want leads_to locker[t] at cs, "lock is {lock}";
check c { FAIR = false } expect holds;
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model and, after the check, its trace."""
    made = tmp_path_factory.mktemp("temporal")
    (made / "m.kspec").write_text(MODEL)
    return made


@pytest.fixture(scope="module")
def said(folder: Path) -> str:
    got = kspec("check", "m.kspec", cwd=folder)
    assert got.returncode == 1, got.stderr
    return got.stdout


def saved(folder: Path) -> Path:
    return next((folder / ".kspec" / "traces").glob("m-served-*.itf.json"))


def test_shown(said: str) -> None:
    for words in (
        'VIOLATED  property served  "lock is none"',
        "because  locker[t] at cs  is false from the start, for ever",
        "where  t = Task#0",
        "while  locker[t] at want at the start",
        "the cycle repeats from step 1: steps 1 to 2 for ever",
        "weak locker(Task#0)  disabled after step 1",
        "weak locker(Task#1)  taken at step 1",
        "as at the start",
    ):
        assert words in said, words
    assert "shortest" not in said


def test_saved(folder: Path, said: str) -> None:
    document: Any = json.loads(saved(folder).read_text())
    schema = json.loads((ROOT / "spec" / "trace.schema.json").read_text())
    jsonschema.validate(document, schema)
    assert document["loop"] == 1  # the states from there to the last one repeat
    assert document["kspec"]["loop"] == 0
    trace = load_trace(saved(folder))
    assert isinstance(trace, Trace)
    assert trace.loop == 0
    assert {f.how for f in trace.fairness} == {"taken", "disabled"}
    assert loads(dumps(trace)) == trace


def test_loop_beyond_the_end_is_damage(folder: Path, said: str) -> None:
    document = json.loads(saved(folder).read_text())
    document["kspec"]["loop"] = 3
    assert "beyond the last step" in str(loads(json.dumps(document)))


def test_replay(folder: Path, said: str) -> None:
    got = kspec("replay", str(saved(folder)), cwd=folder)
    assert got.returncode == 0
    assert "REPRODUCES  the behaviour violates `served`" in got.stdout
    assert "the cycle repeats from step 1" in kspec("show", str(saved(folder)), cwd=folder).stdout


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("when FAIR", "when true", "not fair to locker"),
        ("await lock == none; lock = t;", "await lock == none && !busy; lock = t; busy = true;", "step 1"),
        ("leads_to locker[t] at cs", "leads_to locker[t] at want", "satisfies served"),
    ],
)
def test_replay_of_a_changed_model(folder: Path, tmp_path: Path, said: str, old: str, new: str, why: str) -> None:
    assert old in MODEL
    text = MODEL.replace(old, new).replace("var lock: Task?;", "var lock: Task?; var busy: bool = true;")
    (tmp_path / "other.kspec").write_text(text)
    got = kspec("replay", str(saved(folder)), "--model", str(tmp_path / "other.kspec"), cwd=folder)
    assert got.returncode == 1
    assert "NO LONGER REPRODUCES" in got.stdout
    assert why in got.stdout


def test_json(folder: Path) -> None:
    got = kspec("check", "m.kspec", "--format", "json", cwd=folder)
    document: Any = json.loads(got.stdout)
    jsonschema.validate(document, json.loads((ROOT / "spec" / "result.schema.json").read_text()))
    verdict = next(v for v in document["checks"][0]["verdicts"] if v["property"] == "served")
    assert (verdict["kind"], verdict["strength"]) == ("property", "violated")


def test_holds_with_strong_fairness(folder: Path) -> None:
    text = MODEL.replace("{ FAIR = false } ", "")
    (folder / "fair.kspec").write_text(text)
    got = kspec("check", "fair.kspec", cwd=folder)
    assert got.returncode == 0, got.stdout


def test_engines_that_do_not_know(folder: Path) -> None:
    """Proofs by induction say nothing about behaviours."""
    (folder / "fair.kspec").write_text(MODEL.replace("{ FAIR = false } ", ""))
    got = kspec("check", "fair.kspec", "--engine", "kinduction", cwd=folder)
    assert got.returncode == 3
    assert "does not decide temporal properties" in got.stdout
