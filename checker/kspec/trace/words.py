"""Parts of a transition system as text for people: what the source says, else the thing itself."""

from __future__ import annotations

import re

from kspec.lang.source import Span
from kspec.system.expr import Binary, Cell, Const, Expr, Ite, Let, Narrow, Quant, Read, Site, Unary, Var
from kspec.system.layout import element_name, key_dims
from kspec.system.model import System
from kspec.system.pretty import expr_text
from kspec.types import (
    BOOL,
    MapType,
    OptType,
    Scalar,
    SeqType,
    SetType,
    StructType,
    Type,
    is_scalar,
    show_scalar,
)

LONGEST = 240


def cut(text: str) -> str:
    """Text of at most ``LONGEST`` characters, one blank between words."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def source_text(system: System, span: Span | None) -> str:
    """What the source says at a span; empty when there is no span or no source."""
    source = system.source(span.file) if span else None
    return source.excerpt(span) if source and span else ""


def site_of(e: Expr) -> Site:
    """The site of an expression; an empty one for those that have none."""
    return Site() if isinstance(e, Const | Var | Read) else e.site


def text_of(system: System, e: Expr) -> str:
    """An expression as the source has it, else written out."""
    site = site_of(e)
    said = site.text or source_text(system, site.span)
    if said:
        return cut(said)
    match e:
        case Const():
            return expr_text(e, BOOL)
        case Narrow(value):
            return text_of(system, value)
        case Read(cell, index, False) if n := set_dims(system).get(cell.name, 0):
            keys = [_key(system, i, d) for i, d in zip(index, cell.dims, strict=True)]
            return _member(cell, keys, n)
        case Read(cell, index, old) if index:
            name = cell.name
            for i, d in zip(index, cell.dims, strict=True):
                name = name.replace("[]", f"[{_key(system, i, d)}]", 1)
            return f"old({name})" if old else name
        case _:
            return cut(plain(expr_text(e)))


def _key(system: System, e: Expr, t: Scalar) -> str:
    return expr_text(e, t) if isinstance(e, Const) else text_of(system, e)


def plain(text: str) -> str:
    """Without the marks that make names of bound variables unique (``e'3``)."""
    return re.sub(r"'\d+", "", text)


def var_name(var: Var) -> str:
    """The name of a bound variable as the source has it; empty for one that has no name there."""
    name = plain(var.name)
    return name if name.isidentifier() else ""


def name_of(system: System, cell: Cell, index: tuple[int, ...]) -> str:
    """An element by name: ``ev[Event#1].refs``; of a set, ``Event#1 in queue``."""
    n = set_dims(system).get(cell.name, 0)
    if not n:
        return element_name(cell, index)
    return _member(cell, [show_scalar(d, i) for d, i in zip(cell.dims, index, strict=True)], n)


def _member(cell: Cell, keys: list[str], n: int) -> str:
    """The membership of the last ``n`` keys in the set that the others select."""
    name = cell.name.removesuffix("[]" * n)
    for k in keys[:-n]:
        name = name.replace("[]", f"[{k}]", 1)
    item = keys[-1] if n == 1 else f"({', '.join(keys[-n:])})"
    return f"{item} in {name}"


def set_dims(system: System) -> dict[str, int]:
    """For every cell that holds a set, how many of its dimensions (the last ones) are those of the items."""
    return {c.name: n for v in system.variables for c, n in zip(v.cells, _set_dims(v.type), strict=False) if n}


def _set_dims(t: Type) -> tuple[int, ...]:
    """For every leaf of a type (``kspec.system.layout``) the dimensions of set items in it."""
    match t:
        case _ if is_scalar(t):
            return (0,)
        case StructType(_, fields):
            return tuple(n for _, ft in fields for n in _set_dims(ft))
        case MapType(_, value):
            return _set_dims(value)
        case SetType(item):
            return (len(key_dims(item)),)
        case SeqType(base) | OptType(base):
            return (0, *_set_dims(base))
        case _:
            return (0,)


def type_of(e: Expr) -> Scalar | None:
    """The type in which values of an expression are shown, where that is plain to see."""
    match e:
        case Read(cell):
            return cell.type
        case Var():
            return e.type
        case Narrow(value) | Let(_, _, value):
            return type_of(value)
        case Ite(_, then, other):
            # A number may be a comparison in disguise (``c ? 1 : 0``): both branches have to agree.
            a, b = type_of(then), type_of(other)
            return a if a == b else _with_constant(a, other) or _with_constant(b, then)
        case Quant() | Unary("not", _):
            return BOOL
        case Binary(op) if op not in ("add", "sub", "mul", "div", "mod"):
            return BOOL
        case _:
            return None


def _with_constant(t: Scalar | None, other: Expr) -> Scalar | None:
    return t if t is not None and t != BOOL and isinstance(other, Const) else None


def show_as(t: Scalar | None, value: int) -> str:
    """A value in a type; a plain number when there is none or it does not fit."""
    return show_scalar(t, value) if t is not None and t.lo <= value <= t.hi else str(value)
