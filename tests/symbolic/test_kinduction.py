"""k-induction on systems of which it is known what a proof needs."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from kspec.certify.check import recheck
from kspec.engine.protocol import Budget, Goals, Result
from kspec.interp.machine import Machine
from kspec.symbolic import kinduction
from kspec.symbolic.explain import explain_obstacle
from kspec.symbolic.induction import Induction
from kspec.symbolic.kinduction import KInductionEngine
from kspec.system.layout import elements
from kspec.system.model import System
from symbolic.classics import german, peterson
from symbolic.small import equal, false_lemma, island, lockstep, never, token
from symbolic.support import Quiet, lengths

ALL = Goals(everything=True)


def prove(system: System, depth: int = 8) -> Result:
    return KInductionEngine(mining=False).check(system, ALL, Budget(depth=depth), Quiet())


def layers(result: Result) -> list[tuple[int, set[str], bool]]:
    """The depth, the declared properties and the use of distinct states of every layer."""
    (text,) = result.certificates
    return [
        (x["k"], {p["name"] for p in x["properties"] if not p["name"].startswith("error.")}, x["simple_path"])
        for x in json.loads(text)["layers"]
    ]


def test_the_least_k_that_does() -> None:
    result = prove(lockstep())
    assert result.status == "proved"
    assert "agree" in result.proved
    assert [k for k, names, _ in layers(result) if "agree" in names] == [4]


def test_a_lemma_makes_it_inductive() -> None:
    result = prove(lockstep(equal()))
    assert result.status == "proved"
    assert layers(result) == [(1, {"agree", "equal"}, False)]
    assert recheck(lockstep(equal()), result.certificates[0]).problems == ()


def test_what_keeps_it_from_being_inductive() -> None:
    result = prove(lockstep(), depth=1)
    assert (result.status, result.bound) == ("bounded", 1)
    assert "agree" not in result.proved
    (obstacle,) = result.obstacles
    assert obstacle.property == "agree"
    run = obstacle.run
    assert run is not None
    assert run.length == 2
    state = run.initial
    for step in run.steps:
        assert state is not None
        assert step.post in [o.post for o in Machine(lockstep()).fire(state, step.action, step.args)]
        state = step.post
    assert run.last == (3, (run.initial or (0, 0))[1] - 2)
    assert obstacle.matters == (0, 1)
    assert result.notes[0].startswith("agree is not inductive: after 2 steps turn violates it, from a state with x = 1")
    assert explain_obstacle(lockstep(), obstacle)[:2] == ("agree is not inductive.  From a state with", "    x = 1")


def test_only_what_matters_is_shown() -> None:
    """Whatever the rest of the state is, the same steps lead to the violation."""
    system = german(3)
    result = prove(system, depth=0)
    machine, rng = Machine(system), random.Random(1)
    assert {o.property for o in result.obstacles} == {"ctrl", "data"}
    for o in result.obstacles:
        assert o.run.initial is not None
        assert 0 < len(o.matters) <= 5
        for _ in range(50):
            state = tuple(
                o.run.initial[i] if i in o.matters else rng.randint(x.cell.type.lo, x.cell.type.hi)
                for i, x in enumerate(elements(system))
            )
            for step in o.run.steps:
                (outcome,) = machine.fire(state, step.action, step.args)
                assert outcome.post is not None
                state = outcome.post
            assert o.property in {v.property for v in machine.state_violations(state)}


def test_a_false_lemma_is_found_false_and_helps_nothing() -> None:
    result = prove(lockstep(false_lemma()), depth=2)
    assert lengths(result.findings) == {"low": 2}
    assert "agree" not in result.proved
    assert "low" not in result.proved


def test_an_unproved_lemma_does_not_count() -> None:
    """In ``token`` nothing is inductive by itself for small k."""
    result = prove(token(), depth=2)
    assert result.status == "bounded"
    assert "alone" not in result.proved
    assert result.reason.startswith("not inductive up to k = 3: alone")


def test_distinct_states() -> None:
    result = prove(island())
    assert result.status == "proved"
    assert [(k, simple) for k, names, simple in layers(result) if "not_seven" in names] == [(3, True)]


def test_never_reached_is_proved() -> None:
    result = prove(never())
    assert result.status == "stopped"
    assert [(f.property, f.run) for f in result.findings] == [("odd", None)]
    assert lengths(result.witnesses) == {"six": 3}
    assert {"deadlock", "small"} <= set(result.proved)


def test_violations_are_found_on_the_way() -> None:
    result = KInductionEngine(mining=False).check(peterson(3, 2), Goals(), Budget(depth=14), Quiet())
    assert (result.status, result.bound) == ("stopped", 13)
    assert lengths(result.findings) == {"mutex": 13}


def test_a_proof_that_does_not_pass_its_recheck_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that believes everything to be inductive: no claim survives, and the reason is given."""

    def believe(self: Induction, candidates: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
        return tuple(n for n in candidates if n not in self.known), {}

    monkeypatch.setattr(kinduction.Induction, "prove", believe)
    result = prove(token(), depth=2)
    assert result.status == "unknown"
    assert result.proved == ()
    assert result.certificates == ()
    assert "did not pass its re-check: layer 1: something goes wrong in step 1 of the induction" in result.reason


def test_an_induction_one_step_short_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that says k = 3 where k = 4 is needed."""
    real = Induction.k.fget
    assert real is not None
    monkeypatch.setattr(kinduction.Induction, "k", property(lambda self: max(1, real(self) - 1)))
    monkeypatch.setattr(kinduction.Induction, "_repeats", _repeats_with(real))
    result = prove(lockstep(), depth=6)
    assert "agree" not in result.proved
    assert result.status == "unknown"
    assert "re-check" in result.reason


def _repeats_with(real: Any) -> Any:
    """``_repeats`` looks at the true depth, whatever ``k`` says."""
    original = Induction._repeats

    def repeats(self: Induction, model: Any) -> bool:
        shown = type(self).k
        type(self).k = property(real)  # type: ignore[misc]
        try:
            return original(self, model)
        finally:
            type(self).k = shown  # type: ignore[misc]

    return repeats
