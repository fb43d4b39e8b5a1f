"""What always holds of the cells of compound values, because of how they are laid out.

Items beyond the length of a sequence, and the inside of an absent optional, hold their default; items within
the length, and the inside of an optional that is there, have a value.  Every statement keeps this
(``kspec.system.layout``), so it is inductive by itself.  Explicit search never leaves it; proofs by
induction start in any state and need it said.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from kspec.system.expr import Binary, Cell, Const, Expr, Quant, Read, Var
from kspec.system.layout import default, key_dims, leaves
from kspec.system.model import Property, System
from kspec.types import IdType, MapType, OptType, RangeType, SeqType, StructType, Type, is_scalar

PREFIX = "layout of "


def with_representation(system: System) -> System:
    """The system with its layout facts as lemmas; the system itself when it has none, or has them already."""
    if any(is_representation(p.name) for p in system.properties):
        return system
    facts = tuple(
        Property(f"{PREFIX}{v.name}", "lemma", fact)
        for v in system.variables
        if (fact := _all(tuple(_facts(v.type, v.cells, (), ())))) is not None
    )
    return dataclasses.replace(system, properties=system.properties + facts) if facts else system


def is_representation(name: str) -> bool:
    """Whether a property is one of these lemmas."""
    return name.startswith(PREFIX)


def _all(facts: tuple[Expr, ...]) -> Expr | None:
    out: Expr | None = None
    for f in facts:
        out = f if out is None else Binary("and", out, f)
    return out


def _facts(t: Type, cells: tuple[Cell, ...], index: tuple[Expr, ...], over: tuple[Var, ...]) -> Iterator[Expr]:
    """The facts of a value of type ``t`` in ``cells``, for all values of the variables ``over``."""
    match t:
        case _ if is_scalar(t):
            return
        case StructType(_, fields):
            at = 0
            for _, ft in fields:
                n = len(leaves(ft))
                yield from _facts(ft, cells[at : at + n], index, over)
                at += n
        case MapType(key, value):
            vs = tuple(Var(f"k{len(over) + i}", d.lo, d.hi, d) for i, d in enumerate(key_dims(key)))
            yield from _facts(value, cells, (*index, *vs), (*over, *vs))
        case SeqType(item, cap):
            at_ = Var(f"k{len(over)}", 0, cap - 1, RangeType(0, cap - 1))
            there = Binary("lt", at_, Read(cells[0], index))
            yield from _presence(item, cells[1:], (*index, at_), (*over, at_), there)
            yield from _facts(item, cells[1:], (*index, at_), (*over, at_))
        case OptType(base):
            there = Binary("eq", Read(cells[0], index), Const(1))
            yield from _presence(base, cells[1:], index, over, there)
            yield from _facts(base, cells[1:], index, over)
        case _:
            return


def _presence(
    t: Type, cells: tuple[Cell, ...], index: tuple[Expr, ...], over: tuple[Var, ...], there: Expr
) -> Iterator[Expr]:
    """Where ``there`` is false everything has its default; where it is true identities have a value."""
    for leaf, cell in zip(leaves(t), cells, strict=True):
        vs = tuple(Var(f"k{len(over) + i}", d.lo, d.hi, d) for i, d in enumerate(leaf.dims))
        here = Read(cell, (*index, *vs))
        vacant = Binary("eq", here, Const(default(cell.type)))
        fact: Expr = Binary("or", there, vacant)
        if isinstance(leaf.type, IdType) and isinstance(cell.type, OptType):
            fact = Binary("eq", there, Binary("ne", here, Const(cell.type.none)))
        for v in reversed((*over, *vs)):
            fact = Quant("forall", v, fact)
        yield fact
