"""Does one job and reports on it, whatever happens.  Runs in a worker process."""

from __future__ import annotations

import time
import traceback
from dataclasses import replace
from pathlib import Path

from kspec import __version__
from kspec.certify.certificate import with_model
from kspec.engine import registry
from kspec.engine.checkpoints import Checkpoints, of_check
from kspec.engine.faults import Fault
from kspec.engine.job import Job, KeptTrace, Settings
from kspec.engine.judge import Outcome
from kspec.engine.outcome import CheckReport, EngineRun, Saved
from kspec.engine.plan import UsageError
from kspec.engine.protocol import Control, Finding, Obstacle, Result
from kspec.engine.run import Answer, check_system, goals_for
from kspec.engine.verdict import Verdict, count, known_shortest
from kspec.interp.machine import Machine
from kspec.interp.scenario import run_scenario
from kspec.lang.diagnostics import Failed
from kspec.lang.load import LIBRARY
from kspec.system.check import Case, Scenario
from kspec.system.model import System
from kspec.system.pretty import system_text
from kspec.trace.build import Meta, trace_of
from kspec.trace.model import Origin, Trace
from kspec.trace.replay import kept_verdict, replay


def perform(job: Job, settings: Settings, control: Control) -> CheckReport:
    """The report on a job; never raises."""
    started = time.monotonic()
    blank = CheckReport(
        model=job.model.file,
        kind=job.kind,
        name=job.name,
        outcome="undecided",
        got="",
        expect=job.expect,
        place=job.place,
    )
    try:
        report = _perform(job, settings, control, blank, started)
    except Failed as e:
        first = e.diagnostics[0].headline if e.diagnostics else "the model has errors"
        report = replace(blank, outcome="invalid", got=first, diagnostics=e.diagnostics, sources=e.sources)
    except UsageError as e:
        report = replace(blank, outcome="invalid", got=str(e))
    except Fault as e:
        report = _faulty(blank, str(e), e.details)
    except RecursionError:
        report = _faulty(blank, "the model is nested too deeply", traceback.format_exc())
    except Exception as e:
        report = _faulty(blank, f"{type(e).__name__}: {e}", traceback.format_exc())
    return replace(report, seconds=time.monotonic() - started)


def _perform(job: Job, settings: Settings, control: Control, blank: CheckReport, started: float) -> CheckReport:
    match job.unit:
        case Case() as case:
            return _check(job, case, settings, control, blank, started)
        case Scenario() as scenario:
            return _scenario(job, scenario, blank)
        case KeptTrace() as kept:
            return _kept(job, kept, blank)


def _check(
    job: Job, case: Case, settings: Settings, control: Control, blank: CheckReport, started: float
) -> CheckReport:
    system = job.model.build(dict(case.params))
    blank = replace(blank, params=system.params, story=case.story, tier=case.tier, system_hash=system.hash)
    if settings.seconds is not None:
        settings = replace(settings, seconds=settings.seconds - (time.monotonic() - started))
    if settings.checkpoints is not None:
        settings = replace(settings, checkpoints=_checkpoints(job, case, system, settings, settings.checkpoints))
    machine = Machine(system)
    try:
        answer = check_system(machine, case.expect, settings, control)
    except Fault as e:
        return _faulty(blank, str(e), f"{e.details}\n\n{system_text(system)}")
    judgement = answer.judgement
    runs = _runs(answer, judgement.outcome != "undecided")
    return replace(
        blank,
        outcome=judgement.outcome,
        got=judgement.got + _by_others(runs),
        runs=runs,
        why=judgement.why,
        verdicts=answer.verdicts,
        evidence=answer.evidence,
        complete=any(r.status == "exhausted" for r in answer.results),
        never=_never(answer, system),
        statistics=next((r.statistics for r in answer.results if r.statistics is not None), None),
        engines=tuple(r.engine for r in answer.results),
        notes=answer.notes,
        explained=tuple(line for r in answer.results for o in r.obstacles for line in _explained(machine, o)),
        certificates=tuple(
            with_model(c, job.model.reference, case.name) for r in answer.results for c in r.certificates
        ),
        traces=tuple(_traces(job, case, machine, answer)),
    )


def _runs(answer: Answer, decided: bool) -> tuple[EngineRun, ...]:
    """What became of every engine; ``decided``: there is an answer."""
    decisive = {v.engine for v in answer.verdicts if v.strength != "unknown" and decided}
    return tuple(EngineRun(r.engine, r.status, r.seconds, r.reason, r.engine in decisive) for r in answer.results)


def _by_others(runs: tuple[EngineRun, ...]) -> str:
    """Says who gave the verdicts where that was not (only) the engine that began."""
    names = [r.engine for r in runs if r.decisive]
    began = next((r for r in runs if r.engine in registry.AUTO), None)
    if began is None or began.decisive or not names:
        return ""
    return f" by {' and '.join(names)}"


