"""The sentences that all reports share."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from kspec.engine.outcome import CheckReport
from kspec.engine.verdict import count
from kspec.lang.diagnostics import render

MARKS = {"met": "ok", "unmet": "FAILED", "undecided": "undecided", "invalid": "invalid", "fault": "FAULT"}


def title(r: CheckReport) -> str:
    """What was checked: ``check small``, ``scenario "two tasks"``, ``counterexamples/x.itf.json``."""
    match r.kind:
        case "check":
            return f"check {r.name}"
        case "scenario":
            return f'scenario "{r.name}"'
        case _:
            return r.name


def headline(r: CheckReport) -> str:
    """One line: ``check small: expected holds, got violated one_owner in 4 steps``."""
    if r.outcome in ("invalid", "fault"):
        return f"{title(r)}: {r.got}"
    return f"{title(r)}: expected {r.expect}, got {r.got}"


def explanation(r: CheckReport) -> Iterator[str]:
    """The lines below the headline of a check that did not end as declared."""
    yield from r.why
    yield from r.notes
    for d in r.diagnostics:
        yield render(d, r.sources)
    for saved in r.traces:
        if saved.path:
            name = saved.trace.property.name if saved.trace.property else "run"
            yield f"trace of {name} ({count(len(saved.trace.steps), 'step')}): {saved.path}"
    if r.fault_file:
        yield f"details are in {r.fault_file}"


def totals(reports: Sequence[CheckReport], seconds: float) -> str:
    """The last line: ``12 checks: 10 as declared, 1 not, 1 undecided; 3.2 s``."""
    noun = "check" if len(reports) == 1 else "checks"
    words = (
        ("met", "as declared"),
        ("unmet", "not as declared"),
        ("undecided", "undecided"),
        ("invalid", "invalid"),
        ("fault", "internal fault" if sum(r.outcome == "fault" for r in reports) == 1 else "internal faults"),
    )
    parts = [(sum(r.outcome == o for r in reports), text) for o, text in words]
    listed = ", ".join(f"{n} {text}" for n, text in parts if n) or "none"
    return f"{len(reports)} {noun}: {listed}; {duration(seconds)}"


def ago(moment: float) -> str:
    """A moment (seconds since the epoch) for people: ``just now``, ``5 min ago``, ``3 h ago``, ``2 days ago``."""
    seconds = max(0.0, time.time() - moment)
    if seconds < 60:
        return "just now"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min ago"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f} h ago"
    return f"{seconds / 86400:.0f} days ago"


def size(n: int) -> str:
    """A number of bytes for people: ``12 kB``, ``512 MB``, ``1.5 GB`` (powers of 1024)."""
    if n >= 1 << 30:
        return f"{n / (1 << 30):.1f} GB"
    if n >= 100 << 20:
        return f"{n >> 20} MB"
    return f"{n / (1 << 20):.1f} MB" if n >= 1 << 20 else f"{-(-n // 1024)} kB"


def duration(seconds: float, *, rough: bool = False) -> str:
    """A time for people: ``0.34 s``, ``12.0 s``, ``3 min 20 s``, ``2 h 5 min``; ``rough`` has whole seconds."""
    if seconds >= 7200:
        return f"{int(seconds) // 3600} h {int(seconds) % 3600 // 60} min"
    if rough and seconds < 120:
        return f"{seconds:.0f} s"
    if rough:
        return f"{seconds / 60:.0f} min"
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
