"""Properties in temporal logic, and fairness.

Quantifiers that range over temporal formulas are expanded: an outermost ``forall`` gives a claim for each
value, any other a conjunction or disjunction.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from kspec.lang import ast
from kspec.lang.diagnostics import Diagnostic, Failed, did_you_mean
from kspec.lang.load import Program
from kspec.lang.source import Span
from kspec.lower import exprs
from kspec.lower.binders import Bound, bind, conjunction
from kspec.lower.calls import check_count, wrong_count
from kspec.lower.scope import (
    Context,
    DeclBinding,
    Env,
    ValueBinding,
    describe,
    error,
    unknown,
)
from kspec.lower.types import constant
from kspec.lower.values import Value
from kspec.system.expr import Const
from kspec.system.model import Action, System
from kspec.system.rewrite import substitute
from kspec.system.simplify import simplify
from kspec.system.temporal import (
    NO,
    YES,
    And,
    Claim,
    Fair,
    Formula,
    Holds,
    Next,
    Not,
    Or,
    Release,
    Taken,
    Until,
    fair_to,
    folded,
    map_conditions,
    means,
    walk,
)
from kspec.types import BOOL, Scalar

MOST_CLAIMS = 256
MOST_PARTS = 4096
MOST_CONSTRAINTS = 1024


@dataclass
class Temporal:
    """What is collected while the temporal properties of a program are elaborated.

    ``actions``: the actions declared as such, by name.  ``taken``: every step atom, with its place.
    """

    ctx: Context
    actions: dict[str, Action]
    taken: list[tuple[Taken, Span]] = field(default_factory=list)
    parts: int = 0

    def claims(self, env: Env, e: ast.Expr) -> tuple[Claim, ...]:
        """The claims of a property; raises Failed."""
        self.parts = 0
        out = tuple(self._claims(env, e, ()))
        if len(out) > MOST_CLAIMS:
            raise error("E0337", f"the property has {len(out)} instances", e.span, help=f"at most {MOST_CLAIMS}")
        return out

    def _claims(self, env: Env, e: ast.Expr, bound: tuple[tuple[str, Scalar, int], ...]) -> Iterator[Claim]:
        match e:
            case ast.Quantifier("forall", binders, body) if self.temporal(env, body):
                for names, inner, given in self._instances(env, binders):
                    for c in self._claims(inner, body, (*bound, *names)):
                        yield dataclasses.replace(c, formula=_implies(given, c.formula))
            case ast.BinaryExpr("=>", left, right) if not self.temporal(env, left) and self.temporal(env, right):
                given = self.formula(env, left)
                for c in self._claims(env, right, bound):
                    yield dataclasses.replace(c, formula=_implies(given, c.formula))
            case ast.BinaryExpr("&&", left, right) if self.temporal(env, left) and self.temporal(env, right):
                yield from self._claims(env, left, bound)
                yield from self._claims(env, right, bound)
            case _:
                yield Claim(bound, self.formula(env, e))

    def temporal(self, env: Env, e: ast.Expr) -> bool:
        """Whether an expression is a temporal formula and no condition."""
        return any(isinstance(n, ast.Temporal) or self._operator(env, n) for n in _nodes(e))

    def _operator(self, env: Env, n: object) -> str | None:
        """``next`` or ``taken``, where that is what a call means: a function of that name goes first."""
        if isinstance(n, ast.Call) and n.name in ("next", "taken"):
            found = self.ctx.lookup(env, n.name)
            if not (isinstance(found, DeclBinding) and isinstance(found.decl, ast.FunDecl)):
                return n.name
        return None

    def formula(self, env: Env, e: ast.Expr) -> Formula:
        """The formula of an expression."""
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise error("E0337", "the property becomes too large", e.span, help="quantify over less")
        if not self.temporal(env, e):
            return Holds(exprs.boolean(self.ctx, env, e, "property"))
        match e:
            case ast.Temporal(op, operands):
                return _operation(op, [self.formula(env, x) for x in operands])
            case ast.UnaryExpr("!", operand):
                return Not(self.formula(env, operand))
            case ast.BinaryExpr("&&", left, right):
                return And((self.formula(env, left), self.formula(env, right)))
            case ast.BinaryExpr("||", left, right):
                return Or((self.formula(env, left), self.formula(env, right)))
            case ast.BinaryExpr("=>", left, right):
                return _implies(self.formula(env, left), self.formula(env, right))
            case ast.Conditional(cond, then, other):
                c = self.formula(env, cond)
                yes, no = self.formula(env, then), self.formula(env, other)
                return And((_implies(c, yes), Or((c, no))))
            case ast.Quantifier(op, binders, body):
                every = tuple(
                    _implies(given, self.formula(inner, body))
                    if op == "forall"
                    else And((given, self.formula(inner, body)))
                    for _, inner, given in self._instances(env, binders)
                )
                return And(every) if op == "forall" else Or(every)
            case ast.Call("next"):
                check_count(e, 1, "operator")
                return Next(self.formula(env, e.args[0].value))
            case ast.Call():
                return self._taken(env, e)
            case _:
                inner = next(n for n in _nodes(e) if isinstance(n, ast.Temporal) or self._operator(env, n))
                raise misplaced(inner)

    def _instances(
        self, env: Env, binders: tuple[ast.Binder, ...]
    ) -> Iterator[tuple[tuple[tuple[str, Scalar, int], ...], Env, Formula]]:
        """For every value of the binders: what they are, the scope, and the condition that restricts them."""
        found, scope = bind(self.ctx, env, binders)
        domains = [range(v.lo, v.hi + 1) for b in found for v in b.vars]
        for point in product(*domains):
            values = {v.name: Const(x) for v, x in zip((v for b in found for v in b.vars), point, strict=True)}
            inner = scope
            names: list[tuple[str, Scalar, int]] = []
            for b in found:
                inner = inner.bind(b.name, ValueBinding(_fixed(b, values)))
                for v in b.vars:
                    assert v.type is not None
                    names.append((b.name, v.type, values[v.name].value))
            conds = tuple(substitute(c, values) for b in found for c in b.conds)
            given = simplify(conjunction(conds))
            if given != NO.expr:
                yield tuple(names), inner, Holds(given)

    def _taken(self, env: Env, e: ast.Call) -> Formula:
        """``taken(act(a, _))``, ``taken(p(x))``, ``taken(p(x).label)``."""
        check_count(e, 1, "operator")
        label: str | None = None
        args: tuple[ast.Arg, ...] = ()
        match e.args[0].value:
            case ast.Field(ast.Call(name, args), str() as label, span):
                pass
            case ast.Field(ast.Name(name), str() as label, span):
                pass
            case ast.Call(name, args, span):
                pass
            case ast.Name(name, span):
                pass
            case other:
                help_ = "`taken(act(a, _))`, `taken(p(x))`, `taken(p(x).label)`"
                raise error("E0338", "this is not a step", other.span, help=help_)
        types = self.parameters(env, name, label, span)
        if len(args) != len(types):
            raise wrong_count("step", name, len(types), len(args), span)
        given = tuple(self._argument(env, a, t) for a, t in zip(args, types, strict=True))
        atom = Taken(name, label, given)
        self.taken.append((atom, span))
        return atom

    def parameters(self, env: Env, name: str, label: str | None, span: Span) -> tuple[Scalar, ...]:
        """The types of the parameters of a step: an action, a process, or a process at a label."""
        found = self.ctx.lookup(env, name)
        match found:
            case DeclBinding(ast.ActionDecl()):
                if label is not None:
                    raise error("E0509", f"`{name}` is an action: it has no labels", span)
                action = self.actions.get(name)
                if action is None:
                    raise Failed([])  # it has errors of its own
                return tuple(t for _, t in action.params)
            case DeclBinding(ast.ProcessDecl()) if (info := self.ctx.processes.get(name)) is not None:
                if label is not None and label not in info.labels:
                    help_ = did_you_mean(label, info.labels)
                    raise error("E0208", f"process `{name}` has no label `{label}`", span, help=help_)
                if label is not None:
                    self.ctx.observed_labels.add((name, label))
                return (info.self_type,) if info.self_type is not None else ()
            case DeclBinding(ast.ProcessDecl()):
                raise Failed([])
            case None:
                raise unknown(self.ctx, env, name, span, "action")
            case _:
                raise error("E0508", f"`{name}` is {describe(found)}, not an action or a process", span)

    def _argument(self, env: Env, a: ast.Arg, t: Scalar) -> int | None:
        if isinstance(a.value, ast.AnyLit):
            return None
        return constant(self.ctx, env, a.value, t)[1]

    @property
    def unmerged(self) -> bool:
        """Whether some step atom is about whole processes: then steps count as they are written."""
        return any(t.label is None and t.name in self.ctx.processes for t, _ in self.taken)

    def check_labels(self, system: System) -> None:
        """Reports step atoms that no step matches: the label names no step of its own."""
        for t, span in self.taken:
            if not any(means(t, a) for a in system.actions):
                headline = f"no step of `{t.name}` is at the label `{t.label}`"
                help_ = "another label names the same place, or nothing is done there"
                self.ctx.report(error("E0208", headline, span, help=help_))


def misplaced(e: object) -> Failed:
    """The failure for a temporal operator where it is not possible."""
    name = e.op if isinstance(e, ast.Temporal) else e.name if isinstance(e, ast.Call) else ""
    span = getattr(e, "span", None)
    assert isinstance(span, Span)
    help_ = "property NAME: always (p => eventually q);"
    return error("E0336", f"`{name}` is possible only in a `property`, as a condition of its own", span, help=help_)


def has_next(claims: tuple[Claim, ...]) -> bool:
    """Whether some claim counts steps."""
    return any(isinstance(f, Next) for c in claims for f in walk(c.formula))


def simplified(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """The claims with what is constant in this configuration simplified; those that always hold are left out."""
    every = (dataclasses.replace(c, formula=folded(map_conditions(c.formula, simplify))) for c in claims)
    return tuple(c for c in every if c.formula != YES)


def fairness(ctx: Context, program: Program, logic: Temporal) -> tuple[Fair, ...]:
    """The fairness declarations, in order; what is wrong is reported."""
    out: list[Fair] = []
    for m in program.modules:
        env = Env(m.name)
        for d in m.decls:
            match d:
                case ast.ActionDecl(name, fair=kind) | ast.ProcessDecl(name, fair=kind) if kind is not None:
                    out.append(Fair(kind, name))
                case ast.FairDecl():
                    try:
                        out += _fair(ctx, env, d, logic)
                    except Failed as failed:
                        ctx.report(failed)
                case _:
                    pass
    return tuple(dict.fromkeys(out))


def _fair(ctx: Context, env: Env, d: ast.FairDecl, logic: Temporal) -> list[Fair]:
    out: list[Fair] = []
    for name, label, span in d.steps:
        types = logic.parameters(env, name, label, span)
        out.append(Fair(d.fair, name, label))
        if label is not None:
            logic.taken.append((Taken(name, label, (None,) * len(types)), span))
    if d.when is not None and not _constant_bool(ctx, env, d.when):
        return []
    return out


def _constant_bool(ctx: Context, env: Env, e: ast.Expr) -> bool:
    return bool(constant(ctx, env, e, BOOL)[1])


def too_many(system: System) -> Failed | None:
    """The failure for fairness of too many instances."""
    count = 0
    for f in system.fairness:
        a = next((a for a in system.actions if fair_to(f, a)), None)
        instances = 1
        for _, t in a.params if a is not None else ():
            instances *= t.hi - t.lo + 1
        count += instances
        if count > MOST_CONSTRAINTS:
            headline = f"`{f.name}` has {instances} instances, each with a fairness of its own"
            help_ = f"at most {MOST_CONSTRAINTS} in all"
            return Failed([Diagnostic("E0339", headline, a.span if a is not None else None, help=help_)])
    return None


def _fixed(b: Bound, values: dict[str, Const]) -> Value:
    """The value of a binder whose variables are known."""
    kind, leaf = b.value.type, b.value.leaf
    return Value(kind, lambda k, i: substitute(leaf(k, i), values))


def _operation(op: str, x: list[Formula]) -> Formula:
    match op:
        case "always":
            return Release(NO, x[0])
        case "eventually":
            return Until(YES, x[0])
        case "until":
            return Until(x[0], x[1])
        case "release":
            return Release(x[0], x[1])
        case _:
            return Release(NO, _implies(x[0], Until(YES, x[1])))


def _implies(a: Formula, b: Formula) -> Formula:
    return b if a == YES else Or((Not(a), b))


def _nodes(root: object) -> Iterator[object]:
    """Every node of the syntax tree below ``root``."""
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            stack.extend(reversed(node))
        elif dataclasses.is_dataclass(node) and not isinstance(node, Span):
            yield node
            stack.extend(getattr(node, f.name) for f in reversed(dataclasses.fields(node)))
