"""The step case of k-induction (Sheeran, Singh and Stalmarck, "Checking Safety Properties Using Induction and
a SAT-Solver", FMCAD 2000; Een and Soerensson, "Temporal Induction by Incremental SAT Solving", 2003).

What is shown for a set of properties: there is no run of k steps, from any state of the types within the
limits, in which nothing of the set goes wrong until the last step, its first k states are pairwise
different, and then something goes wrong.  With a base case of depth k - 1 nothing ever goes wrong: a
shortest run to the first thing that does would end in such a run.

"Goes wrong" are the events of ``kspec.symbolic.bounded``: so invariants, step properties, assertions,
errors and deadlocks are all treated alike, and so is that a ``reachable`` property is reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kspec.engine.protocol import Run
from kspec.symbolic.bits import value_of
from kspec.symbolic.bounded import Level, Search, SolverGaveUp
from kspec.symbolic.cnf import Clauses
from kspec.symbolic.encode import Template
from kspec.symbolic.solver import Sat, new_solver


@dataclass(frozen=True)
class Failure:
    """A run of k steps that keeps a property from being inductive, and the model that it was read from."""

    property: str
    k: int
    run: Run
    model: Mapping[int, bool]


@dataclass
class Induction:
    """Step cases for k = 1, 2, ...; ``names`` are all events that may ever be asked about.

    ``used_distinct``: some states had to be required to differ.
    """

    template: Template
    sat: Sat
    names: Sequence[str]
    known: set[str] = field(default_factory=set)
    used_distinct: bool = False

    def __post_init__(self) -> None:
        self.search = Search(self.template, self.sat, anywhere=True)
        self._switch = {n: self.search.aig.input() for n in self.names}
        self._distinct: set[tuple[int, int]] = set()
        self._lemmas: list[int] = []
        self._level = self._enter()

    @property
    def k(self) -> int:
        """The number of steps of the current step case."""
        return self.search.depth

    def prove(self, candidates: Iterable[str]) -> tuple[tuple[str, ...], dict[str, Failure]]:
        """The largest set of candidates that is inductive together (given what is known), and for each of
        the others the run that keeps it out.  Raises SolverGaveUp.

        What fails is left out and no longer assumed, until nothing fails (Flanagan and Leino, "Houdini,
        an Annotation Assistant for ESC/Java", FME 2001).
        """
        search, aig = self.search, self.search.aig
        left = [n for n in candidates if n not in self.known]
        obstacles: dict[str, Failure] = {}
        while left:
            events = {n: self._level.event(aig, n) for n in left}
            wrong = aig.any(events.values())
            known = [self._level.event(aig, n) ^ 1 for n in sorted(self.known)]
            switches = [self._switch[n] for n in left] + [self._switch[n] for n in sorted(self.known)]
            model = search.solve([*switches, *known, wrong])
            if model is None:
                return tuple(left), obstacles
            if self._repeats(model):
                continue
            truth = aig.evaluate(list(events.values()), model)
            for name in [n for n, true in zip(events, truth, strict=True) if true]:
                obstacles[name] = Failure(name, self.k, search.run(self._level, name, model), model)
                left.remove(name)
        return (), obstacles

    def assume(self, lemma: int) -> None:
        """From now on a condition on states (a literal of the template) holds in every state of a run but the
        last, which need not be one: the last step may fail."""
        self._lemmas.append(lemma)
        for frame in self.search.frames[: self.k]:
            self.search.clauses.require(frame.literal(lemma))

    def matters(self, failure: Failure) -> tuple[int, ...]:
        """Positions of the state at the start of a failure whose values suffice for it, given its inputs:
        no smaller set of them does.  Only for failures of the current k.  Raises SolverGaveUp.

        This is what IC3 calls lifting (Chockler, Ivrii, Matsliah, Moran and Nevo, "Incremental Formal
        Verification of Hardware", FMCAD 2011).
        """
        search, aig = self.search, self.search.aig
        goal = aig.all([*search.entered[1:], self._level.event(aig, failure.property)])
        sat = new_solver()
        clauses = Clauses(aig, sat)
        clauses.require(search.frames[0].literal(self.template.typed))
        clauses.require(goal ^ 1)
        state = search.frames[0].state()
        own = {x >> 1 for v in state for x in v.literals}
        fixed = [
            clauses.literal(2 * n + (1 - failure.model.get(n, False)))
            for n in aig.cone([goal])
            if aig.left[n] < 0 and n not in own
        ]

        def values(position: int) -> list[int]:
            nodes = [x >> 1 for x in state[position].literals]
            return [clauses.literal(2 * n + (1 - failure.model.get(n, False))) for n in nodes]

        def suffice(positions: Iterable[int]) -> bool:
            answer = sat.solve([*fixed, *(x for p in positions for x in values(p))])
            if answer is None:
                raise SolverGaveUp("the solver gave up while a failure was made smaller")
            return not answer

        kept = list(range(len(state)))
        if not suffice(kept):
            return ()
        core = set(sat.core())
        kept = [p for p in kept if core & set(values(p))]
        for p in list(kept):
            rest = [q for q in kept if q != p]
            if suffice(rest):
                kept = rest
        return tuple(kept)

    def deepen(self) -> None:
        """On to k + 1."""
        self._level = self._enter(self._level)

    def _enter(self, level: Level | None = None) -> Level:
        """Leaves a level behind: where switched on, its events do not happen."""
        search = self.search
        level = search.level() if level is None else level
        for name, switch in self._switch.items():
            event = level.event(search.aig, name)
            search.clauses.require(search.aig.and_(switch, event) ^ 1)
        search.advance(level)
        for lemma in self._lemmas:
            search.clauses.require(search.frames[search.depth - 1].literal(lemma))
        return search.level()

    def _repeats(self, model: Mapping[int, bool]) -> bool:
        """Whether a state occurs twice among the first k; if so that is forbidden from now on."""
        search, aig = self.search, self.search.aig
        states = [frame.state() for frame in search.frames[: self.k]]
        roots = sorted({x for state in states for v in state for x in v.literals})
        truth = dict(zip(roots, aig.evaluate(roots, model), strict=True))
        seen: dict[tuple[int, ...], int] = {}
        found = False
        for i, state in enumerate(states):
            values = tuple(value_of(v, [truth[x] for x in v.literals]) for v in state)
            j = seen.setdefault(values, i)
            if j != i and (j, i) not in self._distinct:
                self._distinct.add((j, i))
                pairs = zip(states[j], state, strict=True)
                differ = aig.any(
                    aig.xor(x, y) for v, w in pairs for x, y in zip(v.literals, w.literals, strict=True)
                )
                search.clauses.require(differ)
                found = self.used_distinct = True
        return found


