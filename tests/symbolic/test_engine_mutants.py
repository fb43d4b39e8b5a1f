"""Faults put into k-induction, IC3, the look-ahead of bounded model checking and the re-check of certificates on
purpose: the comparisons of this suite see every one of them.  ``docs/engine-mutants.md`` lists them, together with
those of ``test_mutants.py``; with KSPEC_SOAK set it is written anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from interp.random_systems import Features, random_system
from kspec.certify import check, frames
from kspec.certify.certificate import Clause, Layer, certificate, dump
from kspec.certify.check import recheck
from kspec.certify.terms import Terms
from kspec.engine.crosscheck import disagreements
from kspec.engine.protocol import Budget, Engine, Goals, Result
from kspec.engine.verdict import is_shortest
from kspec.interp.confirm import confirm
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.lang.load import load
from kspec.lower.build import build
from kspec.symbolic import bmc, induction, kinduction, tidy
from kspec.symbolic.aig import TRUE
from kspec.symbolic.bmc import BmcEngine
from kspec.symbolic.bounded import Search
from kspec.symbolic.ic3 import frames as ic3_frames
from kspec.symbolic.ic3 import problem as ic3_problem
from kspec.symbolic.ic3 import search as ic3_search
from kspec.symbolic.ic3.engine import PdrEngine
from kspec.symbolic.ic3.lift import Lifting
from kspec.symbolic.jump import Jump
from kspec.symbolic.kinduction import KInductionEngine
from kspec.symbolic.mining.houdini import Houdini
from kspec.system.expr import Cell
from kspec.system.model import System
from kspec.types import RangeType
from symbolic import test_mutants
from symbolic.build import act, eq, inv, ite, lt, ne, plus, put, rd, system
from symbolic.small import equal, island, lockstep, never, token, token_clauses
from symbolic.support import Quiet, lengths

TABLE = Path(__file__).parents[2] / "docs" / "engine-mutants.md"
SEEDS = range(30_000, 30_060)
EVERYTHING = Goals(everything=True)
Patch = Callable[[pytest.MonkeyPatch], None]


# What sees faults.


def engine_differs(engine: Engine, budget: Budget, goals: Goals = EVERYTHING) -> bool:
    """Random systems against the interpreter: other verdicts, runs that are none, proofs that are rejected."""
    return any(_differs(random_system(s, Features(product=300)), engine, budget, goals) for s in SEEDS)


def _differs(system: System, engine: Engine, budget: Budget, goals: Goals) -> bool:
    oracle = InterpEngine().check(system, Goals(everything=True), Budget(), Quiet())
    try:
        mine = engine.check(system, goals, budget, Quiet())
        return _wrong(system, mine, oracle)
    except Exception:
        return True


def _wrong(system: System, mine: Result, oracle: Result) -> bool:
    shortest = lengths(oracle.findings)
    for name, n in lengths(mine.findings).items():
        if name not in shortest or n < shortest[name] or (n > shortest[name] and is_shortest(mine, n, name)):
            return True
    machine = Machine(system)
    return (
        any(confirm(machine, f) is not None for f in (*mine.findings, *mine.witnesses))
        or bool(set(mine.proved) & {f.property for f in oracle.findings})
        or bool(disagreements([mine, oracle]))
        or "re-check" in mine.reason
        or any(recheck(system, text).problems for text in mine.certificates)
    )


def bmc_differs() -> bool:
    return engine_differs(BmcEngine(), Budget(depth=40), Goals())


def shown_run_differs() -> bool:
    """The run that is shown against the one that explicit search shows."""

    model = TABLE.parents[1] / "models" / "classic" / "peterson.kspec"
    made = build(load(str(model)), {"N": "3", "LEVELS": "1"})
    oracle = InterpEngine().check(made, Goals(), Budget(), Quiet())
    mine = BmcEngine().check(made, Goals(), Budget(depth=16), Quiet())
    return mine.findings != oracle.findings


def kinduction_differs() -> bool:
    if engine_differs(KInductionEngine(mining=False), Budget(depth=5)):
        return True
    return _differs(island(), KInductionEngine(mining=False), Budget(depth=5), Goals(everything=True))


def mining_differs() -> bool:
    return engine_differs(KInductionEngine(), Budget(depth=2))


def pdr_differs() -> bool:
    small = (lockstep(), island(), token(), never())
    budget = Budget(seconds=10)
    return any(_differs(s, PdrEngine(), budget, EVERYTHING) for s in small) or engine_differs(PdrEngine(), budget)


def certificates_differ() -> bool:
    """Certificates that are right are accepted, and lies are not.  States are not simulated: that is a second
    line of defence, and would see most of this as well."""
    with pytest.MonkeyPatch.context() as m:
        m.setattr(check, "simulate", lambda *_: None)
        try:
            return any(recheck(s, t).problems for s, t in truths()) or any(recheck(s, t).proved for s, t in lies())
        except Exception:
            return True


def _text(system: System, *layers: Layer) -> str:
    return dump(certificate(system, layers, "by hand"), {})


def truths() -> list[tuple[System, str]]:
    clauses = tuple(Clause(c, "") for c in token_clauses())
    both = lockstep(equal())
    return [
        (lockstep(), _text(lockstep(), Layer(4, ("agree",)))),
        (both, _text(both, Layer(1, ("agree", "equal")))),
        (token(), _text(token(), Layer(1, ("alone",), clauses))),
        (island(), _text(island(), Layer(3, ("not_seven",), (), True))),
        (counting(), _text(counting(), Layer(1, ("small",)))),
    ]


def lies() -> list[tuple[System, str]]:
    return [
        (token(), _text(token(), Layer(1, ("alone",)))),
        (lockstep(), _text(lockstep(), Layer(3, ("agree",)))),
        (stays(), _text(stays(), Layer(1, ("one",)))),
        (passes(), _text(passes(), Layer(2, ("not_one",)))),
        (island(), _text(island(), Layer(3, ("not_seven",)))),
        (token(), _text(token(), Layer(1, ("alone",), (Clause(eq(rd(_works(), 0), 0), ""),)))),
    ]


def _works() -> Cell:
    return next(c for c in token().cells if c.name == "works[]")


def stays() -> System:
    """Always 0, and if it were 1 it would stay so."""
    x = Cell("x", (), RangeType(0, 1))
    return system("stays", (x,), (act("stay", (), 1, put(x, rd(x))),), (inv("one", eq(rd(x), 1)),))


def passes() -> System:
    """From 0 over 1 to 2, and there it stays."""
    x = Cell("x", (), RangeType(0, 2))
    actions = (act("go", (), 1, put(x, ite(eq(rd(x), 2), 2, plus(rd(x), 1)))),)
    return system("passes", (x,), actions, (inv("not_one", ne(rd(x), 1)),))


def counting() -> System:
    """Counts up to 2, where a guard and an if keep it."""
    x = Cell("x", (), RangeType(0, 3))
    actions = (act("up", (), lt(rd(x), 2), put(x, ite(lt(rd(x), 2), plus(rd(x), 1), 3))),)
    return system("counting", (x,), actions, (inv("small", lt(rd(x), 3)),))


# The faults.


def base_case_skips_initial_states(m: pytest.MonkeyPatch) -> None:
    """The base case begins after the first step."""
    real = Search.sweep
    m.setattr(Search, "sweep", lambda s, level, names: real(s, level, names if s.depth else []))


def distinct_states_are_not_declared(m: pytest.MonkeyPatch) -> None:
    """The certificate does not say that states had to differ."""
    real = induction.Induction._repeats

    def repeats(self: Any, model: Any) -> bool:
        found = real(self, model)
        self.used_distinct = False
        return found

    m.setattr(induction.Induction, "_repeats", repeats)


def step_case_is_one_short(m: pytest.MonkeyPatch) -> None:
    """What holds for k steps is said to hold for k - 1."""
    real = kinduction.Layer
    m.setattr(kinduction, "Layer", lambda k, *rest: real(max(1, k - 1), *rest))


def houdini_stops_at_once(m: pytest.MonkeyPatch) -> None:
    """Guessed invariants are kept although a step breaks them."""
    m.setattr(Houdini, "_broken", lambda self, left: None)


def guesses_are_not_tried_on_initial_states(m: pytest.MonkeyPatch) -> None:
    """And they are guessed from states that are not reachable."""
    from kspec.symbolic.mining import mine

    m.setattr(Houdini, "initial", lambda self, guesses: tuple(guesses))
    m.setattr(mine, "samples", lambda system, seconds: (tuple(c.type.hi for c in system.state_cells
                                                               for _ in range(c.size)),))  # fmt: skip


def jumps_do_not_end_at_errors(m: pytest.MonkeyPatch) -> None:
    """A run may go on after a step that does not complete."""
    real = Jump._deepen

    def deepen(self: Any) -> None:
        real(self)
        self._alive = TRUE

    m.setattr(bmc, "FIRST", 1)
    m.setattr(Jump, "_deepen", deepen)


def jumps_take_no_answer_for_no(m: pytest.MonkeyPatch) -> None:
    """When the budget of conflicts runs out that counts as there being nothing."""
    m.setattr(bmc, "FIRST", 1)
    m.setattr(Jump, "find", lambda self, first, last, conflicts: None)


def actors_are_all_the_same(m: pytest.MonkeyPatch) -> None:
    """Switches of actor are not seen."""
    m.setattr(tidy.Choice, "_actor", lambda self, frame: tidy.const(0))


def lifting_goes_too_far(m: pytest.MonkeyPatch) -> None:
    """A lifted cube lacks a literal that is needed."""
    real = Lifting._needed
    m.setattr(Lifting, "_needed", lambda s, q, found, misses: frozenset(sorted(real(s, q, found, misses))[1:]))


def initiation_is_skipped(m: pytest.MonkeyPatch) -> None:
    """Clauses may exclude initial states."""
    m.setattr(ic3_frames.Frames, "initial_state", lambda self, cube: None)
    m.setattr(ic3_frames.Frames, "_apart", lambda self, part, whole: part)


def clauses_are_carried_on_unchecked(m: pytest.MonkeyPatch) -> None:
    """Propagation takes every clause to the next frame."""
    real = ic3_search.propagate

    def propagate(frames: Any) -> bool:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(ic3_frames.Frames, "unreached", lambda self, cube, level: cube)
            return real(frames)

    m.setattr(ic3_search, "propagate", propagate)


def a_cone_is_ignored(m: pytest.MonkeyPatch) -> None:
    """What goes wrong in steps is not looked for."""
    real = ic3_problem.events

    def events(template: Any, moves: int) -> dict[str, int]:
        return real(replace(template, raised={}, broken_step={}), moves)

    m.setattr(ic3_problem, "events", events)


def recheck_skips_the_base(m: pytest.MonkeyPatch) -> None:
    """Initial states are not looked at."""
    m.setattr(check._Layer, "_base", lambda self: None)


def recheck_skips_the_step(m: pytest.MonkeyPatch) -> None:
    """The induction step is not looked at."""
    m.setattr(check._Layer, "_step", lambda self: None)


def recheck_base_is_one_short(m: pytest.MonkeyPatch) -> None:
    """The base case is checked for one step less."""
    real = check._Layer._base

    def base(self: Any) -> None:
        layer = self.layer
        self.layer = replace(layer, k=max(1, layer.k - 1))
        real(self)
        self.layer = layer

    m.setattr(check._Layer, "_base", base)


def recheck_always_wants_distinct_states(m: pytest.MonkeyPatch) -> None:
    """States of the induction step are taken to differ although the certificate does not say so."""
    real = check._Layer._step

    def step(self: Any) -> None:
        self.layer = replace(self.layer, simple_path=True)
        real(self)

    m.setattr(check._Layer, "_step", step)


def recheck_assumes_the_end(m: pytest.MonkeyPatch) -> None:
    """What is to be shown of the last state is assumed of it."""
    real = check._Layer._assume
    m.setattr(check._Layer, "_assume", lambda self, solver, events, memory, every: real(self, solver, events, memory,
                                                                                       every=True))  # fmt: skip


def recheck_ignores_guards(m: pytest.MonkeyPatch) -> None:
    """Actions can always be taken."""
    m.setattr(frames.Meaning, "stop", lambda self, cond: None)


def recheck_swaps_branches(m: pytest.MonkeyPatch) -> None:
    """The branches of a conditional expression are exchanged."""
    real = Terms.choice
    m.setattr(Terms, "choice", lambda self, c, a, b: real(self, c, b, a))


@dataclass(frozen=True)
class Mutant:
    """A fault, where it is, and what sees it."""

    part: str
    fault: Patch
    seen_by: Callable[[], bool]
    test: str


MUTANTS = (
    *(Mutant("k-induction", f, kinduction_differs, "random systems against the interpreter") for f in (
        base_case_skips_initial_states, distinct_states_are_not_declared, step_case_is_one_short)),
    *(Mutant("mining", f, mining_differs, "the re-check of certificates") for f in (
        houdini_stops_at_once, guesses_are_not_tried_on_initial_states)),
    *(Mutant("look-ahead", f, bmc_differs, "random systems against the interpreter") for f in (
        jumps_do_not_end_at_errors, jumps_take_no_answer_for_no)),
    Mutant("choice of runs", actors_are_all_the_same, shown_run_differs, "the runs that explicit search shows"),
    *(Mutant("IC3", f, pdr_differs, "random systems against the interpreter, and the re-check") for f in (
        lifting_goes_too_far, initiation_is_skipped, clauses_are_carried_on_unchecked, a_cone_is_ignored)),
    *(Mutant("re-check", f, certificates_differ, "true and false certificates") for f in (
        recheck_skips_the_base, recheck_skips_the_step, recheck_base_is_one_short,
        recheck_always_wants_distinct_states, recheck_assumes_the_end, recheck_ignores_guards,
        recheck_swaps_branches)),
)  # fmt: skip


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.fault.__name__)
def test_every_fault_is_seen(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.fault(monkeypatch)
    assert mutant.seen_by()


def test_without_faults_nothing_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(sys.modules[__name__], "SEEDS", SEEDS[:1])
    for sees in dict.fromkeys(m.seen_by for m in MUTANTS):
        assert not sees()


def _table() -> str:
    rows = [(m.part, m.fault, m.test) for m in MUTANTS]
    rows += [("encoding", f, "bounded search against the interpreter") for f in test_mutants.MUTANTS]
    rows += [("k-induction", f, "the re-check of certificates") for f in test_mutants.REJECTED]
    lines = [
        "# Faults that the suite sees",
        "",
        "Each of these was put into an engine on purpose, and a comparison of the suite failed. The table is written",
        "by `tests/symbolic/test_engine_mutants.py`, which puts them in again whenever the suite runs.",
        "",
        "| part | fault | what it does | seen by |",
        "| --- | --- | --- | --- |",
    ]
    for part, fault, test in sorted(rows, key=lambda r: (r[0], r[1].__name__)):
        says = " ".join((fault.__doc__ or fault.__name__.replace("_", " ")).split()).rstrip(".")
        lines.append(f"| {part} | `{fault.__name__}` | {says} | {test} |")
    return "\n".join(lines) + "\n"


def test_the_table_is_true() -> None:
    if os.environ.get("KSPEC_SOAK"):
        TABLE.write_text(_table())
    assert TABLE.read_text() == _table()
