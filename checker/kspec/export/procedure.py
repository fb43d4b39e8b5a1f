"""A system for imperative target languages: procedures for steps and for properties.

A step is tried on copies of what it writes and ends with a status (``kspec.export.flat``); only a status of DONE makes
the copies the state.  Parameters of the action and the values that its body chooses are free variables of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from kspec.export.flat import (
    DISABLED,
    ENDED,
    FIRST,
    Exit,
    Flattener,
    Loop,
    Op,
    Region,
    Set,
    Store,
    When,
    exits,
    guarded,
)
from kspec.export.goals import Goals, goals, refused, restricted
from kspec.export.text import Names
from kspec.interp.machine import Machine
from kspec.system.effects import DEADLOCK, block_writes, expr_errors
from kspec.system.expr import Binary, Cell, Const, Expr, Unary, Var, bounds, walk
from kspec.system.model import Action, State, System
from kspec.system.stmt import Assign
from kspec.system.stmt import walk as walk_statements

MOST_INITIAL_STATES = 4096
STATUS = "status"


@dataclass(frozen=True)
class Step:
    """One action.  ``free``: its parameters, then its choices.  ``written``: the cells of the state that it copies."""

    name: str
    action: str
    free: tuple[Var, ...]
    written: tuple[Cell, ...]
    scratch: tuple[Cell, ...]
    locals: tuple[Var, ...]
    body: tuple[Op, ...]
    codes: tuple[int, ...]


@dataclass(frozen=True)
class Check:
    """What is to be looked at in every state; ``codes`` are the statuses that are violations.

    ``moves``: the variable that the target sets to whether any step has an outcome (only where deadlock is looked for).
    """

    name: str
    locals: tuple[Var, ...]
    body: tuple[Op, ...]
    codes: tuple[int, ...]
    moves: Var | None = None


@dataclass(frozen=True)
class Program:
    """A system ready for printing.  ``start_codes``: what the init block violates; ``events`` are the names of codes
    from FIRST on; ``status`` is the flag of steps and checks."""

    system: System
    goals: Goals
    names: Names
    status: Var
    initial: tuple[State, ...]
    start_codes: tuple[int, ...]
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]

    def event(self, code: int) -> str:
        """The property that a code is about."""
        return self.goals.names[code - FIRST]


def program(
    system: System, properties: Collection[str] | None, form: str, names: Names, quantifiers: bool, most: int
) -> Program:
    """The procedures of a system; intermediate values beyond ``most`` in size are refused.

    Raises Failed: E0701 for an unknown property, E0702 for what the target cannot say.
    """
    chosen = goals(system, properties)
    return _Maker(restricted(system, chosen), chosen, form, names, quantifiers, most).make()


@dataclass
class _Maker:
    system: System
    goals: Goals
    form: str
    names: Names
    quantifiers: bool
    most: int

    def __post_init__(self) -> None:
        self.status = Var(self.names.fresh(STATUS), 0, FIRST + len(self.goals.names))
        self.ignored = Var(self.names.fresh("going"), 0, 1)

    def make(self) -> Program:
        """All of it."""
        for cell in self.system.cells:
            self.names.of(cell.name)
        errors = {f"error.{k}" for e in self.system.limits for k in expr_errors(e)}
        if not errors <= set(self.goals.claims):
            raise refused(self.form, "a limit may raise an error that is not among the exported properties")
        initial, raised = self._initial()
        steps = tuple(self._step(a) for a in self.system.actions)
        checks = [c for p in self.system.properties if (c := self._check(p.name, p.kind, p.expr)) is not None]
        if self.system.deadlock:
            checks.append(self._deadlock())
        return Program(
            self.system, self.goals, self.names, self.status, initial, raised, steps,
            tuple(c for c in checks if c.codes),
        )  # fmt: skip

    def _initial(self) -> tuple[tuple[State, ...], tuple[int, ...]]:
        """The initial states, and what goes wrong before there is one: init has no inputs, so it is executed."""
        states: dict[State, None] = {}
        raised: set[int] = set()
        machine = Machine(self.system)
        for count, outcome in enumerate(machine.initial()):
            if count > 64 * MOST_INITIAL_STATES:
                raise refused(self.form, "init has too many choices")
            if outcome.error is not None:
                if outcome.error.property in self.goals.names:
                    raised.add(self._code(outcome.error.property))
            elif outcome.post is not None and not outcome.cut:
                states[outcome.post] = None
                for v in machine.state_violations(outcome.post):
                    if v.property.startswith("error.") and self.system.limits and v.property in self.goals.names:
                        raised.add(self._code(v.property))
            if len(states) > MOST_INITIAL_STATES:
                raise refused(self.form, f"it has more than {MOST_INITIAL_STATES} initial states")
        return tuple(states), tuple(sorted(raised))

    def _code(self, name: str) -> int:
        return FIRST + self.goals.names.index(name)

    def _on_event(self, name: str) -> tuple[Var, int]:
        """In steps: what is not claimed ends the step without a trace."""
        return self.status, self._code(name) if name in self.goals.names else ENDED

    def _in_property(self, name: str) -> tuple[Var, int]:
        """In properties: an error that is not claimed leaves the property undecided."""
        return (self.status, self._code(name)) if name in self.goals.names else (self.ignored, DISABLED)

    def _flattener(self, on_event: Callable[[str], tuple[Var, int]]) -> Flattener:
        return Flattener(on_event, self.status, self.names.fresh, self.quantifiers)

    def _step(self, a: Action) -> Step:
        f = self._flattener(self._on_event)
        free: list[Var] = []
        for var, t in a.params:
            free.append(Var(self.names.fresh(var.name), t.lo, t.hi))
            f.env[var.name] = free[-1]
        f.leave(Exit(self.status, DISABLED), Unary("not", f.value(a.guard)))
        f.run(a.body)
        inside: Expr = Const(1)
        for e in self.system.limits:
            inside = e if inside == Const(1) else Binary("and", inside, e)
        if self.system.limits:
            f.leave(Exit(self.status, ENDED), Unary("not", f.value(inside)))
        for p in self.system.properties:
            if p.kind == "step":
                self._property(f, p.name, p.expr, True)
        written = block_writes(a.body)
        return Step(
            name=self.names.fresh(a.name, "do_"),
            action=a.name,
            free=(*free, *f.picks),
            written=tuple(c for c in self.system.state_cells if c.name in written),
            scratch=tuple(c for c in self.system.cells if c.temp and _mentions(a, c)),
            locals=self._locals(f),
            body=self._ready(f.out),
            codes=_codes(f.out, self.status),
        )

    def _check(self, name: str, kind: str, expr: Expr) -> Check | None:
        if kind in ("step", "assert"):
            return None
        f = self._flattener(self._in_property)
        self._property(f, name, expr, kind != "reachable")
        return Check(self.names.fresh(name, "check_"), self._locals(f), self._ready(f.out), _codes(f.out, self.status))

    def _property(self, f: Flattener, name: str, expr: Expr, wanted: bool) -> None:
        """``name`` is violated where the condition is not as ``wanted`` (an error in it leaves it undecided)."""

        def body() -> None:
            holds = f.value(expr)
            if name in self.goals.names:
                f.fail(name, Unary("not", holds) if wanted else holds)

        saved, f.on_event = f.on_event, self._in_property
        made = f.nested(body)
        f.on_event = saved
        f.out += [Region(self.ignored, made)] if self.ignored in exits(made) else made

    def _deadlock(self) -> Check:
        f = self._flattener(self._in_property)
        moves = Var(self.names.fresh("moves"), 0, 1)
        ended: Expr = Const(0)
        for e in self.system.terminal:
            ended = e if ended == Const(0) else Binary("or", ended, e)
        stuck = f.nested(lambda: self._property(f, DEADLOCK, ended, True))
        f.out.append(When(Unary("not", moves), stuck))
        name = self.names.fresh(DEADLOCK, "check_")
        return Check(name, self._locals(f), self._ready(f.out), _codes(f.out, self.status), moves)

    def _locals(self, f: Flattener) -> tuple[Var, ...]:
        flags = [self.ignored] if self.ignored in _all_flags(f.out) else []
        for v in f.locals:
            if max(abs(v.lo), abs(v.hi)) > self.most:
                raise refused(self.form, f"a value may be as large as {max(abs(v.lo), abs(v.hi))}")
        return (*f.locals, *flags)

    def _ready(self, ops: Sequence[Op]) -> tuple[Op, ...]:
        for e in _expressions(ops):
            for n in walk(e):
                low, high = bounds(n)
                if max(abs(low), abs(high)) > self.most:
                    raise refused(self.form, f"a value may be as large as {max(abs(low), abs(high))}")
        return guarded(ops)


def _mentions(a: Action, cell: Cell) -> bool:
    return any(w.cell == cell for s in walk_statements(a.body) if isinstance(s, Assign) for w in s.writes)


def _codes(ops: Sequence[Op], status: Var) -> tuple[int, ...]:
    """The violations that a sequence may end with."""
    return tuple(sorted({x.code for x in _walk(ops) if isinstance(x, Exit) and x.flag == status and x.code >= FIRST}))


def _all_flags(ops: Sequence[Op]) -> set[Var]:
    return {x.flag for x in _walk(ops) if isinstance(x, Exit | Region)}


def _walk(ops: Sequence[Op]) -> list[Op]:
    out: list[Op] = []
    for op in ops:
        out.append(op)
        match op:
            case When(_, then, other):
                out += _walk(then) + _walk(other)
            case Loop(_, body) | Region(_, body):
                out += _walk(body)
            case _:
                pass
    return out


def _expressions(ops: Sequence[Op]) -> list[Expr]:
    out: list[Expr] = []
    for op in _walk(ops):
        match op:
            case Set(_, value):
                out.append(value)
            case Store(_, index, value):
                out += (*index, value)
            case When(cond):
                out.append(cond)
            case _:
                pass
    return out
