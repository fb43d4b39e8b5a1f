"""The run that bounded model checking shows is the one that the sweep over stored levels shows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path

import pytest
from interp.random_systems import Features, random_system
from kspec.engine.protocol import Budget, Finding, Goals
from kspec.interp.explore import InterpEngine, actor_of
from kspec.lang.load import load
from kspec.lower.build import build
from kspec.symbolic import tidy
from kspec.symbolic.aig import Aig
from kspec.symbolic.bmc import BmcEngine
from kspec.symbolic.complete import complete
from kspec.symbolic.encode import encode
from kspec.system.model import System
from symbolic.support import Quiet

SEEDS = range(8000, 8000 + (400 if os.environ.get("KSPEC_SOAK") else 8))
MODELS = Path(__file__).parents[2] / "models" / "classic"
DEPTH = 6
DEEP = 16


def shown(findings: Sequence[Finding], depth: int = DEPTH) -> dict[str, object]:
    return {f.property: f.run for f in findings if f.run is not None and f.run.length <= depth}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_run_as_from_stored_levels(seed: int) -> None:
    system = random_system(seed, Features(product=300))
    oracle = InterpEngine().check(system, Goals(everything=True), Budget(), Quiet())
    mine = BmcEngine().check(system, Goals(everything=True), Budget(depth=DEPTH), Quiet())
    assert tidy.PLAIN not in mine.notes
    assert shown(mine.findings) == shown(oracle.findings)


@pytest.mark.parametrize("name, params", [
    ("peterson", {"N": "3", "LEVELS": "1"}), ("german", {"NODES": "2", "AWAIT_ACKS": "false"}),
    ("mesi", {"BUG": "no_flush"}), ("two_phase_commit", {"RMS": "2", "WAIT_FOR_ALL": "false"}),
])  # fmt: skip
def test_the_same_run_of_models(name: str, params: dict[str, str]) -> None:
    system = build(load(str(MODELS / f"{name}.kspec")), params)
    oracle = InterpEngine().check(system, Goals(), Budget(), Quiet())
    mine = BmcEngine().check(system, Goals(), Budget(depth=16), Quiet())
    assert oracle.findings and shown(mine.findings, DEEP) == shown(oracle.findings, DEEP)


def test_completions_are_chosen_alike() -> None:
    system = build(load(str(MODELS / "german.kspec")), {"NODES": "2", "AWAIT_ACKS": "false"})
    (found,) = InterpEngine().check(system, Goals(), Budget(), Quiet()).findings
    assert complete(system, found.property, (), Budget(depth=DEEP), Quiet()).run == found.run


def switches(system: System, finding: Finding) -> int:
    assert finding.run is not None
    actions = {a.name: a for a in system.actions}
    return sum(a != b for a, b in pairwise(actor_of(actions[s.action], s.args) for s in finding.run.steps))


def test_what_is_cut_short_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidy, "CONFLICTS", 1)
    system = build(load(str(MODELS / "peterson.kspec")), {"N": "3", "LEVELS": "1"})
    plain = BmcEngine().check(system, Goals(), Budget(depth=16), Quiet())
    monkeypatch.undo()
    best = BmcEngine().check(system, Goals(), Budget(depth=16), Quiet())
    assert tidy.PLAIN in plain.notes and tidy.PLAIN not in best.notes
    assert switches(system, plain.findings[0]) >= switches(system, best.findings[0])


def test_actors_are_told_apart_as_elsewhere() -> None:
    system = build(load(str(MODELS / "german.kspec")), {"NODES": "2"})
    numbers = tidy.numbering(system.actions)
    known: dict[object, int] = {}
    for action, base in zip(system.actions, numbers, strict=True):
        for args in product(*(range(t.lo, t.hi + 1) for _, t in action.params)):
            number = base + (args[action.actor] if action.actor is not None else 0)
            assert known.setdefault(actor_of(action, args), number) == number
    assert len(set(known.values())) == len(known)


@pytest.mark.parametrize("count", range(1, 6))
def test_counting(count: int) -> None:
    aig = Aig()
    items = aig.inputs(count)
    counts = tidy.at_least(aig, items)
    for truth in product((False, True), repeat=count):
        values = aig.evaluate(counts, {a >> 1: t for a, t in zip(items, truth, strict=True)})
        assert values == [sum(truth) > i for i in range(count)]


def test_no_time_leaves_the_run_as_it_was() -> None:
    system = build(load(str(MODELS / "peterson.kspec")), {"N": "3", "LEVELS": "1"})
    finding = BmcEngine().check(system, Goals(), Budget(depth=16), Quiet()).findings[0]
    assert tidy.tidied(encode(system), finding, 0.0) == (finding, False)
