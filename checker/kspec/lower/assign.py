"""Assignments: a value into a place, and the operations on sets and sequences."""

from __future__ import annotations

from kspec.lang import ast
from kspec.lang.diagnostics import Failed, did_you_mean
from kspec.lang.source import Span
from kspec.lower import exprs, places
from kspec.lower.calls import wrong_count
from kspec.lower.coerce import coerce
from kspec.lower.scope import BrokenBinding, ConstBinding, Context, Env, ValueBinding, describe, error, unknown
from kspec.lower.values import Place, Value, default_value, of
from kspec.system.expr import Binary, Const, Expr, Ite, Let, Narrow, Read, Var, bounds
from kspec.system.layout import key_dims, leaves
from kspec.system.stmt import Assign, Bind, Stmt, Write
from kspec.types import BOOL, BoolType, RangeType, SeqType, SetType


def target(ctx: Context, env: Env, e: ast.Expr) -> Place:
    """The place that a statement writes; raises Failed (E0401) when ``e`` cannot be assigned."""
    p = places.place(ctx, env, e)
    if p is not None:
        return p
    root = e
    while isinstance(root, ast.Field | ast.Index):
        root = root.base
    if isinstance(root, ast.Name):
        found = ctx.lookup(env, root.name)
        match found:
            case None:
                raise unknown(ctx, env, root.name, root.span)
            case BrokenBinding():
                raise Failed([])
            case ValueBinding():
                raise error(
                    "E0401",
                    f"`{root.name}` cannot be assigned",
                    e.span,
                    "bound by `let`, `choose`, `for` or as a parameter",
                    help="declare it with `var`, or as a `ref` parameter",
                )
            case ConstBinding():
                raise error("E0401", f"`{root.name}` is a constant", e.span)
            case _ if root is e:
                raise error("E0401", f"`{root.name}` is {describe(found)}, not a variable", e.span)
    # A place further in: say what is wrong on the way there.
    exprs.value(ctx, env, e)
    parts = isinstance(e, ast.Field) and e.name in ("size", "len", "first", "last")
    help_ = "use `push`, `pop` and the like, or `s[i] = ...`" if parts else "assign a variable, an element or a field"
    raise error("E0401", "this cannot be assigned", e.span, help=help_)


def checks(p: Place) -> list[Stmt]:
    """Statements that raise what reaching the place can raise."""
    return [Bind(Var("'checked", 1, 1), c, p.site) for c in p.checks]


def store(ctx: Context, p: Place, v: Value, span: Span) -> list[Stmt]:
    """``p = v`` (types already agree)."""
    writes: list[Write] = []
    for k, leaf in enumerate(leaves(p.type)):
        over = tuple(Var(ctx.fresh("k"), d.lo, d.hi, d) for d in leaf.dims)
        writes.append(Write(p.cells[k], (*p.index, *over), v.leaf(k, over), over))
    return [*checks(p), Assign(tuple(writes), ctx.site(span))]


def assignment(ctx: Context, env: Env, t: ast.AssignStmt) -> list[Stmt]:
    """``target op value``."""
    p = target(ctx, env, t.target)
    if t.op == "=":
        v = exprs.value(ctx, env, t.value, p.type)
        return store(ctx, p, coerce(ctx, v, p.type, t.value.span), t.span)
    p = places.inside(ctx, p, t.target.span)
    if isinstance(p.type, SetType):
        op = {"+=": "|", "|=": "|", "-=": "-", "&=": "&"}[t.op]
        v = exprs.value(ctx, env, ast.BinaryExpr(op, t.target, t.value, t.span), p.type)
        return store(ctx, p, coerce(ctx, v, p.type, t.value.span), t.span)
    if isinstance(p.type, BoolType) and t.op in ("|=", "&="):
        other = exprs.boolean(ctx, env, t.value)
        joined = Binary("or" if t.op == "|=" else "and", p.value().expr, other, ctx.site(t.span))
        return store(ctx, p, of(BOOL, joined), t.span)
    if t.op in ("|=", "&="):
        raise error("E0306", f"`{t.op}` needs a set or a bool, found `{p.type}`", t.target.span)
    sign = ast.BinaryExpr(t.op[0], t.target, t.value, t.span)
    v = exprs.value(ctx, env, sign)
    return store(ctx, p, coerce(ctx, v, p.type, t.span), t.span)


