"""The reference interpreter of a transition system: initial states, steps, and the truth of properties.

It is the oracle of the project: every counterexample is re-executed here, and every engine is tested
against it.  What it does where the contract leaves room, for all engines to follow:

* Order: actions as declared; argument values ascending, the last parameter fastest; choices ascending.
* Limits are one conjunction, evaluated in order with short-circuit, in every initial and every post state:
  false cuts the state off; an error is a violation ``error.<kind>`` of the run that ends in the state,
  which is then entered.  Terminals are one disjunction, in order with short-circuit, evaluated only in a
  state without any outcome, and only if deadlocks are looked for.
* Invariants, lemmas and ``reachable`` properties are evaluated in every state that is entered, step
  properties on every transition (not on a step that is cut off).  An error in one of them is a violation
  ``error.<kind>`` of the run that ends there; it is then neither violated nor reached.
* A deadlock is a state with no outcome at all (completed, cut off or failed) that is not terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import NamedTuple

from kspec.interp.evaluate import CHOICES, OLD, EvalError, Fn, Frame, Scope, compile_expr
from kspec.interp.execute import (
    AssertError,
    DisabledError,
    Exec,
    Message,
    Script,
    compile_block,
    compile_message,
)
from kspec.system.expr import Expr, Site, Var
from kspec.system.model import Action, Property, State, System
from kspec.system.stmt import Block

KEPT_ARGUMENTS = 4096
"""Actions with at most that many argument lists keep them."""


class Violation(NamedTuple):
    """What went wrong: the property (a declared name, ``deadlock`` or ``error.<kind>``), where, in words."""

    property: str
    site: Site
    message: str


class Outcome(NamedTuple):
    """One way in which an action with its arguments can go (or an initial state; the action is then "").

    Exactly one of: it completes (``post``), it is cut off by a limit (``post`` and ``cut``), or it fails
    (``error``, and ``post`` is None).  ``choices`` are the values chosen inside the body.
    """

    action: str
    args: tuple[int, ...]
    post: State | None
    error: Violation | None = None
    cut: bool = False
    choices: tuple[int, ...] = ()


class Machine:
    """The closures of one system, and what can be asked of it.  Not to be shared between threads."""

    def __init__(self, system: System) -> None:
        """Compiles the system; raises MalformedError when it breaks the contract in a way that shows."""
        self.system = system
        offsets = dict(system.offsets)
        scratch = system.width
        for cell in system.cells:
            if cell.temp:
                offsets[cell.name] = scratch
                scratch += cell.size
        self._offsets = offsets
        self._temps: tuple[None, ...] = (None,) * (scratch - system.width)
        self._init = _Step(system.init, offsets)
        self._actions = tuple(_Action(a, offsets) for a in system.actions)
        self._by_name: dict[str, list[_Action]] = {}
        for act in self._actions:
            self._by_name.setdefault(act.name, []).append(act)
        self._limits = [_Formula(e, offsets) for e in system.limits]
        self._terminal = [_Formula(e, offsets) for e in system.terminal]
        checks = {p.name: _Check(p, offsets) for p in system.properties if p.kind != "assert"}
        self._checks = checks
        self._state_checks = [c for c in checks.values() if c.kind != "step"]
        self._step_checks = [c for c in checks.values() if c.kind == "step"]
        self._formulas: dict[tuple[int, tuple[str, ...]], tuple[Expr, _Formula]] = {}

    def initial(self) -> Iterator[Outcome]:
        """The outcomes of the init block, one for every path of choices that is not disabled."""
        step = self._init
        for post, error, choices in step.run(self.system.start, self._temps, step.frame.env()):
            yield Outcome("", (), post, error, post is not None and not self.within(post), choices)

    def steps(self, state: State, poll: Callable[[], None] | None = None) -> Iterator[Outcome]:
        """Every outcome of every action in a state.  ``poll`` is called now and then where arguments are
        many; it may raise to give up."""
        for act in self._actions:
            yield from self._fire(act, state, act.arguments(), poll)

    def fire(self, state: State, action: str, args: tuple[int, ...]) -> Iterator[Outcome]:
        """The outcomes of one action with given arguments; none when it is disabled, when there is no such
        action, or when the arguments are not of its parameters' types."""
        for act in self._by_name.get(action, ()):
            if len(args) == len(act.domains) and all(a in d for a, d in zip(args, act.domains)):
                yield from self._fire(act, state, (args,))

    def enabled(self, state: State, action: str, args: tuple[int, ...]) -> bool:
        """Whether the action can be taken at all: it has an outcome, be it cut off or an error."""
        return next(self.fire(state, action, args), None) is not None

    def blocked_at(self, state: State, action: str, args: tuple[int, ...]) -> tuple[Site, ...]:
        """The requirements and choices in the body that disable the action, one for every path of choices
        that they end; none where the guard does not hold."""
        sites: list[Site] = []
        for act in self._by_name.get(action, ()):
            env = act.frame.env()
            env[act.slots] = args
            try:
                if act.guard(state, env):
                    for _ in act.run(state, self._temps, env, sites):
                        env[act.slots] = args
            except EvalError:
                continue
        return tuple(sites)

    def within(self, state: State) -> bool:
        """Whether the state lies within the limits (an error while evaluating one counts as within)."""
        try:
            return all(limit.fn(state, limit.env) for limit in self._limits)
        except EvalError:
            return True

    def judge(self, state: State) -> tuple[tuple[Violation, ...], tuple[str, ...]]:
        """What is wrong with a state itself (errors in limits and state properties, false invariants), and
        the ``reachable`` properties that hold in it; both in the order of declaration."""
        wrong: list[Violation] = []
        reached: list[str] = []
        try:
            all(limit.fn(state, limit.env) for limit in self._limits)
        except EvalError as e:
            wrong.append(_error(e))
        for c in self._state_checks:
            truth = _truth(c, state)
            if isinstance(truth, EvalError):
                wrong.append(_error(truth))
            elif c.kind == "reachable":
                if truth:
                    reached.append(c.name)
            elif not truth:
                wrong.append(c.violation(state, None))
        return tuple(wrong), tuple(reached)

    def message(self, name: str, state: State) -> str:
        """The message of a state property, with the values of a state."""
        return self._checks[name].violation(state, None).message

    def reached(self, state: State) -> tuple[str, ...]:
        """The ``reachable`` properties that hold in a state."""
        return self.judge(state)[1]

    def state_violations(self, state: State) -> tuple[Violation, ...]:
        """What is wrong with a state itself: errors in limits and state properties, false invariants."""
        return self.judge(state)[0]

    def step_violations(self, old: State, state: State) -> tuple[Violation, ...]:
        """The step properties that a transition violates, and errors in them."""
        out: list[Violation] = []
        for c in self._step_checks:
            truth = _truth(c, state, old)
            if isinstance(truth, EvalError):
                out.append(_error(truth))
            elif not truth:
                out.append(c.violation(state, old))
        return tuple(out)

    def deadlock_violations(self, state: State) -> tuple[Violation, ...]:
        """What is wrong with a state that has no outcome: a deadlock, nothing when it is terminal, or the
        error of a terminal expression."""
        if not self.system.deadlock:
            return ()
        try:
            if any(t.fn(state, t.env) for t in self._terminal):
                return ()
        except EvalError as e:
            return (_error(e),)
        return (Violation("deadlock", Site(), "nothing can happen in this state, and it is not terminal"),)

    def violations(self, state: State) -> tuple[Violation, ...]:
        """:meth:`state_violations`, and :meth:`deadlock_violations` where nothing can happen."""
        out = self.state_violations(state)
        return out if any(True for _ in self.steps(state)) else out + self.deadlock_violations(state)

    def value(
        self, expr: Expr, state: State, old: State | None = None, env: Mapping[str, int] | None = None
    ) -> int:
        """The value of an expression in a state; ``env`` gives the values of free variables by name.

        Raises EvalError.  The closure is kept for the next call with the same object.
        """
        names = tuple(env) if env else ()
        key = (id(expr), names)
        if key not in self._formulas:
            if len(self._formulas) >= 4096:
                self._formulas.clear()
            self._formulas[key] = (expr, _Formula(expr, self._offsets, names))
        formula = self._formulas[key][1]
        frame = list(formula.env)
        frame[OLD] = old
        for slot, name in zip(formula.slots, names):
            frame[slot] = env[name] if env else 0
        return formula.fn(state, frame)

    def holds(
        self, expr: Expr, state: State, old: State | None = None, env: Mapping[str, int] | None = None
    ) -> bool:
        """:meth:`value` of a condition as a truth value; raises EvalError."""
        return bool(self.value(expr, state, old, env))

    def _fire(
        self,
        act: _Action,
        state: State,
        arguments: Iterable[tuple[int, ...]],
        poll: Callable[[], None] | None = None,
    ) -> Iterator[Outcome]:
        name, guard, slots = act.name, act.guard, act.slots
        env = act.frame.env()
        for count, args in enumerate(arguments, 1):
            if poll is not None and count % 1024 == 0:
                poll()
            env[slots] = args
            try:
                if not guard(state, env):
                    continue
            except EvalError as e:
                yield Outcome(name, args, None, _error(e))
                continue
            for post, error, choices in act.run(state, self._temps, env):
                yield Outcome(name, args, post, error, post is not None and not self.within(post), choices)
                env[slots] = args


