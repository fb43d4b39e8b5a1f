"""Expressions as JSON, for the clauses of certificates.

Every node is an array that begins with its kind; cells are named, and are looked up in the system when
read.  Only expressions over a state are written: no ``old`` reads, no temporaries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from kspec.system.expr import (
    Binary,
    BinaryOp,
    Cell,
    Const,
    ErrorKind,
    Expr,
    Fold,
    Ite,
    Let,
    Narrow,
    Quant,
    Read,
    Unary,
    UnaryOp,
    Var,
)

MOST_DEPTH = 400
MOST_VALUES = 4096
MOST_NUMBER = 1 << 63


class BadExpression(ValueError):
    """The JSON is no expression over the system's state; the message says why."""


def dump(e: Expr) -> list[Any]:
    """The JSON form of an expression over a state."""
    match e:
        case Const(value):
            return ["const", value]
        case Var(name):
            return ["var", name]
        case Read(cell, index, old):
            if old or cell.temp:
                raise BadExpression(f"{cell.name} is not read in the state")
            return ["read", cell.name, [dump(i) for i in index]]
        case Unary(op, a):
            return [op, dump(a)]
        case Binary(op, a, b):
            return [op, dump(a), dump(b)]
        case Ite(c, t, o):
            return ["ite", dump(c), dump(t), dump(o)]
        case Let(var, value, body):
            return ["let", _dump_var(var), dump(value), dump(body)]
        case Quant(op, var, body):
            return [op, _dump_var(var), dump(body)]
        case Fold(acc, init, var, body):
            return ["fold", _dump_var(acc), dump(init), _dump_var(var), dump(body)]
        case Narrow(value, lo, hi, kind):
            return ["narrow", dump(value), lo, hi, kind]


def load(item: object, cells: Mapping[str, Cell]) -> Expr:
    """The expression of a JSON form; raises BadExpression."""
    return _load(item, cells, {}, 0)


def _dump_var(var: Var) -> list[Any]:
    return [var.name, var.lo, var.hi]


def _load(item: object, cells: Mapping[str, Cell], scope: Mapping[str, Var], depth: int) -> Expr:
    if depth > MOST_DEPTH:
        raise BadExpression("nested too deeply")
    if not isinstance(item, list) or not item or not isinstance(item[0], str):
        raise BadExpression("not an array that begins with a kind")

    def sub(x: object, more: Mapping[str, Var] | None = None) -> Expr:
        return _load(x, cells, scope if more is None else {**scope, **more}, depth + 1)

    match item:
        case ["const", int(value)] if not isinstance(value, bool) and abs(value) <= MOST_NUMBER:
            return Const(value)
        case ["var", str(name)]:
            if name not in scope:
                raise BadExpression(f"unknown variable {name}")
            return scope[name]
        case ["read", str(name), list(index)]:
            return _read(name, [sub(i) for i in index], cells)
        case [str(op), a] if op in get_args(UnaryOp):
            return Unary(op, sub(a))  # type: ignore[arg-type]
        case [str(op), a, b] if op in get_args(BinaryOp):
            return Binary(op, sub(a), sub(b))  # type: ignore[arg-type]
        case ["ite", c, t, o]:
            return Ite(sub(c), sub(t), sub(o))
        case ["let", var, value, body]:
            bound = _load_var(var)
            return Let(bound, sub(value), sub(body, {bound.name: bound}))
        case ["forall" | "exists" as op, var, body]:
            bound = _load_var(var, MOST_VALUES)
            return Quant(op, bound, sub(body, {bound.name: bound}))
        case ["fold", acc, init, var, body]:
            a, v = _load_var(acc), _load_var(var, MOST_VALUES)
            return Fold(a, sub(init), v, sub(body, {a.name: a, v.name: v}))
        case ["narrow", value, int(lo), int(hi), str(kind)] if kind in get_args(ErrorKind):
            return Narrow(sub(value), lo, hi, kind)  # type: ignore[arg-type]
        case _:
            raise BadExpression(f"unknown form {item[0]!r} of {len(item) - 1} parts")


def _read(name: str, index: Sequence[Expr], cells: Mapping[str, Cell]) -> Expr:
    cell = cells.get(name)
    if cell is None or cell.temp:
        raise BadExpression(f"the system has no state cell {name!r}")
    if len(index) != len(cell.dims):
        raise BadExpression(f"{name} takes {len(cell.dims)} indices, not {len(index)}")
    return Read(cell, tuple(index))


def _load_var(item: object, most: int | None = None) -> Var:
    match item:
        case [str(name), int(lo), int(hi)] if most is None or hi - lo < most:
            return Var(name, lo, hi)
        case _:
            raise BadExpression("not a variable with its bounds")
