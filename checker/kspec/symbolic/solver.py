"""SAT solvers behind one small interface: incremental, with assumptions.

Variables are positive integers, a negative integer is a negated variable, as in DIMACS.  A solver is not
interruptible here: searches run in a process of their own that is killed (``kspec.symbolic.supervise``).

The packages are imported when a solver is made, never before: processes are forked by parents that have
loaded no native code.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from typing import Any, Protocol

PYSAT = "cadical153"
Z3 = "z3"


class Sat(Protocol):
    """An incremental solver."""

    def variable(self) -> int:
        """A new variable."""

    def add(self, clause: Sequence[int]) -> None:
        """Adds a clause for good."""

    def solve(self, assumptions: Sequence[int]) -> bool | None:
        """Whether the clauses and the assumptions can be satisfied; None when the solver gave up."""

    def value(self, literal: int) -> bool:
        """The value of a literal after ``solve`` said True."""

    def core(self) -> tuple[int, ...]:
        """After ``solve`` said False: assumptions that suffice for that (not minimal)."""


def new_solver(name: str | None = None) -> Sat:
    """The solver of that name (of python-sat, or ``z3``); by default the fastest that is installed."""
    if name is None:
        name = PYSAT if importlib.util.find_spec("pysat") else Z3
    return Z3Sat() if name == Z3 else PySat(name)


def solver_name() -> str:
    """What :func:`new_solver` makes by default, with its version, as certificates state it."""
    from importlib.metadata import version

    if importlib.util.find_spec("pysat"):
        return f"{PYSAT} (python-sat {version('python-sat')})"
    return f"z3 {version('z3-solver')}"


class PySat:
    """A solver of the python-sat package (Ignatiev, Morgado and Marques-Silva, SAT 2018)."""

    def __init__(self, name: str = PYSAT) -> None:
        """Raises ImportError when the package is missing."""
        self._solver: Any = importlib.import_module("pysat.solvers").Solver(name)
        self._count = 0
        self._model: list[int] | None = None

    def variable(self) -> int:
        """A new variable."""
        self._count += 1
        return self._count

    def add(self, clause: Sequence[int]) -> None:
        """Adds a clause for good."""
        self._solver.add_clause(clause)

    def solve(self, assumptions: Sequence[int]) -> bool | None:
        """Whether the clauses and the assumptions can be satisfied."""
        self._model = None
        answer: bool | None = self._solver.solve(assumptions=assumptions)
        return answer

    def solve_within(self, assumptions: Sequence[int], conflicts: int) -> bool | None:
        """The same with a budget of conflicts, for solvers that keep one; None when it did not suffice."""
        self._model = None
        self._solver.conf_budget(conflicts)
        answer: bool | None = self._solver.solve_limited(assumptions=assumptions)
        return answer

    def value(self, literal: int) -> bool:
        """The value of a literal in the last model; variables it does not mention are false.

        Not after clauses have been added, unless some value was asked for before.
        """
        if self._model is None:
            self._model = self._solver.get_model() or []
        at = abs(literal) - 1
        return (at < len(self._model) and self._model[at] > 0) == (literal > 0)

    def core(self) -> tuple[int, ...]:
        """The assumptions that the last refutation used."""
        return tuple(self._solver.get_core() or ())


class Z3Sat:
    """Z3's finite-domain solver; a solver that was stopped (``canceled``) or gave up answers None."""

    def __init__(self) -> None:
        """Raises ImportError when the package is missing."""
        self._z3: Any = importlib.import_module("z3")
        self._context = self._z3.Context()
        self._solver = self._z3.SolverFor("QF_FD", ctx=self._context)
        self._atoms: list[Any] = []
        self._model: Any = None

    def variable(self) -> int:
        """A new variable."""
        self._atoms.append(self._z3.Bool(f"v{len(self._atoms) + 1}", self._context))
        return len(self._atoms)

    def add(self, clause: Sequence[int]) -> None:
        """Adds a clause for good."""
        self._solver.add(self._z3.Or(*(self._term(x) for x in clause), self._context))

    def solve(self, assumptions: Sequence[int]) -> bool | None:
        """Whether the clauses and the assumptions can be satisfied."""
        try:
            answer = self._solver.check(*(self._term(x) for x in assumptions))
        except self._z3.Z3Exception:
            return None
        if answer == self._z3.sat:
            self._model = self._solver.model()
            return True
        return False if answer == self._z3.unsat else None

    def value(self, literal: int) -> bool:
        """The value of a literal in the last model; variables it does not mention are false."""
        true: bool = self._z3.is_true(self._model.eval(self._atoms[abs(literal) - 1]))
        return true == (literal > 0)

    def core(self) -> tuple[int, ...]:
        """The assumptions that the last refutation used."""
        numbers: list[int] = []
        for term in self._solver.unsat_core():
            negated = self._z3.is_not(term)
            name = str(term.arg(0) if negated else term)
            numbers.append(-int(name[1:]) if negated else int(name[1:]))
        return tuple(numbers)

    def _term(self, literal: int) -> Any:
        atom = self._atoms[abs(literal) - 1]
        return atom if literal > 0 else self._z3.Not(atom)