class _Step:
    """A compiled body."""

    def __init__(self, body: Block, offsets: Mapping[str, int], params: tuple[Var, ...] = ()) -> None:
        self.frame = Frame()
        scope = Scope(self.frame, offsets)
        first = self.frame.size
        for var in params:
            scope, _ = scope.bind(var)
        self.slots = slice(first, self.frame.size)
        self.scope = scope
        self.body: Exec = compile_block(body, scope)

    def run(
        self,
        state: State,
        temps: tuple[None, ...],
        env: list[object],
        disabled: list[Site] | None = None,
    ) -> Iterator[tuple[State | None, Violation | None, tuple[int, ...]]]:
        """Executes the body once for every path of choices; those that are disabled give nothing (their
        sites are added to ``disabled``)."""
        script = Script()
        while True:
            env[CHOICES] = script
            scalars: list[int | None] = [*state, *temps]
            try:
                self.body(scalars, env)
            except DisabledError as d:
                if disabled is not None:
                    disabled.append(d.site)
            except EvalError as e:
                yield None, _error(e), script.taken
            except AssertError as a:
                yield None, Violation(a.name, a.site, a.message), script.taken
            else:
                yield tuple(scalars[: len(state)]), None, script.taken  # type: ignore[arg-type]
            if not script.advance():
                return


