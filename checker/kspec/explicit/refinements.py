"""Refinement on the states of a native search: the steps are regenerated natively, as for temporal properties, and
of each only the pair of its states' images is looked at, every distinct pair once, by the interpreter.
"""

from __future__ import annotations

import ctypes
import time
from array import array
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from kspec.engine.protocol import Finding, Result, Run, Step
from kspec.explicit.behaviours import compiler_for, polling_of
from kspec.explicit.budgets import StopError, resident
from kspec.explicit.cache import open_cache
from kspec.explicit.fields import Unsupported
from kspec.explicit.graph import Graph, GraphImage
from kspec.explicit.graph_code import graph_code
from kspec.explicit.search import Search
from kspec.explicit.space import BrokenError
from kspec.explicit.toolchain import CompileError, start
from kspec.interp.machine import Machine
from kspec.interp.refines import Simulation
from kspec.system.model import State
from kspec.system.packing import slots, unpack

MOST = 1_000_000
"""States of which the images are worked out: that takes the interpreter tens of microseconds for each."""
_NONE = 0xFFFFFFFF


def with_refinements(search: Search, result: Result) -> Result:
    """The result of a search, with what is to be said about what the system refines.

    A search that has not seen all states shows violations among what it has seen, and proves nothing.
    """
    if not search.system.refinements:
        return result
    if len(search.space) > MOST:
        why = f"refinement is checked on at most {MOST} states, there are {len(search.space)}; or use --engine interp"
        return replace(result, undecided=result.undecided or why)
    try:
        found = _violations(search, result.status == "exhausted")
    except StopError as stop:
        return replace(result, undecided=stop.reason)
    except MemoryError:
        return replace(result, undecided="memory")
    except (Unsupported, CompileError, OSError, BrokenError) as e:
        return replace(result, undecided=(str(e).splitlines() or [type(e).__name__])[0][:200])
    held = tuple(p.name for p in search.system.refinements if p.name not in {f.property for f in found})
    return replace(
        result,
        findings=(*result.findings, *found),
        behaviours=(*result.behaviours, *(held if result.status == "exhausted" else ())),
        seconds=time.monotonic() - search.budgets.started,
        memory=max(result.memory, resident()),
    )


def _violations(search: Search, complete: bool) -> list[Finding]:
    """A shortest run for each refinement that is violated."""
    system = search.system
    code = graph_code(system, [], search.tiers.native.text)
    poll = polling_of(search)
    image = GraphImage(start(compiler_for(search), code.text, open_cache()).result(poll=poll))
    steps = sum(search.counts().actions)
    graph = Graph(image, code, search.space, steps if complete else 2 * steps + len(search.space), poll)
    try:
        graph.build(complete)
        machine = Machine(system)
        found = ((p.name, _Images(machine, graph, Simulation(machine, p), poll)) for p in system.refinements)
        runs = ((name, images.run(search.starts[1])) for name, images in found)
        return [Finding(name, run) for name, run in runs if run is not None]
    finally:
        graph.close()


class _Images:
    """The steps of a graph, as one refinement sees them."""

    def __init__(self, machine: Machine, graph: Graph, simulation: Simulation, poll: Callable[[], None]) -> None:
        self.machine, self.graph, self.simulation, self.poll = machine, graph, simulation, poll
        self.layout = slots(machine.system)
        self.numbers: dict[State, int] = {}
        self.known = array("I", [_NONE]) * graph.states
        self.parents = array("I", [_NONE]) * graph.states
        self.fine: set[tuple[int, int]] = set()

    def state(self, n: int) -> State:
        """The state with that number."""
        return unpack(self.layout, self.graph.space.words(n))

    def image(self, n: int) -> int:
        """The number of a state's image, from 1 on; 0 where it has none."""
        if self.known[n] == _NONE:
            if n % 64 == 0:
                self.poll()
            found = self.simulation.image(self.state(n))
            self.known[n] = 0 if found is None else self.numbers.setdefault(found, len(self.numbers) + 1)
        return self.known[n]

    def run(self, initial: int) -> Run | None:
        """A shortest run to what has no counterpart.  States are numbered by their distance, initial ones first."""
        for n in range(initial):
            if not self.simulation.starts(self.state(n)):
                return Run(self.state(n))
            self.parents[n] = n
        states = self.graph.states
        ends = (ctypes.c_uint64 * (states + 1)).from_address(self.graph.ends)
        targets = (ctypes.c_uint32 * max(1, ends[states])).from_address(self.graph.targets)
        for n in range(states):
            if n % 64 == 0:
                self.poll()
            mine = self.image(n)
            for e in range(ends[n], ends[n + 1]):
                to = targets[e]
                if self.parents[to] == _NONE:
                    self.parents[to] = n
                pair = mine, self.image(to)
                if pair[0] == pair[1] or pair in self.fine:
                    continue
                if not self.simulation.follows(self.state(n), self.state(to)):
                    return self._run(n, to)
                self.fine.add(pair)
        return None

    def _run(self, last: int, to: int) -> Run:
        """The run to a state, and its last step."""
        path = [to, last]
        while self.parents[path[-1]] != path[-1]:
            path.append(self.parents[path[-1]])
        states = [self.state(n) for n in reversed(path)]
        return Run(states[0], tuple(self._step(a, b) for a, b in pairwise(states)))

    def _step(self, before: State, after: State) -> Step:
        """The first action that leads from one state to another."""
        for o in self.machine.steps(before):
            if o.post == after and not o.cut:
                return Step(o.action, o.args, after)
        raise BrokenError("the interpreter does not take a step that native code takes")
