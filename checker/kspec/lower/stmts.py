"""Elaboration of statements that are part of one atomic step."""

from __future__ import annotations

from dataclasses import dataclass

from kspec.lang import ast
from kspec.lang.source import Span
from kspec.lower import assign, exprs, places
from kspec.lower.binders import Bound, bind, conjunction
from kspec.lower.calls import check_count, size
from kspec.lower.coerce import coerce
from kspec.lower.order import depends_on_order
from kspec.lower.scope import (
    BrokenBinding,
    Context,
    DeclBinding,
    Env,
    PlaceBinding,
    ValueBinding,
    describe,
    error,
    unknown,
)
from kspec.lower.types import resolve
from kspec.lower.values import EmptyTag, NoneTag, Place, Value, ValueType, default_value, has_default, of
from kspec.system.expr import Binary, Const, Expr, Narrow, Quant, Read, Site, Unary, Var, bounds
from kspec.system.layout import cells_of, leaves
from kspec.system.rewrite import cells_written, reads_of
from kspec.system.stmt import Assert, Assign, Bind, Block, Choose, For, If, Require, Shown, Stmt, Write
from kspec.types import BOOL, IdType, OptType, RangeType, Type, is_scalar, scalar


@dataclass(frozen=True)
class Frame:
    """What a body may do: leave it early (``returned`` is set then)."""

    returned: Place | None = None


def body(ctx: Context, env: Env, stmts: tuple[ast.Stmt, ...]) -> Block:
    """The block of a whole body: of an action, an init, a procedure, an atomic step."""
    if not returns(stmts):
        return block(ctx, env, stmts, Frame())
    flag = temporary(ctx, "returned", BOOL)
    start = Assign((Write(flag.cells[0], (), Const(0)),))
    return Block((start, *block(ctx, env, stmts, Frame(flag)).stmts))


def block(ctx: Context, env: Env, stmts: tuple[ast.Stmt, ...], frame: Frame) -> Block:
    """Statements in order; names that one declares are visible in the rest.

    A statement that fails is noted and the rest is looked at, so that one run shows several errors.
    """
    from kspec.lang.diagnostics import Failed

    out: list[Stmt] = []
    for k, t in enumerate(stmts):
        try:
            env, made = statement(ctx, env, t, frame)
        except Failed as failed:
            ctx.report(failed)
            env = _declare_anyway(ctx, env, t)
            continue
        out += made
        if frame.returned is not None and returns((t,)) and k + 1 < len(stmts):
            rest = block(ctx, env, stmts[k + 1 :], frame)
            out.append(If(Unary("not", frame.returned.read(0, ())), rest, Block()))
            break
    return Block(tuple(out))


def statement(ctx: Context, env: Env, t: ast.Stmt, frame: Frame) -> tuple[Env, list[Stmt]]:
    """One statement; gives the scope for what follows."""
    match t:
        case ast.AssignStmt():
            return env, assign.assignment(ctx, env, t)
        case ast.StepStmt():
            return env, assign.step(ctx, env, t)
        case ast.MethodStmt():
            return env, assign.method(ctx, env, t)
        case ast.CallStmt():
            return env, inline(ctx, env, t)
        case ast.IfStmt(cond, then, other, span):
            c = exprs.boolean(ctx, env, cond, "condition")
            return env, [If(c, block(ctx, env, then, frame), block(ctx, env, other, frame), ctx.site(cond.span))]
        case ast.ForStmt():
            return env, for_loop(ctx, env, t, frame)
        case ast.AtomicStmt(inner):
            return env, list(block(ctx, env, inner, frame).stmts)
        case ast.LetStmt():
            return let(ctx, env, t)
        case ast.LocalStmt():
            return local(ctx, env, t)
        case ast.ChooseStmt(binder, span):
            return choose(ctx, env, binder, ctx.site(span))
        case ast.RequireStmt(cond, _, span):
            return env, [Require(exprs.boolean(ctx, env, cond), ctx.site(cond.span))]
        case ast.AssertStmt():
            return env, [assertion(ctx, env, t)]
        case ast.JumpStmt("skip"):
            return env, []
        case ast.JumpStmt("return"):
            assert frame.returned is not None
            return env, [Assign((Write(frame.returned.cells[0], (), Const(1)),), ctx.site(t.span))]
        case ast.WhileStmt():
            raise error(
                "E0410",
                "a loop without a static bound in an atomic step",
                t.span,
                help="use `for x in a..b`; `while` and `loop` are for processes, outside `atomic`",
            )
        case ast.EitherStmt():
            raise error("E0410", "`either` in an atomic step", t.span, help="use `choose` and `if`")
        case ast.LabelStmt(name, span):
            raise error("E0410", f"label `{name}` in an atomic step", span, help="labels are for processes")
        case ast.JumpStmt(op, _, span):
            raise error("E0410", f"`{op}` in an atomic step", span, help=f"`{op}` is for processes, outside `atomic`")


