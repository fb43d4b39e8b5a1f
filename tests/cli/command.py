"""Runs the real command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

KSPEC = (sys.executable, "-P", "-c", "import sys; from kspec.cli.main import main; sys.exit(main())")

LOCK = """kspec 1
param TASKS: 1..3 = 2;
param broken: bool = false;
id Task[TASKS];
var owner: Task?;
var inside[Task]: bool;

action lock(t: Task) when owner == none || broken {
    owner = t;
    inside[t] = true;
}
action unlock(t: Task) when inside[t] {
    owner = none;
    inside[t] = false;
}

invariant mutex: count(t in Task where inside[t]) <= 1, "{owner} owns";
reachable busy: owner != none;
"""

LARGE = """kspec 1
var x[0..9]: 0..9;
action up(i: 0..9) when x[i] < 9 { x[i] = x[i] + 1; }
invariant small: x[0] <= 9;
deadlock off;
"""
"""Ten to the tenth states: no engine is through with it within a test."""


def environment(**more: str) -> dict[str, str]:
    """The environment without what would change the output."""
    plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "GITHUB_ACTIONS")}
    return plain | {"TERM": "xterm-256color", "COLUMNS": "100"} | more


def kspec(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, timeout: float = 240
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        [*KSPEC, *arguments],
        cwd=cwd,
        env=dict(env or environment()),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@contextmanager
def started(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A command that runs while the block does; what is left of it at the end is killed."""
    run = subprocess.Popen(
        [*KSPEC, *arguments],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with run:
        try:
            yield run
        finally:
            if run.poll() is None:
                run.kill()


def lock(folder: Path, *checks: str, name: str = "lock.kspec") -> Path:
    """Writes the lock with these checks and scenarios."""
    path = folder / name
    path.write_text(LOCK + "\n".join(checks) + "\n")
    return path
