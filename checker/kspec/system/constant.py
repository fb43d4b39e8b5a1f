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

MOST_STEPS = 200_000


class NotConstant(Exception):
    """The expression reads state, or raises an error; the text says which."""


class TooLong(NotConstant):
    """Evaluating the expression takes more steps than there are."""


class Steps:
    """How many steps evaluation may still take."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self) -> None:
        """Takes a step; raises TooLong when none is left."""
        self.left -= 1
        if self.left < 0:
            raise TooLong("it takes too many steps to compute")


class ConstantFails(NotConstant):
    """The expression is constant, and evaluating it is an error; the text says which."""


def evaluate(e: Expr, env: Mapping[str, int] | None = None, steps: Steps | None = None) -> int:
    """The value of ``e``; raises NotConstant.  ``steps`` limits the effort."""
    names = env or {}
    steps = steps or Steps(MOST_STEPS)
    steps.take()
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
            x = evaluate(a, names, steps)
            return int(not x) if op == "not" else -x
        case Binary("and", a, b):
            return int(bool(evaluate(a, names, steps)) and bool(evaluate(b, names, steps)))
        case Binary("or", a, b):
            return int(bool(evaluate(a, names, steps)) or bool(evaluate(b, names, steps)))
        case Binary("implies", a, b):
            return int(not evaluate(a, names, steps) or bool(evaluate(b, names, steps)))
        case Binary(op, a, b):
            return _binary(op, evaluate(a, names, steps), evaluate(b, names, steps))
        case Ite(c, t, o):
            return evaluate(t if evaluate(c, names, steps) else o, names, steps)
        case Let(var, value, body):
            return evaluate(body, {**names, var.name: evaluate(value, names, steps)}, steps)
        case Quant(op, var, body):
            found = {bool(evaluate(body, {**names, var.name: v}, steps)) for v in range(var.lo, var.hi + 1)}
            return int(False not in found if op == "forall" else True in found)
        case Fold(acc, init, var, body):
            total = evaluate(init, names, steps)
            for v in range(var.lo, var.hi + 1):
                total = evaluate(body, {**names, acc.name: total, var.name: v}, steps)
            return total
        case Narrow(value, lo, hi, error):
            x = evaluate(value, names, steps)
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