def temporary(ctx: Context, name: str, t: Type) -> Place:
    """A place that lives inside one step."""
    cells = cells_of(ctx.fresh(f"'{name}"), t, temp=True)
    ctx.add_temps(cells)
    return Place(t, cells, ())


def let(ctx: Context, env: Env, t: ast.LetStmt) -> tuple[Env, list[Stmt]]:
    """``let x = e;``: scalars become bound variables, others a copy."""
    want = resolve(ctx, env, t.type) if t.type is not None else None
    v = exprs.value(ctx, env, t.value, want)
    if want is not None:
        v = coerce(ctx, v, want, t.value.span)
    kind = known(v.type, t.value.span)
    return bind_value(ctx, env, t.name, kind, v, t.span)


def bind_value(ctx: Context, env: Env, name: str, t: Type, v: Value, span: Span) -> tuple[Env, list[Stmt]]:
    """Binds a name to a value that is evaluated now."""
    if is_scalar(t):
        lo, hi = bounds(v.expr)
        shown = RangeType(lo, hi) if isinstance(t, RangeType) else scalar(t)
        if isinstance(v.expr, Const | Var):  # another name for it: also in the eyes of kspec.lower.order
            return env.bind(name, ValueBinding(of(shown, v.expr))), []
        var = Var(ctx.fresh(name), min(lo, hi), max(lo, hi), shown)
        return env.bind(name, ValueBinding(of(shown, var))), [Bind(var, v.expr, ctx.site(span))]
    copy = temporary(ctx, name, t)
    return env.bind(name, ValueBinding(copy.value())), assign.store(ctx, copy, v, span)


def known(t: ValueType, span: Span) -> Type:
    """``t`` as a type; Failed (E0302) for a bare ``none``, ``{}`` or ``[]``."""
    if isinstance(t, NoneTag | EmptyTag):
        raise error("E0302", "the type of this is not known", span, help="give it: `let x: T = ...`")
    return t


def local(ctx: Context, env: Env, t: ast.LocalStmt) -> tuple[Env, list[Stmt]]:
    """``var x: T = e;`` inside a step."""
    kind = resolve(ctx, env, t.type)
    if t.value is None and not has_default(kind):
        help_ = "give it one, or make it optional: `T?`"
        raise error("E0346", f"`{t.name}` holds an identity and has no value", t.span, help=help_)
    v = initial_value(ctx, env, t.value, kind)
    p = temporary(ctx, t.name, kind)
    return env.bind(t.name, PlaceBinding(p)), assign.store(ctx, p, v, t.span)


def initial_value(ctx: Context, env: Env, e: ast.Expr | None, kind: Type) -> Value:
    """The declared value, or the default.  ``var x[K]: T = e`` gives e to every element."""
    from kspec.types import MapType

    if e is None:
        return default_value(kind)
    v = exprs.value(ctx, env, e, kind if _gives_map(e) else element_type(kind))
    if isinstance(kind, MapType) and v.type != kind and not isinstance(v.type, MapType):
        inner = element_type(kind)
        each = coerce(ctx, v, inner, e.span)
        outer = len(leaves(kind)[0].dims) - len(leaves(inner)[0].dims)
        return Value(kind, lambda k, i: each.leaf(k, i[outer:]))
    return coerce(ctx, v, kind, e.span)


