"""From a temporal formula to a generalised Büchi automaton whose edges read one position of a behaviour each.

The construction is that of J.-M. Couvreur, "On-the-fly verification of linear temporal logic", FM 1999, with
sets in place of decision diagrams: a state is a set of formulas that the rest of the behaviour has to satisfy;
a formula is unfolded into what has to hold now, what has to hold from the next position on, and the
eventualities that are put off.  There is a set of edges for each eventuality ``f U g``: those that do not put it
off.  A behaviour is accepted if some run on it has infinitely many edges of each set.

Then edges that another one makes superfluous are dropped, states with equal edges are joined, and what leads
to no accepting circle is removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from kspec.system.temporal import Atom, Formula, atoms
from kspec.temporal.components import components
from kspec.temporal.normal import TRUE, Term, normal

MOST_STATES = 5000


class TooLargeError(Exception):
    """The formula's automaton has too many states."""


@dataclass(frozen=True)
class Edge:
    """Can be taken at a position where the atoms in the bit set ``need`` are as in ``value``.

    ``marks`` is the bit set of the acceptance sets that the edge is in.
    """

    need: int
    value: int
    to: int
    marks: int


@dataclass(frozen=True)
class Automaton:
    """``edges`` of each state; state 0 is initial; there are ``sets`` acceptance sets."""

    atoms: tuple[Atom, ...]
    edges: tuple[tuple[Edge, ...], ...]
    sets: int

    @property
    def all_marks(self) -> int:
        """The bit set of all acceptance sets."""
        return (1 << self.sets) - 1


def violating(f: Formula) -> Automaton:
    """The automaton that accepts the behaviours that do not satisfy the formula; raises TooLargeError."""
    names = atoms(f)
    term = normal(f, {a: i for i, a in enumerate(names)}, positive=False)
    return reduced(Automaton(names, *_unfolded(term)))


@dataclass(frozen=True)
class _Way:
    """One way to satisfy formulas: now, from the next position on, and what is put off."""

    need: int = 0
    value: int = 0
    later: frozenset[Term] = frozenset()
    put_off: frozenset[Term] = frozenset()

    def both(self, other: _Way) -> _Way | None:
        """This and another; None when they contradict each other."""
        common = self.need & other.need
        if (self.value ^ other.value) & common:
            return None
        return _Way(
            self.need | other.need, self.value | other.value, self.later | other.later, self.put_off | other.put_off
        )

    def covers(self, other: _Way) -> bool:
        """Whether the other one is superfluous beside this."""
        return (
            self.need & ~other.need == 0
            and (self.value ^ other.value) & self.need == 0
            and self.later <= other.later
            and self.put_off <= other.put_off
        )


def _unfolded(term: Term) -> tuple[tuple[tuple[Edge, ...], ...], int]:
    start = _parts(term)
    numbers: dict[frozenset[Term], int] = {start: 0}
    waiting = [start]
    found: list[list[tuple[_Way, int]]] = []
    while waiting:
        state = waiting.pop(0)
        row: list[tuple[_Way, int]] = []
        for way in _ways(state):
            if way.later not in numbers:
                if len(numbers) >= MOST_STATES:
                    raise TooLargeError
                numbers[way.later] = len(numbers)
                waiting.append(way.later)
            row.append((way, numbers[way.later]))
        found.append(row)
    untils = sorted({u for row in found for w, _ in row for u in w.put_off}, key=repr)
    rows = tuple(
        tuple(
            Edge(w.need, w.value, to, sum(1 << i for i, u in enumerate(untils) if u not in w.put_off))
            for w, to in row
        )
        for row in found
    )
    return rows, len(untils)


def _parts(f: Term) -> frozenset[Term]:
    """A formula as a set of formulas that all have to hold."""
    if f == TRUE:
        return frozenset()
    return frozenset(f[1:]) if f[0] == "and" else frozenset({f})


def _ways(state: frozenset[Term]) -> list[_Way]:
    out = [_Way()]
    for f in sorted(state, key=repr):
        out = _least(_product(out, _unfold(f)))
    return out


def _unfold(f: Term) -> list[_Way]:
    match f[0]:
        case "true":
            return [_Way()]
        case "false":
            return []
        case "lit":
            return [_Way(1 << f[1], f[2] << f[1])]
        case "and":
            return _ways(frozenset(f[1:]))
        case "or":
            return _least(w for g in f[1:] for w in _unfold(g))
        case "X":
            return [_Way(later=_parts(f[1]))]
        case "U":
            wait = _Way(later=frozenset({f}), put_off=frozenset({f}))
            return _least([*_unfold(f[2]), *_product(_unfold(f[1]), [wait])])
        case _:
            keep = _Way(later=frozenset({f}))
            return _least([*_product(_unfold(f[1]), _unfold(f[2])), *_product(_unfold(f[2]), [keep])])


