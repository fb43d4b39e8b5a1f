"""Results as one JSON document (``spec/results.md``, ``spec/result.schema.json``)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from kspec import __version__
from kspec.engine.checkpoints import Kept
from kspec.engine.outcome import CheckReport, EngineRun, Saved
from kspec.engine.protocol import Evidence, Statistics
from kspec.engine.verdict import Verdict
from kspec.lang.diagnostics import Diagnostic
from kspec.lang.source import Span
from kspec.trace.table import switches

FORMAT = 1

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


def dumps(reports: Sequence[CheckReport], exit_code: int, seconds: float) -> str:
    """The text of the document, ASCII only."""
    return json.dumps(document(reports, exit_code, seconds), indent=1) + "\n"


def document(reports: Sequence[CheckReport], exit_code: int, seconds: float) -> dict[str, Json]:
    """The document.  Traces are not in it: it names the files they were saved in."""
    outcomes = Counter(r.outcome for r in reports)
    summary: dict[str, Json] = {"total": len(reports)}
    for word in ("met", "unmet", "undecided", "invalid", "fault"):
        summary[word] = outcomes[word]
    return {
        "format": FORMAT,
        "kspec": __version__,
        "exit_code": exit_code,
        "seconds": round(seconds, 3),
        "summary": summary,
        "checks": [_check(r) for r in reports],
    }


def _check(r: CheckReport) -> Json:
    return {
        "model": r.model,
        "kind": r.kind,
        "name": r.name,
        "story": r.story,
        "params": dict(r.params),
        "tier": r.tier,
        "expect": r.expect,
        "outcome": r.outcome,
        "got": r.got,
        "why": list(r.why),
        "place": _place(r.place),
        "seconds": round(r.seconds, 3),
        "engines": list(r.engines),
        "runs": [_run(x) for x in r.runs],
        "system": r.system_hash,
        "verdicts": [_verdict(v) for v in r.verdicts],
        "evidence": _evidence(r.evidence) if r.evidence else None,
        "complete": r.complete,
        "never_taken": list(r.never) if r.never is not None else None,
        "statistics": _statistics(r.statistics) if r.statistics else None,
        "traces": [_trace(t) for t in r.traces],
        "certificates": list(r.certificate_files),
        "notes": list(r.notes),
        "checkpoint": _checkpoint(r.checkpoint) if r.checkpoint else None,
        "advice": list(r.advice),
        "diagnostics": [_diagnostic(d) for d in r.diagnostics],
        "fault_file": r.fault_file or None,
    }


def _run(x: EngineRun) -> Json:
    return {
        "engine": x.engine,
        "status": x.status,
        "seconds": round(x.seconds, 3),
        "reason": x.reason,
        "decisive": x.decisive,
    }


def _verdict(v: Verdict) -> Json:
    return {
        "property": v.property,
        "kind": v.kind,
        "strength": v.strength,
        "text": v.text(),
        "within_limit": v.within_limit,
        "engine": v.engine,
        "states": v.states,
        "bound": v.bound,
        "length": v.run.length if v.run else None,
        "reason": v.reason,
        "omission": v.omission,
    }


def _evidence(e: Evidence) -> Json:
    return {
        "states": e.states,
        "transitions": e.transitions,
        "depth": e.depth,
        "cut": e.cut,
        "digest": f"{e.digest:032x}",
        "actions": dict(e.actions),
        "reduction": e.reduction or None,
        "represents": e.represents,
        "spared": e.spared,
    }


def _trace(saved: Saved) -> Json:
    prop = saved.trace.property
    return {
        "property": prop.name if prop else "",
        "message": prop.message if prop else "",
        "steps": len(saved.trace.steps),
        "switches": switches(saved.trace),
        "file": saved.path or None,
    }


def _statistics(s: Statistics) -> Json:
    return {
        "states": s.states,
        "exact": s.exact,
        "variables": [
            {"name": c.cell, "bits": c.bits, "values": c.values, "states_without": c.without} for c in s.cells
        ],
        "new_states_sampled": dict(s.first),
    }


def _checkpoint(k: Kept) -> Json:
    return {"folder": str(k.folder), "states": k.states, "depth": k.depth, "bytes": k.size}


def _diagnostic(d: Diagnostic) -> Json:
    return {
        "code": d.code,
        "severity": d.severity,
        "headline": d.headline,
        "label": d.label,
        "help": d.help,
        "place": _place(d.span),
        "notes": [{"text": n.text, "place": _place(n.span)} for n in d.notes],
    }


def _place(span: Span | None) -> Json:
    if span is None:
        return None
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }
