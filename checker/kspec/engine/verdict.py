"""Verdicts: what is known about each property after engines have answered, and how strongly.

A verdict is never a bare "OK".  From strong to weak: ``proved`` (inductive), ``exhausted`` (every
reachable state was seen), ``bounded`` (nothing within k steps), ``hunted`` (nothing among states told
apart by hashes), ``simulated`` (nothing on random walks),
``unknown``; or ``violated``, and for
a ``reachable`` property ``reached``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kspec.engine.protocol import Evidence, Finding, Result, Run
from kspec.system.effects import system_errors
from kspec.system.model import System

Strength: TypeAlias = Literal[
    "violated", "reached", "proved", "exhausted", "bounded", "hunted", "simulated", "unknown"
]
Kind: TypeAlias = Literal["invariant", "step", "reachable", "assert", "lemma", "property", "deadlock", "error"]

_RANK: dict[Strength, int] = {
    "violated": 0, "reached": 0, "proved": 1, "exhausted": 2, "bounded": 3, "hunted": 4, "simulated": 5, "unknown": 6,
}  # fmt: skip


@dataclass(frozen=True)
class Goal:
    """Something that is checked: a declared property, ``deadlock``, or ``error.<kind>``."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Verdict:
    """What is known about one property.

    ``states`` goes with ``exhausted`` (``orbits`` too, where each of so many states stood for its orbit and
    ``states``, if it is known, is how many there are; ``partial``: some steps of these were left out); ``bound``
    (steps) with ``bounded``, and with ``unknown`` where something is known; ``run`` with ``violated`` and
    ``reached`` (a ``reachable`` property that nothing reaches is violated without a run); ``reason``
    with ``unknown``, ``hunted`` and ``simulated``; ``omission`` with ``hunted`` (the probability that a state was
    overlooked).  ``within_limit``: only states within the model's limits were looked at.
    """

    property: str
    kind: Kind
    strength: Strength
    engine: str = ""
    within_limit: bool = False
    states: int | None = None
    bound: int | None = None
    run: Run | None = None
    reason: str = ""
    orbits: int | None = None
    partial: bool = False
    omission: float | None = None

    def text(self) -> str:
        """The verdict in words: ``exhausted within limit, 58077 states``."""
        limit = " within limit" if self.within_limit else ""
        match self.strength:
            case "violated" if self.run is None:
                return f"never reached{limit}, {self._counted()}"
            case "violated" if self.run is not None and self.run.loop is not None:
                return f"violated by a behaviour of {count(self.run.length, 'step')}"
            case "violated" | "reached":
                return f"{self.strength} in {count(self.run.length if self.run else 0, 'step')}"
            case "exhausted":
                return f"exhausted{limit}, {self._counted()}"
            case "bounded":
                return f"bounded {self.bound}{limit}"
            case "hunted":
                why = f" ({self.reason})" if self.reason else ""
                return f"hunted {count(self.states, 'state')}{why}{limit}, omission probability {self.omission:.1e}"
            case "simulated":
                return self.reason
            case "unknown" if self.bound is not None and self.kind != "reachable":
                return f"unknown ({self.reason}; nothing within {count(self.bound, 'step')}{limit})"
            case "unknown":
                return f"unknown ({self.reason})"
            case "proved":
                return f"proved{limit}"

    def _counted(self) -> str:
        if self.orbits is None:
            return count(self.states, "state")
        if self.partial:
            return f"{count(self.orbits, 'state')} by partial-order reduction"
        if self.states is None:
            return f"{count(self.orbits, 'state')} up to symmetry"
        return f"{count(self.states, 'state')} ({self.orbits} up to symmetry)"


def count(n: int | None, noun: str) -> str:
    """``1 state``, ``5 states``."""
    return f"{n or 0} {noun}{'' if n == 1 else 's'}"


def goals_of(system: System) -> tuple[Goal, ...]:
    """Everything that is checked in a system: declared properties, deadlock, the errors that can occur.

    A system with none of these has the goal ``true``: how far it was explored is still worth saying.
    """
    out = [Goal(p.name, p.kind) for p in system.properties]
    if system.deadlock:
        out.append(Goal("deadlock", "deadlock"))
    out += [Goal(f"error.{k}", "error") for k in system_errors(system)]
    return tuple(out) or (Goal("true", "invariant"),)


def verdicts(system: System, results: Iterable[Result]) -> tuple[Verdict, ...]:
    """The strongest verdict on every goal; results must have passed confirmation and cross-check."""
    answers = tuple(results)
    goals = goals_of(system)
    known = {g.name for g in goals}
    extra = {f.property for r in answers for f in r.findings} - known
    goals += tuple(Goal(name, "error") for name in sorted(extra))
    return tuple(_best(system, g, answers) for g in goals)


