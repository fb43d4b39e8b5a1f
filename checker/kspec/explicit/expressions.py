"""C code of expressions.

An expression becomes a ``Val``: C text without side effects, after statements that do what text cannot
(checks that can fail, loops, lets).  Text may be evaluated later than where it was made, or not at all:
it has no effects, cannot fail, and what it reads does not change before the end of the statement.

Arithmetic is done in the smallest C type that the intervals of operands and result fit, so it never
overflows.  An index or a value that intervals do not show to be inside its type is checked when the code
runs: being outside is a fault of whoever built the system (``fault``), never memory corruption.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from kspec.explicit.analysis import can_fail, operands, stays
from kspec.explicit.emitter import Emitter, Val, c_type, constant, literal
from kspec.explicit.fields import Field, Unsupported, strides
from kspec.system.expr import (
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
    Site,
    Unary,
    Var,
    bounds,
)

C_OPS: Mapping[str, str] = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%",
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
}  # fmt: skip
SAME: Mapping[str, int] = {"eq": 1, "le": 1, "ge": 1, "ne": 0, "lt": 0, "gt": 0}
"""What a comparison of a value with itself gives."""

Fail = Callable[[str, Site], str]
"""Gives the C statement that raises the error of a kind at a site."""


@dataclass(frozen=True)
class Scope:
    """Where expressions are evaluated: the function being generated and the names in it.

    ``now`` and ``old`` are the C names of the packed states that are read; ``temps`` of temporary cells.
    """

    out: Emitter
    fields: Mapping[str, Field]
    now: str
    fail: Fail
    fault: str
    old: str = ""
    temps: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, Val] = field(default_factory=dict)

    def bind(self, var: Var, value: Val) -> Scope:
        """The scope in which ``var`` has the given value."""
        return replace(self, names={**self.names, var.name: value})

    def loop(self, var: Var) -> tuple[Scope, str]:
        """The scope in which ``var`` is the counter of a loop over its values, and the head of the loop."""
        name = self.out.local(var.lo, var.hi + 1)
        head = f"for ({name} = {literal(var.lo)}; {name} <= {literal(var.hi)}; {name}++)"
        return self.bind(var, Val(name, var.lo, var.hi)), head


def evaluate(e: Expr, scope: Scope) -> Val:
    """The value of an expression; statements go to ``scope.out``."""
    match e:
        case Const(number):
            return constant(number)
        case Var(name):
            if name not in scope.names:
                raise Unsupported("a variable that is not in scope")
            return scope.names[name]
        case Read():
            return _read(e, scope)
        case Unary("not", a):
            v = evaluate(a, scope)
            return constant(1 - v.lo) if v.constant else scope.out.short(Val(f"(!{v.text})", 0, 1))
        case Unary(_, a):
            v = evaluate(a, scope)
            if v.constant:
                return constant(-v.lo)
            wide = c_type(min(v.lo, -v.hi), max(v.hi, -v.lo))
            return scope.out.short(Val(f"(-({wide}){v.text})", -v.hi, -v.lo))
        case Binary("and" | "or" as op):
            return _chain(op, operands(e, op), scope)
        case Binary("implies", a, b):
            return _chain("or", [Unary("not", a), b], scope)
        case Binary("add"):
            first, *rest = operands(e, "add")
            total = evaluate(first, scope)
            for x in rest:
                total = _arithmetic("add", total, evaluate(x, scope), Site(), scope)
            return total
        case Binary(op, a, b, site):
            left = evaluate(a, scope)
            return _arithmetic(op, left, evaluate(b, scope), site, scope)
        case Ite():
            return _ite(e, scope)
        case Let():
            rest_: Expr = e
            while isinstance(rest_, Let):
                value = within(evaluate(rest_.value, scope), rest_.var.lo, rest_.var.hi, scope)
                scope = scope.bind(rest_.var, scope.out.keep(value))
                rest_ = rest_.body
            return evaluate(rest_, scope)
        case Quant():
            return _quant(e, scope)
        case Fold():
            return _fold(e, scope)
        case Narrow(value, lo, hi, kind, site):
            return _narrow(evaluate(value, scope), lo, hi, scope.fail(kind, site), scope)


def within(v: Val, lo: int, hi: int, scope: Scope) -> Val:
    """``v``, which the contract of the transition system says to lie in ``lo..hi``; checked unless clear."""
    if lo <= v.lo and v.hi <= hi:
        return v
    return _narrow(v, lo, hi, f"goto {scope.fault};", scope)


def position(cell: Cell, index: tuple[Expr, ...], scope: Scope) -> Val:
    """The row-major position of an element within its cell."""
    if len(index) != len(cell.dims):
        raise Unsupported("an element with the wrong number of indices")
    fixed, terms = 0, []
    for dim, i, stride in zip(cell.dims, index, strides(cell)):
        v = within(evaluate(i, scope), dim.lo, dim.hi, scope)
        if v.constant:
            fixed += (v.lo - dim.lo) * stride
            continue
        fixed -= dim.lo * stride
        terms.append(v.text if stride == 1 else f"{v.text} * {stride}")
    if not terms:
        return constant(fixed)
    if fixed:
        terms.append(literal(fixed))
    text = terms[0] if len(terms) == 1 and terms[0].isidentifier() else f"({' + '.join(terms)})"
    return scope.out.short(Val(text, 0, cell.size - 1))


def load(cell: Cell, at: Val, state: str, scope: Scope) -> Val:
    """The element of a state cell at a position, from the packed state named ``state``."""
    f = scope.fields[cell.name]
    lo, hi = cell.type.lo, cell.type.hi
    if f.bits == 0:
        return constant(lo)
    if at.constant:
        word, shift = (str(x) for x in f.at(at.lo))
    else:
        if not f.one_word:
            at = scope.out.keep(at)
        word, shift = f.place(at.text)
    moved = f"{state}[{word}]" if shift == "0" else f"({state}[{word}] >> {shift})"
    text = f"({c_type(min(lo, 0), max(hi, hi - lo))})({moved} & {f.mask})"
    return Val(f"({text} + {literal(lo)})" if lo else f"({text})", lo, hi)


def _read(e: Read, scope: Scope) -> Val:
    cell = e.cell
    at = position(cell, e.index, scope)
    if cell.temp:
        if cell.name not in scope.temps or e.old:
            raise Unsupported("a temporary that is read outside its step")
        text = f"{scope.temps[cell.name]}[{at.text}]"
        return Val(text, cell.type.lo, cell.type.hi)
    if cell.name not in scope.fields:
        raise Unsupported("a cell that is not in the system")
    return load(cell, at, scope.old if e.old else scope.now, scope)


def _narrow(v: Val, lo: int, hi: int, otherwise: str, scope: Scope) -> Val:
    if lo <= v.lo and v.hi <= hi:
        return v
    if v.hi < lo or v.lo > hi:
        scope.out.line(otherwise)
        return Val(literal(lo), lo, lo)
    v = scope.out.keep(v)
    tests = []
    if v.lo < lo:
        tests.append(f"{v.text} < {literal(lo)}")
    if v.hi > hi:
        tests.append(f"{v.text} > {literal(hi)}")
    scope.out.line(f"if (RARE({' || '.join(tests)})) {{ {otherwise} }}")
    return Val(v.text, max(lo, v.lo), min(hi, v.hi))


def _arithmetic(op: BinaryOp, a: Val, b: Val, site: Site, scope: Scope) -> Val:
    left, right = Var("", a.lo, a.hi), Var("", b.lo, b.hi)
    if op in ("div", "mod"):
        if b.lo <= 0 <= b.hi:
            b = scope.out.keep(b)
            scope.out.line(f"if (RARE({b.text} == 0)) {{ {scope.fail('div', site)} }}")
            if b.constant:
                return constant(0)
        lo, hi = bounds(Binary("div", left, right))  # the smallest integer has no remainder by -1 in C
        wide = c_type(min(lo, a.lo), max(hi, a.hi))
        lo, hi = bounds(Binary(op, left, right))
    elif op in SAME:
        if a.text == b.text and not a.constant:
            return constant(SAME[op])
        lo, hi, wide = 0, 1, "i32"
        if a.hi < b.lo or b.hi < a.lo or (a.constant and b.constant):
            decided = _compare(op, a, b)
            if decided is not None:
                return constant(decided)
    else:
        lo, hi = bounds(Binary(op, left, right))
        if a.constant and b.constant:
            return constant(lo)
        wide = c_type(lo, hi)
    first = f"(i64){a.text}" if wide == "i64" and a.type == "i32" else a.text
    return scope.out.short(Val(f"({first} {C_OPS[op]} {b.text})", lo, hi))


def _compare(op: str, a: Val, b: Val) -> int | None:
    """The truth of a comparison that intervals decide."""
    below, above = a.hi < b.lo, a.lo > b.hi
    equal = a.constant and b.constant and a.lo == b.lo
    if not (below or above or equal):
        return None
    return int(
        {
            "eq": equal, "ne": not equal, "lt": below, "le": below or equal,
            "gt": above, "ge": above or equal,
        }[op]
    )  # fmt: skip


def _chain(op: str, parts: list[Expr], scope: Scope) -> Val:
    """``and`` and ``or``: an operand that needs statements is evaluated only where it matters."""
    out = scope.out
    neutral = 1 if op == "and" else 0
    glue = " && " if op == "and" else " || "
    texts: list[str] = []
    for part in parts:
        with out.capture() as captured:
            v = evaluate(part, scope)
        if captured.lines and texts:
            result = out.local(0, 1)
            joined = glue.join(texts)
            out.line(f"{result} = ({joined});")
            with out.block(f"if ({result})" if op == "and" else f"if (!{result})"):
                out.lines += captured.lines
                out.line(f"{result} = {v.text};")
            texts = [result]
            continue
        out.lines += captured.lines
        if v.constant and bool(v.lo) == bool(neutral):
            continue
        texts.append(v.text)
        if v.constant:
            break
        if sum(map(len, texts)) > 200:
            texts = [out.keep(Val(f"({glue.join(texts)})", 0, 1)).text]
    if not texts:
        return constant(neutral)
    if texts[-1] in ("0", "1") and len(texts) == 1:
        return constant(int(texts[0]))
    return Val(texts[0] if len(texts) == 1 else f"({glue.join(texts)})", 0, 1)


def _ite(e: Ite, scope: Scope) -> Val:
    out = scope.out
    arms: list[tuple[list[str], Val, list[str], Val]] = []
    rest: Expr = e
    while isinstance(rest, Ite):
        with out.capture() as before:
            cond = evaluate(rest.cond, scope)
        with out.capture() as inside:
            then = evaluate(rest.then, scope)
        if cond.constant and cond.lo == 0 and not before.lines:
            rest = rest.other
            continue
        arms.append((before.lines, cond, inside.lines, then))
        if cond.constant and cond.lo:
            break
        rest = rest.other
    always = bool(arms) and arms[-1][1].constant and bool(arms[-1][1].lo)
    with out.capture() as after:
        last = constant(0) if always else evaluate(rest, scope)
    values = [a[3] for a in arms] + ([] if always else [last])
    lo, hi = min(v.lo for v in values), max(v.hi for v in values)
    if not arms:
        out.lines += after.lines
        return last
    if len(arms) == 1 and not arms[0][2] and not after.lines and not arms[0][1].constant:
        before_lines, cond, _, then = arms[0]
        out.lines += before_lines
        return out.short(Val(f"({cond.text} ? {then.text} : {last.text})", lo, hi))
    result = out.local(lo, hi)
    with out.block("do"):
        for before_lines, cond, inside_lines, then in arms:
            out.lines += before_lines
            if cond.constant and cond.lo:
                out.lines += inside_lines
                out.line(f"{result} = {then.text};")
                break
            with out.block(f"if ({cond.text})"):
                out.lines += inside_lines
                out.line(f"{result} = {then.text};")
                out.line("break;")
        else:
            out.lines += after.lines
            out.line(f"{result} = {last.text};")
    out.lines[-1] += " while (0);"
    return Val(result, lo, hi)


def _quant(e: Quant, scope: Scope) -> Val:
    """All elements are looked at when one may fail; else up to the first that decides."""
    out = scope.out
    neutral = 1 if e.op == "forall" else 0
    if e.var.lo > e.var.hi:
        return constant(neutral)
    inner, head = scope.loop(e.var)
    leave = "" if can_fail(e.body) else " break;"
    result = out.local(0, 1)
    out.line(f"{result} = {neutral};")
    with out.block(head):
        v = evaluate(e.body, inner)
        test = f"!{v.text}" if neutral else v.text
        out.line(f"if ({test}) {{ {result} = {1 - neutral};{leave} }}")
    return Val(result, 0, 1)


def _fold(e: Fold, scope: Scope) -> Val:
    out = scope.out
    acc = out.local(e.acc.lo, e.acc.hi)
    out.line(f"{acc} = {within(evaluate(e.init, scope), e.acc.lo, e.acc.hi, scope).text};")
    if e.var.lo <= e.var.hi:
        bound = scope.bind(e.acc, Val(acc, e.acc.lo, e.acc.hi))
        inner, head = bound.loop(e.var)
        with out.block(head):
            v = evaluate(e.body, inner)
            if not stays(e):
                v = within(v, e.acc.lo, e.acc.hi, inner)
            out.line(f"{acc} = {v.text};")
    return Val(acc, e.acc.lo, e.acc.hi)
