"""Temporal properties by the definition: the graph of all behaviours, its product with the automaton of the
negated property, and the components of that in which a fair and accepted behaviour can stay.

Fairness is decided by the method of E. A. Emerson and C.-L. Lei, "Modalities for model checking", 1987, for
strong fairness with the removal of states from components (O. Lichtenstein and A. Pnueli, POPL 1985).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from kspec.engine.protocol import Finding, Run, Step
from kspec.interp.lasso import holds, is_step
from kspec.interp.machine import Machine
from kspec.interp.shorten import shortened
from kspec.system.model import State
from kspec.system.temporal import NO, Constraint, Holds, constraints
from kspec.temporal.automaton import Automaton, violating
from kspec.temporal.components import components

Node: TypeAlias = tuple[int, int]
"""A state of the system and one of the automaton."""


@dataclass(frozen=True)
class Move:
    """A step of the system; ``step`` None: nothing can happen, the state stays."""

    step: Step | None
    to: int
    served: frozenset[int]
    """The fairness constraints of which it is a step."""


@dataclass
class Graph:
    """All behaviours of a system: states by number, the moves from each, what is enabled in each."""

    states: list[State]
    initial: list[int]
    moves: list[list[Move]]
    enabled: list[frozenset[int]]
    constraints: tuple[Constraint, ...]


@dataclass(frozen=True)
class Arc:
    """A move together with an edge of the automaton."""

    move: Move
    to: Node
    marks: int


Poll: TypeAlias = Callable[[], None]


class VacuousError(Exception):
    """Every fair behaviour goes beyond a limit: to say that all that do not satisfy a property means nothing."""

    def __init__(self) -> None:
        super().__init__("no fair behaviour stays within the limits")


def lassos(machine: Machine, states: Sequence[State], poll: Poll) -> tuple[list[Finding], list[str]]:
    """The temporal properties that some fair behaviour violates, each with such a behaviour, and the names of
    the others.  ``states`` are all that can be reached; ``poll`` may raise to give up.  Raises VacuousError."""
    found: list[Finding] = []
    satisfied: list[str] = []
    graph = graph_of(machine, states, poll)
    if machine.system.limits and Product(machine, graph, violating(NO), poll).lasso() is None:
        raise VacuousError
    for p in machine.system.temporal:
        runs = [r for c in p.claims if (r := Product(machine, graph, violating(c.formula), poll).lasso()) is not None]
        if runs:
            short = (shortened(machine, p, r, poll) for r in runs)
            found.append(Finding(p.name, min(short, key=lambda r: r.length)))
        else:
            satisfied.append(p.name)
    return found, satisfied


def graph_of(machine: Machine, states: Sequence[State], poll: Poll) -> Graph:
    """The graph of the states that can be reached."""
    number = {s: i for i, s in enumerate(states)}
    fair = constraints(machine.system)
    moves: list[list[Move]] = []
    enabled: list[frozenset[int]] = []
    for i, s in enumerate(states):
        poll()
        row: list[Move] = []
        able: set[int] = set()
        stuck = True
        for o in machine.steps(s, poll):
            stuck = False
            served = frozenset(k for k, c in enumerate(fair) if o.action in c.actions and o.args == c.args)
            able |= served
            if o.post is not None and not o.cut:
                row.append(Move(Step(o.action, o.args, o.post), number[o.post], served))
        if stuck:
            row.append(Move(None, i, frozenset()))
        moves.append(row)
        enabled.append(frozenset(able))
    starts = [o.post for o in machine.initial() if o.post is not None and not o.cut]
    return Graph(list(states), list(dict.fromkeys(number[s] for s in starts)), moves, enabled, fair)


@dataclass
class Product:
    """The behaviours of the system that the automaton accepts."""

    machine: Machine
    graph: Graph
    automaton: Automaton
    poll: Poll
    arcs: dict[Node, list[Arc]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.starts: list[Node] = [(i, 0) for i in self.graph.initial]
        self.state_bits: dict[int, int] = {}

    def following(self, node: Node) -> list[Arc]:
        """The arcs from a node."""
        known = self.arcs.get(node)
        if known is None:
            self.poll()
            known = self.arcs[node] = list(self._arcs(node))
        return known

    def _arcs(self, node: Node) -> Iterator[Arc]:
        state, q = node
        for m in self.graph.moves[state]:
            letter = self._letter(state, m.step)
            for e in self.automaton.edges[q]:
                if letter & e.need == e.value:
                    yield Arc(m, (m.to, e.to), e.marks)

    def _letter(self, state: int, step: Step | None) -> int:
        """The bit set of the atoms that are true at a position."""
        atoms = self.automaton.atoms
        bits = self.state_bits.get(state)
        if bits is None:
            s = self.graph.states[state]
            true = (i for i, a in enumerate(atoms) if isinstance(a, Holds) and holds(self.machine, a, s))
            bits = self.state_bits[state] = sum(1 << i for i in true)
        if step is not None:
            for i, a in enumerate(atoms):
                if not isinstance(a, Holds) and is_step(self.machine, a, step):
                    bits |= 1 << i
        return bits

    def lasso(self) -> Run | None:
        """A fair and accepted behaviour; None when there is none."""
        regions = list(self.fair_regions(None))
        inside = {n: r for r in regions for n in r}
        stem = self._path(self.starts, lambda n: n in inside, None)
        if stem is None:
            return None
        start, path = stem
        entry = path[-1].to if path else start
        return _run(self.graph, start, path, list(self._cycle(entry, inside[entry])))

    def fair_regions(self, within: frozenset[Node] | None) -> Iterator[frozenset[Node]]:
        """Sets of nodes in which a fair and accepted behaviour can go everywhere for ever."""
        nodes: Iterable[Node] = self.starts if within is None else within

        def out(n: Node) -> list[Node]:
            return [a.to for a in self.following(n) if within is None or a.to in within]

        for component in components(nodes, out):
            region = frozenset(component)
            inner = [a for n in region for a in self.following(n) if a.to in region]
            if not inner or not self._accepted(region, inner):
                continue
            served = frozenset().union(*(a.move.served for a in inner))
            starved = {
                k
                for k, c in enumerate(self.graph.constraints)
                if c.kind == "strong" and k not in served and any(k in self.graph.enabled[s] for s, _ in region)
            }
            if not starved:
                yield region
            else:
                yield from self.fair_regions(frozenset(n for n in region if not self.graph.enabled[n[0]] & starved))

    def _accepted(self, region: frozenset[Node], inner: list[Arc]) -> bool:
        """Whether a behaviour that goes everywhere is accepted and weakly fair."""
        marks = 0
        for a in inner:
            marks |= a.marks
        if marks != self.automaton.all_marks:
            return False
        served = frozenset().union(*(a.move.served for a in inner))
        always = frozenset.intersection(*(self.graph.enabled[s] for s, _ in region))
        return not any(c.kind == "weak" and k in always - served for k, c in enumerate(self.graph.constraints))

    def _cycle(self, entry: Node, region: frozenset[Node]) -> Iterator[Arc]:
        """A way round through everything that a fair and accepted behaviour has to meet again and again."""
        inner = {n: [a for a in self.following(n) if a.to in region] for n in region}
        served = frozenset().union(*(a.move.served for row in inner.values() for a in row))
        due = [("mark", k) for k in range(self.automaton.sets)]
        for k, c in enumerate(self.graph.constraints):
            if c.kind == "weak" or k in served:
                due.append((c.kind, k))
        at = entry
        first = True
        while due or first or at != entry:
            self.poll()
            if due or first:
                found = self._nearest(at, inner, tuple(due))
            else:
                back = self._path([at], entry.__eq__, region)
                found = back[1] if back is not None else None
            assert found, "a strongly connected region"
            for a in found:
                due = [d for d in due if not self._meets(d, at, a)]
                at, first = a.to, False
                yield a

    def _meets(self, due: tuple[str, int], node: Node, arc: Arc) -> bool:
        """Whether an arc is what is due: in an acceptance set, or a step that is fair to a constraint."""
        kind, k = due
        if kind == "mark":
            return bool(arc.marks >> k & 1)
        return k in arc.move.served or (kind == "weak" and k not in self.graph.enabled[node[0]])

    def _nearest(
        self, start: Node, inner: dict[Node, list[Arc]], due: tuple[tuple[str, int], ...]
    ) -> list[Arc] | None:
        """The shortest path in a region that ends with something that is due (with any arc, if nothing is)."""
        came: dict[Node, tuple[Node, Arc] | None] = {start: None}
        queue = deque([start])
        while queue:
            n = queue.popleft()
            for a in inner[n]:
                if not due or any(self._meets(d, n, a) for d in due):
                    return [*_back(came, n), a]
                if a.to not in came:
                    came[a.to] = (n, a)
                    queue.append(a.to)
        return None

    def _path(
        self, starts: Iterable[Node], goal: Callable[[Node], bool], within: frozenset[Node] | None
    ) -> tuple[Node, list[Arc]] | None:
        """A shortest path to a goal, and where it starts."""
        came: dict[Node, tuple[Node, Arc] | None] = dict.fromkeys(starts)
        queue = deque(came)
        while queue:
            n = queue.popleft()
            if goal(n):
                path = _back(came, n)
                first = n
                while (before := came[first]) is not None:
                    first = before[0]
                return first, path
            for a in self.following(n):
                if a.to not in came and (within is None or a.to in within):
                    came[a.to] = (n, a)
                    queue.append(a.to)
        return None


def _back(came: dict[Node, tuple[Node, Arc] | None], n: Node) -> list[Arc]:
    path: list[Arc] = []
    while (before := came[n]) is not None:
        n, arc = before
        path.append(arc)
    return path[::-1]


def _run(graph: Graph, start: Node, stem: list[Arc], cycle: list[Arc]) -> Run:
    """The behaviour as people see it: where nothing can happen any more it ends."""
    steps: list[Step] = []
    for a in (*stem, *cycle):
        if a.move.step is None:
            return Run(graph.states[start[0]], tuple(steps), len(steps))
        steps.append(a.move.step)
    return Run(graph.states[start[0]], tuple(steps), len(stem))
