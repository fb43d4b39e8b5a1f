"""The wording of clauses: sets of values as comparisons, names of variables, text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from kspec.system.expr import Binary, BinaryOp, Const, Expr, Unary, Var
from kspec.system.model import System
from kspec.system.pretty import expr_text
from kspec.types import EnumType, IdType, OptType, RangeType

_OPPOSITE: Mapping[BinaryOp, BinaryOp] = {
    "eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt",
}  # fmt: skip


def chain(op: BinaryOp, parts: Sequence[Expr]) -> Expr:
    """The parts joined by one operator; there is at least one."""
    out = parts[0]
    for p in parts[1:]:
        out = Binary(op, out, p)
    return out


def negated(e: Expr) -> Expr:
    """The negation, pushed into comparisons and chains of them."""
    match e:
        case Binary(op, a, b) if op in _OPPOSITE:
            return Binary(_OPPOSITE[op], a, b)
        case Binary("or", a, b):
            return Binary("and", negated(a), negated(b))
        case Binary("and", a, b):
            return Binary("or", negated(a), negated(b))
        case Unary("not", a):
            return a
        case _:
            return Unary("not", e)


def member(read: Expr, values: Iterable[int]) -> Expr:
    """That something has one of the values."""
    return chain("or", [Binary("eq", read, Const(v)) for v in sorted(values)])


def intervals(read: Expr, t: RangeType, values: Iterable[int]) -> Expr:
    """The same, for a range: runs of values are compared with their ends."""
    return chain("or", [_interval(read, t, a, b) for a, b in _runs(sorted(values))])


def _interval(read: Expr, t: RangeType, a: int, b: int) -> Expr:
    if a == b:
        return Binary("eq", read, Const(a))
    low, high = Binary("ge", read, Const(a)), Binary("le", read, Const(b))
    if a == t.lo:
        return high
    return low if b == t.hi else Binary("and", low, high)


def _runs(values: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] != values[i - 1] + 1:
            yield values[start], values[i - 1]
            start = i


def fresh(t: IdType, used: Collection[str], alone: bool) -> Var:
    """A variable for an identity; ``alone``: the only one of its type, so that it needs no number."""
    letter = t.name[0].lower()
    number = 0 if alone else 1
    while (name := f"{letter}{number or ''}") in used:
        number += 1
    return Var(name, t.lo, t.hi, t)


def identifiers(system: System) -> frozenset[str]:
    """Names that a variable must not have, so that the text can be pasted into the model."""
    out = {v.name for v in system.variables} | {n for n, _ in system.params}
    out |= {a.process for a in system.actions if a.process is not None}
    for c in system.cells:
        out |= set(c.name.replace("[]", "").split("."))
        for t in (*c.dims, c.type):
            base = t.base if isinstance(t, OptType) else t
            if isinstance(base, EnumType):
                out |= set(base.members)
    return frozenset(out)


def text_of(system: System, body: Expr, variables: Sequence[Var]) -> str:
    """The text of a clause about all values of the variables that differ from one another."""
    text = _with_places(system, expr_text(body))
    if not variables:
        return text
    parts: list[str] = []
    for i, v in enumerate(variables):
        apart = [Binary("ne", v, other) for other in variables[:i] if other.type == v.type]
        where = f" where {expr_text(chain('and', apart))}" if apart else ""
        parts.append(f"{v.name} in {v.type}{where}")
    return f"forall {', '.join(parts)}: {text}"


def _with_places(system: System, text: str) -> str:
    """Where processes are, as the language says it."""
    for cell in system.state_cells:
        process = cell.local_of
        if process is not None and str(cell.type) == f"{process}.pc" and cell.name.endswith(".pc"):
            here = rf"\b({re.escape(process)}(?:\[\w+\])?)\.pc"
            text = re.sub(rf"{here} == ([\w+]+)", r"\1 at \2", text)
            text = re.sub(rf"{here} != ([\w+]+)", r"!(\1 at \2)", text)
    return text
