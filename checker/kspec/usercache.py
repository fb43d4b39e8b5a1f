"""Where this user's cache is, and whether a directory in it can be trusted.

What is kept there (``$XDG_CACHE_HOME/kspec``, ``~/.cache/kspec``) is taken for the program's own work:
compiled explorers are loaded as code, tables of the parser decide how models are read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path


def location(kind: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where things of a kind are, by the XDG base directory specification (relative paths there do not
    count)."""
    base = environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if base.startswith("/") else Path(environ.get("HOME", "/nonexistent")) / ".cache"
    return root / "kspec" / kind


def usable(path: Path) -> bool:
    """Makes the directory if need be; whether it and its parent are this user's alone to write."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for directory in (path.parent, path):
            if not _own(directory.lstat(), stat.S_IFDIR):
                return False
        if stat.S_IMODE(path.stat().st_mode) != 0o700:
            path.chmod(0o700)
        return os.access(path, os.W_OK | os.X_OK)
    except OSError:
        return False


def trusted(path: Path) -> bool:
    """Whether a file is there, is this user's, and nobody else can write to it."""
    try:
        return _own(path.lstat(), stat.S_IFREG)
    except OSError:
        return False


def _own(info: os.stat_result, kind: int) -> bool:
    return stat.S_IFMT(info.st_mode) == kind and info.st_uid == os.geteuid() and not info.st_mode & 0o022