def _product(a: Iterable[_Way], b: Iterable[_Way]) -> Iterator[_Way]:
    every = list(b)
    return (w for x in a for y in every if (w := x.both(y)) is not None)


def _least(ways: Iterable[_Way]) -> list[_Way]:
    """Without those that another one makes superfluous."""
    out: list[_Way] = []
    for w in dict.fromkeys(ways):
        if not any(k.covers(w) for k in out):
            out = [*(k for k in out if not w.covers(k)), w]
    return out


# -------------------------------------------------------------------------------- reduction


def reduced(a: Automaton) -> Automaton:
    """An automaton that accepts the same, with fewer states, edges and acceptance sets."""
    while True:
        b = _fewer_sets(_joined(_useful(a)))
        if b == a:
            return a
        a = b


def _useful(a: Automaton) -> Automaton:
    """Without states from which no accepting circle can be reached (the initial one stays)."""
    good = {
        q
        for component in components(range(len(a.edges)), lambda q: [e.to for e in a.edges[q]])
        if _accepting(a, frozenset(component))
        for q in component
    }
    while True:
        more = {q for q, row in enumerate(a.edges) if q not in good and any(e.to in good for e in row)}
        if not more:
            break
        good |= more
    return _restricted(a, good)


def _accepting(a: Automaton, component: frozenset[int]) -> bool:
    inner = [e for q in component for e in a.edges[q] if e.to in component]
    marks = 0
    for e in inner:
        marks |= e.marks
    return bool(inner) and marks == a.all_marks


def _restricted(a: Automaton, good: set[int]) -> Automaton:
    """Only those states that are good and reachable; edges between others go."""
    order = [0]
    for q in order:
        order += [e.to for e in a.edges[q] if e.to in good and e.to not in order]
    number = {q: i for i, q in enumerate(dict.fromkeys(order))}
    rows = tuple(tuple(replace(e, to=number[e.to]) for e in a.edges[q] if e.to in good) for q in number)
    return replace(a, edges=rows)


def _joined(a: Automaton) -> Automaton:
    """States with the same edges become one; superfluous edges go.

    An edge is superfluous beside one to the same state that needs less and is in as many sets.
    """
    block = [0] * len(a.edges)
    while True:
        rows = [_distinct(replace(e, to=block[e.to]) for e in row) for row in a.edges]
        kinds: dict[tuple[int, frozenset[Edge]], int] = {}
        new = [kinds.setdefault((block[q], frozenset(rows[q])), len(kinds)) for q in range(len(rows))]
        if new == block:
            break
        block = new
    first = {b: q for q, b in reversed(list(enumerate(block)))}
    out = tuple(tuple(_distinct(replace(e, to=block[e.to]) for e in a.edges[first[b]])) for b in range(len(first)))
    return replace(a, edges=out)


def _distinct(row: Iterable[Edge]) -> list[Edge]:
    out: list[Edge] = []
    for e in dict.fromkeys(row):
        if not any(_above(k, e) for k in out):
            out = [*(k for k in out if not _above(e, k)), e]
    return out


def _above(a: Edge, b: Edge) -> bool:
    return a.to == b.to and not a.need & ~b.need and not (a.value ^ b.value) & a.need and not b.marks & ~a.marks


def _fewer_sets(a: Automaton) -> Automaton:
    """Without sets that contain another one, or the same edges on all circles."""
    circle: list[Edge] = []
    for component in components(range(len(a.edges)), lambda q: [e.to for e in a.edges[q]]):
        inside = frozenset(component)
        circle += [e for q in component for e in a.edges[q] if e.to in inside]
    members = [frozenset(i for i, e in enumerate(circle) if e.marks >> k & 1) for k in range(a.sets)]
    kept: list[int] = []
    for k in range(a.sets):
        if len(members[k]) == len(circle):
            continue
        others = (j for j in range(a.sets) if j != k)
        if not any(members[j] < members[k] or (members[j] == members[k] and j < k) for j in others):
            kept.append(k)

    def marks(e: Edge) -> int:
        return sum(1 << i for i, k in enumerate(kept) if e.marks >> k & 1)

    return Automaton(a.atoms, tuple(tuple(replace(e, marks=marks(e)) for e in row) for row in a.edges), len(kept))
