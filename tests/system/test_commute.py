"""Folds and loops that are accepted as independent of order are so: every order is tried."""

from __future__ import annotations

import os
import random
from itertools import permutations, product

from kspec.interp.machine import Machine
from kspec.system.commute import fold_commutes, loop_commutes
from kspec.system.constant import NotConstant, evaluate
from kspec.system.expr import TRUE, Binary, BinaryOp, Cell, Const, Expr, Fold, Ite, Let, Narrow, Read, Unary, Var
from kspec.system.model import Action, System
from kspec.system.rewrite import substitute_block
from kspec.system.stmt import EMPTY, Assign, Block, For, If, Stmt, Write
from kspec.types import BOOL, IdType, RangeType

SOAK = bool(os.environ.get("KSPEC_SOAK"))
ACC = Var("acc", -3, 6)
X = Var("x", 0, 2, IdType("Task", 3))
OPS: tuple[BinaryOp, ...] = ("add", "sub", "add", "eq", "lt", "gt", "and", "or", "implies", "mul", "div")


class Folds:
    """Random steps of folds: of the running value and of what each element contributes."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.names = 0

    def element(self) -> Expr:
        """A number of each element; sometimes one that is an error for some."""
        rng = self.rng
        values = [Const(rng.randint(0, 3)) for _ in range(3)]
        e: Expr = Ite(Binary("eq", X, Const(0)), values[0], Ite(Binary("eq", X, Const(1)), values[1], values[2]))
        return Narrow(e, 0, 2, "range") if rng.random() < 0.2 else e

    def step(self, depth: int) -> Expr:
        rng = self.rng
        kind = rng.randrange(9) if depth else rng.randrange(2)
        match kind:
            case 0:
                return ACC
            case 1:
                return self.element()
            case 2 | 3 | 4:
                return Binary(rng.choice(OPS), self.step(depth - 1), self.step(depth - 1))
            case 5:
                return Unary(rng.choice(("not", "neg")), self.step(depth - 1))
            case 6:
                return Narrow(self.step(depth - 1), -1, 3, "range")
            case 7:
                self.names += 1
                v = Var(f"v{self.names}", -9, 9)
                return Let(v, self.step(depth - 1), Binary("add", v, self.step(depth - 1)))
            case _:
                return Ite(self.step(depth - 1), self.step(depth - 1), self.step(depth - 1))

    def shaped(self) -> Expr:
        """What counts, sums and extrema are made of, with flaws now and then."""
        rng, e = self.rng, self.element()
        cond = Binary("gt", self.element(), Const(1))
        flawed = rng.random() < 0.3
        match rng.randrange(4):
            case 0:
                return Ite(ACC if flawed else cond, Binary("add", ACC, e), ACC)
            case 1:
                return Binary("sub", ACC, Binary("mul", e, ACC) if flawed else e)
            case 2:
                empty = Const(1 if flawed else -1)
                first = Binary("eq", ACC, empty)
                return Ite(cond, Ite(Binary("or", first, Binary("lt", e, ACC)), e, ACC), ACC)
            case _:
                return Binary("and" if flawed else "or", ACC, Binary("gt", e, Const(1)))


def value(fold: Fold, order: tuple[int, ...]) -> int | str:
    """The value in some order of the elements, or ``error``; ``beyond`` if a running value has no bounds."""
    try:
        total = evaluate(fold.init)
        for x in order:
            total = evaluate(fold.body, {"acc": total, "x": x})
            if not ACC.lo <= total <= ACC.hi:
                return "beyond"
    except NotConstant:
        return "error"
    return total


def test_folds() -> None:
    """Accepted folds have one value in all orders."""
    accepted = 0
    for seed in range(12_000 if SOAK else 1500):
        folds = Folds(seed)
        fold = Fold(ACC, Const(folds.rng.randint(-1, 1)), X, folds.shaped() if seed % 2 else folds.step(3))
        if not fold_commutes(fold):
            continue
        values = [value(fold, order) for order in permutations(range(3))]
        if "beyond" in values:
            continue  # no fold of a system
        accepted += 1
        assert len(set(values)) == 1, (seed, fold)
    assert accepted > 200


def test_common_folds_are_accepted() -> None:
    """Counts, sums, extrema, large ones too."""
    e = Read(Cell("c[]", (IdType("Task", 3),), RangeType(0, 10_000)), (X,))
    m = Var("m", -1, 10_000)
    big = Var("s", 0, 30_000)
    cond = Binary("eq", e, Const(5))
    for body in (Binary("add", big, e), Ite(cond, Binary("add", big, Const(1)), big)):
        assert fold_commutes(Fold(big, Const(0), X, body))
    for op in ("lt", "gt"):
        least = Ite(Binary("or", Binary("eq", m, Const(-1)), Binary(op, e, m)), e, m)  # type: ignore[arg-type]
        assert fold_commutes(Fold(m, Const(-1), X, Ite(cond, least, m)))
    assert not fold_commutes(Fold(m, Const(-1), X, e))


TASK = IdType("Task", 3)
OWN = Cell("own[]", (TASK,), RangeType(0, 3))
SUM = Cell("sum", (), RangeType(0, 5))
ANY = Cell("any", (), BOOL)
ROW = Cell("row[]", (RangeType(0, 1),), RangeType(0, 3))
TMP = Cell("tmp", (), RangeType(0, 3), temp=True)
CELLS = (OWN, SUM, ANY, ROW, TMP)
DOMAINS = (*((0, 3),) * 3, (0, 5), (0, 1), *((0, 3),) * 2)


class Loops:
    """Random bodies of loops over identities."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def number(self) -> Expr:
        """Something in 0..3, or an error."""
        rng = self.rng
        match rng.randrange(6):
            case 0:
                return Const(rng.randrange(4))
            case 1 | 2:
                return Read(OWN, (X,))
            case 3:
                return Read(ROW, (Const(rng.randrange(2)),))
            case 4:
                return Read(TMP)
            case _:
                return Narrow(Read(SUM), 0, 3, "range")

    def write(self, cell: Cell, index: tuple[Expr, ...], e: Expr) -> Stmt:
        return Assign((Write(cell, index, e),))

    def statement(self, depth: int = 1) -> Stmt:
        rng = self.rng
        match rng.randrange(8 if depth else 7):
            case 0:
                return self.write(OWN, (X,), self.number())
            case 1:
                op = rng.choice(("add", "sub"))
                by: Expr = self.number()
                if rng.random() < 0.3:
                    by = Binary("sub", by, Const(1))
                return self.write(SUM, (), Narrow(Binary(op, Read(SUM), by), 0, 5, "range"))  # type: ignore[arg-type]
            case 2:
                cond = Binary("eq", self.number(), Const(1))
                return self.write(ANY, (), Binary(rng.choice(("or", "and")), Read(ANY), cond))  # type: ignore[arg-type]
            case 3:
                return self.write(ROW, (Const(rng.randrange(2)),), Const(rng.randrange(4)))
            case 4:
                return self.write(ROW, (Const(rng.randrange(2)),), self.number())
            case 5 | 6:
                return self.write(TMP, (), self.number())
            case _:
                cond = Binary(rng.choice(("eq", "lt")), self.number(), Const(rng.randrange(4)))  # type: ignore[arg-type]
                return If(cond, Block((self.statement(0),)), Block((self.statement(0),)) if rng.randrange(2) else EMPTY)

    def body(self) -> Block:
        first: tuple[Stmt, ...] = (self.write(TMP, (), Read(OWN, (X,))),) if self.rng.random() < 0.5 else ()
        return Block((*first, *(self.statement() for _ in range(self.rng.randint(1, 2)))))


