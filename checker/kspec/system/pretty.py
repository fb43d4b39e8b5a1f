"""A transition system as text: what the engines see, readable next to the model it was made from.

Names and operators are those of the language.  Constants are written in the type they are compared with
or stored to, where that is plain to see.  ``narrow(e, lo..hi, kind)`` is the check that raises the error
``kind``; ``fold(acc = e, x in S: e)`` is what counts, sums and extrema are made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kspec.system import effects
from kspec.system.expr import (
    TRUE,
    Binary,
    BinaryOp,
    Cell,
    Const,
    Expr,
    Fold,
    Ite,
    Let,
    Narrow,
    Quant,
    Read,
    Unary,
    Var,
)
from kspec.system.layout import element_name, indices
from kspec.system.model import Action, Property, System
from kspec.system.stmt import Assert, Assign, Bind, Block, Choose, For, If, Require, Stmt, Write
from kspec.system.temporal import NO, YES, And, Formula, Holds, Next, Not, Or, Release, Taken, Until
from kspec.types import BOOL, EnumType, IdType, Scalar, show_scalar

_SIGNS: dict[BinaryOp, str] = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%", "eq": "==", "ne": "!=", "lt": "<",
    "le": "<=", "gt": ">", "ge": ">=", "and": "&&", "or": "||", "implies": "=>",
}  # fmt: skip
_LEVEL: dict[BinaryOp, int] = {
    "implies": 1, "or": 2, "and": 3, "eq": 4, "ne": 4, "lt": 4, "le": 4, "gt": 4, "ge": 4,
    "add": 5, "sub": 5, "mul": 6, "div": 6, "mod": 6,
}  # fmt: skip
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_TIGHT = 7


def system_text(system: System) -> str:
    """The whole system."""
    return "\n".join(_system(system)) + "\n"


def expr_text(e: Expr, t: Scalar | None = None) -> str:
    """An expression; ``t`` is the type that a constant is shown in."""
    return _expr(e, 0, t)


def _system(s: System) -> Iterator[str]:
    yield f"system {s.name}"
    yield f"hash {s.hash}"
    counts = ((s.width, "scalar"), (len(s.state_cells), "cell"), (len(s.actions), "action"))
    yield ", ".join(f"{n} {noun}{'' if n == 1 else 's'}" for n, noun in counts)
    if s.params:
        yield "parameters " + ", ".join(f"{n} = {v}" for n, v in s.params)
    yield ""
    yield from _named_types(s.cells, s.id_types)
    for c in s.cells:
        yield _cell(s, c)
    if s.init.stmts:
        yield ""
        yield "init {"
        yield from _block(s.init, 1)
        yield "}"
    for a in s.actions:
        yield ""
        yield from _action(a)
    yield ""
    for f in s.fairness:
        yield f"{f.kind} fair {f.name}{' at ' + f.label if f.label else ''};"
    for p in s.properties:
        yield from _property(p)
    for e in s.terminal:
        yield f"terminal {_expr(e, 0, None)};"
    for e in s.limits:
        yield f"limit {_expr(e, 0, None)};"
    if not s.deadlock:
        yield "deadlock off;"
    errors = effects.system_errors(s)
    if errors:
        yield f"// errors that can be raised: {', '.join(errors)}"


def _named_types(cells: Iterable[Cell], id_types: Iterable[Scalar]) -> Iterator[str]:
    seen: set[str] = set()
    found = [*id_types, *(t for c in cells for t in (*c.dims, c.type))]
    for t in found:
        base = getattr(t, "base", t)
        if str(base) in seen:
            continue
        match base:
            case EnumType(name, members):
                yield f"enum {name} {{ {', '.join(members)} }}"
            case IdType(name, size, ordered):
                yield f"{'ordered ' if ordered else ''}id {name}[{size}];"
            case _:
                continue
        seen.add(str(base))


def _cell(s: System, c: Cell) -> str:
    name = c.name
    for d in c.dims:
        name = name.replace("[]", f"[{d}\0", 1)
    name = name.replace("\0", "]")
    word = "temp" if c.temp else "cell"
    owner = f"  // local of {c.local_of}" if c.local_of else ""
    return f"{word} {name}: {c.type}{'' if c.temp else _start(s, c)};{owner}"


def _start(s: System, c: Cell) -> str:
    """The initial values: one when all elements have it, else those of each element."""
    at = s.offsets[c.name]
    values = s.start[at : at + c.size]
    if len(set(values)) <= 1:
        return f" = {show_scalar(c.type, values[0])}" if values else ""
    names = [element_name(c, i) for i in indices(c.dims)]
    pairs = ", ".join(f"{n} = {show_scalar(c.type, v)}" for n, v in zip(names, values, strict=True))
    return f" {{ {pairs} }}"


def _action(a: Action) -> Iterator[str]:
    params = ", ".join(f"{v.name}: {t}" for v, t in a.params)
    when = "" if a.guard == TRUE else f" when {_expr(a.guard, 0, None)}"
    yield f"action {a.name}({params}){when} {{"
    if a.process is not None:
        yield f"    // a step of process {a.process}"
    if a.actor is not None:
        yield f"    // actor: {a.params[a.actor][0].name}"
    yield f"    // reads:  {_cells(effects.reads(a))}"
    yield f"    // writes: {_cells(effects.writes(a))}"
    yield from _block(a.body, 1)
    yield "}"


def _cells(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _property(p: Property) -> Iterator[str]:
    match p.kind:
        case "assert":
            yield f"assert {p.name};"
        case "property" if p.refinement is not None:
            abstract = p.refinement.abstract
            names = [element_name(c, i) for c in abstract.state_cells for i in indices(c.dims)]
            yield f"refines {abstract.name} as {p.name} {{"
            yield from (f"    {n} = {_expr(e, 0, None)};" for n, e in zip(names, p.refinement.values, strict=True))
            yield "}"
        case "property":
            yield f"property {p.name}: {'true;' if not p.claims else ''}".rstrip()
            for n, c in enumerate(p.claims, 1):
                bound = "".join(f"{name} = {show_scalar(t, v)}: " for name, t, v in c.bindings)
                yield f"    {bound}{formula_text(c.formula)}{';' if n == len(p.claims) else ' &&'}"
        case _:
            yield f"{p.kind} {p.name}: {_expr(p.expr, 0, BOOL)};"


def formula_text(f: Formula) -> str:
    """A temporal formula."""
    match f:
        case Holds(e):
            return _expr(e, _TIGHT, BOOL)
        case Taken(name, label, args):
            given = ", ".join("_" if a is None else str(a) for a in args)
            return f"taken({name}({given}){'.' + label if label else ''})"
        case Not(a):
            return f"!{formula_text(a)}"
        case Next(a):
            return f"next({formula_text(a)})"
        case And(parts) | Or(parts):
            return "(" + (" && " if isinstance(f, And) else " || ").join(map(formula_text, parts)) + ")"
        case Until(a, b):
            return f"(eventually {formula_text(b)})" if a == YES else f"({formula_text(a)} until {formula_text(b)})"
        case Release(a, b):
            return f"(always {formula_text(b)})" if a == NO else f"({formula_text(a)} release {formula_text(b)})"


def _block(b: Block, depth: int) -> Iterator[str]:
    for s in b.stmts:
        yield from _stmt(s, depth)


def _stmt(s: Stmt, depth: int) -> Iterator[str]:
    pad = "    " * depth
    match s:
        case Assign((write,)):
            yield f"{pad}{_write(write)};"
        case Assign(writes):
            yield f"{pad}together {{ {'; '.join(_write(w) for w in writes)}; }}"
        case Bind(var, value):
            yield f"{pad}let {var.name} = {_expr(value, 0, var.type)};"
        case If(cond, then, other):
            yield f"{pad}if ({_expr(cond, 0, None)}) {{"
            yield from _block(then, depth + 1)
            if other.stmts:
                yield f"{pad}}} else {{"
                yield from _block(other, depth + 1)
            yield f"{pad}}}"
        case For(var, body):
            yield f"{pad}for {_bound(var)} {{"
            yield from _block(body, depth + 1)
            yield f"{pad}}}"
        case Choose(var, where, on_empty):
            suffix = "" if where == TRUE else f" where {_expr(where, 0, None)}"
            empty = (
                "disabled when there is none" if on_empty == "disable" else "error choose when there is none"
            )
            yield f"{pad}choose {_bound(var)}{suffix};  // {empty}"
        case Require(cond):
            yield f"{pad}require {_expr(cond, 0, None)};"
        case Assert(name, cond):
            yield f"{pad}assert {name}: {_expr(cond, 0, None)};"
        case Block():
            yield f"{pad}{{"
            yield from _block(s, depth + 1)
            yield f"{pad}}}"


def _write(w: Write) -> str:
    over = "".join(f"for {_bound(v)}: " for v in w.over)
    return f"{over}{_place(w.cell, w.index)} = {_expr(w.value, 0, w.cell.type)}"


def _place(cell: Cell, index: tuple[Expr, ...]) -> str:
    parts = cell.name.split("[]")
    keys = [f"[{_expr(i, 0, d)}]" for d, i in zip(cell.dims, index, strict=True)]
    return "".join(p + k for p, k in zip(parts, [*keys, ""], strict=True))


def _bound(v: Var) -> str:
    whole = v.type is not None and (v.type.lo, v.type.hi) == (v.lo, v.hi)
    return f"{v.name} in {v.type if whole else f'{v.lo}..{v.hi}'}"


def _type_of(e: Expr) -> Scalar | None:
    match e:
        case Read(cell):
            return cell.type
        case Var():
            return e.type
        case Narrow(value) | Let(_, _, value):
            return _type_of(value)
        case Ite(_, then, other):
            return _type_of(then) or _type_of(other)
        case Quant() | Unary("not", _):
            return BOOL
        case Binary(op) if _LEVEL[op] < _LEVEL["add"]:
            return BOOL
        case _:
            return None


def _expr(e: Expr, level: int, t: Scalar | None) -> str:
    """The text of an expression in a place that binds as tightly as ``level``."""
    match e:
        case Const(value):
            return _const(value, t)
        case Var(name):
            return name
        case Read(cell, index, old):
            return f"old({_place(cell, index)})" if old else _place(cell, index)
        case Unary(op, a):
            return f"{'!' if op == 'not' else '-'}{_expr(a, _TIGHT, None)}"
        case Binary(op, a, b):
            return _binary(op, a, b, level)
        case Ite(c, a, b):
            return _wrap(f"{_expr(c, 1, None)} ? {_expr(a, 1, t)} : {_expr(b, 0, t)}", level > 0)
        case Let(var, value, body):
            text = f"let {var.name} = {_expr(value, 0, var.type)} in {_expr(body, 0, t)}"
            return _wrap(text, level > 0)
        case Quant(op, var, body):
            return _wrap(f"{op} {_bound(var)}: {_expr(body, 0, None)}", level > 0)
        case Fold(acc, init, var, body):
            start = f"{acc.name} = {_expr(init, 0, acc.type)}"
            return f"fold({start}, {_bound(var)}: {_expr(body, 0, acc.type)})"
        case Narrow(value, lo, hi, kind):
            return f"narrow({_expr(value, 0, None)}, {lo}..{hi}, {kind})"


def _binary(op: BinaryOp, a: Expr, b: Expr, level: int) -> str:
    mine = _LEVEL[op]
    left = right = None
    if op in _COMPARISONS:
        left, right = _type_of(b), _type_of(a)
    elif op in ("and", "or", "implies"):
        left = right = BOOL
    tight_left = mine + 1 if op in _COMPARISONS or op == "implies" else mine
    tight_right = mine if op in ("and", "or", "implies") else mine + 1
    text = f"{_expr(a, tight_left, left)} {_SIGNS[op]} {_expr(b, tight_right, right)}"
    return _wrap(text, mine < level)


def _const(value: int, t: Scalar | None) -> str:
    if t is None:
        return str(value)
    return show_scalar(t, value) if t.lo <= value <= t.hi else str(value)


def _wrap(text: str, needed: bool) -> str:
    return f"({text})" if needed else text
