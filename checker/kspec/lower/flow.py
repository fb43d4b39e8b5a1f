"""Processes: sequential code becomes locations with guarded alternatives.

A location is a place between two steps.  Each of its alternatives is a step: a guard, statements, and
where control goes (which can depend on a condition).  ``kspec.lower.merge`` joins steps that no one can
observe; ``kspec.lower.process`` makes actions of what is left.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from kspec.lang import ast
from kspec.lang.diagnostics import Failed, did_you_mean
from kspec.lang.source import Span
from kspec.lower import assign, exprs, stepwise, stmts
from kspec.lower.binders import bind, conjunction
from kspec.lower.coerce import coerce
from kspec.lower.scope import MAX_SCALARS, Context, Env, PlaceBinding, ProcessInfo, ValueBinding, error
from kspec.lower.types import resolve, sized
from kspec.lower.values import Place, Value
from kspec.system.constant import NotConstant, evaluate
from kspec.system.expr import TRUE, Binary, Cell, Const, Expr, Quant, Site, Var
from kspec.system.layout import cells_of, key_dims, vacant
from kspec.system.stmt import Assign, Block, Choose, Require, Stmt, Write
from kspec.types import BOOL, IdType, SetType, Type


@dataclass(frozen=True)
class Goto:
    """Control goes to a location."""

    target: int


@dataclass(frozen=True)
class Branch:
    """Control depends on a condition (evaluated after the statements before it)."""

    cond: Expr
    then: Code
    other: Code
    site: Site = field(default=Site(), compare=False)


@dataclass(frozen=True)
class Code:
    """Statements, and where control goes after them."""

    stmts: tuple[Stmt, ...]
    end: End


End: TypeAlias = Goto | Branch


@dataclass(frozen=True)
class Alternative:
    """One step from a location; ``name`` is the label of its branch of an ``either``, if it has one."""

    guard: Expr
    code: Code
    span: Span
    name: str = ""


@dataclass
class Location:
    """A place between two steps; ``name`` is what people see."""

    number: int
    name: str
    alternatives: list[Alternative] = field(default_factory=list)


@dataclass
class Body:
    """A procedure that runs step by step within a process: one body for all of its call sites."""

    entry: int
    exit: int
    env: Env
    returns: Place | None = None
    sites: list[int] = field(default_factory=list)
    frame: list[tuple[Place, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Union:
    """An `either` whose branches are to be joined: for each, its entry and all locations that were made for it."""

    at: Location
    branches: tuple[tuple[int, range], ...]
    span: Span


@dataclass(frozen=True)
class Scope:
    """Where jumps lead: out of the loop, to its next round, out of the body."""

    leave: int | None
    again: int | None
    end: int


class Flow:
    """Builds the locations of one process."""

    def __init__(self, ctx: Context, info: ProcessInfo) -> None:
        self.ctx = ctx
        self.info = info
        self.name = info.decl.name
        self.locations: dict[int, Location] = {}
        self.alias: dict[int, int] = {}
        self.labels: dict[str, int] = {}
        self.starts: dict[str, Value] = {}
        self.bodies: dict[tuple[object, ...], Body] = {}
        self.anchor = ""
        self.offset = 0
        self.prefix = ""
        self.running: tuple[str, ...] = ()
        self.unions: list[Union] = []
        self.jumped: dict[int, Span] = {}
        self.jumps: list[tuple[int, str, Span]] = []  # `goto`s whose labels are to be found

    # -- places and names -----------------------------------------------------------------------

    def new(self) -> int:
        """A fresh location without a name yet."""
        number = len(self.locations)
        self.locations[number] = Location(number, "")
        return number

    def self_index(self) -> tuple[Expr, ...]:
        """The index of this instance's own elements."""
        t = self.info.self_type
        return (Var("self", t.lo, t.hi, t),) if t is not None else ()

    def local(self, name: str, t: Type, span: Span) -> Place:
        """A new local of this process; every instance has its own."""
        if name in self.info.locals:
            raise error("E0211", f"local `{name}` is declared twice in process `{self.name}`", span)
        if name == "pc":
            raise error("E0212", "`pc` is the position of a process in its code", span, help="choose another name")
        self_type = self.info.self_type
        owner = f"{self.name}{'[]' if self_type is not None else ''}.{name}"
        cells = tuple(
            Cell(
                c.name,
                ((self_type,) if self_type is not None else ()) + c.dims,
                vacant(c.type),
                local_of=self.name,
            )
            for c in cells_of(owner, t)
        )
        self.info.locals[name] = Place(t, cells, ())
        total = sum(c.size for p in self.info.locals.values() for c in p.cells)
        if total > MAX_SCALARS:
            headline = f"the locals of `{self.name}` are {total} scalars"
            raise error("E0349", headline, span, help=f"at most {MAX_SCALARS}")
        return Place(t, cells, self.self_index(), self.ctx.site(span))

    def here(self, number: int) -> Location:
        """Names a location after the nearest label above it."""
        loc = self.locations[number]
        if not loc.name:
            tail = f"+{self.offset}" if self.offset else ""
            head = ".".join(x for x in (self.prefix, self.anchor) if x)
            loc.name = f"{head}{tail}" if head else f"start{tail}"
        self.offset += 1
        return loc

    def resolve(self, number: int) -> int:
        """The location that a jump to ``number`` reaches, through jumps that are no steps."""
        seen = set()
        while number in self.alias and number not in seen:
            seen.add(number)
            number = self.alias[number]
        return number

    # -- statements -----------------------------------------------------------------------------

    def block(self, env: Env, body: tuple[ast.Stmt, ...], entry: int, next_: int, scope: Scope) -> None:
        """The statements in order, from ``entry``; afterwards control is at ``next_``."""
        real = [k for k, t in enumerate(body) if not _no_step(t)]
        if not real:
            for t in body:
                self._label(t, entry)
            self.alias[entry] = next_
            return
        here = entry
        for k, t in enumerate(body):
            if isinstance(t, ast.LabelStmt):
                self._label(t, here if k <= real[-1] else next_)
                continue
            after = next_ if k == real[-1] else self.new()
            try:
                env = self.statement(env, t, here, after, scope)
            except Failed as failed:
                self.ctx.report(failed)
                env = stmts._declare_anyway(self.ctx, env, t)
                self.alias[here] = after
            here = after

    def _label(self, t: ast.Stmt, at: int) -> None:
        if not isinstance(t, ast.LabelStmt):
            return
        if t.name in self.labels:
            raise error("E0211", f"label `{t.name}` is declared twice in process `{self.name}`", t.span)
        self.labels[t.name] = at
        self.anchor, self.offset = t.name, 0

    def statement(self, env: Env, t: ast.Stmt, here: int, after: int, scope: Scope) -> Env:
        """One statement; gives the scope for what follows."""
        ctx = self.ctx
        match t:
            case ast.JumpStmt("skip"):
                self.step(here, t.span, TRUE, (), after)
            case ast.JumpStmt(op, label, span):
                self.jump(op, label, span, here, scope)
            case ast.RequireStmt(cond, _, span):
                self.step(here, span, exprs.boolean(ctx, env, cond), (), after)
            case ast.AtomicStmt(inner, span):
                self.atomic(env, inner, span, here, after, scope)
            case ast.IfStmt(cond, then, other, span):
                c = exprs.boolean(ctx, env, cond, "condition")
                yes, no = self.new(), self.new()
                decided = _decided(c)
                if decided is None:
                    code = Code((), Branch(c, Code((), Goto(yes)), Code((), Goto(no)), ctx.site(cond.span)))
                    self.here(here).alternatives.append(Alternative(TRUE, code, cond.span))
                elif decided:  # by the parameters: choosing a variant of a model is not a step
                    yes = here
                else:
                    no = here
                self.block(env, then, yes, after, scope)
                self.block(env, other, no, after, scope)
            case ast.WhileStmt(cond_, inner, span):
                self.loop(env, cond_, inner, span, here, after, scope)
            case ast.EitherStmt(branches, span):
                self.either(env, branches, span, here, after, scope)
            case ast.ForStmt():
                self.for_loop(env, t, here, after, scope)
            case ast.LocalStmt():
                return self.local_statement(env, t, here, after)
            case ast.LetStmt(name, type_, value, span):
                want = resolve(ctx, env, type_) if type_ is not None else None
                v = exprs.value(ctx, env, value, want)
                kind = want if want is not None else stmts.known(v.type, value.span)
                p = self.local(self.scoped(name), kind, span)
                v = coerce(ctx, v, kind, value.span)
                self.step(here, span, TRUE, tuple(assign.store(ctx, p, v, span)), after)
                return env.bind(name, ValueBinding(p.value()))
            case ast.ChooseStmt(binder, span):
                return self.choose(env, binder, span, here, after)
            case ast.CallStmt() if (decl := stepwise.procedure(ctx, env, t)) is not None:
                stepwise.call(self, env, t, decl, here, after)
            case _:
                env, made = stmts.statement(ctx, env, t, stmts.Frame())
                self.step(here, t.span, TRUE, tuple(made), after)
        return env

    def step(self, here: int, span: Span, guard: Expr, body: tuple[Stmt, ...], after: int) -> None:
        """One alternative that goes on at ``after``."""
        self.here(here).alternatives.append(Alternative(guard, Code(body, Goto(after)), span))

    def jump(self, op: str, label: str, span: Span, here: int, scope: Scope) -> None:
        target: int | None
        match op:
            case "break":
                target = scope.leave
            case "continue":
                target = scope.again
            case "return":
                target = scope.end
            case _:
                self.jumps.append((here, label, span))
                return
        if target is None:
            raise error("E0411", f"`{op}` outside a loop", span)
        self.alias[here] = target
        self.jumped[here] = span

    def atomic(
        self, env: Env, inner: tuple[ast.Stmt, ...], span: Span, here: int, after: int, scope: Scope
    ) -> None:
        """One step; a `return` inside ends it, and then leaves the process or procedure."""
        returned = stmts.temporary(self.ctx, "returned", BOOL) if stmts.returns(inner) else None
        guard, rest = split_guard(stmts.block(self.ctx, env, inner, stmts.Frame(returned)))
        if returned is None:
            self.step(here, span, guard, rest.stmts, after)
            return
        start = Assign((Write(returned.cells[0], (), Const(0)),))
        end = Branch(returned.read(0, ()), Code((), Goto(scope.end)), Code((), Goto(after)))
        self.here(here).alternatives.append(Alternative(guard, Code((start, *rest.stmts), end), span))

    def either(
        self, env: Env, branches: tuple[tuple[ast.Stmt, ...], ...], span: Span, here: int, after: int, scope: Scope
    ) -> None:
        """The first steps of the branches become alternatives of one location, when all of them are known."""
        loc = self.here(here)
        parts: list[tuple[int, range]] = []
        for branch in branches:
            entry = self.new()
            self.block(env, branch, entry, after, scope)
            parts.append((entry, range(entry, len(self.locations))))
        self.unions.append(Union(loc, tuple(parts), span))

    def loop(
        self, env: Env, cond: ast.Expr | None, inner: tuple[ast.Stmt, ...], span: Span, here: int, after: int,
        scope: Scope,
    ) -> None:
        if cond is None:
            if all(_no_step(t) for t in inner):
                raise error("E0412", "an empty loop", span, help="await something in it")
            self.block(env, inner, here, here, Scope(after, here, scope.end))
            return
        c = exprs.boolean(self.ctx, env, cond, "condition")
        start = self.new()
        code = Code((), Branch(c, Code((), Goto(start)), Code((), Goto(after)), self.ctx.site(cond.span)))
        self.here(here).alternatives.append(Alternative(TRUE, code, cond.span))
        self.block(env, inner, start, here, Scope(after, here, scope.end))

    def for_loop(self, env: Env, t: ast.ForStmt, here: int, after: int, scope: Scope) -> None:
        """Takes an element at a time from a hidden set of those that are still to come."""
        ctx = self.ctx
        bound, _ = bind(ctx, env, (t.binder,))
        b = bound[0]
        kind = stmts.known(b.type, t.binder.span)
        base = f"{self.prefix}.{t.binder.name}" if self.prefix else t.binder.name
        todo = self.local(self.unique(f"{base}.todo"), sized(SetType(kind), t.span), t.span)
        item = self.local(self.unique(base), kind, t.span)
        over = b.vars
        fill = Assign((Write(todo.cells[0], (*todo.index, *over), conjunction(b.conds), over),), ctx.site(t.span))
        head = self.new()
        self.step(here, t.span, TRUE, (fill,), head)
        dims = key_dims(kind)
        vs = tuple(Var(ctx.fresh(t.binder.name), d.lo, d.hi, d) for d in dims)
        some: Expr = todo.value().leaf(0, vs)
        for v in reversed(vs):
            some = Quant("exists", v, some)
        start = self.new()
        taken = self._take(todo, item, t)
        code = Code((), Branch(some, Code(taken, Goto(start)), Code((), Goto(after)), ctx.site(t.binder.span)))
        self.here(head).alternatives.append(Alternative(TRUE, code, t.binder.span))
        inner = env.bind(t.binder.name, ValueBinding(item.value()))
        self.block(inner, t.body, start, head, Scope(after, head, scope.end))

    def _take(self, todo: Place, item: Place, t: ast.ForStmt) -> tuple[Stmt, ...]:
        """Chooses an element: the least, but any one of an unordered id type."""
        out: list[Stmt] = []
        kinds = key_dims(item.type)
        chosen: list[Var] = []
        for k, d in enumerate(kinds):
            v = Var(self.ctx.fresh(t.binder.name), d.lo, d.hi, d)
            rest = tuple(Var(self.ctx.fresh("r"), x.lo, x.hi, x) for x in kinds[k + 1 :])

            def left(head: Var, rest: tuple[Var, ...] = rest, done: tuple[Var, ...] = tuple(chosen)) -> Expr:
                e: Expr = todo.read(0, (*done, head, *rest))
                for r in reversed(rest):
                    e = Quant("exists", r, e)
                return e

            where = left(v)
            if not (isinstance(d, IdType) and not d.ordered):
                w = Var(self.ctx.fresh("w"), d.lo, d.hi, d)
                where = Binary(
                    "and", where, Quant("forall", w, Binary("implies", left(w), Binary("le", v, w)))
                )
            out.append(Choose(v, where, "disable", self.ctx.site(t.binder.span)))
            chosen.append(v)
        writes = [Write(todo.cells[0], (*todo.index, *chosen), Const(0))]
        writes += [Write(c, item.index, v) for c, v in zip(item.cells, chosen, strict=True)]
        return (*out, Assign(tuple(writes), self.ctx.site(t.binder.span)))

    def unique(self, name: str) -> str:
        """``name``, numbered when a local of that name is there."""
        k, out = 2, name
        while out in self.info.locals:
            out, k = f"{name}.{k}", k + 1
        return out

    def scoped(self, name: str) -> str:
        """What a local is called: those of a procedure are apart from those of the process and other procedures."""
        return self.unique(f"{self.prefix}.{name}") if self.prefix else name

    def local_statement(self, env: Env, t: ast.LocalStmt, here: int, after: int) -> Env:
        ctx = self.ctx
        kind = resolve(ctx, env, t.type)
        p = self.local(self.scoped(t.name), kind, t.span)
        if t.value is None:
            v = Value(kind, lambda k, _i: Const(p.cells[k].type.lo))
        else:
            v = stmts.initial_value(ctx, env, t.value, kind)
        self.step(here, t.span, TRUE, tuple(assign.store(ctx, p, v, t.span)), after)
        return env.bind(t.name, PlaceBinding(p))

    def choose(self, env: Env, binder: ast.Binder, span: Span, here: int, after: int) -> Env:
        ctx = self.ctx
        inner, made = stmts.choose(ctx, env, binder, ctx.site(span))
        found = inner.names[binder.name]
        assert isinstance(found, ValueBinding)
        kind = stmts.known(found.value.type, binder.span)
        p = self.local(self.scoped(binder.name), kind, span)
        self.step(here, span, TRUE, (*made, *assign.store(ctx, p, found.value, span)), after)
        return env.bind(binder.name, ValueBinding(p.value()))

    # -- finishing ------------------------------------------------------------------------------

    def finish_gotos(self) -> None:
        """Binds jumps to the labels of the body that has just been read."""
        for here, label, span in self.jumps:
            if label not in self.labels:
                raise error("E0208", f"there is no label `{label}`", span, help=did_you_mean(label, self.labels))
            self.alias[here] = self.labels[label]
            self.jumped[here] = span
        self.jumps = []

    def finish(self, span: Span) -> None:
        """Joins the branches of `either`, fills in the returns of procedures, checks for stepless circles."""
        self.finish_gotos()
        for body in self.bodies.values():
            assert body.returns is not None
            code = Code((), Goto(body.sites[0]))
            for k, after in enumerate(body.sites[1:], 1):
                here = Binary("eq", body.returns.read(0, ()), Const(k))
                code = Code((), Branch(here, Code((), Goto(after)), code))
            exit_ = self.locations[body.exit]
            exit_.name = exit_.name or "return"
            exit_.alternatives.append(Alternative(TRUE, code, span))
        for number in self.alias:
            if self.resolve(number) in self.alias:
                at = self.jumped.get(number, span)
                raise error("E0412", "a circle without a step", at, help="await something in it")
        named = {number: label for label, number in self.labels.items()}
        for union in self.unions:  # inner ones first
            for entry, own in union.branches:
                target, name = self.resolve(entry), named.get(entry, "")
                if target in own:
                    branch = self.locations[target].alternatives
                    union.at.alternatives += [dataclasses.replace(a, name=a.name or name) for a in branch]
                else:  # an empty branch, or a jump: going there is a step
                    union.at.alternatives.append(Alternative(TRUE, Code((), Goto(target)), union.span, name))


def split_guard(block: Block) -> tuple[Expr, Block]:
    """Leading requirements of an atomic step as its guard."""
    conds: list[Expr] = []
    rest = list(block.stmts)
    while rest and isinstance(rest[0], Require):
        conds.append(rest.pop(0).cond)  # type: ignore[union-attr]
    return (conjunction(tuple(conds)) if conds else TRUE), Block(tuple(rest))


def gotos(code: Code) -> Iterator[Goto]:
    """Where a code may lead."""
    match code.end:
        case Goto():
            yield code.end
        case Branch(_, then, other):
            yield from gotos(then)
            yield from gotos(other)


def _decided(cond: Expr) -> bool | None:
    """The value of a condition that depends on parameters only; None when it depends on more."""
    try:
        return bool(evaluate(cond))
    except NotConstant:
        return None


def _no_step(t: ast.Stmt) -> bool:
    return isinstance(t, ast.LabelStmt)