def test_loops() -> None:
    """Accepted loops end in one state, or fail, in all orders."""
    accepted = 0
    for seed in range(10_000 if SOAK else 800):
        loops = Loops(seed)
        body = loops.body()
        fill = loops.write(TMP, (), Const(0))
        whole = Block((fill, For(X, body))) if loops.rng.randrange(4) == 0 else Block((For(X, body),))
        loop = whole.stmts[-1]
        assert isinstance(loop, For)
        if not loop_commutes(loop, whole):
            continue
        accepted += 1
        states = random.Random(seed).sample(STATES, 8)
        results = [outcomes(whole.stmts[:-1], body, order, states) for order in ORDERS]
        assert all(r == results[0] for r in results), (seed, body)
    assert accepted > 80


def outcomes(before: tuple[Stmt, ...], body: Block, order: tuple[int, ...], states: list[tuple[int, ...]]) -> object:
    """What comes of iterations in some order, from some states: the state after, or None for an error."""
    unrolled = tuple(substitute_block(body, {"x": Const(i)}) for i in order)
    filled = Loops(0).write(TMP, (), Const(0))
    action = Action("a", (), TRUE, Block((filled, *before, *unrolled)))
    start = tuple(lo for lo, _ in DOMAINS)
    machine = Machine(System("s", (), CELLS, start, EMPTY, (action,), ()))
    return [[o.post for o in machine.steps(s)] for s in states]


ORDERS = tuple(permutations(range(3)))
STATES = list(product(*(range(lo, hi + 1) for lo, hi in DOMAINS)))
