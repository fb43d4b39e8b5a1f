"""In which order actions are tried in a state: what their guards have in common is tested once.

A guard is a conjunction.  Its parts are evaluated in order, so up to the first one that may fail they can
be tested in any order: each as soon as the parameters it mentions have values, outside the loops over the
others.  Among actions that test the same scalar against constants (a program counter, mostly) one
``switch`` selects; actions with a parameter of the same domain share one loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kspec.explicit.analysis import can_fail, operands
from kspec.explicit.emitter import Val, literal
from kspec.explicit.expressions import Scope, evaluate
from kspec.system.expr import Binary, Cell, Const, Expr, Fold, Quant, Read, Var, walk
from kspec.system.model import Action

Key = tuple[Cell, tuple[int | None, ...]]
"""A scalar: its cell and, for each index, a constant or None for the parameter bound last."""


@dataclass(frozen=True)
class Test:
    """A part of a guard that is tested before the action's function is called.

    ``level``: how many parameters have to have values.
    """

    expr: Expr
    level: int


@dataclass(frozen=True)
class Entry:
    """An action as the dispatcher sees it; ``rest`` of the guard is tested in the action's function."""

    number: int
    params: tuple[tuple[str, int, int], ...]
    tests: tuple[Test, ...]
    rest: tuple[Expr, ...]


def entry_of(number: int, action: Action) -> Entry:
    """Splits the guard of an action."""
    names = [var.name for var, _ in action.params]
    early: list[Test] = []
    rest: list[Expr] = []
    movable = True
    for part in operands(action.guard, "and"):
        movable = movable and not can_fail(part)
        if not movable or any(isinstance(x, Quant | Fold) for x in walk(part)):
            rest.append(part)
            continue
        used = [names.index(x.name) + 1 for x in walk(part) if isinstance(x, Var) and x.name in names]
        early.append(Test(part, max(used, default=0)))
    params = tuple((var.name, t.lo, t.hi) for var, t in action.params)
    return Entry(number, params, tuple(early), tuple(rest))


def dispatch(entries: Sequence[Entry], scope: Scope) -> None:
    """Generates the tests, loops and calls."""
    _level([(e, scope) for e in entries], 0, ())


_Item = tuple[Entry, Scope]


def _level(items: Sequence[_Item], level: int, args: tuple[Val, ...]) -> None:
    """Items whose first ``level`` parameters have the values ``args``: what they test now, then the rest."""
    groups, single = _switches(items, level)
    for key, members in groups.items():
        _switch(key, members, level, args)
    plain = [i for i in single if not any(t.level == level for t in i[0].tests)]
    for item in single:
        tests = [t.expr for t in item[0].tests if t.level == level]
        if tests:
            _tested(item, tests, level, args)
    _next(plain, level, args)


def _tested(item: _Item, tests: list[Expr], level: int, args: tuple[Val, ...]) -> None:
    scope = item[1]
    conjunction = tests[0]
    for t in tests[1:]:
        conjunction = Binary("and", conjunction, t)
    v = evaluate(conjunction, scope)
    if v.constant and not v.lo:
        return
    with scope.out.block(f"if ({v.text})"):
        _next([item], level, args)


def _next(items: Sequence[_Item], level: int, args: tuple[Val, ...]) -> None:
    """Calls actions that have all parameters; loops over the next parameter of the others."""
    domains: dict[tuple[int, int], list[_Item]] = {}
    for entry, scope in items:
        if len(entry.params) == level:
            passed = "".join(f", {a.text}" for a in args)
            scope.out.line(f"a{entry.number}(w, s{passed});")
        else:
            _, lo, hi = entry.params[level]
            domains.setdefault((lo, hi), []).append((entry, scope))
    for (lo, hi), members in domains.items():
        scope = members[0][1]
        if lo == hi:
            value = Val(literal(lo), lo, lo)
            _level([_bind(m, level, value) for m in members], level + 1, (*args, value))
        elif lo < hi:
            inner, head = scope.loop(Var("", lo, hi))
            value = inner.names[""]
            with scope.out.block(head):
                _level([_bind(m, level, value) for m in members], level + 1, (*args, value))


def _bind(item: _Item, level: int, value: Val) -> _Item:
    entry, scope = item
    name, _, _ = entry.params[level]
    return entry, replace(scope, names={**scope.names, name: value})


def _switches(
    items: Sequence[_Item], level: int
) -> tuple[dict[Key, list[tuple[_Item, list[int]]]], list[_Item]]:
    """Groups actions that test the same scalar: each goes where most others go."""
    selectable: list[list[Key]] = []
    popular: Counter[Key] = Counter()
    for entry, _ in items:
        keys = [k for t in entry.tests if t.level == level and (k := _selects(t, entry, level))]
        found = [k for k, _ in keys]
        selectable.append(found)
        popular.update(set(found))
    groups: dict[Key, list[tuple[_Item, list[int]]]] = {}
    single: list[_Item] = []
    for item, found in zip(items, selectable):
        best = max(found, key=lambda k: popular[k], default=None)
        if best is None or popular[best] < 2:
            single.append(item)
            continue
        entry, scope = item
        for t in entry.tests:
            hit = _selects(t, entry, level) if t.level == level else None
            if hit and hit[0] == best:
                rest = tuple(x for x in entry.tests if x is not t)
                groups.setdefault(best, []).append(((replace(entry, tests=rest), scope), hit[1]))
                break
    return groups, single


def _selects(test: Test, entry: Entry, level: int) -> tuple[Key, list[int]] | None:
    """The scalar and the constants, when a test is ``scalar == constant`` (or one of several)."""
    key: Key | None = None
    values: list[int] = []
    for part in operands(test.expr, "or"):
        match part:
            case Binary("eq", Read(cell, index, old=False), Const(value)) if not cell.temp:
                pass
            case Binary("eq", Const(value), Read(cell, index, old=False)) if not cell.temp:
                pass
            case _:
                return None
        at = [_selector(i, entry, level) for i in index]
        if any(a is False for a in at):
            return None
        this: Key = (cell, tuple(None if a is None else int(a) for a in at))
        if key is not None and this != key:
            return None
        key = this
        values.append(value)
    if key is None or not all(key[0].type.lo <= v <= key[0].type.hi for v in values):
        return None
    return key, sorted(set(values))


def _selector(index: Expr, entry: Entry, level: int) -> int | bool | None:
    """A constant index, None for the parameter bound last, False for anything else."""
    match index:
        case Const(value):
            return value
        case Var(name) if level and name == entry.params[level - 1][0]:
            return None
        case _:
            return False


def _operand(selector: int | None, entry: Entry, level: int) -> Expr:
    """The inverse of :func:`_selector`."""
    if selector is not None:
        return Const(selector)
    name, lo, hi = entry.params[level - 1]
    return Var(name, lo, hi)


def _switch(key: Key, members: list[tuple[_Item, list[int]]], level: int, args: tuple[Val, ...]) -> None:
    cell, index = key
    (entry, scope), _ = members[0]
    v = evaluate(Read(cell, tuple(_operand(i, entry, level) for i in index)), scope)
    out = scope.out
    by_members: dict[tuple[int, ...], list[int]] = {}
    for value in sorted({x for _, values in members for x in values}):
        here = tuple(n for n, (_, values) in enumerate(members) if value in values)
        by_members.setdefault(here, []).append(value)
    with out.block(f"switch ({v.text})"):
        for here, labels in by_members.items():
            for value in labels:
                out.line(f"case {literal(value)}:")
            out.depth += 1
            _level([members[n][0] for n in here], level, args)
            out.line("break;")
            out.depth -= 1
        out.line("default: break;")
