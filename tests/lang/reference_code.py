"""The sequential code of processes and procedures as a list of instructions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kspec.lang import ast
from lang.reference_values import NotSupported

Instruction = tuple[Any, ...]
"""``("do", statement)``, ``("test", condition, else)``, ``("jump", to)``, ``("either", entries)``,
``("fill", for, slot)``, ``("take", for, slot, end)``, ``("call", statement)``, ``("end",)``."""


@dataclass
class Code:
    """Instructions, where labels are, and the stretch of instructions that belongs to each branch of an either."""

    instructions: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    branches: dict[int, range] = field(default_factory=dict)
    pending: list[tuple[int, str]] = field(default_factory=list)
    slots: int = 0

    def emit(self, *instruction: Any) -> int:
        self.instructions.append(instruction)
        return len(self.instructions) - 1

    def here(self) -> int:
        return len(self.instructions)

    def settle(self, pc: int) -> int:
        """Where a jump to ``pc`` ends, jumps being no steps."""
        while self.instructions[pc][0] == "jump":
            pc = self.instructions[pc][1]
        return pc


def compiled(body: tuple[ast.Stmt, ...], procedures: dict[str, ast.ProcDecl]) -> Code:
    """The instructions of a body; the last one is its end."""
    code = Code()
    returns: list[int] = []
    _block(code, body, procedures, [], [], returns)
    end = code.emit("end")
    for at in returns:
        code.instructions[at] = ("jump", end)
    for at, label in code.pending:
        code.instructions[at] = ("jump", code.labels[label])
    return code


def _block(
    code: Code,
    body: tuple[ast.Stmt, ...],
    procedures: dict[str, ast.ProcDecl],
    leave: list[int] | None,
    again: list[int] | None,
    returns: list[int],
) -> None:
    for t in body:
        match t:
            case ast.LabelStmt(name):
                code.labels[name] = code.here()
            case ast.IfStmt(cond, then, other):
                test = code.emit("test", cond, 0)
                _block(code, then, procedures, leave, again, returns)
                over = code.emit("jump", 0)
                code.instructions[test] = ("test", cond, code.here())
                _block(code, other, procedures, leave, again, returns)
                code.instructions[over] = ("jump", code.here())
            case ast.WhileStmt(cond, inner):
                top = code.here()
                entry = code.emit("test", cond, 0) if cond is not None else None
                _loop(code, inner, procedures, top, returns, None if entry is None else (entry, cond))
            case ast.ForStmt(_, inner):
                slot = code.slots
                code.slots += 1
                code.emit("fill", t, slot)
                top = code.here()
                entry = code.emit("take", t, slot, 0)
                _loop(code, inner, procedures, top, returns, (entry, None))
            case ast.EitherStmt(branches):
                at = code.emit("either", ())
                entries: list[int] = []
                overs: list[int] = []
                for b in branches:
                    entries.append(code.here())
                    _block(code, b, procedures, leave, again, returns)
                    code.branches[entries[-1]] = range(entries[-1], code.here())
                    overs.append(code.emit("jump", 0))
                code.instructions[at] = ("either", tuple(entries))
                for over in overs:
                    code.instructions[over] = ("jump", code.here())
            case ast.JumpStmt("goto", label):
                code.pending.append((code.emit("jump", 0), label))
            case ast.JumpStmt("return"):
                returns.append(code.emit("jump", 0))
            case ast.JumpStmt("break" | "continue" as op):
                where = leave if op == "break" else again
                assert where is not None
                where.append(code.emit("jump", 0))
            case ast.CallStmt(name) if name in procedures:
                code.emit("call", t)
            case ast.AssertStmt() | ast.RequireStmt() | ast.AtomicStmt() | ast.ChooseStmt() | ast.LetStmt():
                code.emit("do", t)
            case ast.AssignStmt() | ast.StepStmt() | ast.MethodStmt() | ast.LocalStmt() | ast.JumpStmt("skip"):
                code.emit("do", t)
            case _:
                raise NotSupported(str(t))


def _loop(
    code: Code,
    inner: tuple[ast.Stmt, ...],
    procedures: dict[str, ast.ProcDecl],
    top: int,
    returns: list[int],
    entry: tuple[int, ast.Expr | None] | None,
) -> None:
    """The body of a loop, its way back, and where its jumps lead."""
    leave: list[int] = []
    again: list[int] = []
    _block(code, inner, procedures, leave, again, returns)
    code.emit("jump", top)
    for at in again:
        code.instructions[at] = ("jump", top)
    for at in leave:
        code.instructions[at] = ("jump", code.here())
    if entry is not None:
        old = code.instructions[entry[0]]
        code.instructions[entry[0]] = (*old[:-1], code.here())
