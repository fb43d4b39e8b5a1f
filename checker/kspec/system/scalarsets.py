"""Whether the identities of an ``id`` type are interchangeable in a system: a static check.

The language's typing makes them so (scalarsets: Ip and Dill, "Better verification through symmetry", Formal
Methods in System Design 9, 1996), but a transition system need not come from there.  The check infers for
every expression whether its value is an identity (or ``none``) of a type or something else, and accepts a
type when its identities are only compared for equality, used as index into dimensions of the type, stored
in cells of the type, chosen and quantified over; when the start state does not distinguish them; and when
folds and loops over them give the same in every order.  Then every permutation of the identities, applied
to a whole state, is an automorphism of the system: it maps initial states to initial states, steps to steps
with the same verdicts, and leaves the truth of every property as it is.

One thing escapes this.  Where several elements of one quantifier, fold or loop raise errors of different
kinds, the first one decides which is reported; such kinds are ``confusable``: when one of them is found,
only a search without symmetry tells which of the others can be raised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import factorial, prod

from kspec.system import expr as x
from kspec.system import stmt as s
from kspec.system.commute import fills, flat, fold_commutes, loop_commutes
from kspec.system.effects import asserted, block_errors, expr_errors
from kspec.system.expr import TRUE, Binary, Cell, Const, Expr, Site, Var, bounds
from kspec.system.model import State, System
from kspec.system.rewrite import cells_read
from kspec.types import IdType, OptType, Scalar


@dataclass(frozen=True)
class Refusal:
    """Why the identities of a type cannot be permuted, and where that shows."""

    type: IdType
    reason: str
    site: Site = field(default=Site(), compare=False)

    def __str__(self) -> str:
        place = f" ({self.site.span})" if self.site.span else ""
        return f"identities of {self.type} are not interchangeable: {self.reason}{place}"


@dataclass(frozen=True)
class Scalarsets:
    """The symmetric id types of a system (those of at least two identities, in the order of declaration),
    the others with the reason, and the names of ``confusable`` errors and assertions."""

    types: tuple[IdType, ...]
    refusals: tuple[Refusal, ...] = ()
    confusable: frozenset[str] = frozenset()

    @property
    def group(self) -> int:
        """The number of permutations."""
        return prod(factorial(t.size) for t in self.types)


def identity_of(t: Scalar | None) -> IdType | None:
    """The unordered id type whose identities (or ``none``) are the values of a scalar type."""
    base = t.base if isinstance(t, OptType) else t
    return base if isinstance(base, IdType) and not base.ordered else None


def scalarsets(system: System) -> Scalarsets:
    """The symmetric types of a system."""
    found: dict[IdType, None] = {}
    for cell in system.state_cells:
        for t in (*cell.dims, cell.type) if cell.type.lo < cell.type.hi else ():
            known = identity_of(t)
            if known is not None and known.size > 1:
                found[known] = None
    refusals: list[Refusal] = []
    while found:
        checker = _Checker(frozenset(found))
        try:
            checker.system(system)
        except _RefusedError as e:
            refusals.append(e.refusal)
            del found[e.refusal.type]
            continue
        return Scalarsets(tuple(found), tuple(refusals), frozenset(checker.confusable))
    return Scalarsets((), tuple(refusals))


def permuted(system: System, state: Sequence[int], by: Mapping[IdType, Sequence[int]]) -> State:
    """The state in which every identity ``i`` of a type is replaced by ``by[type][i]``, as index and as value."""

    def image(t: Scalar, v: int) -> int:
        found = identity_of(t)
        return by[found][v] if found is not None and found in by and v >= 0 else v

    out = list(state)
    for cell in system.state_cells:
        base = system.offsets[cell.name]
        domains = [range(d.lo, d.hi + 1) for d in cell.dims]
        for n, index in enumerate(product(*domains)):
            to = 0
            for d, i in zip(cell.dims, index):
                to = to * (d.hi - d.lo + 1) + image(d, i) - d.lo
            out[base + to] = image(cell.type, state[base + n])
    return tuple(out)


class _RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class _Neutral:
    """The kind of the constant -1: ``none`` of any type, or a number."""


NEUTRAL = _Neutral()
NOWHERE = Site()
_Kind = IdType | _Neutral | None
"""What a value is: an identity (or none) of a type, the constant -1, or anything that permutations leave as
it is (None)."""
_Names = dict[str, "_Kind"]


@dataclass
class _Checker:
    """Checks one system for a set of types; raises _RefusedError at the first offence."""

    types: frozenset[IdType]
    confusable: set[str] = field(default_factory=set)

    def system(self, system: System) -> None:
        self.start(system)
        self.block(system.init, {}, system.init)
        for a in system.actions:
            names: _Names = {}
            for var, t in a.params:
                names[var.name] = self.binder(Var(var.name, var.lo, var.hi, t))
            self.plain(a.guard, names, "a guard")
            self.block(a.body, names, a.body)
        for e in (*(p.expr for p in system.properties), *system.terminal, *system.limits):
            self.plain(e, {}, "a property")

    # -- kinds ----------------------------------------------------------------------------------

    def ids(self, t: Scalar | None) -> IdType | None:
        """The type among those checked whose identities a scalar type holds."""
        found = identity_of(t)
        return found if found in self.types else None

    def binder(self, var: Var, site: Site = NOWHERE) -> _Kind:
        """The kind of a bound variable; one over identities must range over all of them."""
        t = self.ids(var.type)
        if t is not None and (var.lo not in (-1, 0) or var.hi != t.hi):
            self.refuse(t, "some of them are singled out by a range", site)
        return t

    def refuse(self, t: IdType, reason: str, site: Site) -> None:
        raise _RefusedError(Refusal(t, reason, site))

    def join(self, a: _Kind, b: _Kind, reason: str, site: Site) -> _Kind:
        """The kind of what may be either."""
        if a == b or b is NEUTRAL:
            return a
        if a is NEUTRAL:
            return b
        for k in (a, b):
            if isinstance(k, IdType):
                self.refuse(k, reason, site)
        return None

    def plain(self, e: Expr, names: _Names, what: str) -> None:
        """An expression that must not be an identity."""
        k = self.kind(e, names)
        if isinstance(k, IdType):
            self.refuse(k, f"one is used as {what}", _site(e))

    def kind(self, e: Expr, names: _Names) -> _Kind:
        """The kind of an expression; checks everything in it."""
        match e:
            case Const(value):
                return NEUTRAL if value == -1 else None
            case Var(name):
                return names.get(name)
            case x.Read(cell, index):
                self.index(cell, index, names)
                return self.ids(cell.type)
            case x.Unary(_, a):
                self.plain(a, names, "a number")
                return None
            case Binary("eq" | "ne", a, b):
                reason = "one is compared with something else"
                self.join(self.kind(a, names), self.kind(b, names), reason, _site(e))
                return None
            case Binary(op, a, b):
                word = "a condition" if op in ("and", "or", "implies") else "a number"
                self.plain(a, names, word)
                self.plain(b, names, word)
                return None
            case x.Ite(c, t, o):
                self.plain(c, names, "a condition")
                taken = _decided(c)
                if taken is not None:
                    return self.kind(t if taken else o, names)
                return self.join(self.kind(t, names), self.kind(o, names), "one is mixed with something else", _site(e))
            case x.Let(var, value, body):
                return self.kind(body, {**names, var.name: self.kind(value, names)})
            case x.Quant(_, var, body):
                k = self.binder(var, _site(e))
                self.plain(body, {**names, var.name: k}, "a condition")
                self.exits(k, expr_errors(body), frozenset(), False)
                return None
            case x.Fold():
                return self.fold(e, names)
            case x.Narrow(value, lo, hi):
                k = self.kind(value, names)
                if isinstance(k, IdType) and (lo > 0 or hi < k.hi):
                    self.refuse(k, "some of them are singled out by a range", _site(e))
                return k

    def fold(self, e: x.Fold, names: _Names) -> _Kind:
        k = self.binder(e.var, e.site)
        first = self.kind(e.init, names)
        acc = self.ids(e.acc.type) or first
        inner = self.kind(e.body, {**names, e.acc.name: acc, e.var.name: k})
        if isinstance(k, IdType):
            if not fold_commutes(e):
                self.refuse(k, "the value of a fold may depend on their order", e.site)
            self.exits(k, expr_errors(e.body), frozenset(), False)
        both = self.join(first, inner, "one is mixed with something else", e.site)
        return self.join(acc, both, "one is mixed with something else", e.site)

    def index(self, cell: Cell, index: tuple[Expr, ...], names: _Names) -> None:
        for d, i in zip(cell.dims, index):
            t, k = self.ids(d), self.kind(i, names)
            if t is not None and k != t and not (k is NEUTRAL and isinstance(d, OptType)):
                self.refuse(t, f"an element of {cell.name} is selected by something else", _site(i))
            if t is None and isinstance(k, IdType):
                self.refuse(k, f"one selects an element of {cell.name} by its number", _site(i))

    def exits(self, k: _Kind, errors: frozenset[x.ErrorKind], asserts: frozenset[str], disabled: bool) -> None:
        """What may end the evaluation of the elements of a repetition, when it is over identities."""
        if not isinstance(k, IdType):
            return
        ways = frozenset(f"error.{e}" for e in errors) | asserts
        if disabled and ways:
            self.refuse(k, "one of them may disable a step while another one raises an error", NOWHERE)
        if len(ways) > 1:
            self.confusable |= ways

    # -- statements -----------------------------------------------------------------------------

    def block(self, block: s.Block, names: _Names, whole: s.Block) -> None:
        names = dict(names)
        for t in block.stmts:
            match t:
                case s.Block():
                    # What is bound in a nested block is not visible after it.
                    self.block(t, names, whole)
                case s.Assign():
                    for w in t.writes:
                        self.write(w, names, t.site)
                case s.Bind(var, value):
                    names[var.name] = self.kind(value, names)
                case s.If(cond, then, other):
                    self.plain(cond, names, "a condition")
                    self.block(then, names, whole)
                    self.block(other, names, whole)
                case s.For():
                    self.loop(t, names, whole)
                case s.Choose(var, where):
                    names[var.name] = self.binder(var, t.site)
                    self.plain(where, names, "a condition")
                    self.exits(names[var.name], expr_errors(where), frozenset(), False)
                case s.Require(cond) | s.Assert(_, cond):
                    self.plain(cond, names, "a condition")

    def loop(self, t: s.For, names: _Names, whole: s.Block) -> None:
        k = self.binder(t.var, t.site)
        self.block(t.body, {**names, t.var.name: k}, whole)
        if not isinstance(k, IdType):
            return
        if not loop_commutes(t, whole):
            self.refuse(k, "a loop may depend on their order", t.site)
        disabled = any(isinstance(i, s.Require) and i.cond != TRUE for i in s.walk(t.body))
        self.exits(k, block_errors(t.body), asserted(t.body), disabled)

    def write(self, w: s.Write, names: _Names, site: Site) -> None:
        inner = {**names, **{v.name: self.binder(v, site) for v in w.over}}
        self.index(w.cell, w.index, inner)
        k, t = self.kind(w.value, inner), self.ids(w.cell.type)
        if t is not None and k != t and k is not NEUTRAL:
            self.refuse(t, f"something else is stored in {w.cell.name}", site)
        if t is None and isinstance(k, IdType):
            self.refuse(k, f"one is stored in {w.cell.name} as something else", site)
        errors: frozenset[x.ErrorKind] = frozenset().union(*map(expr_errors, (*w.index, w.value)))
        for v in w.over:
            self.exits(inner[v.name], errors, frozenset(), False)

    # -- start ----------------------------------------------------------------------------------

    def start(self, system: System) -> None:
        """The start state must not distinguish identities, except in cells that init gives a value first."""
        ignored = {c.name for c in system.state_cells if self.ids(c.type) and _set_first(system.init, c)}
        for t in self.types:
            for i in range(t.size - 1):
                swap = list(range(t.size))
                swap[i], swap[i + 1] = i + 1, i
                image = permuted(system, system.start, {t: swap})
                for cell in system.state_cells:
                    at = system.offsets[cell.name]
                    if cell.name not in ignored and image[at : at + cell.size] != system.start[at : at + cell.size]:
                        self.refuse(t, f"{cell.name} starts with values that tell them apart", NOWHERE)


def _set_first(init: s.Block, cell: Cell) -> bool:
    """Whether the init block writes all of a cell before it reads any of it."""
    for t in flat(init):
        if fills(t, cell):
            return True
        if cell.name in cells_read(t):
            return False
    return False


def _decided(cond: Expr) -> bool | None:
    """The truth of a condition that bounds decide (when its evaluation does not raise an error)."""
    lo, hi = bounds(cond)
    if lo == hi:
        return bool(lo)
    match cond:
        case Binary("eq", a, Const(value)) if bounds(a) == (value, value):
            return True
        case _:
            return None


def _site(e: Expr) -> Site:
    return getattr(e, "site", None) or NOWHERE
