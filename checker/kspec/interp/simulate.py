"""Random simulation: walks from random initial states, each step a random one of those that can be taken.

Every walk has a generator of its own, seeded with the seed and the number of the walk, so a walk does not
depend on those before it.  All the errors that some step from a visited state would raise are noted, not
only those of the steps taken.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from kspec.engine.protocol import Budget, Control, Evidence, Finding, Goals, Progress, Result, Run, Step
from kspec.interp.explore import REPORT_EVERY, resident
from kspec.interp.machine import Machine, Outcome
from kspec.system.model import State, System
from kspec.system.packing import lanes, pack, slots


@dataclass(frozen=True)
class SimulateEngine:
    """Takes ``walks`` walks of at most ``length`` steps.  Implements ``kspec.engine.protocol.Engine``.

    The status is ``simulated``; findings are the shortest that came up, not shortest runs.  The evidence
    counts distinct states visited and steps taken; its depth is the length of the longest walk.
    """

    seed: int = 0
    walks: int = 1000
    length: int = 100
    name: str = "simulate"

    def check(self, system: System, goals: Goals, budget: Budget, control: Control) -> Result:
        """Simulates until the goals are met, the walks are done or a budget runs out."""
        return _Simulation(self, system, goals, budget, control).run()


def walk(machine: Machine, rng: random.Random, length: int) -> Iterator[tuple[Step | None, State]]:
    """One random walk: the initial state (with no step), then each step with the state after it.

    It ends after ``length`` steps, or where nothing completes.  Empty when there is no initial state.
    """
    state: State | None = _pick(rng, machine.initial())[1]
    if state is None:
        return
    yield None, state
    for _ in range(length):
        o, post = _pick(rng, machine.steps(state))
        if o is None or post is None:
            return
        state = post
        yield Step(o.action, o.args, post), state


def _pick(rng: random.Random, outcomes: Iterator[Outcome]) -> tuple[Outcome | None, State | None]:
    good = [o for o in outcomes if o.post is not None and not o.cut]
    if not good:
        return None, None
    o = rng.choice(good)
    return o, o.post


@dataclass
class _Simulation:
    engine: SimulateEngine
    system: System
    goals: Goals
    budget: Budget
    control: Control
    started: float = field(default_factory=time.monotonic)
    findings: dict[str, Run] = field(default_factory=dict)
    witnesses: dict[str, Run] = field(default_factory=dict)
    steps: int = 0
    cut: int = 0
    longest: int = 0
    walks: int = 0

    def __post_init__(self) -> None:
        self.machine = Machine(self.system)
        self.layout = slots(self.system)
        self.seen: set[State] = set()
        self.digest = 0
        self.counts = dict.fromkeys((a.name for a in self.system.actions), 0)
        self.reported = self.started
        self.initial: State | None = None
        self.path: list[Step] = []

    def run(self) -> Result:
        stop = ""
        starts = list(self.machine.initial())
        for number in range(self.engine.walks):
            stop = self.walk(random.Random(f"{self.engine.seed}:{number}"), starts)
            self.walks += 1
            if stop or self.met():
                break
        length = self.length()
        plural = "" if self.walks == 1 else "s"
        reason = f"simulated {self.walks} walk{plural} of up to {length} steps, seed {self.engine.seed}"
        return Result(
            self.engine.name,
            "simulated",
            _shortest_first(self.findings),
            _shortest_first(self.witnesses),
            Evidence(
                len(self.seen), self.steps, self.longest, tuple(self.counts.items()), self.cut, self.digest
            ),
            reason=reason,
            seconds=time.monotonic() - self.started,
            memory=resident(),
            notes=(stop,) if stop else (),
        )

    def length(self) -> int:
        depth = self.budget.depth
        return self.engine.length if depth is None else min(depth, self.engine.length)

    def met(self) -> bool:
        if self.goals.everything:
            return False
        return bool(self.findings) if self.goals.wanted is None else self.goals.wanted <= self.findings.keys()

    def walk(self, rng: random.Random, starts: list[Outcome]) -> str:
        """One walk; the reason to stop, if there is one."""
        self.initial, self.path = None, []
        self.look(starts)
        start = _pick(rng, iter(starts))[1]
        if start is None:
            return ""
        self.initial = start
        self.visit(None, start)
        while not (stop := self.poll()):
            state = self.path[-1].post if self.path else start
            assert state is not None
            outcomes = list(self.machine.steps(state))
            self.look(outcomes)
            if not outcomes:
                for v in self.machine.deadlock_violations(state):
                    self.note(self.findings, v.property)
            o, post = _pick(rng, iter(outcomes))
            if o is None or post is None or len(self.path) >= self.length():
                return ""
            self.path.append(Step(o.action, o.args, post))
            self.steps += 1
            self.counts[o.action] += 1
            self.visit(state, post)
        return stop

    def look(self, outcomes: list[Outcome]) -> None:
        """Notes what would go wrong in the next step, whichever is taken."""
        for o in outcomes:
            if o.error is not None:
                self.note(self.findings, o.error.property, Step(o.action, o.args, None))
            self.cut += o.cut and self.initial is not None

    def visit(self, before: State | None, state: State) -> None:
        """Judges a state and the step to it."""
        self.longest = max(self.longest, len(self.path))
        if state not in self.seen:
            self.seen.add(state)
            self.digest ^= lanes(pack(self.layout, state))
        if before is not None:
            for v in self.machine.step_violations(before, state):
                self.note(self.findings, v.property)
        wrong, reached = self.machine.judge(state)
        for v in wrong:
            self.note(self.findings, v.property)
        for name in reached:
            self.note(self.witnesses, name)

    def note(self, table: dict[str, Run], name: str, failing: Step | None = None) -> None:
        """Keeps the run so far (and a failing step) when it is the shortest that shows a property."""
        steps = (failing,) if failing is not None and self.initial is not None else ()
        if name not in table or len(self.path) + len(steps) < table[name].length:
            table[name] = Run(self.initial, (*self.path, *steps))

    def poll(self) -> str:
        """Why to stop now; empty when there is no reason."""
        now = time.monotonic()
        if self.control.cancelled():
            return "interrupted"
        if self.budget.seconds is not None and now - self.started >= self.budget.seconds:
            return "time"
        if self.budget.states is not None and len(self.seen) >= self.budget.states:
            return "states"
        if now - self.reported >= REPORT_EVERY:
            self.reported = now
            memory = resident()
            note = f"walk {self.walks + 1} of {self.engine.walks}"
            self.control.report(
                Progress(
                    self.engine.name,
                    len(self.seen),
                    self.steps,
                    self.longest,
                    0,
                    memory,
                    now - self.started,
                    note,
                )
            )
            if self.budget.memory is not None and memory > self.budget.memory:
                return "memory"
        return ""


def _shortest_first(table: dict[str, Run]) -> tuple[Finding, ...]:
    return tuple(Finding(n, r) for n, r in sorted(table.items(), key=lambda x: x[1].length))
