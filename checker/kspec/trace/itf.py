"""Trace values as ITF JSON, and a reader of JSON that says where something is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from kspec.trace.values import ListOf, MapOf, RecordOf, SetOf, TraceState, TupleOf, Val

Json: TypeAlias = Any
T = TypeVar("T", bound=str)

SAFE_INTEGER = 2**53 - 1
MAX_DIGITS = 1000
MAX_DEPTH = 100


class Damaged(Exception):
    """Something in a file is not what the format says.  Never leaves this package."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where
        self.message = message


def to_json(value: Val) -> Json:
    """The ITF form of a value; integers beyond 2**53 - 1 are ``#bigint``."""
    match value:
        case bool() | str():
            return value
        case int():
            return value if abs(value) <= SAFE_INTEGER else {"#bigint": str(value)}
        case SetOf(items):
            return {"#set": [to_json(i) for i in items]}
        case MapOf(pairs):
            return {"#map": [[to_json(k), to_json(v)] for k, v in pairs]}
        case TupleOf(items):
            return {"#tup": [to_json(i) for i in items]}
        case ListOf(items):
            return [to_json(i) for i in items]
        case RecordOf(fields):
            return {n: to_json(v) for n, v in fields}


def parse(text: str) -> Json:
    """Strict JSON: no duplicate keys, no NaN, no numbers of absurd length; raises :class:`Damaged`."""

    def pairs(items: list[tuple[str, Json]]) -> dict[str, Json]:
        out = dict(items)
        if len(out) != len(items):
            names = [n for n, _ in items]
            twice = next(n for n in names if names.count(n) > 1)
            raise Damaged("", f"the key {brief(twice)} is there twice in one object")
        return out

    def constant(name: str) -> Json:
        raise Damaged("", f"{name} is not JSON")

    def integer(digits: str) -> int:
        if len(digits) > MAX_DIGITS:
            raise Damaged("", f"a number of {len(digits)} digits")
        return int(digits)

    try:
        return json.loads(text, object_pairs_hook=pairs, parse_constant=constant, parse_int=integer)
    except json.JSONDecodeError as e:
        raise Damaged(f"line {e.lineno}, column {e.colno}", f"not JSON: {e.msg}") from None
    except RecursionError:
        raise Damaged("", "nested too deeply") from None


def brief(value: object) -> str:
    """A short JSON-like text of anything, for messages."""
    text = json.dumps(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass(frozen=True)
class Node:
    """A place in a JSON document: its value, and its path for messages (``kspec.steps[3].args``)."""

    value: Json
    path: str = ""

    def fail(self, message: str) -> Damaged:
        """The exception that says what is wrong here."""
        return Damaged(self.path, message)

    def at(self, name: str) -> Node:
        """A field that must be there."""
        node = self.get(name)
        if node is None:
            raise self.fail(f"no {name!r}")
        return node

    def get(self, name: str) -> Node | None:
        """A field that may be missing."""
        if not isinstance(self.value, dict):
            raise self.fail(f"an object is expected, not {brief(self.value)}")
        if name not in self.value:
            return None
        return Node(self.value[name], f"{self.path}.{name}" if self.path else name)

    def items(self) -> Iterator[Node]:
        """The items of an array."""
        if not isinstance(self.value, list):
            raise self.fail(f"an array is expected, not {brief(self.value)}")
        for i, v in enumerate(self.value):
            yield Node(v, f"{self.path}[{i}]")

    def fields(self) -> Iterator[tuple[str, Node]]:
        """The fields of an object, in order."""
        if not isinstance(self.value, dict):
            raise self.fail(f"an object is expected, not {brief(self.value)}")
        for n, v in self.value.items():
            yield n, Node(v, f"{self.path}.{n}" if self.path else n)

    def text(self) -> str:
        """A string."""
        if not isinstance(self.value, str):
            raise self.fail(f"a string is expected, not {brief(self.value)}")
        return self.value

    def number(self, low: int = 0) -> int:
        """An integer of at least ``low``."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < low:
            raise self.fail(f"an integer of at least {low} is expected, not {brief(self.value)}")
        return self.value

    def flag(self) -> bool:
        """A boolean."""
        if not isinstance(self.value, bool):
            raise self.fail(f"true or false is expected, not {brief(self.value)}")
        return self.value

    def one_of(self, choices: tuple[T, ...]) -> T:
        """One of the strings in ``choices``."""
        for c in choices:
            if self.value == c:
                return c
        raise self.fail(f"{brief(self.value)} is none of {', '.join(choices)}")

    def string(self, name: str) -> str:
        """The string in a field that may be missing (then empty)."""
        node = self.get(name)
        return "" if node is None else node.text()

    def texts(self, name: str) -> tuple[tuple[str, str], ...]:
        """An object of strings in a field that may be missing, as pairs in order."""
        node = self.get(name)
        return () if node is None else tuple((n, x.text()) for n, x in node.fields())

    def list(self, name: str) -> tuple[Node, ...]:
        """The items of an array in a field that may be missing."""
        node = self.get(name)
        return () if node is None else tuple(node.items())


def of_json(node: Node, depth: int = 0) -> Val:
    """The value in ITF form at a node; raises :class:`Damaged`."""
    if depth > MAX_DEPTH:
        raise node.fail("nested too deeply")
    match node.value:
        case bool() | int() | str():
            return node.value
        case list():
            return ListOf(tuple(of_json(i, depth + 1) for i in node.items()))
        case {"#bigint": _}:
            return _bigint(node.at("#bigint"))
        case {"#set": _}:
            return SetOf(tuple(of_json(i, depth + 1) for i in node.at("#set").items()))
        case {"#tup": _}:
            return TupleOf(tuple(of_json(i, depth + 1) for i in node.at("#tup").items()))
        case {"#map": _}:
            return MapOf(tuple(_pair(i, depth + 1) for i in node.at("#map").items()))
        case dict():
            for name in node.value:
                if name.startswith("#"):
                    raise node.fail(f"unknown form of value {brief(name)}")
            return RecordOf(tuple((n, of_json(x, depth + 1)) for n, x in node.fields()))
        case _:
            raise node.fail(f"{brief(node.value)} is no value of a trace")


def _bigint(node: Node) -> int:
    digits = node.text()
    body = digits.removeprefix("-")
    if not (body.isascii() and body.isdecimal() and len(body) <= MAX_DIGITS):
        raise node.fail(f"{brief(digits)} is no integer")
    return int(digits)


def _pair(node: Node, depth: int) -> tuple[Val, Val]:
    parts = tuple(node.items())
    if len(parts) != 2:
        raise node.fail(f"a pair is expected, not {len(parts)} items")
    return of_json(parts[0], depth), of_json(parts[1], depth)


def state_json(state: TraceState, meta: dict[str, Json]) -> Json:
    """A state object."""
    return {"#meta": meta, **{n: to_json(v) for n, v in state}}


def state_of(node: Node, variables: tuple[str, ...]) -> TraceState:
    """The state at a node: every variable must be there, and nothing else but ``#meta``."""
    for name, _ in node.fields():
        if name != "#meta" and name not in variables:
            raise node.fail(f"{brief(name)} is not among the vars")
    return tuple((n, of_json(node.at(n))) for n in variables)
