"""The parser, from tables that an earlier run left in the user's cache, or built from the grammar.

Building the tables takes ten times as long as reading them, and longer than checking a small model.  They
depend on the grammar and on the versions of lark and Python alone, which name the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import lark
from lark import Lark

from kspec import usercache

_DIGEST = 32
_KEPT = 8
"""Files that stay: two for each version of the grammar that is in use here."""


def parser(grammar: str, start: str, environ: Mapping[str, str] = os.environ) -> Lark:
    """The LALR parser of a grammar from a start rule.  A cache that cannot be used, or what in it is
    damaged, costs time only."""
    directory = usercache.location("parser", environ)
    path = directory / f"{_key(grammar, start)}.tables"
    found = _read(path)
    if found is not None:
        return found
    made = Lark(grammar, parser="lalr", start=start, propagate_positions=True, maybe_placeholders=True)
    if usercache.usable(directory):
        _write(path, made)
    return made


def _key(grammar: str, start: str) -> str:
    h = hashlib.sha256()
    for part in (grammar, start, lark.__version__, sys.version):
        h.update(len(part.encode()).to_bytes(8, "little"))
        h.update(part.encode())
    return h.hexdigest()[:40]


def _read(path: Path) -> Lark | None:
    if not (usercache.trusted(path) and usercache.usable(path.parent)):
        return None
    try:
        data = path.read_bytes()
        if hashlib.sha256(data[_DIGEST:]).digest() == data[:_DIGEST]:
            loaded: Lark = Lark.load(io.BytesIO(data[_DIGEST:]))
            return loaded
    except Exception:  # whatever is wrong with it, the grammar is there
        pass
    return None


def _write(path: Path, made: Lark) -> None:
    out = io.BytesIO()
    made.save(out)
    data = out.getvalue()
    with contextlib.suppress(OSError):
        fd, name = tempfile.mkstemp(prefix="tmp-", dir=path.parent)
        try:
            with os.fdopen(fd, "wb") as f:
                f.write(hashlib.sha256(data).digest() + data)
            os.replace(name, path)
        except OSError:
            os.unlink(name)
            raise
        by_age = sorted(path.parent.iterdir(), key=lambda p: -p.lstat().st_mtime)
        for old in by_age[_KEPT:]:
            old.unlink()
