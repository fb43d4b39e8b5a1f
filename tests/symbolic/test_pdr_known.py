"""IC3 on systems whose answers are known."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from kspec.certify.check import recheck
from kspec.engine.protocol import Budget, Goals, Result
from kspec.interp.confirm import confirm
from kspec.interp.machine import Machine
from kspec.lang.load import load
from kspec.lower.build import build
from kspec.symbolic.encode import encode
from kspec.symbolic.ic3.engine import PdrEngine
from kspec.symbolic.ic3.generalise import Effort
from kspec.symbolic.ic3.problem import problem
from kspec.symbolic.induction import Induction
from kspec.symbolic.kinduction import claims
from kspec.symbolic.solver import new_solver
from kspec.system.expr import Cell, Narrow, Var
from kspec.system.model import Property, System
from kspec.system.representation import with_representation
from kspec.system.stmt import Choose, Require
from kspec.types import BOOL, RangeType
from symbolic.build import act, block, conj, e, eq, implies, inv, lt, ne, no, plus, put, rd, system
from symbolic.classics import german, peterson
from symbolic.support import Quiet, lengths

MODELS = Path(__file__).parents[2] / "models"


def check(s: System, goals: Goals = Goals(), engine: PdrEngine = PdrEngine(), **budget: float) -> Result:  # noqa: B008
    result = engine.check(s, goals, Budget(**budget), Quiet())  # type: ignore[arg-type]
    machine = Machine(s)
    for f in (*result.findings, *result.witnesses):
        assert confirm(machine, f) is None
    for text in result.certificates:
        assert recheck(s, text).problems == ()
    return result


def clauses(result: Result) -> list[str]:
    return [c["text"] for text in result.certificates for layer in json.loads(text)["layers"] for c in layer["clauses"]]


@pytest.mark.parametrize("s", [peterson(2), german(2), german(3)], ids=lambda s: s.name)
def test_protocols_are_proved(s: System) -> None:
    result = check(s)
    assert result.status == "proved", result
    assert set(result.proved) == set(claims(s))
    assert clauses(result)


def test_a_shallow_violation_is_shortest() -> None:
    result = check(german(3, wrong=True))
    assert result.status == "stopped"
    assert lengths(result.findings) == {"ctrl": 8}
    assert result.shortest == ("ctrl",)
    assert result.notes == ()


def test_a_deep_violation_that_is_not_known_to_be_shortest_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kspec.symbolic.ic3.engine.SHORTENING_SECONDS", 0.05)
    result = check(peterson(4, levels=3))
    (length,) = lengths(result.findings).values()
    assert length >= 25
    assert result.shortest == ()
    assert result.bound is not None and result.bound + 1 < length
    assert result.notes == (f"mutex: a run shorter than {length} steps may exist",)


def test_a_wanted_violation_is_found_past_others() -> None:
    s = german(3, wrong=True)
    result = check(s, Goals(wanted=frozenset({"data"})))
    assert [f.property for f in result.findings] == ["data"]
    assert result.status == "stopped"


@pytest.mark.parametrize("engine", [
    PdrEngine(few=2), PdrEngine(few_numbers=16), PdrEngine(effort=Effort(3, 1, 0, after=0)),
    PdrEngine(effort=Effort(3, 1, 4, after=0)), PdrEngine(solver="glucose4"),
], ids=["bits", "values", "examples", "joins", "solver"])  # fmt: skip
def test_other_settings_prove_the_same(engine: PdrEngine) -> None:
    assert check(peterson(2), engine=engine).status == "proved"


# Corners


X = Cell("x", (), RangeType(0, 100_000))
FLAG = Cell("flag", (), BOOL)


def counter(step: int) -> System:
    """A counter of many values that wraps early."""
    up = act("up", (), lt(rd(X), 90_000), put(X, plus(rd(X), step)))
    wrap = act("wrap", (), no(lt(rd(X), 90_000)), put(X, 0))
    return system("counter", (X, FLAG), (up, wrap), (inv("even", no(eq(rd(X), 77_777))),))


def test_scalars_of_many_values() -> None:
    result = check(counter(2))
    assert result.status == "proved", result
    assert any("% 2" in text for text in clauses(result))


def test_an_error_in_the_init_block() -> None:
    bad = Narrow(plus(rd(X), -1), 0, 100_000, "range")
    s = system("bad", (X,), (), (), init=block(put(X, bad)))
    result = check(s)
    assert [(f.property, f.run and f.run.initial) for f in result.findings] == [("error.range", None)]


def test_no_initial_state() -> None:
    s = system("none", (FLAG,), (), (inv("never", 0),), init=block(Require(e(0))))
    result = check(s)
    assert result.status == "proved"


def test_several_initial_states_and_a_limit() -> None:
    small = Cell("n", (), RangeType(0, 7))
    chosen = Var("v", 0, 7)
    start = block(Choose(chosen, lt(chosen, 4), "error"), put(small, chosen))
    up = act("up", (), lt(rd(small), 7), put(small, plus(rd(small), 1)))
    properties = (inv("low", ne(rd(small), 6)), Property("five", "reachable", eq(rd(small), 5)))
    s = system("several", (small,), (up,), properties, init=start, limits=(lt(rd(small), 6),))
    result = check(s)
    assert result.status == "proved"
    assert lengths(result.witnesses)["five"] >= 2
    without = system("several", (small,), (up,), properties, init=start)
    assert lengths(check(without).findings) == {"low": 3}


def test_something_never_reached_is_a_violation_without_a_run() -> None:
    up = act("up", (), no(rd(FLAG)), put(FLAG, 1))
    a, b = Cell("a", (), BOOL), Cell("b", (), BOOL)
    both = Property("both", "reachable", conj(rd(a), no(rd(b))))
    s = system("never", (FLAG, a, b), (up,), (both, inv("same", implies(rd(a), rd(b)))))
    result = check(s)
    assert [(f.property, f.run) for f in result.findings] == [("both", None)]
    assert "same" in result.proved


# Budgets


def test_the_depth_bounds_the_frames() -> None:
    result = check(peterson(3), depth=3)
    assert (result.status, result.bound) == ("bounded", 3)


def test_the_time_budget_is_kept_and_what_is_known_is_said() -> None:
    started = time.monotonic()
    result = PdrEngine().check(peterson(5), Goals(), Budget(seconds=3), Quiet())
    assert time.monotonic() - started < 5
    assert result.status == "unknown"
    assert "the time budget" in result.reason
    assert result.bound is not None and result.bound > 0


# What people read


PRINTED = [
    ("classic/two_phase_commit.kspec", {"RMS": "3"}),
    ("classic/two_phase_commit.kspec", {"RMS": "1"}),
    ("classic/german.kspec", {"NODES": "2"}),
    ("classic/alternating_bit.kspec", {}),
    ("classic/futex_mutex.kspec", {}),
    ("classic/mesi.kspec", {}),
]


@pytest.mark.parametrize(("file", "params"), PRINTED, ids=lambda x: str(x))
def test_what_is_printed_is_the_invariant(file: str, params: dict[str, str], tmp_path: Path) -> None:
    """Clauses can be pasted into the model as lemmas: they are inductive with its properties."""
    path = MODELS / file
    result = check(build(load(str(path)), params))
    assert result.status == "proved"
    texts = clauses(result)
    if not texts:
        pytest.skip("its properties are inductive as they are")
    copy = tmp_path / path.name
    lemmas = "".join(f"lemma clause_{i}: {text};\n" for i, text in enumerate(texts))
    copy.write_text(path.read_text() + "\n" + lemmas)
    s = with_representation(build(load(str(copy)), params))
    names = claims(s)
    assert set(Induction(encode(s), new_solver(), names).prove(names)[0]) == set(names)


def test_cubes_describe_states_exactly() -> None:
    """Of every state of a small system, by value and by bit: a literal is in the cube if and only if it is true."""
    s = german(2)
    for few in (2, 16):
        p = problem(encode(s), few, few)
        for state in [o.post for o in Machine(s).initial()]:
            assert state is not None
            cube = p.literals.cube(state)
            for n, x in enumerate(p.literals.table):
                assert (n in cube) == x.allows(state[x.position], p.literals.ranges[x.position][0])


def test_cubes_with_very_many_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames hear of some of them only; the proof stands all the same."""
    monkeypatch.setattr("kspec.symbolic.ic3.symmetry.MOST_IMAGES", 3)
    path = MODELS / "classic/futex_mutex.kspec"
    assert check(build(load(str(path)), {"THREADS": "3"})).status == "proved"
