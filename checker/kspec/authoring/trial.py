"""Tries mutants: do the checks and scenarios of the model notice them?

Every mutant meets the units (scenarios and checks) one after the other, the quickest first, until one of them does
not end as declared: that kills it.  All mutants that are still alive meet the same unit at the same time, so that
the workers are busy; what is known is kept between runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from kspec.authoring.mutants import Mutant, mutated
from kspec.engine.job import Job, Settings, Unit
from kspec.engine.model_file import FileModel
from kspec.engine.outcome import CheckReport
from kspec.engine.pool import Sample, Watcher, run_jobs
from kspec.lang.diagnostics import Failed
from kspec.lang.load import Program
from kspec.report.files import write_atomically

Fate: TypeAlias = Literal["killed", "survived", "equivalent", "invalid", "undecided"]


@dataclass(frozen=True)
class Result:
    """What became of a mutant: ``by`` is what killed it, or what could not be decided in time."""

    fate: Fate
    by: str = ""


@dataclass(frozen=True)
class Baseline:
    """The units as the model itself meets them, quickest first, with the graphs that were explored."""

    units: tuple[Unit, ...]
    seconds: tuple[float, ...]
    graphs: tuple[str, ...]


class Stopped(Exception):
    """The user asked for a stop."""


class NotAsDeclared(Exception):
    """The model itself does not end as declared; the reports say where."""

    def __init__(self, reports: Sequence[CheckReport]) -> None:
        self.reports = tuple(reports)
        super().__init__()


@dataclass
class _Silent(Watcher):
    """Passes on what matters."""

    stop: Callable[[], bool]
    done: Callable[[int, CheckReport], None]
    look: Callable[[int], None] = field(default=lambda n: None)

    def finished(self, index: int, report: CheckReport) -> None:
        self.done(index, report)

    def tick(self, running: tuple[Sample, ...]) -> None:
        self.look(len(running))

    def stop_requested(self) -> bool:
        return self.stop()


@dataclass(frozen=True)
class Trial:
    """How mutants are tried: ``seconds`` for each unit, ``parallel`` at the same time, ``stop`` asks for an end."""

    file: str
    program: Program
    settings: Settings
    parallel: int
    seconds: float
    stop: Callable[[], bool]
    look: Callable[[str, int, int], None]

    def baseline(self, units: Sequence[Unit]) -> Baseline:
        """Raises NotAsDeclared where the model itself does not end as declared, Stopped."""
        model = FileModel(self.file, self.program)
        reports = self._run([Job(model, u) for u in units], "the model itself", None)
        wrong = [r for r in reports if r.outcome != "met"]
        if wrong:
            raise NotAsDeclared(wrong)
        order = sorted(range(len(units)), key=lambda k: reports[k].seconds)
        kept = [k for k in order if reports[k].seconds <= self.seconds]
        return Baseline(
            tuple(units[k] for k in kept), tuple(reports[k].seconds for k in kept),
            tuple(graph(reports[k]) for k in kept),
        )  # fmt: skip

    def results(self, mutants: Sequence[Mutant], base: Baseline, known: Mapping[str, Result]) -> Iterator[
        tuple[Mutant, Result]
    ]:
        """The fates of mutants as they are known; raises Stopped."""
        alive: dict[int, FileModel] = {}
        for k, m in enumerate(mutants):
            if m.key in known:
                yield m, known[m.key]
                continue
            try:
                alive[k] = FileModel(self.file, mutated(self.program, m))
            except Failed:
                yield m, Result("invalid")
        same = dict.fromkeys(alive, True)
        late: dict[int, str] = {}
        for number, unit in enumerate(base.units):
            indices = list(alive)
            what = f"{_name(unit)} ({number + 1} of {len(base.units)})"
            reports = self._run([Job(alive[k], unit) for k in indices], what, base.seconds[number])
            for k, report in zip(indices, reports, strict=True):
                if report.outcome == "invalid":
                    del alive[k]
                    yield mutants[k], Result("invalid")
                elif report.outcome in ("unmet", "fault"):
                    del alive[k]
                    yield mutants[k], Result("killed", _name(unit))
                else:
                    same[k] &= graph(report) == base.graphs[number] and report.outcome == "met"
                    if report.outcome == "undecided":
                        late.setdefault(k, _name(unit))
        for k in alive:
            if k in late:
                yield mutants[k], Result("undecided", late[k])
            else:
                yield mutants[k], Result("equivalent" if same[k] else "survived")

    def _run(self, jobs: Sequence[Job], what: str, usual: float | None) -> tuple[CheckReport, ...]:
        if not jobs:
            return ()
        ended = 0

        def done(_index: int, _report: CheckReport) -> None:
            nonlocal ended
            ended += 1

        budget = self.seconds if usual is None else min(self.seconds, 2.0 + 4 * usual)
        settings = Settings(**{**self.settings.__dict__, "seconds": budget})
        watcher = _Silent(self.stop, done, lambda _n: self.look(what, ended, len(jobs)))
        reports = run_jobs(jobs, settings, min(self.parallel, len(jobs)), watcher)
        if self.stop():
            raise Stopped
        return reports


def graph(report: CheckReport) -> str:
    """What was explored, so that two explorations can be compared; empty where the states were not enumerated."""
    e = report.evidence
    if e is None:
        return ""
    return f"{e.states} {e.transitions} {e.depth} {e.digest}"


def _name(unit: Unit) -> str:
    return getattr(unit, "name", "") or str(unit)


@dataclass(frozen=True)
class Store:
    """Results kept between runs, in one file for each text of the model."""

    path: Path

    @staticmethod
    def of(folder: Path, program: Program) -> Store:
        """The file for this text of the model and its modules."""
        digest = hashlib.sha256("\0".join(s.text for s in program.sources).encode()).hexdigest()[:16]
        return Store(folder / f"{program.name}-{digest}.json")

    def load(self) -> dict[str, Result]:
        """What is known; nothing where the file cannot be read."""
        try:
            items = json.loads(self.path.read_text("utf-8"))
            return {str(k): Result(**v) for k, v in items.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def save(self, results: Mapping[str, Result]) -> None:
        """Written atomically; the folder is made."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, json.dumps({k: asdict(r) for k, r in results.items()}, indent=1) + "\n")
