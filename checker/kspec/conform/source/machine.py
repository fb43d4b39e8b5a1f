"""The machine's integers: C types (LP64, as the kernel is built), values of them, and C's conversions.

Conversions follow the C standard: integer promotions, the usual arithmetic conversions, truncation when a
value is stored in a narrower type.  Signed arithmetic wraps, as the kernel is built with
``-fno-strict-overflow``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import z3

POINTER = 64


@dataclass(frozen=True)
class IntType:
    """An integer type; ``truth`` is C's ``bool``, to which everything but 0 converts as 1."""

    name: str
    width: int
    signed: bool
    truth: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class StructType:
    """A struct or union by its tag."""

    tag: str

    def __str__(self) -> str:
        return f"struct {self.tag}"


@dataclass(frozen=True)
class PointerType:
    """A pointer; ``to`` is None for ``void *`` and for what does not matter here."""

    to: CType | None

    def __str__(self) -> str:
        return f"{self.to or 'void'} *"


CType: TypeAlias = IntType | StructType | PointerType

INT = IntType("int", 32, True)
BOOL = IntType("bool", 8, False, truth=True)

def _fixed() -> dict[str, IntType]:
    """The types whose names say their width."""
    out: dict[str, IntType] = {}
    for bits in (8, 16, 32, 64):
        for letter, word, signed in (("s", "int", True), ("u", "uint", False)):
            t = IntType(f"{letter}{bits}", bits, signed)
            out |= dict.fromkeys((f"{letter}{bits}", f"__{letter}{bits}", f"{word}{bits}_t"), t)
    return out


_WORDS = _fixed() | {
    t.name: t
    for t in (
        BOOL,
        IntType("size_t", 64, False),
        IntType("ssize_t", 64, True),
        IntType("uintptr_t", 64, False),
        IntType("intptr_t", 64, True),
        IntType("pid_t", 32, True),
        IntType("gfp_t", 32, False),
        IntType("ktime_t", 64, True),
        IntType("loff_t", 64, True),
        IntType("sector_t", 64, False),
    )
} | {"_Bool": BOOL}


def integer(words: tuple[str, ...]) -> IntType | None:
    """The integer type that these words of a declaration name: ``unsigned long``, ``u64``; None for others."""
    if len(words) == 1 and words[0] in _WORDS:
        return _WORDS[words[0]]
    if not words or not set(words) <= {"char", "short", "int", "long", "signed", "unsigned"}:
        return None
    signed = "unsigned" not in words
    width = 64 if "long" in words else 8 if "char" in words else 16 if "short" in words else 32
    return IntType(" ".join(words), width, signed)


@dataclass(frozen=True)
class Scalar:
    """An integer or an address."""

    term: z3.BitVecRef
    type: IntType | PointerType

    @property
    def width(self) -> int:
        """Bits."""
        return self.type.width if isinstance(self.type, IntType) else POINTER

    @property
    def signed(self) -> bool:
        """Addresses compare as unsigned integers."""
        return isinstance(self.type, IntType) and self.type.signed


def constant(value: int, t: IntType = INT) -> Scalar:
    """A literal."""
    return Scalar(z3.BitVecVal(value, t.width), t)


def truth(v: Scalar) -> z3.BoolRef:
    """Whether a value counts as true."""
    return v.term != z3.BitVecVal(0, v.width)


def of_truth(b: z3.BoolRef, t: IntType = INT) -> Scalar:
    """1 or 0."""
    return Scalar(z3.If(b, z3.BitVecVal(1, t.width), z3.BitVecVal(0, t.width)), t)


def convert(v: Scalar, to: IntType | PointerType) -> Scalar:
    """A value stored in another type."""
    if isinstance(to, IntType) and to.truth:
        return of_truth(truth(v), to)
    width = to.width if isinstance(to, IntType) else POINTER
    return Scalar(resized(v, width), to)


def resized(v: Scalar, width: int) -> z3.BitVecRef:
    """The bits of a value in more or fewer of them."""
    if width == v.width:
        return v.term
    if width < v.width:
        return z3.Extract(width - 1, 0, v.term)
    return z3.SignExt(width - v.width, v.term) if v.signed else z3.ZeroExt(width - v.width, v.term)


def promoted(v: Scalar) -> Scalar:
    """After the integer promotions."""
    if isinstance(v.type, IntType) and v.width < 32:
        return convert(v, INT)
    return v


def common(a: Scalar, b: Scalar) -> tuple[Scalar, Scalar]:
    """Both operands after the usual arithmetic conversions; addresses are 64-bit unsigned integers."""
    a, b = promoted(a), promoted(b)
    width = max(a.width, b.width)
    signed = a.signed if a.width > b.width else b.signed if b.width > a.width else a.signed and b.signed
    t = IntType(f"{'s' if signed else 'u'}{width}", width, signed)
    return Scalar(resized(a, width), t), Scalar(resized(b, width), t)


def less(a: Scalar, b: Scalar, or_equal: bool = False) -> z3.BoolRef:
    """C's ``<`` (or ``<=``)."""
    x, y = common(a, b)
    if x.signed:
        return x.term <= y.term if or_equal else x.term < y.term
    return z3.ULE(x.term, y.term) if or_equal else z3.ULT(x.term, y.term)


def same(a: Scalar, b: Scalar) -> z3.BoolRef:
    """C's ``==``."""
    x, y = common(a, b)
    return x.term == y.term


def arithmetic(operator: str, a: Scalar, b: Scalar) -> Scalar | None:
    """``a operator b`` for the operators that wrap; None for others (division can fail)."""
    if operator in ("<<", ">>"):
        x = promoted(a)
        amount = resized(promoted(b), x.width)
        if operator == "<<":
            return Scalar(x.term << amount, x.type)
        return Scalar(x.term >> amount if x.signed else z3.LShR(x.term, amount), x.type)
    x, y = common(a, b)
    match operator:
        case "+":
            return Scalar(x.term + y.term, x.type)
        case "-":
            return Scalar(x.term - y.term, x.type)
        case "*":
            return Scalar(x.term * y.term, x.type)
        case "&":
            return Scalar(x.term & y.term, x.type)
        case "|":
            return Scalar(x.term | y.term, x.type)
        case "^":
            return Scalar(x.term ^ y.term, x.type)
    return None
