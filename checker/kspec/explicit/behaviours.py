"""Temporal properties on the states of a finished native search.

The steps are regenerated once, into a graph by number of state, which all properties share; then each claim is
decided on the product with the automaton of its negation.  Of the instances of an outer ``forall`` over
interchangeable identities only one of each kind is decided: a permutation of identities maps fair behaviours to
fair behaviours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from kspec.engine.protocol import Finding, Progress, Result, Run, Step
from kspec.explicit.budgets import StopError, resident
from kspec.explicit.cache import open_cache
from kspec.explicit.fields import Unsupported
from kspec.explicit.graph import Due, Graph, GraphImage, Hop, Product
from kspec.explicit.graph_code import graph_code
from kspec.explicit.search import NAME, REPORT_EVERY, Search
from kspec.explicit.space import BrokenError
from kspec.explicit.toolchain import CompileError, Compiler, start, system_compiler, tiny_compiler
from kspec.interp.machine import Machine
from kspec.interp.shorten import shortened
from kspec.interp.temporal import VacuousError, lassos
from kspec.system.model import Property, System
from kspec.system.packing import slots, unpack
from kspec.system.scalarsets import scalarsets
from kspec.system.temporal import NO, Claim
from kspec.temporal.automaton import Automaton, TooLargeError, violating

FEW = 20_000
"""States up to which the interpreter decides where native code cannot."""
LARGE = 30_000
"""States from which the system's compiler is worth its time."""


def with_behaviours(search: Search, result: Result) -> Result:
    """The result of a search, with what is to be said about temporal properties.

    A search that was bounded shows behaviours that stay within its states, and proves nothing.
    """
    system = search.system
    if not any(p.claims for p in system.temporal):
        return replace(result, behaviours=tuple(p.name for p in system.temporal))
    try:
        try:
            found, satisfied = _decide(search, result.status == "exhausted")
        except (Unsupported, CompileError, OSError) as e:
            if result.status != "exhausted":
                return result
            note = f"behaviours are decided by the interpreter: {_first_line(e)}"
            result = replace(result, notes=(*result.notes, note))
            found, satisfied = _by_interpreter(search, _first_line(e))
    except StopError as stop:
        return replace(result, undecided=stop.reason)
    except MemoryError:
        return replace(result, undecided="memory")
    except TooLargeError:
        return replace(result, undecided="the automaton of a property is too large")
    except (VacuousError, BrokenError) as e:
        return replace(result, undecided=str(e))
    return replace(
        result,
        findings=(*result.findings, *found),
        behaviours=tuple(satisfied) if result.status == "exhausted" else (),
        seconds=time.monotonic() - search.budgets.started,
        memory=max(result.memory, resident()),
    )


def _first_line(e: Exception) -> str:
    return (str(e).splitlines() or [type(e).__name__])[0][:200]


def _by_interpreter(search: Search, why: str) -> tuple[list[Finding], list[str]]:
    """The same by the interpreter, where native code cannot be made."""
    count = len(search.space)
    if count > FEW:
        raise BrokenError(f"{why}; {count} states are too many for the interpreter")
    layout = slots(search.system)
    states = [unpack(layout, search.space.words(n)) for n in range(count)]
    return lassos(Machine(search.system), states, polling_of(search))


def _decide(search: Search, complete: bool) -> tuple[list[Finding], list[str]]:
    system = search.system
    work = [(p, c, violating(c.formula)) for p in system.temporal for c in representatives(system, p)]
    every = violating(NO) if system.limits else None
    code = graph_code(system, [a for _, _, a in work], search.tiers.native.text)
    poll = polling_of(search)
    compiler = compiler_for(search)
    image = GraphImage(start(compiler, code.text, open_cache()).result(poll=poll))
    steps = sum(search.counts().actions)
    graph = Graph(image, code, search.space, steps if complete else 2 * steps + len(search.space), poll)
    try:
        graph.build(complete)
        initial = search.starts[1]
        if complete and every is not None and not _any(graph, every, initial):
            raise VacuousError
        maker = _Lassos(system, Machine(system), graph, initial)
        runs: dict[str, list[Run]] = {p.name: [] for p in system.temporal}
        for n, (p, _, automaton) in enumerate(work):
            runs[p.name] += [shortened(maker.machine, p, r, poll) for r in maker.of(n, automaton)]
    finally:
        graph.close()
    found = [Finding(name, min(r, key=lambda x: x.length)) for name, r in runs.items() if r]
    return found, [name for name, r in runs.items() if not r]


def _any(graph: Graph, every: Automaton, initial: int) -> bool:
    """Whether there is a fair behaviour at all."""
    product = Product(graph, 0, every)
    try:
        return product.search(initial)
    finally:
        product.close()


