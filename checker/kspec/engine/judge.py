"""Did a check end as declared?  Verdicts against the expectation, in both directions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kspec.engine.protocol import Evidence
from kspec.engine.verdict import Verdict, count
from kspec.system.check import Expectation

OPEN = ("bounded", "hunted", "simulated", "unknown")
"""Strengths of verdicts that leave open whether a property holds."""
_MOST = 3
_LAST = 1 << 30

Outcome: TypeAlias = Literal["met", "unmet", "undecided", "invalid", "fault"]


@dataclass(frozen=True)
class Judgement:
    """``met``: as declared; ``unmet``: not; ``undecided``: no answer that is strong enough.

    ``got`` says in a few words what came out; ``why`` adds what these do not show.
    """

    outcome: Outcome
    got: str
    why: tuple[str, ...] = ()


def judge(
    expect: Expectation, verdicts: tuple[Verdict, ...], evidence: Evidence | None, counted: bool
) -> Judgement:
    """Compares what came out with what was declared; ``counted``: some engine saw every reachable state."""
    violated = [v for v in verdicts if v.strength == "violated"]
    got = summary(verdicts, expect.property)
    if expect.kind == "violates":
        return _judge_violates(expect, verdicts, violated, got)
    if violated:
        return Judgement("unmet", got)
    unmet = _mismatches(expect, verdicts, evidence)
    if unmet:
        return Judgement("unmet", got, unmet)
    if evidence is not None and evidence.reduction:
        counted = expect.transitions is None and evidence.represents is not None
    weak = _weaknesses(expect, verdicts, counted)
    return Judgement("undecided", got, weak) if weak else Judgement("met", got)


def _judge_violates(expect: Expectation, verdicts: tuple[Verdict, ...], violated: list[Verdict], got: str) -> Judgement:
    wanted = next((v for v in verdicts if v.property == expect.property), None)
    if wanted is None:
        return Judgement("invalid", got, (f"the model has no property `{expect.property}`",))
    others = [v for v in violated if v is not wanted]
    if expect.only and others:
        return Judgement("unmet", got, (f"expected only {expect.property}, but {_names(others)} violated too",))
    if wanted.strength == "violated":
        open_ends = [v for v in verdicts if expect.only and v.strength in OPEN]
        if open_ends:
            text = f"{expect.property} is violated; whether it alone is, is open: not decided are {_listed(open_ends)}"
            return Judgement("undecided", got, (text,))
        return Judgement("met", got)
    if wanted.strength in ("proved", "exhausted", "reached"):
        return Judgement("unmet", got, () if got == wanted.text() else (f"{wanted.property}: {wanted.text()}",))
    return Judgement("undecided", got, (f"no violation of {expect.property} found: {wanted.text()}",))


def _mismatches(expect: Expectation, verdicts: tuple[Verdict, ...], evidence: Evidence | None) -> tuple[str, ...]:
    """What no larger budget would mend."""
    out: list[str] = []
    limited = any(v.within_limit for v in verdicts)
    if limited and not expect.within_limit and expect.up_to is None:
        out.append("the model has a limit: a bare `holds` does not say so, declare `holds within limit`")
    if expect.within_limit and not limited and not any(v.strength == "unknown" for v in verdicts):
        out.append("`holds within limit` was declared, but the model has no limit")
    if evidence is not None and all(v.strength in ("exhausted", "proved", "reached") for v in verdicts):
        for noun, pinned, seen in (
            ("states", expect.states, evidence.represents if evidence.reduction else evidence.states),
            ("transitions", expect.transitions, None if evidence.reduction else evidence.transitions),
        ):
            if None not in (pinned, seen) and pinned != seen:
                out.append(f"expected exactly {pinned} {noun}, got {seen}")
    return tuple(out)


def _weaknesses(expect: Expectation, verdicts: tuple[Verdict, ...], counted: bool) -> tuple[str, ...]:
    """What is weaker than declared, and might be mended by another engine or a larger budget."""
    weak = [v for v in verdicts if not _strong_enough(v, expect)]
    if weak:
        return (f"not decided: {_listed(weak)}",)
    pinned = expect.states is not None or expect.transitions is not None
    if pinned and not counted:
        found = sorted({v.engine for v in verdicts if v.strength == "proved"})
        how = f"{' and '.join(found)} proved it without counting states" if found else "the states were not all counted"
        return (f"`{_pinned(expect)}` is pinned, but {how}: use --engine explicit or auto, or leave the count out",)
    return ()


def _pinned(expect: Expectation) -> str:
    counts = (("states", expect.states), ("transitions", expect.transitions))
    return " ".join(f"{noun} {n}" for noun, n in counts if n is not None)


def _strong_enough(v: Verdict, expect: Expectation) -> bool:
    match v.strength:
        case "proved" | "exhausted" | "reached":
            return True
        case "bounded" | "unknown":
            return expect.up_to is not None and v.bound is not None and v.bound >= expect.up_to
        case "violated" | "hunted" | "simulated":
            return False


def summary(verdicts: Iterable[Verdict], expected: str | None = None) -> str:
    """All verdicts in one short text: the violations, the expected one first and then the shortest, or else
    the weakest verdict: ``violated a in 8 steps, b in 9 steps``."""
    every = tuple(verdicts)
    violated = [v for v in every if v.strength == "violated"]
    if violated:
        violated.sort(key=lambda v: (v.property != expected, v.run.length if v.run else _LAST))
        parts: list[str] = []
        for v in violated[:_MOST]:
            if v.run is None:
                parts.append(f"never reached {v.property}")
            else:
                word = "" if parts else "violated "
                parts.append(f"{word}{v.property} in {count(v.run.length, 'step')}")
        more = len(violated) - _MOST
        return ", ".join(parts) + (f" and {more} more" if more > 0 else "")
    if not every:
        return "nothing to check"
    order = ("unknown", "simulated", "hunted", "bounded", "exhausted", "proved", "reached")
    worst = min(every, key=lambda v: (order.index(v.strength), v.bound or 0))
    if worst.strength == "reached":
        return count(len(every), "property").replace("propertys", "properties") + " reached"
    return worst.text()


def _names(found: list[Verdict]) -> str:
    names = ", ".join(v.property for v in found)
    return f"{names} {'is' if len(found) == 1 else 'are'}"


def _listed(weak: list[Verdict]) -> str:
    names = ", ".join(v.property for v in weak[:_MOST])
    return names + (f" and {len(weak) - _MOST} more" if len(weak) > _MOST else "")
