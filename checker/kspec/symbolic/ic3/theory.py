"""Clauses that solvers are given whole: what a set of variables means, without the variables in between.

Variables that nobody asks about are eliminated where that makes fewer clauses (Een and Biere, "Effective
Preprocessing in SAT Through Variable and Clause Elimination", SAT 2005).  IC3 asks very many small questions
about one step, so every variable less counts in each of them.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Clause = tuple[int, ...]


@dataclass(frozen=True)
class Theory:
    """Clauses over variables up to ``variables``; not all of these occur."""

    variables: int
    clauses: tuple[Clause, ...]


def theory(definitions: Sequence[Sequence[Clause]], operands: Sequence[Sequence[int]], kept: Iterable[int]) -> Theory:
    """What the variables of the literals ``kept`` mean.

    ``definitions``: for every variable the clauses that define it, ``operands``: the variables in them.
    """
    asked = {abs(x) for x in kept}
    cone: set[int] = set()
    stack = list(asked)
    while stack:
        v = stack.pop()
        if v not in cone:
            cone.add(v)
            stack += operands[v]
    clauses = [c for v in sorted(cone) for c in definitions[v]]
    return Theory(len(definitions) - 1, tuple(_without_others(clauses, asked)))


def _without_others(clauses: Sequence[Clause], asked: Iterable[int]) -> Sequence[Clause]:
    """Clauses that say the same of the variables ``asked``, by the preprocessor of python-sat where it is
    installed."""
    if importlib.util.find_spec("pysat") is None:
        return clauses
    processor = importlib.import_module("pysat.process").Processor(bootstrap_with=[list(c) for c in clauses])
    try:
        made = processor.process(freeze=sorted(asked))
        return [tuple(c) for c in made.clauses] if made.status else clauses
    finally:
        processor.delete()
