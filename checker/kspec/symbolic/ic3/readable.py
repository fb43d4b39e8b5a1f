"""Clauses over bits and values as expressions over cells, for people and for certificates.

The excluded cube is a product of sets of values.  Its negation is written as an implication: what the cube
says to be so implies that something else is not as the cube says.  Interchangeable identities become
variables, so that one expression stands for all images of a cube; where all of them are in the same
position, that is said with a quantifier inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kspec.certify.certificate import Clause
from kspec.symbolic.ic3.literals import Literals
from kspec.symbolic.ic3.presence import Item, items
from kspec.symbolic.ic3.relate import Group
from kspec.symbolic.ic3.symmetry import identity
from kspec.symbolic.ic3.wording import (
    Chosen,
    chain,
    for_all,
    fresh,
    identifiers,
    intervals,
    member,
    negated,
    text_of,
    under,
)
from kspec.system.expr import FALSE, Binary, Const, Expr, Quant, Read, Var
from kspec.system.layout import Element, default, elements, offset
from kspec.system.model import System
from kspec.types import BoolType, IdType, RangeType, Scalar

MOST_VALUES = 4096
"""Scalars of more values are described by their bits."""

Identity = tuple[IdType, int]
Names = Mapping[Identity, Var]


@dataclass
class _Parts:
    """A clause in the making: ``when`` all of these, ``then`` one of those."""

    when: list[Expr]
    then: list[Expr]
    least: dict[int, int] = field(default_factory=dict)
    """How long sequences (by the position of their length) are at least where ``when`` holds."""

    def expr(self) -> Expr:
        if not self.then:
            self.then.append(negated(self.when.pop()))
        body = chain("or", self.then)
        return Binary("implies", chain("and", self.when), body) if self.when else body


@dataclass(frozen=True)
class _Shared:
    """What is said alike of every identity of a type but ``left_out``, ``some`` among them: at the positions."""

    type: IdType
    some: int
    left_out: int | None
    positions: frozenset[int]


@dataclass
class Writer:
    """Writes the clauses of one system; ``symmetric``: a cube stands for all its images."""

    system: System
    literals: Literals
    symmetric: bool

    def __post_init__(self) -> None:
        self.elements = elements(self.system)
        self.items = items(self.system)
        self.types = _named_types(self.system, self.symmetric)
        self._taken = identifiers(self.system)

    def clause(self, group: Group) -> Clause:
        """The clause that says that the state is in none of the cubes of a group, nor in any image."""
        if not group.cube and group.relation is None:
            return Clause(FALSE, "false")
        positions = self._positions(group)
        shared = self._shared(group, positions)
        if shared is not None:
            positions = tuple(p for p in positions if p not in shared.positions)
        told = self._told_apart(group, positions)
        if shared is not None and shared.left_out is not None:
            told = sorted({*told, (shared.type, shared.left_out)}, key=_order)
        names = self._variables(told)
        parts = _Parts([], [])
        self._lengths(group, positions, names, parts)
        for p in positions:
            self._factor(group, p, names, parts)
        if shared is not None:
            self._quantify(group, shared, names, parts)
        if group.relation is not None:
            reads = [self._read(self.elements[p], names) for p in (group.relation.left, group.relation.right)]
            parts.when.append(Binary(group.relation.op, reads[0], reads[1]))
        chosen = tuple(Chosen(v, _place(i)) for i, v in names.items())
        body = parts.expr()
        return Clause(for_all(body, chosen), text_of(self.system, body, chosen))

    def _positions(self, group: Group) -> tuple[int, ...]:
        """The scalars that a group is about."""
        related = () if group.relation is None else (group.relation.left, group.relation.right)
        return tuple(sorted({*self.literals.positions(group.cube), *related}))

    def _factor(self, group: Group, p: int, names: Names, parts: _Parts) -> None:
        """One factor of the cube: to ``when`` if that is the shorter thing to say, else negated to ``then``."""
        mine = [n for n in sorted(group.cube) if self.literals.table[n].position == p]
        if not mine:
            return
        e = self.elements[p]
        read = self._read(e, names)
        lo, hi = self.literals.ranges[p]
        if not self.literals.true[p] and hi - lo >= MOST_VALUES:
            for x in (self.literals.table[n] for n in mine):
                shifted = Binary("div", Binary("sub", read, Const(lo)), Const(1 << (x.bit or 0)))
                parts.when.append(Binary("eq", Binary("mod", shifted, Const(2)), Const(1 - x.value)))
            return
        inside = self.literals.allowed(mine, p)
        outside = frozenset(range(lo, hi + 1)) - inside
        short = len(inside) <= len(outside)
        if isinstance(e.cell.type, BoolType):
            short = inside == {1}
            said: Expr = read
        else:
            said = self._member(read, e.cell.type, inside if short else outside, names)
        vacant = default(e.cell.type) in (inside if short else outside)
        (parts.when if short else parts.then).append(self._where_there(e, said, vacant, names, parts))

    def _lengths(self, group: Group, positions: Sequence[int], names: Names, parts: _Parts) -> None:
        """How long sequences must be for the cube, before their items are spoken of."""
        for p in positions:
            e = self.elements[p]
            for item in self.items.get(e.cell.name, ()):
                length, (lo, hi) = self._length(e, item), self.literals.ranges[p]
                there = hi - lo < MOST_VALUES and default(e.cell.type) not in self.literals.allowed(group.cube, p)
                parts.least[length] = max(parts.least.get(length, 0), e.index[item.depth] + 1 if there else 0)
        for p, least in sorted(parts.least.items()):
            values = self.literals.allowed(group.cube, p)
            said = min(values) if 2 * len(values) <= self.literals.ranges[p][1] + 1 else 0  # by its own factor
            if least > said:
                parts.when.append(Binary("gt", self._read(self.elements[p], names), Const(least - 1)))
            parts.least[p] = max(least, said)

    def _length(self, e: Element, item: Item) -> int:
        """The position of the length of the sequence that a scalar is in."""
        at = e.index[: item.depth]
        return self.system.offsets[item.length.name] + offset(item.length, at)

    def _where_there(self, e: Element, said: Expr, vacant: bool, names: Names, parts: _Parts) -> Expr:
        """What is said of a scalar, where that is an item of a sequence: it is read within the length only, and
        ``vacant`` is whether what is said is true of the default beyond."""
        for item in reversed(self.items.get(e.cell.name, ())):
            at = e.index[item.depth]
            if parts.least.get(self._length(e, item), 0) > at:
                continue
            dims, index = e.cell.dims[: item.depth], e.index[: item.depth]
            length = Read(item.length, tuple(_constant(d, i, names) for d, i in zip(dims, index, strict=True)))
            if vacant:
                said = Binary("or", Binary("le" if at else "eq", length, Const(at)), said)
            else:
                said = Binary("and", Binary("gt", length, Const(at)), said)
        return said

    def _member(self, read: Read, t: Scalar, values: frozenset[int], names: Names) -> Expr:
        """That a scalar has one of the values."""
        base = identity(t)
        if base is not None and base in self.types:
            named = {v for v in range(t.lo, t.hi + 1) if v < 0 or (base, v) in names}
            if any(v not in named for v in values):
                others = sorted(named - values)
                return chain("and", [Binary("ne", read, _constant(t, v, names)) for v in others])
            return chain("or", [Binary("eq", read, _constant(t, v, names)) for v in sorted(values)])
        if isinstance(t, RangeType):
            return intervals(read, t, values)
        return member(read, values)

    def _read(self, e: Element, names: Names) -> Read:
        return Read(e.cell, tuple(_constant(d, i, names) for d, i in zip(e.cell.dims, e.index, strict=True)))

    def _mentioned(self, p: int) -> list[Identity]:
        """The interchangeable identities in the index of a scalar."""
        e = self.elements[p]
        found = ((identity(d), i) for d, i in zip(e.cell.dims, e.index, strict=True))
        return [(t, i) for t, i in found if t is not None and t in self.types]

    def _told_apart(self, group: Group, positions: Iterable[int]) -> list[Identity]:
        """The identities that must be named: indices, and values that are treated unlike the others."""
        found: dict[Identity, None] = {}
        values: list[tuple[IdType, frozenset[int]]] = []
        for p in positions:
            found.update(dict.fromkeys(self._mentioned(p)))
            base = identity(self.elements[p].cell.type)
            if base is not None and base in self.types:
                values.append((base, self.literals.allowed(group.cube, p)))
        for base, inside in values:
            rest = [v for v in range(base.size) if (base, v) not in found]
            told = [v for v in rest if v in inside]
            fewer = told if 2 * len(told) <= len(rest) else [v for v in rest if v not in inside]
            found.update(((base, v), None) for v in fewer)
        return sorted(found, key=_order)

    def _shared(self, group: Group, positions: Sequence[int]) -> _Shared | None:
        """What the cube says of each identity of some type, be it of all of them or of all but one."""
        for t in self.types:
            if t.size == 1 or any(identity(self.elements[p].cell.type) == t for p in positions):
                continue
            said: dict[int, dict[object, int]] = {i: {} for i in range(t.size)}
            for p in positions:
                here = [i for other, i in self._mentioned(p) if other == t]
                if len(here) == 1 and not (group.relation and p in (group.relation.left, group.relation.right)):
                    said[here[0]][self._template(group, p, t)] = p
            for left_out in (None, *said):
                facts = [set(what) for i, what in said.items() if i != left_out]
                common = set.intersection(*facts) if len(facts) > 1 else set()
                if common and (left_out is None or all(f == common for f in facts)):
                    shared = {p for what in said.values() for x, p in what.items() if x in common}
                    some = next(i for i in said if i != left_out)
                    return _Shared(t, some, left_out, frozenset(shared))
        return None

    def _template(self, group: Group, p: int, t: IdType) -> object:
        """A factor of the cube, whatever the identity of type ``t`` that it is about."""
        e = self.elements[p]
        index = tuple(-1 if identity(d) == t else i for d, i in zip(e.cell.dims, e.index, strict=True))
        return e.cell.name, index, self.literals.allowed(group.cube, p)

    def _quantify(self, group: Group, shared: _Shared, names: Names, parts: _Parts) -> None:
        """What is shared is said once: if all are like that, or else one of them is not."""
        t = shared.type
        var = fresh(t, {*self._taken, *(v.name for v in names.values())}, alone=True)
        inner = _Parts([], [])
        for p in sorted(shared.positions):
            if (t, shared.some) in self._mentioned(p):
                self._factor(group, p, {**names, (t, shared.some): var}, inner)
        out = shared.left_out
        apart: list[Expr] = [] if out is None else [Binary("ne", var, _constant(t, out, names))]
        if inner.when:
            all_so = chain("and", [*inner.when, *map(negated, inner.then)])
            parts.when.append(Quant("forall", var, under(apart, all_so)))
        else:
            parts.then.append(Quant("exists", var, chain("and", [*apart, chain("or", inner.then)])))

    def _variables(self, identities: list[Identity]) -> dict[Identity, Var]:
        out: dict[Identity, Var] = {}
        used = set(self._taken)
        for t, number in identities:
            alone = sum(1 for other, _ in identities if other == t) == 1
            out[t, number] = fresh(t, used, alone)
            used.add(out[t, number].name)
        return out


def _order(i: Identity) -> tuple[str, int]:
    return i[0].name, i[1]


def _named_types(system: System, symmetric: bool) -> tuple[IdType, ...]:
    """The id types whose identities are named by variables: those without an order if a cube stands for its
    images too, those with an order (there the variable is said to be a certain one), and those of one."""
    found = (identity(t) for c in system.state_cells for t in (*c.dims, c.type))
    return tuple(dict.fromkeys(t for t in found if t is not None and (symmetric or t.ordered or t.size == 1)))


def _place(i: Identity) -> int | None:
    """Which one an identity is, where that has to be said."""
    return i[1] if i[0].ordered and i[0].size > 1 else None


def _constant(t: Scalar, value: int, names: Names) -> Expr:
    base = identity(t)
    return names.get((base, value), Const(value)) if base is not None else Const(value)


