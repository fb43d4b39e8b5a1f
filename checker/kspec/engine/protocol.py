"""What every engine is asked and what it answers.

An engine is ``check(system, goals, budget, control) -> Result``.  It runs in a child process
(``kspec.engine.child``); a ``Result`` is plain data.  Nothing an engine says is shown to anyone
before the interpreter has re-executed it (``kspec.engine.confirm``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from kspec.system.model import State, System


@dataclass(frozen=True)
class Goals:
    """When the search may end early.

    ``wanted`` None: after the level in which the first violation (of anything) falls.
    Otherwise: after the level in which the last of the ``wanted`` properties has been violated; the
    search goes on through states that violate others.  ``everything``: never, explore all.
    """

    wanted: frozenset[str] | None = None
    everything: bool = False


@dataclass(frozen=True)
class Budget:
    """Limits of one run.  ``depth`` counts steps; ``memory`` is in bytes, ``seconds`` of wall time."""

    seconds: float | None = None
    memory: int | None = None
    states: int | None = None
    depth: int | None = None
    threads: int = 1


@dataclass(frozen=True)
class Progress:
    """A sample of a running search.

    ``levels``: the sizes of the last complete levels of a breadth-first search (at most ``LEVELS``), oldest
    first; ``complete``: the states in all complete levels.  ``finishing``: the seconds that the engine may need
    to end in order if it is asked to stop now (it writes a checkpoint); whoever interrupts it waits so long.
    """

    engine: str
    states: int = 0
    transitions: int = 0
    depth: int = 0
    frontier: int = 0
    memory: int = 0
    seconds: float = 0.0
    note: str = ""
    levels: tuple[int, ...] = ()
    finishing: float = 0.0
    complete: int = 0


LEVELS = 16
"""The most levels in a sample."""


class Control(Protocol):
    """The running engine's side of the control block."""

    def cancelled(self) -> bool:
        """True once the run should stop; polled at least every 100 ms."""

    def report(self, progress: Progress) -> None:
        """Publishes a sample (cheap; may be dropped)."""


@dataclass(frozen=True)
class Step:
    """One step of a run: the action, the values of its parameters, and the state after it.

    ``post`` is None when the step raised an error (then it is the last one).
    """

    action: str
    args: tuple[int, ...]
    post: State | None


@dataclass(frozen=True)
class Run:
    """An execution from an initial state; ``initial`` None means the init block itself raised an error.

    With ``loop`` it is an infinite behaviour: after the last step the state is what it was after ``loop`` steps,
    and the steps from there repeat; if ``loop`` is the number of steps, nothing can happen in the last state.
    """

    initial: State | None
    steps: tuple[Step, ...] = ()
    loop: int | None = None

    @property
    def length(self) -> int:
        """The number of steps, a failing last step included."""
        return len(self.steps)

    @property
    def last(self) -> State | None:
        """The state at the end (None when the last step raised)."""
        return self.steps[-1].post if self.steps else self.initial


@dataclass(frozen=True)
class Finding:
    """A violated property with the run that shows it.

    ``property`` is a declared name, ``deadlock`` or ``error.<kind>``.  ``run`` is None only for a
    ``reachable`` property that nothing reaches.
    """

    property: str
    run: Run | None


@dataclass(frozen=True)
class Obstacle:
    """What keeps a proof by induction from going through: no violation, but perhaps one.

    ``run`` starts in a state that is not known to be reachable, and nothing that is assumed excludes it;
    the property is violated at its end and nothing before.  ``matters`` are the positions in that state
    whose values alone lead to the violation (with the same steps); empty when not worked out.
    """

    property: str
    run: Run
    matters: tuple[int, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What an exhaustive search saw; equal across engines, threads, tiers and resume.

    ``actions`` counts transitions by action; ``cut`` counts steps into states beyond a limit (these
    are not transitions).  ``digest`` is the 128-bit digest of the reached states (``kspec.system.packing``).
    Where ``reduction`` names one, all counts and the digest are of the states that were explored, which
    stand for others: ``represents`` is the number of reachable states then, None when it is not known.
    ``spared`` counts the steps that partial-order reduction left out, None where that was not counted.
    """

    states: int = 0
    transitions: int = 0
    depth: int = 0
    actions: tuple[tuple[str, int], ...] = ()
    cut: int = 0
    digest: int = 0
    reduction: str = ""
    represents: int | None = None
    spared: int | None = None

    @property
    def partial(self) -> bool:
        """Whether some steps of states were left out: then depths are not distances."""
        return "partial order" in self.reduction


@dataclass(frozen=True)
class CellShare:
    """What a cell has to do with the number of states: its bits, the distinct values of it that were reached
    (of all its elements together), and how many states would be distinct without it."""

    cell: str
    bits: int
    values: int
    without: int


@dataclass(frozen=True)
class Statistics:
    """What makes the states of a search many.

    ``states`` are those that were stored.  Not ``exact``: the counts of ``cells`` are estimates, within about
    2 %.  ``first``: how many states of an evenly spread sample were first reached by each action (empty
    where this is not known).
    """

    states: int
    exact: bool
    cells: tuple[CellShare, ...] = ()
    first: tuple[tuple[str, int], ...] = ()


Status = Literal["exhausted", "stopped", "bounded", "proved", "hunted", "simulated", "unknown"]


@dataclass(frozen=True)
class Result:
    """The answer of one engine.

    ``status``: ``exhausted`` (every reachable state was seen), ``stopped`` (the goals were met before
    that), ``bounded`` (nothing within ``bound`` steps), ``proved`` (the properties in ``proved`` hold,
    with certificates), ``hunted`` (states were told apart by hashes: some may have been overlooked, with the
    probability ``omission``; ``reason`` says why the search ended before all that it saw were explored),
    ``simulated`` (random walks; ``reason`` says how many), ``unknown`` (with
    ``reason``).  ``findings`` are shortest within completed levels (not under ``simulated``).
    ``witnesses`` show reachable properties being reached.  ``obstacles`` keep proofs by induction from
    going through.  ``shortest`` names findings that are known to be shortest where ``bound`` does not say so.
    ``behaviours`` names the temporal properties that every fair behaviour satisfies; ``undecided`` says why
    the other ones that are not violated are open, if they were looked at.
    """

    engine: str
    status: Status
    findings: tuple[Finding, ...] = ()
    witnesses: tuple[Finding, ...] = ()
    evidence: Evidence | None = None
    bound: int | None = None
    proved: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    reason: str = ""
    seconds: float = 0.0
    memory: int = 0
    notes: tuple[str, ...] = field(default=())
    obstacles: tuple[Obstacle, ...] = ()
    shortest: tuple[str, ...] = ()
    omission: float | None = None
    statistics: Statistics | None = None
    behaviours: tuple[str, ...] = ()
    undecided: str = ""


class Engine(Protocol):
    """An engine."""

    @property
    def name(self) -> str:
        """What it is called on the command line and in results."""

    def check(self, system: System, goals: Goals, budget: Budget, control: Control) -> Result:
        """Checks every property of the system."""
