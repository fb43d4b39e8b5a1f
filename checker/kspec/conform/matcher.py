"""Follows a log through a model: the set of all states that the model may be in after the records so far.

A record that may mean several things, a step with choices, and actions that leave no record make several states
possible; all are followed, up to a width beyond which the answer is *inconclusive*, never "conforms".  This is the
usual subset construction over the observable steps (trace inclusion), with silent steps before each record.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from kspec.conform.binding import Binder, Call, Exhausted, Reading
from kspec.conform.records import Lost, Record
from kspec.interp.machine import Machine
from kspec.system.model import State

KEPT = 64
"""Records that are remembered for the diagnosis."""


@dataclass(frozen=True)
class Moment:
    """A record with the states before it, and what it may mean."""

    record: Record
    before: tuple[State, ...]
    readings: tuple[Reading, ...]


@dataclass(frozen=True)
class Broken:
    """A property that is violated at a record: in all states that are possible, or in some."""

    property: str
    record: Record
    definite: bool
    message: str


@dataclass(frozen=True)
class Rejected:
    """No state is left: the record, and why observations could not read it where that is so."""

    moment: Moment
    misfits: tuple[str, ...]


@dataclass
class Coverage:
    """What a log exercised.  ``bound``: records that stand for actions or begin or end lives; ``ignored`` by
    name; ``unknown``: neither."""

    records: int = 0
    bound: int = 0
    ignored: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    widest: int = 1

    @property
    def known(self) -> float:
        """The part of the records that is bound or ignored by name."""
        return (self.bound + self.ignored) / self.records if self.records else 1.0


@dataclass
class Outcome:
    """What became of a log."""

    status: Literal["conforms", "rejected", "inconclusive"]
    coverage: Coverage
    broken: tuple[Broken, ...] = ()
    rejected: Rejected | None = None
    reason: str = ""
    recent: tuple[Moment, ...] = ()
    following: tuple[Moment, ...] = ()


class Matcher:
    """The states that are possible.  ``width``: how many, at most."""

    def __init__(self, machine: Machine, width: int = 1024) -> None:
        self.machine = machine
        self.width = width
        self.silent = machine.system.observations.silent
        self._sound: dict[State, tuple[tuple[str, str], ...]] = {}

    def start(self) -> tuple[State, ...]:
        """The initial states."""
        return tuple(dict.fromkeys(o.post for o in self.machine.initial() if o.post is not None and not o.cut))

    def closed(self, states: Iterable[State]) -> tuple[State, ...] | None:
        """With all that silent actions lead to; None beyond the width."""
        found = dict.fromkeys(states)
        if not self.silent:
            return tuple(found)
        waiting = deque(found)
        while waiting:
            state = waiting.popleft()
            for o in self._silent(state):
                if o not in found:
                    if len(found) >= self.width:
                        return None
                    found[o] = None
                    waiting.append(o)
        return tuple(found)

    def _silent(self, state: State) -> Iterator[State]:
        domains = {a.name: a for a in self.machine.system.actions}
        for name in self.silent:
            ranges = [range(t.lo, t.hi + 1) for _, t in domains[name].params]
            for args in _product(ranges):
                for o in self.machine.fire(state, name, args):
                    if o.post is not None and not o.cut:
                        yield o.post

    def after(self, states: Iterable[State], readings: Iterable[Reading]) -> dict[State, State]:
        """The states after a record, each with one before it."""
        out: dict[State, State] = {}
        for state in states:
            for reading in readings:
                for post in self.taken(state, reading.calls):
                    out.setdefault(post, state)
        return out

    def taken(self, state: State, calls: tuple[Call, ...]) -> Iterator[State]:
        """The states after actions in a row."""
        if not calls:
            yield state
            return
        first, rest = calls[0], calls[1:]
        for o in self.machine.fire(state, first.action, first.args):
            if o.post is not None and not o.cut:
                yield from self.taken(o.post, rest)

    def wrong(self, state: State) -> tuple[tuple[str, str], ...]:
        """The invariants that a state violates, with their messages."""
        if state not in self._sound:
            if len(self._sound) > 4 * self.width:
                self._sound.clear()
            self._sound[state] = tuple((v.property, v.message) for v in self.machine.state_violations(state))
        return self._sound[state]


def follow(machine: Machine, items: Iterable[Record | Lost], width: int = 1024) -> Outcome:
    """Follows a log to its end, or to where it leaves the model.  Raises BadTrace, as the log is read."""
    matcher, binder, coverage = Matcher(machine, width), Binder(machine), Coverage()
    ignored = machine.system.observations.ignored
    states = matcher.start()
    recent: deque[Moment] = deque(maxlen=KEPT)
    broken: dict[str, Broken] = {}

    def outcome(status: Literal["conforms", "rejected", "inconclusive"], reason: str = "",
                rejected: Rejected | None = None) -> Outcome:  # fmt: skip
        following = _following(binder, stream) if rejected is not None else ()
        return Outcome(status, coverage, tuple(broken.values()), rejected, reason, tuple(recent), following)

    stream = iter(items)
    for item in stream:
        if isinstance(item, Lost):
            many = f"{item.count} records are" if item.count else "records are"
            return outcome("inconclusive", f"{many} lost at line {item.line}: what follows cannot be judged")
        coverage.records += 1
        try:
            readings, misfits = binder.readings(item)
        except Exhausted as e:
            return outcome("inconclusive", f"{e}: raise the size of `{e.type.name}`")
        if not readings:
            if misfits:
                return outcome("rejected", rejected=Rejected(Moment(item, states, ()), tuple(map(str, misfits))))
            _count(coverage, item, ignored, binder)
            continue
        coverage.bound += 1
        coverage.actions.update({c.action for r in readings for c in r.calls})
        if all(not r.calls for r in readings):
            continue
        closed = matcher.closed(states)
        if closed is None:
            return outcome("inconclusive", f"more than {width} states are possible at line {item.line}")
        moment = Moment(item, closed, tuple(readings))
        recent.append(moment)
        after = matcher.after(closed, readings)
        if not after:
            return outcome("rejected", rejected=Rejected(moment, tuple(map(str, misfits))))
        if len(after) > width:
            return outcome("inconclusive", f"more than {width} states are possible at line {item.line}")
        states = tuple(after)
        coverage.widest = max(coverage.widest, len(states))
        for b in _broken(matcher, states, item):
            known = broken.get(b.property)
            if known is None or (b.definite and not known.definite):
                broken[b.property] = b
    return outcome("conforms")


def _following(binder: Binder, stream: Iterator[Record | Lost]) -> tuple[Moment, ...]:
    """The next records that mean something."""
    out: list[Moment] = []
    for item in stream:
        if isinstance(item, Lost) or len(out) >= KEPT:
            break
        try:
            readings, _ = binder.readings(item)
        except Exhausted:
            break
        if any(r.calls for r in readings):
            out.append(Moment(item, (), tuple(readings)))
    return tuple(out)


def _count(coverage: Coverage, record: Record, ignored: frozenset[str], binder: Binder) -> None:
    """A record that stands for nothing: by name, by a condition, or because nobody knows it."""
    if record.name in ignored or record.name in binder.by_name:
        coverage.ignored += 1
    else:
        coverage.unknown[record.name] += 1


def _broken(matcher: Matcher, states: tuple[State, ...], record: Record) -> Iterator[Broken]:
    counts: Counter[str] = Counter()
    messages: dict[str, str] = {}
    for s in states:
        for name, message in matcher.wrong(s):
            counts[name] += 1
            messages.setdefault(name, message)
    for name, n in counts.items():
        yield Broken(name, record, n == len(states), messages[name])


def _product(ranges: list[range]) -> Iterator[tuple[int, ...]]:
    if not ranges:
        yield ()
        return
    for v in ranges[0]:
        for rest in _product(ranges[1:]):
            yield (v, *rest)
