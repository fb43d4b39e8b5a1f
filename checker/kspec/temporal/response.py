"""The longest path by weight in a finite graph whose arcs weigh 0 or 1, or a cycle with weight.

The graph is condensed to its strongly connected components.  A component in which an arc weighs something can be
gone round for ever; otherwise all its nodes have the same greatest weight ahead, that of the arcs that leave it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kspec.temporal.components import components


@dataclass(frozen=True)
class Arc:
    """An arc; ``to`` None: it leads out of the graph.  ``label`` says which arc of its node it is."""

    to: int | None
    weight: int
    label: int


@dataclass(frozen=True)
class Heights:
    """For every node the greatest weight of a path from there."""

    ahead: dict[int, int]

    def tight(self, node: int, arc: Arc) -> bool:
        """Whether a path of greatest weight can begin with this arc of the node."""
        return arc.weight + (0 if arc.to is None else self.ahead[arc.to]) == self.ahead[node]


@dataclass(frozen=True)
class Endless:
    """Nodes of a component with an arc that weighs something, so that there is no greatest weight."""

    region: frozenset[int]


def heights(starts: Iterable[int], following: Callable[[int], Sequence[Arc]]) -> Heights | Endless:
    """The greatest weights from all nodes that can be reached."""

    def inside(n: int) -> list[int]:
        return [a.to for a in following(n) if a.to is not None]

    ahead: dict[int, int] = {}
    for component in components(starts, inside):
        region = frozenset(component)
        best = 0
        for n in component:
            for a in following(n):
                if a.to is None:
                    best = max(best, a.weight)
                elif a.to not in region:
                    best = max(best, a.weight + ahead[a.to])
                elif a.weight:
                    return Endless(region)
        ahead.update(dict.fromkeys(component, best))
    return Heights(ahead)


def path(
    starts: Iterable[int], following: Callable[[int], Sequence[Arc]], last: Callable[[int, Arc], bool]
) -> list[tuple[int, Arc]] | None:
    """A path with fewest arcs that ends with one that is ``last``, as pairs of node and arc; None: there is none."""
    came: dict[int, tuple[int, Arc] | None] = dict.fromkeys(starts)
    queue = deque(came)
    while queue:
        n = queue.popleft()
        for a in following(n):
            if last(n, a):
                out = [(n, a)]
                while (before := came[n]) is not None:
                    out.append(before)
                    n = before[0]
                return out[::-1]
            if a.to is not None and a.to not in came:
                came[a.to] = (n, a)
                queue.append(a.to)
    return None
