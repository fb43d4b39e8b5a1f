"""The library `std`: every module loads where there is no project, its procedures do what they say, and the models that
show them call all of it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from cli.command import KSPEC, environment
from kspec.engine.protocol import Budget, Goals, Progress
from kspec.interp.explore import InterpEngine
from kspec.lang.load import LIBRARY, load
from kspec.lower.build import build, cases
from kspec.system.check import Case

ROOT = Path(__file__).parents[2]
STD = LIBRARY / "std"
MODULES = sorted(p.stem for p in STD.glob("*.kspec"))
DECLARED = re.compile(r"^(?:proc|fun) (\w+)\(", re.MULTILINE)
ASSERTED = re.compile(r"^ *(?:atomic \{ *)?assert (\w+):", re.MULTILINE)
BUDGET = Budget(states=50_000, seconds=60)
REST = Path(__file__).parent / "rest.txt"


class _Quiet:
    """A control block that nobody watches."""

    def cancelled(self) -> bool:
        return False

    def report(self, progress: Progress) -> None:
        pass


def _models() -> list[Path]:
    return [*sorted((ROOT / "models" / "std").glob("*.kspec")), REST]


def test_the_modules_are_there() -> None:
    assert {"cpu", "lock", "slab", "refcount", "rcu", "srcu", "work", "hrtimer"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_found_from_anywhere(module: str, tmp_path: Path) -> None:
    """All its names can be used, in a folder without a kspec.toml, and it has no actions but those of its devices."""
    names = DECLARED.findall((STD / f"{module}.kspec").read_text("utf-8"))
    model = tmp_path / "mine.kspec"
    model.write_text(f"kspec 1\nuse std.{module}: {', '.join(names)};\nvar mine: bool;\n", "utf-8")
    system = build(load(model), {})
    taken = {a.name.partition("(")[0] for a in system.actions}
    assert taken <= {"irq_enter", "softirq_enter", "sched_switch", "sched_migrate", "rcu_kfree", "hrtimer_expires"}


@pytest.mark.parametrize("case", cases(load(REST)), ids=lambda c: c.name)
def test_procedures_and_their_properties(case: Case) -> None:
    system = build(load(REST), dict(case.params))
    result = InterpEngine().check(system, Goals(everything=True), BUDGET, _Quiet())
    found = {f.property for f in result.findings if f.run is not None}
    expected = case.expect.property
    assert found == ({expected} if expected else set())


def test_all_of_it_is_used_and_every_property_is_violated_somewhere() -> None:
    """No procedure without a model that calls it, and no assertion without a check that it fails in."""
    texts = {p: p.read_text("utf-8") for p in [*_models(), *STD.glob("*.kspec")]}
    every = "\n".join(re.sub(r"//.*", "", t) for t in texts.values())
    called = set(re.findall(r"\b(\w+)\(", re.sub(r"\b(?:proc|fun) \w+\(", "", every)))
    violated = {c.expect.property for p in _models() for c in cases(load(p)) if c.expect.property}
    for module in MODULES:
        text = texts[STD / f"{module}.kspec"]
        assert set(DECLARED.findall(text)) - called == set(), module
        assert set(ASSERTED.findall(text)) - violated == set(), module


def test_the_reference_names_all_of_it() -> None:
    page = (ROOT / "spec" / "std.md").read_text("utf-8")
    for module in MODULES:
        text = (STD / f"{module}.kspec").read_text("utf-8")
        params = re.findall(r"^param (\w+)", text, re.MULTILINE)
        for name in [*params, *ASSERTED.findall(text)]:
            assert f"`{name}`" in page, (module, name)


def test_from_the_command_line(tmp_path: Path) -> None:
    """As a user has it: a copy of a model in a folder of one's own."""
    text = (ROOT / "models" / "std" / "irq_deadlock.kspec").read_text("utf-8")
    (tmp_path / "mine.kspec").write_text(text, "utf-8")
    done = subprocess.run(
        [*KSPEC, "check", "mine.kspec::plain", "--engine", "interp"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "violated lock_self_deadlock in 6 steps" in done.stdout
