"""What IC3 works on: one step of a system as clauses over numbered SAT variables.

The transition function is not unrolled: the literals of the next state are functions of the state and the
inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kspec.symbolic.aig import FALSE
from kspec.symbolic.bits import Arithmetic
from kspec.symbolic.cnf import Clauses
from kspec.symbolic.encode import Template
from kspec.symbolic.ic3.literals import FEW, FEW_NUMBERS, Literals, literals
from kspec.symbolic.ic3.theory import Theory, theory
from kspec.system.layout import elements
from kspec.system.model import State
from kspec.types import RangeType


@dataclass
class Formula:
    """Clauses by the variable that they define.  ``Clauses`` writes to it as to a solver."""

    definitions: list[list[tuple[int, ...]]] = field(default_factory=lambda: [[]])
    operands: list[tuple[int, ...]] = field(default_factory=lambda: [()])

    def variable(self) -> int:
        """A new variable."""
        self.definitions.append([])
        self.operands.append(())
        return len(self.definitions) - 1

    def add(self, clause: Sequence[int]) -> None:
        """A clause of the definition of its newest variable."""
        *others, owner = sorted({abs(x) for x in clause})
        self.definitions[owner].append(tuple(clause))
        self.operands[owner] = tuple(sorted({*self.operands[owner], *others}))

    def solve(self, assumptions: Sequence[int]) -> bool | None:
        """This is no solver: it gives up."""
        return None

    def value(self, literal: int) -> bool:
        """There is no model."""
        raise LookupError(literal)

    def core(self) -> tuple[int, ...]:
        """There is no refutation."""
        raise LookupError

    def __len__(self) -> int:
        """The number of variables."""
        return len(self.definitions) - 1


@dataclass(frozen=True)
class Problem:
    """A system for IC3; all fields but the first five hold SAT literals.

    ``step`` and ``init``: what the literals mean, of a state and a step, and of an initial state.
    ``entered`` is a literal of the template's graph: the step completes and enters a state within the limits.

    ``now`` and ``then``: every literal of a cube, of the state and of the state after the step.  ``moves``:
    the same as ``entered``.  ``inside``: the state is of its types and
    within the limits, as every reachable state is.  ``events``: by name what goes wrong (or is reached), in
    the state or in the step; ``broken``: what goes wrong in the state.  ``state`` and ``inputs``: the bits of
    the state and of the inputs.  ``starts``: the init block completes within the limits; ``start``: the bits
    of the state that it makes.
    """

    template: Template
    literals: Literals
    step: Theory
    init: Theory
    entered: int
    now: tuple[int, ...]
    then: tuple[int, ...]
    moves: int
    inside: int
    events: Mapping[str, int]
    broken: Mapping[str, int]
    state: tuple[tuple[int, ...], ...]
    inputs: tuple[int, ...]
    starts: int
    start: tuple[tuple[int, ...], ...]

    def read(self, value: Callable[[int], bool]) -> State:
        """The state that the values of its bits make."""
        return tuple(
            v.lo + sum(1 << i for i, x in enumerate(bits) if value(x))
            for v, bits in zip(self.template.state, self.state)
        )


def problem(template: Template, few: int = FEW, few_numbers: int = FEW_NUMBERS) -> Problem:
    """The problem of a system; scalars of up to ``few`` values, numbers of up to ``few_numbers``, are looked at by
    value, others by bit."""
    aig, math = template.aig, Arithmetic(template.aig)
    after, begun = {0: FALSE}, {0: FALSE}
    for before, v, w in zip(template.state, template.following, template.start, strict=True):
        after.update((x >> 1, y) for x, y in zip(before.literals, v.literals, strict=True))
        begun.update((x >> 1, y) for x, y in zip(before.literals, w.literals, strict=True))
    moves = aig.and_(template.completes, _substituted(template, template.within, after))
    starts = aig.and_(template.starts, _substituted(template, template.within, begun))
    most = [few_numbers if isinstance(e.cell.type, RangeType) else few for e in elements(template.system)]
    table = literals([(v.lo, v.hi) for v in template.state], most)
    numbers = range(len(table.table))
    formula = Formula()
    clauses = Clauses(aig, formula)
    state = tuple(tuple(clauses.literal(x) for x in v.literals) for v in template.state)
    inputs = tuple(clauses.literal(x) for x in template.inputs)
    inside = clauses.literal(aig.and_(template.typed, template.within))
    now = tuple(clauses.literal(table.circuit(n, template.state, math)) for n in numbers)
    then = tuple(clauses.literal(table.circuit(n, template.following, math)) for n in numbers)
    wrong = {n: clauses.literal(a) for n, a in events(template, moves).items()}
    broken = {n: clauses.literal(a) for n, a in template.broken.items()}
    start = tuple(tuple(clauses.literal(x) for x in v.literals) for v in template.start)
    moved, begun_ = clauses.literal(moves), clauses.literal(starts)
    bits = [x for v in state for x in v]

    def meaning(kept: Iterable[int]) -> Theory:
        return theory(formula.definitions, formula.operands, kept)

    return Problem(
        template=template,
        literals=table,
        step=meaning((*bits, *inputs, inside, *now, *then, *wrong.values(), *broken.values(), moved)),
        init=meaning((*bits, *now, begun_, *(x for v in start for x in v))),
        entered=moves,
        state=state,
        inputs=inputs,
        inside=inside,
        now=now,
        then=then,
        moves=moved,
        events=wrong,
        broken=broken,
        starts=begun_,
        start=start,
    )


def events(template: Template, moves: int) -> dict[str, int]:
    """By name where something goes wrong in a state or in the step from it, or is reached in a state; what
    can never be is left out."""
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
