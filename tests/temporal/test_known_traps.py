"""Errors that model checkers have had with behaviours, each as a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from kspec.engine.protocol import Budget, Goals
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.tuning import Tuning
from kspec.interp.confirm import confirm
from temporal.small import ALL, BUDGET, Quiet, system_of, violated


def test_no_stuttering(tmp_path: Path) -> None:
    """A behaviour does not stop while something can happen, fairness or not."""
    system = system_of(tmp_path, "var x: 0..3; action up() when x < 3 { x++; } terminal e: x == 3;"
                                 "property p: eventually x == 3;")  # fmt: skip
    assert violated(system) == set()


def test_eventually_always(tmp_path: Path) -> None:
    """`eventually always` is looked at, not only `always eventually`."""
    text = "var x: bool; action flip() { x = !x; } property p: eventually always x; property q: always eventually x;"
    assert violated(system_of(tmp_path, text)) == {"p"}


def test_eventually_on_a_cycle_and_on_a_join(tmp_path: Path) -> None:
    """A state that is reached again by another way, or closes a cycle, is not taken to have seen what the first way
    saw."""
    text = """
    var x: 0..4;
    action left() when x == 0 { x = 1; }      // over p
    action right() when x == 0 { x = 2; }     // not over p
    action join() when x == 1 || x == 2 { x = 3; }
    action round() when x == 3 || x == 4 { x = 7 - x; }
    property p: eventually x == 1;
    property q: x == 0 leads_to x == 1;
    """
    assert violated(system_of(tmp_path, text)) == {"p", "q"}


def test_symmetry_is_not_used(tmp_path: Path) -> None:
    """Two states that are the same up to a permutation do not make a cycle, and are not taken for one."""
    text = """
    id Task[3];
    var has: Task?;
    action take(t: Task) when has == none { has = t; }
    action give(t: Task) when has == t { has = none; }
    property some: always eventually exists t in Task: has == t;
    property each: forall t in Task: always eventually has == t;
    property one: exists t in Task: always (has == none || has == t);
    """
    system = system_of(tmp_path, text)
    assert violated(system) == {"each", "one"}
    for tuning in (Tuning(symmetry="on"), Tuning(partial="on")):
        result = ExplicitEngine(tuning).check(system, ALL, BUDGET, Quiet())
        assert {f.property for f in result.findings} == {"each", "one"}
        assert any("no reduction" in n for n in result.notes)


def test_one_instance_for_all(tmp_path: Path) -> None:
    """The instance that stands for the others is found violated whoever it is that starves."""
    text = """
    ordered id Task[3];
    var has: Task?;
    weak fair action take(t: Task) when has == none && ord(t) < 2 { has = t; }
    action give(t: Task) when has == t { has = none; }
    property each: forall t in Task: always eventually has == t;
    property low: forall t in Task where ord(t) < 2: always (has == t => eventually has != t);
    """
    assert violated(system_of(tmp_path, text)) == {"each"}


@pytest.mark.parametrize("threads", [1, 2])
def test_threads(tmp_path: Path, threads: int) -> None:
    """With several workers nothing is missed."""
    text = """
    param FAIR: bool = true;
    var x[0..5]: 0..3;
    action up(i: 0..5) { x[i] = (x[i] + 1) % 4; }
    weak fair up when FAIR;
    property low: forall i in 0..5: always eventually x[i] == 0;
    """
    for fair, expected in (("true", set()), ("false", {"low"})):
        system = system_of(tmp_path, text, FAIR=fair)
        result = ExplicitEngine().check(system, ALL, replace(BUDGET, threads=threads), Quiet())
        assert {f.property for f in result.findings} == expected
        assert all(confirm(system, f) is None for f in result.findings)


def test_limit_is_not_a_proof(tmp_path: Path) -> None:
    """A limit that cuts off every fair behaviour leaves nothing to be said."""
    text = "var x: 0..9; limit: x < 5; action up() when x < 9 { x++; } property p: always x == 0;"
    system = system_of(tmp_path, text)
    result = ExplicitEngine().check(system, ALL, BUDGET, Quiet())
    assert not result.behaviours
    assert "no fair behaviour" in result.undecided


def test_limit_leaves_who_waits_beside_it(tmp_path: Path) -> None:
    """A fair step that leads beyond a limit can be taken: not taking it for ever is not fair."""
    text = """
    var x: 0..9; var y: bool;
    limit: x < 2;
    weak fair action up() { x++; }
    action idle() { }
    action set_y() when !y && x == 0 { y = true; }
    weak fair action rest() when y { x = 0; }
    property p: eventually x == 1;
    """
    system = system_of(tmp_path, text)
    result = ExplicitEngine().check(system, ALL, BUDGET, Quiet())
    assert not result.undecided
    assert result.behaviours == ("p",)


def test_search_goes_on_through_other_violations(tmp_path: Path) -> None:
    """The violation of a temporal property is found although an invariant is violated much earlier."""
    text = "var x: 0..9; action up() { x = (x + 1) % 10; } invariant i: x < 2; property p: eventually always x == 9;"
    system = system_of(tmp_path, text)
    result = ExplicitEngine().check(system, Goals(wanted=frozenset({"p"})), BUDGET, Quiet())
    assert {"i", "p"} == {f.property for f in result.findings}


def test_stopped_search_decides_nothing(tmp_path: Path) -> None:
    """A search that ends at a violation, or at a bound, does not say that a property holds."""
    text = "var x: 0..9; action up() { x = (x + 1) % 10; } invariant i: x < 2; property p: eventually x == 9;"
    system = system_of(tmp_path, text)
    for goals, budget in ((Goals(), BUDGET), (ALL, Budget(depth=3))):
        result = ExplicitEngine().check(system, goals, budget, Quiet())
        assert result.status in ("stopped", "bounded")
        assert not result.behaviours


def test_strong_fairness_needs_more_than_one_round(tmp_path: Path) -> None:
    """Leaving out where one strong constraint is starved may starve the next one: it is looked at again."""
    text = """
    var x: 0..3;
    action a() when x == 0 { x = 1; }
    action b() when x == 1 { x = 0; }
    action c() when x == 1 { x = 2; }
    action d() when x == 2 { x = 0; }
    strong fair action p() when x == 1 { x = 3; }
    strong fair action q() when x == 0 { x = 3; }
    action stay() when x == 3 { }
    property done_: eventually x == 3;
    """
    assert violated(system_of(tmp_path, text)) == set()
    weaker = text.replace("strong fair action q() when x == 0 { x = 3; }", "")
    assert violated(system_of(tmp_path, weaker)) == set()
    without = weaker.replace("strong fair action p()", "action p()")
    assert violated(system_of(tmp_path, without)) == {"done_"}


def test_many_constraints(tmp_path: Path) -> None:
    """More constraints than a word has bits."""
    text = """
    var x[0..69]: bool;
    var y: 0..69;
    action turn() { y = (y + 1) % 70; }
    strong fair action put(i: 0..69) when y == i { y = 0; }
    property p: always eventually y == 0;
    property q: eventually always y < 3;
    """
    text = text.replace("var x[0..69]: bool;", "")
    assert violated(system_of(tmp_path, text)) == {"q"}


def test_conditions_and_steps_beyond_a_byte(tmp_path: Path) -> None:
    """Formulas with many atoms."""
    terms = " && ".join(f"(eventually x == {i})" for i in range(12))
    text = f"var x: 0..11; action up() {{ x = (x + 1) % 12; }} property p: {terms}; property q: x == 0 until x == 2;"
    assert violated(system_of(tmp_path, text)) == {"q"}


@pytest.mark.parametrize("fold", ["on", "off"])
def test_states_in_halves(tmp_path: Path, fold: Literal["on", "off"]) -> None:
    """Long states are stored as numbers of their halves when memory is scarce: the graph reads them all the same."""
    text = """
    var x[0..3]: 0..3;
    var wide[0..39]: 0..1000000;
    action up(i: 0..3) { x[i] = (x[i] + 1) % 4; wide[i * 9] = x[i] * 1000; }
    weak fair up;
    property low: forall i in 0..3: always eventually x[i] == 0 && wide[i * 9] == 0;
    property high: always (x[3] == 3 => wide[27] < 3000);
    property still: eventually always x[0] == 0;
    """
    text = text.replace("eventually x[i] == 0 && wide[i * 9] == 0", "eventually (x[i] == 0 && wide[i * 9] == 0)")
    system = system_of(tmp_path, text)
    result = ExplicitEngine(Tuning(fold=fold)).check(system, ALL, BUDGET, Quiet())
    assert {f.property for f in result.findings} == {"high", "still"}
    assert all(confirm(system, f) is None for f in result.findings)
    assert not any("interpreter" in n for n in result.notes), result.notes


@pytest.mark.parametrize("looks", [0, 3, 10, 30])
def test_interruption(tmp_path: Path, looks: int) -> None:
    """A run that is cancelled at any moment decides nothing that it has not decided."""

    class Impatient(Quiet):
        left = looks

        def cancelled(self) -> bool:
            self.left -= 1
            return self.left < 0

    text = "var x[0..4]: 0..4; action up(i: 0..4) { x[i] = (x[i] + 1) % 5; } property p: eventually always x[0] == 0;"
    system = system_of(tmp_path, text)
    result = ExplicitEngine().check(system, ALL, BUDGET, Impatient())
    assert not result.behaviours
    found = {f.property for f in result.findings}
    assert found == {"p"} or "interrupted" in (result.reason, result.undecided)


def test_bounded_search_shows_what_stays_within_its_states(tmp_path: Path) -> None:
    """A behaviour through the states that were seen is real; that there is none among them proves nothing."""
    text = """
    var x: 0..100;
    action up() when x < 100 { x++; }
    action back() when x == 3 { x = 0; }
    action end() when x == 100 { x = 0; }
    property far: eventually x == 50;
    property high: always x < 60;
    """
    system = system_of(tmp_path, text)
    for depth, expected in ((2, set()), (5, {"far"}), (70, {"far"})):
        result = ExplicitEngine().check(system, ALL, replace(BUDGET, depth=depth), Quiet())
        assert result.status == "bounded"
        assert not result.behaviours
        assert {f.property for f in result.findings} == expected
        assert all(confirm(system, f) is None for f in result.findings)
    assert violated(system) == {"far", "high"}
