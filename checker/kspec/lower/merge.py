"""Joining steps that no one can observe, and resetting locals that are dead.

A location is *silent* when it has one alternative, which cannot be blocked and touches nothing but the
process's own locals that no property reads, and when its label is not used with ``at``.  Going on from a
silent location commutes with everything that others do, so its step is joined to the step before (a special
case of Lipton's reduction, "Reduction: a method of proving properties of parallel programs", 1975).  One
location of every circle of silent locations stays.  A silent step that may fail is joined only to steps that
change nothing that others can see: the state before it would be lost otherwise.

A local is *dead* at a location when it is written before it is read on every path from there.  Dead
locals have their start value: a step that leads to where a local is dead resets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kspec.lower.flow import Alternative, Branch, Code, Goto, Location, gotos
from kspec.system.effects import block_errors, expr_errors
from kspec.system.expr import TRUE, Cell, Const, Expr, Var
from kspec.system.rewrite import cells_read, cells_written, reads_of
from kspec.system.stmt import Assert, Assign, Block, Require, Shown, Stmt, Write, walk

MOST_JOINED = 256
"""How many steps are joined into one; branches would be copied without end."""


@dataclass(frozen=True)
class Graph:
    """The locations of a process and where it starts."""

    locations: Mapping[int, tuple[Alternative, ...]]
    names: Mapping[int, str]
    entry: int


def _cells(code: Code) -> set[str]:
    out: set[str] = set()
    for t in code.stmts:
        out |= cells_read(t) | message_reads(t) | cells_written(t)
    if isinstance(code.end, Branch):
        out |= {r.cell.name for r in reads_of(code.end.cond)}
        out |= _cells(code.end.then) | _cells(code.end.other)
    return out


def message_reads(t: Stmt) -> set[str]:
    """The cells that the messages of assertions in a statement show."""
    return {
        r.cell.name
        for x in walk(t)
        if isinstance(x, Assert)
        for m in x.message
        if isinstance(m, Shown)
        for r in reads_of(m.expr)
    }


def _fails(code: Code) -> bool:
    """Whether the step may raise an error or fail an assertion, as far as intervals tell."""
    block = Block(code.stmts)
    if block_errors(block) or any(isinstance(x, Assert) for x in walk(block)):
        return True
    match code.end:
        case Branch(cond, then, other):
            return bool(expr_errors(cond)) or _fails(then) or _fails(other)
        case _:
            return False


def _blocks(code: Code) -> bool:
    if any(isinstance(x, Require) for t in code.stmts for x in walk(t)):
        return True
    return isinstance(code.end, Branch) and (_blocks(code.end.then) or _blocks(code.end.other))


def merge(graph: Graph, private: frozenset[str], watched: frozenset[int]) -> Graph:
    """Joins silent steps; ``private`` are the cells that only this process's own code can see."""

    def silent(number: int) -> bool:
        alternatives = graph.locations[number]
        if number in watched or len(alternatives) != 1:
            return False
        a = alternatives[0]
        return a.guard == TRUE and not _blocks(a.code) and _cells(a.code) <= private

    quiet = {n for n in graph.locations if silent(n)}

    failing = {n for n in quiet if _fails(graph.locations[n][0].code)}

    def expand(code: Code, trail: frozenset[int], unseen: bool, left: list[int]) -> Code:
        """``unseen``: nothing that others can see has changed so far; ``left``: how many more may be joined."""
        unseen = unseen and all(cells_written(t) <= private for t in code.stmts)
        match code.end:
            case Goto(target) if target in quiet and target not in trail and left[0] > 0:
                if target in failing and not unseen:
                    return code
                left[0] -= 1
                rest = expand(graph.locations[target][0].code, trail | {target}, unseen, left)
                return Code(code.stmts + rest.stmts, rest.end)
            case Goto():
                return code
            case Branch(cond, then, other, site):
                return Code(
                    code.stmts,
                    Branch(cond, expand(then, trail, unseen, left), expand(other, trail, unseen, left), site),
                )

    kept: dict[int, tuple[Alternative, ...]] = {}
    todo = [graph.entry]
    while todo:
        here = todo.pop()
        if here in kept:
            continue
        trail = frozenset({here})
        kept[here] = tuple(
            replace(a, code=expand(a.code, trail, here not in watched, [MOST_JOINED]))
            for a in graph.locations[here]
        )
        todo += [g.target for a in kept[here] for g in gotos(a.code)]
    ordered = {n: kept[n] for n in sorted(kept)}
    return Graph(ordered, graph.names, graph.entry)


