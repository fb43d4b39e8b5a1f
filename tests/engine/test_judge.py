"""Verdicts against expectations, in both directions, and engines against each other."""

from __future__ import annotations

import pytest
from engine.toy_systems import counter, stuck
from kspec.engine.crosscheck import disagreements
from kspec.engine.judge import Judgement, judge
from kspec.engine.outcome import exit_code
from kspec.engine.protocol import Evidence, Finding, Result, Run, Step
from kspec.engine.verdict import complete_depth, evidence_of, goals_of, is_shortest, verdicts
from kspec.system.check import Expectation
from kspec.system.model import System

PLAIN = counter(5)
LIMITED = counter(5, limit=5)
SEEN = Evidence(states=6, transitions=6, depth=5, actions=(("up", 5), ("wrap", 1)), digest=7)
REACHED = Finding("gets_there", Run((0,), tuple(Step("up", (), (n,)) for n in range(1, 6))))
BAD = Finding("small", Run((0,), (Step("up", (), (1,)),)))
STUCK = Finding("deadlock", Run((0,)))
NEVER = Finding("gets_there", None)

EXHAUSTED = Result("explicit", "exhausted", witnesses=(REACHED,), evidence=SEEN)
BOUNDED = Result("bmc", "bounded", witnesses=(REACHED,), bound=25)
PROVED = Result("kinduction", "proved", witnesses=(REACHED,), proved=("small", "deadlock"))
OUT_OF_TIME = Result("explicit", "unknown", evidence=Evidence(states=3, depth=2), reason="time")
VIOLATED = Result("explicit", "stopped", findings=(BAD,), evidence=Evidence(states=2, depth=1))
BOTH = Result("explicit", "exhausted", findings=(STUCK, BAD), witnesses=(REACHED,), evidence=SEEN)
UNREACHED = Result("explicit", "exhausted", findings=(NEVER,), evidence=SEEN)
WALKS = Result("simulate", "simulated", witnesses=(REACHED,), reason="simulated 9 walks")

HOLDS = Expectation("holds")
UP_TO = Expectation("holds", up_to=25)
WITHIN = Expectation("holds", within_limit=True)
PINNED = Expectation("holds", states=6, transitions=6)
OTHER = Expectation("holds", states=7)
BREAKS = Expectation("violates", "small")
ONLY = Expectation("violates", "small", only=True)
LOCKS = Expectation("violates", "deadlock")
MISSES = Expectation("violates", "gets_there")


def of(expect: Expectation, *results: Result, system: System = PLAIN) -> Judgement:
    counted = any(r.status == "exhausted" for r in results)
    return judge(expect, verdicts(system, results), evidence_of(results), counted)


@pytest.mark.parametrize(
    ("expect", "results", "outcome"),
    [
        (HOLDS, [EXHAUSTED], "met"),
        (HOLDS, [PROVED], "met"),
        (HOLDS, [BOUNDED], "undecided"),
        (HOLDS, [WALKS], "undecided"),
        (HOLDS, [OUT_OF_TIME], "undecided"),
        (HOLDS, [OUT_OF_TIME, PROVED], "met"),
        (HOLDS, [VIOLATED], "unmet"),
        (HOLDS, [UNREACHED], "unmet"),
        (HOLDS, [], "undecided"),
        (UP_TO, [BOUNDED], "met"),
        (UP_TO, [EXHAUSTED], "met"),
        (UP_TO, [PROVED], "met"),
        (UP_TO, [OUT_OF_TIME], "undecided"),
        (Expectation("holds", up_to=26), [BOUNDED], "undecided"),
        (Expectation("holds", up_to=2), [OUT_OF_TIME], "met"),
        (UP_TO, [VIOLATED], "unmet"),
        (PINNED, [EXHAUSTED], "met"),
        (OTHER, [EXHAUSTED], "unmet"),
        (PINNED, [PROVED], "undecided"),
        (PINNED, [BOUNDED], "undecided"),
        (WITHIN, [EXHAUSTED], "unmet"),
        (BREAKS, [VIOLATED], "met"),
        (BREAKS, [BOTH], "met"),
        (BREAKS, [EXHAUSTED], "unmet"),
        (BREAKS, [PROVED], "unmet"),
        (BREAKS, [BOUNDED], "undecided"),
        (BREAKS, [OUT_OF_TIME], "undecided"),
        (LOCKS, [VIOLATED], "undecided"),
        (ONLY, [BOTH], "unmet"),
        (ONLY, [VIOLATED], "undecided"),
        (ONLY, [Result("explicit", "exhausted", findings=(BAD,), witnesses=(REACHED,), evidence=SEEN)], "met"),
        (MISSES, [UNREACHED], "met"),
        (MISSES, [EXHAUSTED], "unmet"),
        (Expectation("violates", "nothing"), [EXHAUSTED], "invalid"),
    ],
)
def test_judgements(expect: Expectation, results: list[Result], outcome: str) -> None:
    judgement = of(expect, *results)
    assert judgement.outcome == outcome, judgement


