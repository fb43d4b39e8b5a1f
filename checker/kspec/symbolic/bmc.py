"""The engine ``bmc``: the shortest violation of every property within a number of steps.

It finds deep interleavings in systems whose states cannot be enumerated, and says ``bounded`` when there is
nothing within the bound.  It proves nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from kspec.engine.protocol import Budget, Control, Finding, Goals, Progress, Result
from kspec.symbolic.bounded import Search, SolverGaveUp
from kspec.symbolic.encode import encode
from kspec.symbolic.evaluate import Unsupported
from kspec.symbolic.jump import FIRST, Jump, available
from kspec.symbolic.solver import new_solver
from kspec.symbolic.supervise import Emit, supervise
from kspec.symbolic.tidy import PLAIN, tidied_all
from kspec.system.effects import obligations
from kspec.system.model import System

DEPTH = 25
"""How many steps are searched when the budget does not say."""


@dataclass(frozen=True)
class BmcEngine:
    """Bounded model checking.  ``solver`` names a SAT solver (None: the fastest installed)."""

    name: str = "bmc"
    solver: str | None = None

    def check(self, system: System, goals: Goals, budget: Budget, control: Control) -> Result:
        """Checks every property of the system up to ``budget.depth`` steps.

        ``bound`` of the result is the depth up to which every violation has been found.
        """
        started = time.monotonic()
        ending = supervise(lambda emit: search(system, goals, budget, self.solver, emit), budget, control)
        result = ending.value or Result(self.name, "unknown", reason=ending.reason)
        if ending.reason:
            result = replace(result, status="unknown", reason=ending.reason)
        return replace(result, engine=self.name, seconds=time.monotonic() - started)


@dataclass
class Found:
    """What a bounded search has found, and what is left to look for."""

    system: System
    findings: list[Finding] = field(default_factory=list)
    witnesses: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.goals = {p.name for p in self.system.properties if p.kind == "reachable"}

    def add(self, finding: Finding) -> None:
        """A violation, or a ``reachable`` property reached."""
        (self.witnesses if finding.property in self.goals else self.findings).append(finding)

    @property
    def names(self) -> frozenset[str]:
        """Everything found."""
        return frozenset(f.property for f in (*self.findings, *self.witnesses))

    def enough(self, goals: Goals) -> bool:
        """Whether the goals are met: nothing more has to be looked for."""
        if goals.everything:
            return False
        if goals.wanted is None:
            return bool(self.findings)
        return goals.wanted <= {f.property for f in self.findings}

    def result(self, status: str, depth: int | None, reason: str = "", notes: tuple[str, ...] = ()) -> Result:
        """A result with everything found, in the order of declaration."""
        order = {n: i for i, n in enumerate((*(p.name for p in self.system.properties), "deadlock"))}

        def rank(f: Finding) -> tuple[int, str]:
            return order.get(f.property, len(order)), f.property

        return Result(
            "bmc",
            status,  # type: ignore[arg-type]
            findings=tuple(sorted(self.findings, key=rank)),
            witnesses=tuple(sorted(self.witnesses, key=rank)),
            bound=depth,
            reason=reason,
            notes=notes,
        )


def search(
    system: System, goals: Goals, budget: Budget, solver: str | None, emit: Emit[Result]
) -> Result:
    """The search itself, handing over a result at every level."""
    found = Found(system)
    try:
        template = encode(system)
    except Unsupported as e:
        return found.result("unknown", None, str(e))
    limit = DEPTH if budget.depth is None else budget.depth
    levels = _Levels(found, goals, limit, Search(template, new_solver(solver)), emit, jumps=solver is None)
    result = levels.run()
    if result.status == "unknown" or not result.findings:
        return result
    emit.value(result)
    spent = time.monotonic() - levels.started
    left = None if budget.seconds is None else budget.seconds - spent
    shown, fewest = tidied_all(template, result.findings, spent, left)
    return replace(result, findings=tuple(shown), notes=(*result.notes, *(() if fewest else (PLAIN,))))


@dataclass
class _Levels:
    """A search by levels, that looks ahead from time to time (``jumps``) where one violation is enough.

    ``complete``: up to there everything has been found.  ``clear``: up to there nothing of what is looked for by
    jumps happens.  ``shortest``: found by a jump, and known to be shortest.
    """

    found: Found
    goals: Goals
    limit: int
    levels: Search
    emit: Emit[Result]
    jumps: bool
    complete: int | None = None
    clear: int = -1
    shortest: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.started = time.monotonic()
        must_hold = obligations(self.found.system)
        self.names = (*must_hold, *sorted(self.found.goals))
        wanted = [n for n in must_hold if self.goals.wanted is None or n in self.goals.wanted]
        alone = self.goals.wanted is None or len(wanted) == 1
        self.jump: Jump | None = None
        if self.jumps and wanted and alone and not self.goals.everything and available():
            self.jump = Jump(self.levels, wanted)
        self.next_jump = FIRST

    def run(self) -> Result:
        """Level after level, until the goals are met or the limit is reached."""
        while True:
            level = self.levels.level()
            try:
                for finding in self.levels.sweep(level, self._open(level.depth)):
                    self.found.add(finding)
                    self.emit.value(self._result("unknown"))
            except SolverGaveUp as e:
                return self._result("unknown", str(e))
            self.complete = level.depth
            if self.found.enough(self.goals) or self.found.names >= set(self.names):
                return self._result("stopped")
            if self.complete >= self.limit:
                return self._result("bounded")
            self.emit.value(self._result("unknown"))
            self._report()
            if self.jump is not None and level.depth >= self.next_jump and self.clear <= level.depth:
                self.next_jump = 2 * level.depth
                if self._look_ahead(self.jump):
                    return self._result("stopped")
            self.levels.advance(level)

    def _open(self, depth: int) -> list[str]:
        """What may happen at a level and has not been found yet."""
        ruled_out = set(self.jump.names) if self.jump is not None and depth <= self.clear else set()
        return [n for n in self.names if n not in self.found.names and n not in ruled_out]

    def _look_ahead(self, jump: Jump) -> bool:
        """Whether that found what is wanted."""
        outcome = jump.go(max(self.clear, self.levels.depth), self.limit)
        self.clear = outcome.clear
        if outcome.finding is None or outcome.finding.run is None:
            return False
        self.found.add(outcome.finding)
        name = outcome.finding.property
        if outcome.shortest:
            self.shortest.append(name)
        else:
            steps = outcome.finding.run.length
            self.notes.append(f"{name}: a run shorter than {steps} steps may exist")
        return True

    def _report(self) -> None:
        note = f"{len(self.levels.aig)} gates, {len(self.names) - len(self.found.names)} properties open"
        seconds = time.monotonic() - self.started
        self.emit.progress(Progress("bmc", depth=self.complete or 0, seconds=seconds, note=note))

    def _result(self, status: str, reason: str = "") -> Result:
        result = self.found.result(status, self.complete, reason, tuple(self.notes))
        return replace(result, shortest=tuple(self.shortest))
