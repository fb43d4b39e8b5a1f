"""The finite types of kspec, shared by the language and the transition system.

Scalar types are encoded as integers in a closed interval ``[lo, hi]``; that encoding is what
every engine sees.  Compound types (struct, map, set, seq, optional compound) exist in the
language and in what people are shown; the lowering flattens them into cells of scalars
(see ``kspec.system.layout``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class BoolType:
    """``bool``: false is 0, true is 1."""

    lo: int = 0
    hi: int = 1

    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True)
class RangeType:
    """``lo..hi``: the integers from lo to hi, both included; encoded as themselves."""

    lo: int
    hi: int

    def __str__(self) -> str:
        return f"{self.lo}..{self.hi}"


@dataclass(frozen=True)
class EnumType:
    """``enum Name { a, b }``: encoded by position."""

    name: str
    members: tuple[str, ...]

    @property
    def lo(self) -> int:
        return 0

    @property
    def hi(self) -> int:
        return len(self.members) - 1

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class IdType:
    """``id Name[size]``: identities 0..size-1.

    Without ``ordered`` it is a scalarset (Ip and Dill, "Better verification through symmetry",
    1996): only equality, indexing, choice and quantification are allowed, so that any permutation
    of the identities is an automorphism of the transition system.
    """

    name: str
    size: int
    ordered: bool = False

    @property
    def lo(self) -> int:
        return 0

    @property
    def hi(self) -> int:
        return self.size - 1

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class OptType:
    """``T?``.  Over a scalar, ``none`` is encoded as ``base.lo - 1``."""

    base: Type

    @property
    def lo(self) -> int:
        return scalar(self.base).lo - 1

    @property
    def hi(self) -> int:
        return scalar(self.base).hi

    @property
    def none(self) -> int:
        """The encoding of ``none`` (scalar base only)."""
        return self.lo

    def __str__(self) -> str:
        return f"{self.base}?"


@dataclass(frozen=True)
class StructType:
    """``struct Name { field: Type; ... }``."""

    name: str
    fields: tuple[tuple[str, Type], ...]

    def field(self, name: str) -> Type | None:
        """The type of a field, or None when there is no such field."""
        return next((t for n, t in self.fields if n == name), None)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class MapType:
    """``map<K, V>``: a total map (array) over every value of the key type."""

    key: Type
    value: Type

    def __str__(self) -> str:
        return f"map<{self.key}, {self.value}>"


@dataclass(frozen=True)
class SetType:
    """``set<T>``."""

    item: Type

    def __str__(self) -> str:
        return f"set<{self.item}>"


@dataclass(frozen=True)
class SeqType:
    """``seq<T, n>``: a sequence of at most n items."""

    item: Type
    cap: int

    def __str__(self) -> str:
        return f"seq<{self.item}, {self.cap}>"


Scalar: TypeAlias = BoolType | RangeType | EnumType | IdType | OptType
Type: TypeAlias = Scalar | StructType | MapType | SetType | SeqType

BOOL = BoolType()


def is_scalar(t: Type) -> bool:
    """True for types that are one integer: bool, range, enum, id, and an optional of these."""
    match t:
        case BoolType() | RangeType() | EnumType() | IdType():
            return True
        case OptType(base):
            return is_scalar(base) and not isinstance(base, OptType)
        case _:
            return False


def scalar(t: Type) -> Scalar:
    """``t`` itself when it is scalar; raises TypeError otherwise (an internal fault)."""
    if isinstance(t, BoolType | RangeType | EnumType | IdType | OptType) and is_scalar(t):
        return t
    raise TypeError(f"{t} is not a scalar type")


def show_scalar(t: Scalar, value: int) -> str:
    """The text of an encoded scalar value, as in traces: ``true``, ``3``, ``idle``, ``Event#1``, ``none``.

    A value outside the type (it can only come from a damaged trace) is shown as ``?n``.
    """
    match t:
        case OptType() if value == t.none:
            return "none"
        case OptType(base):
            return show_scalar(scalar(base), value)
        case _ if not t.lo <= value <= t.hi:
            return f"?{value}"
        case BoolType():
            return "true" if value else "false"
        case RangeType():
            return str(value)
        case EnumType(_, members):
            return members[value]
        case IdType(name):
            return f"{name}#{value}"


def parse_scalar(t: Scalar, text: str) -> int | None:
    """The inverse of :func:`show_scalar`; None when the text is no value of the type."""
    match t:
        case OptType(base):
            return t.none if text == "none" else parse_scalar(scalar(base), text)
        case BoolType():
            return {"false": 0, "true": 1}.get(text)
        case EnumType(_, members):
            return members.index(text) if text in members else None
        case IdType(name):
            head, _, number = text.partition("#")
            value = int(number) if head == name and number.isdecimal() else -1
        case RangeType():
            try:
                value = int(text)
            except ValueError:
                return None
    return value if t.lo <= value <= t.hi else None