def _gives_map(e: ast.Expr) -> bool:
    """Whether an expression is written as a map, so that it is meant for the whole."""
    match e:
        case ast.Conditional(_, then, other):
            return _gives_map(then) or _gives_map(other)
        case _:
            return isinstance(e, ast.MapLit)


def element_type(t: Type) -> Type:
    """The type at the end of nested maps."""
    from kspec.types import MapType

    while isinstance(t, MapType):
        t = t.value
    return t


def choose(
    ctx: Context, env: Env, binder: ast.Binder, site: Site, empty: str = "error"
) -> tuple[Env, list[Stmt]]:
    """``choose x in S where p;``: a struct is chosen field by field, so that some choice stays possible."""
    bound, inner = bind(ctx, env, (binder,))
    b = bound[0]
    cond = conjunction(b.conds)
    out: list[Stmt] = []
    for k, v in enumerate(b.vars):
        where: Expr = cond
        for later in reversed(b.vars[k + 1 :]):
            where = Quant("exists", later, where, site)
        out.append(Choose(v, where, "error" if empty == "error" else "disable", site))
    return inner, out


def assertion(ctx: Context, env: Env, t: ast.AssertStmt) -> Stmt:
    """``assert NAME: e, "message";``."""
    known_at = ctx.asserts.setdefault(t.name, t.span)
    if known_at != t.span:
        from kspec.lang.diagnostics import Note

        raise error(
            "E0210",
            f"assertion `{t.name}` is declared twice",
            t.span,
            notes=(Note(known_at, "first here"),),
            help="give each assertion a name of its own",
        )
    cond = exprs.boolean(ctx, env, t.cond)
    return Assert(t.name, cond, message(ctx, env, t.message), ctx.site(t.cond.span))


def message(ctx: Context, env: Env, m: ast.Message | None) -> tuple[str | Shown, ...]:
    """The parts of a message."""
    out: list[str | Shown] = []
    for part in m.parts if m else ():
        if isinstance(part, str):
            out.append(part)
            continue
        v = exprs.value(ctx, env, part)
        if isinstance(v.type, NoneTag | EmptyTag) or not is_scalar(v.type):
            raise error("E0318", "only scalars can be shown in a message", part.span, f"this is `{v.type}`")
        out.append(Shown(v.expr, v.type))
    return tuple(out)


def for_loop(ctx: Context, env: Env, t: ast.ForStmt, frame: Frame) -> list[Stmt]:
    """``for x in S where p { }``; what S and p say is settled before the first iteration."""
    bound, inner = bind(ctx, env, (t.binder,))
    b = bound[0]
    site = ctx.site(t.span)
    steps = block(ctx, inner, t.body, frame)
    if frame.returned is not None and returns(t.body):
        steps = Block((If(Unary("not", frame.returned.read(0, ())), steps, Block()),))
    before: list[Stmt] = []
    cond = conjunction(b.conds)
    if b.conds:
        read = {r.cell.name for r in reads_of(cond)}
        if read & cells_written(steps):
            before, cond = _settle(ctx, b, cond, site)
        steps = Block((If(cond, steps, Block(), ctx.site(t.binder.span)),))
    for v in b.vars:
        if isinstance(v.type, IdType) and not v.type.ordered:
            culprit = depends_on_order(steps, v)
            if culprit is not None:
                what = f"the writes to `{culprit.cell.name}`" if isinstance(culprit, Write) else "a choice"
                raise error(
                    "E0420",
                    f"this loop over `{v.type}` depends on the order of the identities",
                    t.binder.span,
                    f"{what} may come out differently",
                    help="write elements indexed by the loop's identity, use commutative updates, "
                    "or declare the type `ordered id`",
                )
    for v in reversed(b.vars):
        steps = Block((For(v, steps, site),))
    return [*before, *steps.stmts]


def _settle(ctx: Context, b: Bound, cond: Expr, site: Site) -> tuple[list[Stmt], Expr]:
    """A copy of the loop's elements, for a body that changes what they depend on."""
    from kspec.system.expr import Cell

    dims = tuple(v.type if v.type is not None else RangeType(v.lo, v.hi) for v in b.vars)
    cell = Cell(ctx.fresh("'todo") + "[]" * len(dims), dims, BOOL, temp=True)
    ctx.add_temps((cell,))
    return [Assign((Write(cell, b.vars, cond, b.vars),), site)], Binary("eq", Read(cell, b.vars), Const(1))


