"""The order that a model states, read over machine integers.

A ``fun`` of two keys (``fun order(a: Key, b: Key): Sign``) is elaborated as in any check; then each part of a
key stands for an integer of the machine instead of its small range.  What is proved is thus about the order
itself, not about the few values that a check explores.
"""

from __future__ import annotations

from collections.abc import Mapping

import z3

from kspec.lang import ast
from kspec.lang.diagnostics import Diagnostic, Failed, did_you_mean
from kspec.lang.load import Program
from kspec.lower import exprs
from kspec.lower.assemble import elaborate
from kspec.lower.scope import Context, Env, ValueBinding
from kspec.lower.types import resolve
from kspec.lower.values import Value
from kspec.system.expr import Binary, Const, Expr, Ite, Let, Narrow, Unary, Var
from kspec.system.layout import leaves
from kspec.types import BoolType, Type

WIDE = 72
"""Bits in which every 64-bit integer, signed or not, has its own value, with room for ranks."""


def parts_of(program: Program, settings: Mapping[str, str], name: str) -> tuple[Expr, tuple[str, ...], bool]:
    """The body of a function of two keys, the names of the parts of a key, and whether it is a bool ("before").

    The parts of the keys are variables ``0.PART`` and ``1.PART``.  Raises Failed.
    """
    ctx = elaborate(program, settings).context
    decl, module = _declaration(program, name)
    env = Env(module).entering(name, module)
    types: list[Type] = []
    for k, p in enumerate(decl.params):
        assert p.type is not None
        types.append(resolve(ctx, Env(module), p.type))
        env = env.bind(p.name, ValueBinding(_key(types[-1], k)))
    if len(types) != 2 or types[0] != types[1] or any(leaf.dims for leaf in leaves(types[0])):
        raise Failed([Diagnostic("E0906", f"`{name}` does not compare two keys", decl.span)], program.sources)
    result = resolve(ctx, Env(module), decl.result)
    body = exprs.expect(ctx, env, decl.body, result, "result").expr
    _stop(ctx, program)
    return body, tuple(leaf.path.lstrip(".") for leaf in leaves(types[0])), isinstance(result, BoolType)


def _stop(ctx: Context, program: Program) -> None:
    if ctx.diagnostics:
        raise Failed(ctx.diagnostics, program.sources)


def _declaration(program: Program, name: str) -> tuple[ast.FunDecl, str]:
    found = {d.name: (d, m.name) for m in program.modules for d in m.decls if isinstance(d, ast.FunDecl)}
    if name not in found:
        near = did_you_mean(name, found)
        raise Failed([Diagnostic("E0906", f"the model has no function `{name}`", help=near)], program.sources)
    return found[name]


def _key(t: Type, which: int) -> Value:
    layout = leaves(t)

    def leaf(k: int, _index: tuple[Expr, ...]) -> Expr:
        x = layout[k]
        return Var(f"{which}.{x.path.lstrip('.')}", x.type.lo, x.type.hi, x.type)

    return Value(t, leaf)


def over_machine(e: Expr, values: Mapping[str, z3.BitVecRef], program: Program) -> z3.ExprRef:
    """The expression, with the variables' values: signed integers of ``WIDE`` bits, or bool."""

    def number(x: Expr, known: Mapping[str, z3.ExprRef]) -> z3.BitVecRef:
        v = value(x, known)
        return z3.If(v, z3.BitVecVal(1, WIDE), z3.BitVecVal(0, WIDE)) if z3.is_bool(v) else v

    def truth(x: Expr, known: Mapping[str, z3.ExprRef]) -> z3.BoolRef:
        v = value(x, known)
        return v if z3.is_bool(v) else v != z3.BitVecVal(0, WIDE)

    def value(x: Expr, known: Mapping[str, z3.ExprRef]) -> z3.ExprRef:
        match x:
            case Const(n):
                return z3.BitVecVal(n, WIDE)
            case Var(name):
                return known[name]
            case Unary("not", a):
                return z3.Not(truth(a, known))
            case Unary("neg", a):
                return -number(a, known)
            case Binary("and", a, b):
                return z3.And(truth(a, known), truth(b, known))
            case Binary("or", a, b):
                return z3.Or(truth(a, known), truth(b, known))
            case Binary("implies", a, b):
                return z3.Implies(truth(a, known), truth(b, known))
            case Binary("eq", a, b):
                return number(a, known) == number(b, known)
            case Binary("ne", a, b):
                return number(a, known) != number(b, known)
            case Binary("lt", a, b):
                return number(a, known) < number(b, known)
            case Binary("le", a, b):
                return number(a, known) <= number(b, known)
            case Binary("gt", a, b):
                return number(a, known) > number(b, known)
            case Binary("ge", a, b):
                return number(a, known) >= number(b, known)
            case Ite(c, a, b):
                return z3.If(truth(c, known), number(a, known), number(b, known))
            case Let(v, a, b):
                return value(b, {**known, v.name: value(a, known)})
            case Narrow(a):
                return value(a, known)
        raise Failed([Diagnostic(
            "E0906", "the order does more than compare the parts of the keys, so it says nothing of machine integers"
        )], program.sources)  # fmt: skip

    return value(e, values)
