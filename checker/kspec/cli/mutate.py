"""``kspec mutate``: puts small mistakes into a model, and shows those that no check notices."""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
from rich.text import Text

from kspec.authoring.mutants import OPERATORS, Mutant, mutants
from kspec.authoring.trial import Fate, NotAsDeclared, Result, Stopped, Store, Trial
from kspec.cli.interrupt import caught
from kspec.cli.options import Duration, Size
from kspec.cli.screen import Screen, console
from kspec.engine import capacity
from kspec.engine.job import Settings, Unit
from kspec.engine.model_file import FileModel
from kspec.lang.diagnostics import visible
from kspec.report import text as report_text
from kspec.report.files import write_atomically

_WORDS: dict[Fate, str] = {
    "killed": "noticed by a check or scenario",
    "survived": "not noticed: a property is missing, or the mistake makes no difference",
    "equivalent": "the same states and steps in every configuration that was checked",
    "undecided": "not decided in time",
    "invalid": "no longer a model",
}


@click.command("mutate", short_help="Test the checks of a model with small mistakes.")
@click.argument("file", metavar="FILE")
@click.option("--modules", is_flag=True, help="Put mistakes into the modules that it uses, too.")
@click.option("--operator", "wanted", type=click.Choice(list(OPERATORS)), multiple=True, help="Only these mistakes.")
@click.option("--in", "inside", multiple=True, metavar="NAME", help="Only in this action, process or procedure.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Only so many, drawn at random.")
@click.option("--seed", type=int, default=1, show_default=True, help="Which are drawn.")
@click.option("--timeout", type=Duration(), default="10s", show_default=True, metavar="TIME",
              help="For each check of a mutant; checks that take longer on the model itself are left out.")
@click.option("--max-memory", type=Size(), metavar="SIZE", help="For all together.  [default: 75% of what is free]")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Mutants at the same time.  [default: the cores]")
@click.option("--at-least", type=click.FloatRange(0, 100), metavar="PERCENT",
              help="Exit with 1 when a smaller part of the mistakes is noticed.")
@click.option("--restart", is_flag=True, help="Forget what earlier runs found out.")
@click.option("--list", "listing", is_flag=True, help="Only list the mistakes.")
@click.option("--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write all results as JSON.")
def command(
    file: str, modules: bool, wanted: tuple[str, ...], inside: tuple[str, ...], sample: int | None, seed: int,
    timeout: float, max_memory: int | None, jobs: int | None, at_least: float | None, restart: bool, listing: bool,
    output: str | None,
) -> int:
    """Puts one small mistake at a time into FILE, and runs its quick checks and scenarios on it.

    A mistake that none of them notices is shown with its line: the model's properties do not say enough there,
    or the mistake makes no difference.  Results are kept in .kspec/mutants; a run that is stopped goes on where
    it was.
    """
    model = FileModel.load(file)
    files = [m.file for m in model.program.modules] if modules else [model.program.main.file]
    made = [m for m in mutants(model.program, files) if _chosen(m, wanted, inside)]
    if sample is not None and sample < len(made):
        drawn = set(random.Random(seed).sample(range(len(made)), sample))
        made = [m for k, m in enumerate(made) if k in drawn]
    screen = Screen(console())
    if listing:
        for m in made:
            _show(screen, m, "")
        screen.print(f"{len(made)} mistakes")
        return 0
    units: list[Unit] = [*model.outlines, *(c for c in model.cases if c.tier == "quick")]
    if not units:
        raise click.UsageError(f"{visible(file)} has no quick check and no scenario that could notice a mistake")
    parallel = min(jobs or capacity.cores(), max(1, len(made)))
    memory = capacity.memory_budget(max_memory) // parallel
    store = Store.of(Path(".kspec/mutants"), model.program)
    run = _Run(screen, store, {} if restart else store.load())
    with caught() as interrupt:
        settings = Settings(engine="explicit", memory=memory)
        trial = Trial(file, model.program, settings, parallel, timeout, lambda: interrupt.requested, run.look)
        try:
            base = trial.baseline(units)
            if len(base.units) < len(units):
                screen.print(f"{len(units) - len(base.units)} checks take longer than {timeout:.3g} s and are left out")
            for m, result in trial.results(made, base, dict(run.known)):
                run.add(m, result)
        except NotAsDeclared as wrong:
            screen.wipe()
            for r in wrong.reports:
                screen.print(report_text.row(r, report_text.columns(wrong.reports)))
            click.echo("kspec: the model itself does not end as it declares", err=True)
            return 1
        except Stopped:
            run.save()
            screen.wipe()
            click.echo(f"kspec: stopped; {len(run.results)} of {len(made)} are known, the next run goes on", err=True)
            return 3
    run.save()
    screen.wipe()
    return _conclude(screen, made, run, at_least, output)


def _chosen(m: Mutant, wanted: Sequence[str], inside: Sequence[str]) -> bool:
    return (not wanted or m.operator in wanted) and (not inside or m.where in inside)


@dataclass
class _Run:
    """Results as they come."""

    screen: Screen
    store: Store
    known: dict[str, Result]
    results: dict[str, Result] = field(default_factory=dict)
    shown: float = 0.0

    def add(self, m: Mutant, result: Result) -> None:
        self.results[m.key] = self.known[m.key] = result
        if time.monotonic() > self.shown + 5:
            self.save()
            self.shown = time.monotonic()

    def save(self) -> None:
        self.store.save({k: r for k, r in self.known.items() if r.fate != "undecided"})

    def look(self, what: str, done: int, of: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[2K{visible(what)[:60]}: {done}/{of} mutants", nl=False, err=True)


def _conclude(screen: Screen, made: Sequence[Mutant], run: _Run, at_least: float | None, output: str | None) -> int:
    if sys.stderr.isatty():
        click.echo("\r\x1b[2K", nl=False, err=True)
    fates = Counter(run.results[m.key].fate for m in made)
    for m in made:
        r = run.results[m.key]
        if r.fate in ("survived", "undecided"):
            _show(screen, m, f"{r.fate} {r.by}".strip())
    for fate, words in _WORDS.items():
        if fates[fate]:
            screen.print(f"{fates[fate]:6} {fate:<10} {words}")
    counted = fates["killed"] + fates["survived"] + fates["undecided"]
    part = 100 * fates["killed"] / counted if counted else 100.0
    screen.print(Text(f"{fates['killed']} of {counted} mistakes are noticed: {part:.1f}%", style="bold"))
    if output is not None:
        items = [{"operator": m.operator, "in": m.where, "place": str(m.span), "old": m.old, "new": m.new,
                  **asdict(run.results[m.key])} for m in made]  # fmt: skip
        write_atomically(Path(output), json.dumps({"noticed": part, "mutants": items}, indent=1) + "\n")
    return 1 if at_least is not None and part < at_least else 0


def _show(screen: Screen, m: Mutant, word: str) -> None:
    """A mistake as a change of lines."""
    head = f"{m.span}: in {m.where}: {OPERATORS[m.operator]}"
    screen.print(Text(visible(head + (f"  [{word}]" if word else "")), style="bold"))
    for sign, part, style in (("-", m.old, "red"), ("+", m.new, "green")):
        for line in part.splitlines() or [""]:
            screen.print(Text(f"    {sign} {visible(line.strip())}", style=style))