def inline(ctx: Context, env: Env, t: ast.CallStmt) -> list[Stmt]:
    """A procedure call inside a step: its body, with the arguments bound."""
    found = ctx.lookup(env, t.name)
    match found:
        case DeclBinding(ast.ProcDecl() as decl, module):
            pass
        case None:
            raise unknown(ctx, env, t.name, t.span, "procedure")
        case DeclBinding(ast.FunDecl()):
            raise error("E0403", f"`{t.name}` is a function: its value is not used", t.span)
        case _:
            raise error("E0403", f"`{t.name}` is {describe(found)}, not a procedure", t.span)
    if decl.name in env.calls:
        raise error("E0333", f"`{decl.name}` is recursive", t.span, help=" -> ".join((*env.calls, decl.name)))
    check_count(t, len(decl.params), "procedure")
    ctx.spend(size(decl.body), env, t.span)
    inner = env.entering(decl.name, module)
    out: list[Stmt] = []
    for p, a in zip(decl.params, t.args, strict=True):
        assert p.type is not None
        kind = resolve(ctx, Env(module), p.type)
        if p.ref:
            place, fixed = reference(ctx, env, a, kind, p.name)
            out += fixed
            inner = inner.bind(p.name, PlaceBinding(place))
        else:
            v = exprs.expect(ctx, env, a.value, kind, f"argument `{p.name}`")
            inner, made = bind_value(ctx, inner, p.name, kind, v, a.span)
            out += made
    return [*out, *body(ctx, inner, decl.body).stmts]


def reference(
    ctx: Context, env: Env, a: ast.Arg, kind: Type, name: str
) -> tuple[Place, list[Stmt]]:
    """The place of a ``ref`` argument, its indices evaluated once."""
    p = assign.target(ctx, env, a.value)
    if p.type == OptType(kind):
        p = places.inside(ctx, p, a.span)
    if p.type != kind:
        raise error("E0404", f"`ref {name}` needs a place of type `{kind}`, this is `{p.type}`", a.span)
    out = assign.checks(p)
    index: list[Expr] = []
    for e in p.index:
        if isinstance(e, Const | Var):
            index.append(e)
            continue
        lo, hi = bounds(e)
        v = Var(ctx.fresh(f"{name}.at"), lo, hi)
        out.append(Bind(v, e, ctx.site(a.span)))
        index.append(v)
    fixed = tuple(index)
    return Place(p.type, p.cells, fixed, p.site, checks=tuple(again(c, fixed) for c in (*p.checks, *p.live))), out


def again(check: Expr, index: tuple[Expr, ...]) -> Expr:
    """A check on the way to a place, to be made again at every use, with the indices as they were at the call."""
    match check:
        case Narrow(Read(cell, path, old), lo, hi, kind, site):
            return Narrow(Read(cell, index[: len(path)], old), lo, hi, kind, site)
        case Narrow(Binary(op, at, Read(cell, path, old)), lo, hi, kind, site):
            del at
            k = len(path)
            return Narrow(Binary(op, index[k], Read(cell, index[:k], old)), lo, hi, kind, site)
        case _:
            raise TypeError(f"not a check: {check}")


def returns(stmts: tuple[ast.Stmt, ...]) -> bool:
    """Whether a `return` of this body is among the statements."""
    for t in stmts:
        match t:
            case ast.JumpStmt("return"):
                return True
            case ast.IfStmt(_, then, other):
                if returns(then) or returns(other):
                    return True
            case ast.ForStmt(_, inner) | ast.AtomicStmt(inner):
                if returns(inner):
                    return True
            case _:
                pass
    return False


def _declare_anyway(ctx: Context, env: Env, t: ast.Stmt) -> Env:
    """After an error in a declaration: forget other names' meaning rather than report them as unknown."""
    del ctx
    match t:
        case ast.LetStmt(name) | ast.LocalStmt(name):
            return env.bind(name, BrokenBinding())
        case ast.ChooseStmt(binder):
            return env.bind(binder.name, BrokenBinding())
        case _:
            return env
