"""Faults put into the encoding and into the induction on purpose: the comparisons of this folder see them.

A comparison that no fault can make fail would be worth nothing.  Every mutant below is killed by
:func:`same` (bounded search against the interpreter) or by the re-check of certificates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from interp.random_systems import Features, random_system
from kspec.engine.protocol import Budget, Goals
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.symbolic import bmc, encode, execute, kinduction
from kspec.symbolic.aig import FALSE, Aig
from kspec.symbolic.bits import Arithmetic, Bits
from kspec.symbolic.bmc import BmcEngine
from kspec.symbolic.bounded import Search
from kspec.symbolic.encode import ActionCode
from kspec.symbolic.evaluate import Path, Store
from kspec.symbolic.execute import Executor
from kspec.symbolic.kinduction import KInductionEngine
from kspec.system.model import System
from symbolic.small import lockstep
from symbolic.support import Quiet, lengths

Patch = Callable[[pytest.MonkeyPatch], None]
SEEDS = range(1000, 1400)
DEPTH = 6


def same(system: System) -> bool:
    """Bounded search finds what the interpreter finds, and its runs are runs."""
    oracle = InterpEngine().check(system, Goals(everything=True), Budget(), Quiet())
    bmc = BmcEngine().check(system, Goals(everything=True), Budget(depth=DEPTH), Quiet())
    bound = bmc.bound or 0
    for mine, true in ((bmc.findings, oracle.findings), (bmc.witnesses, oracle.witnesses)):
        if lengths(mine) != {n: k for n, k in lengths(true).items() if k <= bound}:
            return False
    machine = Machine(system)
    for f in (*bmc.findings, *bmc.witnesses):
        run = f.run
        if run is None or (run.initial is not None and run.initial not in [o.post for o in machine.initial()]):
            return False
        state = run.initial
        for step in run.steps:
            outcomes = [o.post for o in machine.fire(state, step.action, step.args)] if state else []
            if step.post not in outcomes:
                return False
            state = step.post
    return True


def no_frame_condition(m: pytest.MonkeyPatch) -> None:
    """Cells that the selected action does not write become zero."""
    real = encode._merged

    def merged(system: System, actions: tuple[ActionCode, ...], state: Store, math: Arithmetic) -> Store:
        blank = {n: tuple(Bits(v.lo, v.hi, tuple(FALSE for _ in v.literals)) for v in items)
                 for n, items in state.items()}  # fmt: skip
        for a in actions:
            for name, items in state.items():
                if a.store[name] is items:
                    a.store[name] = blank[name]
        return real(system, actions, state, math)

    m.setattr(encode, "_merged", merged)


def guards_are_true(m: pytest.MonkeyPatch) -> None:
    m.setattr(Path, "disable", lambda self, under, cond: None)


def errors_do_not_end_a_step(m: pytest.MonkeyPatch) -> None:
    real = Path.fail

    def fail(self: Path, name: str, under: int, cond: int) -> None:
        dead = self.dead
        real(self, name, under, cond)
        self.dead = dead

    m.setattr(Path, "fail", fail)


def choices_are_free(m: pytest.MonkeyPatch) -> None:
    m.setattr(Path, "exclude", lambda self, under, cond: None)


def branches_are_swapped(m: pytest.MonkeyPatch) -> None:
    real = Executor._merge
    m.setattr(Executor, "_merge", lambda self, cond, then, other: real(self, cond ^ 1, then, other))


def comparison_is_not_strict(m: pytest.MonkeyPatch) -> None:
    real = Arithmetic.less
    m.setattr(Arithmetic, "less", lambda self, a, b: real(self, b, a) ^ 1)


def limits_are_ignored(m: pytest.MonkeyPatch) -> None:
    m.setattr(encode, "_limits", lambda system, math, state: (1, {}))


def deadlocks_ignore_terminals(m: pytest.MonkeyPatch) -> None:
    real = encode._stuck

    def stuck(system: System, *rest: Any) -> Any:
        from dataclasses import replace

        return real(replace(system, terminal=()), *rest)

    m.setattr(encode, "_stuck", stuck)


def loops_stop_early(m: pytest.MonkeyPatch) -> None:
    m.setattr(execute, "range", lambda lo, hi: range(lo, max(lo + 1, hi - 1)), raising=False)


def a_level_too_deep(m: pytest.MonkeyPatch) -> None:
    """Runs are looked for one level after the level where they end."""
    real = Search.sweep

    def sweep(self: Search, level: Any, names: Any) -> Any:
        return real(self, level, names if self.depth else [])

    m.setattr(Search, "sweep", sweep)


def conjunctions_lose_a_part(m: pytest.MonkeyPatch) -> None:
    real = Aig.all
    m.setattr(Aig, "all", lambda self, items: real(self, list(items)[:3]))


MUTANTS: list[Patch] = [
    no_frame_condition, guards_are_true, errors_do_not_end_a_step, choices_are_free, branches_are_swapped,
    comparison_is_not_strict, limits_are_ignored, deadlocks_ignore_terminals, loops_stop_early,
    a_level_too_deep, conjunctions_lose_a_part,
]  # fmt: skip


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda f: f.__name__)
def test_the_comparison_sees_it(mutant: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant(monkeypatch)
    monkeypatch.setattr(bmc, "tidied_all", lambda template, findings, spent, left: (list(findings), True))
    assert any(_differs(seed) for seed in SEEDS)


def _differs(seed: int) -> bool:
    try:
        return not same(random_system(seed, Features(product=300)))
    except Exception:
        return True


def test_without_a_mutant_there_is_nothing_to_see() -> None:
    assert all(same(random_system(seed, Features(product=300))) for seed in SEEDS[:10])


def hypothesis_too_strong(m: pytest.MonkeyPatch) -> None:
    """The step case assumes what it is to show, in the last state too."""
    real = kinduction.Induction.prove

    def prove(self: Any, candidates: Any) -> Any:
        self.known.update(candidates)
        done = real(self, candidates)
        self.known.clear()
        return (tuple(candidates), {}) if not done[0] else done

    m.setattr(kinduction.Induction, "prove", prove)


def transitions_are_missing(m: pytest.MonkeyPatch) -> None:
    """The encoding forgets an action: more seems to hold than does."""
    real = encode._action

    def action(a: Any, chosen: int, math: Arithmetic, inputs: Any, store: Store) -> ActionCode:
        code = real(a, chosen, math, inputs, store)
        if a.name == "turn":
            code.path.disable(1, 1)
        return code

    m.setattr(encode, "_action", action)


REJECTED: list[Patch] = [hypothesis_too_strong, transitions_are_missing]


@pytest.mark.parametrize("mutant", REJECTED, ids=lambda f: f.__name__)
def test_the_recheck_sees_it(mutant: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant(monkeypatch)
    result = KInductionEngine(mining=False).check(lockstep(), Goals(everything=True), Budget(depth=2), Quiet())
    assert result.status == "unknown"
    assert "agree" not in result.proved
    assert "did not pass its re-check" in result.reason
