"""When the order of repetitions over interchangeable identities does not matter: folds and loops.

Both criteria are sufficient: what they accept gives the same value, the same state or an error in every
order; what they reject may still do so.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod

from kspec.system import expr as x
from kspec.system import stmt as s
from kspec.system.constant import NotConstant, evaluate
from kspec.system.effects import expr_errors
from kspec.system.expr import Binary, Const, Expr, Fold, Ite, Let, Narrow, Read, Var, bounds
from kspec.system.rewrite import reads_of, substitute
from kspec.system.stmt import Assign, Block, For

CASES = 20_000
"""Up to so many combinations of values, whether the steps of a fold commute is tried out."""


def fold_commutes(fold: Fold) -> bool:
    """Whether the value of a fold is the same for every order of its elements.

    The step takes the running value and what an element contributes.  It commutes when it is a sum, a
    minimum or a maximum, or when all combinations of values show it.
    """
    body, acc = _inlined(fold.body), fold.acc.name
    if _guarded_errors(body, acc):
        return False
    if _additive(body, acc) or _extremal(body, acc):
        return True
    atoms: dict[Expr, Var] = {}
    step = _abstract(body, acc, atoms)
    return step is not None and _tried_out(step, fold.acc, tuple(atoms.values()))


def _inlined(e: Expr) -> Expr:
    """The expression without lets: errors of the values are looked at by the caller."""
    match e:
        case Let(var, value, body):
            return _inlined(substitute(body, {var.name: _inlined(value)}))
        case Binary(op, a, b, site):
            return Binary(op, _inlined(a), _inlined(b), site)
        case Ite(c, t, o, site):
            return Ite(_inlined(c), _inlined(t), _inlined(o), site)
        case Narrow(value, lo, hi, error, site):
            return Narrow(_inlined(value), lo, hi, error, site)
        case _:
            return e


def _mentions(e: Expr, name: str) -> bool:
    return any(isinstance(n, Var) and n.name == name for n in x.walk(e))


def _guarded_errors(e: Expr, acc: str) -> bool:
    """Whether an error of an element may be evaluated or not depending on the running value."""
    for node in x.walk(e):
        match node:
            case Binary("and" | "or" | "implies", a, b) if _mentions(a, acc) and expr_errors(b):
                return True
            case Ite(c, t, o) if _mentions(c, acc) and (expr_errors(t) or expr_errors(o)):
                return True
            case _:
                pass
    return False


def _additive(e: Expr, acc: str) -> bool:
    """``acc``, ``acc + e``, ``e + acc``, ``acc - e``, or a choice between these that does not look at acc."""
    match e:
        case Var(name) if name == acc:
            return True
        case Binary("add", a, b) if not _mentions(b, acc):
            return _additive(a, acc)
        case Binary("add", a, b) if not _mentions(a, acc):
            return _additive(b, acc)
        case Binary("sub", a, b) if not _mentions(b, acc):
            return _additive(a, acc)
        case Ite(c, t, o) if not _mentions(c, acc):
            return _additive(t, acc) and _additive(o, acc)
        case _:
            return False


def _extremal(e: Expr, acc: str) -> bool:
    """``cond ? (acc == empty || v < acc ? v : acc) : acc`` with ``empty`` no value of ``v``; also ``>``."""
    match e:
        case Ite(c, inner, Var(name)) if name == acc and not _mentions(c, acc):
            return _extremal(inner, acc)
        case Ite(Binary("or", Binary("eq", Var(n1), Const(empty)), Binary("lt" | "gt", v, Var(n2))), w, Var(n3)):
            lo, hi = bounds(v)
            return v == w and {n1, n2, n3} == {acc} and not _mentions(v, acc) and not lo <= empty <= hi
        case _:
            return False


def _abstract(e: Expr, acc: str, atoms: dict[Expr, Var]) -> Expr | None:
    """The expression with everything that does not mention ``acc`` replaced by variables; None when ``acc``
    is mentioned under a binder or as an index."""
    if isinstance(e, Const) or (isinstance(e, Var) and e.name == acc):
        return e
    if not _mentions(e, acc):
        lo, hi = bounds(e)
        return atoms.setdefault(e, Var(f"'atom{len(atoms)}", lo, hi))
    match e:
        case x.Unary(op, a, site):
            inner = _abstract(a, acc, atoms)
            return None if inner is None else x.Unary(op, inner, site)
        case Binary(op, a, b, site):
            left, right = _abstract(a, acc, atoms), _abstract(b, acc, atoms)
            return None if left is None or right is None else Binary(op, left, right, site)
        case Ite(c, t, o, site):
            parts = [_abstract(p, acc, atoms) for p in (c, t, o)]
            if parts[0] is None or parts[1] is None or parts[2] is None:
                return None
            return Ite(parts[0], parts[1], parts[2], site)
        case Narrow(value, lo, hi, error, site):
            inner = _abstract(value, acc, atoms)
            return None if inner is None else Narrow(inner, lo, hi, error, site)
        case _:
            return None


def _tried_out(step: Expr, acc: Var, atoms: tuple[Var, ...]) -> bool:
    domains = [range(a.lo, a.hi + 1) for a in atoms]
    if prod(len(d) ** 2 for d in domains) * (acc.hi - acc.lo + 1) > CASES:
        return False
    elements = [dict(zip((a.name for a in atoms), values)) for values in product(*domains)]

    def take(value: int | None, element: dict[str, int]) -> int | None:
        try:
            return None if value is None else evaluate(step, {**element, acc.name: value})
        except NotConstant:
            return None  # an error, which stays

    return all(
        take(take(value, a), b) == take(take(value, b), a)
        for value in range(acc.lo, acc.hi + 1)
        for a in elements
        for b in elements
    )


def loop_commutes(loop: For, whole: Block) -> bool:
    """Whether the iterations of a loop can be executed in any order; ``whole`` is the body it stands in.

    For every cell that the loop writes one of these holds: it is a temporary that each iteration fills
    before anything else and that is not used outside; every access has the loop's variable at one and the
    same index position; all accesses are the same commutative update; all writes store the same constant
    and nothing reads the cell.
    """
    if any(isinstance(t, s.Choose) for t in s.walk(loop.body)):
        return False
    written = {w.cell.name: w.cell for w in _writes(loop.body)}.values()
    shared = [c for c in written if not _scratch(c, loop, whole) and not _own(c, loop)]
    names = {c.name for c in shared}
    return all(_update(c, loop, names) or _one_value(c, loop) for c in shared)


def _writes(block: Block) -> Iterator[s.Write]:
    for t in s.walk(block):
        if isinstance(t, Assign):
            yield from t.writes


def _reads(cell: x.Cell, t: s.Stmt) -> list[Read]:
    return [r for inner in s.walk(t) for e in s.expressions(inner) for r in reads_of(e) if r.cell == cell]


def _accesses(cell: x.Cell, block: Block) -> list[tuple[Expr, ...]]:
    return [w.index for w in _writes(block) if w.cell == cell] + [r.index for r in _reads(cell, block)]


def fills(t: s.Stmt, cell: x.Cell) -> bool:
    """Whether a statement writes every element of a cell without reading it."""
    if not isinstance(t, Assign) or _reads(cell, t):
        return False
    return any(
        w.cell == cell
        and len(w.over) == len(cell.dims)
        and w.index == w.over
        and all(v.lo == d.lo and v.hi == d.hi for v, d in zip(w.over, cell.dims))
        for w in t.writes
    )


def flat(block: Block) -> Iterator[s.Stmt]:
    """The statements of a block, those of blocks directly inside it too."""
    for t in block.stmts:
        if isinstance(t, Block):
            yield from flat(t)
        else:
            yield t


def _touches(t: s.Stmt, cell: x.Cell) -> bool:
    return bool(_accesses(cell, Block((t,))))


def _scratch(cell: x.Cell, loop: For, whole: Block) -> bool:
    if not cell.temp or len(_accesses(cell, loop.body)) != len(_accesses(cell, whole)):
        return False
    first = next((t for t in flat(loop.body) if _touches(t, cell)), None)
    return first is not None and fills(first, cell)


def _own(cell: x.Cell, loop: For) -> bool:
    accesses = _accesses(cell, loop.body)
    return any(all(index[k] == loop.var for index in accesses) for k in range(len(cell.dims)))


def _update(cell: x.Cell, loop: For, shared: set[str]) -> bool:
    """``c = c + e``, ``c - e`` (e not negative), ``c || e`` or ``c && e``, always the same operation, where
    neither e nor the index reads what other iterations write."""
    updates = [w for w in _writes(loop.body) if w.cell == cell]
    ops: set[str] = set()
    for w in updates:
        value = w.value.value if isinstance(w.value, Narrow) else w.value
        if not isinstance(value, Binary) or value.op not in ("add", "sub", "or", "and"):
            return False
        if value.a != Read(cell, w.index):
            return False
        if any(r.cell.name in shared for e in (*w.index, value.b) for r in reads_of(e)):
            return False
        if value.op in ("add", "sub") and bounds(value.b)[0] < 0:
            return False  # ups and downs could leave the range in one order and not in another
        if value.op in ("or", "and") and expr_errors(value.b):
            return False  # whether e is evaluated depends on the iterations before
        ops.add(value.op)
    return len(ops) == 1 and len(_reads(cell, loop.body)) == len(updates)


def _one_value(cell: x.Cell, loop: For) -> bool:
    values = {w.value for w in _writes(loop.body) if w.cell == cell}
    return not _reads(cell, loop.body) and len(values) == 1 and all(isinstance(v, Const) for v in values)
