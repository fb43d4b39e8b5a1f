"""Results in the Static Analysis Results Interchange Format (SARIF 2.1.0, an OASIS standard), as code
scanners and editors read it.

A result for each check that did not end as declared, each diagnostic, and each finding; the steps of a
counterexample are a code flow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import quote

from kspec import __version__
from kspec.engine.outcome import CheckReport, Saved
from kspec.lang.diagnostics import Diagnostic
from kspec.lang.source import Span
from kspec.report.json_report import Json
from kspec.report.statistics import untaken
from kspec.report.words import explanation, headline

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
Level: TypeAlias = Literal["error", "warning", "note"]
_RULES: dict[str, tuple[Level, str]] = {
    "check-not-met": ("error", "A check did not end as the model declares."),
    "check-undecided": ("warning", "There was no answer that is strong enough."),
    "internal-fault": ("error", "kspec itself failed."),
    "never-taken": ("note", "No search of the model takes this action."),
}
_OUTCOMES = {
    "unmet": "check-not-met", "undecided": "check-undecided", "fault": "internal-fault", "invalid": "check-not-met",
}  # fmt: skip


def dumps(reports: Sequence[CheckReport], exit_code: int) -> str:
    """The text of the document, ASCII only."""
    results = list(_results(reports))
    ids = sorted({str(r["ruleId"]) for r in results})
    for r in results:
        r["ruleIndex"] = ids.index(str(r["ruleId"]))
    driver: dict[str, Json] = {"name": "kspec", "version": __version__, "rules": [_rule(i) for i in ids]}
    run: dict[str, Json] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": exit_code != 70, "exitCode": exit_code}],
        "results": list(results),
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(name: str) -> Json:
    level, text = _RULES.get(name, ("error", f"Diagnostic {name} (spec/diagnostics.md)."))
    return {"id": name, "shortDescription": {"text": text}, "defaultConfiguration": {"level": level}}


def _results(reports: Sequence[CheckReport]) -> Iterator[dict[str, Json]]:
    seen: set[tuple[str, Span | None]] = set()  # an error in a model makes all its checks invalid
    for r in reports:
        for d in r.diagnostics:
            if (d.code, d.span) not in seen or d.span is None:
                seen.add((d.code, d.span))
                yield _diagnostic(d, r.model)
        if r.outcome in _OUTCOMES and not r.diagnostics:
            yield _check(r)
    for model, _, actions in untaken(reports, 2):
        for action in actions:
            yield _result("never-taken", "note", f"action {action} is never taken", None, model, action)


def _check(r: CheckReport) -> dict[str, Json]:
    rule = _OUTCOMES[r.outcome]
    text = "\n".join((headline(r), *explanation(r)))
    out = _result(rule, _RULES[rule][0], text, r.place, r.model, r.name)
    flows: list[Json] = [flow for saved in r.traces if (flow := _flow(saved, r.model)) is not None]
    if flows:
        out["codeFlows"] = flows
    return out


def _diagnostic(d: Diagnostic, model: str) -> dict[str, Json]:
    text = "\n".join(x for x in (d.headline, d.label, d.help) if x)
    out = _result(d.code, "error" if d.severity == "error" else "warning", text, d.span, model, d.headline)
    if d.notes:
        out["relatedLocations"] = [_location(n.span, model, n.text) for n in d.notes]
    return out


def _result(rule: str, level: Level, text: str, span: Span | None, model: str, subject: str) -> dict[str, Json]:
    """``subject`` tells results of one rule in one file apart, wherever their lines move."""
    digest = hashlib.blake2b("\0".join((rule, model, subject)).encode(errors="replace"), digest_size=16).hexdigest()
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": text},
        "locations": [_location(span, model)],
        "partialFingerprints": {"kspec/v1": digest},
    }


def _location(span: Span | None, model: str, text: str = "") -> Json:
    place: dict[str, Json] = {"artifactLocation": {"uri": _uri(span.file if span else model)}}
    if span is not None:
        place["region"] = {
            "startLine": span.line,
            "startColumn": span.column,
            "endLine": span.end_line,
            "endColumn": span.end_column,
        }
    out: dict[str, Json] = {"physicalLocation": place}
    if text:
        out["message"] = {"text": text}
    return out


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix(), errors="replace")


def _flow(saved: Saved, model: str) -> Json | None:
    """The steps of a counterexample that have a place; ``model`` is the file as the user named it."""
    steps: list[Json] = []
    for number, step in enumerate(saved.trace.steps, 1):
        if step.place is not None:
            own = step.place.file == saved.trace.model.file
            place = replace(step.place, file=model) if own else step.place
            who = f"{step.actor} " if step.actor else ""
            location = _location(place, model, f"step {number}: {who}{step.action}")
            steps.append({"location": location, "executionOrder": number})
    return {"threadFlows": [{"locations": steps}]} if steps else None