def step(ctx: Context, env: Env, t: ast.StepStmt) -> list[Stmt]:
    """``target++`` and ``target--``."""
    one = ast.BinaryExpr(t.op[0], t.target, ast.IntLit(1, t.span), t.span)
    p = target(ctx, env, t.target)
    v = exprs.value(ctx, env, one)
    return store(ctx, p, coerce(ctx, v, p.type, t.span), t.span)


_SEQ = {"push": 1, "push_front": 1, "pop": 0, "pop_back": 0, "insert": 2, "remove": 1, "clear": 0}
_SET = {"add": 1, "remove": 1, "clear": 0}


def method(ctx: Context, env: Env, t: ast.MethodStmt) -> list[Stmt]:
    """``s.push(e);`` and its like."""
    p = places.inside(ctx, target(ctx, env, t.target), t.target.span)
    match p.type:
        case SetType():
            known = _SET
        case SeqType():
            known = _SEQ
        case other:
            raise error("E0402", f"`{other}` has no operations", t.span, help="sets and sequences have")
    if t.method not in known:
        raise error(
            "E0402",
            f"`{p.type}` has no operation `{t.method}`",
            t.span,
            help=did_you_mean(t.method, known) or f"there are {', '.join(known)}",
        )
    if len(t.args) != known[t.method] or any(a.name for a in t.args):
        raise wrong_count("operation", t.method, known[t.method], len(t.args), t.span)
    if t.method == "clear":
        return store(ctx, p, default_value(p.type), t.span)
    if isinstance(p.type, SetType):
        item = exprs.expect(ctx, env, t.args[0].value, p.type.item)
        index = tuple(item.leaf(k, ()) for k in range(len(key_dims(p.type.item))))
        write = Write(p.cells[0], (*p.index, *index), Const(int(t.method == "add")))
        return [*checks(p), Assign((write,), ctx.site(t.span))]
    return [*checks(p), *_sequence(ctx, env, t, p, p.type)]


def _sequence(ctx: Context, env: Env, t: ast.MethodStmt, p: Place, kind: SeqType) -> list[Stmt]:
    """All items are written at once, from the old items, so that vacant ones keep their default."""
    before: list[Stmt] = []
    site = ctx.site(t.span)
    cap = kind.cap
    length = Read(p.cells[0], p.index)
    layout = leaves(kind)
    item: Value | None = None
    adds = t.method in ("push", "push_front", "insert")
    if adds:
        item = exprs.expect(ctx, env, t.args[-1].value, kind.item)
        new_length: Expr = Narrow(Binary("add", length, Const(1)), 0, cap, "index", site)
        last: Expr = length
    else:
        new_length = Narrow(Binary("sub", length, Const(1)), 0, cap, "index", site)
        last = Binary("sub", length, Const(1))
    match t.method:
        case "push" | "pop_back":
            at: Expr = last
        case "push_front" | "pop":
            at = Const(0)
        case _:
            given = exprs.expect(ctx, env, t.args[0].value, RangeType(-(1 << 30), 1 << 30)).expr
            lo, hi = bounds(given)
            i = Var(ctx.fresh("i"), lo, hi)
            inside = Binary("and", Binary("le", Const(0), i), Binary("le", i, last))
            at = Var(ctx.fresh("at"), 0, cap)
            before.append(Bind(at, Let(i, given, Narrow(Ite(inside, i, Const(-1)), 0, cap, "index", site)), site))
    writes = [Write(p.cells[0], p.index, new_length)]
    for k, leaf in enumerate(layout[1:], 1):
        over = tuple(Var(ctx.fresh("k"), d.lo, d.hi, d) for d in leaf.dims)
        j, rest = over[0], over[1:]
        here = Read(p.cells[k], (*p.index, j, *rest))

        def beside(by: int, j: Var = j, rest: tuple[Var, ...] = rest, k: int = k) -> Expr:
            index = Narrow(Binary("add", j, Const(by)), 0, cap - 1, "index", site)
            return Read(p.cells[k], (*p.index, index, *rest))

        vacant = Const(leaf.type.lo)
        if adds:
            assert item is not None
            moved = Ite(Binary("gt", j, at), beside(-1), here)
            value: Expr = Ite(Binary("eq", j, at), item.leaf(k - 1, rest), moved)
        else:
            inner = Ite(Binary("lt", j, at), here, beside(1))
            value = Ite(Binary("ge", j, last), vacant, inner)
        writes.append(Write(p.cells[k], (*p.index, *over), value, over))
    return [*before, Assign(tuple(writes), site)]

