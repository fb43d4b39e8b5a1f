"""Evaluation of expressions that read no state."""

from __future__ import annotations

from collections.abc import Mapping

from kspec.system.expr import (
    Binary,
    Const,
    Expr,
    Fold,
    Ite,
    Let,
    Narrow,
    Quant,
    Read,
    Unary,
    Var,
    trunc_div,
    trunc_mod,
)


class NotConstant(Exception):
    """The expression reads state, or raises an error; the text says which."""


class ConstantFails(NotConstant):
    """The expression is constant, and evaluating it is an error; the text says which."""


def evaluate(e: Expr, env: Mapping[str, int] | None = None) -> int:
    """The value of ``e``; raises NotConstant."""
    names = env or {}
    match e:
        case Const(v):
            return v
        case Var(name):
            if name not in names:
                raise NotConstant("this depends on a choice")
            return names[name]
        case Read():
            raise NotConstant("this depends on the state")
        case Unary(op, a):
            x = evaluate(a, names)
            return int(not x) if op == "not" else -x
        case Binary("and", a, b):
            return int(bool(evaluate(a, names)) and bool(evaluate(b, names)))
        case Binary("or", a, b):
            return int(bool(evaluate(a, names)) or bool(evaluate(b, names)))
        case Binary("implies", a, b):
            return int(not evaluate(a, names) or bool(evaluate(b, names)))
        case Binary(op, a, b):
            return _binary(op, evaluate(a, names), evaluate(b, names))
        case Ite(c, t, o):
            return evaluate(t if evaluate(c, names) else o, names)
        case Let(var, value, body):
            return evaluate(body, {**names, var.name: evaluate(value, names)})
        case Quant(op, var, body):
            values = [evaluate(body, {**names, var.name: v}) for v in range(var.lo, var.hi + 1)]
            return int(all(values) if op == "forall" else any(values))
        case Fold(acc, init, var, body):
            total = evaluate(init, names)
            for v in range(var.lo, var.hi + 1):
                total = evaluate(body, {**names, acc.name: total, var.name: v})
            return total
        case Narrow(value, lo, hi, error):
            x = evaluate(value, names)
            if not lo <= x <= hi:
                raise ConstantFails("there is no value" if error == "none" else f"{x} is not in {lo}..{hi}")
            return x


def _binary(op: str, x: int, y: int) -> int:
    match op:
        case "add":
            return x + y
        case "sub":
            return x - y
        case "mul":
            return x * y
        case "div" | "mod":
            if y == 0:
                raise ConstantFails("division by zero")
            return trunc_div(x, y) if op == "div" else trunc_mod(x, y)
        case "eq":
            return int(x == y)
        case "ne":
            return int(x != y)
        case "lt":
            return int(x < y)
        case "le":
            return int(x <= y)
        case "gt":
            return int(x > y)
        case _:
            return int(x >= y)
