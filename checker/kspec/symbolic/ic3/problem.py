"""What IC3 works on: one step of a system as clauses over numbered SAT variables.

The transition function is not unrolled: the literals of the next state are functions of the state and the
inputs.  All clauses are made once; each belongs to the variable that it defines, so that a solver can be
given only the cones that its queries look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kspec.symbolic.aig import FALSE
from kspec.symbolic.bits import Arithmetic
from kspec.symbolic.cnf import Clauses
from kspec.symbolic.encode import Template
from kspec.symbolic.ic3.literals import FEW, Literals, literals
from kspec.system.model import State


@dataclass
class Formula:
    """Clauses by the variable that they define.  What ``Clauses`` writes to in place of a solver."""

    definitions: list[list[tuple[int, ...]]] = field(default_factory=lambda: [[]])
    operands: list[tuple[int, ...]] = field(default_factory=lambda: [()])

    def variable(self) -> int:
        """A new variable."""
        self.definitions.append([])
        self.operands.append(())
        return len(self.definitions) - 1

    def add(self, clause: Sequence[int]) -> None:
        """A clause of the definition of its newest variable."""
        variables = sorted({abs(x) for x in clause})
        owner = variables[-1]
        self.definitions[owner].append(tuple(clause))
        self.operands[owner] = tuple({*self.operands[owner], *variables[:-1]})

    def solve(self, assumptions: Sequence[int]) -> bool | None:
        """Never asked."""
        raise NotImplementedError

    def value(self, literal: int) -> bool:
        """Never asked."""
        raise NotImplementedError

    def core(self) -> tuple[int, ...]:
        """Never asked."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.definitions) - 1


@dataclass(frozen=True)
class Problem:
    """A system for IC3; all fields but the first three hold SAT literals.

    ``now`` and ``then``: every literal of a cube, of the state and of the state after the step.  ``moves``:
    the step completes and enters a state within the limits.  ``inside``: the state is of its types and
    within the limits, as every reachable state is.  ``events``: by name what goes wrong (or is reached), in
    the state or in the step.  ``state`` and ``inputs``: the bits of the state and of the inputs.
    ``starts``: the bits of the state the init block makes, and then, that it completes.
    """

    template: Template
    literals: Literals
    formula: Formula
    now: tuple[int, ...]
    then: tuple[int, ...]
    moves: int
    inside: int
    events: Mapping[str, int]
    state: tuple[tuple[int, ...], ...]
    inputs: tuple[int, ...]
    starts: tuple[int, ...]
    start: tuple[tuple[int, ...], ...]

    def read(self, value: Callable[[int], bool]) -> State:
        """The state that the values of its bits make."""
        return tuple(
            v.lo + sum(1 << i for i, x in enumerate(bits) if value(x))
            for v, bits in zip(self.template.state, self.state)
        )


def problem(template: Template, few: int = FEW) -> Problem:
    """The problem of a system."""
    aig, math = template.aig, Arithmetic(template.aig)
    after = {0: FALSE}
    for before, v in zip(template.state, template.following, strict=True):
        after.update((x >> 1, y) for x, y in zip(before.literals, v.literals, strict=True))
    within = _substituted(template, template.within, after)
    moves = aig.and_(template.completes, within)
    begun = {0: FALSE}
    for before, v in zip(template.state, template.start, strict=True):
        begun.update((x >> 1, y) for x, y in zip(before.literals, v.literals, strict=True))
    starts = aig.and_(template.starts, _substituted(template, template.within, begun))
    table = literals([(v.lo, v.hi) for v in template.state], few)
    numbers = range(len(table.table))
    formula = Formula()
    clauses = Clauses(aig, formula)
    return Problem(
        template=template,
        literals=table,
        formula=formula,
        state=tuple(tuple(clauses.literal(x) for x in v.literals) for v in template.state),
        inputs=tuple(clauses.literal(x) for x in template.inputs),
        inside=clauses.literal(aig.and_(template.typed, template.within)),
        now=tuple(clauses.literal(table.circuit(n, template.state, math)) for n in numbers),
        then=tuple(clauses.literal(table.circuit(n, template.following, math)) for n in numbers),
        moves=clauses.literal(moves),
        events={n: clauses.literal(a) for n, a in events(template, moves).items()},
        starts=(clauses.literal(starts),),
        start=tuple(tuple(clauses.literal(x) for x in v.literals) for v in template.start),
    )


def events(template: Template, moves: int) -> dict[str, int]:
    """By name where something goes wrong in a state or in the step from it, or is reached in a state."""
    aig = template.aig
    out: dict[str, int] = {}
    steps = {n: aig.and_(moves, a) for n, a in template.broken_step.items()}
    for part in (template.broken, template.reached, template.raised, steps):
        for name, a in part.items():
            out[name] = aig.or_(out.get(name, FALSE), a)
    return {n: a for n, a in out.items() if a != FALSE}


def _substituted(template: Template, a: int, table: dict[int, int]) -> int:
    template.aig.copy(template.aig, (a,), table)
    return table[a >> 1] ^ (a & 1)


