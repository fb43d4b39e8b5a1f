"""Loops over interchangeable identities: the iterations must not depend on their order.

The criterion is syntactic and sufficient: for every cell that the body writes, either every access to
it in the body has the loop's identity at one and the same index position (each iteration has its own
elements), or all accesses are the same commutative update (``c = c + e``, ``c = c - e``, ``c = c || e``,
``c = c && e``, with ``e`` reading of what the body writes only the iteration's own elements), or all writes
store the same constant and nothing reads the cell.
"""

from __future__ import annotations

from kspec.system import expr as x
from kspec.system import stmt as s
from kspec.system.rewrite import reads_of


def depends_on_order(body: s.Block, var: x.Var) -> s.Write | s.Stmt | None:
    """The first write that may make the outcome depend on the order of the iterations, or None."""
    writes = [w for t in s.walk(body) if isinstance(t, s.Assign) for w in t.writes]
    for t in s.walk(body):
        if isinstance(t, s.Choose):
            return t
    written = {w.cell.name for w in writes if not w.cell.temp and not _own_elements(body, w.cell, var)}
    fresh_temps = _initialised_inside(body)
    for w in writes:
        if w.cell.temp and w.cell.name in fresh_temps:
            continue
        if _own_elements(body, w.cell, var) or _commutative(body, w.cell, written) or _constant(body, w.cell):
            continue
        return w
    return None


def _initialised_inside(body: s.Block) -> set[str]:
    """Temporaries that every iteration sets anew: first touched by a write of all of their elements."""
    return {
        w.cell.name
        for t in body.stmts
        if isinstance(t, s.Assign)
        for w in t.writes
        if w.cell.temp and len(w.over) == len(w.cell.dims)
    }


def _accesses(body: s.Block, cell: x.Cell) -> list[tuple[x.Expr, ...]]:
    out: list[tuple[x.Expr, ...]] = []
    for t in s.walk(body):
        for e in s.expressions(t):
            out += [r.index for r in reads_of(e) if r.cell == cell]
        if isinstance(t, s.Assign):
            out += [w.index for w in t.writes if w.cell == cell]
    return out


def _own_elements(body: s.Block, cell: x.Cell, var: x.Var) -> bool:
    accesses = _accesses(body, cell)
    return any(all(index[k] == var for index in accesses) for k in range(len(cell.dims)))


def _commutative(body: s.Block, cell: x.Cell, written: set[str]) -> bool:
    ops: set[str] = set()
    reads = 0
    for t in s.walk(body):
        for e in s.expressions(t):
            reads += sum(1 for r in reads_of(e) if r.cell == cell)
        if not isinstance(t, s.Assign):
            continue
        for w in t.writes:
            if w.cell != cell:
                continue
            value = w.value.value if isinstance(w.value, x.Narrow) else w.value
            if not isinstance(value, x.Binary) or value.op not in ("add", "sub", "or", "and"):
                return False
            if value.a != x.Read(cell, w.index):
                return False
            if any(r.cell.name in written for r in reads_of(value.b)):
                return False
            if any(r.cell.name in written for i in w.index for r in reads_of(i)):
                return False
            if value.op in ("add", "sub") and x.bounds(value.b)[0] < 0:
                return False  # ups and downs could leave the range in one order and not in another
            ops.add(value.op)
            reads -= 1
    return len(ops) == 1 and reads == 0


def _constant(body: s.Block, cell: x.Cell) -> bool:
    values: set[x.Expr] = set()
    for t in s.walk(body):
        for e in s.expressions(t):
            if any(r.cell == cell for r in reads_of(e)):
                return False
        if isinstance(t, s.Assign):
            values |= {w.value for w in t.writes if w.cell == cell}
    return len(values) == 1 and all(isinstance(v, x.Const) for v in values)
