"""Cores and memory, within control groups."""

from __future__ import annotations

from pathlib import Path

from kspec.engine import capacity

MB = 1 << 20


def machine(root: Path, group: str = "/a/b") -> Path:
    (root / "proc" / "self").mkdir(parents=True)
    (root / "proc" / "meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable: 4194304 kB\n")
    (root / "proc" / "self" / "cgroup").write_text(f"0::{group}\n")
    (root / "sys/fs/cgroup/a/b").mkdir(parents=True)
    return root


def limit(root: Path, group: str, name: str, text: str) -> None:
    (root / "sys/fs/cgroup" / group / name).write_text(text + "\n")


def test_without_limits_it_is_what_the_system_has(tmp_path: Path) -> None:
    assert capacity.free_memory(machine(tmp_path)) == 4096 * MB


def test_the_nearest_limit_counts(tmp_path: Path) -> None:
    root = machine(tmp_path)
    limit(root, "a/b", "memory.max", "max")
    limit(root, "a", "memory.max", str(1000 * MB))
    limit(root, "a", "memory.current", str(600 * MB))
    assert capacity.free_memory(root) == 400 * MB
    limit(root, "a", "memory.stat", f"anon 1\ninactive_file {100 * MB}")
    assert capacity.free_memory(root) == 500 * MB
    limit(root, "a/b", "memory.max", str(50 * MB))
    assert capacity.free_memory(root) == 50 * MB


def test_a_group_that_is_full_leaves_nothing(tmp_path: Path) -> None:
    root = machine(tmp_path)
    limit(root, "a/b", "memory.max", str(10 * MB))
    limit(root, "a/b", "memory.current", str(20 * MB))
    assert capacity.free_memory(root) == 0


def test_a_cpu_quota_counts(tmp_path: Path) -> None:
    root = machine(tmp_path)
    before = capacity.cores(root)
    limit(root, "a", "cpu.max", "max 100000")
    assert capacity.cores(root) == before
    limit(root, "a", "cpu.max", "100000 100000")
    assert capacity.cores(root) == 1
    limit(root, "a", "cpu.max", "50000 100000")
    assert capacity.cores(root) == 1


def test_a_path_that_leads_out_of_the_tree_is_harmless(tmp_path: Path) -> None:
    assert capacity.free_memory(machine(tmp_path, "/../../..")) == 4096 * MB


def test_what_parallel_checks_share() -> None:
    assert capacity.divide(900, 8, 3) == capacity.Share(300, 2)
    assert capacity.divide(900, 2, 4) == capacity.Share(225, 1)
    assert capacity.memory_budget(7) == 7
    assert capacity.memory_budget(None) > 0


def test_version_1_of_control_groups(tmp_path: Path) -> None:
    root = machine(tmp_path)
    (root / "proc" / "self" / "cgroup").write_text("4:memory:/elsewhere\n0::/\n")
    (root / "sys/fs/cgroup/memory").mkdir()
    (root / "sys/fs/cgroup/memory/memory.limit_in_bytes").write_text(f"{300 * MB}\n")
    (root / "sys/fs/cgroup/memory/memory.usage_in_bytes").write_text(f"{100 * MB}\n")
    assert capacity.free_memory(root) == 200 * MB
