"""What happens to reports once checks have ended: files are written, and the details are printed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from kspec.cli import faults
from kspec.cli.keeping import remarks
from kspec.cli.screen import Screen
from kspec.engine.outcome import CheckReport, Saved
from kspec.engine.verdict import count
from kspec.lang.diagnostics import visible
from kspec.report import statistics, text, words
from kspec.report.files import write_atomically
from kspec.report.proof import proof_lines
from kspec.trace.format import save, suggested_name
from kspec.trace.model import Trace


def with_files(report: CheckReport, folder: Path) -> CheckReport:
    """The report, its traces and its fault written to files."""
    if report.fault:
        report = replace(report, fault_file=faults.write(report.fault))
    if report.certificates:
        report = replace(report, certificate_files=tuple(_certificates(report, folder)))
    if not report.traces or report.kind == "counterexample":
        return report
    saved = tuple(written(s.trace, folder) for s in report.traces)
    lost = [s for s in saved if not s.path]
    notes = (f"{count(len(lost), 'trace')} could not be saved in {folder}",) if lost else ()
    return replace(report, traces=saved, notes=report.notes + notes)


def _certificates(report: CheckReport, folder: Path) -> Iterator[str]:
    """Writes the certificates of proofs; one that cannot be written is left out."""
    for text_ in report.certificates:
        digest = hashlib.blake2b(text_.encode(), digest_size=4).hexdigest()
        words = (re.sub(r"[^A-Za-z0-9_.]+", "_", w)[:48].strip("._") for w in (Path(report.model).stem, report.name))
        path = folder / f"{'-'.join(w or 'x' for w in words)}-{digest}.certificate.json"
        with suppress(OSError):
            write_atomically(path, text_)
            yield str(path)


def written(trace: Trace, folder: Path) -> Saved:
    """The trace, saved in a folder under a name of its own; without a path when that was not possible."""
    path = folder / suggested_name(trace)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save(trace, path)
    except OSError:
        return Saved(trace)
    return Saved(trace, str(path))


def explain(screen: Screen, reports: Sequence[CheckReport]) -> None:
    """Proofs, and what keeps proofs from going through."""
    for report in reports:
        lines = [line for text_ in report.certificates for line in proof_lines(text_)]
        for title, said in (("proof", lines), ("what keeps it from being proved", report.explained)):
            if said:
                screen.print()
                screen.print(Text(visible(f"{report.model}, {words.title(report)}: {title}"), style="bold"))
                for line in said:
                    screen.print(f"  {visible(line)}")


def conclude(screen: Screen, reports: Sequence[CheckReport], seconds: float, *, stats: bool = False) -> None:
    """What is to be said after the rows; ``stats``: with tables of what the searches saw."""
    said: set[str] = set()  # an error in a model makes all its checks invalid; it is told once
    for report in reports:
        if report.outcome == "met":
            continue
        if not report.diagnostics or any(line.plain not in said for line in text.details(report)):
            screen.print()
        for line in text.details(report):
            if not report.diagnostics or line.plain not in said:
                screen.print(line)
                said.add(line.plain)
        if report.replayed is not None:
            screen.replayed(*report.replayed)
        for saved in report.traces:
            screen.print()
            screen.trace(saved.trace)
            for line in text.where_saved(saved):
                screen.print(line)
    screen.print()
    for remark in remarks(reports):
        screen.print(visible(remark))
    for line in (line for r in reports if stats for line in statistics.tables(r)):
        screen.print(line)
    for line in statistics.findings(reports, 1 if stats else 2):
        screen.print(line)
    for line in text.also_saved(reports):
        screen.print(line)
    screen.print(words.totals(reports, seconds))
