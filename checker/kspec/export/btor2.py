"""BTOR2 (Niemetz, Preiner, Wolf and Biere, "BTOR2, BtorMC and Boolector 3.0", CAV 2018).

Every scalar of the state is a state of its width with its name; the functions between them are those of
``kspec.export.circuit``, bit by bit.  One ``bad`` for each property.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import PurePath

from kspec.export.circuit import Circuit, circuit
from kspec.export.text import heading
from kspec.export.words import memory, remarks, unique
from kspec.system.model import System


def files(
    system: System, properties: Collection[str] | None, path: PurePath | None
) -> tuple[tuple[PurePath | None, bytes], ...]:
    """The file to write."""
    return ((path, write(system, properties).encode()),)


def write(system: System, properties: Collection[str] | None = None) -> str:
    """The text of a ``.btor2`` file about some properties (None: all that must hold).

    Raises Failed: E0701 for an unknown property, E0702 for a circuit that gets too big.
    """
    c = circuit(system, properties, "BTOR2")
    body = _Lines(c)
    body.write()
    comments = [f"; {line}" for line in (*heading(c.system, c.goals, "BTOR2"), *remarks(c))]
    return "\n".join((*comments, *body.lines)) + "\n"


@dataclass
class _Lines:
    """Numbered lines; ``number`` has the line of every node of the graph that has been written."""

    c: Circuit
    lines: list[str] = field(default_factory=list)
    sorts: dict[int, int] = field(default_factory=dict)
    number: dict[int, int] = field(default_factory=dict)

    def write(self) -> None:
        """The whole circuit."""
        c = self.c
        words = memory(c)
        for w in words:
            self._sort(len(w.bits))
        bit = self._sort(1)
        self.number[0] = self._line(f"zero {bit}")
        firsts = {w.first: 0 for w in words}
        for first in firsts:
            digits = "".join(str(b) for b in reversed(first))
            firsts[first] = self._line(f"const {self._sort(len(first))} {digits}")
        taken = {w.name for w in words}
        for name, a in c.inputs:
            self.number[a >> 1] = self._line(f"input {bit} {unique(name, taken)}")
        states: list[int] = []
        for w in words:
            sort = self._sort(len(w.bits))
            state = self._line(f"state {sort} {w.name}")
            states.append(state)
            self._line(f"init {sort} {state} {firsts[w.first]}")
            for i, a in enumerate(w.bits):
                line = state if len(w.bits) == 1 else self._line(f"slice {bit} {state} {i} {i}")
                self.number[a >> 1] = -line if a & 1 else line
        self._gates(bit, [*(a for w in words for a in w.following), *(a for _, a in c.bad)])
        for w, state in zip(words, states, strict=True):
            value = self._literal(w.following[0])
            for width, a in enumerate(w.following[1:], 2):
                value = self._line(f"concat {self._sort(width)} {self._literal(a)} {value}")
            self._line(f"next {self._sort(len(w.bits))} {state} {value}")
        symbols: set[str] = set()
        for name, a in c.bad:
            self._line(f"bad {self._literal(a)} {unique(name, symbols)}")

    def _gates(self, bit: int, roots: list[int]) -> None:
        left, right = self.c.aig.left, self.c.aig.right
        for node in self.c.aig.cone(roots):
            if left[node] >= 0:
                self.number[node] = self._line(f"and {bit} {self._literal(left[node])} {self._literal(right[node])}")

    def _literal(self, a: int) -> int:
        """The line of a literal; a negative number is the negation."""
        return -self.number[a >> 1] if a & 1 else self.number[a >> 1]

    def _sort(self, width: int) -> int:
        if width not in self.sorts:
            self.sorts[width] = self._line(f"sort bitvec {width}")
        return self.sorts[width]

    def _line(self, text: str) -> int:
        number = len(self.lines) + 1
        self.lines.append(f"{number} {text}")
        return number

