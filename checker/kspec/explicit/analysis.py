"""What the code generator needs to know about expressions before it makes code of them."""

from __future__ import annotations

from kspec.system.expr import Binary, Expr, Fold, Ite, Let, Narrow, Var, bounds, walk


def can_fail(e: Expr) -> bool:
    """Whether evaluating ``e`` may raise an error (False only when it surely cannot)."""
    for x in walk(e):
        match x:
            case Narrow(value, lo, hi):
                vlo, vhi = bounds(value)
                if vlo < lo or vhi > hi:
                    return True
            case Binary("div" | "mod", _, b):
                blo, bhi = bounds(b)
                if blo <= 0 <= bhi:
                    return True
            case _:
                pass
    return False


def operands(e: Expr, op: str) -> list[Expr]:
    """The operands of a chain of one associative operator, left to right; ``[e]`` when it is none."""
    found: list[Expr] = []
    stack = [e]
    while stack:
        x = stack.pop()
        if isinstance(x, Binary) and x.op == op:
            stack += (x.b, x.a)
        else:
            found.append(x)
    return found


def stays(e: Fold) -> bool:
    """Whether adding so often what the body adds cannot leave the bounds of the accumulator."""
    change = _change(e.body, e.acc.name)
    if change is None:
        return False
    (least, most), (lo, hi) = change, bounds(e.init)
    times = e.var.hi - e.var.lo + 1
    return e.acc.lo <= lo + times * min(least, 0) and hi + times * max(most, 0) <= e.acc.hi


def _change(body: Expr, acc: str) -> tuple[int, int] | None:
    """The least and the most that one turn adds to the accumulator; None when that is not clear."""
    match body:
        case Var(name) if name == acc:
            return 0, 0
        case Binary("add", a, b) if not _mentions(b, acc):
            change, step = _change(a, acc), bounds(b)
            return (change[0] + step[0], change[1] + step[1]) if change else None
        case Ite(cond, then, other) if not _mentions(cond, acc):
            first, second = _change(then, acc), _change(other, acc)
            if first is None or second is None:
                return None
            return min(first[0], second[0]), max(first[1], second[1])
        case Let(var, value, inner) if var.name != acc and not _mentions(value, acc):
            return _change(inner, acc)
        case _:
            return None


def _mentions(e: Expr, name: str) -> bool:
    return any(isinstance(x, Var) and x.name == name for x in walk(e))
