"""Small facts about processes that the watchdogs need."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_STACK = 96 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")


def die_with_parent(parent: int) -> None:
    """Makes the kernel kill this process when its parent ``parent`` ends (on Linux)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it ended before the request took effect
        os._exit(1)


def leave_signals_to_parent() -> None:
    """Ignores the signals that a terminal, ``timeout`` or a service manager sends to the whole group: the
    parent coordinates the stop."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def deepen() -> None:
    """Room for recursion over deeply nested expressions (evaluation, pickling).

    The stack of the main thread grows up to the limit in force at the time it grows; Linux keeps at
    least 128 MB of address space free below it, which is why the limit stays under that.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    wanted = _STACK if hard == resource.RLIM_INFINITY else min(_STACK, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_STACK, (wanted, hard))
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 20_000))


def resident(pid: int) -> int:
    """The resident memory of a process in bytes; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return int(fields[1]) * _PAGE if len(fields) > 1 else 0


def descendants(pid: int) -> tuple[int, ...]:
    """The processes below ``pid``, children before grandchildren."""
    found: list[int] = []
    queue = [pid]
    while queue:
        parent = queue.pop(0)
        below = [child for task in _tasks(parent) for child in _children(task)]
        found.extend(below)
        queue.extend(below)
    return tuple(found)


def _tasks(pid: int) -> Iterable[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def _children(task: Path) -> Iterable[int]:
    try:
        return [int(word) for word in (task / "children").read_text().split()]
    except OSError:
        return []


def kill_tree(pid: int) -> None:
    """Kills a child process and everything below it.  The caller still has to wait for ``pid``."""
    for victim in (pid, *descendants(pid)):
        _send(victim, signal.SIGKILL)


def pause_tree(pid: int) -> None:
    """Takes the processor away from a child process and everything below it, the child first: what does not
    run starts no more processes."""
    _send(pid, signal.SIGSTOP)
    for victim in descendants(pid):
        _send(victim, signal.SIGSTOP)


def resume_tree(pid: int) -> None:
    """Ends a pause."""
    for victim in (*reversed(descendants(pid)), pid):
        _send(victim, signal.SIGCONT)


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def signal_text(number: int) -> str:
    """A signal as people know it: ``signal 9 (SIGKILL)``."""
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


def reap(pid: int, patience: float = 1.0) -> int:
    """Waits for a child that is about to end, killing it when it does not; its exit code (negative: a signal)."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    kill_tree(pid)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
