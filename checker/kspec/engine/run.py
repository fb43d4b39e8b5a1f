"""Checks one case: engines run, their findings are confirmed and compared, and a judgement is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from kspec.engine.crosscheck import disagreements
from kspec.engine.faults import Disagreement
from kspec.engine.job import Settings
from kspec.engine.judge import Judgement, judge
from kspec.engine.plan import answers
from kspec.engine.protocol import Control, Evidence, Finding, Goals, Result
from kspec.engine.verdict import Verdict, evidence_of, verdicts
from kspec.interp.confirm import confirm
from kspec.interp.machine import Machine
from kspec.system.check import Expectation


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


def check_system(machine: Machine, expect: Expectation, settings: Settings, control: Control) -> Answer:
    """Runs the engines that the settings name on the machine's system, and judges what comes out.

    Raises UsageError for an engine that cannot run, Disagreement and ``child.EngineFault`` for faults.
    """
    goals = goals_for(expect, settings.everything)
    system = machine.system
    results: list[Result] = []
    for result in answers(system, expect, goals, settings, control):
        results.append(result)
        confirm_all(machine, result)
    wrong = disagreements(results, frozenset(p.name for p in system.refinements))
    if wrong:
        text = "\n".join(map(_result_text, results))
        raise Disagreement(f"engines disagree: {wrong[0]}", "\n".join(wrong) + "\n\n" + text)
    found = verdicts(system, results)
    evidence = evidence_of(results)
    counted = any(r.status == "exhausted" for r in results)
    return Answer(judge(expect, found, evidence, counted), found, evidence, tuple(results))


def goals_for(expect: Expectation, everything: bool) -> Goals:
    """When the search may end early.  ``violates only`` needs all there is: another violation may be deeper."""
    if everything or expect.only:
        return Goals(everything=True)
    if expect.kind == "violates" and expect.property is not None:
        return Goals(wanted=frozenset({expect.property}))
    return Goals()


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
