"""What actions and properties read and write, and what can go wrong in them: static facts.

Cells are named; a cell counts as a whole (an access to one element is an access to the cell).
Temporary cells live inside one step and are left out of every set.  The sets are syntactic, so they
contain at least what an execution touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from kspec.system import expr as expressions
from kspec.system import stmt as statements
from kspec.system.expr import Binary, ErrorKind, Expr, Narrow, Read, bounds
from kspec.system.model import Action, Property, System
from kspec.system.stmt import Assert, Assign, Block, Choose

ERROR_KINDS: tuple[ErrorKind, ...] = ("range", "index", "none", "div", "choose")
DEADLOCK = "deadlock"


def reads_of(e: Expr) -> frozenset[str]:
    """The state cells that an expression reads, before or after the step."""
    return frozenset(n.cell.name for n in expressions.walk(e) if isinstance(n, Read) and not n.cell.temp)


def block_reads(block: Block) -> frozenset[str]:
    """The state cells that the statements of a block read."""
    return _union(reads_of(e) for s in statements.walk(block) for e in statements.expressions(s))


def block_writes(block: Block) -> frozenset[str]:
    """The state cells that the statements of a block may write."""
    return frozenset(
        w.cell.name
        for s in statements.walk(block)
        if isinstance(s, Assign)
        for w in s.writes
        if not w.cell.temp
    )


def reads(action: Action) -> frozenset[str]:
    """The state cells that the guard and the body of an action read."""
    return reads_of(action.guard) | block_reads(action.body)


def writes(action: Action) -> frozenset[str]:
    """The state cells that the body of an action may write."""
    return block_writes(action.body)


def property_reads(system: System, prop: Property) -> frozenset[str]:
    """The state cells that decide whether a property is violated in a state or in a step from it.

    For an assertion these are the reads of every action in which it stands: they decide whether it is
    come to, and its condition may depend on them through local variables.
    """
    if prop.kind != "assert":
        return reads_of(prop.expr)
    return _union(reads(a) for a in system.actions if prop.name in asserted(a.body))


def deadlock_reads(system: System) -> frozenset[str]:
    """The state cells that decide whether a state is a deadlock: every action may give a way out."""
    return (
        _union(reads(a) for a in system.actions)
        | _union(reads_of(e) for e in system.terminal)
        | _union(reads_of(e) for e in system.limits)
    )


def asserted(block: Block) -> frozenset[str]:
    """The names of the assertions that stand in a block."""
    return frozenset(s.name for s in statements.walk(block) if isinstance(s, Assert))


def expr_errors(e: Expr) -> frozenset[ErrorKind]:
    """The errors that evaluating an expression may raise, as far as intervals tell."""
    return frozenset(_expr_errors(e))


def block_errors(block: Block) -> frozenset[ErrorKind]:
    """The errors that executing a block may raise, as far as intervals tell."""
    found: set[ErrorKind] = set()
    for s in statements.walk(block):
        for e in statements.expressions(s):
            found |= expr_errors(e)
        if isinstance(s, Choose) and s.on_empty == "error" and s.where != expressions.TRUE:
            found.add("choose")
    return frozenset(found)


def action_errors(action: Action) -> frozenset[ErrorKind]:
    """The errors that a step of an action may raise, as far as intervals tell."""
    return expr_errors(action.guard) | block_errors(action.body)


def system_errors(system: System) -> tuple[ErrorKind, ...]:
    """The errors that can happen anywhere in a system, in the order of ``ERROR_KINDS``."""
    found = set(block_errors(system.init))
    for a in system.actions:
        found |= action_errors(a)
    for e in (*(p.expr for p in system.properties), *system.terminal, *system.limits):
        found |= expr_errors(e)
    return tuple(k for k in ERROR_KINDS if k in found)


def obligations(system: System) -> tuple[str, ...]:
    """The names of everything that has to hold: declared properties but ``reachable`` and temporal ones, then
    ``deadlock`` (when it is on), then ``error.<kind>`` for every error that can happen at all."""
    return (
        *(p.name for p in system.properties if p.kind not in ("reachable", "property")),
        *((DEADLOCK,) if system.deadlock else ()),
        *(f"error.{k}" for k in system_errors(system)),
    )


@dataclass(frozen=True)
class Cone:
    """The part of a system on which some cells depend: a closed set of cells and the actions that write them.

    Actions outside the cone write none of its cells, and actions inside read nothing else: the runs of
    the cone are the runs of the system with the other cells forgotten, and the steps of outside actions
    left out.
    """

    cells: frozenset[str]
    actions: tuple[Action, ...]


def cone(system: System, cells: Iterable[str]) -> Cone:
    """The cone of influence of ``cells``; limits always belong to it, for they decide which steps exist."""
    inside = set(cells) | _union(reads_of(e) for e in system.limits)
    while True:
        members = tuple(a for a in system.actions if writes(a) & inside)
        grown = inside | _union(reads(a) for a in members)
        if grown == inside:
            return Cone(frozenset(inside), members)
        inside = grown


@dataclass(frozen=True)
class Effects:
    """The read and write sets of a system's actions, computed once."""

    system: System

    @cached_property
    def reads(self) -> dict[str, frozenset[str]]:
        """For every action, by name, the state cells it reads."""
        return _by_name((a.name, reads(a)) for a in self.system.actions)

    @cached_property
    def writes(self) -> dict[str, frozenset[str]]:
        """For every action, by name, the state cells it may write."""
        return _by_name((a.name, writes(a)) for a in self.system.actions)

    def independent(self, a: Action, b: Action) -> bool:
        """True when neither action writes what the other reads or writes: their order never matters."""
        wa, wb = self.writes[a.name], self.writes[b.name]
        return not (wa & (self.reads[b.name] | wb) or wb & self.reads[a.name])


def _expr_errors(e: Expr) -> Iterator[ErrorKind]:
    for node in expressions.walk(e):
        match node:
            case Narrow(value, lo, hi, kind):
                low, high = bounds(value)
                if low < lo or high > hi:
                    yield kind
            case Binary("div" | "mod", _, divisor):
                low, high = bounds(divisor)
                if low <= 0 <= high:
                    yield "div"
            case _:
                pass


def _by_name(sets: Iterable[tuple[str, frozenset[str]]]) -> dict[str, frozenset[str]]:
    table: dict[str, frozenset[str]] = {}
    for name, cells in sets:
        table[name] = table.get(name, frozenset()) | cells
    return table


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*sets)
