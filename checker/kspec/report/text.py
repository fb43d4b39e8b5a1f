"""Results for people: one row for each check, then what is to be said about those not as declared.

Everything that comes from a model or a file passes through ``visible``, so no text can steer the
terminal.  Colours are for terminals only and carry no meaning of their own.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from kspec.engine.child import size_text
from kspec.engine.job import Job
from kspec.engine.outcome import CheckReport, EngineRun, Saved
from kspec.engine.verdict import count
from kspec.lang.diagnostics import render, visible
from kspec.report.words import MARKS, duration, headline

_STYLES = {
    "met": "green",
    "unmet": "bold red",
    "undecided": "yellow",
    "invalid": "bold red",
    "fault": "bold magenta",
}
_WIDEST = 32
_GOT = 34
_MARK = max(len(m) for m in MARKS.values())


@dataclass(frozen=True)
class Columns:
    """The widths of the columns that are known before the checks run; ``model`` 0 leaves that column out."""

    model: int
    name: int
    expect: int


def columns(work: Iterable[Job | CheckReport], *, grouped: bool = False) -> Columns:
    """Widths that fit the rows; what is wider than 32 sticks out."""
    rows = [(w.model if isinstance(w, CheckReport) else w.model.file, _title(w), _brief(w.expect)) for w in work]
    widths = [max((len(visible(r[i])) for r in rows if len(r[i]) <= _WIDEST), default=0) for i in range(3)]
    return Columns(0 if grouped else widths[0], widths[1], widths[2])


def group(r: CheckReport) -> Text:
    """The line above the rows of a model, where rows are grouped."""
    return Text(visible(r.model), style="bold")


def row(r: CheckReport, c: Columns) -> Text:
    """One line: outcome, model, check, what was expected, what came out and how strong it is, time."""
    name = _title(r)
    model = f"  {visible(r.model):<{c.model}}" if c.model else ""
    return Text.assemble(
        (f"{MARKS[r.outcome]:<{_MARK}}", _STYLES[r.outcome]),
        f"{model}  {visible(name):<{c.name}}  {visible(_brief(r.expect)):<{c.expect}}  ",
        (f"{visible(r.got):<{_GOT}}", "" if r.outcome == "met" else "bold"),
        (f"  {duration(r.seconds):>8}", "dim"),
    )


def _brief(expect: str) -> str:
    """What is expected in a word; which property, and which counts, is in what came out or in the details."""
    word = expect.partition(" ")[0]
    return word if word in ("holds", "violates") else expect


def details(r: CheckReport) -> Iterator[Text]:
    """What is to be said about a check that did not end as declared, line by line; traces come separately."""
    if r.diagnostics:
        for d in r.diagnostics:
            yield Text(render(d, r.sources))
        return
    place = f"{visible(str(r.place))}: " if r.place else f"{visible(r.model)}: "
    yield Text.assemble((place, "bold"), (visible(headline(r)), _STYLES[r.outcome]))
    if r.story:
        yield Text(f"  {visible(r.story)}", style="italic")
    if r.params and not r.traces:
        params = ", ".join(f"{visible(n)} = {visible(v)}" for n, v in r.params)
        yield from (Text(x, style="dim") for x in textwrap.wrap(f"  with {params}", 98, subsequent_indent=" " * 7))
    for line in (*r.why, *r.notes):
        yield Text(f"  {visible(line)}")
    if r.evidence is not None and r.evidence.states:
        e = r.evidence
        up_to = f" up to {e.reduction.replace(', ', ' and ')}" if e.reduction else ""
        seen = f"{count(e.states, 'state')}{up_to}, {count(e.transitions, 'transition')}, depth {e.depth}"
        yield Text(f"  seen: {seen} ({', '.join(r.engines)})", style="dim")
    if len(r.runs) > 1:
        yield Text(f"  engines: {', '.join(map(_run, r.runs))}", style="dim")
    if r.checkpoint is not None:
        k = r.checkpoint
        saved = f"{count(k.states, 'state')} up to depth {k.depth}, {size_text(k.size)}"
        yield Text(f"  checkpoint: {saved} in {visible(str(k.folder))}", style="dim")
    for line in r.advice:
        yield Text(f"  {visible(line)}")
    if r.fault_file:
        yield Text(f"  This is a fault of kspec. Details for a report are in {visible(r.fault_file)}")


def _run(x: EngineRun) -> str:
    """What became of an engine."""
    what = "answered" if x.decisive else "no answer"
    return f"{x.engine} {what} in {duration(x.seconds)}"


def where_saved(saved: Saved) -> Iterator[Text]:
    """Where a trace is, and how to replay it."""
    if saved.path:
        yield Text.assemble(("  saved   ", "dim"), visible(saved.path))
        yield Text.assemble(("  replay  ", "dim"), f"kspec replay {quoted(saved.path)}")


def quoted(path: str) -> str:
    """A path as a shell needs it, made visible."""
    return visible(shlex.quote(path))


def also_saved(reports: Sequence[CheckReport]) -> Iterator[Text]:
    """Where the traces of expected violations are: one line for all of them."""
    paths = [s.path for r in reports if r.outcome == "met" for s in r.traces if s.path]
    if len(paths) == 1:
        yield Text(f"The trace is saved; replay it with: kspec replay {quoted(paths[0])}")
    elif paths:
        folder = paths[0].rpartition("/")[0] or "."
        yield Text(f"{len(paths)} traces are saved in {visible(folder)}; replay one with: kspec replay FILE")


def _title(w: Job | CheckReport) -> str:
    match w.kind:
        case "file":
            return ""
        case "scenario":
            return f"scenario {w.name}"
        case _:
            return w.name
