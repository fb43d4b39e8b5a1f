"""Arithmetic on symbolic integers.

A :class:`Bits` is an integer of which an interval is known: ``lo`` plus the unsigned number that its
literals make (least significant first), in exactly as many literals as ``lo..hi`` needs.  Operations
compute the interval of their result first and then work modulo the power of two that holds it, so
nothing ever wraps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kspec.symbolic.aig import FALSE, TRUE, Aig
from kspec.system.expr import trunc_div
from kspec.system.packing import bits_for


@dataclass(frozen=True)
class Bits:
    """An integer in ``lo..hi``: ``lo + sum(literal[i] << i)``."""

    lo: int
    hi: int
    literals: tuple[int, ...]

    @property
    def constant(self) -> int | None:
        """The value, when the literals are constants."""
        total = self.lo
        for i, a in enumerate(self.literals):
            if a > TRUE:
                return None
            total += a << i
        return total


def const(value: int) -> Bits:
    """A number."""
    return Bits(value, value, ())


def boolean(literal: int) -> Bits:
    """A truth value as 0 or 1."""
    return const(literal) if literal <= TRUE else Bits(0, 1, (literal,))


def value_of(v: Bits, truth: Sequence[bool]) -> int:
    """The number that a valuation of the literals of ``v`` gives."""
    return v.lo + sum(1 << i for i, t in enumerate(truth) if t)


class Arithmetic:
    """Operations that build circuits in one graph."""

    def __init__(self, aig: Aig) -> None:
        self.aig = aig

    def free(self, lo: int, hi: int) -> Bits:
        """A new unknown; :meth:`typed` says that it lies in its interval."""
        return Bits(lo, hi, self.aig.inputs(bits_for(lo, hi)))

    def typed(self, v: Bits) -> int:
        """True when the literals of ``v`` make a number within ``lo..hi``."""
        return self._at_most(v.literals, v.hi - v.lo)

    def truth(self, v: Bits) -> int:
        """``v != 0``."""
        if (v.lo, v.hi) == (0, 1):
            return v.literals[0]
        return self.equal_to(v, 0) ^ 1

    def cast(self, v: Bits, lo: int, hi: int) -> Bits:
        """``v`` in the interval ``lo..hi``; where ``v`` is outside, the result has no meaning."""
        if (v.lo, v.hi) == (lo, hi):
            return v
        width = bits_for(lo, hi)
        if v.lo == lo:
            return Bits(lo, hi, self._extend(v.literals, width))
        if v.hi < lo or v.lo > hi:
            return Bits(lo, hi, (FALSE,) * width)
        return Bits(lo, hi, self._add_constant(self._extend(v.literals, width), v.lo - lo))

    def add(self, a: Bits, b: Bits) -> Bits:
        """``a + b``."""
        lo, hi = a.lo + b.lo, a.hi + b.hi
        if b.lo == b.hi:
            return Bits(lo, hi, a.literals)
        if a.lo == a.hi:
            return Bits(lo, hi, b.literals)
        width = bits_for(lo, hi)
        x, y = self._extend(a.literals, width), self._extend(b.literals, width)
        return Bits(lo, hi, self._sum(x, y, FALSE))

    def negative(self, a: Bits) -> Bits:
        """``-a``: the distance from the upper end."""
        span = a.hi - a.lo
        inverted = tuple(x ^ 1 for x in a.literals)
        spare = (1 << len(a.literals)) - 1 - span
        return Bits(-a.hi, -a.lo, self._add_constant(inverted, -spare))

    def subtract(self, a: Bits, b: Bits) -> Bits:
        """``a - b``."""
        return self.add(a, self.negative(b))

    def multiply(self, a: Bits, b: Bits) -> Bits:
        """``a * b``."""
        products = (a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi)
        lo, hi = min(products), max(products)
        width = bits_for(lo, hi)
        x, y = self._modular(a, width), self._modular(b, width)
        total: tuple[int, ...] = (FALSE,) * width
        for i, bit in enumerate(y):
            if bit != FALSE:
                shifted = (FALSE,) * i + tuple(self.aig.and_(bit, d) for d in x[: width - i])
                total = self._sum(total, shifted, FALSE)
        return Bits(lo, hi, self._add_constant(total, -lo))

    def divide(self, a: Bits, b: Bits) -> tuple[Bits, Bits]:
        """C's quotient and remainder; without meaning where ``b`` is zero."""
        (sa, ma), (sb, mb) = self._magnitude(a), self._magnitude(b)
        q, r = self._unsigned_divide(ma.literals, mb.literals)
        quotient = Bits(0, (1 << len(q)) - 1, q)
        remainder = Bits(0, (1 << len(r)) - 1, r)
        sign = self.aig.xor(sa, sb)
        qlo, qhi = _quotient_bounds(a, b)
        m = max(abs(b.lo), abs(b.hi), 1) - 1
        rlo, rhi = (0 if a.lo >= 0 else -min(m, -a.lo)), (min(m, a.hi) if a.hi > 0 else 0)
        return (
            self.cast(self.ite(sign, self.negative(quotient), quotient), qlo, qhi),
            self.cast(self.ite(sa, self.negative(remainder), remainder), rlo, rhi),
        )

    def equal(self, a: Bits, b: Bits) -> int:
        """``a == b``."""
        if a.lo == a.hi:
            return self.equal_to(b, a.lo)
        if b.lo == b.hi:
            return self.equal_to(a, b.lo)
        if a.hi < b.lo or b.hi < a.lo:
            return FALSE
        x, y = self._common(a, b)
        return self.aig.all(self.aig.xor(p, q) ^ 1 for p, q in zip(x.literals, y.literals))

    def equal_to(self, a: Bits, value: int) -> int:
        """``a == value``."""
        if not a.lo <= value <= a.hi:
            return FALSE
        offset = value - a.lo
        acc = TRUE
        for i in reversed(range(len(a.literals))):
            acc = self.aig.and_(acc, a.literals[i] ^ (1 ^ (offset >> i & 1)))
        return acc

    def less(self, a: Bits, b: Bits) -> int:
        """``a < b``."""
        if a.hi < b.lo:
            return TRUE
        if a.lo >= b.hi:
            return FALSE
        if b.lo == b.hi:
            return self._at_most(a.literals, b.lo - 1 - a.lo)
        if a.lo == a.hi:
            return self._at_most(b.literals, a.lo - b.lo) ^ 1
        x, y = self._common(a, b)
        acc = FALSE
        for p, q in zip(x.literals, y.literals):
            acc = self.aig.ite(self.aig.xor(p, q), q, acc)
        return acc

    def within(self, v: Bits, lo: int, hi: int) -> int:
        """``lo <= v <= hi``."""
        return self.aig.and_(self.less(v, const(lo)) ^ 1, self.less(const(hi), v) ^ 1)

    def ite(self, c: int, t: Bits, e: Bits) -> Bits:
        """``c ? t : e``."""
        if c <= TRUE:
            return t if c else e
        x, y = self._common(t, e)
        return Bits(x.lo, x.hi, tuple(self.aig.ite(c, p, q) for p, q in zip(x.literals, y.literals)))

    def select(self, index: Bits, items: Sequence[Bits]) -> Bits:
        """``items[index - index.lo]``; the items are all of one interval, one for every index."""
        if len(items) == 1 or not index.literals:
            return items[0]
        return self._select(index.literals, items)

    def _select(self, bits: tuple[int, ...], items: Sequence[Bits]) -> Bits:
        if not bits:
            return items[0]
        half = 1 << (len(bits) - 1)
        top, rest = bits[-1], bits[:-1]
        if len(items) <= half or top == FALSE:
            return self._select(rest, items)
        if top == TRUE:
            return self._select(rest, items[half:])
        low, high = self._select(rest, items[:half]), self._select(rest, items[half:])
        return self.ite(top, high, low)

    def _common(self, a: Bits, b: Bits) -> tuple[Bits, Bits]:
        lo, hi = min(a.lo, b.lo), max(a.hi, b.hi)
        return self.cast(a, lo, hi), self.cast(b, lo, hi)

    def _extend(self, bits: tuple[int, ...], width: int) -> tuple[int, ...]:
        return bits[:width] + (FALSE,) * (width - len(bits))

    def _modular(self, a: Bits, width: int) -> tuple[int, ...]:
        """``a`` modulo ``2**width``."""
        return self._add_constant(self._extend(a.literals, width), a.lo)

    def _add_constant(self, bits: tuple[int, ...], value: int) -> tuple[int, ...]:
        width = len(bits)
        if value % (1 << width) == 0:
            return bits
        return self._sum(bits, tuple(value >> i & 1 for i in range(width)), FALSE)

    def _sum(self, x: tuple[int, ...], y: tuple[int, ...], carry: int) -> tuple[int, ...]:
        out: list[int] = []
        aig = self.aig
        for p, q in zip(x, y):
            half = aig.xor(p, q)
            out.append(aig.xor(half, carry))
            carry = aig.or_(aig.and_(p, q), aig.and_(half, carry))
        return tuple(out)

    def _at_most(self, bits: tuple[int, ...], limit: int) -> int:
        """The unsigned number ``bits`` is at most ``limit``."""
        if limit < 0:
            return FALSE
        if limit >= (1 << len(bits)) - 1:
            return TRUE
        acc = TRUE
        for i, bit in enumerate(bits):
            acc = self.aig.or_(bit ^ 1, acc) if limit >> i & 1 else self.aig.and_(bit ^ 1, acc)
        return acc

    def _magnitude(self, a: Bits) -> tuple[int, Bits]:
        """The sign (true when negative) and the absolute value, counted from zero."""
        top = max(abs(a.lo), abs(a.hi))
        sign = self.less(a, const(0))
        return sign, self.cast(self.ite(sign, self.negative(a), a), 0, top)

    def _unsigned_divide(
        self, a: tuple[int, ...], b: tuple[int, ...]
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Restoring division."""
        width = len(b) + 1
        divisor = self._extend(b, width)
        remainder: tuple[int, ...] = (FALSE,) * width
        quotient: list[int] = []
        for bit in reversed(a):
            shifted = (bit, *remainder[:-1])
            difference, fits = self._difference(shifted, divisor)
            remainder = tuple(self.aig.ite(fits, d, s) for d, s in zip(difference, shifted))
            quotient.append(fits)
        return tuple(reversed(quotient)), remainder[:-1]

    def _difference(self, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
        """``a - b`` and whether it is not negative."""
        width = len(a)
        wide = self._sum((*a, FALSE), tuple(x ^ 1 for x in (*b, FALSE)), TRUE)
        return wide[:width], wide[width] ^ 1


def _quotient_bounds(a: Bits, b: Bits) -> tuple[int, int]:
    if b.lo > 0:
        corners = [trunc_div(x, y) for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
        return min(corners), max(corners)
    m = max(abs(a.lo), abs(a.hi))
    return -m, m
