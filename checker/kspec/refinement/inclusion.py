"""Is every visible behaviour of one model one of the other?

Inclusion of finite visible traces, decided on the fly by the subset construction: a state of the first model goes
with the set of all states of the second that have shown the same so far.  Where that set becomes empty, the run of
the first model has no counterpart.  A pair whose set includes that of a pair seen before with the same state needs
no further look (antichains: De Wulf, Doyen, Henzinger and Raskin, 2006).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from kspec.interp.machine import Outcome
from kspec.refinement.visible import Label, View
from kspec.system.model import State

Pair: TypeAlias = tuple[State, frozenset[State]]


@dataclass(frozen=True)
class Step:
    """A step of the first model and what is seen of it (None: nothing)."""

    outcome: Outcome
    label: Label | None


@dataclass(frozen=True)
class Difference:
    """A shortest run of the first model whose last step the second has no counterpart for.

    ``possible`` is what the second could show there instead; without steps, no initial state of the second looks
    like ``initial``.
    """

    initial: State
    steps: tuple[Step, ...]
    possible: tuple[Label, ...]


@dataclass(frozen=True)
class Answer:
    """``difference`` is None if there is none; ``reason`` says why there is no answer."""

    pairs: int
    states: int
    difference: Difference | None = None
    reason: str = ""


def compare(first: View, second: View, most: int, stop: Callable[[], bool]) -> Answer:
    """Looks at up to ``most`` pairs; ``stop`` asks for an end."""
    closures = _Closures(second)
    parents: dict[Pair, tuple[Pair, Step] | None] = {}
    known: dict[State, list[frozenset[State]]] = {}
    waiting: deque[Pair] = deque()
    starts = second.initial()
    for a in first.initial():
        seen = first.observation(a)
        here = closures.of(b for b in starts if second.observation(b) == seen)
        if not here:
            options = tuple(Label("", second.observation(b)) for b in starts)
            return Answer(0, 1, Difference(a, (), tuple(dict.fromkeys(options))))
        if _is_new(known, a, here):
            parents[a, here] = None
            waiting.append((a, here))
    while waiting:
        if len(parents) > most:
            return Answer(len(parents), len(known), reason=f"more than {most} pairs")
        if stop():
            return Answer(len(parents), len(known), reason="interrupted")
        pair = waiting.popleft()
        state, here = pair
        for outcome, label in first.steps(state):
            assert outcome.post is not None
            after = here if label is None else closures.after(here, label)
            step = Step(outcome, label)
            if not after:
                initial, steps = _run(parents, pair)
                return Answer(len(parents), len(known), Difference(initial, (*steps, step), closures.options(here)))
            if _is_new(known, outcome.post, after):
                parents[outcome.post, after] = (pair, step)
                waiting.append((outcome.post, after))
    return Answer(len(parents), len(known))


class _Closures:
    """Sets of states of the second model, closed under invisible steps."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._moves: dict[State, tuple[tuple[Label | None, State], ...]] = {}
        self._after: dict[tuple[frozenset[State], Label], frozenset[State]] = {}

    def moves(self, state: State) -> tuple[tuple[Label | None, State], ...]:
        """The steps from a state, by label."""
        if state not in self._moves:
            found = ((label, o.post) for o, label in self.view.steps(state) if o.post is not None)
            self._moves[state] = tuple(dict.fromkeys(found))
        return self._moves[state]

    def of(self, states: Iterable[State]) -> frozenset[State]:
        """With all that invisible steps lead to."""
        found = set(states)
        waiting = list(found)
        while waiting:
            for label, post in self.moves(waiting.pop()):
                if label is None and post not in found:
                    found.add(post)
                    waiting.append(post)
        return frozenset(found)

    def after(self, states: frozenset[State], label: Label) -> frozenset[State]:
        """Where a visible step leads."""
        key = (states, label)
        if key not in self._after:
            self._after[key] = self.of(post for s in states for found, post in self.moves(s) if found == label)
        return self._after[key]

    def options(self, states: frozenset[State]) -> tuple[Label, ...]:
        """What can be seen next."""
        found = {label for s in states for label, _ in self.moves(s) if label is not None}
        return tuple(sorted(found, key=lambda x: (x.call, x.observation)))


def _is_new(known: dict[State, list[frozenset[State]]], state: State, states: frozenset[State]) -> bool:
    """Whether no smaller set has been seen with the state; smaller ones replace larger ones."""
    seen = known.setdefault(state, [])
    if any(s <= states for s in seen):
        return False
    seen[:] = [s for s in seen if not states <= s]
    seen.append(states)
    return True


def _run(parents: dict[Pair, tuple[Pair, Step] | None], pair: Pair) -> tuple[State, tuple[Step, ...]]:
    steps: list[Step] = []
    while (before := parents[pair]) is not None:
        pair, step = before
        steps.append(step)
    return pair[0], tuple(reversed(steps))