def representatives(system: System, p: Property) -> Iterator[Claim]:
    """Claims such that all others of the property are images of one under a permutation of identities."""
    symmetric = set(scalarsets(system).types)
    seen: set[tuple[object, ...]] = set()
    for c in p.claims:
        names: dict[tuple[object, int], int] = {}
        key: list[object] = []
        for name, t, value in c.bindings:
            key.append((name, names.setdefault((t, value), len(names)) if t in symmetric else ("is", value)))
        if not key or tuple(key) not in seen:
            seen.add(tuple(key))
            yield c


def compiler_for(search: Search) -> Compiler:
    """The compiler for code about as many states as the search has."""
    cc, tcc = system_compiler(), tiny_compiler()
    tier = search.tuning.tier
    if cc is not None and tier != "tcc" and (tcc is None or tier == "cc" or len(search.space) >= LARGE):
        return cc.optimised("-O2")
    if tcc is None:
        raise Unsupported("there is no C compiler")
    return tcc


def polling_of(search: Search) -> Callable[[], None]:
    """What looks at the budgets of a search after its end, and reports."""
    reported = time.monotonic()

    def poll() -> None:
        nonlocal reported
        search.budgets.poll()
        if resident() > search.limit:
            raise StopError("memory")
        now = time.monotonic()
        if now - reported >= REPORT_EVERY:
            reported = now
            counts = search.counts()
            seconds = now - search.budgets.started
            search.budgets.control.report(
                Progress(
                    NAME, counts.states, counts.transitions, counts.depth, 0, resident(), seconds, "behaviours"
                )
            )

    return poll


@dataclass(frozen=True)
class _Lassos:
    """Makes runs of what the products show."""

    system: System
    machine: Machine
    graph: Graph
    initial: int

    def of(self, claim: int, automaton: Automaton) -> list[Run]:
        """A fair behaviour that the automaton accepts, if there is one."""
        product = Product(self.graph, claim, automaton)
        try:
            if not product.search(self.initial):
                return []
            stem = product.stem(self.initial)
            entry = stem if isinstance(stem, int) else stem[-1].to
            hops = [] if isinstance(stem, int) else stem
            first = entry if not hops else hops[0].node
            return [self._run(first, hops, self._cycle(product, entry), len(automaton.edges))]
        finally:
            product.close()

    def _cycle(self, product: Product, entry: int) -> list[Hop]:
        """A way round from a node through all that is due."""
        due = self._due(product, entry)
        hops: list[Hop] = []
        at = entry
        while due:
            self.graph.poll()
            path = product.toward(at, due, None)
            for h in path:
                due = self._less(due, h, len(product.automaton.edges))
            hops += path
            at = hops[-1].to
        return hops if at == entry and hops else [*hops, *product.toward(at, Due(0, 0, 0), entry)]

    def _due(self, product: Product, entry: int) -> Due:
        """All that a fair and accepted cycle has to meet.

        Of the strong constraints these are all: one of which no step can be taken in the region is found out
        by not being met, and is let go of.
        """
        weak = strong = 0
        for k, c in enumerate(self.graph.code.constraints):
            if c.kind == "weak":
                weak |= 1 << k
            elif product.toward(entry, Due(0, 1 << k, 0), None):
                strong |= 1 << k
        return Due(product.automaton.all_marks, strong, weak)

    def _less(self, due: Due, h: Hop, q: int) -> Due:
        """What is still due after a step."""
        served = self.graph.code.kinds.served[h.kind]
        enabled = self.graph.enabled(h.node // q)
        return Due(due.marks & ~h.marks, due.served & ~served, due.resting & enabled & ~served)

    def _run(self, first: int, stem: list[Hop], cycle: list[Hop], q: int) -> Run:
        """The behaviour with its actions; where nothing can happen any more it ends."""
        layout = slots(self.system)
        state = unpack(layout, self.graph.space.words(first // q))
        initial = state
        steps: list[Step] = []
        for h in (*stem, *cycle):
            if h.kind == 0:
                return Run(initial, tuple(steps), len(steps))
            post = unpack(layout, self.graph.space.words(h.to // q))
            steps.append(self._step(state, post, h.kind))
            state = post
        return Run(initial, tuple(steps), len(stem))

    def _step(self, before: tuple[int, ...], after: tuple[int, ...], kind: int) -> Step:
        """The first action of that kind that leads from one state to another."""
        order = {a.name: n for n, a in enumerate(self.system.actions)}
        for o in self.machine.steps(before):
            if o.post != after or o.cut:
                continue
            if self.graph.code.kinds.kind(self.system, order[o.action], o.args) == kind:
                return Step(o.action, o.args, after)
        raise RuntimeError("the interpreter does not take a step that native code takes")
