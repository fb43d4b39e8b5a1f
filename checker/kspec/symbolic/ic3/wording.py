"""The wording of clauses: sets of values as comparisons, names of variables, text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kspec.system.expr import Binary, BinaryOp, Const, Expr, Quant, Unary, Var
from kspec.system.model import System
from kspec.system.pretty import expr_text
from kspec.types import EnumType, IdType, MapType, OptType, RangeType, SeqType, SetType, StructType, Type, is_scalar

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


@dataclass(frozen=True)
class Chosen:
    """A variable that a clause is about: for any identity other than those chosen before, or (``place``) for
    that one of an ordered type."""

    var: Var
    place: int | None = None


def for_all(body: Expr, chosen: Sequence[Chosen]) -> Expr:
    """A clause about all values of the variables."""
    for i in reversed(range(len(chosen))):
        c = chosen[i]
        pinned: list[Expr] = [Binary("eq", c.var, Const(c.place))] if c.place is not None else []
        body = Quant("forall", c.var, under([*pinned, *_apart(c, chosen[:i])], body))
    return body


def text_of(system: System, body: Expr, chosen: Sequence[Chosen]) -> str:
    """The text of the same."""
    text = _as_written(system, expr_text(body))
    if not chosen:
        return text
    parts: list[str] = []
    for i, c in enumerate(chosen):
        where = [f"ord({c.var.name}) == {c.place}"] if c.place is not None else []
        where += map(expr_text, _apart(c, chosen[:i]))
        only = f" where {' && '.join(where)}" if where else ""
        parts.append(f"{c.var.name} in {c.var.type}{only}")
    return f"forall {', '.join(parts)}: {text}"


def under(conditions: Sequence[Expr], body: Expr) -> Expr:
    """The body, where all the conditions hold."""
    return Binary("implies", chain("and", conditions), body) if conditions else body


def _apart(c: Chosen, before: Sequence[Chosen]) -> list[Expr]:
    return [Binary("ne", c.var, b.var) for b in before if c.place is None and b.var.type == c.var.type]


def _as_written(system: System, text: str) -> str:
    """The text of an expression over cells, with places of processes and members of sets as the language says
    them."""
    index = r"\[[\w#-]+\]"
    for cell in system.state_cells:
        process = cell.local_of
        if process is not None and str(cell.type) == f"{process}.pc" and cell.name.endswith(".pc"):
            here = rf"\b({re.escape(process)}(?:{index})?)\.pc"
            text = re.sub(rf"{here} == ([\w+]+)", r"\1 at \2", text)
            text = re.sub(rf"{here} != ([\w+]+)", r"!(\1 at \2)", text)
    for name in _sets(system):
        place = index.join(map(re.escape, name.split("[]")[:-1]))
        text = re.sub(rf"(!?)(?<![\w.])({place})\[([\w#-]+)\]", _membership, text)
    return text


def _membership(m: re.Match[str]) -> str:
    """``s[x]`` where ``s`` is a set."""
    said = f"{m[3]} in {m[2]}"
    before, after = m.string[: m.start()], m.string[m.end() :]
    compared = before.endswith(("== ", "!= ")) or after.startswith((" ==", " !="))
    return f"{m[1]}({said})" if m[1] or compared else said


def _sets(system: System) -> list[str]:
    """The cells that are sets of scalars."""
    found: list[str] = []
    for v in system.variables:
        found += (c.name for c, is_set in zip(v.cells, _set_leaves(v.type), strict=True) if is_set)
    return found


def _set_leaves(t: Type) -> list[bool]:
    """For every leaf of a type (``kspec.system.layout``), whether it is a set of scalars."""
    match t:
        case StructType(_, fields):
            return [x for _, ft in fields for x in _set_leaves(ft)]
        case MapType(_, value):
            return _set_leaves(value)
        case SetType(item):
            return [is_scalar(item)]
        case SeqType(item):
            return [False, *_set_leaves(item)]
        case OptType(base) if not is_scalar(t):
            return [False, *_set_leaves(base)]
        case _:
            return [False]
