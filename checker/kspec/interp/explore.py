"""Breadth-first exploration by the interpreter: the oracle among the engines.

What is counted, exactly, so that engines can be compared:

* A state is *entered* when it is an initial state or the end of a step, within the limits.  ``states`` and
  ``digest`` are of the entered states, ``depth`` is the largest distance from an initial state at which a
  new state was found.
* A transition is one completed step within limits: one for every action, argument values and path of
  choices.  Two paths to one state count twice, and so do self loops.  ``cut`` counts steps that completed
  beyond a limit (cut initial states are not counted).  Failed steps are neither.
* Level L is *complete* when everything about runs of at most L steps is known: all states up to distance L
  have been entered and judged, all steps from states nearer than L taken, and the states at distance L
  looked at for deadlock.

When the search may end:

* ``exhausted``: no state is left, whatever the goals.  Only then are unmet ``reachable`` properties found.
* ``stopped``: the goals were met by violations of at most L steps; level L is complete, the evidence is of
  level L (steps out of it are not counted), findings and witnesses have at most L steps.
* ``bounded``: the depth budget L cut the search; level L is complete, the evidence is of level L.
* ``unknown``: another budget ran out or the run was cancelled; states and transitions are what was seen so
  far, but ``depth`` is the last complete level; without any, there is no evidence.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace

from kspec.engine.protocol import Budget, Control, Evidence, Finding, Goals, Progress, Result, Status
from kspec.interp.levels import Edges, Event, Levels, Sightings
from kspec.interp.machine import Machine, Outcome
from kspec.interp.refines import Simulation
from kspec.interp.sweep import fewest_switches, first_found
from kspec.interp.temporal import VacuousError, lassos
from kspec.system.model import Action, State, System
from kspec.system.packing import lanes, pack, slots
from kspec.temporal.automaton import TooLargeError

NAME = "interp"
REPORT_EVERY = 0.25
GRACE = 0.7
"""Seconds that choosing the runs to show may take once a budget has run out."""


class StopError(Exception):
    """The search has to stop: ``time``, ``memory``, ``states`` or ``interrupted``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InterpEngine:
    """The engine: see the module's description.  Implements ``kspec.engine.protocol.Engine``."""

    name = NAME

    def check(self, system: System, goals: Goals, budget: Budget, control: Control) -> Result:
        """Checks every property of the system.  ``budget.threads`` has no effect."""
        return _Search(system, goals, budget, control).run()


