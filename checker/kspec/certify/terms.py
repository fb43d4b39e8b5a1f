"""Integers and truth values as bit-vector terms, for the re-checking of certificates.

An integer is a signed bit-vector (two's complement) as wide as the interval of its possible values
needs; operands are sign-extended before every operation, so nothing wraps.  Constants stay Python
numbers until they meet a term.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import Any, TypeAlias

from kspec.system.expr import trunc_div, trunc_mod

Formula: TypeAlias = Any
"""A Boolean term, or True or False."""


@dataclass(frozen=True)
class Number:
    """An integer in ``lo..hi``: exactly one of a signed term, a truth value, or (``lo == hi``) neither."""

    lo: int
    hi: int
    term: Any = None
    truth: Formula = None


def number(value: int) -> Number:
    """A constant."""
    return Number(value, value)


def width(lo: int, hi: int) -> int:
    """The bits of a signed number that holds ``lo..hi``."""
    return max((-lo - 1).bit_length() if lo < 0 else 0, max(hi, 0).bit_length()) + 1


class Terms:
    """Makes terms of one bitwuzla term manager."""

    def __init__(self) -> None:
        """Raises ImportError when the package is missing."""
        self.bitwuzla: Any = importlib.import_module("bitwuzla")
        self.manager = self.bitwuzla.TermManager()
        self.kind = self.bitwuzla.Kind
        self._sorts: dict[int, Any] = {}
        self._bool = self.manager.mk_bool_sort()
        self._count = 0

    def fresh_truth(self, name: str = "") -> Formula:
        """A new Boolean constant; ``name`` is for people."""
        return self.manager.mk_const(self._bool, self._symbol("b", name))

    def fresh(self, lo: int, hi: int, name: str = "") -> tuple[Number, Formula]:
        """A new number, and the condition that it lies in ``lo..hi``; ``name`` is for people."""
        if lo == hi:
            return number(lo), True
        if (lo, hi) == (0, 1):
            return Number(0, 1, truth=self.fresh_truth(name)), True
        term = self.manager.mk_const(self._sort(width(lo, hi)), self._symbol("x", name))
        n = Number(lo, hi, term)
        low = self._make("BV_SGE", term, self._value(lo, width(lo, hi)))
        high = self._make("BV_SLE", term, self._value(hi, width(lo, hi)))
        return n, self.conj(low, high)

    def conj(self, *parts: Formula) -> Formula:
        """The conjunction."""
        rest = [p for p in parts if p is not True]
        if any(p is False for p in rest):
            return False
        return True if not rest else rest[0] if len(rest) == 1 else self._make("AND", *rest)

    def disj(self, *parts: Formula) -> Formula:
        """The disjunction."""
        rest = [p for p in parts if p is not False]
        if any(p is True for p in rest):
            return True
        return False if not rest else rest[0] if len(rest) == 1 else self._make("OR", *rest)

    def no(self, a: Formula) -> Formula:
        """The negation."""
        return (not a) if isinstance(a, bool) else self._make("NOT", a)

    def truth(self, n: Number) -> Formula:
        """``n != 0``."""
        if n.lo == n.hi:
            return n.lo != 0
        return n.truth if n.truth is not None else self.no(self.equal(n, number(0)))

    def of_truth(self, f: Formula) -> Number:
        """A truth value as a number."""
        return number(int(f)) if isinstance(f, bool) else Number(0, 1, truth=f)

    def choice(self, c: Formula, a: Number, b: Number) -> Number:
        """``c ? a : b``."""
        if isinstance(c, bool):
            return a if c else b
        lo, hi = min(a.lo, b.lo), max(a.hi, b.hi)
        if lo == hi:
            return a
        if (lo, hi) == (0, 1):
            p, q = self.truth(a), self.truth(b)
            return self.of_truth(self.disj(self.conj(c, p), self.conj(self.no(c), q)))
        w = width(lo, hi)
        return Number(lo, hi, self._make("ITE", c, self.bits(a, w), self.bits(b, w)))

    def equal(self, a: Number, b: Number) -> Formula:
        """``a == b``."""
        if a.hi < b.lo or b.hi < a.lo:
            return False
        if a.lo == a.hi == b.lo == b.hi:
            return True
        if a.truth is not None and b.truth is not None:
            return self._make("EQUAL", a.truth, b.truth)
        w = width(min(a.lo, b.lo), max(a.hi, b.hi))
        return self._make("EQUAL", self.bits(a, w), self.bits(b, w))

    def less(self, a: Number, b: Number) -> Formula:
        """``a < b``."""
        if a.hi < b.lo:
            return True
        if a.lo >= b.hi:
            return False
        w = width(min(a.lo, b.lo), max(a.hi, b.hi))
        return self._make("BV_SLT", self.bits(a, w), self.bits(b, w))

    def arithmetic(self, op: str, a: Number, b: Number) -> Number:
        """``add``, ``sub``, ``mul``, ``div`` or ``mod``; the last two have no meaning where ``b`` is zero."""
        lo, hi = _interval(op, a, b)
        if a.lo == a.hi and b.lo == b.hi:
            return number(_compute(op, a.lo, b.lo))
        w = width(min(lo, a.lo, b.lo), max(hi, a.hi, b.hi))
        kinds = {"add": "BV_ADD", "sub": "BV_SUB", "mul": "BV_MUL", "div": "BV_SDIV", "mod": "BV_SREM"}
        term = self._make(kinds[op], self.bits(a, w), self.bits(b, w))
        return self.within(Number(min(lo, -(1 << (w - 1))), max(hi, (1 << (w - 1)) - 1), term), lo, hi)

    def negative(self, a: Number) -> Number:
        """``-a``."""
        return self.arithmetic("sub", number(0), a)

    def within(self, n: Number, lo: int, hi: int) -> Number:
        """``n`` as a number in ``lo..hi``, which it has to be in (else the result has no meaning)."""
        if n.lo == n.hi:
            return number(min(max(n.lo, lo), hi))
        if lo == hi:
            return number(lo)
        if n.truth is not None:
            return n if (lo, hi) == (0, 1) else Number(lo, hi, self.bits(n, width(lo, hi)))
        if (lo, hi) == (0, 1):
            return Number(0, 1, truth=self.equal(n, number(1)))
        return Number(lo, hi, self.bits(n, width(lo, hi)))

    def bits(self, n: Number, w: int) -> Any:
        """The term of ``n`` in ``w`` bits (sign-extended or cut)."""
        if n.lo == n.hi:
            return self._value(n.lo, w)
        if n.truth is not None:
            return self._make("ITE", n.truth, self._value(1, w), self._value(0, w))
        have = n.term.sort().bv_size()
        if have == w:
            return n.term
        if have < w:
            return self.manager.mk_term(self.kind.BV_SIGN_EXTEND, [n.term], [w - have])
        return self.manager.mk_term(self.kind.BV_EXTRACT, [n.term], [w - 1, 0])

    def _symbol(self, letter: str, name: str) -> str:
        """A symbol of SMT-LIB that no other constant has."""
        self._count += 1
        plain = re.sub(r"[^A-Za-z0-9_.+#@\[\]]", "_", name)
        return f"|{plain} {self._count}|" if name else f"{letter}{self._count}"

    def _value(self, value: int, w: int) -> Any:
        return self.manager.mk_bv_value(self._sort(w), value)

    def _sort(self, w: int) -> Any:
        if w not in self._sorts:
            self._sorts[w] = self.manager.mk_bv_sort(w)
        return self._sorts[w]

    def _make(self, kind: str, *parts: Any) -> Any:
        return self.manager.mk_term(getattr(self.kind, kind), list(parts))


def _compute(op: str, a: int, b: int) -> int:
    match op:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
        case "div":
            return trunc_div(a, b) if b else 0
        case _:
            return trunc_mod(a, b) if b else 0


def _interval(op: str, a: Number, b: Number) -> tuple[int, int]:
    match op:
        case "add":
            return a.lo + b.lo, a.hi + b.hi
        case "sub":
            return a.lo - b.hi, a.hi - b.lo
        case "mul":
            corners = [x * y for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
            return min(corners), max(corners)
        case _:
            m = max(abs(a.lo), abs(a.hi))
            return -m, m
