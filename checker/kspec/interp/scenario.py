"""Runs scenarios: unit tests of a model, on the set of states that the script so far allows.

A step of the script fails when it cannot be taken in any state of the set, when nothing but errors or
steps beyond a limit comes of it, or when what comes of it is wrong in every case (a false invariant or step
property): a violation that only some ways of taking the step show does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kspec.engine.protocol import Run, Step
from kspec.interp.confirm import violation
from kspec.interp.disabled import call_text, matching, readings, source_text, why_disabled
from kspec.interp.evaluate import EvalError
from kspec.interp.machine import Machine, Outcome, Violation
from kspec.system.check import Disabled, Do, Expect, Pick, Scenario, ScenarioStep
from kspec.system.expr import Expr, Site
from kspec.system.model import State, System
from kspec.types import show_scalar

MOST_DETAILS = 8


@dataclass(frozen=True)
class ScenarioResult:
    """How a scenario went.

    When it failed: ``step`` is the number of the failing step from 0 (None: before the first one), ``why``
    a sentence, ``details`` more lines, ``run`` one execution that the script allows up to there.
    """

    ok: bool
    step: int | None = None
    site: Site = field(default=Site(), compare=False)
    why: str = ""
    details: tuple[str, ...] = ()
    run: Run | None = None


@dataclass(frozen=True)
class _Node:
    """A state of the set, and how the script got there."""

    state: State
    before: _Node | None = None
    step: Step | None = None

    def run(self, *more: Step) -> Run:
        steps = list(reversed(more))
        node = self
        while node.before is not None and node.step is not None:
            steps.append(node.step)
            node = node.before
        return Run(node.state, tuple(reversed(steps)))


class _FailedError(Exception):
    def __init__(self, why: str, details: Iterable[str] = (), run: Run | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.details = tuple(details)
        self.run = run


def run_scenario(system: System | Machine, scenario: Scenario) -> ScenarioResult:
    """Executes a scenario on the system it was written for (with its parameters set)."""
    machine = system if isinstance(system, Machine) else Machine(system)
    at: int | None = None
    site = scenario.site
    try:
        nodes = _initial(machine)
        for at, step in enumerate(scenario.steps):
            site = step.site
            nodes = _take(machine, step, nodes)
            if isinstance(step, Do) and step.violates is not None:
                if at < len(scenario.steps) - 1:
                    site = scenario.steps[at + 1].site
                    raise _FailedError("nothing can follow a step that violates a property")
                break
    except _FailedError as f:
        return ScenarioResult(False, at, site, f.why, f.details, f.run)
    return ScenarioResult(True)


def _initial(machine: Machine) -> list[_Node]:
    outcomes = list(machine.initial())
    nodes = _unique(_Node(o.post) for o in outcomes if o.post is not None and not o.cut)
    if not nodes:
        errors = [o.error for o in outcomes if o.error is not None]
        if errors:
            raise _FailedError(_violates("the init block", errors[0]), run=Run(None))
        raise _FailedError("there is no initial state")
    wrong = [machine.state_violations(n.state) for n in nodes]
    if all(wrong):
        raise _FailedError(_violates("every initial state", wrong[0][0]), run=nodes[0].run())
    return nodes


def _take(machine: Machine, step: ScenarioStep, nodes: list[_Node]) -> list[_Node]:
    """The set of states after a step of the script."""
    match step:
        case Do():
            return _do(machine, step, nodes)
        case Disabled():
            _disabled(machine, step, nodes)
            return nodes
        case Expect(cond):
            false = [n for n in nodes if not _holds(machine, cond, n)]
            if false:
                raise _FailedError(
                    _count("expected", cond, len(false), len(nodes)), *_example(machine, cond, false)
                )
            return nodes
        case Pick(cond):
            true = [n for n in nodes if _holds(machine, cond, n)]
            if not true:
                raise _FailedError(
                    _count("picked", cond, len(nodes), len(nodes)), *_example(machine, cond, nodes)
                )
            return true


def _do(machine: Machine, step: Do, nodes: list[_Node]) -> list[_Node]:
    calls = list(matching(machine, step.actions, step.args))
    ways = [(n, o) for n in nodes for name, args in calls for o in machine.fire(n.state, name, args)]
    name = _doing(machine.system, step)
    if not ways:
        blocked = why_disabled(machine, (n.state for n in nodes), calls)
        raise _FailedError(
            f"{name} cannot be taken", (str(b) for b in blocked[:MOST_DETAILS]), nodes[0].run()
        )
    if step.violates is not None:
        return _violating(machine, step.violates, name, ways)
    done = [(n, o) for n, o in ways if o.post is not None and not o.cut]
    if not done:
        node, o = next(((n, o) for n, o in ways if o.error is not None), ways[0])
        if o.error is None:
            raise _FailedError(f"{name} leads beyond the limits", run=node.run())
        raise _FailedError(_violates(name, o.error), run=_failing(node, o))
    wrong = [_wrong(machine, n, o) for n, o in done]
    if all(wrong):
        raise _FailedError(_violates(name, wrong[0][0]), run=_after(*done[0]).run())
    return _unique(_after(n, o) for n, o in done)


def _doing(system: System, step: Do) -> str:
    """The step as the script has it: ``take(Task#0)``, ``locker(Task#1)``, ``open(Event#0, _)``."""
    found = [a for a in system.actions if a.name in step.actions]
    if not found:
        return " or ".join(step.actions)
    names = {a.process or a.name for a in found} if len(found) > 1 else {found[0].name}
    shown = (
        "_" if a is None else show_scalar(t, a) for (_, t), a in zip(found[0].params, step.args)
    )
    return f"{' or '.join(sorted(names))}({', '.join(shown)})"


def _violating(machine: Machine, name: str, action: str, ways: list[tuple[_Node, Outcome]]) -> list[_Node]:
    """Makes sure that some way of taking the step violates the property."""
    for node, o in ways:
        if o.cut:
            continue
        if violation(machine, name, _failing(node, o)) is not None:
            return [node]
    others = {o.error.property for _, o in ways if o.error is not None}
    others |= {v.property for n, o in ways if o.post is not None and not o.cut for v in _wrong(machine, n, o)}
    instead = f"; it violates {', '.join(sorted(others))}" if others else ""
    node, o = ways[0]
    raise _FailedError(f"{action} does not violate {name}{instead}", run=_failing(node, o))


def _disabled(machine: Machine, step: Disabled, nodes: list[_Node]) -> None:
    for name, args in matching(machine, step.actions, step.args):
        able = [n for n in nodes if machine.enabled(n.state, name, args)]
        if able:
            action = next(a for a in machine.system.actions if a.name == name)
            where = f" in {len(able)} of {len(nodes)} states" if len(nodes) > 1 else ""
            raise _FailedError(f"{call_text(action, args)} can be taken{where}", run=able[0].run())


def _wrong(machine: Machine, node: _Node, o: Outcome) -> tuple[Violation, ...]:
    assert o.post is not None
    return machine.step_violations(node.state, o.post) + machine.state_violations(o.post)


def _holds(machine: Machine, cond: Expr, node: _Node) -> bool:
    try:
        return machine.holds(cond, node.state)
    except EvalError as e:
        raise _FailedError(f"the condition raises error.{e.kind}: {e.detail}", run=node.run()) from e


def _count(what: str, cond: Expr, false: int, total: int) -> str:
    where = f" in {false} of {total} states" if total > 1 else ""
    return f"{what} `{source_text(cond)}`, but it is false{where}"


def _example(machine: Machine, cond: Expr, nodes: list[_Node]) -> tuple[Iterator[str], Run]:
    values = readings(machine, cond, nodes[0].state, {})
    return iter([values] if values else []), nodes[0].run()


def _violates(what: str, v: Violation) -> str:
    said = v.message or v.site.text
    return f"{what} violates {v.property}" + (f": {said}" if said else "")


def _failing(node: _Node, o: Outcome) -> Run:
    return node.run(Step(o.action, o.args, o.post))


def _after(node: _Node, o: Outcome) -> _Node:
    assert o.post is not None
    return _Node(o.post, node, Step(o.action, o.args, o.post))


def _unique(nodes: Iterable[_Node]) -> list[_Node]:
    found: dict[State, _Node] = {}
    for n in nodes:
        found.setdefault(n.state, n)
    return list(found.values())
