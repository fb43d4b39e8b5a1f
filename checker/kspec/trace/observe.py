"""Evaluation that remembers: which elements were read, and where an error came from.

It follows the rules of ``kspec.system.expr`` and of ``kspec.interp``, which is the authority; it is
only used to say why something happened, never to decide that it did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

from kspec.system.expr import (
    Binary,
    Cell,
    Const,
    Expr,
    Fold,
    Ite,
    Let,
    Narrow,
    Quant,
    Read,
    Unary,
    Var,
    trunc_div,
    trunc_mod,
)
from kspec.system.layout import offset
from kspec.system.model import System
from kspec.system.stmt import Assert, Assign, Bind, Block, Choose, For, If, Require

Env: TypeAlias = Mapping[str, int]
Place: TypeAlias = tuple[str, tuple[int, ...]]


class FaultError(Exception):
    """The expression at which evaluation goes wrong, and the variables bound there."""

    def __init__(self, expr: Expr, env: Env) -> None:
        super().__init__()
        self.expr = expr
        self.env = env


class HaltError(Exception):
    """The statement at which a body stops without completing, and the variables bound there."""

    def __init__(self, stmt: Require | Assert | Choose, env: Env) -> None:
        super().__init__()
        self.stmt = stmt
        self.env = env


@dataclass
class Observer:
    """A state that can be asked, and what has been read of it so far (in order, each element once)."""

    system: System
    scalars: Sequence[int]
    old: Sequence[int] | None = None
    temps: dict[Place, int] = field(default_factory=dict)
    reads: dict[tuple[Cell, tuple[int, ...], bool], None] = field(default_factory=dict)
    vars: dict[str, Var] = field(default_factory=dict)

    def value(self, e: Expr, env: Env) -> int:
        """The value of an expression; raises FaultError."""
        match e:
            case Const(value):
                return value
            case Var(name):
                return env[name]
            case Read(cell, index, old):
                return self._read(cell, tuple(self.value(i, env) for i in index), old)
            case Unary(op, a):
                v = self.value(a, env)
                return int(not v) if op == "not" else -v
            case Binary():
                return self._binary(e, env)
            case Ite(c, a, b):
                return self.value(a if self.value(c, env) else b, env)
            case Let(var, value, body):
                return self.value(body, self.bind(env, var, self.value(value, env)))
            case Quant(op, var, body):
                found = [self.value(body, self.bind(env, var, v)) for v in range(var.lo, var.hi + 1)]
                return int(all(found)) if op == "forall" else int(any(found))
            case Fold(acc, init, var, body):
                total = self.value(init, env)
                for v in range(var.lo, var.hi + 1):
                    total = self.value(body, self.bind(self.bind(env, acc, total), var, v))
                return total
            case Narrow(value, lo, hi):
                v = self.value(value, env)
                if lo <= v <= hi:
                    return v
                raise FaultError(e, env)

    def bind(self, env: Env, var: Var, value: int) -> Env:
        """The environment with a variable added."""
        self.vars[var.name] = var
        return {**env, var.name: value}

    def _read(self, cell: Cell, index: tuple[int, ...], old: bool) -> int:
        if cell.temp:
            return self.temps[cell.name, index]
        self.reads[cell, index, old] = None
        source = self.old if old and self.old is not None else self.scalars
        return source[self.system.offsets[cell.name] + offset(cell, index)]

    def _binary(self, e: Binary, env: Env) -> int:
        a = self.value(e.a, env)
        match e.op:
            case "and":
                return self.value(e.b, env) if a else 0
            case "or":
                return 1 if a else self.value(e.b, env)
            case "implies":
                return self.value(e.b, env) if a else 1
        b = self.value(e.b, env)
        match e.op:
            case "add":
                return a + b
            case "sub":
                return a - b
            case "mul":
                return a * b
            case "div" | "mod":
                if b == 0:
                    raise FaultError(e, env)
                return trunc_div(a, b) if e.op == "div" else trunc_mod(a, b)
            case "eq":
                return int(a == b)
            case "ne":
                return int(a != b)
            case "lt":
                return int(a < b)
            case "le":
                return int(a <= b)
            case "gt":
                return int(a > b)
            case _:
                return int(a >= b)

    def execute(self, body: Block, env: Env, choices: Sequence[int]) -> None:
        """Executes a body as one path of choices has it; raises HaltError or FaultError where it stops.

        Afterwards ``scalars`` is the state at that point.
        """
        self._block(body, env, list(reversed(choices)))

    def _block(self, block: Block, env: Env, choices: list[int]) -> Env:
        for stmt in block.stmts:
            match stmt:
                case Block():
                    self._block(stmt, env, choices)
                case Bind(var, value):
                    env = self.bind(env, var, self.value(value, env))
                case Choose():
                    env = self._choose(stmt, env, choices)
                case Assign():
                    self._assign(stmt, env)
                case If(cond, then, other):
                    self._block(then if self.value(cond, env) else other, env, choices)
                case For(var, inner):
                    for v in range(var.lo, var.hi + 1):
                        self._block(inner, self.bind(env, var, v), choices)
                case Require(cond) | Assert(_, cond):
                    if not self.value(cond, env):
                        raise HaltError(stmt, env)
        return env

    def _choose(self, stmt: Choose, env: Env, choices: list[int]) -> Env:
        options = [
            v for v in range(stmt.var.lo, stmt.var.hi + 1) if self.value(stmt.where, self.bind(env, stmt.var, v))
        ]
        if not options:
            raise HaltError(stmt, env)
        return self.bind(env, stmt.var, choices.pop() if choices else options[0])

    def _assign(self, stmt: Assign, env: Env) -> None:
        pending: list[tuple[Cell, tuple[int, ...], int]] = []
        for w in stmt.writes:
            for binding in product(*(range(v.lo, v.hi + 1) for v in w.over)):
                inner = env
                for var, v in zip(w.over, binding, strict=True):
                    inner = self.bind(inner, var, v)
                index = tuple(self.value(i, inner) for i in w.index)
                pending.append((w.cell, index, self.value(w.value, inner)))
        scalars = list(self.scalars)
        for cell, index, v in pending:
            if cell.temp:
                self.temps[cell.name, index] = v
            else:
                scalars[self.system.offsets[cell.name] + offset(cell, index)] = v
        self.scalars = scalars
