"""``kspec certify``: proofs that are saved, printed, checked again, and written for other solvers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cli.command import kspec, lock

TWO = "check two { TASKS = 2 } expect holds;"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of a lock, in a folder with its model."""
    folder = tmp_path_factory.mktemp("certify")
    lock(folder, TWO)
    result = kspec("check", "lock.kspec", "--engine", "pdr", "--save-traces", "proofs", cwd=folder)
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = (folder / "proofs").glob("*.certificate.json")
    return path


def test_a_proof_stands(saved: Path) -> None:
    result = kspec("certify", str(saved), cwd=saved.parents[1])
    assert result.returncode == 0, result.stderr
    assert "model        lock.kspec, check two" in result.stdout
    assert "stands: " in result.stdout and "mutex" in result.stdout
    assert "forall t" in result.stdout
    assert "true of all 3 states that can be reached" in result.stdout
    brief = kspec("certify", "--brief", "--states", "0", str(saved), cwd=saved.parents[1])
    assert "forall t" not in brief.stdout and "can be reached" not in brief.stdout


def test_other_solvers_refute_it_too(saved: Path) -> None:
    z3 = Path(sys.executable).with_name("z3")
    if not z3.exists():
        pytest.skip("z3 is not installed")
    result = kspec("certify", "--brief", "--smt", str(saved), cwd=saved.parents[1])
    assert result.returncode == 0
    run = [str(z3), "-T:60", str(saved.with_suffix(".smt2"))]
    answers = subprocess.run(run, capture_output=True, text=True, timeout=90).stdout.split()
    assert answers and set(answers) == {"unsat"}
    assert f"{len(answers)} questions" in result.stdout


def test_a_proof_that_lost_a_clause_does_not_stand(saved: Path, tmp_path: Path) -> None:
    item = json.loads(saved.read_text())
    item["layers"][-1]["clauses"] = []
    (tmp_path / "lock.kspec").write_bytes((saved.parents[1] / "lock.kspec").read_bytes())
    weak = tmp_path / "weak.certificate.json"
    weak.write_text(json.dumps(item))
    result = kspec("certify", str(weak), cwd=tmp_path)
    assert result.returncode == 1
    assert "does not stand: layer" in result.stdout


def test_a_proof_of_another_model_does_not_stand(saved: Path, tmp_path: Path) -> None:
    lock(tmp_path, TWO, "invariant more: true;")
    result = kspec("certify", str(saved), "--model", "lock.kspec", cwd=tmp_path)
    assert result.returncode == 1
    assert "does not stand: the model has changed since" in result.stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not a text"),
        (b"{}", "lacks format"),
        (b'{"format": "x", "version": 1, "system": {}}', "x 1 is not"),
        (b'{"format": "kspec-certificate", "version": 1, "system": {"name": "a", "hash": "0", "parameters": {}}}',
         "names no model"),
    ],
)  # fmt: skip
def test_wrong_files(tmp_path: Path, text: bytes, says: str) -> None:
    (tmp_path / "x.json").write_bytes(text)
    result = kspec("certify", "x.json", cwd=tmp_path)
    assert result.returncode == 2
    assert "x.json" in result.stderr and says in result.stderr


def test_the_gravest_code_counts(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    result = kspec("certify", "--brief", str(saved), str(tmp_path / "x.json"), cwd=saved.parents[1])
    assert result.returncode == 2 and "stands" in result.stdout
    assert kspec("certify", "nothing.json", cwd=tmp_path).returncode == 2


def test_explaining_what_is_proved_and_what_is_not(tmp_path: Path) -> None:
    lock(tmp_path, TWO)
    done = kspec("check", "lock.kspec", "--engine", "pdr", "--explain", cwd=tmp_path)
    assert "lock.kspec, check two: proof" in done.stdout and "=> mutex" in done.stdout
    bare = ("--engine", "kinduction", "--depth", "0", "--no-mining")
    left = kspec("check", "lock.kspec", *bare, "--explain", cwd=tmp_path)
    assert left.returncode == 3
    told = left.stdout[left.stdout.index("what keeps it from being proved") :]
    assert "mutex is not inductive" in told
    assert "1  lock(t = Task#" in told and "owner: none -> Task#" in told
    assert "lemma NAME: forall t in Task: owner == none => !inside[t];" in told


def test_a_proposed_lemma_can_complete_the_proof(tmp_path: Path) -> None:
    lock(tmp_path, TWO, "lemma held: forall t in Task: inside[t] => owner == t;")
    done = kspec("check", "lock.kspec", "--engine", "kinduction", cwd=tmp_path)
    assert done.returncode == 0 and "proved" in done.stdout
