"""``kspec conform``: holds traces of a real system against a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click
from rich.text import Text

from kspec.cli.options import Setting
from kspec.cli.screen import Screen, console
from kspec.conform.matcher import Moment, Rejected
from kspec.conform.records import BadTrace
from kspec.conform.run import Report, conform
from kspec.engine import capacity
from kspec.lang.diagnostics import Diagnostic, Failed, visible
from kspec.lang.load import load
from kspec.lang.source import Source
from kspec.lower import build as lowering

_STYLES = {"conforms": "green", "rejected": "bold red", "inconclusive": "yellow"}
_CODES = {"conforms": 0, "rejected": 1, "inconclusive": 3}
_BEFORE, _AFTER, _WIDE = 4, 2, 150


@click.command("conform", short_help="Hold traces of a real system against a model.")
@click.argument("model", metavar="MODEL")
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@click.option("--set", "settings", type=Setting(), multiple=True, metavar="NAME=VALUE", help="A parameter.")
@click.option("--width", type=click.IntRange(1), default=1024, show_default=True, metavar="STATES",
              help="How many states may be possible at the same time.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Traces at the same time.  [default: the cores]")
@click.option("--coverage", is_flag=True, help="Say what the traces exercised, and which records nobody knows.")
def command(
    model: str, traces: tuple[str, ...], settings: tuple[tuple[str, str], ...], width: int, jobs: int | None,
    coverage: bool,
) -> int:
    """Follows each TRACE (ftrace text, JSON lines, packed by gzip or not; or a folder of *.trace files) through
    MODEL, whose `observe` declarations say what its records mean.

    A trace conforms if some run of the model makes it.  The exit code is 1 when one does not, or when a property
    is violated in every state that is possible; 2 when a trace cannot be read; 3 when there is no answer.
    """
    screen = Screen(console())
    lowering.build(load(model), dict(settings))  # what is wrong with the model is said once, before all else
    files = [f for t in traces for f in _files(t)]
    if not files:
        raise click.UsageError("there is no *.trace file in these folders")
    work = [_Work(model, f, settings, width) for f in files]
    codes: set[int] = set()
    reports: list[Report] = []
    for w, got in zip(work, _results(work, jobs or capacity.cores()), strict=True):
        if isinstance(got, BadTrace):
            where = f"{got.file}:{got.line}" if got.line else got.file
            screen.print(Text.assemble(("unreadable   ", "bold red"), visible(f"{where}: {got.reason}")))
            codes.add(2)
            continue
        reports.append(got)
        codes.add(_print(screen, w.trace, got))
    if coverage:
        _coverage(screen, reports)
    counts = Counter(r.outcome.status for r in reports)
    words = ", ".join(f"{n} {s}" for s, n in counts.items())
    screen.print()
    screen.print(f"{len(files)} trace{'s' if len(files) > 1 else ''}: {words or 'none could be read'}")
    return next((c for c in (2, 1, 3) if c in codes), 0)


@dataclass(frozen=True)
class _Work:
    model: str
    trace: str
    settings: tuple[tuple[str, str], ...]
    width: int


@dataclass(frozen=True)
class _Invalid:
    """Failed, in a form that gets from one process to another."""

    diagnostics: tuple[Diagnostic, ...]
    sources: tuple[Source, ...]


def _one(w: _Work) -> Report | BadTrace | _Invalid:
    try:
        return conform(w.model, w.trace, dict(w.settings), w.width)
    except BadTrace as e:
        return e
    except Failed as e:
        return _Invalid(e.diagnostics, e.sources)


def _results(work: list[_Work], jobs: int) -> Iterator[Report | BadTrace]:
    if len(work) == 1 or jobs == 1:
        for w in work:
            yield _checked(_one(w))
        return
    with ProcessPoolExecutor(min(jobs, len(work))) as pool:
        for got in pool.map(_one, work):
            yield _checked(got)


def _checked(got: Report | BadTrace | _Invalid) -> Report | BadTrace:
    if isinstance(got, _Invalid):
        raise Failed(got.diagnostics, got.sources)
    return got


def _files(path: str) -> Iterator[str]:
    folder = Path(path)
    if folder.is_dir():
        yield from sorted(str(p) for p in folder.rglob("*") if p.name.endswith((".trace", ".trace.gz", ".jsonl")))
    else:
        yield path


def _print(screen: Screen, file: str, r: Report) -> int:
    o = r.outcome
    c = o.coverage
    line = Text.assemble((f"{o.status:<12}", _STYLES[o.status]), " ", visible(file))
    line.append(f"  {c.records} records, {100 * c.known:.1f}% known, {c.bound} bound", style="dim")
    if c.widest > 1:
        line.append(f", up to {c.widest} states", style="dim")
    screen.print(line)
    if o.reason:
        screen.print(f"    {visible(o.reason)}")
    for b in o.broken:
        how = "definitely violated" if b.definite else "possibly violated"
        words = f": {b.message}" if b.message else ""
        screen.print(Text(visible(f"    {b.property} is {how} at line {b.record.line}{words}"), style="bold red"))
        screen.print(f"      {visible(b.record.text.strip()[:_WIDE])}")
    if o.rejected is not None:
        _rejected(screen, r, o.rejected)
    return 1 if any(b.definite for b in o.broken) else _CODES[o.status]


def _rejected(screen: Screen, r: Report, rejected: Rejected) -> None:
    moment = rejected.moment
    earlier = [m for m in r.outcome.recent if m.record.line < moment.record.line]
    for m in earlier[-_BEFORE:]:
        screen.print(Text(f"      {_line(m)}", style="dim"))
    screen.print(Text(f"    > {_line(moment)}", style="bold"))
    for misfit in rejected.misfits:
        screen.print(f"        {visible(misfit)}")
    for b in r.diagnosis.blocked if r.diagnosis is not None else ():
        screen.print(f"        {visible(str(b))}")
    for m in r.outcome.following[:_AFTER]:
        screen.print(Text(f"      {_line(m)}", style="dim"))
    if r.diagnosis is not None and r.diagnosis.hypotheses:
        screen.print("    what might be wrong:")
        for h in r.diagnosis.hypotheses:
            of = f"{h.explained} of the next {r.diagnosis.ahead} records fit then"
            screen.print(f"      {visible(h.text)}: {of}")


def _line(m: Moment) -> str:
    return visible(f"{m.record.line:6}  {' '.join(m.record.text.split())[:_WIDE]}")


def _coverage(screen: Screen, reports: list[Report]) -> None:
    actions: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    never: set[str] | None = None
    for r in reports:
        actions += r.outcome.coverage.actions
        unknown += r.outcome.coverage.unknown
        never = set(r.never) if never is None else never & set(r.never)
    screen.print()
    for name, n in actions.most_common():
        screen.print(f"{n:8}  {visible(name)}")
    if never:
        screen.print(f"never seen: {visible(', '.join(sorted(never)))}")
    if unknown:
        screen.print("records that nobody knows: " + visible(", ".join(f"{n} ({k})" for n, k in unknown.most_common())))
