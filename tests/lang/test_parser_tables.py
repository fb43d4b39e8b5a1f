"""Tables of the parser in the user's cache: equal to built ones, and never trusted blindly."""

from __future__ import annotations

import os
from pathlib import Path

from kspec.lang.tables import parser

GRAMMAR = """
start: "sum" expr ";"
expr: NUMBER ("+" NUMBER)*
NUMBER: /[0-9]+/
%ignore " "
"""
TEXT = "sum 1 + 22 + 3;"


def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path)}


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "kspec/parser").iterdir())


def test_kept_and_read(tmp_path: Path) -> None:
    """The second parser comes from the file and gives the same trees with the same places."""
    built = parser(GRAMMAR, "start", environ(tmp_path))
    (kept,) = files(tmp_path)
    before = kept.stat().st_mtime_ns
    read = parser(GRAMMAR, "start", environ(tmp_path))
    assert kept.stat().st_mtime_ns == before
    assert read.source_path == "<deserialized>"
    one, two = built.parse(TEXT), read.parse(TEXT)
    assert one == two
    assert one.meta.end_column == two.meta.end_column == len(TEXT) + 1


def test_other_grammar_other_file(tmp_path: Path) -> None:
    """The text of the grammar and the start rule name the file; old ones go."""
    parser(GRAMMAR, "start", environ(tmp_path))
    parser(GRAMMAR, "expr", environ(tmp_path))
    assert len(files(tmp_path)) == 2
    for n in range(10):
        parser(GRAMMAR + f"A{n}: /a/\n", "start", environ(tmp_path))
    assert len(files(tmp_path)) == 8


def test_damage(tmp_path: Path) -> None:
    """A flipped bit, a cut file: built anew."""
    parser(GRAMMAR, "start", environ(tmp_path))
    (kept,) = files(tmp_path)
    good = kept.read_bytes()
    for bad in (good[:-1], b"", good[:40] + bytes([good[40] ^ 1]) + good[41:]):
        kept.write_bytes(bad)
        assert parser(GRAMMAR, "start", environ(tmp_path)).parse(TEXT)
        assert parser(GRAMMAR, "start", environ(tmp_path)).source_path == "<deserialized>"


def test_not_trusted(tmp_path: Path) -> None:
    """A file or a directory that others may write to is not read; without a directory nothing is kept."""
    parser(GRAMMAR, "start", environ(tmp_path))
    (kept,) = files(tmp_path)
    os.chmod(kept, 0o666)
    assert parser(GRAMMAR, "start", environ(tmp_path)).source_path != "<deserialized>"
    os.chmod(tmp_path / "kspec", 0o777)
    assert parser(GRAMMAR, "start", environ(tmp_path)).source_path != "<deserialized>"
    (tmp_path / "file").write_text("")
    assert parser(GRAMMAR, "start", {"XDG_CACHE_HOME": str(tmp_path / "file")}).parse(TEXT)
