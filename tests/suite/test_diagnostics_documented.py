"""Every diagnostic code is documented, and exercised by a file of the suite or a test."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GIVEN = re.compile(r'"([EW]0\d{3})"')
ANY = re.compile(r"\b[EW]0\d{3}\b")


def given() -> set[str]:
    """The codes that the program can give."""
    return {code for p in (ROOT / "checker").rglob("*.py") for code in GIVEN.findall(p.read_text("utf-8"))}


def test_there_are_many() -> None:
    assert len(given()) >= 40


def test_documented() -> None:
    text = (ROOT / "spec" / "diagnostics.md").read_text("utf-8")
    rows = {m[1]: m[0] for m in re.finditer(r"^\| ([EW]0\d{3}) \| .* \|$", text, re.MULTILINE)}
    assert set(rows) == given()
    assert all(row.count(" | ") >= 3 for row in rows.values()), "meaning, example, what to do"


def test_exercised() -> None:
    expected = re.compile(r"^// expect: error ([EW]0\d{3}) at", re.MULTILINE)
    tried = {c for p in (ROOT / "spec" / "suite").glob("*.kspec") for c in expected.findall(p.read_text("utf-8"))}
    for folder in ("lang", "export", "cli", "source", "refinement"):
        tried |= {c for p in (ROOT / "tests" / folder).glob("*.py") for c in ANY.findall(p.read_text("utf-8"))}
    assert given() - tried == set()
