"""Why a log leaves the model, and which single mistake in the log or the model would explain it.

Hypotheses are tried, not guessed: each changes one thing at the place where no state is left, and is as good as
the number of records that follow without another mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod

from kspec.conform.binding import Call, Reading
from kspec.conform.matcher import Matcher, Moment, Outcome, Rejected
from kspec.interp.disabled import Blocked, why_disabled
from kspec.interp.machine import Machine
from kspec.system.model import State
from kspec.types import show_scalar

AHEAD = 40
"""Records after the place of the mistake that a hypothesis has to explain."""
MOST_TRIED = 4000
FEW = 64
"""Argument lists of an action, or values of an argument, up to which all are tried."""
NEAR = 4
"""How far from the value in the record others are tried where there are more."""
MOST_SHOWN = 4


@dataclass(frozen=True)
class Hypothesis:
    """What might be wrong, in words, and how many of the next records it lets through."""

    text: str
    explained: int


@dataclass(frozen=True)
class Diagnosis:
    """``blocked``: what is in the way of each action; ``hypotheses``: the best first."""

    blocked: tuple[Blocked, ...]
    hypotheses: tuple[Hypothesis, ...]
    ahead: int


def diagnose(machine: Machine, outcome: Outcome, rejected: Rejected, following: Sequence[Moment]) -> Diagnosis:
    """``following`` are the next records with what they may mean (their states are not known)."""
    matcher = Matcher(machine)
    moment = rejected.moment
    blocked = tuple(b for r in moment.readings for b in _blocked(matcher, moment.before, r))
    ahead = [m.readings for m in following][:AHEAD]
    found: dict[str, int] = {}
    for tried, (text, states, rest) in enumerate(_hypotheses(matcher, outcome, moment, ahead)):
        if tried > MOST_TRIED:
            break
        explained = len(ahead) - len(rest) + _explained(matcher, states, rest)
        if states and explained >= found.get(text, 0):
            found[text] = explained
    ranked = sorted(found.items(), key=lambda kv: -kv[1])
    return Diagnosis(blocked, tuple(Hypothesis(t, n) for t, n in ranked[:MOST_SHOWN]), len(ahead))


_Readings = Sequence[tuple[Reading, ...]]


def _blocked(matcher: Matcher, states: Sequence[State], reading: Reading) -> Sequence[Blocked]:
    """What is in the way of the first of the calls of a reading that cannot be made."""
    for call in reading.calls:
        after = tuple(dict.fromkeys(post for s in states for post in matcher.taken(s, (call,))))
        if not after:
            return why_disabled(matcher.machine, states, [(call.action, call.args)])
        states = after
    return ()


def _explained(matcher: Matcher, states: Sequence[State], ahead: _Readings) -> int:
    """How many records in a row can be followed."""
    current = tuple(states)
    for n, readings in enumerate(ahead):
        closed = matcher.closed(current)
        if closed is None or len(closed) > 64:
            return n
        after = matcher.after(closed, readings) if readings else dict.fromkeys(closed)
        if not after:
            return n
        current = tuple(after)
    return len(ahead)


def _hypotheses(
    matcher: Matcher, outcome: Outcome, moment: Moment, ahead: _Readings
) -> Iterator[tuple[str, Sequence[State], _Readings]]:
    """What might be wrong, the states in which the log would go on, and what is then to come."""
    before = moment.before
    name, line = moment.record.name, moment.record.line
    yield f"`{name}` at line {line} is one too many", before, ahead
    yield from _missing(matcher, outcome, moment, ahead)
    if ahead:
        swapped = matcher.after(before, ahead[0])
        yield f"`{name}` at line {line} and the record after it are exchanged", tuple(
            matcher.after(swapped, moment.readings)
        ), ahead[1:]
    previous = next((m for m in reversed(outcome.recent) if m.record.line < line), None)
    if previous is not None:
        here = tuple(matcher.after(previous.before, moment.readings))
        words = f"`{previous.record.name}` at line {previous.record.line}"
        yield f"{words} and `{name}` at line {line} are exchanged", tuple(matcher.after(here, previous.readings)), ahead
        yield f"{words} is one too many", here, ahead
    yield from _arguments(matcher, moment, ahead)


def _missing(
    matcher: Matcher, outcome: Outcome, moment: Moment, ahead: _Readings
) -> Iterator[tuple[str, Sequence[State], _Readings]]:
    """A record before this one has been lost: one that stands for an action with few possible arguments, or one
    like those around."""
    line = moment.record.line
    for state in moment.before[:4]:
        for call in _few(matcher):
            after = matcher.after(tuple(matcher.taken(state, (call,))), moment.readings)
            if after:
                text = call_text(matcher.machine, call)
                yield f"before line {line} a record of {text} is missing", tuple(after), ahead
    around = {m.readings: None for m in reversed(outcome.recent)} | dict.fromkeys(ahead)
    for readings in around:
        after = matcher.after(tuple(matcher.after(moment.before[:4], readings)), moment.readings)
        if after:
            name = readings[0].observation.record
            yield f"before line {line} a record `{name}` is missing", tuple(after), ahead


def _few(matcher: Matcher) -> Iterator[Call]:
    """Calls of observed actions that have so few arguments that all of them can be tried."""
    observed = {c for o in matcher.machine.system.observations.observed for c, _ in o.calls}
    for a in matcher.machine.system.actions:
        domains = [range(t.lo, t.hi + 1) for _, t in a.params]
        if a.name in observed and prod(map(len, domains)) <= FEW:
            yield from (Call(a.name, args) for args in product(*domains))


def _arguments(
    matcher: Matcher, moment: Moment, ahead: _Readings
) -> Iterator[tuple[str, Sequence[State], _Readings]]:
    """One argument of the record is another one: any of a small type, one nearby of a large one."""
    actions = {a.name: a for a in matcher.machine.system.actions}
    for reading in moment.readings:
        for k, call in enumerate(reading.calls):
            for n, (var, t) in enumerate(actions[call.action].params):
                given = call.args[n]
                near = range(t.lo, t.hi + 1)
                if len(near) > FEW:
                    near = range(max(t.lo, given - NEAR), min(t.hi, given + NEAR) + 1)
                for v in near:
                    if v == given:
                        continue
                    args = (*call.args[:n], v, *call.args[n + 1 :])
                    calls = (*reading.calls[:k], replace(call, args=args), *reading.calls[k + 1 :])
                    after = matcher.after(moment.before[:4], (replace(reading, calls=calls),))
                    if after:
                        was = show_scalar(t, given)
                        yield (
                            f"at line {moment.record.line}, `{var.name}` of {call.action} is {show_scalar(t, v)}, "
                            f"not {was}", tuple(after), ahead,
                        )  # fmt: skip


def call_text(machine: Machine, call: Call) -> str:
    """``action(arguments)`` with the arguments as the model writes them."""
    for a in machine.system.actions:
        if a.name == call.action and len(a.params) == len(call.args):
            return f"{a.name}({', '.join(show_scalar(t, v) for (_, t), v in zip(a.params, call.args, strict=True))})"
    return f"{call.action}{call.args}"
