"""``kspec check``: checks models, and says whether every check ended as it declares."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import click

from kspec.cli import keeping
from kspec.cli.conclude import conclude, explain, with_files
from kspec.cli.interrupt import Interrupt, caught
from kspec.cli.keeping import Continuing, Invocation, Remembering
from kspec.cli.options import Duration, HuntSize, Setting, Size
from kspec.cli.screen import Screen, console
from kspec.cli.targets import Entry, Tier, Wanted, entries
from kspec.engine import capacity, registry
from kspec.engine.job import Job, Settings
from kspec.engine.outcome import CheckReport, exit_code
from kspec.engine.pool import Sample, run_jobs
from kspec.report import github, json_report, junit, sarif, text
from kspec.report.files import write_atomically

ENGINES = ("auto", "all", *registry.names())


@click.command("check", cls=Remembering, short_help="Check models.")
@click.argument("paths", nargs=-1, metavar="PATH...", type=click.Path())
@click.option(
    "--set",
    "settings",
    type=Setting(),
    multiple=True,
    metavar="NAME=VALUE",
    help="Check a configuration that the model does not declare (repeatable); with FILE::CHECK: that check, changed.",
)
@click.option("--all", "everything", is_flag=True, help="Find a shortest trace for every violated property.")
@click.option("--depth", type=click.IntRange(0), metavar="STEPS", help="Search no deeper than this.")
@click.option(
    "--tier",
    type=click.Choice(["quick", "slow", "all"]),
    default="quick",
    show_default=True,
    help="Which checks of a model to run.",
)
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="auto",
    show_default=True,
    help="How to search; `all` runs every engine and compares their answers.",
)
@click.option("--timeout", type=Duration(), metavar="TIME", help="For each check: 30s, 5m, 1h.  [default: none]")
@click.option(
    "--max-memory",
    type=Size(),
    metavar="SIZE",
    help="For all checks together: 4G, 500M, 60%.  [default: 75% of what is free]",
)
@click.option(
    "--symmetry",
    type=click.Choice(["off", "on", "auto"]),
    default="auto",
    show_default=True,
    help="Let one state stand for all that permutations of identities make of it; `auto`: where there are many.",
)
@click.option("--stats", is_flag=True, help="Print counts by action, and what makes the states many.")
@keeping.options
@click.option(
    "--por",
    "partial",
    type=click.Choice(["off", "on", "auto"]),
    default="auto",
    show_default=True,
    help="Partial-order reduction: leave out orders of independent steps; `auto`: where there are many states.",
)
@click.option(
    "--hunt",
    is_flag=False,
    flag_value="all",
    type=HuntSize(),
    metavar="[SIZE]",
    help="Look for violations in more states than fit, by their hashes, in SIZE of --max-memory; proves nothing.",
)
@click.option("--no-mining", is_flag=True, help="Proofs by k-induction use declared lemmas, no guessed invariants.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Checks at the same time.  [default: the cores]")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The form of the results.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write the results to FILE in the chosen form; standard output has the text.",
)
@click.option("--junit", "junit_file", type=click.Path(dir_okay=False), metavar="FILE", help="Write JUnit XML to FILE.")
@click.option("--sarif", "sarif_file", type=click.Path(dir_okay=False), metavar="FILE", help="Write SARIF to FILE.")
@click.option("--github", "annotate", is_flag=True, help="Print GitHub annotations.")
@click.option(
    "--explain", "explained", is_flag=True,
    help="Print proofs, and what keeps proofs by induction from going through.",
)  # fmt: skip
@click.option(
    "--save-traces", "folder", type=click.Path(file_okay=False), default=".kspec/traces", show_default=True,
    metavar="DIR", help="Where counterexamples and proofs are saved.",
)  # fmt: skip
@click.pass_context
def command(
    context: click.Context,
    paths: tuple[str, ...],
    settings: tuple[tuple[str, str], ...],
    everything: bool,
    tier: Tier,
    engine: str,
    depth: int | None,
    timeout: float | None,
    max_memory: int | None,
    symmetry: Literal["off", "on", "auto"],
    no_mining: bool,
    partial: Literal["off", "on", "auto"],
    hunt: int | None,
    stats: bool,
    every: float | None,
    checkpoint_dir: str | None,
    resume: bool,
    jobs: int | None,
    style: str,
    output: str | None,
    junit_file: str | None,
    sarif_file: str | None,
    annotate: bool,
    explained: bool,
    folder: str,
) -> int:
    """Checks the models named by PATH: files, folders (all models and saved traces below), or FILE::CHECK.

    A check is met when it ends as the model declares: `expect holds` must hold, `expect violates P` must
    violate P.  Saved traces (.itf.json) are replayed as regressions.  The exit code is 0 when every check
    is met, 1 when one is not, 2 when the input is wrong, 3 when there was no answer, 70 on an internal fault.
    """
    if not paths:
        raise click.UsageError("name a model, a folder of models, or FILE::CHECK")
    checkpoints = keeping.wanted(every, checkpoint_dir, resume, engine)
    started = time.monotonic()
    work = tuple(entries(paths, Wanted(settings, tier)))
    if not work:
        raise click.UsageError(f"there is nothing to check: no check in {', '.join(paths)} is of the tier `{tier}`")
    queue = [e for e in work if isinstance(e, Job)]
    parallel = min(jobs or capacity.cores(), max(1, len(queue)))
    share = capacity.divide(capacity.memory_budget(max_memory), capacity.cores(), parallel)
    chosen = Settings(
        engine, timeout, share.memory, share.threads, depth, everything,
        symmetry=symmetry, partial=partial, checkpoints=checkpoints, statistics=stats, hunt=hunt,
    )  # fmt: skip
    continuing = Continuing(Invocation.of(context), checkpoints, timeout, max_memory, only=len(work) == 1)
    to_stdout = style == "text" or output is not None
    chosen = replace(chosen, mining=not no_mining)
    screen = Screen(console(), quiet=not to_stdout)
    if not resume:
        for line in continuing.waiting(queue):
            screen.print(line)
    with caught() as interrupt:
        run = _Run(work, screen, Path(folder), interrupt, continuing)
        run_jobs(queue, chosen, parallel, run)
    reports = run.reports()
    seconds = time.monotonic() - started
    code = exit_code({r.outcome for r in reports})
    if explained:
        explain(screen, reports)
    conclude(screen, reports, seconds, stats=stats)
    document = json_report.dumps(reports, code, seconds)
    if style == "json" and output is None:
        sys.stdout.write(document)
    elif output is not None:
        write_atomically(
            Path(output), document if style == "json" else _as_text(reports, text.columns(reports), seconds)
        )
    if junit_file is not None:
        write_atomically(Path(junit_file), junit.dumps(reports, seconds))
    if sarif_file is not None:
        write_atomically(Path(sarif_file), sarif.dumps(reports, code))
    if annotate:
        for line in github.commands(reports):
            click.echo(line, err=not to_stdout)
    return code


@dataclass
class _Run:
    """Looks on while jobs run: prints rows in order, saves traces as they come.  A ``pool.Watcher``."""

    work: Sequence[Entry]
    screen: Screen
    folder: Path
    interrupt: Interrupt
    continuing: Continuing
    done: dict[int, CheckReport] = field(default_factory=dict)
    printed: int = 0

    def __post_init__(self) -> None:
        self.jobs = [i for i, e in enumerate(self.work) if isinstance(e, Job)]
        self.grouped = self.screen.out.is_terminal
        self.columns = text.columns(self.work, grouped=self.grouped)
        self.done |= {i: e for i, e in enumerate(self.work) if isinstance(e, CheckReport)}
        self._print_rows()

    def finished(self, index: int, report: CheckReport) -> None:
        self.done[self.jobs[index]] = self.continuing.advised(with_files(report, self.folder))
        self._print_rows()

    def tick(self, running: tuple[Sample, ...]) -> None:
        named = tuple((self._name(s.index), s) for s in running)
        self.screen.progress(len(self.done), len(self.work), named, time.monotonic(), self.interrupt.requested)

    def stop_requested(self) -> bool:
        return self.interrupt.requested

    def reports(self) -> tuple[CheckReport, ...]:
        """All reports in the order of the work."""
        return tuple(self.done[i] for i in range(len(self.work)))

    def _name(self, index: int) -> str:
        job = self.work[self.jobs[index]]
        return job.name

    def _print_rows(self) -> None:
        while self.printed in self.done:
            report = self.done[self.printed]
            if self.grouped and (not self.printed or self.done[self.printed - 1].model != report.model):
                self.screen.print(text.group(report))
            self.screen.print(text.row(report, self.columns))
            self.printed += 1


def _as_text(reports: Sequence[CheckReport], widths: text.Columns, seconds: float) -> str:
    """The text report for a file."""
    page = io.StringIO()
    screen = Screen(console(page))
    for report in reports:
        screen.print(text.row(report, widths))
    conclude(screen, reports, seconds)
    return page.getvalue()
