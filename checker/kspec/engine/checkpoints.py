"""Checkpoints of checks: where they are, what they are of, and whether a run may go on from one.

Each check has a folder of its own below ``$XDG_CACHE_HOME/kspec/checkpoints`` (or where the user says).
They are not kept beside the model: states are read back as they are, so whoever gives somebody a model
must not be able to give a checkpoint along with it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from kspec import __version__, usercache
from kspec.explicit.checkpoint import FILES, HEADER, LOCK, remove
from kspec.lang.diagnostics import Diagnostic, Failed
from kspec.lang.source import Span
from kspec.system.check import Case
from kspec.system.model import System

KIND = "checkpoints"
EVERY = 300.0
"""Seconds between two checkpoints of a search."""
_DAY = 86400.0


@dataclass(frozen=True)
class Checkpoints:
    """How a run keeps checkpoints: below which folder, every so many seconds, whether it goes on from them.

    ``folder`` and ``about`` are those of one check: see :func:`of_check`.
    """

    root: Path
    every: float = EVERY
    resume: bool = False
    folder: Path | None = None
    about: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Kept:
    """A checkpoint on disk: states and levels that it has, bytes, when it was written (seconds since the
    epoch), and what it is of."""

    folder: Path
    states: int
    depth: int
    size: int
    written: float
    about: Mapping[str, str]


class UnreadableError(Exception):
    """A checkpoint cannot be read; the text says why."""


def location(environ: Mapping[str, str] = os.environ) -> Path:
    """Where checkpoints are unless the user says otherwise."""
    return usercache.location(KIND, environ)


def folder_of(root: Path, model: str, check: str) -> Path:
    """The folder of one check of a model file."""
    file = os.path.realpath(model)
    digest = hashlib.blake2b(f"{file}\0{check}".encode(errors="surrogateescape"), digest_size=6).hexdigest()
    words = (re.sub(r"[^A-Za-z0-9_.]+", "_", w)[:40].strip("._") for w in (Path(file).stem, check))
    return root / "-".join((*(w or "x" for w in words), digest))


def of_check(
    wanted: Checkpoints, model: str, case: Case, place: Span | None, system: System, options: Mapping[str, str]
) -> Checkpoints:
    """What a run of this check keeps.

    Raises Failed when it is to go on from a checkpoint that is of something else or cannot be read: the
    model, its parameters, the options that change what is counted, or kspec itself have changed.
    """
    about = (
        ("model", os.path.realpath(model)),
        ("check", case.name),
        ("parameters", ", ".join(f"{n} = {v}" for n, v in system.params)),
        ("system", system.hash),
        *sorted(options.items()),
        ("kspec", __version__),
    )
    folder = folder_of(wanted.root, model, case.name)
    if wanted.resume:
        try:
            kept = read(folder)
        except UnreadableError as e:
            raise _refused("E0802", f"the checkpoint of check `{case.name}` {e}", place, system) from None
        changed = differences(kept.about, dict(about)) if kept is not None else ()
        if changed:
            headline = f"the checkpoint of check `{case.name}` is of something else: {'; '.join(changed)}"
            raise _refused("E0801", headline, place, system)
    return replace(wanted, folder=folder, about=about)


def _refused(code: str, headline: str, place: Span | None, system: System) -> Failed:
    return Failed([Diagnostic(code, headline, place, help="start anew: leave out --resume")], system.sources)


def differences(kept: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """How what a checkpoint is of differs from what it should be of, in words; empty when it does not."""
    out = [
        f"{name} {kept.get(name) or 'none'} then, {value or 'none'} now"
        for name, value in now.items()
        if name != "system" and kept.get(name) != value
    ]
    if not out and kept.get("system") != now["system"]:
        out.append("the model has changed")
    return tuple(out)


def read(folder: Path) -> Kept | None:
    """The checkpoint in a folder, None when there is none; raises UnreadableError."""
    path = folder / HEADER
    try:
        header = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as e:
        raise UnreadableError(f"in {folder} cannot be read ({type(e).__name__})") from None
    try:
        if not (usercache.trusted(path) and all(usercache.trusted(folder / f) for f in FILES)):
            raise UnreadableError(f"in {folder} has files that are not this user's alone")
        about = {str(k): str(v) for k, v in header["about"].items()}
        size = sum((folder / f).stat().st_size for f in FILES)
        depth = max(0, len(header["starts"]) - 2)
        return Kept(folder, int(header["count"]), depth, size, float(header["written"]), about)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise UnreadableError(f"in {folder} cannot be read ({type(e).__name__})") from None


def every_one(root: Path) -> Iterator[Kept | Path]:
    """All checkpoints below a folder; the folder alone of one that cannot be read or is not complete."""
    with suppress(OSError):
        for folder in sorted(root.iterdir()):
            if folder.is_dir() and not folder.is_symlink():
                with suppress(UnreadableError):
                    yield read(folder) or folder
                    continue
                yield folder


def tidy(root: Path) -> None:
    """Removes what nobody can go on from: checkpoints of model files that are gone, and what a killed run left
    before its first checkpoint was complete (after a day)."""
    for found in list(every_one(root)):
        with suppress(OSError):
            if isinstance(found, Kept):
                useless = not os.path.exists(found.about.get("model", "/"))
            else:
                useless = time.time() - found.stat().st_mtime > _DAY
            if useless:
                discard(found.folder if isinstance(found, Kept) else found)


def discard(folder: Path) -> bool:
    """Removes a checkpoint unless a run is using it; whether it is gone."""
    try:
        fd = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return not folder.exists()
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        remove(folder)
        return True
    finally:
        os.close(fd)


def clear(root: Path) -> int:
    """Removes all checkpoints below a folder that no run is using; how many went."""
    return sum(discard(k.folder if isinstance(k, Kept) else k) for k in list(every_one(root)))
