"""Temporal properties by bounded model checking and IC3, as people see it."""

from __future__ import annotations

from pathlib import Path

import pytest
from kspec.cli.main import main

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
property served: forall t in Task: locker[t] at want leads_to locker[t] at cs;
property alive: always eventually lock != none;
check unfair { FAIR = false } expect violates only served;
check fair { } expect holds;
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.kspec").write_text(MODEL)
    monkeypatch.chdir(tmp_path)


def test_proved(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "m.kspec::fair", "--engine", "pdr", "--timeout", "60s"]) == 0
    assert "proved" in capsys.readouterr().out


def test_a_lasso(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "m.kspec", "--set", "FAIR=false", "--engine", "bmc", "--depth", "8"]) == 1
    said = capsys.readouterr().out
    assert "VIOLATED  property served" in said
    assert "the cycle repeats from step" in said


def test_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "m.kspec::fair", "--engine", "bmc", "--depth", "6"]) == 3
    assert "no lasso within 6 steps" in capsys.readouterr().out
