"""The tour of the README does what it says."""

from __future__ import annotations

import re
from pathlib import Path

from cli.command import kspec

README = Path(__file__).parents[2] / "README.md"


def test_the_tour(tmp_path: Path) -> None:
    text = README.read_text()
    found = re.search(r"```kspec\n(.*?)```", text, re.DOTALL)
    assert found
    model = found[1]
    (tmp_path / "hits.kspec").write_text(model)
    (tmp_path / "typo.kspec").write_text(model.replace("seen + 1", "sen + 1"))
    checked = kspec("check", "hits.kspec", cwd=tmp_path)
    assert checked.returncode == 0
    (trace,) = (tmp_path / ".kspec" / "traces").iterdir()
    name = f".kspec/traces/{trace.name}"
    assert name in text, "the trace has another name now"
    table = [line for line in kspec("show", name, cwd=tmp_path).stdout.splitlines() if line.strip()]
    shown = {line.strip() for line in text.splitlines()}
    missing = [line for line in table if line.strip() not in shown]
    assert not missing, "the README shows another trace"
    assert "REPRODUCES" in kspec("replay", name, cwd=tmp_path).stdout
    assert kspec("keep", name, "--must-stay", "possible", cwd=tmp_path).returncode == 0
    wrong = kspec("check", "typo.kspec::racy", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "did you mean `seen`?" in wrong.stdout + wrong.stderr
    assert "proved" in kspec("check", "hits.kspec::safe", "--engine", "kinduction", cwd=tmp_path).stdout
