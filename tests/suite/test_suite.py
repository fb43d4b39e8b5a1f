"""Every file of spec/suite gives what its directives say."""

from __future__ import annotations

from pathlib import Path

import pytest
from kspec.engine.job import Job, Settings
from kspec.engine.model_file import FileModel
from kspec.engine.outcome import CheckReport
from kspec.engine.perform import perform
from kspec.engine.protocol import Budget, Goals, Progress, Result
from kspec.interp.confirm import violation
from kspec.interp.explore import InterpEngine
from kspec.interp.machine import Machine
from kspec.lang.diagnostics import Diagnostic, Failed
from kspec.lang.load import load
from kspec.lower.build import build, cases, scenarios
from kspec.system.model import System
from suite.suite_files import Directives, directives, files

EVERYTHING = Goals(everything=True)


class Quiet:
    """A control block that no one looks at."""

    def cancelled(self) -> bool:
        return False

    def report(self, progress: Progress) -> None:
        pass


@pytest.mark.parametrize("path", files(), ids=lambda p: p.stem)
def test_suite(path: Path) -> None:
    expected = directives(path.read_text("utf-8"))
    assert not expected.empty, "the file has no directives"
    if expected.errors:
        found = [(d.code, d.span.line, d.span.column) if d.span else (d.code, 0, 0) for d in errors(path, expected)]
        assert sorted(found, key=lambda f: f[1:]) == expected.errors
        return
    program = load(path)
    system = build(program, expected.settings)
    merged = explore(system)
    temporal = {p.name for p in (*system.temporal, *system.refinements)}
    compare(temporal, merged, explore(build(program, expected.settings, merging=False)), expected)
    assert {k: said(system, merged, k) for k in expected.messages} == expected.messages
    declared(path, expected)


def errors(path: Path, expected: Directives) -> list[Diagnostic]:
    """What is wrong with a text, in the phase in which something is."""
    try:
        program = load(path)
    except Failed as failed:
        return list(failed.diagnostics)
    out: list[Diagnostic] = []
    phases = (lambda: build(program, expected.settings), lambda: cases(program), lambda: scenarios(program))
    for phase in phases:
        try:
            phase()
        except Failed as failed:
            out += [d for d in failed.diagnostics if d not in out]
    return out


def explore(system: System) -> Result:
    """All reachable states of a configuration."""
    return InterpEngine().check(system, EVERYTHING, Budget(), Quiet())


def said(system: System, result: Result, name: str) -> str | None:
    """The message of the violation that was found of a property."""
    run = next((f.run for f in result.findings if f.property == name), None)
    found = violation(Machine(system), name, run) if run else None
    return found.message if found else None


def compare(temporal: set[str], merged: Result, unmerged: Result, expected: Directives) -> None:
    for result in (merged, unmerged):
        assert result.status == "exhausted"
        violated = {f.property for f in result.findings}
        assert violated == set(expected.violates)
        assert temporal == (violated & temporal) | set(result.behaviours) | expected.undecided
    for counts, result in ((expected.exhausted, merged), (expected.unmerged, unmerged)):
        if counts is not None:
            assert result.evidence is not None
            assert {k: getattr(result.evidence, k) for k in counts} == counts
    lengths = {f.property: f.run.length if f.run else None for f in merged.findings}
    assert {k: v for k, v in lengths.items() if expected.violates[k] is not None} == {
        k: v for k, v in expected.violates.items() if v is not None
    }
    reached = {f.property: f.run.length for f in merged.witnesses if f.run}
    assert {k: reached.get(k) for k in expected.reaches} == expected.reaches


def declared(path: Path, expected: Directives) -> None:
    """The checks and scenarios of the file."""
    model = FileModel.load(str(path))
    names = [c.name for c in model.cases] if expected.checks else []
    assert set(expected.checks) <= set(names)
    if any(c.name != "default" for c in model.cases):
        assert set(names) == set(expected.checks), "a directive for every check"
    assert {s.name for s in model.scenarios} == set(expected.scenarios)
    for case in model.cases:
        if case.name in expected.checks:
            assert (case.name, run(model, case).outcome) == (case.name, expected.checks[case.name])
    for scenario in model.scenarios:
        report = run(model, scenario)
        said = "passes" if report.outcome == "met" else _where(report)
        assert (scenario.name, said) == (scenario.name, expected.scenarios[scenario.name]), report.why


def _where(report: CheckReport) -> str:
    if report.got == "fails before the first step":
        return "fails at 0"
    return f"fails at {report.got.removeprefix('fails at step ')}"


def run(model: FileModel, unit: object) -> CheckReport:
    report = perform(Job(model, unit), Settings(engine="interp"), Quiet())  # type: ignore[arg-type]
    assert report.outcome != "fault", report.fault
    return report
