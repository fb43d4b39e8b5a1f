"""One incremental solver with the clauses of a theory, and temporary clauses."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from kspec.symbolic.bounded import SolverGaveUp
from kspec.symbolic.ic3.theory import Theory
from kspec.symbolic.solver import Z3, new_solver

MOST_TEMPORARY = 1000
"""After so many temporary clauses, which a solver only collects, it is better replaced."""


def default_solver() -> str:
    """The fastest of the solvers here for very many small queries, if it is installed."""
    return "minisat22" if importlib.util.find_spec("pysat") else Z3


class Query:
    """A solver with the clauses of a theory; ``asked`` counts its queries."""

    def __init__(self, theory: Theory, solver: str | None) -> None:
        self._sat = new_solver(solver or default_solver())
        for _ in range(theory.variables):
            self._sat.variable()
        self.include(theory)
        self.temporaries = 0
        self.asked = 0

    def include(self, theory: Theory) -> None:
        """The clauses of a theory (of the same variables as the first) hold, too."""
        for clause in theory.clauses:
            self._sat.add(clause)

    @property
    def worn(self) -> bool:
        """Whether it should be replaced by a new one."""
        return self.temporaries > MOST_TEMPORARY

    def variable(self) -> int:
        """A new variable, for clauses of the caller's own making."""
        return self._sat.variable()

    def require(self, clause: Sequence[int]) -> None:
        """A clause, for good."""
        self._sat.add(clause)

    def temporary(self, clause: Sequence[int]) -> int:
        """A clause that holds where the literal that this returns is assumed."""
        self.temporaries += 1
        switch = self._sat.variable()
        self._sat.add((-switch, *clause))
        return switch

    def release(self, switch: int) -> None:
        """The temporary clause is no longer needed."""
        self._sat.add((-switch,))

    def holds(self, assumptions: Sequence[int]) -> bool:
        """Whether the assumptions can hold.  Raises SolverGaveUp."""
        self.asked += 1
        answer = self._sat.solve(assumptions)
        if answer is None:
            raise SolverGaveUp("the solver gave up")
        return answer

    def value(self, literal: int) -> bool:
        """A value in the last model."""
        return self._sat.value(literal)

    def core(self) -> frozenset[int]:
        """Assumptions that suffice for the last refutation."""
        return frozenset(self._sat.core())
