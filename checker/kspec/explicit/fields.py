"""How C code reads and writes one scalar of a packed state.

The layout is that of ``kspec.system.packing``: a scalar never straddles two words, so an element of a
cell is one word, one shift and one mask.  Where all elements of a cell have the same word, or their size
divides the word, the place of an element is arithmetic on its position; otherwise it takes a division by
a constant (elements before the first word boundary, then so many in each word).
"""

from __future__ import annotations

from dataclasses import dataclass

from kspec.system.expr import Cell
from kspec.system.model import System
from kspec.system.packing import WORD, bits_for, slots


class Unsupported(Exception):
    """The system cannot be turned into native code (why is the argument); the interpreter can run it."""


@dataclass(frozen=True)
class Field:
    """Where the elements of a state cell are.

    ``bits`` is the size of an element, 0 for a type of one value.  ``word`` and ``shift`` are those of
    the first element; ``head`` elements are in the first word, ``per`` in each later one.
    """

    bits: int
    lo: int
    word: int
    shift: int
    size: int
    head: int
    per: int

    @property
    def mask(self) -> str:
        """The C literal that masks one element."""
        return f"0x{(1 << self.bits) - 1:x}ULL"

    @property
    def one_word(self) -> bool:
        """True when every element is in the same word."""
        return self.size <= self.head

    @property
    def aligned(self) -> bool:
        """True when the element at bit ``n`` of the state is where arithmetic on ``n`` says."""
        return WORD % self.bits == 0 and self.shift % self.bits == 0

    def at(self, position: int) -> tuple[int, int]:
        """Word and shift of an element."""
        if position < self.head:
            return self.word, self.shift + position * self.bits
        rest = position - self.head
        return self.word + 1 + rest // self.per, rest % self.per * self.bits

    def place(self, position: str) -> tuple[str, str]:
        """C expressions for word and shift of the element whose position is a C expression of type i32."""
        if self.one_word:
            scaled = position if self.bits == 1 else f"{position} * {self.bits}"
            return str(self.word), f"(u32)({scaled} + {self.shift})" if self.shift else f"(u32)({scaled})"
        if self.aligned:
            base = self.word * WORD + self.shift
            bit = f"((u32)({position}) * {self.bits}u + {base}u)"
            return f"({bit} >> 6)", f"({bit} & 63u)"
        late = f"((u32)({position}) - {self.head}u)"
        early = f"({position} < {self.head})"
        first = f"(u32)({position}) * {self.bits}u + {self.shift}u"
        return (
            f"({early} ? {self.word}u : {self.word + 1}u + {late} / {self.per}u)",
            f"({early} ? {first} : {late} % {self.per}u * {self.bits}u)",
        )


def fields(system: System) -> dict[str, Field]:
    """The field of every state cell, by name; raises Unsupported for scalars of more than 62 bits."""
    layout = slots(system)
    out: dict[str, Field] = {}
    for cell in system.state_cells:
        bits = bits_for(cell.type.lo, cell.type.hi)
        if bits > 62:
            raise Unsupported(f"a scalar of {bits} bits")
        at = system.offsets[cell.name]
        if bits == 0:
            out[cell.name] = Field(0, cell.type.lo, 0, 0, cell.size, cell.size, 1)
            continue
        first = layout[at]
        head = (WORD - first.shift) // bits
        out[cell.name] = Field(
            bits, cell.type.lo, first.word, first.shift, cell.size, head, WORD // bits
        )
    return out


def strides(cell: Cell) -> tuple[int, ...]:
    """How far apart, in elements, two neighbours along each dimension are."""
    out: list[int] = []
    n = cell.size
    for dim in cell.dims:
        n //= dim.hi - dim.lo + 1
        out.append(n)
    return tuple(out)
