"""``kspec measure`` as people use it."""

from __future__ import annotations

from pathlib import Path

import pytest
from kspec.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
TICKET = str(ROOT / "models" / "classic" / "ticket.kspec")
OTHERS = ["--for", "t in Thread", "--count", "exists u in Thread where u != t: taken(thread(u).waiting)"]
QUEUED = ["--from", "thread[t] at waiting", "--until", "thread[t] at critical"]
ARRIVING = ["--from", "thread[t] at outside", "--until", "thread[t] at waiting"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_ticket_lock(threads: int, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At most N - 1 others enter while a thread waits with its ticket."""
    assert main(["measure", TICKET, "--set", f"THREADS={threads}", *OTHERS, *QUEUED]) == 0
    said = capsys.readouterr().out
    assert f"at most {threads - 1} counted step" in said
    assert "for t = Thread#0" in said
    trace = next((here / ".kspec" / "traces").glob("*.json"))
    assert main(["replay", str(trace), "--model", TICKET]) == 0


def test_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    two = ["measure", f"{TICKET}::three", *OTHERS, *QUEUED, "--at-most"]
    assert main([*two, "2"]) == 0
    assert main([*two, "1"]) == 1
    assert "that is more than 1" in capsys.readouterr().out


def test_unbounded(capsys: pytest.CaptureFixture[str]) -> None:
    before = ["measure", TICKET, *OTHERS, *ARRIVING]
    assert main([*before, "--set", "FAIR=false"]) == 1
    said = capsys.readouterr().out
    assert "unbounded: a fair behaviour waits and counts for ever" in said
    assert "the cycle repeats from step" in said
    assert main(before) == 1
    assert "any number of times before the behaviour goes on" in capsys.readouterr().out


def test_a_step_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    begins = ["--from", "exists t in Thread: thread[t] at waiting", "--until", "serving == next"]
    assert main(["measure", TICKET, "--set", "THREADS=1", "--count", "thread", *begins]) == 0
    assert "at most 2 counted steps" in capsys.readouterr().out


def test_no_wait(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", TICKET, "--count", "thread", "--from", "false", "--until", "true"]) == 1
    assert "no wait begins" in capsys.readouterr().out


def test_limits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", TICKET, *OTHERS, *QUEUED, "--states", "20"]) == 3
    assert "more than 20 states" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("count", "begins", "said"),
    [
        ("always taken(thread(t))", "true", "no temporal operators"),
        ("thread", "taken(thread(t))", "no temporal operators"),
        ("thread.nowhere", "true", "no label `nowhere`"),
        ("thread", "serving) || (true", "--from"),
        ("thread", "serving", "--from"),
    ],
)
def test_mistakes(count: str, begins: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["measure", TICKET, "--for", "t in Thread", "--count", count, "--from", begins, "--until", "false"]
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
