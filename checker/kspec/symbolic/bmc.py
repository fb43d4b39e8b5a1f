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
from kspec.symbolic.solver import new_solver
from kspec.symbolic.supervise import Emit, supervise
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
    names = (*obligations(system), *(n for n in sorted(found.goals)))
    limit = DEPTH if budget.depth is None else budget.depth
    run = Search(template, new_solver(solver))
    started = time.monotonic()
    complete: int | None = None
    while True:
        level = run.level()
        try:
            for finding in run.sweep(level, [n for n in names if n not in found.names]):
                found.add(finding)
                emit.value(found.result("unknown", complete))
        except SolverGaveUp as e:
            return found.result("unknown", complete, str(e))
        complete = run.depth
        if found.enough(goals) or found.names >= set(names):
            return found.result("stopped", complete)
        if complete >= limit:
            return found.result("bounded", complete)
        emit.value(found.result("unknown", complete))
        emit.progress(
            Progress(
                "bmc",
                depth=complete,
                seconds=time.monotonic() - started,
                note=f"{len(run.aig)} gates, {len(names) - len(found.names)} properties open",
            )
        )
        run.advance(level)
