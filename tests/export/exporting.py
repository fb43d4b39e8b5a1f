"""What the tests of exports share: the systems, the oracle, and running other tools."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from kspec.engine.protocol import Budget, Goals, Progress
from kspec.interp.explore import InterpEngine
from kspec.lang.diagnostics import Failed
from kspec.lang.load import load
from kspec.lower.build import build, cases
from kspec.system.effects import obligations
from kspec.system.model import System
from suite.suite_files import directives, files

ROOT = Path(__file__).parents[2]
SOAK = bool(os.environ.get("KSPEC_SOAK"))

STATES = 50_000 if SOAK else 600
"""Models with more states are left out."""


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skips a test where a program is missing."""
    missing = [p for p in programs if shutil.which(p) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


def run(*command: str | Path, cwd: Path, timeout: float = 120) -> str:
    """What a program prints; fails when it does not end well."""
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


class Quiet:
    """A control block that nobody watches."""

    def cancelled(self) -> bool:
        return False

    def report(self, progress: Progress) -> None:
        pass


@dataclass(frozen=True)
class Truth:
    """What the interpreter says: the length of the shortest violation (or witness) of everything that has one."""

    lengths: dict[str, int]
    states: int
    depth: int


def truth(system: System, states: int = STATES) -> Truth | None:
    """The truth about a system; None when it has too many states."""
    safety = replace(system, properties=tuple(p for p in system.properties if p.kind != "property"))
    result = InterpEngine().check(safety, Goals(everything=True), Budget(states=states), Quiet())
    if result.status != "exhausted" or result.evidence is None:
        return None
    shown = (*result.findings, *result.witnesses)
    found = {f.property: f.run.length for f in shown if f.run is not None and f.property in everything(system)}
    return Truth(found, result.evidence.states, result.evidence.depth)


def everything(system: System) -> tuple[str, ...]:
    """Everything that can be exported: claims, and ``reachable`` properties."""
    return (*obligations(system), *(p.name for p in system.properties if p.kind == "reachable"))


PERF = ("epc_lifetime", "groups_order", "rbtree") if SOAK else ("epc_lifetime",)
MODELS = (
    *sorted((ROOT / "models" / "classic").glob("*.kspec")),
    *(ROOT / "models" / "perf" / f"{n}.kspec" for n in PERF),
)
"""The shipped models that have small configurations."""


@cache
def shipped(path: Path) -> tuple[tuple[str, System, Truth], ...]:
    """Quick checks of a shipped model that are small: one that holds and one that does not (under KSPEC_SOAK all)."""
    found: list[tuple[str, System, Truth]] = []
    program = load(str(path))
    kinds: list[str] = []
    for case in cases(program):
        if case.tier != "quick" or (not SOAK and case.expect.kind in kinds):
            continue
        system = build(program, dict(case.params))
        known = truth(system)
        if known is not None:
            kinds.append(case.expect.kind)
            found.append((f"{path.stem}-{case.name}", system, known))
    return tuple(found)


@cache
def suite() -> tuple[tuple[str, System, Truth], ...]:
    """The files of the suite that can be built and are small: one in six (under KSPEC_SOAK all)."""
    found: list[tuple[str, System, Truth]] = []
    for path in [p for p in files() if not p.stem.startswith("error_")][:: 1 if SOAK else 10]:
        wanted = directives(path.read_text("utf-8"))
        if wanted.errors:
            continue
        try:
            system = build(load(str(path)), wanted.settings)
        except Failed:
            continue
        known = truth(system, 300)
        if known is not None:
            found.append((path.stem, system, known))
    return tuple(found)


def halves(system: System, known: Truth, seed: int = 0) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Everything that holds, and one of the properties that do not (``seed`` says which)."""
    wrong = [n for n in everything(system) if n in known.lengths]
    right = tuple(n for n in everything(system) if n not in known.lengths)
    return right, ((wrong[seed % len(wrong)],) if wrong else ())
