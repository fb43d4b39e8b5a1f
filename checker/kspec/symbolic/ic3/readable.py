"""Clauses over bits and values as expressions over cells, for people and for certificates.

The excluded cube is a product of sets of values.  Its negation is written as an implication: what the cube
says to be so implies that something else is not as the cube says.  Interchangeable identities become
variables, so that one expression stands for all images of a cube.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kspec.symbolic.ic3.literals import Cube, Literals
from kspec.symbolic.ic3.symmetry import interchangeable
from kspec.system.expr import FALSE, Binary, BinaryOp, Const, Expr, Quant, Read, Unary, Var
from kspec.system.layout import elements
from kspec.system.model import System
from kspec.system.pretty import expr_text
from kspec.types import BoolType, IdType, OptType, RangeType, Scalar

MOST_VALUES = 4096
"""Scalars of more values are described by their bits."""


@dataclass(frozen=True)
class Named:
    """An identity by which a clause can be about any: its type, its number, and the variable for it."""

    type: IdType
    number: int
    var: Var


@dataclass
class Writer:
    """Writes the clauses of one system; ``symmetric``: a cube stands for all its images."""

    system: System
    literals: Literals
    symmetric: bool

    def __post_init__(self) -> None:
        self.elements = elements(self.system)
        self.types = interchangeable(self.system) if self.symmetric else ()
        self._taken = _identifiers(self.system)

    def clause(self, cube: Cube) -> tuple[Expr, str]:
        """The expression that says that the state is not in the cube, nor in any of its images, and its text."""
        if not cube:
            return FALSE, "false"
        named = self._named(cube)
        when: list[Expr] = []
        then: list[Expr] = []
        for p in self.literals.positions(cube):
            self._scalar(cube, p, named, when, then)
        if not then:
            then.append(negated(when.pop()))
        body = _chain("or", then)
        if when:
            body = Binary("implies", _chain("and", when), body)
        names = tuple(named.values())
        return _quantified(body, names), _quantified_text(names) + self._positions(expr_text(body))

    def _scalar(
        self, cube: Cube, p: int, named: Mapping[tuple[IdType, int], Named], when: list[Expr], then: list[Expr]
    ) -> None:
        """One factor of the cube: to ``when`` if that is the shorter thing to say, else negated to ``then``."""
        e = self.elements[p]
        read = Read(e.cell, tuple(_constant(d, i, named) for d, i in zip(e.cell.dims, e.index, strict=True)))
        lo, hi = self.literals.ranges[p]
        if not self.literals.true[p] and hi - lo >= MOST_VALUES:
            for x in (self.literals.table[n] for n in sorted(cube) if self.literals.table[n].position == p):
                shifted = Binary("div", Binary("sub", read, Const(lo)), Const(1 << (x.bit or 0)))
                when.append(Binary("eq", Binary("mod", shifted, Const(2)), Const(1 - x.value)))
            return
        inside = self.literals.allowed(cube, p)
        outside = frozenset(range(lo, hi + 1)) - inside
        if isinstance(e.cell.type, BoolType):
            (when if inside == {1} else then).append(read)
        elif len(inside) <= len(outside):
            when.append(self._member(read, e.cell.type, inside, named))
        else:
            then.append(self._member(read, e.cell.type, outside, named))

    def _member(
        self, read: Read, t: Scalar, values: frozenset[int], named: Mapping[tuple[IdType, int], Named]
    ) -> Expr:
        """That a scalar has one of the values."""
        base = t.base if isinstance(t, OptType) else t
        if isinstance(base, IdType) and base in self.types:
            known = {v for v in range(t.lo, t.hi + 1) if v < 0 or (base, v) in named}
            if any(v not in known for v in values):
                others = sorted(known - values)
                return _chain("and", [Binary("ne", read, _constant(t, v, named)) for v in others])
            return _chain("or", [Binary("eq", read, _constant(t, v, named)) for v in sorted(values)])
        if isinstance(t, RangeType):
            return _chain("or", [_interval(read, t, a, b) for a, b in _runs(values)])
        return _chain("or", [Binary("eq", read, Const(v)) for v in sorted(values)])

    def _named(self, cube: Cube) -> dict[tuple[IdType, int], Named]:
        """The identities that a cube tells apart: indices, and values that are treated unlike the others."""
        found: dict[tuple[IdType, int], None] = {}
        values: list[tuple[IdType, frozenset[int]]] = []
        for p in self.literals.positions(cube):
            e = self.elements[p]
            found.update(((d, i), None) for d, i in zip(e.cell.dims, e.index, strict=True) if d in self.types)
            base = e.cell.type.base if isinstance(e.cell.type, OptType) else e.cell.type
            if isinstance(base, IdType) and base in self.types:
                values.append((base, self.literals.allowed(cube, p)))
        for base, inside in values:
            rest = [v for v in range(base.size) if (base, v) not in found]
            told = [v for v in rest if v in inside]
            fewer = told if 2 * len(told) <= len(rest) else [v for v in rest if v not in inside]
            found.update(((base, v), None) for v in fewer)
        return self._variables(sorted(found, key=lambda x: (x[0].name, x[1])))

    def _variables(self, identities: list[tuple[IdType, int]]) -> dict[tuple[IdType, int], Named]:
        out: dict[tuple[IdType, int], Named] = {}
        used = set(self._taken)
        for t, number in identities:
            alone = sum(1 for other, _ in identities if other == t) == 1
            name = next(n for n in _names(t.name[0].lower(), alone) if n not in used)
            used.add(name)
            out[t, number] = Named(t, number, Var(name, t.lo, t.hi, t))
        return out

    def _positions(self, text: str) -> str:
        """Where processes are, as the language says it."""
        for cell in self.system.state_cells:
            process = cell.local_of
            if process is not None and str(cell.type) == f"{process}.pc" and cell.name.endswith(".pc"):
                here = rf"\b({re.escape(process)}(?:\[\w+\])?)\.pc"
                text = re.sub(rf"{here} == ([\w+]+)", r"\1 at \2", text)
                text = re.sub(rf"{here} != ([\w+]+)", r"!(\1 at \2)", text)
        return text


def _quantified(body: Expr, names: tuple[Named, ...]) -> Expr:
    """For all identities that differ from one another as the named ones do."""
    done = list(names)
    while done:
        last = done.pop()
        apart = _conditions(last, done)
        if apart:
            body = Binary("implies", _chain("and", apart), body)
        body = Quant("forall", last.var, body)
    return body


def _quantified_text(names: tuple[Named, ...]) -> str:
    if not names:
        return ""
    parts: list[str] = []
    for i, n in enumerate(names):
        apart = _conditions(n, names[:i])
        where = f" where {expr_text(_chain('and', apart))}" if apart else ""
        parts.append(f"{n.var.name} in {n.type}{where}")
    return f"forall {', '.join(parts)}: "


def _conditions(n: Named, others: Iterable[Named]) -> list[Expr]:
    return [Binary("ne", n.var, o.var) for o in others if o.type == n.type]


def negated(e: Expr) -> Expr:
    """The negation, pushed into comparisons and chains of them."""
    opposite: Mapping[BinaryOp, BinaryOp] = {
        "eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt",
    }  # fmt: skip
    match e:
        case Binary(op, a, b) if op in opposite:
            return Binary(opposite[op], a, b)
        case Binary("or", a, b):
            return Binary("and", negated(a), negated(b))
        case Binary("and", a, b):
            return Binary("or", negated(a), negated(b))
        case _:
            return Unary("not", e)


def _constant(t: Scalar, value: int, named: Mapping[tuple[IdType, int], Named]) -> Expr:
    base = t.base if isinstance(t, OptType) else t
    if isinstance(base, IdType) and (base, value) in named:
        return named[base, value].var
    return Const(value)


def _interval(read: Expr, t: RangeType, a: int, b: int) -> Expr:
    if a == b:
        return Binary("eq", read, Const(a))
    if a == t.lo:
        return Binary("le", read, Const(b))
    if b == t.hi:
        return Binary("ge", read, Const(a))
    return Binary("and", Binary("ge", read, Const(a)), Binary("le", read, Const(b)))


def _runs(values: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The values as intervals, ascending."""
    start = last = None
    for v in sorted(values):
        if last is None or v != last + 1:
            if start is not None and last is not None:
                yield start, last
            start = v
        last = v
    if start is not None and last is not None:
        yield start, last


def _chain(op: BinaryOp, parts: list[Expr]) -> Expr:
    out = parts[0]
    for p in parts[1:]:
        out = Binary(op, out, p)
    return out


def _names(letter: str, alone: bool) -> Iterator[str]:
    if alone:
        yield letter
    number = 1
    while True:
        yield f"{letter}{number}"
        number += 1


def _identifiers(system: System) -> frozenset[str]:
    """Names that a variable must not have, so that the text can be pasted into the model."""
    out = {v.name for v in system.variables} | {n for n, _ in system.params}
    out |= {part for c in system.cells for part in c.name.replace("[]", "").split(".")}
    for c in system.cells:
        for t in (*c.dims, c.type):
            base = t.base if isinstance(t, OptType) else t
            out |= set(getattr(base, "members", ()))
    return frozenset(out)


