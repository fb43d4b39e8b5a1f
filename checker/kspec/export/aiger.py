"""AIGER 1.9 (Biere, Heljanko and Wieringa, "AIGER 1.9 and Beyond", 2011): the circuit of a system for hardware
model checkers.

One bad literal for each property, with its name in the symbol table.  A bad literal that is on in frame k is a
violation of length k.  What inputs and latches mean is in ``kspec.export.circuit`` and in the file's comment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import PurePath

from kspec.export.circuit import Circuit, circuit
from kspec.export.text import heading, plain
from kspec.symbolic.aig import TRUE
from kspec.symbolic.bits import Bits
from kspec.system.model import System


def write(system: System, properties: Collection[str] | None = None, binary: bool = True) -> bytes:
    """The content of an ``.aig`` file (``binary``) or ``.aag`` file, about some properties (None: all that must hold).

    A ``reachable`` property that is named gives a bad literal that is on where it is reached.
    Raises kspec.lang.diagnostics.Failed: E0701 for a name that there is not, E0702 for a circuit that gets too big.
    """
    return render(circuit(system, properties), binary)


def files(
    system: System, properties: Collection[str] | None, path: PurePath | None
) -> tuple[tuple[PurePath | None, bytes], ...]:
    """The file to write: binary, but text for ``.aag`` and for standard output."""
    binary = path is not None and path.suffix != ".aag"
    return ((path, write(system, properties, binary)),)


def render(c: Circuit, binary: bool) -> bytes:
    """The file of a circuit."""
    file = _File(c)
    return file.text(binary)


class _File:
    """Numbers the literals as the format wants them: inputs, latches, gates in topological order."""

    def __init__(self, c: Circuit) -> None:
        self.c = c
        self.number: dict[int, int] = {0: 0}
        for _, a in c.inputs:
            self.number[a >> 1] = len(self.number)
        for latch in c.latches:
            self.number[latch.now >> 1] = len(self.number)
        leaves = len(self.number)
        self.gates = [
            n for n in c.aig.cone([*(a.following for a in c.latches), *(a for _, a in c.bad)]) if c.aig.left[n] >= 0
        ]
        for i, node in enumerate(self.gates):
            self.number[node] = leaves + i

    def literal(self, a: int) -> int:
        """The literal in the file."""
        return 2 * self.number[a >> 1] + (a & 1)

    def text(self, binary: bool) -> bytes:
        """The whole file."""
        c = self.c
        sizes = (len(self.number) - 1, len(c.inputs), len(c.latches), 0, len(self.gates), len(c.bad))
        out = [f"{'aig' if binary else 'aag'} {' '.join(map(str, sizes))}"]
        if not binary:
            out += [str(self.literal(a)) for _, a in c.inputs]
        for latch in c.latches:
            following = str(self.literal(latch.following))
            out.append(following if binary else f"{self.literal(latch.now)} {following}")
        out += [str(self.literal(a)) for _, a in c.bad]
        if not binary:
            out += [" ".join(map(str, gate)) for gate in self._gates()]
        head = "\n".join(out) + "\n"
        gates = b"".join(_delta(g - a) + _delta(a - b) for g, a, b in self._gates()) if binary else b""
        tail = "\n".join((*self._symbols(), "c", *self._comment())) + "\n"
        return head.encode() + gates + tail.encode()

    def _gates(self) -> Iterator[tuple[int, int, int]]:
        """Every gate with its operands, the larger first."""
        left, right = self.c.aig.left, self.c.aig.right
        for node in self.gates:
            a, b = self.literal(left[node]), self.literal(right[node])
            yield 2 * self.number[node], max(a, b), min(a, b)

    def _symbols(self) -> Iterator[str]:
        c = self.c
        yield from (f"i{i} {plain(name)}" for i, (name, _) in enumerate(c.inputs))
        yield from (f"l{i} {plain(latch.name)}" for i, latch in enumerate(c.latches))
        yield from (f"b{i} {plain(name)}" for i, (name, _) in enumerate(c.bad))

    def _comment(self) -> Iterator[str]:
        c = self.c
        yield from heading(c.system, c.goals, "AIGER 1.9")
        yield "Frame k is the state after k steps; a bad literal that is on in frame k is a violation of length k."
        yield "A latch NAME@i is bit i of a scalar; it holds the scalar's value minus the lowest one of its type."
        yield "All latches start as 0: a bit that starts as 1 is stored inverted."
        yield "`started` is off in the first frame, in which the inputs init@i resolve the choices of init."
        yield "`dead` is on once a run has ended.  raised:NAME and step:NAME: the step before violated NAME."
        yield "The inputs select@i pick the action by number; choice@i are its arguments and choices:"
        names = {a >> 1: name for name, a in c.inputs}
        for i, (action, args) in enumerate(c.actions):
            shown = ", ".join(f"{plain(n)} = {_shown(v, names)}" for n, v in args)
            yield f"  {i} {plain(action)}({shown})"


def _shown(v: Bits, names: dict[int, str]) -> str:
    """How an argument is made of inputs."""
    bits = [names.get(a >> 1, "?") if a > TRUE else str(a) for a in v.literals]
    if not bits:
        return str(v.lo)
    number = bits[0] if len(bits) == 1 else "[" + " ".join(bits) + "]"
    return number if v.lo == 0 else f"{v.lo} + {number}"


def _delta(n: int) -> bytes:
    """Seven bits a byte, the lowest first; the high bit says that more follow."""
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)