@dataclass
class _Search:
    """One running search."""

    system: System
    goals: Goals
    budget: Budget
    control: Control
    started: float = field(default_factory=time.monotonic)
    levels: Levels = field(default_factory=Levels)
    violated: Sightings = field(default_factory=Sightings)
    reached: Sightings = field(default_factory=Sightings)
    transitions: int = 0
    cut: int = 0
    digest: int = 0
    complete: int | None = None
    """The last complete level: the depth that an interrupted search can claim."""

    def __post_init__(self) -> None:
        self.machine = Machine(self.system)
        self.layout = slots(self.system)
        self.counts = dict.fromkeys((a.name for a in self.system.actions), 0)
        self.declared = {a.name: (i, a) for i, a in enumerate(self.system.actions)}
        self.simulations = tuple(Simulation(self.machine, p) for p in self.system.refinements)
        self.events: list[Event] = []
        self.numbers: dict[tuple[str, tuple[int, ...]], int] = {}
        self.polls = 0
        self.polled = self.reported = self.started
        self.fraction = (0, 0)  # states of the current level: expanded, all

    def run(self) -> Result:
        try:
            result = self.search()
            return self.with_behaviours(result) if result.status == "exhausted" else result
        except StopError as stop:
            seen = None if self.complete is None else replace(self.evidence(), depth=self.complete)
            return self.result("unknown", seen, reason=stop.reason)

    def with_behaviours(self, result: Result) -> Result:
        """The result of a complete search, with what is to be said about temporal properties."""
        refined = tuple(s.name for s in self.simulations if s.name not in self.violated.found)
        result = replace(result, behaviours=refined)
        if not any(p.claims for p in self.system.temporal):
            return replace(result, behaviours=(*refined, *(p.name for p in self.system.temporal)))
        try:
            found, satisfied = lassos(self.machine, self.levels.states, self.poll)
        except StopError as stop:
            return replace(result, undecided=stop.reason)
        except TooLargeError:
            return replace(result, undecided="the automaton of a property is too large")
        except VacuousError as e:
            return replace(result, undecided=str(e))
        seconds = time.monotonic() - self.started
        return replace(result, findings=(*result.findings, *found), behaviours=(*refined, *satisfied), seconds=seconds)

    def search(self) -> Result:
        self.enter_initial()
        level = self.levels.close()
        if level and self.met(0):
            self.look_for_deadlocks(0, level)
            return self.result("stopped", self.evidence())
        depth = 0
        while level:
            if self.budget.depth is not None and depth >= self.budget.depth:
                self.look_for_deadlocks(depth, level)
                return self.result("bounded", self.evidence(), bound=depth)
            before = self.evidence()
            self.expand(depth, level)
            level = self.levels.close()
            if level and self.met(depth):
                # Deadlocks at this depth were enough: what lies deeper does not count.
                self.violated.forget_beyond(depth)
                self.reached.forget_beyond(depth)
                return self.result("stopped", before)
            self.complete = depth
            depth += 1
            if level and self.met(depth):
                self.look_for_deadlocks(depth, level)
                return self.result("stopped", self.evidence())
        return self.result("exhausted", self.evidence())

    def met(self, length: int) -> bool:
        """Whether the goals are met by violations of at most that many steps."""
        found = {name for name, s in self.violated.found.items() if s.length <= length}
        if self.goals.everything:
            return False
        return bool(found) if self.goals.wanted is None else self.goals.wanted <= found

    def enter_initial(self) -> None:
        for o in self.machine.initial():
            self.poll()
            if o.error is not None:
                self.violated.at(o.error.property, 0)
            elif o.post is not None and not o.cut and o.post not in self.levels.index:
                number = self.enter(o.post, 0, (-1, -1))
                for s in self.simulations:
                    if not s.starts(o.post):
                        self.violated.state(s.name, 0, number)

    def enter(self, state: State, depth: int, parent: tuple[int, int]) -> int:
        """Adds a new state and judges it."""
        if self.budget.states is not None and len(self.levels.states) >= self.budget.states:
            raise StopError("states")
        number = self.levels.enter(state, parent)
        self.digest ^= lanes(pack(self.layout, state))
        wrong, reached = self.machine.judge(state)
        for v in wrong:
            self.violated.state(v.property, depth, number)
        for name in reached:
            self.reached.state(name, depth, number)
        return number

    def expand(self, depth: int, level: range) -> None:
        """Takes every step out of a level."""
        edges = Edges()
        self.levels.edges.append(edges)
        for number in level:
            self.fraction = (number - level.start, len(level))
            self.poll()
            state = self.levels.states[number]
            stuck = True
            for o in self.machine.steps(state, self.poll):
                stuck = False
                self.take(o, state, number, depth, level.stop, edges)
                self.poll()
            if stuck:
                self.note_deadlock(state, number, depth)

    def take(self, o: Outcome, old: State, number: int, depth: int, following: int, edges: Edges) -> None:
        """Counts and judges one outcome; ``following`` is the first state of the next level."""
        if o.error is not None:
            self.violated.step(o.error.property, depth + 1, number, self.event(o), None)
        if o.post is None:
            return
        if o.cut:
            self.cut += 1
            return
        self.transitions += 1
        self.counts[o.action] += 1
        for v in self.machine.step_violations(old, o.post):
            self.violated.step(v.property, depth + 1, number, self.event(o), o.post)
        for s in self.simulations:
            if not s.follows(old, o.post):
                self.violated.step(s.name, depth + 1, number, self.event(o), o.post)
        post = self.levels.index.get(o.post)
        if post is None:
            post = self.enter(o.post, depth + 1, (number, self.event(o)))
        if post >= following:
            edges.add(number, self.event(o), post)

    def look_for_deadlocks(self, depth: int, level: range) -> None:
        """Completes a level that will not be expanded."""
        if not self.system.deadlock:
            return
        for number in level:
            self.poll()
            state = self.levels.states[number]
            if next(self.machine.steps(state, self.poll), None) is None:
                self.note_deadlock(state, number, depth)

    def note_deadlock(self, state: State, number: int, depth: int) -> None:
        for v in self.machine.deadlock_violations(state):
            self.violated.state(v.property, depth, number)

    def event(self, o: Outcome) -> int:
        """The number of the action with its arguments."""
        key = (o.action, o.args)
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.events)
            order, action = self.declared[o.action]
            self.events.append(Event(order, o.action, o.args, actor_of(action, o.args)))
        return number

    def evidence(self) -> Evidence:
        """What has been seen so far."""
        starts = self.levels.starts
        last = len(starts) - 2 if len(starts) > 1 else 0
        return Evidence(
            states=len(self.levels.states),
            transitions=self.transitions,
            depth=last if last == 0 or starts[last] < starts[last + 1] else last - 1,
            actions=tuple(self.counts.items()),
            cut=self.cut,
            digest=self.digest,
        )

    def result(
        self, status: Status, evidence: Evidence | None, bound: int | None = None, reason: str = ""
    ) -> Result:
        """The answer; the runs to show are chosen now, in little time when a budget has run out."""
        deadline = self.started + self.budget.seconds if self.budget.seconds is not None else None
        if status == "unknown":
            deadline = time.monotonic()
        if deadline is not None:
            deadline += GRACE
        findings, plain = self.shown(self.violated, deadline)
        witnesses, plainer = self.shown(self.reached, deadline)
        if status == "exhausted":
            unmet = (p.name for p in self.system.properties if p.kind == "reachable")
            findings += [Finding(name, None) for name in unmet if name not in self.reached.found]
        notes = ("switches not minimised",) if plain or plainer else ()
        if evidence is None:
            notes = (*notes, f"it had seen {len(self.levels.states)} states of the first level")
        return Result(
            NAME,
            status,
            tuple(findings),
            tuple(witnesses),
            evidence,
            bound=bound,
            reason=reason,
            seconds=time.monotonic() - self.started,
            memory=resident(),
            notes=notes,
        )

    def shown(self, sightings: Sightings, deadline: float | None) -> tuple[list[Finding], bool]:
        """A finding for every property, shortest first; whether some run was not chosen with care."""
        out: list[Finding] = []
        plain = False

        def poll() -> None:
            if deadline is not None and time.monotonic() > deadline:
                raise StopError("time")
            if deadline is None and self.control.cancelled():
                raise StopError("interrupted")

        for name, sighting in sorted(sightings.found.items(), key=lambda x: x[1].length):
            try:
                poll()
                run = fewest_switches(self.levels, self.events, self.layout, sighting, poll)
            except StopError:
                run = first_found(self.levels, self.events, sighting)
                plain = True
            out.append(Finding(name, run))
        return out, plain

    def poll(self) -> None:
        """Looks at the budgets and at the control block, and reports, all at a bounded rate."""
        self.polls += 1
        if self.polls % 16:
            return
        now = time.monotonic()
        if now - self.polled < 0.02:
            return
        self.polled = now
        if self.control.cancelled():
            raise StopError("interrupted")
        if self.budget.seconds is not None and now - self.started >= self.budget.seconds:
            raise StopError("time")
        if self.budget.memory is not None and resident() > self.budget.memory:
            raise StopError("memory")
        if now - self.reported >= REPORT_EVERY:
            self.reported = now
            self.report(now)

    def report(self, now: float) -> None:
        expanded, level = self.fraction
        waiting = level - expanded + len(self.levels.states) - self.levels.starts[-1]
        depth = max(0, len(self.levels.starts) - 2)
        self.control.report(
            Progress(
                NAME,
                len(self.levels.states),
                self.transitions,
                depth,
                waiting,
                resident(),
                now - self.started,
            )
        )


def actor_of(action: Action, args: tuple[int, ...]) -> tuple[object, ...]:
    """Who takes a step: the process instance, or the action's first identity, or the action itself."""
    if action.actor is not None:
        who = action.process or action.params[action.actor][1]
        return who, args[action.actor]
    return (action.process or action.name,)


def resident() -> int:
    """The resident memory of this process in bytes; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
