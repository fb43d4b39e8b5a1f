"""The group order in the source of real kernels, as Debian packages it, and faults put into it.

Needs the packages linux-source-6.1 and linux-source-6.12.  Nothing of them is kept.
"""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest
from kspec.cli.main import main
from kspec.conform.source.binding import read
from kspec.conform.source.order import Question, prove
from kspec.resources import shipped

ARCHIVES = Path("/usr/src")
PARTS = ("kernel/events/core.c", "include/linux")
SECONDS = 60.0


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the workers of one run share; the first unpacks."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if folder.name.startswith("popen-") else folder


def tree(folder: Path, version: str) -> Path:
    """The parts of a kernel's source that matter here."""
    archive = ARCHIVES / f"linux-source-{version}.tar.xz"
    if not archive.exists():
        pytest.skip(f"the package linux-source-{version} is not installed")
    root, done = folder / f"linux-source-{version}", folder / f"unpacked-{version}"
    try:
        root.mkdir()
    except FileExistsError:  # another worker is at it
        started = time.monotonic()
        while not done.exists():
            assert time.monotonic() - started < 300, "the other worker does not come to an end"
            time.sleep(0.2)
        return root
    members = [f"{root.name}/{part}" for part in PARTS]
    subprocess.run(["tar", "-xJf", archive, "-C", folder, *members], check=True, timeout=300)
    done.touch()
    return root


def models() -> Path:
    folder = shipped("models")
    assert folder is not None
    return folder / "perf"


BINDINGS = {"6.1": "groups_order_before_v62.toml", "6.12": "groups_order_v62.toml"}


@pytest.mark.parametrize("version", BINDINGS)
def test_the_comparators_are_proved(version: str, unpacked: Path) -> None:
    core = tree(unpacked, version) / PARTS[0]
    outcomes = list(prove(Question(core, read(models() / BINDINGS[version]), seconds=SECONDS)))
    assert [dict(o.config) for o in outcomes] == [{"CONFIG_CGROUP_PERF": True}, {"CONFIG_CGROUP_PERF": False}]
    searches = {"6.1": 1, "6.12": 2}[version]
    for o in outcomes:
        assert [a.status for a in o.answers] == ["proved"] * (2 + searches), o
        assert sum("monotone" in a.text for a in o.answers) == searches


def test_the_designs_differ(unpacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The old tree has no PMU in its key: the new order is another one."""
    core = tree(unpacked, "6.1") / PARTS[0]
    options = ["--function", "perf_event_groups_cmp", "--object", "struct perf_event *e", "--unique", "cgroup_id",
               "--model", str(models() / "groups_order.kspec") + "::order", "--set", "DESIGN=since_v62"]  # fmt: skip
    keys = ("cpu=e->cpu", "pmu=e->pmu", "cgroup=event_cgroup(e) by cgroup_id", "index=e->group_index")
    for key in keys:
        options += ["--key", key]
    assert main(["source", "order", "--file", str(core), "--config", "CONFIG_CGROUP_PERF=y", *options]) == 1
    output = capsys.readouterr().out
    assert "proved   __group_less is a strict weak order" in output
    assert "refuted  __group_less is the order of groups_order.kspec::order (DESIGN = since_v62)" in output


def test_without_assumptions_there_are_counterexamples(unpacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A search without a PMU skips a part of the key, and compares the cgroup after it."""
    core = tree(unpacked, "6.12") / PARTS[0]
    arguments = ["--file", str(core), "--function", "perf_event_groups_cmp", "--config", "CONFIG_CGROUP_PERF=y",
                 "--unique", "cgroup_id", "--given", "struct perf_event *e: e->pmu_ctx->pmu"]  # fmt: skip
    assert main(["source", "order", *arguments]) == 1
    output = capsys.readouterr().out
    assert "refuted  __group_cmp is monotone along __group_less" in output
    assert re.search(r"key .*pmu = NULL", output)
    assert "proved   __group_cmp_ignore_cgroup is monotone" in output


FAULTS = {
    "index before cgroup": (
        r"(?=#ifdef CONFIG_CGROUP_PERF\n\t\{\n)",
        "\tif (left_group_index < right->group_index)\n\t\treturn -1;\n"
        "\tif (left_group_index > right->group_index)\n\t\treturn 1;\n",
    ),
    "less or equal for the cpu": (r"left_cpu < right->cpu", "left_cpu <= right->cpu"),
    "less or equal in the tree": (r"(__node_2_pe\(b\)\)) < 0;", r"\1 <= 0;"),
    "no case for a left cgroup of NULL": (r"if \(!left_cgroup\) \{.*?\}", ""),
    "no case for a right cgroup of NULL": (r"if \(!right_cgroup\) \{.*?\}", ""),
    "cgroups exchanged": (r"cgroup_id\(left_cgroup\) < ", "cgroup_id(left_cgroup) > "),
    "greater cgroups are less": (r"(cgroup_id\(right_cgroup\)\)\s+return -1;\s+)return 1;", r"\1return -1;"),
    "cgroup ids cut short": (
        r"cgroup_id\(left_cgroup\) < cgroup_id\(right_cgroup\)",
        "(u32)cgroup_id(left_cgroup) < (u32)cgroup_id(right_cgroup)",
    ),
    "wildcard with a later key": (r"a->cpu, a->pmu, a->cgroup", "a->cpu, NULL, a->cgroup"),
    "a later key without an earlier one": (r"a->cpu, a->pmu, event_cgroup\(b\)", "b->cpu, a->pmu, event_cgroup(b)"),
    "wrong field": (r"left_cpu > right->cpu", "left_cpu > right->oncpu"),
    "index cut short": (r"const u64 left_group_index", "const int left_group_index"),
    "cpu without its sign": (r"const int left_cpu", "const unsigned int left_cpu"),
    "no index": (r"\tif \(left_group_index < .*?return 1;\n", ""),
    "difference of indices": (
        r"\tif \(left_group_index < .*?return 0;", "\treturn (int)(left_group_index - right->group_index);"
    ),
    "the PMU of the event": (r"e->cpu, e->pmu_ctx->pmu,", "e->cpu, e->pmu,"),
}  # fmt: skip


def faulty(core: Path, name: str) -> str:
    """The text of core.c with a fault in the comparison functions."""
    text = core.read_text("utf-8", "replace")
    start, end = text.index("perf_event_groups_cmp(const int"), text.index("perf_event_groups_insert(struct")
    pattern, replacement = FAULTS[name]
    changed, count = re.subn(pattern, replacement, text[start:end], count=1, flags=re.DOTALL)
    assert count == 1, "the source has changed"
    return text[:start] + changed + text[end:]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_refuted_with_values(name: str, unpacked: Path, tmp_path: Path) -> None:
    root = tree(unpacked, "6.12")
    copy = tmp_path / "core.c"
    copy.write_text(faulty(root / PARTS[0], name))
    question = Question(
        copy, read(models() / BINDINGS["6.12"]), (root / "include",), {"CONFIG_CGROUP_PERF": True}, SECONDS
    )
    (outcome,) = prove(question)
    refuted = [a for a in outcome.answers if a.status == "refuted"]
    assert refuted, outcome
    assert all(a.rows and a.outcomes for a in refuted)
