"""Frames: copies of the template, each with inputs of its own, joined into runs.

The state of a frame is made of literals of the frame before it, so constants of the initial state
propagate and equal circuits are shared across frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kspec.engine.protocol import Run, Step
from kspec.symbolic.aig import Aig
from kspec.symbolic.bits import Bits, value_of
from kspec.symbolic.encode import Template


@dataclass(frozen=True)
class Frame:
    """One state of a run and the step from it."""

    template: Template
    aig: Aig
    table: dict[int, int]

    def literal(self, a: int) -> int:
        """The literal of the unrolled graph for a literal of the template."""
        at = self.table.get(a >> 1)
        if at is None:
            self.template.aig.copy(self.aig, (a,), self.table)
            at = self.table[a >> 1]
        return at ^ (a & 1)

    def bits(self, v: Bits) -> Bits:
        """The symbolic number of the unrolled graph for one of the template."""
        return Bits(v.lo, v.hi, tuple(self.literal(a) for a in v.literals))

    def state(self) -> tuple[Bits, ...]:
        """The scalars of the state."""
        return tuple(self.bits(v) for v in self.template.state)


class Unrolling:
    """A run of symbolic states."""

    def __init__(self, template: Template, start: Sequence[int] | None, aig: Aig) -> None:
        """``start``: the literals of the first state, one for every literal of the template's state."""
        self.template = template
        self.aig = aig
        self.frames: list[Frame] = [self._frame(start)]

    def extend(self) -> Frame:
        """A further frame: the state after the step of the last one."""
        last = self.frames[-1]
        following = [last.literal(a) for v in self.template.following for a in v.literals]
        self.frames.append(self._frame(following))
        return self.frames[-1]

    def _frame(self, state: Sequence[int] | None) -> Frame:
        names = [a for v in self.template.state for a in v.literals]
        if state is None:
            state = self.aig.inputs(len(names))
        table = {0: 0}
        table.update((n >> 1, s) for n, s in zip(names, state, strict=True))
        table.update((n >> 1, self.aig.input()) for n in self.template.inputs)
        return Frame(self.template, self.aig, table)


def initial(template: Template, aig: Aig) -> tuple[dict[int, int], list[int]]:
    """The table of the init block's frame in ``aig``, and the literals of the initial state."""
    table = {0: 0}
    table.update((n >> 1, aig.input()) for n in template.start_inputs)
    roots = [a for v in template.start for a in v.literals]
    template.aig.copy(aig, (*roots, template.starts, *template.start_raised.values()), table)
    return table, [table[a >> 1] ^ (a & 1) for a in roots]


def read_run(frames: Sequence[Frame], inputs: Mapping[int, bool], steps: int, fails: bool) -> Run:
    """The run of ``steps`` steps that a valuation of the unrolled inputs describes.

    ``fails``: the last step raises an error, so it has no state after it.
    """
    used = frames[: steps + (0 if fails else 1)]
    template, aig = frames[0].template, frames[0].aig
    states = [frame.state() for frame in used]
    picks = [[frame.literal(a.chosen) for a in template.actions] for frame in frames[:steps]]
    args = [[[frame.bits(v) for v in a.args] for a in template.actions] for frame in frames[:steps]]
    roots = {x for state in states for v in state for x in v.literals}
    roots.update(x for row in picks for x in row)
    roots.update(x for row in args for action in row for v in action for x in v.literals)
    order = list(roots)
    truth = dict(zip(order, aig.evaluate(order, inputs), strict=True))

    def number(v: Bits) -> int:
        return value_of(v, [truth[x] for x in v.literals])

    values = [tuple(number(v) for v in state) for state in states]
    taken: list[Step] = []
    for i in range(steps):
        picked = next(j for j, x in enumerate(picks[i]) if truth[x])
        post = values[i + 1] if i + 1 < len(values) else None
        taken.append(Step(template.actions[picked].action.name, tuple(number(v) for v in args[i][picked]), post))
    return Run(values[0], tuple(taken))
