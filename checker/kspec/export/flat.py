"""Expressions and statements in a form that plain imperative languages take.

What an expression of the transition system may raise, and in which order, is spelled out in statements here; what is
left are expressions that have a value whenever they are come to.  A step works on copies of the cells that it writes,
so that it can be given up at any point: then nothing has happened.

``Exit`` sets a flag that was ``DONE``; statements after a possible exit are guarded (:func:`guarded`), so that no
target language needs jumps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

from kspec.system import stmt as statements
from kspec.system.expr import (
    Binary,
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
    bounds,
    walk,
)
from kspec.system.stmt import Assert, Assign, Bind, Block, Choose, For, If, Require, Stmt

DISABLED, DONE, ENDED, FIRST = 0, 1, 2, 3
"""How a step ends: it is not possible; it completes; it has no successor (a limit, or an error that is not looked
for); from FIRST on, something that is claimed never to happen."""


@dataclass(frozen=True)
class Set:
    """A local variable gets a value."""

    var: Var
    value: Expr


@dataclass(frozen=True)
class Store:
    """An element of a working copy gets a value."""

    cell: Cell
    index: tuple[Expr, ...]
    value: Expr


@dataclass(frozen=True)
class When:
    """One of two sequences of statements."""

    cond: Expr
    then: tuple[Op, ...]
    other: tuple[Op, ...] = ()


@dataclass(frozen=True)
class Loop:
    """A sequence for every value of ``var.lo..var.hi``, ascending."""

    var: Var
    body: tuple[Op, ...]


@dataclass(frozen=True)
class Exit:
    """The flag gets a code other than DONE: what follows in its scope is skipped."""

    flag: Var
    code: int


@dataclass(frozen=True)
class Region:
    """The scope of a flag: it is DONE at the beginning, and of no interest after the end."""

    flag: Var
    body: tuple[Op, ...]


Op: TypeAlias = Set | Store | When | Loop | Exit | Region


@dataclass
class Flattener:
    """Flattens expressions and statements of one step or property; ``out`` is what has been made so far.

    ``on_event``: the flag and code for an error or assertion of that name.  ``quantifiers``: the target has them,
    and indexes arrays with elements of themselves (Murphi does, Promela does not).
    ``locals`` and ``picks`` are the variables that were introduced: picks are free choices within their intervals.
    """

    on_event: Callable[[str], tuple[Var, int]]
    flag: Var
    fresh: Callable[[str], str]
    quantifiers: bool = False
    out: list[Op] = field(default_factory=list)
    locals: list[Var] = field(default_factory=list)
    picks: list[Var] = field(default_factory=list)
    env: dict[str, Expr] = field(default_factory=dict)
    _used: dict[tuple[int, int], int] = field(default_factory=dict)

    def local(self, hint: str, lo: int, hi: int) -> Var:
        """A new local variable."""
        var = Var(self.fresh(hint), lo, hi)
        self.locals.append(var)
        return var

    def fail(self, name: str, cond: Expr | None = None) -> None:
        """``name`` happens where ``cond`` holds (None: here)."""
        self.leave(Exit(*self.on_event(name)), cond)

    def leave(self, ending: Exit, cond: Expr | None = None) -> None:
        """It is over where ``cond`` holds."""
        self.out.append(ending if cond is None else When(cond, (ending,)))

    def nested(self, body: Callable[[], None]) -> tuple[Op, ...]:
        """What ``body`` makes, on its own."""
        before, self.out = self.out, []
        body()
        made, self.out = self.out, before
        return tuple(made)

    def value(self, e: Expr) -> Expr:
        """An expression without errors for ``e``; what must be done before goes to ``out``."""
        match e:
            case Const():
                return e
            case Var(name):
                return self.env[name]
            case Read(cell, index, old):
                return Read(cell, self._index(cell, index), old)
            case Unary(op, a):
                return Unary(op, self.value(a))
            case Binary("and" | "or" | "implies"):
                return self._short(e)
            case Binary(op, a, b):
                x, y = self.value(a), self.value(b)
                if op in ("div", "mod") and bounds(y)[0] <= 0 <= bounds(y)[1]:
                    y = self._named("divisor", y)
                    self.fail("error.div", Binary("eq", y, Const(0)))
                return Binary(op, x, y)
            case Ite(c, t, o):
                return self._ite(c, t, o)
            case Let(var, value, body):
                self.env[var.name] = self._named(var.name, self.value(value))
                return self.value(body)
            case Quant():
                return self._quant(e)
            case Fold(acc, init, var, body):
                total = self.local(acc.name, acc.lo, acc.hi)
                self.out.append(Set(total, self.value(init)))
                self.env[acc.name] = total
                self._each(var, lambda: self.out.append(Set(total, self.value(body))))
                return total
            case Narrow(value, lo, hi, kind):
                v = self.value(value)
                low, high = bounds(v)
                if lo <= low and high <= hi:
                    return v
                v = self._named("value", v)
                self.fail(f"error.{kind}", Binary("or", Binary("lt", v, Const(lo)), Binary("gt", v, Const(hi))))
                if isinstance(v, Var) and low <= hi and lo <= high:
                    return Var(v.name, max(lo, low), min(hi, high))
                return v

    def run(self, block: Block) -> None:
        """The statements of a block."""
        for s in block.stmts:
            self._statement(s)

    def _statement(self, s: Stmt) -> None:
        match s:
            case Assign():
                self._assign(s)
            case Bind(var, value):
                self.env[var.name] = self._named(var.name, self.value(value))
            case If(cond, then, other):
                c = self.value(cond)
                start = dict(self._used)
                first = self.nested(lambda: self.run(then))
                middle, self._used = self._used, start
                second = self.nested(lambda: self.run(other))
                self._used = {k: max(self._used.get(k, 0), middle.get(k, 0)) for k in self._used | middle}
                self.out.append(When(c, first, second))
            case For(var, body):
                if any(isinstance(x, Choose) for x in statements.walk(body)):
                    for v in range(var.lo, var.hi + 1):
                        self.env[var.name] = Const(v)
                        self.run(body)
                else:
                    self._each(var, lambda: self.run(body))
            case Choose():
                self._choose(s)
            case Require(cond):
                self.leave(Exit(self.flag, DISABLED), Unary("not", self.value(cond)))
            case Assert(name, cond):
                self.fail(name, Unary("not", self.value(cond)))
            case Block():
                self.run(s)

    def _assign(self, s: Assign) -> None:
        cells = {w.cell.name for w in s.writes}
        reads = {n.cell.name for w in s.writes for e in (*w.index, w.value) for n in walk(e) if isinstance(n, Read)}
        if (len(s.writes) == 1 and not s.writes[0].over) or not cells & reads:
            for w in s.writes:
                self._stores(w, w.over)
            return
        pending: list[Store] = []
        for w in s.writes:
            for values in product(*(range(v.lo, v.hi + 1) for v in w.over)):
                self.env.update((v.name, Const(x)) for v, x in zip(w.over, values))
                index = tuple(self._named("at", self.value(i)) for i in w.index)
                pending.append(Store(w.cell, index, self._named("new", self.value(w.value))))
        self.out += pending

    def _stores(self, w: statements.Write, over: Sequence[Var]) -> None:
        if over:
            self._each(over[0], lambda: self._stores(w, over[1:]))
            return
        index = self._index(w.cell, w.index)
        self.out.append(Store(w.cell, index, self.value(w.value)))

    def _index(self, cell: Cell, index: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """The indices of an element; without reads of the same cell where the target does not take them."""
        found = tuple(self.value(i) for i in index)
        if self.quantifiers:
            return found
        return tuple(
            self._named("at", i) if any(isinstance(n, Read) and n.cell.name == cell.name for n in walk(i)) else i
            for i in found
        )

    def _choose(self, s: Choose) -> None:
        """The value is a pick; every value is tried, since trying may raise errors."""
        var = s.var
        empty = Exit(*self.on_event("error.choose")) if s.on_empty == "error" else Exit(self.flag, DISABLED)
        if var.lo > var.hi:
            self.leave(empty)
            self.env[var.name] = Const(var.lo)
            return
        pick = self._pick(var)
        self.env[var.name] = pick
        if s.where == Const(1):
            return
        fits: list[Expr] = []
        if not self.nested(lambda: fits.append(self.value(s.where))) and s.on_empty == "disable":
            self.leave(Exit(self.flag, DISABLED), Unary("not", fits[0]))
            return
        some, good = self.local("some", 0, 1), self.local("good", 0, 1)
        self.out += [Set(some, Const(0)), Set(good, Const(0))]

        def once() -> None:
            here = self.value(s.where)
            same = Binary("eq", self.env[var.name], pick)
            self.out.append(When(here, (Set(some, Const(1)), When(same, (Set(good, Const(1)),)))))

        self._each(var, once)
        self.leave(empty, Unary("not", some))
        self.leave(Exit(self.flag, DISABLED), Unary("not", good))
        self.env[var.name] = pick

    def _pick(self, var: Var) -> Var:
        """The next pick of that interval: branches share them, as only one is taken."""
        n = self._used.get((var.lo, var.hi), 0)
        self._used[var.lo, var.hi] = n + 1
        known = [p for p in self.picks if (p.lo, p.hi) == (var.lo, var.hi)]
        if n < len(known):
            return known[n]
        self.picks.append(Var(self.fresh(var.name), var.lo, var.hi))
        return self.picks[-1]

    def _named(self, hint: str, v: Expr) -> Expr:
        """A variable with the value of ``v`` as it is now; variables do not change once they have a value."""
        if isinstance(v, Const | Var):
            return v
        var = self.local(hint, *bounds(v))
        self.out.append(Set(var, v))
        return var

    def _short(self, e: Binary) -> Expr:
        a = self.value(e.a)
        result: list[Expr] = []
        rest = self.nested(lambda: result.append(self.value(e.b)))
        (b,) = result
        if not rest:
            return Binary(e.op, a, b)
        t = self.local("truth", 0, 1)
        go = Unary("not", t) if e.op == "or" else t
        first = Unary("not", a) if e.op == "implies" else a
        if e.op == "implies":
            go = Unary("not", t)
        self.out += [Set(t, _truth(first)), When(go, (*rest, Set(t, _truth(b))))]
        return t

    def _ite(self, c: Expr, t: Expr, o: Expr) -> Expr:
        cond = self.value(c)
        values: list[Expr] = []
        first = self.nested(lambda: values.append(self.value(t)))
        second = self.nested(lambda: values.append(self.value(o)))
        a, b = values
        if not first and not second:
            return Ite(cond, a, b)
        result = self.local("value", *bounds(Ite(cond, a, b)))
        self.out.append(When(cond, (*first, Set(result, a)), (*second, Set(result, b))))
        return result

    def _quant(self, e: Quant) -> Expr:
        if e.var.lo > e.var.hi:
            return Const(int(e.op == "forall"))
        bound = Var(self.fresh(e.var.name), e.var.lo, e.var.hi)
        self.env[e.var.name] = bound
        values: list[Expr] = []
        inside = self.nested(lambda: values.append(self.value(e.body)))
        if not inside and self.quantifiers:
            return Quant(e.op, bound, values[0])
        acc = self.local("all" if e.op == "forall" else "some", 0, 1)
        wanted = Unary("not", values[0]) if e.op == "forall" else values[0]
        self.out.append(Set(acc, Const(int(e.op == "forall"))))
        self.out.append(Loop(bound, (*inside, When(wanted, (Set(acc, Const(int(e.op != "forall"))),)))))
        return acc

    def _each(self, var: Var, body: Callable[[], None]) -> None:
        if var.lo > var.hi:
            return
        bound = Var(self.fresh(var.name), var.lo, var.hi)
        self.env[var.name] = bound
        self.out.append(Loop(bound, self.nested(body)))


def _truth(e: Expr) -> Expr:
    """``e``, of which it matters only whether it is zero, as 0 or 1."""
    lo, hi = bounds(e)
    return e if lo >= 0 and hi <= 1 else Binary("ne", e, Const(0))


def exits(ops: Sequence[Op]) -> frozenset[Var]:
    """The flags that a sequence may set."""
    found: set[Var] = set()
    for op in ops:
        match op:
            case Exit(flag):
                found.add(flag)
            case When(_, then, other):
                found |= exits(then) | exits(other)
            case Loop(_, body):
                found |= exits(body)
            case Region(flag, body):
                found |= exits(body) - {flag}
            case _:
                pass
    return frozenset(found)


def guarded(ops: Sequence[Op]) -> tuple[Op, ...]:
    """The same with jumps made plain: what follows a possible exit is done only if the flag is still DONE.

    Exits and regions become assignments to their flags.
    """
    out: list[Op] = []
    left: frozenset[Var] = frozenset()
    chunk: list[Op] = []
    for op in ops:
        chunk += _guarded(op)
        new = exits((op,))
        if new - left:
            out += _wrapped(chunk, left)
            chunk, left = [], left | new
        elif new:
            out += _wrapped(chunk, left)
            chunk = []
    return (*out, *_wrapped(chunk, left))


def _wrapped(ops: Sequence[Op], flags: frozenset[Var]) -> Iterator[Op]:
    if not ops:
        return
    if not flags:
        yield from ops
        return
    cond: Expr | None = None
    for flag in sorted(flags, key=lambda v: v.name):
        here = Binary("eq", flag, Const(DONE))
        cond = here if cond is None else Binary("and", cond, here)
    assert cond is not None
    yield When(cond, tuple(ops))


def _guarded(op: Op) -> tuple[Op, ...]:
    match op:
        case Exit(flag, code):
            return (Set(flag, Const(code)),)
        case When(cond, then, other):
            return (When(cond, guarded(then), guarded(other)),)
        case Loop(var, body):
            return (Loop(var, tuple(_wrapped(guarded(body), exits(body)))),)
        case Region(flag, body):
            return (Set(flag, Const(DONE)), *guarded(body))
        case _:
            return (op,)
