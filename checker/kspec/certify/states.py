"""What a certificate claims, tried on reachable states: by random walks with the interpreter, or all of them.

No solver is needed for that.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kspec.certify.certificate import Certificate, Clause, Layer
from kspec.engine.protocol import Result
from kspec.interp.evaluate import EvalError
from kspec.interp.machine import Machine, Outcome
from kspec.system.model import Property, State, System

WALKS = 20
LENGTH = 50
SIMULATE_SECONDS = 1.0


class Contradicted(Exception):
    """A reachable state contradicts a claim; the message says which."""


@dataclass
class Claims:
    """What layers say, for the states and steps of runs."""

    machine: Machine
    names: frozenset[str]
    clauses: tuple[Clause, ...]

    @classmethod
    def of(cls, system: System, layers: Sequence[Layer]) -> Claims:
        """The claims of layers about a system."""
        names = frozenset(n for layer in layers for n in layer.properties)
        return cls(Machine(system), names, tuple(x for layer in layers for x in layer.clauses))

    def begin(self, outcomes: Sequence[Outcome]) -> None:
        """The init block raises nothing.  Raises Contradicted, like the other methods."""
        self._blame({o.error.property for o in outcomes if o.error is not None})

    def visit(self, state: State) -> Sequence[Outcome]:
        """Nothing is wrong in a state, nor is anything raised in the steps from it; these."""
        machine = self.machine
        outcomes = list(machine.steps(state))
        wrong = {o.error.property for o in outcomes if o.error is not None}
        wrong |= {v.property for v in machine.state_violations(state)} | set(machine.reached(state))
        if not outcomes:
            wrong |= {v.property for v in machine.deadlock_violations(state)}
        self._blame(wrong)
        for clause in self.clauses:
            if not self._holds(clause, state):
                raise Contradicted(f"a clause is false in a reachable state: {clause.text}")
        return outcomes

    def step(self, before: State, after: State) -> None:
        """Nothing is wrong with a step."""
        self._blame({v.property for v in self.machine.step_violations(before, after)})

    def _blame(self, wrong: set[str]) -> None:
        if wrong & self.names:
            raise Contradicted(f"a run shows otherwise: {', '.join(sorted(wrong & self.names))}")

    def _holds(self, clause: Clause, state: State) -> bool:
        try:
            return self.machine.holds(clause.expr, state)
        except EvalError:
            return False


def simulate(claims: Claims, seed: int) -> None:
    """Random walks.  Raises Contradicted."""
    rng = random.Random(seed)
    end = time.monotonic() + SIMULATE_SECONDS
    starts = list(claims.machine.initial())
    claims.begin(starts)
    for _ in range(WALKS):
        before: State | None = None
        outcomes: Sequence[Outcome] = starts
        for _ in range(LENGTH):
            posts = [o.post for o in outcomes if o.post is not None and not o.cut]
            if not posts or time.monotonic() > end:
                break
            state = rng.choice(posts)
            outcomes = claims.visit(state)
            if before is not None:
                claims.step(before, state)
            before = state


def claiming(system: System, c: Certificate) -> System:
    """The system with the clauses of a certificate as invariants, to be searched exhaustively."""
    clauses = [x for layer in c.layers for x in layer.clauses]
    taken = {p.name for p in system.properties}
    stem = next(s for s in ("clause", *(f"clause_{i}" for i in range(len(taken) + 1))) if f"{s} 1" not in taken)
    more = tuple(Property(f"{stem} {i}", "invariant", x.expr) for i, x in enumerate(clauses, 1))
    return replace(system, properties=system.properties + more)


def contradictions(system: System, c: Certificate, result: Result) -> tuple[str, ...]:
    """What a search of the system with its claims (see :func:`claiming`) found against the certificate."""
    own = {p.name for p in system.properties}
    claimed = {*c.proved, *(p.name for p in claiming(system, c).properties if p.name not in own)}
    found = [f for f in (*result.findings, *result.witnesses) if f.run is not None]
    return tuple(dict.fromkeys(f.property for f in found if f.property in claimed))
