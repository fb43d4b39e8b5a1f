"""Counterexamples as runs: the chain of obligations is executed from its initial state.

Runs found by IC3 need not be shortest.  Bounded model checking looks for a shorter one, for a while.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kspec.engine.protocol import Budget, Control, Finding, Progress, Run, Step
from kspec.symbolic.bits import Bits, value_of
from kspec.symbolic.bounded import Search
from kspec.symbolic.encode import Template
from kspec.symbolic.ic3.block import Counterexample
from kspec.symbolic.ic3.problem import Problem
from kspec.symbolic.solver import new_solver
from kspec.symbolic.supervise import Emit, WorkError, supervise
from kspec.system.model import State


def findings(problem: Problem, counterexample: Counterexample, names: Iterable[str]) -> tuple[Finding, ...]:
    """Which of the events ``names`` happen at the end of the chain, each with the run to it."""
    t = problem.template
    state, steps = counterexample.start, list[Step]()
    obligation = counterexample.first
    while obligation.next is not None:
        taken = _step(problem, state, obligation.inputs)
        assert taken.post is not None
        steps.append(taken)
        state = taken.post
        obligation = obligation.next
    inputs = _inputs(problem, state, obligation.inputs)

    def happens(part: Mapping[str, int], name: str) -> bool:
        return name in part and t.aig.evaluate([part[name]], inputs)[0]

    entered = t.aig.evaluate([problem.entered], inputs)[0]

    out: list[Finding] = []
    for name in names:
        if happens(t.broken, name) or happens(t.reached, name):
            out.append(Finding(name, Run(counterexample.start, tuple(steps))))
        elif happens(t.raised, name) or (entered and happens(t.broken_step, name)):
            last = _step(problem, state, obligation.inputs)
            if not entered:
                last = replace(last, post=None)
            out.append(Finding(name, Run(counterexample.start, (*steps, last))))
    return tuple(out)


def _step(problem: Problem, state: State, inputs: tuple[int, ...]) -> Step:
    """The step that the inputs select, completed or not."""
    t = problem.template
    known = _inputs(problem, state, inputs)
    picked = t.aig.evaluate([a.chosen for a in t.actions], known)
    code = next(a for a, here in zip(t.actions, picked, strict=True) if here)
    args = tuple(_number(t, v, known) for v in code.args)
    return Step(code.action.name, args, tuple(_number(t, v, known) for v in t.following))


def _inputs(problem: Problem, state: State, inputs: tuple[int, ...]) -> Mapping[int, bool]:
    """The values of the graph's inputs (by node)."""
    t = problem.template
    known = {a >> 1: x > 0 for a, x in zip(t.inputs, inputs, strict=True)}
    for v, value in zip(t.state, state, strict=True):
        known.update((a >> 1, bool((value - v.lo) >> i & 1)) for i, a in enumerate(v.literals))
    return known


def _number(t: Template, v: Bits, known: Mapping[int, bool]) -> int:
    return value_of(v, t.aig.evaluate(v.literals, known))


@dataclass(frozen=True)
class Shortened:
    """Findings, and whether nothing that was looked for happens in fewer steps."""

    findings: tuple[Finding, ...]
    shortest: bool


def shortened(template: Template, finding: Finding, names: Sequence[str], clean: int, seconds: float) -> Shortened:
    """The first that happens of ``names``, each by a shortest run, if that can be told in time.

    ``finding`` is of one of the names.  ``clean``: the number of steps within which none of them happens.
    """
    length = finding.run.length if finding.run else 0
    if length <= clean + 1:
        return Shortened((finding,), True)

    def work(emit: Emit[tuple[Finding, ...]]) -> tuple[Finding, ...]:
        search = Search(template, new_solver())
        while search.depth < length:
            level = search.level()
            found = tuple(search.sweep(level, names)) if search.depth > clean else ()
            if found:
                return found
            search.advance(level)
        return (finding,)

    try:
        ending = supervise(work, Budget(seconds=seconds), _Unwatched())
    except WorkError:
        return Shortened((finding,), False)
    done = ending.value is not None and not ending.reason
    return Shortened(ending.value or (finding,), done)


class _Unwatched(Control):
    """Nobody looks on: whoever cancels the engine ends this process with it."""

    def cancelled(self) -> bool:
        return False

    def report(self, progress: Progress) -> None:
        pass
