"""Rewriting and reading expressions and statements: substitution of variables, cells read and written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kspec.system import expr as x
from kspec.system import stmt as s
from kspec.system.expr import Expr
from kspec.system.stmt import Stmt


def substitute(e: Expr, names: Mapping[str, Expr]) -> Expr:
    """``e`` with variables replaced by name.  Replacements must not capture (names are unique)."""
    match e:
        case x.Const():
            return e
        case x.Var(name):
            return names.get(name, e)
        case x.Read(cell, index, old):
            return x.Read(cell, tuple(substitute(i, names) for i in index), old) if index else e
        case x.Unary(op, a, site):
            return x.Unary(op, substitute(a, names), site)
        case x.Binary(op, a, b, site):
            return x.Binary(op, substitute(a, names), substitute(b, names), site)
        case x.Ite(c, t, o, site):
            return x.Ite(substitute(c, names), substitute(t, names), substitute(o, names), site)
        case x.Let(var, value, body, site):
            return x.Let(var, substitute(value, names), substitute(body, names), site)
        case x.Quant(op, var, body, site):
            return x.Quant(op, var, substitute(body, names), site)
        case x.Fold(acc, init, var, body, site):
            return x.Fold(acc, substitute(init, names), var, substitute(body, names), site)
        case x.Narrow(value, lo, hi, error, site):
            return x.Narrow(substitute(value, names), lo, hi, error, site)


def substitute_block(b: s.Block, names: Mapping[str, Expr]) -> s.Block:
    """The same for a block."""
    return s.Block(tuple(substitute_stmt(t, names) for t in b.stmts))


def substitute_stmt(t: Stmt, names: Mapping[str, Expr]) -> Stmt:
    """The same for a statement."""

    def sub(e: Expr) -> Expr:
        return substitute(e, names)

    match t:
        case s.Block():
            return substitute_block(t, names)
        case s.Assign(writes, site):
            return s.Assign(
                tuple(s.Write(w.cell, tuple(map(sub, w.index)), sub(w.value), w.over) for w in writes), site
            )
        case s.Bind(var, value, site):
            return s.Bind(var, sub(value), site)
        case s.If(cond, then, other, site):
            return s.If(sub(cond), substitute_block(then, names), substitute_block(other, names), site)
        case s.For(var, body, site):
            return s.For(var, substitute_block(body, names), site)
        case s.Choose(var, where, on_empty, site):
            return s.Choose(var, sub(where), on_empty, site)
        case s.Require(cond, site):
            return s.Require(sub(cond), site)
        case s.Assert(name, cond, message, site):
            shown = tuple(m if isinstance(m, str) else s.Shown(sub(m.expr), m.type) for m in message)
            return s.Assert(name, sub(cond), shown, site)


def reads_of(e: Expr) -> Iterator[x.Read]:
    """Every read in an expression."""
    return (n for n in x.walk(e) if isinstance(n, x.Read))


def cells_read(t: Stmt) -> set[str]:
    """The names of the cells that a statement (with what is nested in it) may read."""
    return {r.cell.name for inner in s.walk(t) for e in s.expressions(inner) for r in reads_of(e)}


def cells_written(t: Stmt) -> set[str]:
    """The names of the cells that a statement (with what is nested in it) may write."""
    return {w.cell.name for inner in s.walk(t) if isinstance(inner, s.Assign) for w in inner.writes}
