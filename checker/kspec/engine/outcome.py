"""What came out of one check, scenario or kept counterexample: the record that every report is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kspec.engine.checkpoints import Kept
from kspec.engine.judge import Outcome
from kspec.engine.protocol import Evidence, Statistics
from kspec.engine.verdict import Verdict
from kspec.lang.diagnostics import Diagnostic
from kspec.lang.source import Source, Span
from kspec.trace.model import Trace
from kspec.trace.replay import ReplayResult

UnitKind: TypeAlias = Literal["check", "scenario", "counterexample", "file"]


@dataclass(frozen=True)
class Saved:
    """A trace that a check produced, and the file it was saved in (empty: not saved)."""

    trace: Trace
    path: str = ""


@dataclass(frozen=True)
class EngineRun:
    """What became of one engine: the status of its result, wall time in seconds, and why it gave no answer.

    ``decisive``: some verdict is its.
    """

    engine: str
    status: str
    seconds: float
    reason: str = ""
    decisive: bool = False


@dataclass(frozen=True)
class CheckReport:
    """One row of a report.

    ``model`` is the file as the user named it; ``kind`` ``file`` is a file that could not be used at all.
    ``expect`` and ``got`` are short texts; ``why`` says what is not as declared.  ``seconds`` is wall time.
    ``replayed`` is a saved trace that is not met, with what became of it.
    ``certificates`` are the texts of proofs, ``certificate_files`` their paths once written.
    ``explained`` says, line by line, what keeps proofs by induction from going through.
    ``complete``: every reachable state was looked at, and ``never`` are the actions that none of them allows
    (None: not known).  ``statistics``: what makes the states many.
    ``checkpoint`` is what an unfinished search left, ``advice`` what can be done to get an answer.
    ``fault`` is what an internal fault left for its report file (empty without one), ``fault_file`` that
    file's path once written.
    """

    model: str
    kind: UnitKind
    name: str
    outcome: Outcome
    got: str
    expect: str = ""
    story: str = ""
    why: tuple[str, ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    evidence: Evidence | None = None
    complete: bool = False
    never: tuple[str, ...] | None = None
    statistics: Statistics | None = None
    engines: tuple[str, ...] = ()
    runs: tuple[EngineRun, ...] = ()
    system_hash: str = ""
    traces: tuple[Saved, ...] = ()
    certificates: tuple[str, ...] = field(default=(), repr=False)
    certificate_files: tuple[str, ...] = ()
    place: Span | None = None
    tier: str = "quick"
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    sources: tuple[Source, ...] = field(default=(), repr=False)
    replayed: tuple[Trace, ReplayResult] | None = None
    explained: tuple[str, ...] = ()
    checkpoint: Kept | None = None
    advice: tuple[str, ...] = ()
    fault: str = field(default="", repr=False)
    fault_file: str = ""


def exit_code(outcomes: set[Outcome]) -> int:
    """The exit code of a run (``spec/exit-codes.md``): the gravest of its outcomes."""
    ranked: tuple[tuple[Outcome, int], ...] = (("fault", 70), ("invalid", 2), ("unmet", 1), ("undecided", 3))
    return next((code for outcome, code in ranked if outcome in outcomes), 0)
