"""Types and values of the language.

Together with ``lang.reference`` this is a second, slow implementation of the language reference.  It shares the
parser with the program and nothing else: values are Python values, types are found while running, nothing is
lowered.  Enum members that several enums have must be written with their enum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from kspec.lang import ast

Type = tuple[Any, ...]


class Wrong(Exception):
    """A step fails: ``error.KIND``, or the name of an assertion."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class NotSupported(Exception):
    """The text uses what this implementation leaves out."""


@dataclass(frozen=True)
class Member:
    enum: str
    index: int
    name: str


@dataclass(frozen=True)
class Ident:
    type: str
    number: int


@dataclass(frozen=True)
class Struct:
    name: str
    fields: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Map:
    pairs: tuple[tuple[Any, Any], ...]


@dataclass(frozen=True)
class Seq:
    items: tuple[Any, ...]


@dataclass(frozen=True)
class Unset:
    """What a local of an id type holds before it is assigned."""


@dataclass
class Place:
    """Where something is stored: a variable of a store, and the way to a part of it."""

    store: dict[str, Any]
    name: str
    path: tuple[tuple[str, Any], ...]
    type: Type


@dataclass
class World:
    """What a program declares."""

    enums: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ids: dict[str, tuple[int, bool]] = field(default_factory=dict)
    structs: dict[str, tuple[tuple[str, Type], ...]] = field(default_factory=dict)
    types: dict[str, ast.TypeExpr] = field(default_factory=dict)
    consts: dict[str, Any] = field(default_factory=dict)
    functions: dict[str, ast.FunDecl] = field(default_factory=dict)
    procedures: dict[str, ast.ProcDecl] = field(default_factory=dict)
    processes: dict[str, ast.ProcessDecl] = field(default_factory=dict)
    variables: dict[str, Type] = field(default_factory=dict)

    def type(self, t: ast.TypeExpr) -> Type:
        """The type that a type expression stands for."""
        match t:
            case ast.NamedType("bool"):
                return ("bool",)
            case ast.NamedType(name) if name in self.enums:
                return ("enum", name)
            case ast.NamedType(name) if name in self.ids:
                return ("id", name)
            case ast.NamedType(name) if name in self.structs:
                return ("struct", name)
            case ast.NamedType(name):
                return self.type(self.types[name])
            case ast.RangeTypeExpr(lo, hi):
                return ("range", self.constant(lo), self.constant(hi))
            case ast.OptTypeExpr(base):
                return ("opt", self.type(base))
            case ast.SetTypeExpr(item):
                return ("set", self.type(item))
            case ast.SeqTypeExpr(item, cap):
                return ("seq", self.type(item), self.constant(cap))
            case ast.MapTypeExpr(key, item):
                return ("map", self.type(key), self.type(item))

    def constant(self, e: ast.Expr) -> Any:
        """The value of a constant expression."""
        from lang.reference_terms import Terms

        return Terms(self, {}).value(e)

    def values(self, t: Type) -> list[Any]:
        """Every value of a scalar type, or of a struct of such, ascending."""
        match t:
            case ("bool",):
                return [False, True]
            case ("range", lo, hi):
                return list(range(lo, hi + 1))
            case ("enum", name):
                return [Member(name, k, m) for k, m in enumerate(self.enums[name])]
            case ("id", name):
                return [Ident(name, k) for k in range(self.ids[name][0])]
            case ("opt", base):
                return [None, *self.values(base)]
            case ("struct", name):
                names = [f for f, _ in self.structs[name]]
                parts = [self.values(ft) for _, ft in self.structs[name]]
                return [Struct(name, tuple(zip(names, p, strict=True))) for p in product(*parts)]
            case _:
                raise NotSupported(f"values of {t}")

    def default(self, t: Type) -> Any:
        """The value that a variable has when nothing else is said."""
        match t:
            case ("id", _):
                return Unset()
            case ("opt", _):
                return None
            case ("struct", name):
                return Struct(name, tuple((f, self.default(ft)) for f, ft in self.structs[name]))
            case ("map", k, v):
                return Map(tuple((key, self.default(v)) for key in self.values(k)))
            case ("set", _):
                return frozenset()
            case ("seq", _, _):
                return Seq(())
            case _:
                return self.values(t)[0]

    def fit(self, v: Any, t: Type) -> Any:
        """A value that is stored where a ``t`` is; raises Wrong when it does not fit."""
        match t:
            case ("opt", base):
                return None if v is None else self.fit(v, base)
            case _ if v is None:
                raise Wrong("error.none")
            case ("range", lo, hi):
                if not lo <= v <= hi:
                    raise Wrong("error.range")
                return v
            case ("struct", name):
                types = dict(self.structs[name])
                return Struct(name, tuple((f, self.fit(x, types[f])) for f, x in v.fields))
            case ("map", _, item):
                return Map(tuple((k, self.fit(x, item)) for k, x in v.pairs))
            case ("set", item):
                return frozenset(self.fit(x, item) for x in v)
            case ("seq", item, _):
                return Seq(tuple(self.fit(x, item) for x in v.items))
            case _:
                return v


