"""The engine ``bmc-z3``: bounded model checking on words, with Z3's solver for bit-vectors.

It shares nothing with the circuits of ``bmc``: the steps are the relation that certificates are re-checked
with, over bit-vectors, and the logic is named (QF_BV), which Z3 needs to be fast.  It is slower than ``bmc`` and
there to be compared with it.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

from kspec.certify.frames import Events, Frames
from kspec.certify.meaning import Memory, NotEncodable
from kspec.certify.terms import Formula, Number, Terms, number, width
from kspec.engine.protocol import Budget, Control, Finding, Goals, Progress, Result, Run, Step
from kspec.interp.machine import Machine, Outcome
from kspec.symbolic.bmc import DEPTH, Found
from kspec.symbolic.bounded import SolverGaveUp
from kspec.symbolic.supervise import Emit, supervise
from kspec.system.effects import obligations
from kspec.system.model import State, System

NAME = "bmc-z3"


@dataclass(frozen=True)
class WordBmcEngine:
    """Bounded model checking with Z3."""

    name: str = NAME

    def check(self, system: System, goals: Goals, budget: Budget, control: Control) -> Result:
        """Checks every property of the system up to ``budget.depth`` steps; see ``kspec.symbolic.bmc``."""
        started = time.monotonic()
        ending = supervise(lambda emit: search(system, goals, budget, emit), budget, control)
        result = ending.value or Result(NAME, "unknown", reason=ending.reason)
        if ending.reason:
            result = replace(result, status="unknown", reason=ending.reason)
        return replace(result, engine=NAME, seconds=time.monotonic() - started)


def search(system: System, goals: Goals, budget: Budget, emit: Emit[Result]) -> Result:
    """The search itself, handing over a result at every level."""
    found = Found(system)
    names = (*obligations(system), *sorted(found.goals))
    limit = DEPTH if budget.depth is None else budget.depth
    started = time.monotonic()
    complete: int | None = None
    try:
        words = _Words(system)
        while True:
            for finding in words.sweep([n for n in names if n not in found.names]):
                found.add(finding)
                emit.value(found.result("unknown", complete))
            complete = words.depth
            if found.enough(goals) or found.names >= set(names):
                return found.result("stopped", complete)
            if complete >= limit:
                return found.result("bounded", complete)
            emit.value(found.result("unknown", complete))
            emit.progress(Progress(NAME, depth=complete, seconds=time.monotonic() - started))
            words.advance()
    except (NotEncodable, SolverGaveUp) as e:
        return found.result("unknown", complete, str(e))


class Z3Terms(Terms):
    """Bit-vector terms of Z3, by the names that bitwuzla gives to what they are made with."""

    def __init__(self) -> None:
        """Raises ImportError when the package is missing."""
        z3: Any = importlib.import_module("z3")
        self.z3 = z3
        self.context = z3.Context()
        self._count = 0
        self._makers: Mapping[str, Any] = {
            "AND": lambda *x: z3.And(*x, self.context), "OR": lambda *x: z3.Or(*x, self.context), "NOT": z3.Not,
            "ITE": z3.If, "EQUAL": lambda a, b: a == b, "BV_SLT": lambda a, b: a < b, "BV_SGE": lambda a, b: a >= b,
            "BV_SLE": lambda a, b: a <= b, "BV_ADD": lambda a, b: a + b, "BV_SUB": lambda a, b: a - b,
            "BV_MUL": lambda a, b: a * b, "BV_SDIV": lambda a, b: a / b, "BV_SREM": z3.SRem,
        }  # fmt: skip

    def fresh_truth(self, name: str = "") -> Formula:
        """A new Boolean constant."""
        return self.z3.Bool(self._symbol("b", name), self.context)

    def fresh(self, lo: int, hi: int, name: str = "") -> tuple[Number, Formula]:
        """A new number, and the condition that it lies in ``lo..hi``."""
        if lo == hi:
            return number(lo), True
        if (lo, hi) == (0, 1):
            return Number(0, 1, truth=self.fresh_truth(name)), True
        w = width(lo, hi)
        term = self.z3.BitVec(self._symbol("x", name), w, self.context)
        low, high = self._make("BV_SGE", term, self._value(lo, w)), self._make("BV_SLE", term, self._value(hi, w))
        return Number(lo, hi, term), self.conj(low, high)

    def bits(self, n: Number, w: int) -> Any:
        """The term of ``n`` in ``w`` bits (sign-extended or cut)."""
        if n.lo == n.hi or n.truth is not None:
            return super().bits(n, w)
        have = n.term.size()
        if have == w:
            return n.term
        return self.z3.SignExt(w - have, n.term) if have < w else self.z3.Extract(w - 1, 0, n.term)

    def _value(self, value: int, w: int) -> Any:
        return self.z3.BitVecVal(value, w, self.context)

    def _make(self, kind: str, *parts: Any) -> Any:
        return self._makers[kind](*parts)


class _Words:
    """All runs from the initial states, level after level."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.machine = Machine(system)
        self.terms = Z3Terms()
        self.frames = Frames(system, self.terms)
        self.solver: Any = self.terms.z3.SolverFor("QF_BV", ctx=self.terms.context)
        start = self.frames.start()
        memory: Memory = {c.name: start.memory[c.name] for c in system.state_cells}
        self.path: list[Memory] = [memory]
        self.entered = self.terms.conj(start.going, self.frames.within(memory))
        self.failed: Events = start.events
        self.completed = self.frames.state_events(memory, stuck=True)

    @property
    def depth(self) -> int:
        """The current level."""
        return len(self.path) - 1

    def sweep(self, names: Sequence[str]) -> Iterator[Finding]:
        """Every event of ``names`` that happens at the level, each with a run."""
        t = self.terms
        pending = {
            n: t.disj(self.failed.get(n, False), t.conj(self.entered, self.completed.get(n, False))) for n in names
        }
        for name, event in pending.items():
            if event is False or not self._check(event):
                continue
            fails = self._true(self.failed.get(name, False))
            yield Finding(name, self._run(name, fails))

    def advance(self) -> None:
        """Runs that end here are left behind."""
        t, before = self.terms, self.path[-1]
        self._assert(self.entered)
        after, typed = self.frames.state()
        taken = self.frames.steps(before, after)
        for condition in (typed, *taken.conditions):
            self._assert(condition)
        self.failed = taken.raised
        self.entered = t.conj(t.disj(*taken.selectors), self.frames.within(after))
        self.completed = dict(self.frames.state_events(after, stuck=True))
        for name, event in self.frames.step_events(before, after).items():
            self.completed[name] = t.disj(self.completed.get(name, False), event)
        self.path.append(after)

    def _assert(self, condition: Formula) -> None:
        if condition is not True:
            self.solver.add(condition if condition is not False else self.terms.z3.BoolVal(False, self.terms.context))

    def _check(self, event: Formula) -> bool:
        try:
            answer = self.solver.check(*([] if event is True else [event]))
        except self.terms.z3.Z3Exception as e:
            raise SolverGaveUp(f"Z3 gave up at depth {self.depth}: {e}") from None
        if answer == self.terms.z3.unknown:
            raise SolverGaveUp(f"Z3 gave up at depth {self.depth}: {self.solver.reason_unknown()}")
        return bool(answer == self.terms.z3.sat)

    def _true(self, condition: Formula) -> bool:
        if isinstance(condition, bool):
            return condition
        return bool(self.terms.z3.is_true(self.solver.model().eval(condition, model_completion=True)))

    def _run(self, name: str, fails: bool) -> Run:
        """The run of the last model; the steps between its states are found by taking all that there are."""
        if fails and self.depth == 0:
            return Run(None)
        states = [self._state(memory) for memory in (self.path[:-1] if fails else self.path)]
        steps = [self._step(a, partial(_leads_to, b)) for a, b in pairwise(states)]
        if fails:
            steps.append(self._step(states[-1], lambda o: o.error is not None and o.error.property == name))
        return Run(states[0], tuple(steps))

    def _step(self, state: State, fits: Callable[[Outcome], bool]) -> Step:
        outcome = next(o for o in self.machine.steps(state) if fits(o))
        return Step(outcome.action, outcome.args, outcome.post)

    def _state(self, memory: Memory) -> State:
        return tuple(self._value(n) for c in self.system.state_cells for n in memory[c.name])

    def _value(self, n: Number) -> int:
        if n.lo == n.hi:
            return n.lo
        if n.truth is not None:
            return int(self._true(n.truth))
        return int(self.solver.model().eval(n.term, model_completion=True).as_signed_long())


def _leads_to(state: State, outcome: Outcome) -> bool:
    return outcome.post == state
