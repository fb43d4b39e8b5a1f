"""A second, naive semantics of the transition system, to hold the interpreter against.

Shares no code with ``kspec.interp`` and does everything another way: the IR is walked anew every time,
a state is a dict from element to value, variables are a dict, nondeterminism is a generator of
continuations (not re-execution), and the search is the closure of a set.  Slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from kspec.system.model import System

Store = dict[tuple[str, tuple[int, ...]], int]
Env = dict[str, int]


class Wrong(Exception):
    """An error of the language, or a false assertion: the name of what is violated."""


def evaluate(e: Any, store: Store, env: Env, old: Store | None = None) -> int:
    """The value of an expression."""

    def go(x: Any, **more: int) -> int:
        return evaluate(x, store, {**env, **more}, old)

    match type(e).__name__:
        case "Const":
            return e.value
        case "Var":
            return env[e.name]
        case "Read":
            index = tuple(go(i) for i in e.index)
            if e.old:
                assert old is not None
                return old[e.cell.name, index]
            return store[e.cell.name, index]
        case "Unary":
            return -go(e.a) if e.op == "neg" else int(not go(e.a))
        case "Binary":
            return binary(e, go)
        case "Ite":
            return go(e.then if go(e.cond) else e.other)
        case "Let":
            return go(e.body, **{e.var.name: go(e.value)})
        case "Quant":
            all_values = [go(e.body, **{e.var.name: v}) for v in range(e.var.lo, e.var.hi + 1)]
            return int(all(all_values) if e.op == "forall" else any(all_values))
        case "Fold":
            acc = go(e.init)
            for v in range(e.var.lo, e.var.hi + 1):
                acc = go(e.body, **{e.acc.name: acc, e.var.name: v})
                assert e.acc.lo <= acc <= e.acc.hi
            return acc
        case "Narrow":
            value = go(e.value)
            if not e.lo <= value <= e.hi:
                raise Wrong(f"error.{e.error}")
            return value
    raise AssertionError(e)


def binary(e: Any, go: Any) -> int:
    a = go(e.a)
    match e.op:
        case "and":
            return go(e.b) if a else 0
        case "or":
            return 1 if a else go(e.b)
        case "implies":
            return go(e.b) if a else 1
    b = go(e.b)
    match e.op:
        case "div" | "mod" if b == 0:
            raise Wrong("error.div")
        case "div":
            return int(a / b)  # towards zero, as in C; exact for the small numbers of these models
        case "mod":
            return a - b * int(a / b)
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
    order = {"eq": a == b, "ne": a != b, "lt": a < b, "le": a <= b, "gt": a > b, "ge": a >= b}
    return int(order[e.op])


@dataclass(frozen=True)
class End:
    """One end of a body: the store when it completed, else the name of what was violated."""

    store: Store | None
    wrong: str | None = None


def execute(stmts: tuple[Any, ...], store: Store, env: Env) -> Iterator[End]:
    """Every end of a list of statements that is not disabled, in order."""
    if not stmts:
        yield End(store)
        return
    head, rest = stmts[0], stmts[1:]
    try:
        ways = list(first(head, store, env))
    except Wrong as w:
        yield End(None, str(w))
        return
    for end, inner in ways:
        if end.store is None:
            yield end
        else:
            yield from execute(rest, end.store, inner)


def first(s: Any, store: Store, env: Env) -> Iterator[tuple[End, Env]]:
    """Every way in which one statement ends, with the variables of what follows it."""
    match type(s).__name__:
        case "Assign":
            yield End({**store, **dict(writes(s, store, env))}), env
        case "Bind":
            yield End(store), {**env, s.var.name: evaluate(s.value, store, env)}
        case "If":
            branch = s.then if evaluate(s.cond, store, env) else s.other
            yield from ((end, env) for end in execute(branch.stmts, store, env))
        case "For":
            values = range(s.var.lo, s.var.hi + 1)
            yield from ((end, env) for end in loop(s, list(values), store, env))
        case "Choose":
            inner = [{**env, s.var.name: v} for v in range(s.var.lo, s.var.hi + 1)]
            good = [x for x in inner if evaluate(s.where, store, x)]
            if not good and s.on_empty == "error":
                raise Wrong("error.choose")
            yield from ((End(store), x) for x in good)
        case "Require":
            if evaluate(s.cond, store, env):
                yield End(store), env
        case "Assert":
            if not evaluate(s.cond, store, env):
                raise Wrong(s.name)
            yield End(store), env
        case "Block":
            yield from ((end, env) for end in execute(s.stmts, store, env))
        case _:
            raise AssertionError(s)


def loop(s: Any, values: list[int], store: Store, env: Env) -> Iterator[End]:
    if not values:
        yield End(store)
        return
    for end in execute(s.body.stmts, store, {**env, s.var.name: values[0]}):
        if end.store is None:
            yield end
        else:
            yield from loop(s, values[1:], end.store, env)


def writes(s: Any, store: Store, env: Env) -> Iterator[tuple[tuple[str, tuple[int, ...]], int]]:
    for w in s.writes:
        for values in product(*(range(v.lo, v.hi + 1) for v in w.over)):
            inner = {**env, **{v.name: x for v, x in zip(w.over, values)}}
            index = tuple(evaluate(i, store, inner) for i in w.index)
            value = evaluate(w.value, store, inner)
            assert w.cell.type.lo <= value <= w.cell.type.hi
            assert all(d.lo <= i <= d.hi for d, i in zip(w.cell.dims, index))
            yield (w.cell.name, index), value


Key = tuple[int, ...]


@dataclass
class Space:
    """Everything that can be said about a system: ``violated`` and ``reached`` give shortest lengths."""

    states: set[Key] = field(default_factory=set)
    distance: dict[Key, int] = field(default_factory=dict)
    left: dict[tuple[int, str], int] = field(default_factory=dict)
    """Transitions by the distance of their start and by action; under the name "" those cut off."""
    transitions: int = 0
    cut: int = 0
    depth: int = 0
    actions: dict[str, int] = field(default_factory=dict)
    violated: dict[str, int] = field(default_factory=dict)
    reached: dict[str, int] = field(default_factory=dict)


class Naive:
    """One system."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.elements = [
            (c.name, i)
            for c in system.cells
            if not c.temp
            for i in product(*(range(d.lo, d.hi + 1) for d in c.dims))
        ]

    def store(self, key: Key) -> Store:
        return dict(zip(self.elements, key, strict=True))

    def key(self, store: Store) -> Key:
        return tuple(store[e] for e in self.elements)

    def within(self, store: Store) -> bool:
        try:
            return all(evaluate(e, store, {}) for e in self.system.limits)
        except Wrong:
            return True

    def ends(self, store: Store, action: Any) -> Iterator[End]:
        domains = (range(t.lo, t.hi + 1) for _, t in action.params)
        for args in product(*domains):
            env = {v.name: a for (v, _), a in zip(action.params, args)}
            try:
                if evaluate(action.guard, store, env):
                    yield from execute(action.body.stmts, store, env)
            except Wrong as w:
                yield End(None, str(w))

    def space(self) -> Space:
        out = Space(actions={a.name: 0 for a in self.system.actions})
        level: list[Key] = []
        for end in execute(self.system.init.stmts, self.store(self.system.start), {}):
            if end.store is None:
                self.note(out.violated, str(end.wrong), 0)
            elif self.within(end.store):
                level.append(self.key(end.store))
        distance = 0
        while level := list(dict.fromkeys(k for k in level if k not in out.states)):
            out.states |= set(level)
            out.distance |= dict.fromkeys(level, distance)
            out.depth = distance
            following: list[Key] = []
            for key in level:
                self.judge(self.store(key), distance, out)
                following += self.leave(self.store(key), distance, out)
            level = following
            distance += 1
        return out

    def judge(self, store: Store, distance: int, out: Space) -> None:
        try:
            all(evaluate(e, store, {}) for e in self.system.limits)
        except Wrong as w:
            self.note(out.violated, str(w), distance)
        for p in self.system.properties:
            if p.kind in ("assert", "step"):
                continue
            try:
                value = evaluate(p.expr, store, {})
            except Wrong as w:
                self.note(out.violated, str(w), distance)
                continue
            if p.kind == "reachable":
                if value:
                    self.note(out.reached, p.name, distance)
            elif not value:
                self.note(out.violated, p.name, distance)

    def leave(self, store: Store, distance: int, out: Space) -> Iterator[Key]:
        outcomes = 0
        for action in self.system.actions:
            for end in self.ends(store, action):
                outcomes += 1
                if end.store is None:
                    self.note(out.violated, str(end.wrong), distance + 1)
                elif not self.within(end.store):
                    out.cut += 1
                    out.left[distance, ""] = out.left.get((distance, ""), 0) + 1
                else:
                    out.transitions += 1
                    out.actions[action.name] += 1
                    out.left[distance, action.name] = out.left.get((distance, action.name), 0) + 1
                    self.judge_step(store, end.store, distance + 1, out)
                    yield self.key(end.store)
        if not outcomes and self.system.deadlock:
            try:
                if not any(evaluate(e, store, {}) for e in self.system.terminal):
                    self.note(out.violated, "deadlock", distance)
            except Wrong as w:
                self.note(out.violated, str(w), distance)

    def judge_step(self, old: Store, new: Store, distance: int, out: Space) -> None:
        for p in self.system.properties:
            if p.kind == "step":
                try:
                    if not evaluate(p.expr, new, {}, old):
                        self.note(out.violated, p.name, distance)
                except Wrong as w:
                    self.note(out.violated, str(w), distance)

    @staticmethod
    def note(table: dict[str, int], name: str, distance: int) -> None:
        table[name] = min(distance, table.get(name, distance))
