"""Values in traces: what a variable holds, as read from the file alone, without the model.

The tree mirrors the Informal Trace Format of Apalache (ADR-015, https://apalache-mc.org): booleans,
integers, strings, sets, maps, tuples, lists and records.  Enum members, identities and ``none`` are
strings.  ``kspec.system.layout`` has the typed counterpart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from kspec.system import layout
from kspec.types import BoolType, OptType, RangeType, Scalar, scalar, show_scalar


@dataclass(frozen=True)
class SetOf:
    """A set; the order of the items has no meaning."""

    items: tuple[Val, ...]


@dataclass(frozen=True)
class MapOf:
    """A map, as pairs of key and value."""

    pairs: tuple[tuple[Val, Val], ...]


@dataclass(frozen=True)
class TupleOf:
    """A tuple: the key of a map over several dimensions."""

    items: tuple[Val, ...]


@dataclass(frozen=True)
class ListOf:
    """A sequence."""

    items: tuple[Val, ...]


@dataclass(frozen=True)
class RecordOf:
    """A struct: fields in declaration order."""

    fields: tuple[tuple[str, Val], ...]


Val: TypeAlias = bool | int | str | SetOf | MapOf | TupleOf | ListOf | RecordOf
TraceState: TypeAlias = tuple[tuple[str, Val], ...]


def of_scalar(t: Scalar, value: int) -> Val:
    """An encoded scalar; a value outside its type becomes its text (``?n``)."""
    match t:
        case OptType() if value == t.none:
            return "none"
        case OptType(base):
            return of_scalar(scalar(base), value)
        case BoolType() if value in (0, 1):
            return bool(value)
        case RangeType(lo, hi) if lo <= value <= hi:
            return value
        case _:
            return show_scalar(t, value)


def of_value(value: layout.Value) -> Val:
    """The trace value of a decoded variable."""
    match value:
        case layout.ScalarValue(t, v):
            return of_scalar(t, v)
        case layout.StructValue(_, fields):
            return RecordOf(tuple((n, of_value(v)) for n, v in fields))
        case layout.MapValue(pairs):
            return MapOf(tuple((_of_key(k), of_value(v)) for k, v in pairs))
        case layout.SetValue(items):
            return SetOf(tuple(_of_key(i) for i in items))
        case layout.SeqValue(items):
            return ListOf(tuple(of_value(i) for i in items))
        case layout.NoneValue():
            return "none"


def _of_key(key: tuple[layout.ScalarValue, ...]) -> Val:
    parts = tuple(of_scalar(k.type, k.value) for k in key)
    return parts[0] if len(parts) == 1 else TupleOf(parts)


def show(value: Val) -> str:
    """A value as text: ``{ state = idle, refs = 1 }``, ``{Event#0}``, ``[1, 2]``, ``none``."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return value
        case SetOf(items):
            return "{" + ", ".join(show(i) for i in items) + "}"
        case MapOf(pairs):
            return "{" + ", ".join(f"{show(k)}: {show(v)}" for k, v in pairs) + "}"
        case TupleOf(items):
            return "(" + ", ".join(show(i) for i in items) + ")"
        case ListOf(items):
            return "[" + ", ".join(show(i) for i in items) + "]"
        case RecordOf(fields):
            return "{ " + ", ".join(f"{n} = {show(v)}" for n, v in fields) + " }" if fields else "{}"


def entry(path: str, key: Val) -> str:
    """The name of a map's entry: ``ev`` and ``Event#1`` give ``ev[Event#1]``.

    A name that is a cell template, ``ev[].refs``, is filled in: ``ev[Event#1].refs``.
    """
    for part in key.items if isinstance(key, TupleOf) else (key,):
        head, hole, tail = path.partition("[]")
        path = f"{head}[{show(part)}]{tail}" if hole else f"{path}[{show(part)}]"
    return path


def elements(path: str, value: Val) -> Iterator[tuple[str, Val]]:
    """Every part of a value that is compared as a whole (scalars, sets, sequences), with its name."""
    match value:
        case MapOf(pairs):
            for k, v in pairs:
                yield from elements(entry(path, k), v)
        case RecordOf(fields):
            for n, v in fields:
                yield from elements(f"{path}.{n}", v)
        case _:
            yield path, value


def element_texts(state: TraceState) -> dict[str, str]:
    """The text of every element of a state (the items of a set in one order, so that texts compare)."""
    return {p: show(_sorted(v)) for name, value in state for p, v in elements(name, value)}


def _sorted(value: Val) -> Val:
    return SetOf(tuple(sorted(value.items, key=show))) if isinstance(value, SetOf) else value


@dataclass(frozen=True)
class Change:
    """An element that differs between two states.

    ``added`` and ``removed`` are the members when it is a set; ``old`` or ``new`` is empty when the
    element is absent there.
    """

    path: str
    old: str
    new: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.added or self.removed:
            parts = [f"+ {x}" for x in self.added] + [f"- {x}" for x in self.removed]
            return f"{self.path} {' '.join(parts)}"
        return f"{self.path} {self.old} -> {self.new}"


def changes(old: TraceState, new: TraceState) -> tuple[Change, ...]:
    """What differs between two states, in the order of the variables."""
    before, after = dict(old), dict(new)
    names = [n for n, _ in old] + [n for n, _ in new if n not in before]
    return tuple(c for n in names for c in _changes(n, before.get(n), after.get(n)))


def _changes(path: str, old: Val | None, new: Val | None) -> Iterator[Change]:
    match old, new:
        case MapOf(a), MapOf(b):
            left, right = dict(a), dict(b)
            for k in [*left, *(k for k in right if k not in left)]:
                yield from _changes(entry(path, k), left.get(k), right.get(k))
        case RecordOf(a), RecordOf(b):
            had, has = dict(a), dict(b)
            for n in [*had, *(n for n in has if n not in had)]:
                yield from _changes(f"{path}.{n}", had.get(n), has.get(n))
        case SetOf(a), SetOf(b):
            was, now = [show(x) for x in a], [show(x) for x in b]
            added, removed = tuple(x for x in now if x not in was), tuple(x for x in was if x not in now)
            if added or removed:
                yield Change(path, show(old), show(new), added, removed)
        case _:
            x = "" if old is None else show(old)
            y = "" if new is None else show(new)
            if x != y:
                yield Change(path, x, y)


def folded(state: TraceState) -> tuple[tuple[str, str], ...]:
    """A whole state, compactly: entries of a map that are equal are one line, ``ev[*]`` or ``ev[others]``."""
    return tuple(line for name, value in state for line in _fold(name, value))


def _fold(path: str, value: Val) -> Iterator[tuple[str, str]]:
    match value:
        case MapOf(pairs) if len(pairs) > 1:
            texts = [show(v) for _, v in pairs]
            common, count = Counter(texts).most_common(1)[0]
            shared = next(v for (_, v), t in zip(pairs, texts, strict=True) if t == common)
            if count == len(pairs):
                yield from _fold(_wild(path, pairs[0][0], "*"), shared)
            elif count > 1 and len(pairs) > 3:
                for (k, v), t in zip(pairs, texts, strict=True):
                    if t != common:
                        yield from _fold(entry(path, k), v)
                yield from _fold(_wild(path, pairs[0][0], "others"), shared)
            else:
                for k, v in pairs:
                    yield from _fold(entry(path, k), v)
        case MapOf(pairs):
            for k, v in pairs:
                yield from _fold(entry(path, k), v)
        case RecordOf(fields) if any(isinstance(v, MapOf) for _, v in fields):
            for n, v in fields:
                yield from _fold(f"{path}.{n}", v)
        case _:
            yield path, show(value)


def _wild(path: str, key: Val, word: str) -> str:
    same = TupleOf(tuple(word for _ in key.items)) if isinstance(key, TupleOf) else word
    return entry(path, same)
