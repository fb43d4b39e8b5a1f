"""The engine ``pdr``: proofs and violations by IC3, also called property directed reachability.

It proves systems whose states cannot be enumerated, with an inductive invariant that is written in the
language of the model and re-checked with another encoding and another solver.  The runs it finds are shortest
only where it says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from kspec.certify.check import recheck
from kspec.engine.protocol import Budget, Control, Finding, Goals, Progress, Result
from kspec.symbolic.bmc import Found
from kspec.symbolic.bounded import Search, SolverGaveUp
from kspec.symbolic.encode import encode
from kspec.symbolic.evaluate import Unsupported
from kspec.symbolic.ic3.counterexample import shortened
from kspec.symbolic.ic3.frames import Frames
from kspec.symbolic.ic3.generalise import STANDARD, Effort
from kspec.symbolic.ic3.literals import FEW, FEW_NUMBERS, Cube
from kspec.symbolic.ic3.problem import Problem, problem
from kspec.symbolic.ic3.proof import Proof, certificate_text, reduced
from kspec.symbolic.ic3.search import Happens, Ic3, Never, NotWithin
from kspec.symbolic.ic3.symmetry import Symmetry, symmetry
from kspec.symbolic.induction import Induction
from kspec.symbolic.kinduction import claims
from kspec.symbolic.solver import new_solver
from kspec.symbolic.supervise import Emit, supervise
from kspec.system.model import System
from kspec.system.representation import is_representation, with_representation

SHORTENING_SECONDS = 10.0
REDUCING_SECONDS = 10.0
CERTIFIED_AFTER = 5.0
"""In seconds: proofs are re-checked together, but not later than that where the search goes on."""
SHARE = 0.2
"""Of the time that is left, how much goes into a shorter run or a smaller proof at most."""


@dataclass(frozen=True)
class PdrEngine:
    """IC3.  ``solver`` names a SAT solver (None: the fastest installed).  ``few``: up to how many values a
    scalar is looked at by value, not by bit; ``few_numbers``: the same for numbers."""

    name: str = "pdr"
    solver: str | None = None
    effort: Effort = STANDARD
    few: int = FEW
    few_numbers: int = FEW_NUMBERS

    def check(self, system: System, goals: Goals, budget: Budget, control: Control) -> Result:
        """Proves or refutes every property of the system; frames go up to ``budget.depth``.

        ``proved``: every property holds (``reachable`` ones are witnessed or refuted).  ``bound``: what is
        neither proved nor found does not happen within so many steps.  A finding is shortest if it has at
        most ``bound + 1`` steps; otherwise a note says that it need not be.
        """
        started = time.monotonic()

        def work(emit: Emit[Result]) -> Result:
            return _work(system, goals, budget, self, emit)

        ending = supervise(work, budget, control)
        result = ending.value or Result(self.name, "unknown", reason=ending.reason)
        if ending.reason:
            result = replace(result, status="unknown", reason=ending.reason)
        return replace(result, engine=self.name, seconds=time.monotonic() - started)


def _work(system: System, goals: Goals, budget: Budget, engine: PdrEngine, emit: Emit[Result]) -> Result:
    system = with_representation(system)
    found = Found(system)
    try:
        made = problem(encode(system), engine.few, engine.few_numbers)
    except Unsupported as e:
        return found.result("unknown", None, str(e))
    return _Check(system, made, goals, budget, engine, emit, found).run()


@dataclass
class _Check:
    """One run of the engine.  ``clean``: for every name, within how many steps it is known not to happen.

    ``proof``: what IC3 has come to; ``shown``: how much of it has passed the re-check.
    """

    system: System
    problem: Problem
    goals: Goals
    budget: Budget
    engine: PdrEngine
    emit: Emit[Result]
    found: Found
    clean: dict[str, int] = field(default_factory=dict)
    proof: Proof = field(default_factory=lambda: Proof((), ()))
    shown: Proof = field(default_factory=lambda: Proof((), ()))
    always: tuple[Cube, ...] = ()
    certified: str = ""
    shortest: list[str] = field(default_factory=list)
    rejected: str = ""

    def __post_init__(self) -> None:
        self.claims = claims(self.system)
        self.names = (*self.claims, *sorted(self.found.goals))
        self.symmetry: Symmetry = symmetry(self.system, self.problem.literals)
        self.started = self.checked = time.monotonic()

    def run(self) -> Result:
        """Initial states, then what is inductive as it stands, then IC3 for the rest."""
        try:
            self._start()
            if not self._enough():
                self._lemmas()
            for names in self._phases():
                if not self._enough():
                    self._search(names)
                if not self._enough():
                    self._certify()
        except SolverGaveUp as e:
            return self._result("unknown", str(e))
        return self._end()

    def _phases(self) -> Iterable[frozenset[str]]:
        """What is looked for together: what is wanted, or else what must hold and then what must be reached."""
        wanted = self.goals.wanted
        if wanted is not None and not self.goals.everything:
            return (wanted,)
        return (frozenset(self.claims), frozenset(self.found.goals))

    def _start(self) -> None:
        """What happens in the init block or in an initial state."""
        search = Search(self.problem.template, new_solver())
        for finding in search.sweep(search.level(), self.names):
            self.found.add(finding)
        self.clean.update((n, 0) for n in self.names if n not in self.found.names)

    def _lemmas(self) -> None:
        """Finds the properties that are inductive together, given no more than their types."""
        names = [n for n in self._open(self.proof) if n in self.claims]
        inductive, _ = Induction(self.problem.template, new_solver(self.engine.solver), names).prove(names)
        self.proof = Proof(inductive, ())

    def _search(self, names: frozenset[str]) -> None:
        """IC3 until nothing of ``names`` is open, or the goals are met, or the depth is reached."""
        e = self.engine
        wanted = [n for n in self._open(self.proof) if n in names]
        ic3 = Ic3(self.problem, self.symmetry, wanted, self.proof.lemmas, self.always, e.effort, e.solver)
        for news in ic3.run():
            match news:
                case NotWithin(steps):
                    self.clean.update((n, steps) for n in ic3.open)
                    self._report(ic3)
                    if time.monotonic() - self.checked > CERTIFIED_AFTER:
                        self._certify()
                    if self.budget.depth is not None and steps >= self.budget.depth:
                        return
                case Happens(findings):
                    self._add(findings, ic3.open)
                    if self._enough():
                        return
                case Never(never):
                    self.always = tuple(ic3.frames.always)
                    self.proof = replace(self.proof, names=self.proof.names + never)
            self.emit.value(self._result("unknown"))

    def _add(self, found: Sequence[Finding], open_: Sequence[str]) -> None:
        """Violations are shortened; how long the runs of witnesses are does not matter.

        Where the first violation ends the search, it is the first of all that are ``open_``.
        """
        for finding in found:
            name = finding.property
            if name in self.found.goals:
                self.found.add(finding)
                continue
            first = self.goals.wanted is None and not self.goals.everything
            names = [name, *open_] if first else [name]
            seconds = self._slice(SHORTENING_SECONDS)
            short = shortened(self.problem.template, finding, names, self.clean[name], seconds)
            for f in short.findings:
                if f.property not in self.found.names:
                    self.found.add(f)
                    self.shortest += [f.property] if short.shortest else []
            if first:
                return

    def _certify(self) -> None:
        """Reduces the proof that there is, has it re-checked, and says it if it stands."""
        proof, e = self.proof, self.engine
        if self.rejected or (proof.lemmas, proof.names) == (self.shown.lemmas, self.shown.names):
            return
        if proof.names:
            frames = Frames(self.problem, self.symmetry, (), [], e.solver)
            seconds = self._slice(REDUCING_SECONDS)
            proof = reduced(self.problem, frames, proof, self.always, seconds)
        layers = proof.layers(self.system, self.problem, self.symmetry)
        text = certificate_text(self.system, layers, e.solver)
        answer = recheck(self.system, text, since=1 if self.shown.lemmas and proof.names else 0)
        self.checked = time.monotonic()
        if answer.problems:
            self.rejected = answer.problems[0]
            return
        self.shown, self.certified = proof, text
        for name in proof.names:
            if name in self.found.goals and name not in self.found.names:
                self.found.findings.append(Finding(name, None))
        self.emit.value(self._result("unknown"))

    def _open(self, proof: Proof) -> list[str]:
        """What is neither found nor in the proof."""
        done = {*self.found.names, *proof.lemmas, *proof.names}
        return [n for n in self.names if n not in done]

    def _enough(self) -> bool:
        """Whether the goals are met."""
        if self.goals.everything:
            return False
        if self.goals.wanted is None:
            return any(f.run is not None for f in self.found.findings)
        return self.goals.wanted <= {f.property for f in self.found.findings}

    def _slice(self, most: float) -> float:
        """A share of the time that is left."""
        if self.budget.seconds is None:
            return most
        left = self.budget.seconds - (time.monotonic() - self.started)
        return min(most, max(0.05, SHARE * left))

    def _report(self, ic3: Ic3) -> None:
        frames = ic3.frames
        clauses = sum(map(len, frames.levels))
        note = f"{frames.top} frames, {clauses} clauses, {len(ic3.open)} properties open"
        seconds = time.monotonic() - self.started
        self.emit.progress(Progress("pdr", depth=frames.top, seconds=seconds, note=note))

    def _end(self) -> Result:
        left = self._open(self.shown)
        if self._enough():
            return self._result("stopped")
        if not left:
            return self._result("stopped" if self.found.findings else "proved")
        if self.rejected:
            return self._result("unknown", f"a proof did not pass its re-check: {self.rejected}")
        if self.budget.depth is not None:
            return self._result("bounded", f"neither proved nor found: {', '.join(left)}")
        return self._result("unknown", f"not looked at: {', '.join(left)}")

    def _bound(self) -> int:
        """Within how many steps everything that happens has been found, at its shortest."""
        names = (*self._open(self.shown if self.rejected else self.proof), *self._long())
        return min((self.clean.get(n, 0) for n in names), default=max(self.clean.values(), default=0))

    def _long(self) -> list[str]:
        """What was found by a run that is not known to be shortest."""
        found = (*self.found.findings, *self.found.witnesses)
        return [f.property for f in found if f.run and f.run.length and f.property not in self.shortest]

    def _result(self, status: str, reason: str = "") -> Result:
        """What is known so far."""
        proved = {*self.shown.lemmas, *self.shown.names}
        notes = [
            f"{f.property}: a run shorter than {f.run.length} steps may exist"
            for f in self.found.findings
            if f.run is not None and f.property in self._long()
        ]
        bound = self._bound()
        if status == "unknown" and bound:
            notes.append(f"nothing that is not decided happens within {bound} steps")
        return replace(
            self.found.result(status, bound, reason),
            engine="pdr",
            proved=tuple(n for n in self.claims if n in proved and not is_representation(n)),
            certificates=(self.certified,) if self.certified else (),
            notes=tuple(notes),
            shortest=tuple(self.shortest),
            behaviours=tuple(p.name for p in self.system.temporal if not p.claims),
        )
