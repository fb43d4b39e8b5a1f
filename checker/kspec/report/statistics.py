"""What a search saw, and what makes its states many: tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from kspec.engine.outcome import CheckReport
from kspec.engine.protocol import CellShare, Evidence, Statistics
from kspec.engine.verdict import count
from kspec.lang.diagnostics import visible
from kspec.report.words import title

MOST = 20
"""Rows of a table."""
_WIDE = 36


def tables(r: CheckReport) -> Iterator[Text]:
    """The statistics of one check; nothing when no engine counted states."""
    e = r.evidence
    if e is None or not e.states:
        return
    yield Text(f"{visible(r.model)}: {visible(title(r))}", style="bold")
    up_to = f" up to {e.reduction}" if e.reduction else ""
    whole = "" if r.complete else "; not all states were looked at"
    yield Text(
        f"  {count(e.states, 'state')}{up_to}, {count(e.transitions, 'transition')}, "
        f"{e.transitions / e.states:.1f} from a state, depth {e.depth}{whole}"
    )
    yield from _actions(e, r.statistics, r.complete)
    if r.statistics is not None:
        yield from _cells(r.statistics)
    for note in r.notes:
        yield Text(f"  {visible(note)}", style="dim")
    yield Text("")


def findings(reports: Sequence[CheckReport], least: int = 2) -> Iterator[Text]:
    """The actions of :func:`untaken`, a line for each model."""
    for model, complete, never in untaken(reports, least):
        searches = "the complete search" if complete == 1 else f"all {complete} complete searches"
        yield Text(f"{visible(model)}: never taken in {searches}: {_names(never)}", style="yellow")


def untaken(reports: Sequence[CheckReport], least: int) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Models, the numbers of their complete searches (those with at least ``least``), and the actions that no
    search of the model took."""
    for model in dict.fromkeys(r.model for r in reports):
        complete = [r for r in reports if r.model == model and r.never is not None]
        if len(complete) < least or not complete:
            continue
        mine = [r.evidence for r in reports if r.model == model and r.evidence is not None]
        taken = {name for e in mine for name, n in e.actions if n}
        never = tuple(a for a in complete[0].never or () if a not in taken)
        if never:
            yield model, len(complete), never


def _names(never: Sequence[str]) -> str:
    more = f" and {len(never) - MOST} more" if len(never) > MOST else ""
    return ", ".join(visible(a) for a in never[:MOST]) + more


def _actions(e: Evidence, s: Statistics | None, complete: bool) -> Iterator[Text]:
    first = dict(s.first) if s is not None else {}
    sampled = sum(first.values())
    ranked = sorted(e.actions, key=lambda x: (-x[1], x[0]))
    wide = min(_WIDE, max((len(visible(n)) for n, _ in ranked[:MOST]), default=6))
    head = f"  {'action':<{wide}}  {'transitions':>12}  {'share':>6}"
    yield Text(head + (f"  {'new states':>10}" if sampled else ""), style="dim")
    shown = ranked if len(ranked) <= MOST else [x for x in ranked[:MOST] if x[1]]
    for name, n in shown:
        line = f"  {visible(name):<{wide}}  {n:>12}  {n / max(1, e.transitions):>6.1%}"
        if n == 0:
            line = f"  {visible(name):<{wide}}  {'never taken' if complete else 'not taken':>12}"
        elif sampled:
            line += f"  {_share(first.get(name, 0), sampled):>10}"
        yield Text(line)
    if len(shown) < len(ranked):
        rest = ranked[len(shown) :]
        never = sum(1 for _, n in rest if not n)
        yield Text(f"  {len(rest)} more actions" + (f", {never} of them never taken" if never else ""))
    if sampled:
        yield Text(f"  new states: which action reached them first, in a sample of {sampled}", style="dim")


def _share(n: int, sampled: int) -> str:
    """A share of a small sample: no more digits than it can bear."""
    return f"{n / sampled:.0%}" if n else f"< {1 / sampled:.1%}"


def _cells(s: Statistics) -> Iterator[Text]:
    ranked = sorted(s.cells, key=lambda c: (c.without, -c.values, c.cell))
    wide = min(_WIDE, max((len(visible(c.cell)) for c in ranked[:MOST]), default=8))
    about = "" if s.exact else "  (estimates, within 2 %)"
    yield Text(f"  {'variable':<{wide}}  {'bits':>5}  {'values':>10}  {'states without it':>18}{about}", style="dim")
    for c in ranked[:MOST]:
        yield Text(f"  {visible(c.cell):<{wide}}  {c.bits:>5}  {c.values:>10}  {c.without:>18}  {_factor(c, s)}")
    if len(ranked) > MOST:
        yield Text(f"  {len(ranked) - MOST} more variables, which matter less")


def _factor(c: CellShare, s: Statistics) -> str:
    """By how much the states grow through it."""
    if c.values <= 1:
        return "never changes"
    factor = s.states / max(1, c.without)
    if factor < 1.005:
        return "follows from the others"
    return f"{'' if s.exact else 'about '}{factor:.{2 if factor < 10 else 0}f} times"
