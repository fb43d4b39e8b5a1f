"""Of the runs of one length that end in the same violation, the one to show.

It is the one with the fewest switches of actor, then the smallest: initial state (packed), then step by step the
action (in order of declaration), its arguments, and the state after it.  ``kspec.interp.sweep`` chooses the
same among stored levels; here it is found by queries, each of which settles one bit that the last model leaves
larger than it need be.  Queries have a budget of conflicts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from kspec.engine.protocol import Budget, Finding, Progress, Run
from kspec.symbolic.aig import FALSE, TRUE, Aig
from kspec.symbolic.bits import Arithmetic, Bits, const
from kspec.symbolic.bounded import Level, Search
from kspec.symbolic.encode import Template
from kspec.symbolic.jump import SOLVER, available
from kspec.symbolic.solver import PySat
from kspec.symbolic.supervise import supervise
from kspec.symbolic.unroll import Frame
from kspec.system.model import Action
from kspec.system.packing import slots

CONFLICTS = 10_000
"""The budget of a query."""
SECONDS = 10.0
SHARE = 0.2
"""Of the time that is left, how much goes into choosing runs at most."""
PLAIN = "switches not minimised"


def tidied(template: Template, finding: Finding, seconds: float) -> tuple[Finding, bool]:
    """The finding with the run to show, and whether its switches are the fewest; within some seconds."""
    if finding.run is None or finding.run.initial is None or not available():
        return finding, True
    ending = supervise(lambda emit: _best(template, finding), Budget(seconds=seconds), Uninterrupted())
    return ending.value or (finding, finding.run.length <= 1)


def tidied_all(
    template: Template, findings: Sequence[Finding], spent: float, left: float | None
) -> tuple[list[Finding], bool]:
    """The same of several findings: in no more seconds than it took to find them (``spent``), or one, and within a
    share of those that are ``left``."""
    most = min(SECONDS, max(1.0, spent))
    most = most if left is None else min(most, SHARE * max(0.0, left))
    end = time.monotonic() + most
    out: list[Finding] = []
    fewest = True
    for i, finding in enumerate(findings):
        share = (end - time.monotonic()) / (len(findings) - i)
        found, done = tidied(template, finding, max(0.02, share))
        out.append(found)
        fewest = fewest and done
    return out, fewest


class Uninterrupted:
    """The control of work that is part of other work, which looks at the real one."""

    def cancelled(self) -> bool:
        return False

    def report(self, progress: Progress) -> None:
        pass


def _best(template: Template, finding: Finding) -> tuple[Finding, bool]:
    run = finding.run
    assert run is not None
    sat = PySat(SOLVER)
    search = Search(template, sat)
    for _ in range(run.length):
        search.advance(search.level())
    level = search.level()
    name = finding.property
    search.clauses.require(level.event(search.aig, name))
    shown, fewest = Choice(search, sat, level, level.failed.get(name, FALSE)).best(name)
    return (finding if shown is None else replace(finding, run=shown)), fewest or run.length <= 1


@dataclass
class Choice:
    """The choice among the runs that end at a level of a search and satisfy all that its solver requires;
    ``fails``: where the last step raises an error."""

    search: Search
    sat: PySat
    level: Level
    fails: int = FALSE
    model: Mapping[int, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.template, self.aig = self.search.template, self.search.aig

    def best(self, name: str) -> tuple[Run | None, bool]:
        """The run to show, in which the event ``name`` happens (if there is one of that name), and whether its
        switches are the fewest; None when the budget did not suffice for any run."""
        if not self._solve(TRUE):
            return None, False
        fewest = self._fewest()
        if fewest:
            all(self._settle(bits) for bits in self._order())
        return self.search.run(self.level, name, self.model), fewest

    def _fewest(self) -> bool:
        """Allows no more switches than needed; False when the budget did not suffice."""
        frames = self.search.frames[: self.level.depth]
        actors = [self._actor(f) for f in frames]
        math = Arithmetic(self.aig)
        switches = [math.equal(a, b) ^ 1 for a, b in pairwise(actors)]
        counts = at_least(self.aig, switches)
        while (now := sum(self.aig.evaluate(switches, self.model))) > 0:
            fewer = self._solve(counts[now - 1] ^ 1)
            if fewer is None:
                return False
            if not fewer:
                break
        if now < len(counts):
            self.search.clauses.require(counts[now] ^ 1)
        return self._solve(TRUE) is True

    def _actor(self, frame: Frame) -> Bits:
        """The number of who takes the step from a frame."""
        bases = numbering([c.action for c in self.template.actions])
        math = Arithmetic(self.aig)
        out = const(0)
        for code, base in zip(self.template.actions, bases, strict=True):
            number = const(base)
            if code.action.actor is not None:
                number = math.add(const(base), frame.bits(code.args[code.action.actor]))
            out = math.ite(frame.literal(code.chosen), number, out)
        return out

    def _order(self) -> Iterator[Sequence[int]]:
        """The literals that make the order of runs, most significant first; those of a step depend on the
        model at that time."""
        frames, depth, fails = self.search.frames, self.level.depth, self.fails
        yield self._packed(frames[0])
        selector = self.template.inputs[: max(len(self.template.actions) - 1, 0).bit_length()]
        for i in range(depth):
            frame = frames[i]
            yield [frame.literal(a) for a in reversed(selector)]
            chosen = self.aig.evaluate([frame.literal(c.chosen) for c in self.template.actions], self.model)
            for v in self.template.actions[chosen.index(True)].args:
                yield [frame.literal(a) for a in reversed(v.literals)]
            if i < depth - 1:
                yield self._packed(frames[i + 1])
        if depth:
            yield [fails ^ 1]
            if not self.aig.evaluate([fails], self.model)[0]:
                yield self._packed(frames[depth])

    def _packed(self, frame: Frame) -> list[int]:
        """The bits of a state in the order of packed words, most significant first."""
        placed: list[tuple[int, int, int]] = []
        for slot, v in zip(slots(self.template.system), frame.state(), strict=True):
            placed += [(slot.word, -(slot.shift + i), a) for i, a in enumerate(v.literals)]
        return [a for _, _, a in sorted(placed, key=lambda x: x[:2])]

    def _settle(self, literals: Sequence[int]) -> bool:
        """Makes one literal after the other false where that can be; False when the budget did not suffice."""
        for a in literals:
            if a > TRUE and self.aig.evaluate([a], self.model)[0]:
                smaller = self._solve(a ^ 1)
                if smaller is None:
                    return False
                if not smaller:
                    continue  # it is true in all runs that are left
            if a > TRUE:
                self.search.clauses.require(a ^ 1)
        return True

    def _solve(self, condition: int) -> bool | None:
        """Looks for a run with a condition, and remembers it."""
        if condition == FALSE:
            return False
        literals = [] if condition == TRUE else [self.search.clauses.literal(condition)]
        answer = self.sat.solve_within(literals, CONFLICTS)
        if answer:
            self.model = self.search.clauses.inputs()
        return answer


def numbering(actions: Sequence[Action]) -> list[int]:
    """For every action the number of its actor, or what has to be added to its ``actor`` argument: instances of
    a process, and identities that act by themselves, have numbers of their own."""
    ranges: dict[object, tuple[int, int]] = {}
    keys: list[object] = []
    for a in actions:
        domain = a.params[a.actor][1] if a.actor is not None else None
        key: object = ("one", a.process or a.name) if domain is None else ("each", a.process or domain)
        lo, hi = (domain.lo, domain.hi) if domain is not None else (0, 0)
        known = ranges.get(key, (lo, hi))
        ranges[key] = (min(lo, known[0]), max(hi, known[1]))
        keys.append(key)
    bases: dict[object, int] = {}
    free = 0
    for key, (lo, hi) in ranges.items():
        bases[key] = free - lo
        free += hi - lo + 1
    return [bases[key] for key in keys]


def at_least(aig: Aig, items: Sequence[int]) -> list[int]:
    """Literals that say that at least 1, 2, ... of the items are true (Bailleux and Boufkhad, "Efficient CNF
    Encoding of Boolean Cardinality Constraints", CP 2003)."""
    if len(items) <= 1:
        return list(items)
    half = len(items) // 2
    a, b = at_least(aig, items[:half]), at_least(aig, items[half:])
    left, right = [TRUE, *a], [TRUE, *b]
    return [
        aig.any(aig.and_(left[i], right[n - i]) for i in range(max(0, n - len(b)), min(n, len(a)) + 1))
        for n in range(1, len(items) + 1)
    ]

