"""Simplification that keeps every value and every error: what is constant in a configuration goes.

Parameters are constants by now, so whole branches fall away (``fix ? a : b``).  Nothing that can raise an
error is dropped unless it would not have been evaluated.
"""

from __future__ import annotations

from kspec.system import expr as x
from kspec.system import stmt as s
from kspec.system.constant import NotConstant, evaluate
from kspec.system.expr import FALSE, TRUE, Const, Expr, Var, bounds
from kspec.system.rewrite import substitute


def simplify(e: Expr) -> Expr:
    """An expression with the same value, or the same error, in every state."""
    match e:
        case x.Const() | x.Var():
            return e
        case x.Read(cell, index, old):
            return x.Read(cell, tuple(map(simplify, index)), old) if index else e
        case x.Unary(op, a, site):
            return _folded(x.Unary(op, simplify(a), site))
        case x.Binary("and" | "or" | "implies", a, b, site):
            return _logic(e.op, simplify(a), simplify(b), site)
        case x.Binary(op, a, b, site):
            return _folded(x.Binary(op, simplify(a), simplify(b), site))
        case x.Ite(c, t, o, site):
            return _conditional(simplify(c), simplify(t), simplify(o), site)
        case x.Let(var, value, body, site):
            v = simplify(value)
            if isinstance(v, Const | Var):
                return simplify(substitute(body, {var.name: v}))
            return x.Let(var, v, simplify(body), site)
        case x.Quant(op, var, body, site):
            b = simplify(body)
            return b if isinstance(b, Const) else x.Quant(op, var, b, site)
        case x.Fold(acc, init, var, body, site):
            return x.Fold(acc, simplify(init), var, simplify(body), site)
        case x.Narrow(value, lo, hi, error, site):
            v = simplify(value)
            least, most = bounds(v)
            return v if lo <= least and most <= hi else x.Narrow(v, lo, hi, error, site)


def _folded(e: Expr) -> Expr:
    """The value of an operation on constants; a division by zero stays what it is."""
    if all(isinstance(c, Const) for c in x.children(e)):
        try:
            return Const(evaluate(e))
        except NotConstant:
            return e
    return e


def _logic(op: x.BinaryOp, a: Expr, b: Expr, site: x.Site) -> Expr:
    match op, a, b:
        case "and", Const(v), _:
            return b if v else FALSE
        case "or", Const(v), _:
            return TRUE if v else b
        case "implies", Const(v), _:
            return b if v else TRUE
        case "and", _, Const(1):
            return a
        case "or", _, Const(0):
            return a
        case "implies", _, Const(0):
            return x.Unary("not", a, site)
        case _:
            return x.Binary(op, a, b, site)


def _conditional(c: Expr, t: Expr, o: Expr, site: x.Site) -> Expr:
    if isinstance(c, Const):
        return t if c.value else o
    if t == TRUE and o == FALSE:
        return c
    return x.Ite(c, t, o, site)


def simplify_block(b: s.Block) -> s.Block:
    """A block with the same steps; statements that do nothing are left out."""
    out: list[s.Stmt] = []
    for t in b.stmts:
        new = _stmt(t)
        if isinstance(new, s.Block):
            out += new.stmts
        else:
            out.append(new)
    return s.Block(tuple(out))


def _stmt(t: s.Stmt) -> s.Stmt:
    match t:
        case s.Block():
            return simplify_block(t)
        case s.Assign(writes, site):
            return s.Assign(
                tuple(s.Write(w.cell, tuple(map(simplify, w.index)), simplify(w.value), w.over) for w in writes),
                site,
            )
        case s.Bind(var, value, site):
            return s.Bind(var, simplify(value), site)
        case s.If(cond, then, other, site):
            return _if(simplify(cond), simplify_block(then), simplify_block(other), site)
        case s.For(var, body, site):
            inner = simplify_block(body)
            return s.For(var, inner, site) if inner.stmts else s.EMPTY
        case s.Choose(var, where, on_empty, site):
            return s.Choose(var, simplify(where), on_empty, site)
        case s.Require(cond, site):
            c = simplify(cond)
            return s.EMPTY if c == TRUE else s.Require(c, site)
        case s.Assert(name, cond, message, site):
            c = simplify(cond)
            shown = tuple(m if isinstance(m, str) else s.Shown(simplify(m.expr), m.type) for m in message)
            return s.Assert(name, c, shown, site)


def _if(c: Expr, then: s.Block, other: s.Block, site: x.Site) -> s.Stmt:
    if isinstance(c, Const):
        return then if c.value else other
    if not then.stmts and not other.stmts:
        return s.Bind(Var("'ignored", *bounds(c)), c, site)  # the condition may still raise an error
    return s.If(c, then, other, site)