def order(v: Any) -> tuple[Any, ...]:
    """The key by which values of one type ascend."""
    match v:
        case None:
            return (0,)
        case Member(_, n, _) | Ident(_, n):
            return (1, n)
        case Struct(_, fields):
            return (1, *(order(x) for _, x in fields))
        case _:
            return (1, int(v))


def text(v: Any) -> str:
    """A value as traces show it."""
    match v:
        case None:
            return "none"
        case bool():
            return "true" if v else "false"
        case Member(_, _, name):
            return name
        case Ident(t, n):
            return f"{t}#{n}"
        case Struct(name, fields):
            return f"{name} {{ {', '.join(f'{f} = {text(x)}' for f, x in fields)} }}"
        case Map(pairs):
            return "{" + ", ".join(f"{_key(k)}: {text(x)}" for k, x in pairs) + "}"
        case frozenset():
            return "{" + ", ".join(_key(x) for x in sorted(v, key=order)) + "}"
        case Seq(items):
            return "[" + ", ".join(map(text, items)) + "]"
        case _:
            return str(v)


def _key(v: Any) -> str:
    """Structs as keys are shown as tuples of their scalars."""
    if not isinstance(v, Struct):
        return text(v)
    parts = [text(x) for x in _flat(v)]
    return parts[0] if len(parts) == 1 else "(" + ", ".join(parts) + ")"


def _flat(v: Any) -> Iterator[Any]:
    if isinstance(v, Struct):
        for _, x in v.fields:
            yield from _flat(x)
    else:
        yield v


def need(v: Any) -> Any:
    """A value that must be there."""
    if v is None or isinstance(v, Unset):
        raise Wrong("error.none")
    return v


def read(p: Place) -> Any:
    """What is stored at a place."""
    v = p.store[p.name]
    for step, at in p.path:
        v = part(v, step, at)
    return v


def part(v: Any, step: str, at: Any) -> Any:
    """An element or field of a value."""
    need(v)
    match step, v:
        case "field", Struct(_, fields):
            return dict(fields)[at]
        case "key", Map(pairs):
            return element(pairs, at)
        case _, Seq(items):
            if not 0 <= at < len(items):
                raise Wrong("error.index")
            return items[at]
        case _:
            raise NotSupported(f"{step} of {v}")


def element(pairs: tuple[tuple[Any, Any], ...], key: Any) -> Any:
    """The value of a key of a map."""
    for k, x in pairs:
        if k == key:
            return x
    raise Wrong("error.none" if key is None else "error.index")


def changed(v: Any, path: tuple[tuple[str, Any], ...], new: Any) -> Any:
    """``v`` with another value at the end of the path."""
    if not path:
        return new
    (step, at), rest = path[0], path[1:]
    inner = changed(part(v, step, at), rest, new)
    match v:
        case Struct(name, fields):
            return Struct(name, tuple((f, inner if f == at else x) for f, x in fields))
        case Map(pairs):
            return Map(tuple((k, inner if k == at else x) for k, x in pairs))
        case Seq(items):
            return Seq((*items[:at], inner, *items[at + 1 :]))
        case _:
            raise NotSupported(f"change of {v}")


def write(p: Place, v: Any) -> None:
    """Stores a value that fits."""
    p.store[p.name] = changed(p.store[p.name], p.path, v)
