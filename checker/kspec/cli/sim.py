"""``kspec sim``: random walks, and scenarios one at a time."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import click
from rich.text import Text

from kspec.cli.conclude import conclude, with_files, written
from kspec.cli.interrupt import Interrupt, caught
from kspec.cli.models import Configured, configured, scenario_of
from kspec.cli.options import Duration, Setting
from kspec.cli.screen import Screen, console
from kspec.engine import child
from kspec.engine.control import ControlBlock
from kspec.engine.job import Job, Settings
from kspec.engine.model_file import FileModel
from kspec.engine.outcome import exit_code
from kspec.engine.perform import perform
from kspec.engine.protocol import Budget, Engine, Goals, Progress, Result, Run
from kspec.engine.run import confirm_all
from kspec.engine.verdict import count
from kspec.interp.machine import Machine
from kspec.interp.simulate import SimulateEngine, walk
from kspec.lang.diagnostics import visible
from kspec.report import text
from kspec.trace.build import Meta, trace_of
from kspec.trace.model import Origin


@click.command("sim", short_help="Take random walks, or run a scenario.")
@click.argument("target", metavar="FILE|FILE::CHECK")
@click.option("--walks", type=click.IntRange(1), default=1000, show_default=True, help="How many; 1 prints the walk.")
@click.option("--steps", type=click.IntRange(1), default=100, show_default=True, help="How long at most.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed, the same walks.")
@click.option("--scenario", "scenario", metavar="NAME", help="Run this scenario of the model instead.")
@click.option(
    "--set", "settings", type=Setting(), multiple=True, metavar="NAME=VALUE", help="A parameter (repeatable)."
)
@click.option("--timeout", type=Duration(), metavar="TIME", help="Stop after this time: 30s, 5m.")
@click.option(
    "--save-traces", "folder", type=click.Path(file_okay=False), default=".kspec/traces", show_default=True,
    metavar="DIR", help="Where traces of violations are saved.",
)  # fmt: skip
def command(
    target: str,
    walks: int,
    steps: int,
    seed: int,
    scenario: str | None,
    settings: tuple[tuple[str, str], ...],
    timeout: float | None,
    folder: str,
) -> int:
    """Takes random walks through a model and looks for violations on the way.

    This shows nothing to hold: it is quick, and good for a first look.  The exit code is 1 when something is
    violated that the named check does not expect.
    """
    screen = Screen(console())
    if scenario is not None:
        if settings or "::" in target:
            raise click.UsageError("a scenario has its own parameters: name the FILE only, without --set")
        return _scenario(screen, target, scenario, Path(folder))
    chosen = configured(target, settings)
    if walks == 1:
        return _one_walk(screen, chosen, steps, seed, Path(folder))
    engine: Engine = SimulateEngine(seed, walks, steps)
    with caught() as interrupt:
        control = _Control(interrupt)
        result = child.run(engine, chosen.system, Goals(everything=True), Budget(timeout), control)
    confirm_all(Machine(chosen.system), result)
    return _report(screen, chosen, result, Path(folder), interrupt.requested)


@dataclass(frozen=True)
class _Control:
    """Lets the user stop the simulation.  A ``kspec.engine.protocol.Control``."""

    interrupt: Interrupt

    def cancelled(self) -> bool:
        return self.interrupt.requested

    def report(self, progress: Progress) -> None:
        """Nobody looks."""


def _scenario(screen: Screen, file: str, name: str, folder: Path) -> int:
    model = FileModel.load(file)
    job = Job(model, scenario_of(model, name))
    report = with_files(perform(job, Settings(), ControlBlock.private()), folder)
    screen.print(text.row(report, text.columns([job])))
    conclude(screen, [report], report.seconds)
    return exit_code({report.outcome})


def _one_walk(screen: Screen, chosen: Configured, steps: int, seed: int, folder: Path) -> int:
    """Prints the walk that is number 0 of any simulation with that seed."""
    machine = Machine(chosen.system)
    path = list(walk(machine, random.Random(f"{seed}:0"), steps))
    if not path:
        raise click.ClickException("the model has no initial state")
    run = Run(path[0][1], tuple(step for step, _ in path if step is not None))
    trace = trace_of(chosen.system, run, _meta(chosen, f"a random walk, seed {seed}"), machine)
    screen.trace(trace)
    return 0


def _report(screen: Screen, chosen: Configured, result: Result, folder: Path, interrupted: bool) -> int:
    expected = chosen.case.expect.property if chosen.case is not None else None
    machine = Machine(chosen.system)
    surprises = 0
    for finding in result.findings:
        surprises += finding.property != expected
        meta = _meta(chosen, result.reason)
        saved = written(trace_of(chosen.system, finding, meta, machine), folder)
        screen.trace(saved.trace)
        for line in text.where_saved(saved):
            screen.print(line)
        screen.print()
    for sentence in _summary(result, expected):
        screen.print(Text(visible(sentence)))
    if temporal := [p.name for p in (*chosen.system.temporal, *chosen.system.refinements) if p.claims or p.refinement]:
        screen.print(Text(visible(f"not looked at by walks: {', '.join(temporal)}")))
    return 1 if surprises else 3 if interrupted else 0


def _meta(chosen: Configured, how: str) -> Meta:
    case = chosen.case.name if chosen.case is not None else ""
    return Meta(chosen.model.reference, case, Origin(engine="simulate", strength=how))


def _summary(result: Result, expected: str | None) -> list[str]:
    lines = [result.reason]
    if result.notes:
        lines.append(f"stopped early: {', '.join(result.notes)}")
    e = result.evidence
    if e is not None:
        lines.append(f"{count(e.states, 'distinct state')}, {count(e.transitions, 'step')}, longest walk {e.depth}")
        never = [name for name, n in e.actions if not n]
        if never:
            lines.append(f"never taken: {', '.join(never)}")
    found = ", ".join(f.property + (" (expected)" if f.property == expected else "") for f in result.findings)
    lines.append(f"violated: {found}" if found else "nothing is violated on these walks")
    reached = ", ".join(w.property for w in result.witnesses)
    return [*lines, f"reached: {reached}"] if reached else lines
