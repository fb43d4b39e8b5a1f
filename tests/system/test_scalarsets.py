"""Which id types are symmetric: what is refused, and that accepted systems really have the automorphisms."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from interp.random_systems import Features, random_system
from kspec.interp.machine import Machine
from kspec.lang.load import load
from kspec.lower.build import build
from kspec.system.expr import TRUE, Binary, Cell, Const, Expr, Fold, Ite, Narrow, Quant, Read, Var
from kspec.system.model import Action, Property, State, System
from kspec.system.scalarsets import scalarsets
from kspec.system.stmt import EMPTY, Assert, Assign, Bind, Block, Choose, For, If, Require, Stmt, Write
from kspec.types import BOOL, IdType, OptType, RangeType
from system.orbits import all_of, outcome

SOAK = bool(os.environ.get("KSPEC_SOAK"))
TASK = IdType("Task", 3)
MAYBE = OptType(TASK)
T = Var("t", 0, 2, TASK)
U = Var("u", 0, 2, TASK)
N = Var("n", 0, 3, RangeType(0, 3))
UP = Cell("up[]", (TASK,), BOOL)
SEEN = Cell("seen[]", (TASK,), RangeType(0, 3))
OWNER = Cell("owner", (), MAYBE)
TOTAL = Cell("total", (), RangeType(0, 3))
SMALL = Cell("small[]", (RangeType(0, 2),), BOOL)
CELLS = (UP, SEEN, OWNER, TOTAL, SMALL)
START = (0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0)


def put(cell: Cell, index: tuple[Expr, ...], value: Expr, over: tuple[Var, ...] = ()) -> Assign:
    return Assign((Write(cell, index, value, over),))


def system(
    *body: Stmt, guard: Expr = TRUE, invariant: Expr = TRUE, start: tuple[int, ...] = START, init: Block = EMPTY
) -> System:
    """One action, with a task ``t`` as parameter, and one invariant."""
    action = Action("a", ((T, TASK),), guard, Block(body))
    return System("s", (), CELLS, start, init, (action,), (Property("p", "invariant", invariant),))


def count(body: Expr, init: int = 0) -> Fold:
    return Fold(N, Const(init), U, body)


ACCEPTED = {
    "element of the parameter": system(put(UP, (T,), TRUE), guard=Binary("eq", Read(UP, (T,)), Const(0))),
    "stored and compared": system(put(OWNER, (), T), guard=Binary("ne", Read(OWNER), T)),
    "compared with none": system(put(OWNER, (), Const(-1)), guard=Binary("ne", Read(OWNER), Const(-1))),
    "dereferenced": system(put(UP, (Narrow(Read(OWNER), 0, 2, "none"),), TRUE)),
    "written over all": system(put(UP, (U,), Binary("eq", U, T), (U,))),
    "counted": system(
        invariant=Binary("lt", count(Ite(Read(UP, (U,)), Binary("add", N, Const(1)), N)), Const(4))
    ),
    "largest": system(
        invariant=Binary(
            "lt",
            Fold(
                Var("m", -1, 3),
                Const(-1),
                U,
                Ite(
                    Binary("or", Binary("eq", Var("m", -1, 3), Const(-1)),
                           Binary("gt", Read(SEEN, (U,)), Var("m", -1, 3))),
                    Read(SEEN, (U,)),
                    Var("m", -1, 3),
                ),
            ),
            Const(4),
        )
    ),
    "own elements": system(For(U, Block((put(SEEN, (U,), Const(1)), If(Read(UP, (U,)), Block((put(UP, (U,), TRUE),)), EMPTY))))),  # noqa: E501
    "chosen": system(Choose(U, Binary("ne", U, T), "disable"), put(OWNER, (), U)),
    "start of a set": system(start=(1, 1, 1, *START[3:])),
}  # fmt: skip

REFUSED = {
    "constant index": system(put(UP, (Const(0),), TRUE)),
    "constant stored": system(put(OWNER, (), Const(1))),
    "compared with a constant": system(guard=Binary("eq", T, Const(0))),
    "ordered": system(guard=Binary("lt", T, Const(2))),
    "ordered among themselves": system(invariant=Quant("forall", T, Quant("exists", U, Binary("le", T, U)))),
    "as a number": system(put(TOTAL, (), T)),
    "as a condition": system(guard=T),
    "as an index of numbers": system(put(SMALL, (T,), TRUE)),
    "a number as index": system(Bind(N, Read(TOTAL)), put(UP, (Narrow(N, 0, 2, "index"),), TRUE)),
    "mixed": system(put(OWNER, (), Ite(Read(UP, (T,)), T, Const(0)))),
    "part of them": system(invariant=Quant("forall", Var("u", 0, 1, TASK), Read(UP, (Var("u", 0, 1, TASK),)))),
    "narrowed": system(guard=Binary("eq", Narrow(T, 1, 2, "range"), T)),
    "the last one": system(invariant=Binary("eq", Fold(Var("m", -1, 2, MAYBE), Const(-1), U, Ite(Read(UP, (U,)), U, Var("m", -1, 2, MAYBE))), Const(-1))),  # noqa: E501
    "a running value that is looked at": system(
        invariant=Binary("lt", count(Ite(Binary("lt", N, Read(SEEN, (U,))), Binary("add", N, Const(1)), N)), Const(4))
    ),
    "an error that depends on the running value": system(
        invariant=Binary(
            "lt",
            count(Binary("and", Binary("eq", N, Const(0)), Read(UP, (Narrow(Read(OWNER), 0, 2, "none"),)))),
            Const(4),
        )
    ),
    "the last iteration": system(For(U, Block((put(TOTAL, (), Read(SEEN, (U,))),)))),
    "a choice in a loop": system(For(U, Block((Choose(N, TRUE, "disable"), put(TOTAL, (), N))))),
    "disabled or failed": system(
        For(U, Block((Require(Read(UP, (U,))), put(SEEN, (U,), Narrow(Binary("add", Read(SEEN, (U,)), Const(1)), 0, 3, "range")))))  # noqa: E501
    ),
    "short-circuit of an update": system(
        For(U, Block((put(SMALL, (Const(0),), Binary("or", Read(SMALL, (Const(0),)), Read(UP, (Narrow(Read(OWNER), 0, 2, "none"),)))),)))  # noqa: E501
    ),
    "start": system(start=(1, *START[1:])),
    "start with one of them": system(start=(*START[:6], 0, *START[7:])),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    found = scalarsets(ACCEPTED[name])
    assert found.types == (TASK,), found.refusals
    assert found.group == 6


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    found = scalarsets(REFUSED[name])
    assert found.types == () and found.group == 1
    assert [r.type for r in found.refusals] == [TASK]
    assert str(found.refusals[0]).startswith("identities of Task are not interchangeable: ")


def test_only_one_type_is_refused() -> None:
    """A type that is not symmetric leaves the others alone."""
    cpu = IdType("Cpu", 2)
    idle = Cell("idle[]", (cpu,), BOOL)
    s = system(put(UP, (T,), TRUE), put(idle, (Const(0),), TRUE))
    found = scalarsets(replace(s, cells=(*CELLS, idle), start=(*START, 0, 0)))
    assert found.types == (TASK,)
    assert [r.type for r in found.refusals] == [cpu]


def test_identities_that_init_sets() -> None:
    """A cell that holds an identity directly has no symmetric start value; init must set it first."""
    here = Cell("here", (), TASK)
    chosen = Block((Choose(U, TRUE, "disable"), put(here, (), U)))
    read = Block((put(OWNER, (), Read(here)), *chosen.stmts))
    s = replace(system(), cells=(*CELLS, here), start=(*START, 0))
    assert scalarsets(replace(s, init=chosen)).types == (TASK,)
    assert scalarsets(replace(s, init=read)).types == ()
    assert scalarsets(s).types == ()


def test_confusable_errors() -> None:
    """Where elements of one repetition can raise different errors, which one is seen depends on the names."""
    both = Binary("div", Read(TOTAL), Read(SEEN, (Narrow(Read(OWNER), 0, 2, "none"),)))
    s = system(put(SEEN, (U,), Narrow(both, 0, 3, "range"), (U,)))
    assert scalarsets(s).confusable == {"error.div", "error.none", "error.range"}
    one = system(put(SEEN, (U,), Binary("mod", Read(SEEN, (U,)), Const(3)), (U,)))
    assert not scalarsets(one).confusable
    asserted = system(For(U, Block((Assert("x", Read(UP, (U,))), Assert("y", Read(UP, (U,)))))))
    assert scalarsets(asserted).confusable == {"x", "y"}


@pytest.mark.parametrize("block", range(4))
def test_automorphisms(block: int) -> None:
    """Every permutation maps initial states to initial states and steps to steps, and keeps what is judged."""
    seen = 0
    for seed in range(block, 4000 if SOAK else 240, 4):
        s = random_system(seed, Features(product=400, actions=5))
        found = scalarsets(s)
        if found.types and not found.confusable:
            seen += 1
            check_automorphisms(s, seed)
    assert seen > 10


@pytest.mark.parametrize("block", range(4))
def test_unordered_on_paper(block: int) -> None:
    """Systems that use the order of identities, declared as if they had none: refused, or symmetric after all."""
    refused = 0
    for seed in range(block, 4000 if SOAK else 240, 4):
        s = _without_order(random_system(seed, Features(product=300, actions=5)))
        found = scalarsets(s)
        refused += bool(found.refusals)
        if found.types and not found.confusable:
            check_automorphisms(s, seed)
    assert refused > 2


def check_automorphisms(s: System, seed: int, most: int = 40) -> None:
    types = scalarsets(s).types
    machine = Machine(s)
    initial = list(machine.initial())
    generators = [by for by in all_of(types) if sum(i != k for m in by.values() for k, i in enumerate(m)) == 2]
    same = _counted(s, initial, {})
    for by in generators:
        assert _counted(s, initial, by) == same, seed
    states: list[State] = list(dict.fromkeys(o.post for o in initial if o.post is not None))
    for at in states:
        steps = list(machine.steps(at))
        if len(states) < most:
            states += [p for p in dict.fromkeys(o.post for o in steps) if p is not None and p not in states]
        for by in generators:
            image = _image(s, at, by)
            assert _counted(s, steps, by) == _counted(s, list(machine.steps(image)), {}), (seed, at, by)
            assert _judged(machine, at) == _judged(machine, image), (seed, at, by)


def _image(s: System, state: State, by: Any) -> State:
    from kspec.system.scalarsets import permuted

    return permuted(s, state, by)


def _counted(s: System, found: list[Any], by: Any) -> Counter[tuple[object, ...]]:
    return Counter(outcome(s, o, by) for o in found)


def _judged(machine: Machine, state: State) -> object:
    wrong, reached = machine.judge(state)
    stuck = machine.deadlock_violations(state)
    return sorted(v.property for v in wrong), reached, [v.property for v in stuck], machine.within(state)


def _without_order(node: Any) -> Any:
    """The same with every id type unordered."""
    if isinstance(node, IdType):
        return replace(node, ordered=False)
    if isinstance(node, tuple):
        return tuple(map(_without_order, node))
    if is_dataclass(node) and not isinstance(node, type):
        return replace(node, **{f.name: _without_order(getattr(node, f.name)) for f in fields(node)})  # type: ignore[type-var]
    return node


@pytest.mark.parametrize(
    "text",
    [
        "for t in Task { n = n + 2; any = any || mark[t]; mark[t] = true; s += {t}; }",
        "for t in Task where !mark[t] { let k = t in s; mark[t] = k; }",
        "choose t in s; s -= {t}; owner = t;",
        "q.push(owner);",
        "if (owner != none && mark[owner]) { owner = none; }",
    ],
)
def test_what_the_language_accepts(text: str, tmp_path: Path) -> None:
    """Typing gives symmetry: what the front end lets through is found symmetric."""
    model = f"""kspec 1
id Task[3];
var n: 0..99; var any: bool; var mark[Task]: bool; var s: set<Task>; var owner: Task?; var q: seq<Task?, 2>;
action go() {{ {text} }}
invariant fine: (count(t in Task where mark[t]) < 4) && (forall t in Task: t in s || !(t in s));
invariant least: (min(t in Task where true: n)) >= 0;
"""
    path = tmp_path / "m.kspec"
    path.write_text(model, encoding="utf-8")
    s = build(load(path), {})
    assert scalarsets(s).types, scalarsets(s).refusals
    check_automorphisms(s, 0)
