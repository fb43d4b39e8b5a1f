"""Replacing placeholders in a finished system: numbers of locations, final types of cells."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from kspec.system import expr as x
from kspec.system import stmt as s
from kspec.system.expr import Cell, Expr
from kspec.system.model import Action, Property, System
from kspec.system.temporal import map_conditions


@dataclass(frozen=True)
class Relink:
    """What to replace: variables by name, cells by name."""

    names: Mapping[str, Expr]
    cells: Mapping[str, Cell]

    def cell(self, c: Cell) -> Cell:
        """The cell as it is in the end."""
        return self.cells.get(c.name, c)

    def expr(self, e: Expr) -> Expr:
        """An expression with the replacements."""
        match e:
            case x.Const():
                return e
            case x.Var(name):
                return self.names.get(name, e)
            case x.Read(cell, index, old):
                return x.Read(self.cell(cell), tuple(self.expr(i) for i in index), old)
            case x.Unary(op, a, site):
                return x.Unary(op, self.expr(a), site)
            case x.Binary(op, a, b, site):
                return x.Binary(op, self.expr(a), self.expr(b), site)
            case x.Ite(c, t, o, site):
                return x.Ite(self.expr(c), self.expr(t), self.expr(o), site)
            case x.Let(var, value, body, site):
                return x.Let(var, self.expr(value), self.expr(body), site)
            case x.Quant(op, var, body, site):
                return x.Quant(op, var, self.expr(body), site)
            case x.Fold(acc, init, var, body, site):
                return x.Fold(acc, self.expr(init), var, self.expr(body), site)
            case x.Narrow(value, lo, hi, error, site):
                return x.Narrow(self.expr(value), lo, hi, error, site)

    def block(self, b: s.Block) -> s.Block:
        """A block with the replacements."""
        return s.Block(tuple(self.stmt(t) for t in b.stmts))

    def stmt(self, t: s.Stmt) -> s.Stmt:
        """A statement with the replacements."""
        match t:
            case s.Block():
                return self.block(t)
            case s.Assign(writes, site):
                return s.Assign(
                    tuple(
                        s.Write(self.cell(w.cell), tuple(map(self.expr, w.index)), self.expr(w.value), w.over)
                        for w in writes
                    ),
                    site,
                )
            case s.Bind(var, value, site):
                return s.Bind(var, self.expr(value), site)
            case s.If(cond, then, other, site):
                return s.If(self.expr(cond), self.block(then), self.block(other), site)
            case s.For(var, body, site):
                return s.For(var, self.block(body), site)
            case s.Choose(var, where, on_empty, site):
                return s.Choose(var, self.expr(where), on_empty, site)
            case s.Require(cond, site):
                return s.Require(self.expr(cond), site)
            case s.Assert(name, cond, message, site):
                return s.Assert(name, self.expr(cond), self.message(message), site)

    def message(self, message: tuple[str | s.Shown, ...]) -> tuple[str | s.Shown, ...]:
        """The values in a message with the replacements."""
        return tuple(m if isinstance(m, str) else s.Shown(self.expr(m.expr), m.type) for m in message)


def relink_system(system: System, links: Relink) -> System:
    """The system with the replacements everywhere."""
    return dataclasses.replace(
        system,
        cells=tuple(links.cell(c) for c in system.cells),
        init=links.block(system.init),
        actions=tuple(
            Action(a.name, a.params, links.expr(a.guard), links.block(a.body), a.process, a.actor, a.span)
            for a in system.actions
        ),
        properties=tuple(
            Property(
                p.name,
                p.kind,
                links.expr(p.expr),
                links.message(p.message),
                p.span,
                tuple(dataclasses.replace(c, formula=map_conditions(c.formula, links.expr)) for c in p.claims),
                p.refinement and dataclasses.replace(p.refinement, values=tuple(map(links.expr, p.refinement.values))),
            )
            for p in system.properties
        ),
        terminal=tuple(links.expr(e) for e in system.terminal),
        limits=tuple(links.expr(e) for e in system.limits),
    )
