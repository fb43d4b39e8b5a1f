"""Results as GitHub workflow commands: annotations at the lines of the models.

Form and escaping: "Workflow commands for GitHub Actions" in GitHub's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kspec.engine.outcome import CheckReport
from kspec.lang.source import Span
from kspec.report.words import explanation, headline

_LEVEL = {"unmet": "error", "invalid": "error", "fault": "error", "undecided": "warning"}


def commands(reports: Sequence[CheckReport]) -> Iterator[str]:
    """One line for every check that did not end as declared, and for every diagnostic."""
    for r in reports:
        if r.diagnostics:
            for d in r.diagnostics:
                level = "error" if d.severity == "error" else "warning"
                text = "\n".join(x for x in (d.label, d.help) if x) or d.headline
                yield _command(level, d.span, r.model, f"{d.code}: {d.headline}", text)
        elif r.outcome in _LEVEL:
            title = headline(r)
            yield _command(_LEVEL[r.outcome], r.place, r.model, title, "\n".join(explanation(r)) or title)


def _command(level: str, span: Span | None, file: str, title: str, text: str) -> str:
    where = {"file": span.file if span else file}
    if span is not None:
        where |= {"line": str(span.line), "col": str(span.column), "endLine": str(span.end_line)}
        if span.end_line == span.line:
            where["endColumn"] = str(max(span.end_column - 1, span.column))
    pairs = ",".join(f"{k}={_property(v)}" for k, v in (where | {"title": title}).items())
    return f"::{level} {pairs}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
