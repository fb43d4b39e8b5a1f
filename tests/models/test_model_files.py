"""What every model in the repository must be like, and closed forms for numbers of states."""

from __future__ import annotations

from math import factorial
from pathlib import Path

import pytest
from kspec.engine.protocol import Budget, Goals, Progress
from kspec.interp.explore import InterpEngine
from kspec.lang.load import load
from kspec.lower.build import build, cases

MODELS = Path(__file__).parents[2] / "models"
CLASSIC = sorted((MODELS / "classic").glob("*.kspec"))
LOW_LEVEL = [MODELS / "perf" / "groups_order.kspec", MODELS / "perf" / "rbtree.kspec"]


class _Quiet:
    """A control block that nobody watches."""

    def cancelled(self) -> bool:
        return False

    def report(self, progress: Progress) -> None:
        pass


@pytest.mark.parametrize("path", CLASSIC + LOW_LEVEL, ids=lambda p: p.stem)
def test_a_model_explains_itself_and_can_fail(path: Path) -> None:
    lines = path.read_text("utf-8").split("\n")
    assert lines[0] == "kspec 1"
    comment = "\n".join(x for x in lines[1 : lines.index("", 2)] if x)
    assert comment.startswith("//"), "a model begins with what it is about"
    assert "Left out" in "\n".join(lines[:45]), "a model says what it leaves out"
    program = load(path)
    all_cases = cases(program)
    kinds = {c.expect.kind for c in all_cases}
    assert kinds == {"holds", "violates"}, "a good variant and a broken one"
    for case in all_cases:
        system = build(program, dict(case.params))
        assert any(p.kind == "reachable" for p in system.properties)


@pytest.mark.parametrize("path", CLASSIC, ids=lambda p: p.stem)
def test_quick_checks_pin_counts(path: Path) -> None:
    pinned = [c for c in cases(load(path)) if c.tier == "quick" and c.expect.states and c.expect.transitions]
    assert pinned


def _orders(events: int, keys: int) -> int:
    """States of groups_order: a events in one tree, b in the other, each in any order of insertion."""
    return sum(
        factorial(events) // factorial(events - a - b) * keys ** (a + b)
        for a in range(events + 1)
        for b in range(events + 1 - a)
    )


@pytest.mark.parametrize(
    ("params", "keys"),
    [
        ({"CONTEXT": "cpu_context", "PMUS": "1", "CGROUPS": "1"}, 2),
        ({"CONTEXT": "task_context", "PMUS": "2"}, 6),
        ({"CONTEXT": "task_context", "PMUS": "1", "DESIGN": "before_v62", "SEARCH": "by_cpu_cgroup"}, 3),
    ],
)
def test_groups_order_reaches_every_order(params: dict[str, str], keys: int) -> None:
    system = build(load(MODELS / "perf" / "groups_order.kspec"), {"EVENTS": "2"} | params)
    result = InterpEngine().check(system, Goals(everything=True), Budget(), _Quiet())
    assert result.evidence is not None
    assert not [f.property for f in result.findings if f.run is not None]
    assert result.evidence.states == _orders(2, keys)