def _explained(machine: Machine, obstacle: Obstacle) -> tuple[str, ...]:
    from kspec.symbolic.explain import explain_obstacle  # only where there is something to explain

    return explain_obstacle(machine.system, obstacle)


def _never(answer: Answer, system: System) -> tuple[str, ...] | None:
    """The actions that no reachable state allows, those of the library apart, of which a model need not use all;
    None when that is not known."""
    library = {a.name for a in system.actions if a.span is not None and Path(a.span.file).is_relative_to(LIBRARY)}
    for r in answer.results:
        if r.status == "exhausted" and r.evidence is not None and not r.evidence.partial:
            return tuple(name for name, n in r.evidence.actions if not n and name not in library)
    return None


def _checkpoints(job: Job, case: Case, system: System, settings: Settings, wanted: Checkpoints) -> Checkpoints:
    """Where and as what the check's searches are saved.  Raises Failed."""
    goals = goals_for(case.expect, settings.everything)
    looked_for = "everything" if goals.everything else ", ".join(sorted(goals.wanted or ("the first violation",)))
    counted = case.expect.states is not None or case.expect.transitions is not None
    symmetry = "off" if settings.symmetry == "auto" and counted else settings.symmetry
    full = settings.partial == "auto" and (counted or settings.engine == "all")
    options = {"goal": looked_for, "symmetry": symmetry, "partial order": "off" if full else settings.partial}
    return of_check(wanted, job.model.file, case, job.place, system, options)


def _traces(job: Job, case: Case, machine: Machine, answer: Answer) -> list[Saved]:
    """A trace for every violated property, shortest first; the expected one, if any, before all others."""
    violated = [v for v in answer.verdicts if v.strength == "violated" and v.run is not None]
    violated.sort(key=lambda v: (v.property != case.expect.property, v.run.length if v.run else 0))
    if not violated:
        return []
    by_engine = {r.engine: r for r in answer.results}
    return [Saved(_trace(job, case, machine, v, by_engine[v.engine], answer)) for v in violated]


def _trace(job: Job, case: Case, machine: Machine, v: Verdict, result: Result, answer: Answer) -> Trace:
    origin = Origin(
        engine=v.engine,
        strength=v.text(),
        shortest=known_shortest(answer.results, v.property, v.run.length if v.run else 0),
        notes=result.notes,
    )
    return trace_of(machine.system, Finding(v.property, v.run), Meta(job.model.reference, case.name, origin), machine)


def _scenario(job: Job, scenario: Scenario, blank: CheckReport) -> CheckReport:
    system, scenario = job.model.scenario(scenario.name)
    machine = Machine(system)
    result = run_scenario(machine, scenario)
    blank = replace(blank, params=system.params, system_hash=system.hash, engines=("interp",))
    if result.ok:
        return replace(blank, outcome="met", got=f"passes, {count(len(scenario.steps), 'step')}")
    where = "before the first step" if result.step is None else f"at step {result.step + 1}"
    traces: tuple[Saved, ...] = ()
    if result.run is not None and result.run.initial is not None:
        meta = Meta(job.model.reference, f"scenario {scenario.name}", Origin(engine="interp"))
        traces = (Saved(trace_of(system, result.run, meta, machine)),)
    return replace(
        blank,
        outcome="unmet",
        got=f"fails {where}",
        why=(result.why, *result.details),
        place=result.site.span or blank.place,
        traces=traces,
    )


def _kept(job: Job, kept: KeptTrace, blank: CheckReport) -> CheckReport:
    """A saved trace is met when it does what it is kept for; one that is kept for nothing must replay."""
    trace = kept.trace
    system = job.model.build(trace.replay_params())
    result = replay(trace, system)
    blank = replace(blank, params=system.params, system_hash=system.hash, engines=("interp",))
    blank = replace(blank, story=trace.kept.story if trace.kept else "")
    verdict = kept_verdict(trace, result)
    met = verdict.met if verdict is not None else result.verdict == "reproduces"
    if met:
        return replace(blank, outcome="met", got=f"{result.verdict}: {result.message}")
    outcome: Outcome = "undecided" if result.verdict == "undecided" else "unmet"
    return replace(blank, outcome=outcome, got=result.verdict, why=(result.message,), replayed=(trace, result))


def _faulty(blank: CheckReport, headline: str, details: str) -> CheckReport:
    text = f"kspec {__version__}\n{blank.kind} {blank.name} of {blank.model}\n\n{headline}\n\n{details}\n"
    return replace(blank, outcome="fault", got=headline, fault=text)