def reset_dead(graph: Graph, cells: Mapping[str, tuple[Cell, int]], own: tuple[Expr, ...]) -> Graph:
    """Adds the resets; ``cells`` are the resettable locals with their start value, ``own`` the instance's index."""
    live = _liveness(graph, frozenset(cells), own)

    def reset(names: set[str]) -> tuple[Stmt, ...]:
        writes = []
        for name in sorted(names):
            cell, start = cells[name]
            over = tuple(Var(f"reset'{k}", d.lo, d.hi, d) for k, d in enumerate(cell.dims[len(own) :]))
            writes.append(Write(cell, (*own, *over), Const(start), over))
        return (Assign(tuple(writes)),) if writes else ()

    def rebuild(code: Code, set_: set[str]) -> Code:
        written = set_ | {n for t in code.stmts for n in cells_written(t) if n in cells}
        match code.end:
            case Goto(target):
                return Code(code.stmts + reset(written - live[target]), code.end)
            case Branch(cond, then, other, site):
                return Code(code.stmts, Branch(cond, rebuild(then, written), rebuild(other, written), site))

    out = {
        n: tuple(replace(a, code=rebuild(a.code, set(live[n]))) for a in alternatives)
        for n, alternatives in graph.locations.items()
    }
    return Graph(out, graph.names, graph.entry)


def dead_at_entry(graph: Graph, names: frozenset[str], own: tuple[Expr, ...]) -> frozenset[str]:
    """Which locals are dead where the process starts."""
    return names - _liveness(graph, names, own)[graph.entry]


def _liveness(graph: Graph, names: frozenset[str], own: tuple[Expr, ...]) -> dict[int, set[str]]:
    live: dict[int, set[str]] = {n: set() for n in graph.locations}
    changed = True
    while changed:
        changed = False
        for n in reversed(list(graph.locations)):
            now: set[str] = set()
            for a in graph.locations[n]:
                now |= {r.cell.name for r in reads_of(a.guard)} & names
                now |= _live_in(a.code, live, names, own)
            if now != live[n]:
                live[n] = now
                changed = True
    return live


def _live_in(
    code: Code, live: Mapping[int, set[str]], names: frozenset[str], own: tuple[Expr, ...]
) -> set[str]:
    match code.end:
        case Goto(target):
            after = set(live[target])
        case Branch(cond, then, other):
            after = _live_in(then, live, names, own) | _live_in(other, live, names, own)
            after |= {r.cell.name for r in reads_of(cond)} & names
    for t in reversed(code.stmts):
        if isinstance(t, Assign):
            for w in t.writes:
                if w.index[: len(own)] == own and w.index[len(own) :] == w.over:
                    after.discard(w.cell.name)
        after |= (cells_read(t) | message_reads(t)) & names
    return after


def graph_of(locations: Mapping[int, Location], entry: int, resolve: object) -> Graph:
    """The graph of a finished flow, jumps resolved."""
    assert callable(resolve)

    def fix(code: Code) -> Code:
        match code.end:
            case Goto(target):
                return Code(code.stmts, Goto(resolve(target)))
            case Branch(cond, then, other, site):
                return Code(code.stmts, Branch(cond, fix(then), fix(other), site))

    table = {
        n: tuple(replace(a, code=fix(a.code)) for a in loc.alternatives)
        for n, loc in locations.items()
    }
    return Graph(table, {n: loc.name for n, loc in locations.items()}, resolve(entry))
