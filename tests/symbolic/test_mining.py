"""Invariants that are guessed: what they prove, and that nothing false passes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from interp.random_systems import Features, random_system
from kspec.certify.check import recheck
from kspec.engine.protocol import Budget, Evidence, Goals, Result
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.lang.load import load, load_text
from kspec.lower.build import build
from kspec.symbolic.encode import encode
from kspec.symbolic.ic3.literals import literals
from kspec.symbolic.ic3.symmetry import symmetry
from kspec.symbolic.kinduction import KInductionEngine, claims
from kspec.symbolic.mining.candidates import guesses
from kspec.symbolic.mining.houdini import Houdini
from kspec.symbolic.mining.mine import mine
from kspec.symbolic.mining.samples import samples
from kspec.system.model import State, System
from symbolic.support import Quiet, lengths

SOAK = bool(os.environ.get("KSPEC_SOAK"))
SEEDS = range(9000, 9000 + (300 if SOAK else 5))
MODELS = Path(__file__).parents[2] / "models" / "classic"
BUDGET = Budget(seconds=120, depth=4)


def model(name: str, params: dict[str, str]) -> System:
    return build(load(str(MODELS / f"{name}.kspec")), params)


def prove(system: System, mining: bool) -> Result:
    return KInductionEngine(mining=mining).check(system, Goals(), BUDGET, Quiet())


@pytest.mark.parametrize("name, params, gained", [
    ("peterson", {"N": "2"}, {"mutual_exclusion", "deadlock"}),
    ("futex_mutex", {"THREADS": "2"}, {"mutual_exclusion", "no_lost_wake_up", "deadlock"}),
    ("rcu", {"READERS": "1"}, {"grace_period", "no_use_after_free"}),
    ("two_phase_commit", {"RMS": "3"}, {"consistent", "one_decision", "commit_needs_all"}),
    *([("bakery", {"THREADS": "2"}, {"mutual_exclusion", "first_in_line", "deadlock"})] if SOAK else []),
])  # fmt: skip
def test_models_that_k_induction_alone_does_not_prove(name: str, params: dict[str, str], gained: set[str]) -> None:
    system = model(name, params)
    assert not gained & set(prove(system, mining=False).proved)
    result = prove(system, mining=True)
    assert gained <= set(result.proved)
    (text,) = result.certificates
    answer = recheck(system, text)
    assert answer.problems == () and gained <= set(answer.proved)
    clauses = [c for layer in json.loads(text)["layers"] for c in layer["clauses"]]
    assert clauses and all(c["text"] for c in clauses)


def test_clauses_are_said_in_the_language() -> None:
    """Pasted into a model of actions as lemmas they do what they did.  (In a process, what a lemma reads is
    observed, so that steps are no longer merged: it is another system then.)"""
    path, params = MODELS / "two_phase_commit.kspec", {"RMS": "3"}
    before = prove(model("two_phase_commit", params), mining=True)
    clauses = [c["text"] for layer in json.loads(before.certificates[0])["layers"] for c in layer["clauses"]]
    lemmas = "".join(f"\nlemma mined_{i}: {c};" for i, c in enumerate(clauses))
    pasted = build(load_text(path.read_text() + lemmas), params)
    assert set(before.proved) <= set(prove(pasted, mining=False).proved)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_mined_holds_in_every_reachable_state(seed: int) -> None:
    system = random_system(seed, Features(product=400))
    template = encode(system)
    oracle = InterpEngine().check(system, Goals(everything=True), Budget(), Quiet())
    at_once = {name for name, n in lengths(oracle.findings).items() if n == 0}  # the base case is not mined
    mined = mine(template, (), [n for n in claims(system) if n not in at_once], 1.0)
    assert not set(mined.names) & {f.property for f in oracle.findings}
    for state in reachable(system):
        cube = mined.table.cube(state)
        assert not any(image <= cube for g in (*mined.rest, *mined.needed) for image in g.images)
    mine_ = KInductionEngine().check(system, Goals(everything=True), Budget(depth=3, seconds=60), Quiet())
    assert not set(mine_.proved) & {f.property for f in oracle.findings}
    assert not mine_.reason.startswith("the proof of")
    for text in mine_.certificates:
        assert recheck(system, text).problems == ()


def reachable(system: System) -> Sequence[State]:
    machine = Machine(system)
    found = dict.fromkeys(o.post for o in machine.initial() if o.post is not None and not o.cut)
    queue = list(found)
    for state in queue:
        for o in machine.steps(state):
            if o.post is not None and not o.cut and o.post not in found:
                found[o.post] = None
                queue.append(o.post)
    return queue


def test_guesses_from_too_few_states_are_dropped() -> None:
    system = model("two_phase_commit", {"RMS": "2"})
    table = literals([(v.lo, v.hi) for v in encode(system).state])
    few = guesses(samples(system, 1.0)[:3], table, symmetry(system, table))
    houdini = Houdini(encode(system), table, ())
    kept, _ = houdini.inductive(houdini.initial(few), ())
    assert len(kept) < len(few)
    for state in reachable(system):
        assert not any(image <= table.cube(state) for g in kept for image in g.images)


def test_small_systems_are_sampled_whole() -> None:
    system = model("peterson", {"N": "2"})
    oracle = InterpEngine().check(system, Goals(), Budget(), Quiet())
    assert isinstance(oracle.evidence, Evidence)
    assert len(samples(system, 5.0)) == oracle.evidence.states


def test_the_switch_turns_it_off() -> None:
    engine = KInductionEngine().without_mining()
    assert engine.check(model("peterson", {"N": "2"}), Goals(), BUDGET, Quiet()).status == "bounded"
