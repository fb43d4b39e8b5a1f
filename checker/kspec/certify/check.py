"""Re-checking of certificates: another encoding, another solver, and simulated states.

For every layer, with what the layers before it have shown: nothing of it goes wrong within k - 1 steps
from the initial states, and nothing goes wrong in the k-th step of any run, from anywhere, in which
nothing went wrong before.  See ``kspec.symbolic.induction`` for why that is a proof.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from kspec.certify.certificate import BadCertificate, Certificate, Clause, Layer, load
from kspec.certify.frames import Events, Frames, Taken
from kspec.certify.meaning import Memory, NotEncodable
from kspec.certify.smtlib import Recorder, Script
from kspec.certify.states import Claims, Contradicted, simulate
from kspec.certify.terms import Formula, Terms
from kspec.interp.evaluate import MalformedError
from kspec.system.effects import DEADLOCK, ERROR_KINDS, expr_errors
from kspec.system.model import System
from kspec.system.representation import with_representation

MOST_K = 1000
MakeSolver: TypeAlias = Callable[[Terms], Any]


@dataclass(frozen=True)
class Recheck:
    """What re-checking came to: ``proved`` are the properties that the certificate proves (none when there
    is a problem); ``problems`` say what is wrong with it."""

    proved: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    checker: str = ""


class Unproved(Exception):
    """A layer does not go through; the message says where."""


def recheck(system: System, text: str, since: int = 0, seed: int = 0) -> Recheck:
    """Checks the text of a certificate against a system.

    The layers before ``since`` are taken as checked before (a proof that grows is checked layer by layer).
    """
    checker = f"bitwuzla {_version()}"
    system = with_representation(system)
    try:
        c = load(text, system)
        _fits(system, c)
        simulate(Claims.of(system, c.layers[since:]), seed)
        for i, layer in enumerate(c.layers[since:], since):
            _Layer(system, c.layers[:i], layer, f"layer {i + 1}", _bitwuzla).check()
    except (BadCertificate, NotEncodable, Unproved, Contradicted, MalformedError) as e:
        return Recheck((), (str(e),), checker)
    return Recheck(c.proved, (), checker)


def smtlib(system: System, text: str) -> Script:
    """What :func:`recheck` asks its solver, as SMT-LIB text.  Raises BadCertificate and NotEncodable."""
    system = with_representation(system)
    c = load(text, system)
    _fits(system, c)
    script = Script()
    for i, layer in enumerate(c.layers):
        _Layer(system, c.layers[:i], layer, f"layer {i + 1}", script.solver).check()
    return script


def _bitwuzla(terms: Terms) -> Any:
    bitwuzla = terms.bitwuzla
    return bitwuzla.Bitwuzla(terms.manager, bitwuzla.Options())


def _version() -> str:
    from importlib.metadata import version

    return version("bitwuzla")


def _fits(system: System, c: Certificate) -> None:
    if c.system != system.hash:
        raise BadCertificate(f"it is for the system {c.system}, not for {system.hash}")
    if dict(c.params) != dict(system.params):
        raise BadCertificate("its parameters are not those of the system")
    known = {p.name for p in system.properties if p.kind != "property"} | {f"error.{k}" for k in ERROR_KINDS}
    if system.deadlock:
        known.add(DEADLOCK)
    for layer in c.layers:
        if not 1 <= layer.k <= MOST_K:
            raise BadCertificate(f"k is {layer.k}")
        for name in layer.properties:
            if name not in known:
                raise BadCertificate(f"the system has no property {name!r}")
    names = c.proved
    if len(set(names)) != len(names):
        raise BadCertificate("a property is in two layers")


@dataclass
class _Layer:
    """One layer to be checked, after others."""

    system: System
    before: Sequence[Layer]
    layer: Layer
    where: str
    make_solver: MakeSolver
    frames: Frames = field(init=False)

    def __post_init__(self) -> None:
        self.frames = Frames(self.system)
        self.terms = self.frames.terms
        self.known = {n for layer in self.before for n in layer.properties}
        self.known_clauses = [c for layer in self.before for c in layer.clauses]
        self.names = set(self.layer.properties)
        errors = {f"error.{k}" for e in self.system.terminal for k in expr_errors(e)}
        self._stuck = bool(self.names & {DEADLOCK, *errors})

    def check(self) -> None:
        """Raises Unproved when the layer does not go through."""
        self._base()
        self._step()

    def _base(self) -> None:
        solver = self._solver()
        start = self.frames.start()
        self._refute(solver, self._wrong(start.events), "the init block")
        solver.assert_formula(self._term(start.going))
        memory: Memory = {c.name: start.memory[c.name] for c in self.system.state_cells}
        solver.assert_formula(self._term(self.frames.within(memory)))
        self._refute(solver, self._wrong_state(memory), "an initial state")
        for i in range(1, self.layer.k):
            after, taken = self._extend(solver, memory)
            self._refute(solver, self._wrong(taken.raised), f"step {i}")
            self._enter(solver, taken, after)
            wrong = self.terms.disj(
                self._wrong_state(after), self._wrong(self.frames.step_events(memory, after))
            )
            self._refute(solver, wrong, f"a state after {i} steps")
            memory = after

    def _step(self) -> None:
        """Only the last step may go wrong; the states before it are assumed to be good."""
        solver = self._solver()
        memory, typed = self.frames.state()
        solver.assert_formula(self._term(typed))
        solver.assert_formula(self._term(self.frames.within(memory)))
        path = [memory]
        self._assume(solver, self.frames.state_events(memory, stuck=False), memory, every=True)
        for _ in range(1, self.layer.k):
            after, taken = self._extend(solver, memory)
            self._enter(solver, taken, after)
            self._assume(solver, self.frames.state_events(after, stuck=False), after, every=True)
            self._assume(solver, self.frames.step_events(memory, after), None, every=True)
            if self.layer.simple_path:
                for earlier in path:
                    solver.assert_formula(self._term(self.frames.differ(earlier, after)))
            path.append(after)
            memory = after
        after, taken = self._extend(solver, memory)
        name = f"step {self.layer.k} of the induction"
        solver.push(1)
        self._assume(solver, taken.raised, None, every=False)
        self._refute(solver, self._wrong(taken.raised), name)
        solver.pop(1)
        events = self.frames.step_events(memory, after)
        states = self.frames.state_events(after, self._stuck)
        self._assume(solver, events, None, every=False)
        self._assume(solver, states, after, every=False)
        solver.assert_formula(self._term(self.frames.within(after)))
        clauses = [self.frames.broken(c, after) for c in self.layer.clauses]
        wrong = self.terms.disj(self._wrong(events), self._wrong(states), *clauses)
        for action, selector in zip(self.system.actions, taken.selectors, strict=True):
            self._refute(solver, self.terms.conj(selector, wrong), f"{name}, {action.name}")

    def _solver(self) -> Any:
        return self.make_solver(self.terms)

    def _extend(self, solver: Any, memory: Memory) -> tuple[Memory, Taken]:
        """A further state, related to the last one by a step."""
        after, typed = self.frames.state()
        taken = self.frames.steps(memory, after)
        for condition in (typed, *taken.conditions):
            solver.assert_formula(self._term(condition))
        return after, taken

    def _enter(self, solver: Any, taken: Taken, after: Memory) -> None:
        """The step was taken, into a state within the limits."""
        solver.assert_formula(self._term(self.terms.disj(*taken.selectors)))
        solver.assert_formula(self._term(self.frames.within(after)))

    def _assume(self, solver: Any, events: Events, memory: Memory | None, every: bool) -> None:
        """What is known does not go wrong; nor, with ``every``, does what is being shown."""
        good = self.known | self.names if every else self.known
        for name, cond in events.items():
            if name in good:
                solver.assert_formula(self._term(self.terms.no(cond)))
        if memory is not None:
            clauses: list[Clause] = [*self.known_clauses, *(self.layer.clauses if every else ())]
            for clause in clauses:
                solver.assert_formula(self._term(self.terms.no(self.frames.broken(clause, memory))))

    def _wrong(self, events: Events) -> Formula:
        return self.terms.disj(*(c for n, c in events.items() if n in self.names))

    def _wrong_state(self, memory: Memory) -> Formula:
        clauses = [self.frames.broken(c, memory) for c in self.layer.clauses]
        return self.terms.disj(self._wrong(self.frames.state_events(memory, self._stuck)), *clauses)

    def _refute(self, solver: Any, cond: Formula, place: str) -> None:
        if cond is False:
            return
        if isinstance(solver, Recorder):
            solver.note(f"{self.where}: nothing goes wrong in {place}")
        answer = solver.check_sat(self._term(cond))
        if answer == self.terms.bitwuzla.Result.SAT:
            raise Unproved(f"{self.where}: something goes wrong in {place}")
        if answer != self.terms.bitwuzla.Result.UNSAT:
            raise Unproved(f"{self.where}: the solver gave up at {place}")

    def _term(self, f: Formula) -> Any:
        if f is True:
            return self.terms.manager.mk_true()
        return self.terms.manager.mk_false() if f is False else f
