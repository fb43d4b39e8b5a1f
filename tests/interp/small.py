"""Short ways to write transition systems by hand."""

from __future__ import annotations

from kspec.engine.protocol import Progress
from kspec.system.expr import TRUE, Binary, BinaryOp, Cell, Const, Expr, Narrow, Read, Site, Var
from kspec.system.model import Action, Property, System
from kspec.system.stmt import EMPTY, Assign, Block, Stmt, Write
from kspec.types import IdType, RangeType, Scalar

R4 = RangeType(0, 3)
TASK = IdType("Task", 2)


class Patient:
    """A control block that never cancels; keeps the reports."""

    def __init__(self, cancel_after: int | None = None) -> None:
        self.reports: list[Progress] = []
        self.polls = 0
        self.cancel_after = cancel_after

    def cancelled(self) -> bool:
        self.polls += 1
        return self.cancel_after is not None and self.polls > self.cancel_after

    def report(self, progress: Progress) -> None:
        self.reports.append(progress)


def cell(name: str, t: Scalar, *dims: Scalar, temp: bool = False) -> Cell:
    return Cell(name + "[]" * len(dims), dims, t, temp)


def var(name: str, t: Scalar) -> Var:
    return Var(name, t.lo, t.hi, t)


def expr(e: Expr | Cell | int) -> Expr:
    match e:
        case int():
            return Const(e)
        case Cell():
            return Read(e)
        case _:
            return e


def op(a: Expr | Cell | int, sign: BinaryOp, b: Expr | Cell | int, text: str = "") -> Binary:
    return Binary(sign, expr(a), expr(b), Site(None, text))


def at(c: Cell, *index: Expr | int) -> Read:
    return Read(c, tuple(expr(i) for i in index))


def put(c: Cell, value: Expr | Cell | int, *index: Expr | int, over: tuple[Var, ...] = ()) -> Assign:
    return Assign((Write(c, tuple(expr(i) for i in index), expr(value), over),))


def fit(e: Expr, t: Scalar, text: str = "") -> Narrow:
    return Narrow(e, t.lo, t.hi, "range", Site(None, text))


def block(*stmts: Stmt) -> Block:
    return Block(stmts)


def action(name: str, guard: Expr, *stmts: Stmt, params: tuple[Var, ...] = (), **more: object) -> Action:
    typed = tuple((p, p.type) for p in params if p.type is not None)
    return Action(name, typed, guard, Block(stmts), **more)  # type: ignore[arg-type]


def system(
    cells: tuple[Cell, ...],
    *actions: Action,
    start: tuple[int, ...] | None = None,
    init: Block = EMPTY,
    props: tuple[Property, ...] = (),
    terminal: tuple[Expr, ...] = (),
    limits: tuple[Expr, ...] = (),
    deadlock: bool = False,
) -> System:
    if start is None:
        start = tuple(c.type.lo for c in cells if not c.temp for _ in range(c.size))
    return System("small", (), cells, start, init, actions, props, terminal, limits, deadlock)


def body(*stmts: Stmt, cells: tuple[Cell, ...], start: tuple[int, ...] | None = None) -> System:
    """A system with one action ``go`` that is always enabled."""
    return system(cells, action("go", TRUE, *stmts), start=start)
