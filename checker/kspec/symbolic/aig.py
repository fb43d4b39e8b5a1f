"""And-inverter graphs: the form in which transition systems reach SAT solvers.

A literal is an integer ``2 * node + negated``; node 0 is the constant, so literal 0 is false and
literal 1 is true.  Nodes are hashed by structure and constants are folded as they are made
(Kuehlmann, Paruthi, Krohm and Ganai, "Robust Boolean Reasoning for Equivalence Checking and
Functional Property Verification", 2002).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

FALSE = 0
TRUE = 1


def neg(a: int) -> int:
    """The negation of a literal."""
    return a ^ 1


class Aig:
    """A graph under construction."""

    def __init__(self) -> None:
        """An empty graph: the constant only."""
        self.left: list[int] = [-1]
        """For every node the smaller operand; -1 for the constant and for inputs."""
        self.right: list[int] = [-1]
        self.uses: list[int] = [0]
        """For every node, how many nodes have it as an operand."""
        self._table: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self.left)

    def input(self) -> int:
        """A new free literal."""
        self.left.append(-1)
        self.right.append(-1)
        self.uses.append(0)
        return 2 * (len(self.left) - 1)

    def inputs(self, count: int) -> tuple[int, ...]:
        """``count`` new free literals."""
        return tuple(self.input() for _ in range(count))

    def is_input(self, a: int) -> bool:
        """True for a literal of an input."""
        return a > 1 and self.left[a >> 1] < 0

    def and_(self, a: int, b: int) -> int:
        """``a and b``."""
        if a > b:
            a, b = b, a
        if a <= 1:
            return b if a else 0
        if a == b:
            return a
        if a ^ b == 1:
            return 0
        found = self._table.get((a, b))
        if found is not None:
            return found
        node = len(self.left)
        self.left.append(a)
        self.right.append(b)
        self.uses.append(0)
        self.uses[a >> 1] += 1
        self.uses[b >> 1] += 1
        self._table[a, b] = 2 * node
        return 2 * node

    def or_(self, a: int, b: int) -> int:
        """``a or b``."""
        return self.and_(a ^ 1, b ^ 1) ^ 1

    def xor(self, a: int, b: int) -> int:
        """``a != b``."""
        if a <= 1:
            return b ^ a
        if b <= 1:
            return a ^ b
        return self.and_(self.and_(a, b) ^ 1, self.and_(a ^ 1, b ^ 1) ^ 1)

    def ite(self, c: int, t: int, e: int) -> int:
        """``c ? t : e``."""
        if c <= 1:
            return t if c else e
        if t == e:
            return t
        if t ^ e == 1:
            return self.xor(c, e)
        if t <= 1:
            return self.or_(c, e) if t else self.and_(c ^ 1, e)
        if e <= 1:
            return self.or_(c ^ 1, t) if e else self.and_(c, t)
        return self.and_(self.and_(c, t) ^ 1, self.and_(c ^ 1, e) ^ 1) ^ 1

    def all(self, items: Iterable[int]) -> int:
        """The conjunction, as a balanced tree."""
        level = [a for a in items if a != 1]
        if not level:
            return 1
        while len(level) > 1:
            paired = [self.and_(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
            level = paired + level[len(level) & ~1 :]
        return level[0]

    def any(self, items: Iterable[int]) -> int:
        """The disjunction, as a balanced tree."""
        return self.all(a ^ 1 for a in items) ^ 1

    def cone(self, roots: Iterable[int]) -> list[int]:
        """The nodes on which the roots depend, in topological order (the constant left out)."""
        seen: set[int] = {0}
        stack = [r >> 1 for r in roots]
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if self.left[node] >= 0:
                stack.append(self.left[node] >> 1)
                stack.append(self.right[node] >> 1)
        return sorted(seen)[1:]

    def copy(self, into: Aig, roots: Iterable[int], table: dict[int, int]) -> None:
        """Rebuilds the cones of ``roots`` in ``into``.

        ``table`` maps nodes of this graph to literals of ``into``; it must have the inputs that the
        cones contain and gets everything that is built.
        """
        left, right = self.left, self.right
        table.setdefault(0, 0)
        make = into.and_
        for node in self._missing(roots, table):
            a, b = left[node], right[node]
            table[node] = make(table[a >> 1] ^ (a & 1), table[b >> 1] ^ (b & 1))

    def _missing(self, roots: Iterable[int], table: Mapping[int, int]) -> list[int]:
        seen: set[int] = set()
        stack = [r >> 1 for r in roots]
        while stack:
            node = stack.pop()
            if node in table or node in seen:
                continue
            if self.left[node] < 0:
                raise KeyError(f"input {node} has no image")
            seen.add(node)
            stack.append(self.left[node] >> 1)
            stack.append(self.right[node] >> 1)
        return sorted(seen)

    def cofactor(self, root: int, var: int, value: int) -> int:
        """``root`` with the input literal ``var`` fixed to ``value`` (0 or 1)."""
        at = var >> 1
        table: dict[int, int] = {at: value ^ (var & 1)}
        for node in self.cone((root,)):
            if node == at:
                continue
            a, b = self.left[node], self.right[node]
            if a < 0:
                table[node] = 2 * node
            else:
                fa = table.get(a >> 1, 0) ^ (a & 1)
                fb = table.get(b >> 1, 0) ^ (b & 1)
                table[node] = self.and_(fa, fb)
        return table.get(root >> 1, 0) ^ (root & 1)

    def evaluate(self, roots: Sequence[int], inputs: Mapping[int, bool]) -> list[bool]:
        """The values of ``roots``; inputs (by node) that are not given count as false."""
        left, right = self.left, self.right
        values: dict[int, bool] = {0: False}
        for node in self.cone(roots):
            a, b = left[node], right[node]
            if a < 0:
                values[node] = inputs.get(node, False)
            else:
                values[node] = (values[a >> 1] ^ bool(a & 1)) and (values[b >> 1] ^ bool(b & 1))
        return [values[r >> 1] ^ bool(r & 1) for r in roots]
