"""Checks one case: engines run, their findings are confirmed and compared, and a judgement is made."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from kspec.engine import child, registry
from kspec.engine.crosscheck import disagreements
from kspec.engine.faults import Disagreement
from kspec.engine.job import Settings
from kspec.engine.judge import Judgement, judge
from kspec.engine.protocol import Budget, Control, Engine, Evidence, Finding, Goals, Result
from kspec.engine.verdict import Verdict, evidence_of, verdicts
from kspec.interp.confirm import confirm
from kspec.interp.machine import Machine
from kspec.system.check import Expectation
from kspec.system.model import System

SMALL = 400
"""States up to which ``auto`` has the interpreter repeat an exhaustive search of another engine."""
_REPEAT_SECONDS = 1.0


class UsageError(Exception):
    """What the user asked for cannot be done; the text says why."""


@dataclass(frozen=True)
class Answer:
    """What the engines together say about a system."""

    judgement: Judgement
    verdicts: tuple[Verdict, ...]
    evidence: Evidence | None
    results: tuple[Result, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """The remarks of the engines, each once."""
        return tuple(dict.fromkeys(n for r in self.results for n in r.notes))


def check_system(system: System, expect: Expectation, settings: Settings, control: Control) -> Answer:
    """Runs the engines that the settings name and judges what comes out.

    Raises UsageError for an engine that cannot run, Disagreement and ``child.EngineFault`` for faults.
    """
    goals = goals_for(expect, settings.everything)
    if settings.depth is None and settings.engine == "bmc":
        settings = replace(settings, depth=expect.up_to)
    machine = Machine(system)
    results: list[Result] = []
    for result in _answers(system, goals, settings, control):
        results.append(result)
        confirm_all(machine, result)
    wrong = disagreements(results)
    if wrong:
        text = "\n".join(map(_result_text, results))
        raise Disagreement(f"engines disagree: {wrong[0]}", "\n".join(wrong) + "\n\n" + text)
    found = verdicts(system, results)
    evidence = evidence_of(results)
    return Answer(judge(expect, found, evidence), found, evidence, tuple(results))


def goals_for(expect: Expectation, everything: bool) -> Goals:
    """When the search may end early.  ``violates only`` needs all there is: another violation may be deeper."""
    if everything or expect.only:
        return Goals(everything=True)
    if expect.kind == "violates" and expect.property is not None:
        return Goals(wanted=frozenset({expect.property}))
    return Goals()


def _answers(system: System, goals: Goals, settings: Settings, control: Control) -> Iterator[Result]:
    deadline = None if settings.seconds is None else time.monotonic() + settings.seconds
    engines = _engines(settings.engine)
    for position, engine in enumerate(engines):
        left = None if deadline is None else max(0.05, deadline - time.monotonic())
        seconds = None if left is None else left / (len(engines) - position)
        budget = Budget(seconds, settings.memory, depth=settings.depth, threads=settings.threads)
        result = child.run(engine, system, goals, budget, control)
        yield result
        if settings.engine == "auto":
            yield from _repeat(result, system, goals, settings, deadline, control)
        if control.cancelled():
            return


def _engines(name: str) -> tuple[Engine, ...]:
    """The engines to run, in order.  ``auto`` is the first that can run here."""
    if name == "all":
        found = [registry.find(n) for n in registry.names()]
        return tuple(e for e in found if not isinstance(e, registry.Unavailable))
    if name == "auto":
        for candidate in registry.AUTO:
            engine = registry.find(candidate)
            if not isinstance(engine, registry.Unavailable):
                return (engine,)
        raise UsageError("no engine can run here")
    engine = registry.find(name)
    if isinstance(engine, registry.Unavailable):
        raise UsageError(f"engine {name} cannot run: {engine.reason}")
    return (engine,)


def _repeat(
    result: Result, system: System, goals: Goals, settings: Settings, deadline: float | None, control: Control
) -> Iterator[Result]:
    """On small state spaces the interpreter answers too, so that every run cross-checks the engines."""
    oracle = registry.find("interp")
    if isinstance(oracle, registry.Unavailable) or result.engine == oracle.name:
        return
    if result.status != "exhausted" or result.evidence is None or result.evidence.states > SMALL:
        return
    left = _REPEAT_SECONDS if deadline is None else min(_REPEAT_SECONDS, deadline - time.monotonic())
    if left > 0.1:
        again = child.run(oracle, system, goals, Budget(left, settings.memory), control)
        if again.status != "unknown":
            yield again


def confirm_all(machine: Machine, result: Result) -> None:
    """Every run is re-executed by the interpreter; one that does not re-execute is a fault."""
    for finding in (*result.findings, *result.witnesses):
        problem = confirm(machine, finding)
        if problem is not None:
            raise Disagreement(
                f"the interpreter does not confirm what engine {result.engine} says about {finding.property}",
                f"{problem}\n\n{_finding_text(finding)}\n\n{_result_text(result)}",
            )


def _result_text(r: Result) -> str:
    short = replace(r, findings=(), witnesses=())
    lines = [repr(short), *(_finding_text(f) for f in (*r.findings, *r.witnesses))]
    return "\n".join(lines)


def _finding_text(f: Finding) -> str:
    if f.run is None:
        return f"{f.property}: never reached"
    lines: Iterable[str] = (f"  {s.action}{s.args} -> {s.post}" for s in f.run.steps)
    return "\n".join([f"{f.property}: from {f.run.initial}", *lines])
