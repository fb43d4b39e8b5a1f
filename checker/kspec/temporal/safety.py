"""Temporal properties as invariants: a system that can save its state, and is wrong when it comes back to it.

The method of A. Biere, C. Artho and V. Schuppan, "Liveness checking as safety checking", FMICS 2002, for a claim
of a temporal property: beside the system runs the automaton of the negated claim; at any step the state of both may
be copied, once.  From then on it is noted which acceptance sets were met, and how each fairness constraint was.
A lasso is a state equal to the copy at which everything was met.  If no such state can be reached, no fair
behaviour violates the claim (the system being finite, some fair violating behaviour would be a lasso).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from kspec.engine.protocol import Run, Step
from kspec.system.effects import expr_errors
from kspec.system.expr import FALSE, TRUE, Binary, Cell, Const, Expr, Ite, Quant, Read, Unary, Var
from kspec.system.model import Action, Property, System
from kspec.system.observe import Observations
from kspec.system.rewrite import substitute
from kspec.system.simplify import simplify
from kspec.system.stmt import Assign, Block, Choose, If, Require, Stmt, Write, walk
from kspec.system.temporal import Atom, Claim, Constraint, Holds, constraints, means
from kspec.temporal.automaton import Automaton, violating
from kspec.types import BoolType, IdType, OptType, RangeType, Scalar

GOAL = "no fair behaviour violates the claim"
STAY = "(nothing can happen)"
MOST_CONSTRAINTS = 64


class InexpressibleError(Exception):
    """The system cannot be transformed; the text says why."""


@dataclass(frozen=True)
class Transformed:
    """The system with ``GOAL`` as its only property.  Its states begin with those of ``original``."""

    original: System
    system: System
    saved: int
    """The position of the flag that says that a state was saved."""

    def lasso(self, run: Run) -> Run:
        """The behaviour of the original system that a violation of ``GOAL`` shows."""
        width = self.original.width
        assert run.initial is not None
        steps: list[Step] = []
        loop: int | None = None
        for s in run.steps:
            assert s.post is not None, "a run to a state"
            if loop is None and s.post[self.saved]:
                loop = len(steps)
            if s.action == STAY:
                return Run(run.initial[:width], tuple(steps), len(steps))
            steps.append(Step(s.action, s.args, s.post[:width]))
        return Run(run.initial[:width], tuple(steps), loop)


def transformed(system: System, claim: Claim) -> Transformed:
    """The transformation for one claim; raises InexpressibleError, and TooLargeError from the automaton."""
    return _Maker(system, violating(claim.formula)).make()


def enabled(action: Action) -> Expr:
    """Whether a step of the action can be taken, over its parameters; raises InexpressibleError."""
    conditions = [action.guard]
    todo: list[Stmt] = [action.body]
    plain = True  # nothing has been written, and no name bound
    while todo:
        s = todo.pop(0)
        match s:
            case Block(stmts):
                todo = [*stmts, *todo]
            case Require(cond) if plain:
                conditions.append(cond)
            case _:
                plain = False
                partly = any(_may_disable(x) for x in walk(s))
                if partly and not (isinstance(s, Choose) and s.where == TRUE):
                    raise InexpressibleError(f"whether {action.name} can be taken is known only after a part of it")
    if any(expr_errors(c) for c in conditions):
        raise InexpressibleError(f"the guard of {action.name} can raise an error")
    return _all(conditions)


def _may_disable(s: Stmt) -> bool:
    return isinstance(s, Require) or (isinstance(s, Choose) and s.on_empty == "disable")


class _Maker:
    def __init__(self, system: System, automaton: Automaton) -> None:
        self.system, self.automaton = system, automaton
        self.fair = constraints(system)
        if len(self.fair) > MOST_CONSTRAINTS:
            raise InexpressibleError(f"more than {MOST_CONSTRAINTS} fairness constraints")
        for a in automaton.atoms:
            if isinstance(a, Holds) and expr_errors(a.expr):
                raise InexpressibleError("a condition of the property can raise an error")
        states = RangeType(0, max(1, len(automaton.edges) - 1))
        self.edges = [(q, e) for q, row in enumerate(automaton.edges) for e in row]
        self.q, self.q_saved = Cell("(automaton)", (), states), Cell("(automaton saved)", (), states)
        self.saved = Cell("(saved)", (), BoolType())
        self.copies = [(c, Cell(f"(saved) {c.name}", c.dims, c.type)) for c in system.state_cells]
        self.marks = [Cell(f"(accepted {i})", (), BoolType()) for i in range(automaton.sets)]
        self.met = [Cell(f"(fair {i})", (), BoolType()) for i in range(len(self.fair))]
        self.able = [Cell(f"(enabled {i})", (), BoolType()) for i in range(len(self.fair))]

    def make(self) -> Transformed:
        s = self.system
        enabling = {i: enabled(a) for i, a in enumerate(s.actions)}
        can = [self._any_args(a, enabling[i]) for i, a in enumerate(s.actions)]
        on = [self._can(c, enabling) for c in self.fair]
        actions = [
            dataclasses.replace(a, body=Block((*self._watch(a, on), a.body))) for a in s.actions
        ]
        actions.append(Action(STAY, (), simplify(_not(_any(can))), Block(tuple(self._watch(None, on)))))
        single = (self.q, self.q_saved, self.saved, *self.marks, *self.met, *self.able)
        cells = (*s.cells, *single, *(copy for _, copy in self.copies))
        cells = tuple(
            dataclasses.replace(c, dims=tuple(map(_told_apart, c.dims)), type=_told_apart(c.type)) for c in cells
        )
        start = (*s.start, *(0 for _ in single), *s.start)
        goal = Property(GOAL, "invariant", self._goal())
        made = dataclasses.replace(
            s, cells=cells, start=start, actions=tuple(actions), properties=(goal,), terminal=(), deadlock=False,
            fairness=(), observations=Observations(),
        )  # fmt: skip
        return Transformed(s, made, made.offsets[self.saved.name])

    def _any_args(self, action: Action, e: Expr) -> Expr:
        for v, _ in reversed(action.params):
            e = Quant("exists", v, e)
        return e

    def _can(self, c: Constraint, enabling: dict[int, Expr]) -> Expr:
        """Whether a step of the constraint can be taken."""
        out = []
        for i, a in enumerate(self.system.actions):
            if a.name in c.actions:
                values: dict[str, Expr] = {v.name: Const(n) for (v, _), n in zip(a.params, c.args, strict=True)}
                out.append(simplify(substitute(enabling[i], values)))
        return _any(out)

    def _letter(self, atom: Atom, action: Action | None) -> Expr:
        """The truth of an atom before a step of the action (None: nothing happens)."""
        if isinstance(atom, Holds):
            return atom.expr
        if action is None or not means(atom, action):
            return FALSE
        pairs = zip(action.params, atom.args, strict=True)
        return _all(Binary("eq", v, Const(n)) for (v, _), n in pairs if n is not None)

    def _watch(self, action: Action | None, on: list[Expr]) -> list[Stmt]:
        """What is done beside a step, before it."""
        letters = [self._letter(a, action) for a in self.automaton.atoms]
        edge = Var("(edge)", 0, max(0, len(self.edges) - 1))
        save = Var("(save)", 0, 1)

        def fits(q: int, need: int, value: int) -> Expr:
            wanted = (x if value >> i & 1 else _not(x) for i, x in enumerate(letters) if need >> i & 1)
            return _all([Binary("eq", Read(self.q), Const(q)), *wanted])

        ways = [
            _all([Binary("eq", edge, Const(n)), fits(q, e.need, e.value)]) for n, (q, e) in enumerate(self.edges)
        ]
        to: Expr = Const(0)
        for n, (_, e) in enumerate(self.edges):
            to = Ite(Binary("eq", edge, Const(n)), Const(e.to), to)
        writes = [Write(self.q, (), to), Write(self.saved, (), Binary("or", Read(self.saved), _is(save)))]
        now = Binary("or", Read(self.saved), _is(save))
        for i, mark in enumerate(self.marks):
            inside = _any(Binary("eq", edge, Const(n)) for n, (_, e) in enumerate(self.edges) if e.marks >> i & 1)
            writes.append(self._note(mark, now, inside))
        for k, c in enumerate(self.fair):
            taken: Expr = FALSE
            if action is not None and action.name in c.actions:
                pairs = zip(action.params, c.args, strict=True)
                taken = _all(Binary("eq", v, Const(n)) for (v, _), n in pairs)
            met = taken if c.kind == "strong" else Binary("or", taken, _not(on[k]))
            writes.append(self._note(self.met[k], now, met))
            if c.kind == "strong":
                writes.append(self._note(self.able[k], now, on[k]))
        copies = [Write(self.q_saved, (), Read(self.q))]
        for cell, copy in self.copies:
            at = _indices(cell)
            copies.append(Write(copy, at, Read(cell, at), at))
        return [
            Choose(edge, simplify(_any(ways)), "disable"),
            Choose(save, Binary("or", _not(_is(save)), _not(Read(self.saved))), "disable"),
            If(_is(save), Block((Assign(tuple(copies)),)), Block()),
            Assign(tuple(writes)),
        ]

    def _note(self, flag: Cell, now: Expr, what: Expr) -> Write:
        """The flag is set when that happens after the state was saved."""
        return Write(flag, (), simplify(Binary("or", Read(flag), Binary("and", now, what))))

    def _goal(self) -> Expr:
        """That the state is no end of a lasso."""
        same: list[Expr] = [Read(self.saved), Binary("eq", Read(self.q), Read(self.q_saved))]
        same += [Read(m) for m in self.marks]
        for k, c in enumerate(self.fair):
            met: Expr = Read(self.met[k])
            same.append(met if c.kind == "weak" else Binary("or", met, _not(Read(self.able[k]))))
        for cell, copy in self.copies:
            at = _indices(cell)
            equal: Expr = Binary("eq", Read(cell, at), Read(copy, at))
            for v in reversed(at):
                equal = Quant("forall", v, equal)
            same.append(equal)
        return _not(_all(same))


def _told_apart(t: Scalar) -> Scalar:
    """The type with identities that cannot be renamed: claims and constraints name single ones."""
    match t:
        case IdType():
            return dataclasses.replace(t, ordered=True)
        case OptType(IdType() as base):
            return dataclasses.replace(t, base=_told_apart(base))
    return t


def _indices(cell: Cell) -> tuple[Var, ...]:
    return tuple(Var(f"(index {i})", d.lo, d.hi, d) for i, d in enumerate(cell.dims))


def _is(v: Var) -> Expr:
    return Binary("eq", v, Const(1))


def _not(e: Expr) -> Expr:
    return Unary("not", e)


def _all(parts: Iterable[Expr]) -> Expr:
    out: Expr = TRUE
    for p in parts:
        out = p if out == TRUE else Binary("and", out, p)
    return out


def _any(parts: Iterable[Expr]) -> Expr:
    out: Expr = FALSE
    for p in parts:
        out = p if out == FALSE else Binary("or", out, p)
    return out
