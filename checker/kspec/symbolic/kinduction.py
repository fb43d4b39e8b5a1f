"""The engine ``kinduction``: proofs of everything that has to hold, with certificates that are re-checked.

All properties are tried together, as each helps the others; those that fail are left out (and tried again
with a larger k).  Declared lemmas are properties like others: they must be proved themselves, and count
only then.  The base case is bounded model checking, so violations are found on the way.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from kspec.certify.certificate import Layer, certificate, dump
from kspec.certify.check import recheck
from kspec.engine.protocol import Budget, Control, Finding, Goals, Obstacle, Progress, Result
from kspec.symbolic.bmc import DEPTH, Found
from kspec.symbolic.bounded import Search, SolverGaveUp
from kspec.symbolic.encode import Template, encode
from kspec.symbolic.evaluate import Unsupported
from kspec.symbolic.explain import summary
from kspec.symbolic.induction import Failure, Induction
from kspec.symbolic.mining.mine import mine
from kspec.symbolic.solver import new_solver, solver_name
from kspec.symbolic.supervise import Emit, supervise
from kspec.symbolic.tidy import PLAIN, tidied_all
from kspec.system.effects import DEADLOCK, ERROR_KINDS
from kspec.system.model import System
from kspec.system.representation import is_representation, with_representation

SAMPLING = 2.0
"""Seconds in which states are sampled at most, to guess invariants from."""
MOST_LEMMAS = 200
"""With more mined invariants than that no proof of larger k is tried: re-checking would take too long."""
EXPLAINED_K = 4
EXPLAINING_SHARE = 0.1
EXPLAINING_SECONDS = 0.5


@dataclass(frozen=True)
class KInductionEngine:
    """Proofs by k-induction.  ``solver`` names a SAT solver (None: the fastest installed); ``mining``: where the
    properties and the declared lemmas are not inductive by themselves, invariants are guessed."""

    name: str = "kinduction"
    solver: str | None = None
    mining: bool = True

    def without_mining(self) -> KInductionEngine:
        """The engine that uses declared lemmas only."""
        return replace(self, mining=False)

    def check(self, system: System, goals: Goals, budget: Budget, control: Control) -> Result:
        """Proves or refutes every property of the system; k goes up to ``budget.depth``.

        ``proved``: every property holds (``reachable`` ones are witnessed or refuted).  ``bounded``: what is
        not in ``proved`` has no violation within ``bound`` steps; ``obstacles`` show why it is not proved.
        """
        started = time.monotonic()
        ending = supervise(lambda emit: prove(system, goals, budget, self, emit), budget, control)
        result = ending.value or Result(self.name, "unknown", reason=ending.reason)
        if ending.reason:
            result = replace(result, status="unknown", reason=ending.reason)
        return replace(result, engine=self.name, seconds=time.monotonic() - started)


def prove(system: System, goals: Goals, budget: Budget, engine: KInductionEngine, emit: Emit[Result]) -> Result:
    """The search itself, handing over what it has at every depth."""
    system = with_representation(system)
    found = Found(system)
    try:
        template = encode(system)
    except Unsupported as e:
        return found.result("unknown", None, str(e))
    limit = DEPTH if budget.depth is None else budget.depth
    proof = _Proof(template, goals, found, engine.solver, emit, limit, seconds=budget.seconds, mining=engine.mining)
    try:
        result = proof.run()
    except SolverGaveUp as e:
        return proof.result("unknown", str(e))
    if result.status == "unknown" or all(f.run is None for f in result.findings):
        return result
    emit.value(result)
    spent = time.monotonic() - proof.started
    left = None if budget.seconds is None else budget.seconds - spent
    shown, fewest = tidied_all(template, result.findings, spent, left)
    return replace(result, findings=tuple(shown), notes=(*result.notes, *(() if fewest else (PLAIN,))))


def claims(system: System) -> tuple[str, ...]:
    """Everything that is to be proved, including errors that obviously cannot happen."""
    return (
        *(p.name for p in system.properties if p.kind not in ("reachable", "property")),
        *((DEADLOCK,) if system.deadlock else ()),
        *(f"error.{k}" for k in ERROR_KINDS),
    )


@dataclass
class _Proof:
    template: Template
    goals: Goals
    found: Found
    solver: str | None
    emit: Emit[Result]
    limit: int
    layers: list[Layer] = field(default_factory=list)
    proved: list[str] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    obstacles: dict[str, Obstacle] = field(default_factory=dict)
    explaining: float = 0.0
    bound: int | None = None
    certified: str = ""
    seconds: float | None = None
    mining: bool = True
    pending: list[Layer] = field(default_factory=list)
    """Layers of invariants that are assumed, to be shown with the first proof that may need them."""

    def __post_init__(self) -> None:
        self.system = self.template.system
        provable = claims(self.system)
        self.claims = tuple(n for n in provable if not is_representation(n))
        self.names = (*provable, *sorted(self.found.goals))
        self.started = time.monotonic()

    def run(self) -> Result:
        """k = 1, 2, ...: the base case of depth k - 1, then the step case."""
        base = Search(self.template, new_solver(self.solver))
        induction = Induction(self.template, new_solver(self.solver), self.names)
        while True:
            level = base.level()
            for finding in base.sweep(level, self.open()):
                self.found.add(finding)
                self.obstacles.pop(finding.property, None)
                self.emit.value(self.result("unknown"))
            self.bound = base.depth
            if self.enough():
                return self.result("stopped")
            self.emit.value(self.result("unknown"))
            self._induce(induction)
            if self.mining and induction.k == 1:
                self._mine(induction)
            if self.enough():
                return self.result("stopped")
            if not self.open():
                return self.result("stopped" if self.found.findings else "proved")
            if base.depth >= self.limit:
                return self._end()
            self.emit.value(self.result("unknown"))
            note = f"k = {induction.k}, {len(self.proved)} proved, {len(self.open())} open"
            seconds = time.monotonic() - self.started
            self.emit.progress(Progress("kinduction", depth=base.depth, seconds=seconds, note=note))
            base.advance(level)
            induction.deepen()

    def open(self) -> list[str]:
        """What is neither found nor proved."""
        done = {*self.found.names, *self.proved}
        return [n for n in self.names if n not in done]

    def enough(self) -> bool:
        """Whether the goals are met; that something is never reached does not end a search for violations."""
        if self.goals.everything:
            return False
        if self.goals.wanted is None:
            return any(f.run is not None for f in self.found.findings)
        return self.goals.wanted <= {f.property for f in self.found.findings}

    def result(self, status: str, reason: str = "") -> Result:
        """What is known so far."""
        result = self.found.result(status, self.bound, reason)
        left = [self.obstacles[n] for n in self.open() if n in self.obstacles]
        order = {n: i for i, n in enumerate(self.names)}
        return replace(
            result,
            engine="kinduction",
            proved=tuple(sorted((n for n in self.proved if n in self.claims), key=order.__getitem__)),
            certificates=(self.certified,) if self.certified else (),
            obstacles=tuple(left),
            notes=tuple(summary(self.system, o) for o in left),
        )

    def _end(self) -> Result:
        left = self.open()
        if any(n in self.rejected for n in left):
            name = next(n for n in left if n in self.rejected)
            return self.result("unknown", f"the proof of {name} did not pass its re-check: {self.rejected[name]}")
        hard = [n for n in left if n not in self.found.goals]
        unmet = [n for n in left if n in self.found.goals]
        reasons = [f"not inductive up to k = {self.limit + 1}: {', '.join(hard)}"] if hard else []
        reasons += [f"not reached within {self.bound} steps: {', '.join(unmet)}"] if unmet else []
        return self.result("bounded", "; ".join(reasons))

    def _induce(self, induction: Induction) -> None:
        """Proves what can be proved with this k; what was proved may help to prove more."""
        while True:
            tried = [n for n in self.open() if n not in self.rejected]
            inductive, obstacles = induction.prove(tried)
            if not inductive:
                self._explain(induction, obstacles)
                return
            layer = Layer(induction.k, inductive, (), induction.used_distinct)
            if not self._accept([*self.pending, layer], inductive):
                return
            self.pending = []
            induction.known.update(inductive)

    def _accept(self, layers: Sequence[Layer], names: Sequence[str]) -> bool:
        """Takes further layers that prove ``names`` into the proof if they pass the re-check."""
        text = self._certificate([*self.layers, *layers])
        answer = recheck(self.system, text, since=len(self.layers))
        if answer.problems:
            self.rejected.update((n, answer.problems[0]) for n in names)
            return False
        self.layers += layers
        self.certified = text
        self.proved += names
        for name in names:
            if name in self.found.goals:
                self.found.findings.append(Finding(name, None))
        self.emit.value(self.result("unknown"))
        return True

    def _mine(self, induction: Induction) -> None:
        """Proves what mined invariants suffice for; what is left is tried again with all of them as lemmas."""
        names = [n for n in self.open() if n not in self.rejected and n not in self.found.goals]
        if not names:
            return
        left = None if self.seconds is None else self.seconds - (time.monotonic() - self.started)
        mined = mine(self.template, self.proved, names, SAMPLING if left is None else min(SAMPLING, left / 10))
        if mined.names and self._accept([Layer(1, mined.names, mined.clauses(mined.needed))], mined.names):
            induction.known.update(mined.names)
            for name in mined.names:
                self.obstacles.pop(name, None)
        if any(n in self.open() for n in names) and 0 < len(mined.rest) <= MOST_LEMMAS:
            self.pending = [Layer(1, (), mined.clauses(mined.rest))]
            induction.assume(mined.holds(self.template, mined.rest))
            self._induce(induction)

    def _explain(self, induction: Induction, failures: Mapping[str, Failure]) -> None:
        """Keeps the failures, and works out what matters in them as far as little time allows.

        Long runs say little to people; that something may never be reached is no failure.
        """
        started = time.monotonic()
        for name, failure in failures.items():
            if name in self.found.goals or (failure.k > EXPLAINED_K and name in self.obstacles):
                continue
            spent = self.explaining + time.monotonic() - started
            allowed = EXPLAINING_SHARE * (time.monotonic() - self.started) + EXPLAINING_SECONDS
            matters = induction.matters(failure) if spent < allowed else ()
            self.obstacles[name] = Obstacle(name, failure.run, matters)
        self.explaining += time.monotonic() - started

    def _certificate(self, layers: list[Layer]) -> str:
        texts: dict[str, str] = {}
        for p in self.system.properties:
            source = self.system.source(p.span.file) if p.span else None
            if p.span and source:
                texts[p.name] = source.excerpt(p.span)
        return dump(certificate(self.system, tuple(layers), solver_name()), texts)