class _Action(_Step):
    """A compiled action."""

    def __init__(self, action: Action, offsets: Mapping[str, int]) -> None:
        super().__init__(action.body, offsets, tuple(v for v, _ in action.params))
        self.name = action.name
        self.domains = [range(t.lo, t.hi + 1) for _, t in action.params]
        self.guard: Fn = compile_expr(action.guard, self.scope)
        few = prod(map(len, self.domains)) <= KEPT_ARGUMENTS
        self.kept = tuple(product(*self.domains)) if few else None

    def arguments(self) -> Iterable[tuple[int, ...]]:
        """Every argument list, ascending, the last parameter fastest."""
        return _lazy_product(self.domains) if self.kept is None else self.kept


class _Formula:
    """A compiled expression with the environment it is evaluated in; free variables get slots."""

    def __init__(self, expr: Expr, offsets: Mapping[str, int], names: tuple[str, ...] = ()) -> None:
        frame = Frame()
        scope = Scope(frame, offsets)
        self.slots: list[int] = []
        for name in names:
            scope, slot = scope.bind(Var(name, 0, 0))
            self.slots.append(slot)
        self.fn: Fn = compile_expr(expr, scope)
        self.env = frame.env()


class _Check(_Formula):
    """A compiled property."""

    def __init__(self, prop: Property, offsets: Mapping[str, int]) -> None:
        super().__init__(prop.expr, offsets)
        self.name, self.kind, self.span = prop.name, prop.kind, prop.span
        frame = Frame()
        self.message: Message = compile_message(prop.message, Scope(frame, offsets))
        self.message_env = frame.env()

    def violation(self, state: State, old: State | None) -> Violation:
        """The violation of the property, with its message."""
        self.message_env[OLD] = old
        return Violation(self.name, Site(self.span), self.message(state, self.message_env))


def _lazy_product(domains: Sequence[range]) -> Iterator[tuple[int, ...]]:
    """``itertools.product`` that does not hold the domains in memory."""
    if not domains:
        yield ()
        return
    for v in domains[0]:
        for rest in _lazy_product(domains[1:]):
            yield (v, *rest)


def _truth(check: _Check, state: State, old: State | None = None) -> bool | EvalError:
    check.env[OLD] = old
    try:
        return bool(check.fn(state, check.env))
    except EvalError as e:
        return e


def _error(e: EvalError) -> Violation:
    return Violation(f"error.{e.kind}", e.site, e.detail)
