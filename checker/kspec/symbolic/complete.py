"""Completion of partial scenarios: a shortest run that begins as told and ends as wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kspec.engine.protocol import Budget, Control, Progress, Run
from kspec.symbolic.aig import FALSE, TRUE
from kspec.symbolic.bits import Arithmetic
from kspec.symbolic.bmc import DEPTH
from kspec.symbolic.bounded import Level, Search, SolverGaveUp
from kspec.symbolic.encode import encode
from kspec.symbolic.evaluate import Unsupported
from kspec.symbolic.jump import SOLVER, available
from kspec.symbolic.solver import PySat, new_solver
from kspec.symbolic.supervise import Emit, supervise
from kspec.symbolic.tidy import SECONDS, Choice, Uninterrupted
from kspec.symbolic.unroll import Frame
from kspec.system.check import Do
from kspec.system.expr import Expr
from kspec.system.model import System


@dataclass(frozen=True)
class Completion:
    """``run`` is a shortest run that was asked for; None when there is none of up to ``bound`` steps.

    ``reason`` says why the search ended before the depth that was asked for; empty when it did not.
    """

    run: Run | None
    bound: int | None
    reason: str = ""


def complete(
    system: System,
    target: Expr | str,
    prefix: Sequence[Do | None],
    budget: Budget,
    control: Control,
) -> Completion:
    """A shortest run that takes the steps of ``prefix`` first and in whose last state ``target`` holds.

    ``target`` may be the name of a property to be violated (or, when it is ``reachable``, reached) at
    the end instead.  An item of ``prefix`` that is None is any step; an argument that is None any value.
    At most ``budget.depth`` steps are taken.  Raises ValueError for names that the system does not have.
    """
    _check_names(system, target, prefix)
    ending = supervise(lambda emit: _search(system, target, tuple(prefix), budget, emit), budget, control)
    found = ending.value or Completion(None, None)
    return Completion(found.run, found.bound, ending.reason or found.reason)


def _check_names(system: System, target: Expr | str, prefix: Sequence[Do | None]) -> None:
    actions = {a.name: len(a.params) for a in system.actions}
    for step in prefix:
        for name in step.actions if step else ():
            if name not in actions:
                raise ValueError(f"there is no action {name}")
            if step and len(step.args) != actions[name]:
                raise ValueError(f"{name} takes {actions[name]} arguments, not {len(step.args)}")
    if isinstance(target, str):
        known = {p.name for p in system.properties}
        if target not in known and target != "deadlock" and not target.startswith("error."):
            raise ValueError(f"there is no property {target}")


def _search(
    system: System,
    target: Expr | str,
    prefix: tuple[Do | None, ...],
    budget: Budget,
    emit: Emit[Completion],
) -> Completion:
    try:
        template = encode(system)
        goal = TRUE if isinstance(target, str) else template.condition(target)
    except Unsupported as e:
        return Completion(None, None, str(e))
    limit = DEPTH if budget.depth is None else budget.depth
    search = Search(template, new_solver())
    complete_to: int | None = None
    while True:
        level = search.level()
        if search.depth >= len(prefix):
            try:
                run = _ending(search, level, target, goal)
            except SolverGaveUp as e:
                return Completion(None, complete_to, str(e))
            if run is not None:
                emit.value(Completion(run, search.depth))
                return Completion(_chosen(system, target, prefix, run), search.depth)
        complete_to = search.depth
        if complete_to >= limit:
            return Completion(None, complete_to)
        emit.value(Completion(None, complete_to))
        emit.progress(Progress("complete", depth=complete_to, note=f"{len(search.aig)} gates"))
        step = prefix[search.depth] if search.depth < len(prefix) else None
        if step is not None:
            search.clauses.require(_taken(search.frames[search.depth], step))
        search.advance(level)


def _chosen(system: System, target: Expr | str, prefix: tuple[Do | None, ...], run: Run) -> Run:
    """Of the runs of that length the one to show: see ``kspec.symbolic.tidy``."""
    if run.initial is None or not available():
        return run
    template = encode(system)
    goal = TRUE if isinstance(target, str) else template.condition(target)
    sat = PySat(SOLVER)
    search = Search(template, sat)
    for i in range(run.length):
        step = prefix[i] if i < len(prefix) else None
        if step is not None:
            search.clauses.require(_taken(search.frames[i], step))
        search.advance(search.level())
    level = search.level()
    name = target if isinstance(target, str) else ""
    wanted = level.event(search.aig, name) if name else level.entered
    search.clauses.require(search.aig.and_(wanted, search.frames[run.length].literal(goal)))
    best = Choice(search, sat, level, level.failed.get(name, FALSE))
    return supervise(lambda emit: best.best(name)[0], Budget(seconds=SECONDS), Uninterrupted()).value or run


def _ending(search: Search, level: Level, target: Expr | str, goal: int) -> Run | None:
    """A run of the level that ends as wanted; if there is none, that is remembered."""
    if isinstance(target, str):
        return next((f.run for f in search.sweep(level, (target,))), None)
    wanted = search.aig.and_(level.entered, search.frames[search.depth].literal(goal))
    model = search.solve((wanted,))
    if model is None:
        search.clauses.require(wanted ^ 1)
        return None
    return search.run(level, "", model)


def _taken(frame: Frame, step: Do) -> int:
    """The step from a frame is one of the actions, with the arguments that are given."""
    math = Arithmetic(frame.aig)
    choices: list[int] = []
    for code in frame.template.actions:
        if code.action.name in step.actions:
            same = [
                math.equal_to(frame.bits(v), value)
                for v, value in zip(code.args, step.args, strict=True)
                if value is not None
            ]
            choices.append(frame.aig.all([frame.literal(code.chosen), *same]))
    return frame.aig.any(choices)
