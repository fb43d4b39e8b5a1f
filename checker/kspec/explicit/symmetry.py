"""C code of canonical forms: what ``canon.c`` needs to know about a system.

The identities of all symmetric types are numbered through.  A *role* of an element of a cell is a place
where it involves an identity: an index dimension of a symmetric type, or its value.  By the number of roles
a cell is

* a column (one dimension): its elements under an identity are part of the identity's row;
* a pointer (the value, stored without an identity as index): a bit in each row, set where it is stored;
* a link (several roles): it relates identities, and colour refinement looks at it.  An element with the
  lowest value of its type (false, none) is no link.

If no cell is a link, rows tell everything: identities of equal rows are interchangeable, and sorting by rows
is an exact canonical form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from math import factorial, prod

from kspec.explicit.fields import Field, fields, strides
from kspec.system.expr import Cell
from kspec.system.model import System
from kspec.system.packing import WORD, slots, word_count
from kspec.system.scalarsets import identity_of
from kspec.types import IdType, OptType, Scalar


@dataclass(frozen=True)
class Roles:
    """The places of a cell that involve identities: dimensions (with the type of each), and the value."""

    dims: tuple[tuple[int, IdType], ...]
    value: IdType | None

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.dims) + (self.value is not None)


@dataclass
class _Row:
    """How the rows of a type's identities are laid out so far."""

    word: int = 0
    shift: int = 0

    def add(self, bits: int, size: int) -> Field:
        """Room for ``size`` scalars; none straddles two words."""
        if self.shift + bits > WORD:
            self.word, self.shift = self.word + 1, 0
        head, per = (WORD - self.shift) // bits, WORD // bits
        made = Field(bits, 0, self.word, self.shift, size, head, per)
        word, shift = made.at(size - 1)
        self.word, self.shift = word, shift + bits
        return made


