"""Replay: does a saved trace still show what it showed, on the model as it is now?

A trace is replayed by the names of its actions and the values of their arguments.  Of several outcomes
of a step those are followed that agree with the recorded state (in the elements that both have), or all
when none does.  So a change of the model that does not touch the run leaves it reproducible, and a run
that is kept as impossible is looked for in every way that its actions allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from kspec.engine.protocol import Run, Step
from kspec.interp.confirm import violation
from kspec.interp.lasso import refute
from kspec.interp.machine import Machine, Outcome, Violation
from kspec.system.model import State, System
from kspec.trace.blame import Lens
from kspec.trace.build import shown_variables, state_values
from kspec.trace.deadlock import elsewhere, obstacle
from kspec.trace.model import Cause, Intent, Trace
from kspec.trace.restore import Misfit, Move, hint, moves
from kspec.trace.values import Change, TraceState, element_texts

MOST_PATHS = 4096
MOST_EXTRA = 8
_MOST_DIFFERENCES = 12

Verdict: TypeAlias = Literal["reproduces", "no longer reproduces", "drift", "undecided"]
Path: TypeAlias = tuple[State, ...]


@dataclass(frozen=True)
class ReplayResult:
    """What became of a trace.

    ``step`` is the step that decided: where the property is violated, or the first that cannot be taken,
    raises another error, or no longer shows the property; 0 is the initial state.  ``cause`` says which
    condition disables it.  ``differences`` are the elements in which the first state that is not as
    recorded (after step ``differs_at``) differs from the recorded one.  ``notes`` are changes of the model
    that do not decide.  ``same_system``: the model has not changed at all.
    """

    verdict: Verdict
    message: str
    step: int | None = None
    cause: Cause | None = None
    differs_at: int | None = None
    differences: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    same_system: bool = False


@dataclass(frozen=True)
class KeptVerdict:
    """Whether a kept trace still shows what it is kept for."""

    intent: Intent
    met: bool
    message: str


def kept_verdict(trace: Trace, result: ReplayResult) -> KeptVerdict | None:
    """The verdict on a kept trace; None when the trace is not kept.

    One that has drifted, or that was not decided, protects nothing and is not met, whatever its intent.
    """
    if trace.kept is None:
        return None
    intent = trace.kept.intent
    wanted: Verdict = "reproduces" if intent == "must stay possible" else "no longer reproduces"
    met = result.verdict == wanted
    return KeptVerdict(intent, met, f"{intent}: {result.verdict}: {result.message}")


def replay(trace: Trace, system: System, machine: Machine | None = None) -> ReplayResult:
    """Replays a trace; ``machine``, when there is one for the system already, saves compiling it again."""
    found = _moves(trace, system)
    if isinstance(found, ReplayResult):
        result = found
    else:
        result = _Replay(trace, system, machine or Machine(system), found).run()
    notes = (*result.notes, *_notes(trace, system))
    return replace(result, notes=notes, same_system=trace.system_hash == system.hash)


Moves: TypeAlias = tuple[tuple[Move, ...], ...]


def _moves(trace: Trace, system: System) -> Moves | ReplayResult:
    """What each step may be in the model; or the drift: what the trace needs and the model does not have."""
    gone = _property_drift(trace, system)
    if gone:
        return ReplayResult("drift", gone)
    out: list[tuple[Move, ...]] = []
    for i, step in enumerate(trace.steps, 1):
        found = moves(system, step)
        if isinstance(found, Misfit):
            return ReplayResult("drift", str(found), i)
        out.append(found)
    return tuple(out)


def _property_drift(trace: Trace, system: System) -> str:
    p = trace.property
    if p is not None and p.kind not in ("deadlock", "error"):
        declared = system.property_named(p.name)
        if declared is None:
            same = [q.name for q in system.properties if q.kind == p.kind]
            return f"the model has no {p.kind} `{p.name}`{hint(p.name, same)}"
        if declared.kind != p.kind:
            return f"`{p.name}` is a property of kind {declared.kind} now, not {p.kind}"
    if p is not None and p.kind == "deadlock" and not system.deadlock:
        return "the model does not look for deadlocks any more"
    return ""


def _notes(trace: Trace, system: System) -> Iterator[str]:
    here, there = dict(system.params), dict(trace.model.params)
    for name, value in there.items():
        if name not in here:
            yield f"the model has no parameter `{name}` ({value} in the trace){hint(name, here)}"
        elif here[name] != value:
            yield f"parameter `{name}` is {here[name]} here and {value} in the trace"
    said: set[str] = set()
    for step in trace.steps:
        found = moves(system, step)
        if isinstance(found, Misfit) or any(a.name == step.action for a, _ in found) or step.action in said:
            continue
        said.add(step.action)
        names = " or ".join(f"`{a.name}`" for a, _ in found)
        yield f"`{step.action}` is taken to be {names} now, which says the same: {step.text}"
    known = [v.name for v in shown_variables(system)]
    new = [v for v in known if v not in trace.variables]
    for name in trace.variables:
        if name not in known:
            yield f"the model has no variable `{name}`, so it is not compared{hint(name, new)}"
    if trace.states:
        for name in new:
            yield f"variable `{name}` is not in the trace, so it is not compared"


@dataclass
class _Bag:
    """The first ``MOST_PATHS`` paths, and whether there were more."""

    paths: list[Path] = field(default_factory=list)
    dropped: bool = False

    def add(self, path: Path) -> None:
        if len(self.paths) < MOST_PATHS:
            self.paths.append(path)
        else:
            self.dropped = True


@dataclass
class _Taken:
    """What came of one step: how to go on (``agreed``: as recorded), errors, whether a limit cut it off.

    ``shown``: the property was violated on the way to it.
    """

    paths: list[Path] = field(default_factory=list)
    agreed: bool = False
    wrong: list[Violation] = field(default_factory=list)
    cut: bool = False
    shown: bool = False
    nearest: tuple[Change, ...] = ()


class _Replay:
    """One replay: the paths that are possible so far, and where they first left the recorded run."""

    def __init__(self, trace: Trace, system: System, machine: Machine, found: Moves) -> None:
        self.trace = trace
        self.system = system
        self.machine = machine
        self.moves = found
        failing = trace.failure.property if trace.failure else ""
        self.name = trace.property.name if trace.property else failing
        self.differs_at: int | None = None
        self.differences: tuple[Change, ...] = ()
        self.cut_short = False
        self.extra: list[str] = []

    def run(self) -> ReplayResult:
        """Takes the steps until the property is violated, or one cannot be taken."""
        paths: list[Path] = [()]
        last = len(self.trace.steps)
        for i in range(last + 1):
            fails = self.trace.failure is not None and i == last
            taken = self._take(paths, i)
            if not taken.paths and not taken.wrong and not taken.cut:
                taken = self._later(paths, i) or taken
            if taken.shown:
                return self._reproduces(i, f"on the way to step {i}")
            if any(v.property == self.name for v in taken.wrong) and (fails or not taken.agreed):
                return self._reproduces(i, f"by step {i}" if i else "by the initialisation")
            if fails and not self.name and taken.wrong:
                return self._reproduces(i, "")
            if not taken.paths:
                return self._stuck(i, paths[0], taken)
            paths = taken.paths
            if self.trace.loop is not None:
                continue
            if self.name and any(self._shows(p) for p in paths):
                return self._reproduces(i, _at(i))
        return self._ended() if self.trace.loop is None else self._repeats(paths)

    def _repeats(self, paths: list[Path]) -> ReplayResult:
        """After the last step of an infinite behaviour."""
        prop = self.system.property_named(self.name)
        n, loop = len(self.trace.steps), self.trace.loop
        assert prop is not None and loop is not None
        reason = ""
        for p in paths:
            run = Run(p[0], tuple(self._between(i, p[i - 1], p[i]) for i in range(1, n + 1)), loop)
            reason = refute(self.machine, prop, run) or ""
            if not reason:
                return self._result("reproduces", f"the behaviour violates `{self.name}`", n)
        return self._result("no longer reproduces", reason, n)

    def _between(self, i: int, before: State, after: State) -> Step:
        """Step ``i`` as it is taken now."""
        for action, args in self.moves[i - 1]:
            if any(o.post == after and not o.cut for o in self.machine.fire(before, action.name, args)):
                return Step(action.name, args, after)
        action, args = self.moves[i - 1][0]
        return Step(action.name, args, after)

    def _outcomes(self, paths: Iterable[Path], i: int) -> Iterator[tuple[Path, Outcome]]:
        if i == 0:
            for o in self.machine.initial():
                yield (), o
            return
        for p in paths:
            for action, args in self.moves[i - 1]:
                for o in self.machine.fire(p[-1], action.name, args):
                    yield p, o

    def _take(self, paths: Iterable[Path], i: int) -> _Taken:
        """Takes step ``i`` on all paths; those that agree with the recorded state go on, else all."""
        recorded = self.trace.states[i] if i < len(self.trace.states) else None
        wanted = element_texts(recorded) if recorded is not None else {}
        agreeing, others = _Bag(), _Bag()
        taken = _Taken()
        seen: set[tuple[Path, State]] = set()
        for p, o in self._outcomes(paths, i):
            taken.cut = taken.cut or o.cut
            if o.error is not None:
                taken.wrong.append(o.error)
            # What a property can see of a path is its last two states, if it is not about a whole behaviour.
            visible = p if self.trace.loop is not None else p[-1:]
            if o.post is None or o.cut or (visible, o.post) in seen:
                continue
            seen.add((visible, o.post))
            differing = _differences(wanted, state_values(self.system, o.post))
            (others if differing else agreeing).add((*p, o.post))
            if differing and (not taken.nearest or len(differing) < len(taken.nearest)):
                taken.nearest = differing
        taken.agreed = bool(agreeing.paths)
        bag = agreeing if taken.agreed else others
        taken.paths = bag.paths
        self.cut_short = self.cut_short or bag.dropped
        if others.paths and not taken.agreed and self.differs_at is None:
            self.differs_at, self.differences = i, taken.nearest[:_MOST_DIFFERENCES]
        return taken

    def _later(self, paths: list[Path], i: int) -> _Taken | None:
        """Takes step ``i`` after more steps of the same process, where that does not stand at the step (yet).

        Statements that were added to a process are steps that the trace does not have.  They are only taken
        to get to the recorded one, at most ``MOST_EXTRA`` of them; None when they do not lead there.
        """
        for action, args in self.moves[i - 1] if i else ():
            others = [a for a in self.system.actions if a.process is not None and a.process == action.process]
            front = [p for p in paths if elsewhere(Lens(self.system, p), action, args)]
            seen = {p[-1] for p in front}
            for extra in range(1, MOST_EXTRA + 1):
                following: list[Path] = []
                for p in front:
                    for o in (o for a in others for o in self.machine.fire(p[-1], a.name, args)):
                        if o.error is not None and o.error.property == self.name:
                            return _Taken(shown=True)
                        if o.post is None or o.cut or o.post in seen or len(following) == MOST_PATHS:
                            continue
                        if self.name and self._shows((p[-1], o.post)):
                            return _Taken(shown=True)
                        seen.add(o.post)
                        # One state for every recorded step: the extra ones belong to the step before.
                        following.append((*p[:-1], o.post))
                front = following
                taken = self._take(front, i)
                if taken.paths or taken.wrong or taken.cut:
                    actor = self.trace.steps[i - 1].actor
                    self.extra.append(f"step {i} is taken after {extra} more of {actor}, not in the trace")
                    return taken
        return None

    def _shows(self, path: Path) -> bool:
        """Whether the end of a path violates (or reaches) the property."""
        last = Run(path[-1]) if len(path) == 1 else Run(path[-2], (Step("", (), path[-1]),))
        return violation(self.machine, self.name, last) is not None

    def _reproduces(self, i: int, where: str) -> ReplayResult:
        shown = "reached" if self.trace.outcome == "reached" else "violated"
        message = f"`{self.name}` is {shown} {where}" if self.name else "the last step fails"
        if i < len(self.trace.steps):
            message += f", {len(self.trace.steps) - i} before the recorded end"
        return self._result("reproduces", message, i)

    def _stuck(self, i: int, path: Path, taken: _Taken) -> ReplayResult:
        what = "the initialisation" if i == 0 else f"step {i} ({self.trace.steps[i - 1].action})"
        if taken.wrong:
            v = taken.wrong[0]
            return self._result("no longer reproduces", f"{what} violates `{v.property}` now: {v.message}", i)
        if taken.cut:
            return self._result("no longer reproduces", f"{what} leads beyond a limit of the model now", i)
        if i == 0:
            return self._result("no longer reproduces", "the model has no initial state now", i)
        action, args = self.moves[i - 1][0]
        lens = Lens(self.system, path)
        cause = obstacle(lens, action, args)
        if elsewhere(lens, action, args):
            here = [a for a in self.system.actions if a.process == action.process and len(a.params) == len(args)]
            waits = [c for a in here if not elsewhere(lens, a, args) and (c := obstacle(lens, a, args)) is not None]
            if waits:
                return self._result(
                    "no longer reproduces", f"{self.trace.steps[i - 1].actor} waits before {what} now", i, waits[0]
                )
        return self._result("no longer reproduces", f"{what} cannot be taken now", i, cause)

    def _ended(self) -> ReplayResult:
        n = len(self.trace.steps)
        if self.name:
            if self.trace.failure is not None:
                return self._result("no longer reproduces", f"step {n} no longer violates `{self.name}`", n)
            word = "is not reached" if self.trace.outcome == "reached" else "holds"
            return self._result("no longer reproduces", f"`{self.name}` {word} {_at(n)}", n)
        if self.differs_at is not None:
            message = f"the state {_at(self.differs_at)} is not the recorded one"
            return self._result("no longer reproduces", message, self.differs_at)
        return self._result("reproduces", "every step can be taken, to the recorded states", n)

    def _result(self, verdict: Verdict, message: str, step: int, cause: Cause | None = None) -> ReplayResult:
        if self.cut_short and verdict == "no longer reproduces":
            verdict = "undecided"
            message = f"more than {MOST_PATHS} ways to take these steps were not all followed; {message}"
        extra = tuple(self.extra)
        return ReplayResult(verdict, message, step, cause, self.differs_at, self.differences, extra)


def _at(i: int) -> str:
    return f"after step {i}" if i else "in the initial state"


def _differences(wanted: dict[str, str], values: TraceState) -> tuple[Change, ...]:
    """The elements that differ from the recorded ones: ``old`` is what was recorded."""
    actual = element_texts(values)
    return tuple(Change(k, v, actual[k]) for k, v in wanted.items() if actual.get(k, v) != v)
