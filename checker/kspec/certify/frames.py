"""States, steps and what goes wrong in them, as terms: the transition system for re-checking.

A step is a relation: for every action a selector that implies that the action is enabled, that its body
completes, and that the state after it is what the body makes of the state before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from kspec.certify.certificate import Clause
from kspec.certify.meaning import Meaning, Memory, NotEncodable, Pick
from kspec.certify.terms import Formula, Number, Terms, number
from kspec.system.effects import DEADLOCK
from kspec.system.layout import elements
from kspec.system.model import Action, System
from kspec.system.stmt import Choose, Require, walk

MOST_WAYS = 20_000
"""In how many ways (arguments and choices) an action is tried when a deadlock is looked for."""

Events = dict[str, Formula]


@dataclass(frozen=True)
class Taken:
    """The steps from one state: ``selectors`` by action; ``raised``: errors and assertions by name."""

    selectors: tuple[Formula, ...]
    raised: Events
    conditions: tuple[Formula, ...]


@dataclass
class Frames:
    """Makes the terms of one system."""

    system: System
    terms: Terms = field(default_factory=Terms)

    def state(self) -> tuple[Memory, Formula]:
        """An unknown state, and the condition that it is of its types."""
        memory: Memory = {c.name: [] for c in self.system.state_cells}
        conditions: list[Formula] = []
        for e in elements(self.system):
            made, typed = self.terms.fresh(e.cell.type.lo, e.cell.type.hi, e.name)
            memory[e.cell.name].append(made)
            conditions.append(typed)
        return memory, self.terms.conj(*conditions)

    def start(self) -> Meaning:
        """The init block, executed."""
        memory: Memory = {}
        for cell in self.system.state_cells:
            at = self.system.offsets[cell.name]
            memory[cell.name] = [number(v) for v in self.system.start[at : at + cell.size]]
        m = Meaning(self.terms, self._with_temporaries(memory))
        m.run(self.system.init, self._any)
        return m

    def steps(self, memory: Memory, after: Memory) -> Taken:
        """All steps between two states."""
        t = self.terms
        selectors: list[Formula] = []
        conditions: list[Formula] = []
        raised: Events = {}
        for action in self.system.actions:
            m = self._act(action, memory)
            selector = t.fresh_truth(f"{action.name} taken")
            same = [
                t.equal(x, y)
                for cell in self.system.state_cells
                for x, y in zip(after[cell.name], m.memory[cell.name], strict=True)
            ]
            conditions.append(t.disj(t.no(selector), t.conj(m.going, *same)))
            selectors.append(selector)
            self._merge(raised, m.events)
        return Taken(tuple(selectors), raised, tuple(conditions))

    def within(self, memory: Memory) -> Formula:
        """The state is within the limits, or an error is raised while that is evaluated."""
        m = Meaning(self.terms, memory)
        inside: Formula = True
        for e in self.system.limits:
            inside = self.terms.conj(inside, m.condition(e, inside))
        return self.terms.disj(inside, self.terms.no(m.going))

    def state_events(self, memory: Memory, stuck: bool) -> Events:
        """What goes wrong in a state (a ``reachable`` property: it is reached).

        ``stuck``: also what can only go wrong in a state from which there is no step.
        """
        t = self.terms
        events: Events = {}
        for p in self.system.properties:
            if p.kind in ("invariant", "lemma", "reachable", "property"):
                m = Meaning(t, memory)
                holds = m.condition(p.expr)
                wanted = holds if p.kind == "reachable" else t.no(holds)
                if p.kind != "property":
                    self._merge(events, {p.name: t.conj(m.going, wanted)})
                self._merge(events, m.events)
        limits = Meaning(t, memory)
        inside: Formula = True
        for e in self.system.limits:
            inside = t.conj(inside, limits.condition(e, inside))
        self._merge(events, limits.events)
        if stuck and self.system.deadlock:
            self._merge(events, self._deadlock(memory))
        return events

    def step_events(self, before: Memory, after: Memory) -> Events:
        """Which step properties a step violates, and errors in them."""
        events: Events = {}
        for p in self.system.properties:
            if p.kind == "step":
                m = Meaning(self.terms, after, before)
                holds = m.condition(p.expr)
                self._merge(events, {p.name: self.terms.conj(m.going, self.terms.no(holds))})
                self._merge(events, m.events)
        return events

    def broken(self, clause: Clause, memory: Memory) -> Formula:
        """The clause is not true in the state (an error counts as that)."""
        m = Meaning(self.terms, memory)
        holds = m.condition(clause.expr)
        return self.terms.no(self.terms.conj(holds, m.going))

    def differ(self, a: Memory, b: Memory) -> Formula:
        """Two states are not the same."""
        t = self.terms
        return t.disj(
            *(
                t.no(t.equal(x, y))
                for cell in self.system.state_cells
                for x, y in zip(a[cell.name], b[cell.name], strict=True)
            )
        )

    def _deadlock(self, memory: Memory) -> Events:
        """Nothing can happen, and no terminal expression holds; or an error in one of these."""
        t = self.terms
        moves = t.disj(*(way for a in self.system.actions for way in self._ways(a, memory)))
        m = Meaning(t, memory, going=t.no(moves))
        ended: Formula = False
        for e in self.system.terminal:
            ended = t.disj(ended, m.condition(e, t.no(ended)))
        return {**m.events, DEADLOCK: t.conj(m.going, t.no(ended))}

    def _ways(self, action: Action, memory: Memory) -> Iterator[Formula]:
        """For all arguments and choices, one after the other: the action has an outcome.

        Only bodies that may disable the step need be looked into: others complete or raise something.
        """
        domains = [range(p.lo, p.hi + 1) for _, p in action.params]
        tried = 0
        for args in product(*domains):
            if not _may_disable(action):
                m = self._guarded(action, memory, args)
                yield self.terms.no(m.stopped)
                continue
            script: list[int] = []
            while True:
                tried += 1
                if tried > MOST_WAYS:
                    raise NotEncodable(f"{action.name} has too many arguments and choices to try them all")
                asked: list[Choose] = []

                def pick(
                    s: Choose, asked: list[Choose] = asked, script: list[int] = script
                ) -> tuple[Number, Formula]:
                    asked.append(s)
                    if len(script) < len(asked):
                        script.append(s.var.lo)
                    return number(script[len(asked) - 1]), True

                m = self._act(action, memory, args, pick)
                yield self.terms.disj(m.going, *m.events.values())
                while script and script[-1] >= asked[len(script) - 1].var.hi:
                    script.pop()
                if not script:
                    break
                script[-1] += 1

    def _act(
        self, action: Action, memory: Memory, args: tuple[int, ...] | None = None, pick: Pick | None = None
    ) -> Meaning:
        m = self._guarded(action, memory, args)
        m.run(action.body, pick or self._any)
        return m

    def _guarded(self, action: Action, memory: Memory, args: tuple[int, ...] | None) -> Meaning:
        """An action before its body: arguments bound (to unknowns if there are none), guard evaluated."""
        t = self.terms
        m = Meaning(t, self._with_temporaries(memory))
        for i, (var, kind) in enumerate(action.params):
            if args is None:
                m.bound[var.name], typed = t.fresh(kind.lo, kind.hi, var.name)
                m.going = t.conj(m.going, typed)
            else:
                m.bound[var.name] = number(args[i])
        m.stop(t.no(m.condition(action.guard)))
        return m

    def _any(self, s: Choose) -> tuple[Number, Formula]:
        return self.terms.fresh(s.var.lo, s.var.hi)

    def _with_temporaries(self, memory: Memory) -> Memory:
        out = {name: list(items) for name, items in memory.items()}
        for cell in self.system.cells:
            if cell.temp:
                out[cell.name] = [number(cell.type.lo)] * cell.size
        return out

    def _merge(self, into: Events, more: Events) -> None:
        for name, cond in more.items():
            into[name] = self.terms.disj(into.get(name, False), cond)


def _may_disable(action: Action) -> bool:
    return any(
        isinstance(s, Require) or (isinstance(s, Choose) and s.on_empty == "disable")
        for s in walk(action.body)
    )
