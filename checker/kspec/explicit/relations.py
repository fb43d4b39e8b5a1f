"""Relations between units of stepping, from which stubborn sets are computed: all of them static.

A *unit* is an action with values for its parameters (or, where there are too many, for some of them).  What
is looked for in states are units too, which only look (``kspec.explicit.observers``).  The relations are those
of guard-based partial-order reduction (Laarman, Pater, van de Pol and Hansen, "Guard-based partial-order
reduction", STTT 2016), on single scalars:

* two units *depend* on each other if one writes what the other reads or writes, unless their guards compare
  one scalar with different constants, so that no state has both; on an observer depends what may disable it;
* a disabled unit is *enabled* by the units that may make a false part of its guard true;
* so do units that change what the same step property, limit, or property that may raise an error looks at;
* *sticky* units break every cycle of the state graph (Kurshan, Levin, Minea, Peled and Yenigün, "Static
  partial order reduction", TACAS 1998): for some scalars, each cycle of their values has a sticky unit, and
  a unit that surely moves none of these scalars is sticky itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from math import prod

from kspec.explicit.access import SAME, Access, Env, Executor, compare
from kspec.explicit.analysis import can_fail, operands
from kspec.explicit.looks import Look, look
from kspec.explicit.observers import observers
from kspec.system.expr import Expr, Var, walk
from kspec.system.layout import elements
from kspec.system.model import Action, System

MOST_UNITS = 512
"""Units beyond which parameters of actions are not told apart."""
MOST_VALUES = 64
"""Scalars with more values are not looked into."""


@dataclass(frozen=True)
class Unit:
    """An action (its number) with values of the first parameters that are told apart, and what it does."""

    action: int
    args: tuple[int, ...]
    access: Access


@dataclass(frozen=True)
class Grid:
    """The units of one action: which of its parameters are told apart, and the number of the first unit."""

    action: int
    params: tuple[int, ...]
    base: int
    count: int


def grids(system: System, most: int = MOST_UNITS) -> tuple[Grid, ...]:
    """How actions are divided into units: by all parameters, by the actor only, or not at all."""
    chosen = [_every(a) for a in system.actions]
    order = sorted(range(len(chosen)), key=lambda n: _size(system.actions[n], chosen[n]), reverse=True)
    for keep in (_actor, _none):
        for n in order:
            if sum(map(_size, system.actions, chosen)) <= most:
                break
            chosen[n] = keep(system.actions[n])
    return _grids(system.actions, chosen, 0, 0)


def _grids(
    actions: Sequence[Action], chosen: Sequence[tuple[int, ...]], number: int, base: int
) -> tuple[Grid, ...]:
    out: list[Grid] = []
    for n, (action, params) in enumerate(zip(actions, chosen, strict=True)):
        out.append(Grid(number + n, params, base, _size(action, params)))
        base += out[-1].count
    return tuple(out)


def _size(action: Action, params: tuple[int, ...]) -> int:
    return prod(max(action.params[p][1].hi - action.params[p][1].lo + 1, 0) for p in params)


def _every(action: Action) -> tuple[int, ...]:
    return tuple(range(len(action.params)))


def _actor(action: Action) -> tuple[int, ...]:
    return (action.actor,) if action.actor is not None else ()


def _none(action: Action) -> tuple[int, ...]:
    return ()


@dataclass
class Relations:
    """The units of a system and their relations; masks have a bit for every unit.

    ``grids`` are those of the system's actions; those of observers come after them.
    """

    system: System
    grids: tuple[Grid, ...]
    symmetric: bool = False
    units: list[Unit] = field(default_factory=list)
    effort: int | None = None

    def __post_init__(self) -> None:
        self.executor = Executor(self.system, self.effort)
        self.steps = sum(g.count for g in self.grids)
        """How many units take steps; the others only look."""
        watching, rest = observers(self.system)
        self.unwatched = [*rest, *((e, {}) for e in self.system.limits)]
        self.actions = (*self.system.actions, *watching)
        chosen = [_every(a) for a in watching]
        self.grids = (*self.grids, *_grids(watching, chosen, len(self.grids), self.steps))
        for grid in self.grids:
            action = self.actions[grid.action]
            for args in product(*(range(t.lo, t.hi + 1) for t in (action.params[p][1] for p in grid.params))):
                access = self.executor.run(action.guard, action.body, self.env(grid, args))
                self.units.append(Unit(grid.action, args, access))
        self.domains = [(e.cell.type.lo, e.cell.type.hi) for e in elements(self.system)]

    def env(self, grid: Grid, args: tuple[int, ...]) -> Env:
        """The values of parameters that are known in a unit."""
        params = self.actions[grid.action].params
        return {params[p][0].name: frozenset({v}) for p, v in zip(grid.params, args, strict=True)}

    @property
    def every(self) -> int:
        """All units that take steps."""
        return (1 << self.steps) - 1

    @cached_property
    def writers(self) -> list[int]:
        """For every position, the units that may write it."""
        return self._by_position(lambda u: u.access.writes)

    @cached_property
    def readers(self) -> list[int]:
        """For every position, the units that may read it."""
        return self._by_position(lambda u: u.access.reads)

    def _by_position(self, mask: Callable[[Unit], int]) -> list[int]:
        out = [0] * self.system.width
        for n, u in enumerate(self.units):
            for p in bits(mask(u)):
                out[p] |= 1 << n
        return out

    # -- dependency -----------------------------------------------------------------------------

    @cached_property
    def dependent(self) -> list[int]:
        """For every unit that takes steps, the others on whose order with it something may depend, and the
        observers that it may disable."""
        apart: dict[int, dict[frozenset[int], int]] = {}
        for n, u in enumerate(self.units):
            for p, values in u.access.tests.items():
                group = apart.setdefault(p, {})
                group[values] = group.get(values, 0) | 1 << n
        out: list[int] = []
        for n, u in enumerate(self.units[: self.steps]):
            row = 0
            for p in bits(u.access.writes):
                row |= self.readers[p] & self.every | self.clashing(p, n)
            for p in bits(u.access.reads):
                row |= self.writers[p]
            row |= self.companions[n]
            for p, values in u.access.tests.items():
                for others, members in apart[p].items():
                    if not values & others:
                        row &= ~members
            out.append(row & ~(1 << n))
        for number in range(self.steps, len(self.units)):
            unit = self.units[number]
            grid = self.grids[unit.action]
            seen = look(self.executor, self.actions[unit.action].guard, self.env(grid, unit.args), True)
            for n in bits(self.movers_of(seen)[1]):
                out[n] |= 1 << number
        return out

    def clashing(self, position: int, unit: int) -> int:
        """The other writers of a position, but those that write the same constant."""
        mine = self.units[unit].access.results.get(position, SAME)
        row = self.writers[position]
        if mine is None or len(mine) != 1 or next(iter(mine))[0] != "is":
            return row
        for n in bits(row):
            if self.units[n].access.results.get(position, SAME) == mine:
                row &= ~(1 << n)
        return row

    # -- enabling -------------------------------------------------------------------------------

    def parts(self, grid: Grid) -> list[Expr]:
        """The parts of an action's guard that can be tested for a unit: none can fail, none needs parameters
        that are not told apart."""
        action = self.actions[grid.action]
        names = {var.name for n, (var, _) in enumerate(action.params) if n not in grid.params}
        out: list[Expr] = []
        for part in operands(action.guard, "and"):
            if can_fail(part) or len(out) == 31:
                break
            if not any(isinstance(x, Var) and x.name in names for x in walk(part)):
                out.append(part)
        return out

    def enabling(self, unit: int, part: Expr | None) -> int:
        """The units that may make a part of a guard true that is false; None: that may enable the unit where
        all these parts are true."""
        u = self.units[unit]
        if part is None:
            return self._writing(u.access.reads) & ~(1 << unit) if unit < self.steps else 0
        return self.movers_of(look(self.executor, part, self.env(self.grids[u.action], u.args), True))[0]

    def _writing(self, positions: int) -> int:
        row = 0
        for p in bits(positions):
            row |= self.writers[p]
        return row

    def moves(self, unit: int, position: int) -> Iterator[tuple[int, int]]:
        """The values before and after that a unit may give a position."""
        lo, hi = self.domains[position]
        access = self.units[unit].access
        before = access.tests.get(position)
        results = access.results.get(position, SAME)
        for a in sorted(before) if before is not None else range(lo, hi + 1):
            if results is None:
                yield from ((a, b) for b in range(lo, hi + 1))
                continue
            for kind, v in results:
                b = v if kind == "is" else a + v
                if lo <= b <= hi:
                    yield a, b

    # -- visibility -----------------------------------------------------------------------------

    @cached_property
    def companions(self) -> list[int]:
        """For every unit, those that change what the same thing looks at: whether it is violated by a step, or
        beyond a limit, depends on their order."""
        out = [0] * self.steps
        for e, env in self.unwatched:
            towards, away = self.movers_of(look(self.executor, e, env, None))
            for n in bits(towards | away):
                out[n] |= (towards | away) & ~(1 << n)
        return out

    def movers_of(self, look: Look) -> tuple[int, int]:
        """The units that may take a state to what is looked for, and those that may take it away."""
        up = down = 0
        for p, tests in look.items():
            lo, hi = self.domains[p]
            for n in bits(self.writers[p]):
                bit = 1 << n
                if hi - lo >= MOST_VALUES:
                    up, down = up | bit, down | bit
                    continue
                for a, b in self.moves(n, p):
                    if a == b:
                        continue
                    if tests is None:
                        up, down = up | bit, down | bit
                        break
                    for op, c, towards in tests:
                        was, is_ = compare(op, a, c), compare(op, b, c)
                        if was != is_ and towards in (None, is_):
                            up |= bit
                        if was != is_ and towards in (None, was):
                            down |= bit
        return up, down

    # -- sticky units ---------------------------------------------------------------------------

    @cached_property
    def sticky(self) -> int:
        """Units of which every cycle of states contains one."""
        cuts = {p: self.cut(p) for p, row in enumerate(self.writers) if row and self._small(p)}
        movers = {p: self.movers(p) for p in cuts}
        covered = broken = 0
        while True:
            gains = {
                p: (movers[p] & ~covered & ~cuts[p] & ~broken).bit_count() - (cuts[p] & covered & ~broken).bit_count()
                for p in cuts
            }
            best = max(gains, key=lambda p: (gains[p], -p), default=None)
            if best is None or gains[best] <= 0:
                break
            covered |= movers[best]
            broken |= cuts[best]
            del cuts[best]
        found = broken | (self.every & ~covered)
        return self.closed(found) if self.symmetric else found

    def _small(self, position: int) -> bool:
        lo, hi = self.domains[position]
        return 0 < hi - lo < MOST_VALUES

    def movers(self, position: int) -> int:
        """The units that give a position another value whatever they do."""
        row = 0
        for n in bits(self.writers[position]):
            if all(a != b for a, b in self.moves(n, position)):
                row |= 1 << n
        return row

    def cut(self, position: int) -> int:
        """Units without which the values of a position never come back to what they were."""
        edges = {n: {(a, b) for a, b in self.moves(n, position) if a != b} for n in bits(self.writers[position])}
        # What depends on many others is hardly ever explored alone, so it may cost least to have it sticky.
        first = _broken(edges, lambda n, inside: (self.dependent[n].bit_count(), inside, -n))
        second = _broken(edges, lambda n, inside: (inside, self.dependent[n].bit_count(), -n))
        return min(first, second, key=int.bit_count)

    def closed(self, units: int) -> int:
        """All units of the actions of some units: identities are interchangeable."""
        row = 0
        for grid in self.grids[: len(self.system.actions)]:
            mine = ((1 << grid.count) - 1) << grid.base
            if units & mine:
                row |= mine
        return row

    @property
    def useful(self) -> bool:
        """Whether some unit may be explored without all others."""
        return any(
            not self.sticky >> n & 1 and (row | 1 << n) & self.every != self.every
            for n, row in enumerate(self.dependent)
        )


def _broken(edges: Mapping[int, set[tuple[int, int]]], weight: Callable[[int, int], tuple[int, ...]]) -> int:
    """Units without whose edges there is no cycle; those of the largest weight (of a unit, and the number of
    its edges on cycles) go first."""
    row = 0
    left = dict(edges)
    while cycle := _cyclic([e for moves in left.values() for e in moves]):
        inside = {n: sum(e in cycle for e in moves) for n, moves in left.items()}
        worst = max((n for n in left if inside[n]), key=lambda n: weight(n, inside[n]))
        row |= 1 << worst
        del left[worst]
    return row


def _cyclic(edges: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """The edges of a graph that lie on cycles."""
    following: dict[int, set[int]] = {}
    for a, b in edges:
        following.setdefault(a, set()).add(b)
    reach = {a: _reach(a, following) for a in following}
    return {(a, b) for a, b in edges if a in reach.get(b, set())}


def _reach(a: int, following: dict[int, set[int]]) -> set[int]:
    seen: set[int] = set()
    todo = [a]
    while todo:
        for b in following.get(todo.pop(), ()):
            if b not in seen:
                seen.add(b)
                todo.append(b)
    return seen


def bits(mask: int) -> Iterator[int]:
    """The positions of the bits that are set."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
