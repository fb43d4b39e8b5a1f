"""Temporal properties by engines for invariants: each claim is transformed (``kspec.temporal.safety``), and a
violation of the invariant is read back as a lasso."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from kspec.engine.protocol import Budget, Control, Engine, Finding, Goals, Result, Run
from kspec.interp.machine import Machine
from kspec.interp.shorten import shortened
from kspec.system.model import Property, System
from kspec.temporal.automaton import TooLargeError
from kspec.temporal.safety import GOAL, InexpressibleError, transformed


@dataclass(frozen=True)
class Behaviours:
    """An engine that looks at the temporal properties alone, with ``inner`` (bounded model checking or IC3)."""

    inner: Engine

    @property
    def name(self) -> str:
        """That of the engine which does the work."""
        return self.inner.name

    def check(self, system: System, goals: Goals, budget: Budget, control: Control) -> Result:
        """Proves temporal properties, or finds lassos; ``proved`` if every one was decided and none is violated.

        The proof of each invariant has been re-checked by the inner engine; it is about the transformed system,
        and no certificate of it is handed on.
        """
        started = time.monotonic()
        asked = _Question(self.inner, system, budget, control, started)
        findings: list[Finding] = []
        proved: list[str] = []
        open_: dict[str, None] = {}
        for p in system.temporal:
            answer = asked.about(p)
            if isinstance(answer, Run):
                findings.append(Finding(p.name, answer))
            elif answer is None:
                proved.append(p.name)
            else:
                open_[answer] = None
        return Result(
            self.name,
            "proved" if proved else "unknown",
            findings=tuple(findings),
            behaviours=tuple(proved),
            undecided="; ".join(open_),
            seconds=time.monotonic() - started,
        )


@dataclass(frozen=True)
class _Question:
    inner: Engine
    system: System
    budget: Budget
    control: Control
    started: float

    def about(self, p: Property) -> Run | str | None:
        """A behaviour that violates the property, or why it is not decided; None when it is proved."""
        why: str | None = None
        for claim in p.claims:
            try:
                made = transformed(self.system, claim)
            except TooLargeError:
                return "the automaton of a property is too large"
            except InexpressibleError as e:
                return f"{self.inner.name} does not decide temporal properties here: {e}"
            budget = self.budget
            if budget.seconds is not None:
                left = budget.seconds - (time.monotonic() - self.started)
                if left <= 0:
                    return "time"
                budget = replace(budget, seconds=left)
            result = self.inner.check(made.system, Goals(wanted=frozenset({GOAL})), budget, self.control)
            found = next((f.run for f in result.findings if f.property == GOAL), None)
            if found is not None:
                return shortened(Machine(self.system), p, made.lasso(found), self._poll)
            if self.control.cancelled():
                return "time" if self._late() else "interrupted"
            if GOAL not in result.proved:
                within = "" if result.bound is None else f"no lasso within {result.bound} steps"
                why = "; ".join(x for x in (within, result.reason) if x) or "no answer"
        if why is None and self.system.limits:
            return "behaviours within a limit are proved by exhaustive search only"
        return why

    def _late(self) -> bool:
        """Whether a stop that was asked for is that of the time budget."""
        return self.budget.seconds is not None and time.monotonic() - self.started > 0.9 * self.budget.seconds

    def _poll(self) -> None:
        """Shortening is short."""
