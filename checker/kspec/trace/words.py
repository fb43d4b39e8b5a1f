"""Expressions as text for people: what the source says, else the expression itself."""

from __future__ import annotations

import re

from kspec.lang.source import Span
from kspec.system.expr import (
    Binary,
    Cell,
    Const,
    Expr,
    Fold,
    Ite,
    Let,
    Narrow,
    Quant,
    Read,
    Site,
    Unary,
    Var,
)
from kspec.system.model import System
from kspec.types import BoolType, Scalar, show_scalar

LONGEST = 240

_SIGNS = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%", "eq": "==", "ne": "!=", "lt": "<",
    "le": "<=", "gt": ">", "ge": ">=", "and": "&&", "or": "||", "implies": "=>",
}  # fmt: skip
_LEVEL = {
    "implies": 1, "or": 2, "and": 3, "eq": 4, "ne": 4, "lt": 5, "le": 5, "gt": 5, "ge": 5,
    "add": 6, "sub": 6, "mul": 7, "div": 7, "mod": 7,
}  # fmt: skip
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


def cut(text: str) -> str:
    """Text of at most ``LONGEST`` characters, blanks between words."""
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
    return cut(_text(system, e, 0, None))


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
            return type_of(then) or type_of(other)
        case Quant() | Unary("not", _):
            return BoolType()
        case Binary(op) if _LEVEL[op] < 6:
            return BoolType()
        case _:
            return None


def show_as(t: Scalar | None, value: int) -> str:
    """A value in a type; a plain number when there is none or it does not fit."""
    return show_scalar(t, value) if t is not None and t.lo <= value <= t.hi else str(value)


def var_name(var: Var) -> str:
    """The name of a variable as the source has it; empty for one that only the lowering made.

    Names are unique in an action or property: a suffix after a character that no identifier has tells
    equal names apart.
    """
    name = re.split(r"\W", var.name, maxsplit=1)[0]
    return name if name.isidentifier() else ""


def read_name(system: System, cell: Cell, index: tuple[Expr, ...], old: bool = False) -> str:
    """A cell with its index expressions filled in: ``ev[e].refs``."""
    name = cell.name
    for dim, i in zip(cell.dims, index, strict=False):
        head, _, tail = name.partition("[]")
        name = f"{head}[{_text(system, i, 0, dim)}]{tail}"
    return f"old({name})" if old else name


def _text(system: System, e: Expr, level: int, t: Scalar | None) -> str:
    site = site_of(e)
    said = site.text or source_text(system, site.span)
    if said:
        return f"({said})" if level and isinstance(e, Binary | Ite | Let | Quant) else said
    match e:
        case Const(value):
            return show_as(t, value)
        case Var(name):
            return var_name(e) or name
        case Read(cell, index, old):
            return read_name(system, cell, index, old)
        case Unary(op, a):
            return ("!" if op == "not" else "-") + _text(system, a, 9, None)
        case Binary(op, a, b):
            mine = _LEVEL[op]
            left = right = None
            if op in _COMPARISONS:
                left, right = type_of(b), type_of(a)
            text = f"{_text(system, a, mine, left)} {_SIGNS[op]} {_text(system, b, mine + 1, right)}"
            return f"({text})" if mine < level else text
        case Ite(c, a, b):
            text = f"{_text(system, c, 1, None)} ? {_text(system, a, 1, t)} : {_text(system, b, 0, t)}"
            return f"({text})" if level else text
        case Let(var, value, body):
            text = f"let {var_name(var)} = {_text(system, value, 0, var.type)} in {_text(system, body, 0, t)}"
            return f"({text})" if level else text
        case Quant(op, var, body):
            text = f"{op} {var_name(var)}{_domain(var)}: {_text(system, body, 0, None)}"
            return f"({text})" if level else text
        case Fold(acc, init, var, body):
            start, each = _text(system, init, 0, acc.type), _text(system, body, 0, acc.type)
            return f"fold({var_name(acc)} = {start}, {var_name(var)}{_domain(var)}: {each})"
        case Narrow(value):
            return _text(system, value, level, t)


def _domain(var: Var) -> str:
    return f" in {var.type}" if var.type is not None else f" in {var.lo}..{var.hi}"
