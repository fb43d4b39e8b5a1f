"""``kspec cache``: what kspec keeps for this user between runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click

from kspec import usercache
from kspec.cli.screen import Screen, console
from kspec.engine import checkpoints
from kspec.engine.checkpoints import Kept
from kspec.engine.verdict import count
from kspec.explicit.cache import LIMIT, Cache, location
from kspec.lang.diagnostics import visible
from kspec.report.words import ago, size

MOST = 20
_WIDE = 64
TABLES = "parser"


@click.command("cache", short_help="Show or clear what is kept between runs.")
@click.option("--clear", is_flag=True, help="Remove compiled code and parser tables; they are made again when needed.")
@click.option("--clear-checkpoints", is_flag=True, help="Remove all checkpoints, except of running searches.")
@click.option("--all", "everything", is_flag=True, help=f"List all entries, not only the {MOST} used last.")
@click.option(
    "--checkpoint-dir", type=click.Path(file_okay=False), metavar="DIR",
    help="Where checkpoints are.  [default: ~/.cache/kspec/checkpoints]",
)  # fmt: skip
def command(clear: bool, clear_checkpoints: bool, everything: bool, checkpoint_dir: str | None) -> int:
    """Lists compiled code, parser tables and checkpoints: how large, how old, and what for.

    All of it is in $XDG_CACHE_HOME/kspec (~/.cache/kspec), for its owner only, and can be removed at any time;
    a search whose checkpoint is removed has to start anew.
    """
    screen = Screen(console())
    code = Cache(location(os.environ))
    tables = usercache.location(TABLES)
    saved = Path(checkpoint_dir) if checkpoint_dir is not None else checkpoints.location()
    if clear:
        screen.print(f"removed: {count(code.clear(), 'file')} of compiled code")
        screen.print(f"removed: {count(_remove(tables), 'parser table')}")
    if clear_checkpoints:
        screen.print(f"removed: {count(checkpoints.clear(saved), 'checkpoint')}")
    if not clear and not clear_checkpoints:
        for line in (*_code(code, everything), *_tables(tables), *_checkpoints(saved)):
            screen.print(line)
    return 0


def _code(cache: Cache, everything: bool) -> Iterator[str]:
    entries = cache.entries(noted=True) if cache.path.is_dir() else ()
    total = size(sum(e.size for e in entries))
    head = f"compiled code, at most {size(LIMIT)}" if entries else "compiled code"
    yield f"{head}: {count(len(entries), 'file')}, {total} in {visible(str(cache.path))}"
    for e in entries if everything else entries[:MOST]:
        yield f"  {size(e.size):>8}  {ago(e.used):<12}  {_cut(e.made_for) or 'not known what for'}"
    if len(entries) > MOST and not everything:
        yield f"  {len(entries) - MOST} more (--all)"


def _cut(text: str) -> str:
    text = visible(text)
    return text if len(text) <= _WIDE else text[: _WIDE - 3] + "..."


def _tables(folder: Path) -> Iterator[str]:
    sizes = [p.stat().st_size for p in _files(folder)]
    yield f"parser tables: {count(len(sizes), 'file')}, {size(sum(sizes))} in {visible(str(folder))}"


def _files(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(p for p in folder.iterdir() if p.is_file() and not p.is_symlink())
    return []


def _remove(folder: Path) -> int:
    gone = 0
    for path in _files(folder):
        with suppress(OSError):
            path.unlink()
            gone += 1
    return gone


def _checkpoints(root: Path) -> Iterator[str]:
    found = list(checkpoints.every_one(root))
    whole = sum(k.size for k in found if isinstance(k, Kept))
    yield f"checkpoints: {len(found)}, {size(whole)} in {visible(str(root))}"
    for k in found:
        if isinstance(k, Kept):
            model, check = k.about.get("model", "?"), k.about.get("check", "?")
            what = f"{count(k.states, 'state')} up to depth {k.depth} of {visible(model)}::{visible(check)}"
            yield f"  {size(k.size):>8}  {ago(k.written):<12}  {what}"
        else:
            yield f"  {'':>8}  {'not complete':<12}  {visible(k.name)}"
