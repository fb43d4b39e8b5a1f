"""How often a step can be taken while something waits: the exact maximum over all fair behaviours.

A wait begins at a position at which a condition is true and another one, its end, is not; it lasts until the end
is true.  States from which no fair behaviour goes on are left out, so that every finite path in what is left
belongs to a fair behaviour; then the maximum is that of the longest path through waiting states.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from kspec.engine.protocol import Run, Step
from kspec.interp.lasso import is_step
from kspec.interp.machine import Machine
from kspec.interp.temporal import Graph, Move, Product, VacuousError, graph_of
from kspec.system.model import Property, State
from kspec.system.temporal import NO, YES, And, Formula, Holds, Not, Or, Release, Taken, Until, walk
from kspec.temporal.automaton import violating
from kspec.temporal.response import Arc, Endless, Heights, heights, path
from kspec.types import Scalar

Poll = Callable[[], None]


@dataclass(frozen=True)
class Question:
    """What is measured, without temporal operators: ``count`` at a position, a wait's beginning and its end in a
    state.  ``bindings`` as in a claim."""

    count: Formula
    begins: Formula
    ends: Formula
    bindings: tuple[tuple[str, Scalar, int], ...] = ()


@dataclass(frozen=True)
class Answer:
    """What was measured.

    ``kind``: ``bounded`` (at most ``most`` counted steps), ``endless`` (a fair behaviour counts for ever),
    ``any`` (every fair behaviour counts finitely often, but there is no bound), ``never`` (no wait begins).
    ``run`` shows it, with the wait from the state after ``begin`` steps on; under ``any`` the steps after ``again``
    up to the end can be repeated.  ``stays``: some fair behaviour waits for ever.
    """

    kind: Literal["bounded", "endless", "any", "never"]
    states: int
    question: Question | None = None
    most: int = 0
    run: Run | None = None
    begin: int = 0
    again: int | None = None
    stays: bool = False


def questions(count: Property, begins: Property, ends: Property) -> list[Question] | None:
    """The questions that three properties of the form ``forall ...: eventually f`` stand for, one for each instance
    of the outer quantifier; None where an f has temporal operators, or a state's one is about steps.

    An instance of which a property has no claim is true there.
    """
    table = [{c.bindings: _inner(c.formula) for c in p.claims} for p in (count, begins, ends)]
    out: list[Question] = []
    for key in dict.fromkeys(k for row in table for k in row):
        n, b, e = (row.get(key, YES) for row in table)
        if n is None or b is None or e is None or any(isinstance(f, Taken) for g in (b, e) for f in walk(g)):
            return None
        out.append(Question(n, b, e, key))
    return out


def _inner(f: Formula) -> Formula | None:
    """f of ``eventually f``, where that has no temporal operators."""
    match f:
        case Until(a, g) if a == YES and all(isinstance(h, Holds | Taken | Not | And | Or) for h in walk(g)):
            return g
        case Holds():
            return f  # a constant
    return None


def reachable_states(machine: Machine, most: int, poll: Poll) -> list[State] | None:
    """All states, in the order of a breadth-first search; None: there are more than ``most``."""
    known = dict.fromkeys(o.post for o in machine.initial() if o.post is not None and not o.cut)
    queue = list(known)
    at = 0
    while at < len(queue):
        poll()
        if len(queue) > most:
            return None
        for o in machine.steps(queue[at], poll):
            if o.post is not None and not o.cut and o.post not in known:
                known[o.post] = None
                queue.append(o.post)
        at += 1
    return queue


def measure(machine: Machine, states: list[State], asked: Sequence[Question], poll: Poll) -> Answer:
    """The gravest answer to all questions; ``states`` are all that can be reached.

    Raises VacuousError when there is no fair behaviour, EvalError when a condition cannot be evaluated somewhere.
    """
    graph = graph_of(machine, states, poll)
    live = _live(machine, graph, poll)
    if not any(s in live for s in graph.initial):
        raise VacuousError
    order = ("never", "bounded", "any", "endless")
    answers = [_answer(_Waiting(machine, graph, live, q, poll)) for q in asked]
    return max(answers, key=lambda a: (order.index(a.kind), a.most), default=Answer("never", len(states)))


def _answer(waiting: _Waiting) -> Answer:
    states = waiting.graph.states
    asked = waiting.question
    if not waiting.begins:
        return Answer("never", len(states), asked)
    found = heights(sorted(waiting.begins), waiting.arcs)
    stays, seen = waiting.endless()
    if seen is not None and seen.initial is not None and seen.loop is not None:
        stem = waiting.to({states.index(seen.initial)})
        known = len(stem.steps)
        run = Run(states[stem.start], (*stem.steps, *seen.steps), known + seen.loop)
        return Answer("endless", len(states), asked, run=run, begin=waiting.begin(stem, known), stays=True)
    if isinstance(found, Endless):
        way, begin, again = waiting.pumped(found)
        return Answer("any", len(states), asked, run=waiting.run(way), begin=begin, again=again, stays=stays)
    most = max(found.ahead[s] for s in waiting.begins)
    way, begin = waiting.longest(found, most)
    return Answer("bounded", len(states), asked, most, waiting.run(way), begin, stays=stays)


@dataclass(frozen=True)
class _Way:
    """Steps from one state of the graph to another one."""

    start: int
    steps: tuple[Step, ...]
    at: int


def _live(machine: Machine, graph: Graph, poll: Poll) -> set[int]:
    """The states from which a fair behaviour goes on."""
    product = Product(machine, graph, violating(NO), poll)
    todo = [n for region in product.fair_regions(None) for n in region]
    back: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for n, arcs in product.arcs.items():
        for a in arcs:
            back.setdefault(a.to, []).append(n)
    seen = set(todo)
    while todo:
        for n in back.get(todo.pop(), ()):
            if n not in seen:
                seen.add(n)
                todo.append(n)
    return {s for s, _ in seen}


class _Waiting:
    """The part of the graph in which something waits."""

    def __init__(self, machine: Machine, graph: Graph, live: set[int], question: Question, poll: Poll) -> None:
        self.machine, self.graph, self.live, self.question, self.poll = machine, graph, live, question, poll
        self.over = {s for s in live if self.true(question.ends, graph.states[s])}
        self.asked = {s for s in live if self.true(question.begins, graph.states[s])}
        self.begins = self.asked - self.over
        self._known: dict[int, list[Arc]] = {}

    def counted(self, state: int, step: Step | None) -> bool:
        """Whether a step is one of those that are counted; staying where nothing can happen is not."""
        return step is not None and self.true(self.question.count, self.graph.states[state], step)

    def true(self, f: Formula, state: State, step: Step | None = None) -> bool:
        """The truth of a formula without temporal operators at a position."""
        match f:
            case Holds(e):
                return self.machine.holds(e, state)
            case Taken():
                return step is not None and is_step(self.machine, f, step)
            case Not(a):
                return not self.true(a, state, step)
            case And(parts):
                return all(self.true(p, state, step) for p in parts)
            case Or(parts):
                return any(self.true(p, state, step) for p in parts)
        raise TypeError(f)

    def arcs(self, s: int) -> list[Arc]:
        """The moves from a waiting state; those that end the wait lead out of the graph."""
        known = self._known.get(s)
        if known is None:
            self.poll()
            known = self._known[s] = [
                Arc(None if m.to in self.over else m.to, int(self.counted(s, m.step)), i)
                for i, m in enumerate(self.graph.moves[s])
                if m.to in self.live
            ]
        return known

    def endless(self) -> tuple[bool, Run | None]:
        """Whether some fair behaviour waits for ever, and one that counts for ever."""
        seen: set[int] = set()
        todo = sorted(self.begins)
        while todo:
            s = todo.pop()
            if s not in seen:
                seen.add(s)
                todo += [a.to for a in self.arcs(s) if a.to is not None]
        g = self.graph

        def lasso(never: Formula, row: Callable[[int], list[Move]]) -> Run | None:
            moves = [row(s) if s in seen else [] for s in range(len(g.states))]
            inside = Graph(g.states, sorted(self.begins), moves, g.enabled, g.constraints)
            return Product(self.machine, inside, violating(never), self.poll).lasso()

        if lasso(NO, lambda s: [m for m in g.moves[s] if m.to in seen]) is None:
            return False, None
        # Where nothing can happen no step is taken, whatever the condition among the counted ones says there.
        rarely = Until(YES, Release(NO, Not(self.question.count)))
        return True, lasso(rarely, lambda s: [m for m in g.moves[s] if m.to in seen and m.step is not None])

    def to(self, goals: set[int]) -> _Way:
        """A shortest run to one of the states."""
        starts = [s for s in self.graph.initial if s in self.live]
        for s in starts:
            if s in goals:
                return _Way(s, (), s)

        def arcs(s: int) -> list[Arc]:
            return [Arc(m.to, 0, i) for i, m in enumerate(self.graph.moves[s]) if m.to in self.live]

        found = path(starts, arcs, lambda _, a: a.to in goals)
        assert found is not None, "every state can be reached"
        return self.on(_Way(found[0][0], (), found[0][0]), found)

    def on(self, way: _Way, arcs: list[tuple[int, Arc]]) -> _Way:
        """A way and the arcs that go on from its end."""
        moves = [self.graph.moves[n][a.label] for n, a in arcs]
        return _Way(way.start, (*way.steps, *(m.step for m in moves if m.step is not None)), moves[-1].to)

    def longest(self, found: Heights, most: int) -> tuple[_Way, int]:
        """A way with the most counted steps, up to the end of the wait where that comes, and its beginning."""

        def tight(n: int) -> list[Arc]:
            return [a for a in self.arcs(n) if found.tight(n, a)]

        way = self.to({s for s in self.begins if found.ahead[s] == most})
        known = len(way.steps)
        for _ in range(most):
            part = path([way.at], tight, lambda _, a: a.weight == 1)
            assert part is not None, "the weight ahead is on some path"
            way = self.on(way, part)
        if way.at not in self.over and (part := path([way.at], tight, lambda _, a: a.to is None)) is not None:
            way = self.on(way, part)
        return way, self.begin(way, known)

    def pumped(self, found: Endless) -> tuple[_Way, int, int]:
        """A way once round a cycle that counts, where the wait begins, and where the cycle does."""
        region = found.region
        if self.begins & region:
            way = self.to(self.begins & region)
            known = len(way.steps)
        else:
            into = path(sorted(self.begins), self.arcs, lambda _, a: a.to in region)
            assert into is not None, "a wait leads there"
            way = self.to({into[0][0]})
            known = len(way.steps)
            way = self.on(way, into)
        entry, again = way.at, len(way.steps)

        def inside(n: int) -> list[Arc]:
            return [a for a in self.arcs(n) if a.to in region]

        round_ = path([entry], inside, lambda _, a: a.weight == 1)
        assert round_ is not None, "an arc of the region weighs something"
        way = self.on(way, round_)
        if way.at != entry:
            back = path([way.at], inside, lambda _, a: a.to == entry)
            assert back is not None, "a strongly connected region"
            way = self.on(way, back)
        return way, self.begin(way, known), again

    def begin(self, way: _Way, known: int) -> int:
        """Where the wait that lasts after ``known`` steps began."""
        states = [self.graph.states[way.start], *(s.post for s in way.steps)]
        first = known
        for i in range(known, -1, -1):
            s = states[i]
            assert s is not None
            if self.true(self.question.ends, s):
                break
            if self.true(self.question.begins, s):
                first = i
        return first

    def run(self, way: _Way) -> Run:
        """The way as a run."""
        return Run(self.graph.states[way.start], way.steps)
