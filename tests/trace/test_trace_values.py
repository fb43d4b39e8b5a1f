"""Values of traces: conversion, text, differences, folding."""

from __future__ import annotations

import pytest
from kspec.system import layout
from kspec.trace.itf import Damaged, Node, of_json, to_json
from kspec.trace.values import (
    ListOf,
    MapOf,
    RecordOf,
    SetOf,
    TupleOf,
    Val,
    changes,
    element_texts,
    entry,
    folded,
    of_scalar,
    of_value,
    show,
)
from kspec.types import BOOL, EnumType, IdType, MapType, OptType, RangeType, SeqType, SetType, StructType, Type

CPU = IdType("Cpu", 2)
ST = EnumType("St", ("idle", "busy"))
PAIR = StructType("Pair", (("cpu", CPU), ("n", RangeType(0, 1))))


def decoded(t: Type, *scalars: int) -> Val:
    """The trace value of scalars in layout order."""
    flat = list(scalars)
    starts = []
    at = 0
    for leaf in layout.leaves(t):
        starts.append(at)
        n = 1
        for d in leaf.dims:
            n *= d.hi - d.lo + 1
        at += n
    dims = [leaf.dims for leaf in layout.leaves(t)]

    def read(leaf: int, index: tuple[int, ...]) -> int:
        place = 0
        for d, i in zip(dims[leaf], index, strict=True):
            place = place * (d.hi - d.lo + 1) + i - d.lo
        return flat[starts[leaf] + place]

    return of_value(layout.decode(t, read))


@pytest.mark.parametrize(
    ("t", "value", "expected"),
    [
        (BOOL, 1, True),
        (RangeType(-2, 2), -1, -1),
        (ST, 1, "busy"),
        (CPU, 1, "Cpu#1"),
        (OptType(CPU), -1, "none"),
        (OptType(CPU), 0, "Cpu#0"),
        (OptType(BOOL), -1, "none"),
        (OptType(BOOL), 1, True),
        (RangeType(0, 3), 9, "?9"),
        (BOOL, 2, "?2"),
    ],
)
def test_scalars(t: object, value: int, expected: object) -> None:
    got = of_scalar(t, value)  # type: ignore[arg-type]
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("t", "scalars", "text"),
    [
        (StructType("S", (("st", ST), ("n", RangeType(0, 3)))), (1, 2), "{ st = busy, n = 2 }"),
        (MapType(CPU, ST), (0, 1), "{Cpu#0: idle, Cpu#1: busy}"),
        (SetType(CPU), (1, 0), "{Cpu#0}"),
        (SeqType(RangeType(0, 3), 3), (2, 3, 1, 0), "[3, 1]"),
        (OptType(StructType("S", (("n", RangeType(0, 3)),))), (0, 0), "none"),
        (OptType(StructType("S", (("n", RangeType(0, 3)),))), (1, 2), "{ n = 2 }"),
        (
            MapType(PAIR, BOOL),
            (0, 1, 0, 0),
            "{(Cpu#0, 0): false, (Cpu#0, 1): true, (Cpu#1, 0): false, (Cpu#1, 1): false}",
        ),
        (SetType(PAIR), (0, 1, 0, 0), "{(Cpu#0, 1)}"),
        (StructType("Empty", ()), (), "{}"),
    ],
)
def test_compound_values_read_as_in_the_model(t: Type, scalars: tuple[int, ...], text: str) -> None:
    value = decoded(t, *scalars)
    assert show(value) == text
    assert of_json(Node(to_json(value))) == value


def test_entries_fill_templates() -> None:
    assert entry("ev", "Event#1") == "ev[Event#1]"
    assert entry("ev[].refs", "Event#1") == "ev[Event#1].refs"
    assert entry("m[][]", TupleOf(("Cpu#0", 2))) == "m[Cpu#0][2]"
    assert entry("m[]", TupleOf(("Cpu#0", 2))) == "m[Cpu#0][2]"


def test_changes_name_the_innermost_element() -> None:
    old = (
        (
            "ev",
            MapOf(
                (
                    ("Event#0", RecordOf((("st", "idle"), ("refs", 0)))),
                    ("Event#1", RecordOf((("st", "idle"), ("refs", 1)))),
                )
            ),
        ),
        ("q", SetOf(("a", "b"))),
        ("log", ListOf((1,))),
        ("same", 3),
    )
    new = (
        (
            "ev",
            MapOf(
                (
                    ("Event#0", RecordOf((("st", "idle"), ("refs", 2)))),
                    ("Event#1", RecordOf((("st", "busy"), ("refs", 1)))),
                )
            ),
        ),
        ("q", SetOf(("b", "c"))),
        ("log", ListOf((1, 2))),
        ("same", 3),
    )
    assert [str(c) for c in changes(old, new)] == [
        "ev[Event#0].refs 0 -> 2",
        "ev[Event#1].st idle -> busy",
        "q + c - a",
        "log [1] -> [1, 2]",
    ]


def test_changes_of_kind_are_shown_whole() -> None:
    old, new = (("x", "none"),), (("x", RecordOf((("n", 1),))),)
    assert [str(c) for c in changes(old, new)] == ["x none -> { n = 1 }"]
    # A boolean and a number that Python calls equal are not the same value.
    assert [str(c) for c in changes((("x", True),), (("x", 1),))] == ["x true -> 1"]


def test_the_order_of_a_set_does_not_matter() -> None:
    assert changes((("q", SetOf(("a", "b"))),), (("q", SetOf(("b", "a"))),)) == ()
    assert element_texts((("q", SetOf(("b", "a"))),)) == element_texts((("q", SetOf(("a", "b"))),))


def test_equal_entries_fold() -> None:
    four = MapOf(tuple((f"E#{i}", 0) for i in range(4)))
    odd = MapOf((("E#0", 0), ("E#1", 7), ("E#2", 0), ("E#3", 0)))
    two = MapOf((("E#0", 1), ("E#1", 2)))
    nested = MapOf((("C#0", four), ("C#1", four)))
    state = (("a", four), ("b", odd), ("c", two), ("d", nested), ("e[].n", four))
    assert folded(state) == (
        ("a[*]", "0"),
        ("b[E#1]", "7"),
        ("b[others]", "0"),
        ("c[E#0]", "1"),
        ("c[E#1]", "2"),
        ("d[*][*]", "0"),
        ("e[*].n", "0"),
    )


@pytest.mark.parametrize("n", [0, -1, 2**53 - 1, -(2**53) + 1, 2**53, -(2**80)])
def test_integers_of_any_size(n: int) -> None:
    written = to_json(n)
    assert isinstance(written, int) == (abs(n) < 2**53)
    assert of_json(Node(written)) == n


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1.5, "1.5 is no value"),
        (None, "null is no value"),
        ({"#bigint": "1e3"}, "is no integer"),
        ({"#bigint": "9" * 2000}, "is no integer"),
        ({"#map": [[1]]}, "a pair is expected"),
        ({"#map": 3}, "an array is expected"),
        ({"#set": {}}, "an array is expected"),
        ({"#unserializable": "Int"}, "unknown form of value"),
    ],
)
def test_what_is_no_value_is_named(value: object, message: str) -> None:
    with pytest.raises(Damaged) as e:
        of_json(Node(value, "states[0].x"))
    assert message in e.value.message
    assert e.value.where.startswith("states[0].x")
