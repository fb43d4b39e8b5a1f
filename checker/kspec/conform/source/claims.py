"""What is claimed of comparison functions, as formulas over machine integers.

* A comparison that orders a tree is a *strict weak order*: irreflexive, transitive, and incomparability is
  transitive (what ``rb_add`` and ``sort`` rely on).
* It is the order that the model states.
* A comparison of a search key with a node is *monotone* along the order of the tree: from left to right its
  sign never goes up.  Then the nodes that match stand together, ``rb_find_first`` finds the leftmost of them,
  and ``rb_next_match`` goes through them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import z3
from tree_sitter import Node

from kspec.conform.source import machine
from kspec.conform.source.ctext import Function, Parameter, descendants, text
from kspec.conform.source.execute import Executor
from kspec.conform.source.machine import INT, IntType, PointerType, Scalar, StructType
from kspec.conform.source.memory import pointee

Order = Callable[[Scalar, Scalar], z3.BoolRef]


@dataclass(frozen=True)
class Pair:
    """A function that compares two objects of one kind: true for "less", or negative, zero, positive."""

    function: Function
    boolean: bool


@dataclass(frozen=True)
class Search:
    """A function that compares a search key with an object: negative, zero, positive."""

    function: Function


@dataclass(frozen=True)
class Term:
    """Something to show of a counterexample."""

    name: str
    value: z3.ExprRef
    type: IntType


@dataclass(frozen=True)
class Claim:
    """``refuted`` is satisfiable if and only if the claim is wrong; ``objects`` are what it speaks of."""

    about: str
    text: str
    refuted: z3.BoolRef
    objects: tuple[Scalar, ...]
    shown: tuple[Term, ...]


def role(f: Function) -> Pair | Search | None:
    """What a function of two pointers compares; None for other functions."""
    types = [p.type for p in f.parameters]
    if len(types) != 2 or not all(isinstance(t, PointerType) for t in types) or not isinstance(f.result, IntType):
        return None
    if pointee(types[0]) == pointee(types[1]):
        return Pair(f, f.result.truth)
    return None if f.result.truth else Search(f)


def callers(functions: dict[str, tuple[Function, ...]], name: str) -> Iterator[Function]:
    """The functions whose bodies call ``name``."""
    for several in functions.values():
        for f in several:
            if f.body is not None and any(_calls(n, name) for n in descendants(f.body)):
                yield f


def _calls(node: Node, name: str) -> bool:
    return node.type == "call_expression" and text(node.children[0]) == name


def order_of(run: Executor, pair: Pair) -> Order:
    """``a < b`` as the function says it."""

    def before(a: Scalar, b: Scalar) -> z3.BoolRef:
        v = run.call(pair.function, (a, b))
        return machine.truth(v) if pair.boolean else machine.less(v, machine.constant(0))

    return before


def objects(pair: Pair | Search, names: str) -> tuple[Scalar, ...]:
    """Objects as the last parameter of the function takes them."""
    t = pair.function.parameters[-1].type
    assert isinstance(t, PointerType)
    return tuple(Scalar(z3.BitVec(n, machine.POINTER), t) for n in names.split())


def strict_weak_order(run: Executor, pair: Pair) -> Claim:
    """Irreflexive and transitive, also in what is neither less nor greater."""
    less, name = order_of(run, pair), pair.function.name
    a, b, c = objects(pair, "a b c")
    ab, ba, bc, cb, ac, ca = less(a, b), less(b, a), less(b, c), less(c, b), less(a, c), less(c, a)
    apart = z3.Or(ac, ca)
    broken = z3.Or(
        less(a, a), z3.And(ab, bc, z3.Not(ac)), z3.And(z3.Not(z3.Or(ab, ba)), z3.Not(z3.Or(bc, cb)), apart)
    )
    shown = tuple(
        Term(f"{name}({x}, {y})", v, INT)
        for x, y, v in (("a", "a", less(a, a)), ("a", "b", ab), ("b", "a", ba), ("b", "c", bc), ("c", "b", cb),
                        ("a", "c", ac), ("c", "a", ca))
    )  # fmt: skip
    return Claim(name, "is a strict weak order", broken, (a, b, c), shown)


def antisymmetric(run: Executor, pair: Pair) -> Claim:
    """A comparison with three results gives the opposite one for the operands exchanged."""
    a, b = objects(pair, "a b")
    ab, ba = run.call(pair.function, (a, b)), run.call(pair.function, (b, a))
    zero = machine.constant(0)
    opposite = z3.And(
        machine.less(ab, zero) == machine.less(zero, ba), machine.less(zero, ab) == machine.less(ba, zero)
    )
    name = pair.function.name
    shown = (_result(f"{name}(a, b)", ab), _result(f"{name}(b, a)", ba))
    return Claim(name, "gives the opposite result for exchanged operands", z3.Not(opposite), (a, b), shown)


def equal_orders(run: Executor, pair: Pair, model: Order, wording: str) -> Claim:
    """The order of the model, between any two objects."""
    a, b = objects(pair, "a b")
    here, there = order_of(run, pair)(a, b), model(a, b)
    shown = (Term(f"{pair.function.name}(a, b)", here, INT), Term("a before b in the model", there, INT))
    return Claim(pair.function.name, f"is {wording}", here != there, (a, b), shown)


def monotone(run: Executor, search: Search, pair: Pair) -> Claim:
    """Along the order of the tree, the sign of a search never goes up."""
    less, f = order_of(run, pair), search.function
    n1, n2 = objects(pair, "n1 n2")
    key = Scalar(z3.BitVec("key", machine.POINTER), _pointer(f.parameters[0]))
    r1, r2 = run.call(f, (key, n1)), run.call(f, (key, n2))
    zero = machine.constant(0)
    up = z3.Or(
        z3.And(machine.less(r1, zero), machine.less(zero, r2, or_equal=True)),
        z3.And(machine.less(r1, zero, or_equal=True), machine.less(zero, r2)),
    )
    before = less(n1, n2)
    shown = (_result(f"{f.name}(key, n1)", r1), _result(f"{f.name}(key, n2)", r2),
             Term(f"{pair.function.name}(n1, n2)", before, INT))  # fmt: skip
    wording = f"is monotone along {pair.function.name}"
    return Claim(f.name, wording, z3.And(before, up), (key, n1, n2), shown)


def _pointer(p: Parameter) -> PointerType:
    return p.type if isinstance(p.type, PointerType) else PointerType(None)


def _result(name: str, v: Scalar) -> Term:
    return Term(name, v.term, v.type if isinstance(v.type, IntType) else INT)


def tag_of(t: PointerType) -> str | None:
    """The struct that a pointer points to."""
    return t.to.tag if isinstance(t.to, StructType) else None
