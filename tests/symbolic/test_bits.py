"""Circuits of arithmetic against Python's integers, for every pair of values."""

from __future__ import annotations

from itertools import product

import pytest
from kspec.symbolic.aig import Aig
from kspec.symbolic.bits import Arithmetic, Bits, const, value_of
from kspec.system.expr import trunc_div, trunc_mod

RANGES = [(0, 1), (0, 5), (-1, 3), (-4, -2), (-3, 4), (2, 2), (7, 9), (0, 7)]


def valuation(v: Bits, value: int) -> dict[int, bool]:
    return {a >> 1: bool((value - v.lo) >> i & 1) for i, a in enumerate(v.literals)}


@pytest.mark.parametrize(("a", "b"), list(product(RANGES, RANGES)))
def test_every_operation(a: tuple[int, int], b: tuple[int, int]) -> None:
    aig = Aig()
    math = Arithmetic(aig)
    x, y = math.free(*a), math.free(*b)
    quotient, remainder = math.divide(x, y)
    numbers = [
        (math.add(x, y), lambda p, q: p + q),
        (math.subtract(x, y), lambda p, q: p - q),
        (math.multiply(x, y), lambda p, q: p * q),
        (math.negative(x), lambda p, q: -p),
        (math.ite(math.less(x, y), x, y), min),
        (quotient, lambda p, q: trunc_div(p, q) if q else None),
        (remainder, lambda p, q: trunc_mod(p, q) if q else None),
    ]
    truths = [
        (math.equal(x, y), lambda p, q: p == q),
        (math.less(x, y), lambda p, q: p < q),
        (math.truth(x), lambda p, q: p != 0),
        (math.within(x, *b), lambda p, q: b[0] <= p <= b[1]),
        (math.equal_to(x, 3), lambda p, q: p == 3),
    ]
    for p, q in product(range(a[0], a[1] + 1), range(b[0], b[1] + 1)):
        known = {**valuation(x, p), **valuation(y, q)}
        for v, true in numbers:
            want = true(p, q)
            if want is not None:
                assert v.lo <= want <= v.hi
                assert value_of(v, aig.evaluate(v.literals, known)) == want
        for literal, true in truths:
            assert aig.evaluate([literal], known) == [true(p, q)]


@pytest.mark.parametrize("r", RANGES)
def test_types_and_casts(r: tuple[int, int]) -> None:
    aig = Aig()
    math = Arithmetic(aig)
    x = math.free(*r)
    wide, typed = math.cast(x, r[0] - 3, r[1] + 2), math.typed(x)
    back = math.cast(wide, *r)
    for raw in range(1 << len(x.literals)):
        known = {a >> 1: bool(raw >> i & 1) for i, a in enumerate(x.literals)}
        value = r[0] + raw
        assert aig.evaluate([typed], known) == [value <= r[1]]
        if value <= r[1]:
            assert value_of(wide, aig.evaluate(wide.literals, known)) == value
            assert value_of(back, aig.evaluate(back.literals, known)) == value


@pytest.mark.parametrize("r", RANGES)
def test_selection(r: tuple[int, int]) -> None:
    aig = Aig()
    math = Arithmetic(aig)
    x = math.free(*r)
    items = [math.cast(const(10 + i * i), 0, 200) for i in range(r[1] - r[0] + 1)]
    chosen = math.select(x, items)
    for i in range(len(items)):
        known = valuation(x, r[0] + i)
        assert value_of(chosen, aig.evaluate(chosen.literals, known)) == 10 + i * i
