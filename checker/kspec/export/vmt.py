"""VMT (Cimatti, Griggio, Tonetta, "The VMT-LIB Language and Tools", 2021): SMT-LIB 2 with annotations that say what
the state variables, the initial states, the transitions and the properties are.

Every scalar of the state is a bit-vector (or, of one bit, a Bool) with its name; the functions between them are those
of ``kspec.export.circuit``, bit by bit.  What resolves the choices of init are state variables that do not change, so
that properties are about state variables only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

from kspec.export.circuit import Circuit, circuit
from kspec.export.text import heading, plain
from kspec.export.words import memory, remarks, unique
from kspec.symbolic.aig import TRUE
from kspec.system.model import System


def files(
    system: System, properties: Collection[str] | None, path: PurePath | None
) -> tuple[tuple[PurePath | None, bytes], ...]:
    """The file to write."""
    return ((path, write(system, properties).encode()),)


def write(system: System, properties: Collection[str] | None = None) -> str:
    """The text of a ``.vmt`` file about some properties (None: all that must hold).

    Raises Failed: E0701 for an unknown property, E0702 for a circuit that gets too big.
    """
    c = circuit(system, properties, "VMT")
    comments = (f"; {line}" for line in (*heading(c.system, c.goals, "VMT"), *remarks(c)))
    return "\n".join((*comments, *_Definitions(c).lines())) + "\n"


@dataclass
class _Definitions:
    """``term`` has the term of every node of the graph that has been written."""

    c: Circuit
    term: dict[int, str] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """The whole file."""
        c = self.c
        words = memory(c)
        taken = {w.name for w in words}
        inits: list[str] = []
        moves: list[str] = []
        later: list[tuple[str, tuple[int, ...]]] = []
        yield "(set-logic QF_BV)"
        for name, a in c.inputs:
            symbol = unique(name, taken)
            self.term[a >> 1] = f"|{symbol}|"
            if name.startswith("init@"):
                yield from _variable(symbol, 1)
                moves.append(f"(= |next {symbol}| |{symbol}|)")
            else:
                yield f"(declare-fun |{symbol}| () Bool)"
        for w in words:
            yield from _variable(w.name, len(w.bits))
            inits.append(_equal(w.name, w.first))
            later.append((w.name, w.following))
            for i, a in enumerate(w.bits):
                bit = f"|{w.name}|" if len(w.bits) == 1 else f"(= ((_ extract {i} {i}) |{w.name}|) #b1)"
                self.term[a >> 1] = f"(not {bit})" if a & 1 else bit
        yield from self._gates([*(a for _, row in later for a in row), *(a for _, a in c.bad)])
        for name, row in later:
            bits = [self._literal(a) for a in row]
            value = bits[0] if len(bits) == 1 else _concat(bits)
            moves.append(f"(= |next {name}| {value})")
        yield f"(define-fun |initial states| () Bool (! (and true {' '.join(inits)}) :init true))"
        yield f"(define-fun |transitions| () Bool (! (and true {' '.join(moves)}) :trans true))"
        for i, (name, a) in enumerate(c.bad):
            yield f"; property {i} is {plain(name)}"
            yield f"(define-fun |property {i}| () Bool (! (not {self._literal(a)}) :invar-property {i}))"
        yield "(assert true)"

    def _gates(self, roots: list[int]) -> Iterator[str]:
        left, right = self.c.aig.left, self.c.aig.right
        for node in self.c.aig.cone(roots):
            if left[node] >= 0:
                a, b = self._literal(left[node]), self._literal(right[node])
                self.term[node] = f"|gate {node}|"
                yield f"(define-fun |gate {node}| () Bool (and {a} {b}))"

    def _literal(self, a: int) -> str:
        if a <= TRUE:
            return "true" if a else "false"
        return f"(not {self.term[a >> 1]})" if a & 1 else self.term[a >> 1]


def _variable(name: str, width: int) -> Iterator[str]:
    """A state variable, and with ``next`` before it, its next value."""
    sort = "Bool" if width == 1 else f"(_ BitVec {width})"
    yield f"(declare-fun |{name}| () {sort})"
    yield f"(declare-fun |next {name}| () {sort})"
    yield f"(define-fun |state {name}| () {sort} (! |{name}| :next |next {name}|))"


def _equal(name: str, bits: tuple[int, ...]) -> str:
    if len(bits) == 1:
        return f"|{name}|" if bits[0] else f"(not |{name}|)"
    return f"(= |{name}| #b{''.join(str(b) for b in reversed(bits))})"


def _concat(bits: list[str]) -> str:
    return f"(concat {' '.join(f'(ite {b} #b1 #b0)' for b in reversed(bits))})"
