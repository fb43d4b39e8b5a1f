"""Definite assignment: identities that have no value until ``init`` gives them one.

An identity has no default, since none is preferred to another.  A variable that holds identities directly
must therefore be written as a whole on every path through the init blocks before anything reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from kspec.system import stmt as s
from kspec.system.expr import Cell, Expr, Read, Var, walk

Element: TypeAlias = tuple[Cell, tuple[Expr | None, ...]]
"""Elements of a cell: the cell, and their indices; None stands for every value."""


def unassigned(init: s.Block, cells: tuple[Cell, ...]) -> Cell | None:
    """The first of ``cells`` that may be read before it has a value, or may have none in the end."""
    names = {c.name for c in cells}
    early: set[str] = set()
    done = _block(init, frozenset(), names, early)
    whole = {cell.name for cell, index in done if all(i is None for i in index)}
    return next((c for c in cells if c.name in early or c.name not in whole), None)


def _block(block: s.Block, done: frozenset[Element], names: set[str], early: set[str]) -> frozenset[Element]:
    for t in block.stmts:
        for e in s.expressions(t):
            for r in _reads(e, names):
                if not _written(r, done):
                    early.add(r.cell.name)
        done = _statement(t, done, names, early)
    return done


def _statement(t: s.Stmt, done: frozenset[Element], names: set[str], early: set[str]) -> frozenset[Element]:
    match t:
        case s.Block():
            return _block(t, done, names, early)
        case s.Assign(writes):
            new = ((w, (w.cell, w.index)) for w in writes if w.cell.name in names)
            return done | {_over(e, w.over) for w, e in new if not _mentions(_over(e, w.over), w.over)}
        case s.If(_, then, other):
            return _block(then, done, names, early) & _block(other, done, names, early)
        case s.For(var, body):
            after = _block(body, done, names, early)
            return done | {_over(e, (var,)) for e in after - done if not _mentions(_over(e, (var,)), (var,))}
        case _:
            return done


def _over(e: Element, binders: tuple[Var, ...]) -> Element:
    """What the elements for one value of the binders are for all their values together."""
    cell, index = e
    return cell, tuple(
        None if i in binders and isinstance(i, Var) and i.lo <= d.lo and d.hi <= i.hi else i
        for i, d in zip(index, cell.dims, strict=True)
    )


def _mentions(e: Element, binders: tuple[Var, ...]) -> bool:
    names = {v.name for v in binders}
    return any(isinstance(x, Var) and x.name in names for i in e[1] if i is not None for x in walk(i))


def _reads(e: Expr, names: set[str]) -> Iterator[Read]:
    return (x for x in walk(e) if isinstance(x, Read) and x.cell.name in names)


def _written(r: Read, done: frozenset[Element]) -> bool:
    return any(
        cell.name == r.cell.name and all(i is None or i == j for i, j in zip(index, r.index, strict=True))
        for cell, index in done
    )