@dataclass
class _Code:
    """A function in the making."""

    lines: list[str] = field(default_factory=list)
    depth: int = 1

    def line(self, text: str) -> None:
        self.lines.append("\t" * self.depth + text)

    def open(self, head: str) -> None:
        self.line(head + " {")
        self.depth += 1

    def close(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.depth -= 1
            self.line("}")

    def function(self, head: str) -> str:
        return "\n".join([head, "{", *self.lines, "}", ""])


def canonical_code(system: System, types: Sequence[IdType]) -> str:
    """The C text that defines ``canon`` for the permutations of the given symmetric types."""
    return _Maker(system, tuple(types)).text()


class _Maker:
    def __init__(self, system: System, types: tuple[IdType, ...]) -> None:
        self.system = system
        self.types = types
        self.fields = fields(system)
        self.base: dict[IdType, int] = {}
        at = 0
        for t in types:
            self.base[t] = at
            at += t.size
        self.ids = at
        found = ((c, self.roles(c)) for c in system.state_cells if self.fields[c.name].bits)
        self.cells = [(c, r) for c, r in found if r.count]
        self.layout: dict[IdType, _Row] = {t: _Row() for t in types}

    def roles(self, cell: Cell) -> Roles:
        """Where a cell involves identities of the symmetric types."""
        dims = tuple((n, t) for n, d in enumerate(cell.dims) if (t := self.known(d)) is not None)
        return Roles(dims, self.known(cell.type))

    def known(self, t: Scalar) -> IdType | None:
        found = identity_of(t)
        return found if found in self.base else None

    def text(self) -> str:
        """Constants, the generated functions, and the fixed part."""
        rows, permute = self.rows(), self.permute()
        linked = {t for c, r in self.cells if r.count > 1 for t in (*(t for _, t in r.dims), r.value) if t}
        group = prod(factorial(t.size) for t in self.types)
        row = max(x.word for x in self.layout.values()) + 1
        firsts = [*self.base.values(), self.ids]
        masks = ", ".join(f"0x{m:x}ULL" for m in self.masks())
        return "\n".join(
            [
                f"#define IDS {self.ids}",
                f"#define TYPES {len(self.types)}",
                f"#define ROW {row}",
                f"#define LINKS {int(bool(linked))}",
                f"#define GROUP {group if group < 1 << 63 else 0}ULL",
                f"static const u32 id_first[TYPES + 1] = {{ {', '.join(map(str, firsts))} }};",
                f"static const u32 id_linked[TYPES] = {{ {', '.join(str(int(t in linked)) for t in self.types)} }};",
                f"static const u64 touched[WORDS] = {{ {masks} }};",
                "",
                rows,
                permute,
                self.links() if linked else "",
                (resources.files("kspec.explicit") / "canon.c").read_text(encoding="ascii"),
            ]
        )

    def masks(self) -> list[int]:
        """For every word of a state, the bits of the cells that permutations change."""
        layout = slots(self.system)
        out = [0] * word_count(layout)
        for cell, _ in self.cells:
            at = self.system.offsets[cell.name]
            for s in layout[at : at + cell.size]:
                out[s.word] |= ((1 << s.bits) - 1) << s.shift
        return out

    # -- pieces of code -------------------------------------------------------------------------

    def over(self, code: _Code, cell: Cell) -> None:
        """Opens a loop for every dimension; ``p`` is the position of the element."""
        for n, d in enumerate(cell.dims):
            code.open(f"for (i{n} = 0; i{n} < {d.hi - d.lo + 1}; i{n}++)")
        code.line(f"p = {_position(cell, [f'i{n}' for n in range(len(cell.dims))])};")

    def load(self, code: _Code, cell: Cell) -> None:
        """``v``: the encoded value of the element at ``p``."""
        f = self.fields[cell.name]
        word, shift = f.place("p")
        code.line(f"v = (t[{word}] >> {shift}) & {f.mask};")

    def identity(self, t: Scalar, encoded: str) -> str:
        """The number of the identity that an encoded index or value is (not for ``none``)."""
        known = self.known(t)
        assert known is not None
        at = self.base[known] - isinstance(t, OptType)
        return f"{encoded} + {at}" if at >= 0 else f"{encoded} - {-at}"

    def image(self, t: Scalar, encoded: str) -> str:
        """The encoded index or value after the permutation."""
        moved = f"to[{self.identity(t, encoded)}]"
        return f"({encoded} ? {moved} + 1 : 0)" if isinstance(t, OptType) else moved

    def present(self, t: Scalar, encoded: str) -> str:
        """The condition that an encoded index or value is not ``none``; empty if it cannot be."""
        return encoded if isinstance(t, OptType) else ""

    # -- functions ------------------------------------------------------------------------------

    def permute(self) -> str:
        """``u`` is ``t`` with every identity at its new place."""
        code = _Code()
        self.declare(code, (c for c, _ in self.cells))
        code.line("u32 q;")
        code.line("for (p = 0; p < WORDS; p++)")
        code.line("\tu[p] = t[p] & ~touched[p];")
        for cell, roles in self.cells:
            self.over(code, cell)
            self.load(code, cell)
            moved = dict(roles.dims)
            index = [self.image(cell.dims[n], f"i{n}") if n in moved else f"i{n}" for n in range(len(cell.dims))]
            code.line(f"q = {_position(cell, index)};")
            word, shift = self.fields[cell.name].place("q")
            value = f"(u64){self.image(cell.type, 'v')}" if roles.value else "v"
            code.line(f"u[{word}] |= {value} << {shift};")
            code.close(len(cell.dims))
        return code.function("static void permute(const u64 *t, const u32 *to, u64 *u)")

    def rows(self) -> str:
        """What is stored under each identity, and where it is stored."""
        code = _Code()
        cells = [(c, r) for c, r in self.cells if r.count == 1]
        if not cells:
            code.line("u32 p;")
            code.line("(void)t;")
        else:
            self.declare(code, (c for c, _ in cells))
        code.line("for (p = 0; p < IDS * ROW; p++)")
        code.line("\trow[p / ROW][p % ROW] = 0;")
        for cell, roles in cells:
            self.over(code, cell)
            self.load(code, cell)
            if roles.value is not None:
                place = self.layout[roles.value].add(1, cell.size)
                word, shift = place.place("p")
                at, what = self.identity(cell.type, "v"), "1ULL"
                there = self.present(cell.type, "v")
            else:
                dim, t = roles.dims[0]
                others = [n for n in range(len(cell.dims)) if n != dim]
                size = prod(cell.dims[n].hi - cell.dims[n].lo + 1 for n in others)
                place = self.layout[t].add(self.fields[cell.name].bits, size)
                code.line(f"p = {_number(cell, others)};")
                word, shift = place.place("p")
                at, what = self.identity(cell.dims[dim], f"i{dim}"), "v"
                there = self.present(cell.dims[dim], f"i{dim}")
            code.line(f"{f'if ({there}) ' if there else ''}row[{at}][{word}] |= {what} << {shift};")
            code.close(len(cell.dims))
        return code.function("static void rows(const u64 *t, u64 (*row)[ROW])")

    def links(self) -> str:
        """Adds to the sum of each identity what the colours of its links make of it."""
        code = _Code()
        cells = [(c, r) for c, r in self.cells if r.count > 1]
        self.declare(code, (c for c, _ in cells))
        code.line("u64 h;")
        for number, (cell, roles) in enumerate(cells):
            others = [n for n in range(len(cell.dims)) if n not in dict(roles.dims)]
            self.over(code, cell)
            self.load(code, cell)
            if roles.value is None or isinstance(cell.type, OptType):
                code.open("if (v)")
            parts = [(cell.dims[n], f"i{n}") for n, _ in roles.dims]
            parts += [(cell.type, "v")] if roles.value else []
            told = f"({_number(cell, others)}) * {len(cells) + 1}ULL + {number + 1}" if others else f"{number + 1}"
            code.line(f"h = stir(({told}) * GOLDEN{'' if roles.value else ' + v'});")
            for t, encoded in parts:
                colour, there = f"colour[{self.identity(t, encoded)}]", self.present(t, encoded)
                code.line(f"h = stir(h + {f'({there} ? {colour} : 0)' if there else colour});")
            for n, (a, i) in enumerate(parts):
                for b, j in parts[n + 1 :]:
                    if self.known(a) != self.known(b):
                        continue
                    equal = " && ".join(
                        x for x in (self.present(a, i), self.present(b, j), self.same(a, i, b, j)) if x
                    )
                    code.line(f"h = stir(h + ({equal}));")
            for n, (t, encoded) in enumerate(parts, 1):
                there, at = self.present(t, encoded), self.identity(t, encoded)
                code.open(f"if ({there or 1})")
                code.line(f"sum[{at}] += stir(h + {n});")
                code.line(f"many[{at}]++;")
                code.close()
            if roles.value is None or isinstance(cell.type, OptType):
                code.close()
            code.close(len(cell.dims))
        return (
            "INLINE u64 stir(u64 h);\n"
            + code.function("static void links(const u64 *t, const u64 *colour, u64 *sum, u32 *many)")
        )

    def same(self, a: Scalar, i: str, b: Scalar, j: str) -> str:
        """Whether two encoded identities of one type are the same."""
        return f"{self.identity(a, i)} == {self.identity(b, j)}"

    def declare(self, code: _Code, cells: Iterator[Cell]) -> None:
        dims = max(len(c.dims) for c in cells)
        code.line("u64 v;")
        code.line(f"u32 {', '.join([*(f'i{n}' for n in range(dims)), 'p'])};")


def _position(cell: Cell, index: list[str]) -> str:
    """The position of an element whose encoded indices are C expressions."""
    terms = [i if s == 1 else f"{i} * {s}" for i, s in zip(index, strides(cell))]
    return " + ".join(terms) or "0"


def _number(cell: Cell, dims: list[int]) -> str:
    """The position within some of the dimensions."""
    text = "0"
    for n in dims:
        d = cell.dims[n]
        text = f"({text}) * {d.hi - d.lo + 1} + i{n}" if text != "0" else f"i{n}"
    return text
