"""A system as a sequential circuit: latches, inputs, and one bad signal for each property.

Frame k of the circuit is the state after k steps, and a bad signal is on in frame k exactly if some violation of
its property has length k: what a step does wrong is kept in a latch for the frame after it.

* All latches start as 0.  A state bit that starts as 1 is stored inverted.  Where the init block chooses, the bit
  is a function of inputs in the first frame: ``started ? latch : start(inputs)``.  So the choice takes no frame.
* A run that has ended (nothing was selected that can be done, a limit was left, an error was raised) sets ``dead``
  for good, and no bad signal is on any more.  There are no constraints, which some tools do not read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from kspec.export.goals import Goals, goals, refused, restricted
from kspec.symbolic.aig import FALSE, TRUE, Aig
from kspec.symbolic.bits import Bits
from kspec.symbolic.encode import Template, encode
from kspec.symbolic.evaluate import Unsupported
from kspec.system.layout import elements
from kspec.system.model import System


@dataclass(frozen=True)
class Latch:
    """A bit of memory that starts as 0: its literal in the graph, and the literal of its next value."""

    name: str
    now: int
    following: int


@dataclass(frozen=True)
class Word:
    """A scalar of the state: its latches, the lowest bit first, and for each whether it is stored inverted.

    The scalar is ``lo`` plus the number that the bits make.
    """

    name: str
    lo: int
    latches: tuple[int, ...]
    inverted: tuple[int, ...]


@dataclass(frozen=True)
class Circuit:
    """A circuit over the literals of ``aig``.

    ``bad`` has a literal for each of the goals, by name.  ``words`` group the latches of the state.  ``actions``: their
    parameters as functions of the inputs, in the order in which the inputs ``select`` number them.
    """

    system: System
    goals: Goals
    aig: Aig
    inputs: tuple[tuple[str, int], ...]
    latches: tuple[Latch, ...]
    bad: tuple[tuple[str, int], ...]
    words: tuple[Word, ...]
    actions: tuple[tuple[str, tuple[tuple[str, Bits], ...]], ...]


def circuit(system: System, properties: Collection[str] | None = None, form: str = "AIGER") -> Circuit:
    """The circuit of a system for some of its properties (None: all that must hold).

    Raises Failed for a property that there is not (E0701), and where the circuit would be too big (E0702).
    """
    chosen = goals(system, properties)
    try:
        template = encode(restricted(system, chosen))
    except Unsupported as e:
        raise refused(form, str(e), help_="Leave deadlock out with --property, or make the model smaller.") from e
    return _Builder(system, chosen, template).build()


class _Builder:
    """Copies a template into a graph whose leaves are the latches and inputs of one circuit."""

    def __init__(self, system: System, chosen: Goals, template: Template) -> None:
        self.system, self.goals, self.t = system, chosen, template
        self.aig = Aig()
        self.inputs: list[tuple[str, int]] = []
        self.latches: list[tuple[str, int]] = []
        self.following: dict[int, int] = {}
        self.table: dict[int, int] = {0: FALSE}

    def build(self) -> Circuit:
        t, aig = self.t, self.aig
        names = [e.name for e in elements(self.system)]
        self._name_inputs()
        begun = self._start()
        started = self._latch("started") if any(x > TRUE for x in begun) else FALSE
        if started != FALSE:
            self.following[started] = TRUE
        memory = self._memory(names, started, begun)
        dead = self._latch("dead")
        alive = dead ^ 1 if begun[-1] == TRUE else aig.and_(dead ^ 1, self._first(started, TRUE, begun[-1]))
        entered = aig.and_(alive, self._literal(t.within))
        moves = aig.and_(entered, self._literal(t.completes))
        self.following[dead] = moves ^ 1
        for latch, inverted, bit in memory:
            self.following[latch] = self._literal(bit) ^ inverted
        first_raised = dict(zip(t.start_raised, begun[len(memory) :], strict=False))
        bad = tuple((n, self._bad(n, entered, started, first_raised.get(n, FALSE))) for n in self.goals.names)
        return Circuit(
            system=self.system,
            goals=self.goals,
            aig=aig,
            inputs=tuple(self.inputs),
            latches=tuple(Latch(name, a, self.following[a]) for name, a in self.latches),
            bad=bad,
            words=self._words(names, memory),
            actions=tuple(
                (a.action.name, tuple((v.name, self._bits(x)) for (v, _), x in zip(a.action.params, a.args)))
                for a in t.actions
            ),
        )

    def _input(self, name: str) -> int:
        a = self.aig.input()
        self.inputs.append((name, a))
        return a

    def _latch(self, name: str) -> int:
        a = self.aig.input()
        self.latches.append((name, a))
        return a

    def _name_inputs(self) -> None:
        """Inputs of a step are selector bits first, then arguments and choices."""
        t = self.t
        selector = max(len(t.actions) - 1, 0).bit_length()
        for i, a in enumerate(t.inputs):
            name = f"select@{i}" if i < selector else f"choice@{i - selector}"
            self.table[a >> 1] = self._input(name)

    def _start(self) -> list[int]:
        """The start: the bits of the state, what init raises, and last that it completes."""
        t = self.t
        table = {0: FALSE}
        for i, a in enumerate(t.start_inputs):
            table[a >> 1] = self._input(f"init@{i}")
        roots = [x for v in t.start for x in v.literals] + [*t.start_raised.values(), t.starts]
        t.aig.copy(self.aig, roots, table)
        return [table[a >> 1] ^ (a & 1) for a in roots]

    def _memory(self, names: Sequence[str], started: int, begun: Sequence[int]) -> list[tuple[int, int, int]]:
        """The latches of the state: each with its inversion and the literal of its bit after a step."""
        out: list[tuple[int, int, int]] = []
        for name, now, after in zip(names, self.t.state, self.t.following, strict=True):
            for i, (x, y) in enumerate(zip(now.literals, after.literals, strict=True)):
                first = begun[len(out)]
                latch = self._latch(f"{name}@{i}" if len(now.literals) > 1 else name)
                inverted = first if first <= TRUE else 0
                self.table[x >> 1] = latch ^ inverted if first <= TRUE else self._first(started, latch, first)
                out.append((latch, inverted, y))
        return out

    def _words(self, names: Sequence[str], memory: Sequence[tuple[int, int, int]]) -> tuple[Word, ...]:
        out: list[Word] = []
        at = 0
        for name, v in zip(names, self.t.state, strict=True):
            mine = memory[at : at + len(v.literals)]
            at += len(v.literals)
            if mine:
                out.append(Word(name, v.lo, tuple(a for a, _, _ in mine), tuple(i for _, i, _ in mine)))
        return tuple(out)

    def _first(self, started: int, later: int, first: int) -> int:
        return self.aig.ite(started, later, first)

    def _bad(self, name: str, entered: int, started: int, first_raised: int) -> int:
        t, aig = self.t, self.aig
        state = aig.or_(
            self._literal(t.broken.get(name, FALSE)), self._literal(t.reached.get(name, FALSE))
        )
        step = self._literal(t.broken_step.get(name, FALSE))
        if step != FALSE:
            state = aig.or_(state, self._kept(f"step:{name}", step))
        bad = aig.and_(entered, state)
        raised = aig.and_(entered, self._literal(t.raised.get(name, FALSE)))
        if raised != FALSE:
            bad = aig.or_(bad, self._kept(f"raised:{name}", raised))
        if first_raised == FALSE:
            return bad
        return aig.or_(bad, aig.and_(self._begins(started), first_raised))

    def _begins(self, started: int) -> int:
        """This is the first frame."""
        if started == FALSE:
            started = next((a for n, a in self.latches if n == "started"), FALSE)
        if started == FALSE:
            started = self._latch("started")
            self.following[started] = TRUE
        return started ^ 1

    def _kept(self, name: str, a: int) -> int:
        latch = self._latch(name)
        self.following[latch] = a
        return latch

    def _literal(self, a: int) -> int:
        self.t.aig.copy(self.aig, (a,), self.table)
        return self.table[a >> 1] ^ (a & 1)

    def _bits(self, v: Bits) -> Bits:
        return Bits(v.lo, v.hi, tuple(self._literal(a) for a in v.literals))
