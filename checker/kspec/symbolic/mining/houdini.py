"""Which guesses are inductive together (Flanagan and Leino, "Houdini, an Annotation Assistant for ESC/Java",
FME 2001): those that fail are dropped, until none fails; and which of them a property needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kspec.symbolic.aig import Aig
from kspec.symbolic.bits import Arithmetic
from kspec.symbolic.bounded import Search
from kspec.symbolic.encode import Template
from kspec.symbolic.ic3.literals import Cube, Literals
from kspec.symbolic.mining.candidates import Guess
from kspec.symbolic.solver import new_solver


@dataclass(frozen=True)
class Item:
    """Something that is shown by induction: a guess, or a property by its name."""

    what: Guess | str


@dataclass
class Houdini:
    """One step from any state in which all that is left holds.  ``known``: names of properties that hold."""

    template: Template
    literals: Literals
    known: Sequence[str]
    solver: str | None = None
    rounds: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._sat = new_solver(self.solver)
        self._search = Search(self.template, self._sat, anywhere=True)
        self._aig: Aig = self._search.aig
        first = self._search.level()
        self._search.clauses.require(first.entered)
        self._first = first
        self._last = self._search.level_at(1)
        for name in self.known:
            self._search.clauses.require(first.event(self._aig, name) ^ 1)
        self._good: dict[Item, int] = {}
        self._bad: dict[Item, int] = {}

    def initial(self, guesses: Iterable[Guess]) -> tuple[Guess, ...]:
        """The guesses that hold in all initial states."""
        sat = new_solver(self.solver)
        search = Search(self.template, sat)
        search.clauses.require(search.level().entered)
        left = list(guesses)
        wrong = {g: search.aig.any(search.frames[0].literal(self._inside(c)) for c in g.images) for g in left}
        while left:
            model = search.solve([search.aig.any(wrong[g] for g in left)])
            if model is None:
                break
            truth = search.aig.evaluate([wrong[g] for g in left], model)
            left = [g for g, true in zip(left, truth, strict=True) if not true]
        return tuple(left)

    def inductive(self, guesses: Sequence[Guess], names: Sequence[str]) -> tuple[tuple[Guess, ...], tuple[str, ...]]:
        """The guesses and properties that hold after every step from a state in which they all hold."""
        left = [*map(Item, guesses), *map(Item, names)]
        for item in left:
            self._add(item)
        while left:
            self.rounds += 1
            model = self._broken(left)
            if model is None:
                break
            truth = self._aig.evaluate([self._bad[i] for i in left], model)
            left = [i for i, true in zip(left, truth, strict=True) if not true]
        return tuple(i.what for i in left if isinstance(i.what, Guess)), tuple(
            i.what for i in left if isinstance(i.what, str)
        )

    def needed(self, guesses: Sequence[Guess], names: Sequence[str]) -> tuple[Guess, ...]:
        """Of guesses that are inductive together with properties, some that suffice for these."""
        every = [*map(Item, guesses), *map(Item, names)]
        by_literal = {self._search.clauses.literal(self._good[i]): i for i in every}
        kept: dict[Item, None] = {Item(n): None for n in names}
        queue = list(kept)
        for item in queue:
            assumptions = [*by_literal, self._search.clauses.literal(self._bad[item])]
            if self._sat.solve(assumptions) is not False:
                raise AssertionError("what was inductive is not any more")
            for x in self._sat.core():
                cause = by_literal.get(x)
                if cause is not None and cause not in kept:
                    kept[cause] = None
                    queue.append(cause)
        return tuple(i.what for i in kept if isinstance(i.what, Guess))

    def _broken(self, left: Sequence[Item]) -> dict[int, bool] | None:
        """A step that breaks something of what is left, from a state in which all of it holds."""
        clauses = self._search.clauses
        some = self._sat.variable()
        self._sat.add((-some, *(clauses.literal(self._bad[i]) for i in left)))
        answer = self._sat.solve([some, *(clauses.literal(self._good[i]) for i in left)])
        return clauses.inputs() if answer else None

    def _add(self, item: Item) -> None:
        aig, frames = self._aig, self._search.frames
        match item.what:
            case str(name):
                self._good[item] = self._first.event(aig, name) ^ 1
                self._bad[item] = self._last.event(aig, name)
            case Guess(images):
                inside = [self._inside(c) for c in images]
                self._good[item] = aig.any(frames[0].literal(a) for a in inside) ^ 1
                now = aig.any(frames[1].literal(a) for a in inside)
                self._bad[item] = aig.and_(self._last.entered, now)

    def _inside(self, cube: Cube) -> int:
        """Where the state of the template is in a cube."""
        aig, math = self.template.aig, Arithmetic(self.template.aig)
        return aig.all(self.literals.circuit(n, self.template.state, math) for n in sorted(cube))