@pytest.mark.parametrize(("expect", "outcome"), [(HOLDS, "unmet"), (WITHIN, "met"), (BREAKS, "unmet"), (UP_TO, "met")])
def test_a_limit_has_to_be_declared(expect: Expectation, outcome: str) -> None:
    judgement = of(expect, EXHAUSTED, system=LIMITED)
    assert judgement.outcome == outcome
    assert "within limit" in judgement.got


@pytest.mark.parametrize(
    ("results", "text"),
    [
        ([EXHAUSTED], "exhausted, 6 states"),
        ([PROVED], "proved"),
        ([EXHAUSTED, PROVED], "proved"),
        ([BOUNDED], "bounded 25"),
        ([WALKS], "simulated 9 walks"),
        ([OUT_OF_TIME], "unknown (time; nothing within 2 steps)"),
        ([VIOLATED], "violated small in 1 step"),
        ([BOTH], "violated deadlock in 0 steps, small in 1 step"),
        ([UNREACHED], "never reached gets_there"),
    ],
)
def test_a_verdict_says_how_strong_it_is(results: list[Result], text: str) -> None:
    assert of(HOLDS, *results).got == text


def test_the_expected_violation_is_named_first() -> None:
    assert of(BREAKS, BOTH).got.startswith("violated small")


def test_a_system_without_properties_still_has_to_be_explored() -> None:
    assert [g.name for g in goals_of(stuck())] == ["deadlock"]
    empty = System("empty", (), (), (), stuck().init, (), (), deadlock=False)
    assert of(HOLDS, OUT_OF_TIME, system=empty).outcome == "undecided"
    assert of(HOLDS, Result("x", "exhausted", evidence=SEEN), system=empty).got == "exhausted, 6 states"


@pytest.mark.parametrize("result", [EXHAUSTED, BOUNDED, PROVED, OUT_OF_TIME, VIOLATED, BOTH, UNREACHED])
def test_a_result_agrees_with_itself(result: Result) -> None:
    assert disagreements([result, result]) == ()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (EXHAUSTED, BOUNDED), (EXHAUSTED, PROVED), (EXHAUSTED, OUT_OF_TIME), (EXHAUSTED, WALKS),
        (VIOLATED, OUT_OF_TIME.__class__("x", "unknown", reason="time")), (BOTH, VIOLATED.__class__(
            "bmc", "stopped", findings=(STUCK,), bound=0)),
    ],
)  # fmt: skip
def test_answers_that_fit_together(a: Result, b: Result) -> None:
    assert disagreements([a, b]) == () == disagreements([b, a])


OTHER_COUNT = Result("b", "exhausted", witnesses=(REACHED,), evidence=Evidence(7, 6, 5, SEEN.actions, digest=7))
OTHER_DIGEST = Result("b", "exhausted", witnesses=(REACHED,), evidence=Evidence(6, 6, 5, SEEN.actions, digest=8))
LONGER = Result("b", "stopped", findings=(Finding("small", REACHED.run),), bound=5)


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        (EXHAUSTED, VIOLATED, "saw all states and does not"),
        (BOUNDED, VIOLATED, "saw 25 steps deep and does not"),
        (PROVED, VIOLATED, "violates what kinduction proved: small"),
        (VIOLATED, LONGER, "in 1 steps, b in 5 steps"),
        (EXHAUSTED, UNREACHED, "reaches"),
        (EXHAUSTED, OTHER_COUNT, "states: explicit has 6, b has 7"),
        (EXHAUSTED, OTHER_DIGEST, "digest"),
    ],
)
def test_disagreements(a: Result, b: Result, says: str) -> None:
    assert says in " ".join(disagreements([a, b]))
    assert disagreements([b, a])


def test_walks_may_find_longer_runs_but_nothing_that_is_not_there() -> None:
    walked = Result("simulate", "simulated", findings=(Finding("small", REACHED.run),))
    assert disagreements([VIOLATED, walked]) == ()
    assert disagreements([EXHAUSTED, walked])


def test_what_a_result_is_complete_to() -> None:
    assert [complete_depth(r) for r in (EXHAUSTED, BOUNDED, OUT_OF_TIME, WALKS)] == [5, 25, 2, None]
    assert is_shortest(VIOLATED, 1) and is_shortest(OUT_OF_TIME, 3) and not is_shortest(OUT_OF_TIME, 4)


def test_exit_codes_are_ranked() -> None:
    assert exit_code({"met"}) == 0
    assert exit_code({"met", "undecided"}) == 3
    assert exit_code({"undecided", "unmet"}) == 1
    assert exit_code({"unmet", "invalid", "undecided"}) == 2
    assert exit_code({"fault", "invalid"}) == 70
