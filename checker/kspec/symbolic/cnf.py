"""Clauses of a graph, made on demand: only the cones that a solver is asked about reach it.

Conjunctions of many operands and if-then-else (exclusive or among them) are recognised, so that they take
one variable each (Een, Mishchenko and Soerensson, "Applying Logic Synthesis for Speeding Up SAT", 2007).
"""

from __future__ import annotations

from kspec.symbolic.aig import TRUE, Aig
from kspec.symbolic.solver import Sat


class Clauses:
    """The bridge between one graph and one solver."""

    def __init__(self, aig: Aig, sat: Sat) -> None:
        self.aig = aig
        self.sat = sat
        true = sat.variable()
        sat.add((true,))
        self._variables: dict[int, int] = {0: -true}

    def literal(self, a: int) -> int:
        """The solver's literal for a literal of the graph."""
        v = self._variables.get(a >> 1)
        if v is None:
            v = self._encode(a >> 1)
        return -v if a & 1 else v

    def require(self, a: int) -> None:
        """``a`` holds from now on."""
        if a != TRUE:
            self.sat.add((self.literal(a),))

    def inputs(self) -> dict[int, bool]:
        """The values of the inputs (by node) that the solver knows, in its last model."""
        left = self.aig.left
        return {n: self.sat.value(v) for n, v in self._variables.items() if n and left[n] < 0}

    def _encode(self, root: int) -> int:
        variables, left = self._variables, self.aig.left
        stack: list[tuple[int, tuple[int, ...] | None]] = [(root, None)]
        while stack:
            node, operands = stack.pop()
            if node in variables:
                continue
            if operands is None:
                if left[node] < 0:
                    variables[node] = self.sat.variable()
                    continue
                operands = self._operands(node)
                stack.append((node, operands))
                stack.extend((x >> 1, None) for x in operands if x >= 0 and x >> 1 not in variables)
            else:
                self._define(node, operands)
        return variables[root]

    def _operands(self, node: int) -> tuple[int, ...]:
        """What the node is made of; see :meth:`_define`."""
        aig = self.aig
        a, b = aig.left[node], aig.right[node]
        if a & 1 and b & 1 and aig.left[a >> 1] >= 0 and aig.left[b >> 1] >= 0:
            p, q = aig.left[a >> 1], aig.right[a >> 1]
            r, s = aig.left[b >> 1], aig.right[b >> 1]
            for c, t in ((p, q), (q, p)):
                if c ^ 1 == r:
                    return (c, t, s, -1)
                if c ^ 1 == s:
                    return (c, t, r, -1)
        out: list[int] = []
        todo = [b, a]
        while todo:
            x = todo.pop()
            at = x >> 1
            if x & 1 or aig.left[at] < 0 or aig.uses[at] > 1 or at in self._variables:
                out.append(x)
            else:
                todo += (aig.right[at], aig.left[at])
        return tuple(out)

    def _define(self, node: int, operands: tuple[int, ...]) -> None:
        """Clauses for ``node``: the negation of ``c ? t : e`` for operands ``(c, t, e, -1)``, else their and."""
        table = self._variables
        n = self.sat.variable()
        if operands[-1] == -1:
            c, t, e = (-table[x >> 1] if x & 1 else table[x >> 1] for x in operands[:3])
            self.sat.add((-c, -t, -n))
            self.sat.add((-c, t, n))
            self.sat.add((c, -e, -n))
            self.sat.add((c, e, n))
            if t != -e:
                self.sat.add((-t, -e, -n))
                self.sat.add((t, e, n))
        else:
            inputs = [-table[x >> 1] if x & 1 else table[x >> 1] for x in operands]
            for x in inputs:
                self.sat.add((-n, x))
            self.sat.add((n, *(-x for x in inputs)))
        table[node] = n
