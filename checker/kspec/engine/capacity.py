"""How much of the machine a run may use: cores and memory, within what the control groups allow.

Sources: ``/proc/meminfo``, the scheduler affinity mask, and the cgroup v2 files ``memory.max``,
``memory.current``, ``memory.stat`` and ``cpu.max`` of this process's group and every group above it
(Documentation/admin-guide/cgroup-v2.rst).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_SHARE = 0.75
_UNLIMITED = 1 << 62


@dataclass(frozen=True)
class Share:
    """What one of several parallel checks may use: bytes and threads."""

    memory: int
    threads: int


def cores(root: Path = Path("/")) -> int:
    """The number of cores this process may use, at least one."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for group in _groups(root):
        quota, _, period = _read(group / "cpu.max").partition(" ")
        if quota.isdecimal() and period.isdecimal() and int(period) > 0:
            count = min(count, max(1, int(quota) // int(period)))
    return max(1, count)


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that can still be used: what the system has available, or less where a control group says so."""
    free = _available(root)
    for group in _groups(root):
        limit = _read(group / "memory.max")
        if limit.isdecimal():
            used = int(_read(group / "memory.current") or "0")
            free = min(free, max(0, int(limit) - used + _reclaimable(group, "inactive_file")))
    return min(free, _free_in_version_1(root))


def _free_in_version_1(root: Path) -> int:
    """What the memory controller of cgroup version 1 allows (Documentation/admin-guide/cgroup-v1/memory.rst);
    in a container its own group is the root of what is mounted."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "memory" in controllers.split(","):
            base = root / "sys/fs/cgroup/memory"
            for group in (base / path.strip().lstrip("/"), base):
                limit = _read(group / "memory.limit_in_bytes")
                if limit.isdecimal():
                    used = int(_read(group / "memory.usage_in_bytes") or "0")
                    return max(0, int(limit) - used + _reclaimable(group, "total_inactive_file"))
    return _UNLIMITED


def memory_budget(asked: int | None, root: Path = Path("/")) -> int:
    """The bytes that all checks of a run share: what was asked for, else 75 % of what is free."""
    return asked if asked is not None else int(free_memory(root) * _SHARE)


def divide(memory: int, total_cores: int, parallel: int) -> Share:
    """The share of each of ``parallel`` checks that run at the same time."""
    return Share(memory // max(1, parallel), max(1, total_cores // max(1, parallel)))


def _available(root: Path) -> int:
    for line in _read(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


def _groups(root: Path) -> tuple[Path, ...]:
    """This process's cgroup v2 directory and its ancestors, nearest first; empty without cgroup v2."""
    base = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        if line.startswith("0::/"):
            group = base / line[len("0::/") :].strip().lstrip("/")
            chain = [group, *group.parents]
            return tuple(g for g in chain if g == base or base in g.parents)
    return ()


def _reclaimable(group: Path, key: str) -> int:
    """Page cache that the kernel gives back before it refuses memory."""
    for line in _read(group / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name == key and value.isdecimal():
            return int(value)
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