def _best(system: System, goal: Goal, results: tuple[Result, ...]) -> Verdict:
    found = [_verdict(system, goal, r) for r in results]
    if not found:
        return Verdict(goal.name, goal.kind, "unknown", reason="no engine ran")
    return min(found, key=lambda v: (_RANK[v.strength], -(v.bound or 0), v.run.length if v.run else 0))


def _verdict(system: System, goal: Goal, r: Result) -> Verdict:
    limited = bool(system.limits)
    states = orbits = None
    partial = r.evidence is not None and r.evidence.partial
    if r.evidence is not None:
        states = r.evidence.represents if r.evidence.reduction else r.evidence.states
        orbits = r.evidence.states if r.evidence.reduction else None

    def say(strength: Strength, run: Run | None = None, bound: int | None = None, reason: str = "") -> Verdict:
        seen = strength in ("exhausted", "violated", "hunted")
        return Verdict(
            goal.name, goal.kind, strength, r.engine, limited and strength not in ("violated", "reached"),
            states if seen else None, bound, run, reason, orbits if seen else None, seen and partial,
            r.omission if strength == "hunted" else None,
        )  # fmt: skip

    finding = _named(r.findings, goal.name)
    if finding is not None:
        return say("violated", finding.run)
    if goal.kind == "reachable":
        witness = _named(r.witnesses, goal.name)
        if witness is not None:
            return say("reached", witness.run)
        within = complete_depth(r)
        where = f"not reached within {count(within, 'step')}" if within is not None else "not reached yet"
        return say("unknown", bound=within, reason=f"{where}; {r.reason}" if r.reason else where)
    if goal.kind == "property":
        if goal.name in r.behaviours:
            return say("proved" if r.status == "proved" else "exhausted")  # nothing is claimed that needs behaviours
        refined = any(p.name == goal.name for p in system.refinements)
        why = r.undecided or r.reason
        if refined and r.evidence is None and r.status == "bounded":
            why = ""  # only who explores states looks at refinement
        elif not why and r.status == "stopped":
            why = "the search ended at a violation"
        elif not why and r.status == "bounded":
            why = f"only {count(r.bound, 'step')} were looked at"
        what = "refinement" if refined else "temporal properties"
        return say("unknown", reason=why or f"{r.engine} does not decide {what}")
    if goal.name in r.proved:
        return say("proved")
    if r.status == "exhausted":
        return say("exhausted")
    if r.status == "hunted":
        return say("hunted", reason=r.reason)
    if r.status == "simulated":
        return say("simulated", reason=r.reason)
    within = complete_depth(r)
    if within is not None and r.status in ("stopped", "bounded"):
        return say("bounded", bound=within)
    if r.status == "proved":
        return say("unknown", reason=r.reason or f"{r.engine} did not check it")
    return say("unknown", bound=within, reason=r.reason or "no answer")


def complete_depth(r: Result) -> int | None:
    """The number of steps within which a result has everything there is; None when it does not say."""
    if r.evidence is not None and r.evidence.partial:
        return r.bound  # its levels are not distances
    match r.status:
        case "bounded":
            return r.bound
        case "simulated" | "hunted":
            return None
        case "stopped" | "unknown" | "exhausted" if r.evidence is not None:
            return r.evidence.depth
        case _:
            return r.bound


def is_shortest(r: Result, length: int, name: str = "") -> bool:
    """Whether a finding of that length (for that property) is known to be as short as can be: nothing shorter
    was left out."""
    complete = complete_depth(r)
    finding = _named(r.findings, name)
    if finding is not None and finding.run is not None and finding.run.loop is not None:
        return name in r.shortest
    exhausted = r.status == "exhausted" and (r.evidence is None or not r.evidence.partial)
    return exhausted or name in r.shortest or (complete is not None and length <= complete + 1)


def known_shortest(results: Iterable[Result], name: str, length: int) -> bool:
    """Whether the results together show that no run to a violation of ``name`` has fewer steps than ``length``."""
    for r in results:
        finding = _named(r.findings, name)
        if finding is not None and finding.run is not None and finding.run.loop is not None:
            return False  # a behaviour, of which there are no shortest ones
        own = finding is not None and finding.run is not None and finding.run.length == length
        complete = complete_depth(r)
        if (own and is_shortest(r, length, name)) or (complete is not None and length <= complete + 1):
            return True
    return False


def evidence_of(results: Iterable[Result]) -> Evidence | None:
    """The evidence of an exhaustive search among the results, else of the one that got furthest."""
    found = [r for r in results if r.evidence is not None]
    best = max(found, key=_weight, default=None)
    return best.evidence if best else None


def _weight(r: Result) -> tuple[bool, bool, int]:
    """All states, all states and not only some that stand for others, many states."""
    e = r.evidence or Evidence()
    return r.status == "exhausted", not e.reduction, e.states


def _named(findings: tuple[Finding, ...], name: str) -> Finding | None:
    return next((f for f in findings if f.property == name), None)
