"""Execution of statements: every statement becomes one closure over ``(scalars, env)`` that changes
``scalars`` in place, and leaves by an exception when the step is disabled or goes wrong.

Order within an assignment: write by write, binder values ascending (the last binder fastest), for each
the indices and then the value; after all of them the writes happen in the same order (so of two writes
to one element the later one stays).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

from kspec.interp.evaluate import (
    CHOICES,
    Env,
    EvalError,
    Fn,
    MalformedError,
    Scalars,
    Scope,
    compile_expr,
    compile_index,
    compile_within,
)
from kspec.system.expr import Site
from kspec.system.stmt import (
    Assert,
    Assign,
    Bind,
    Block,
    Choose,
    For,
    If,
    Require,
    Shown,
    Stmt,
    Write,
)
from kspec.types import is_scalar, scalar, show_scalar

Exec: TypeAlias = Callable[[list[int | None], Env], None]
Message: TypeAlias = Callable[[Scalars, Env], str]


NOTHING = "there is nothing to choose from"


class DisabledError(Exception):
    """The step is disabled on this path, as if the action were not there; ``site`` says by what."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.site = site


class AssertError(Exception):
    """An assertion was false: its name, place and message."""

    def __init__(self, name: str, site: Site, message: str) -> None:
        super().__init__(name, message)
        self.name = name
        self.site = site
        self.message = message


@dataclass
class Script:
    """The choices of one execution of a body.

    Bodies are executed once for every path of choices: each execution repeats the choices of ``taken``,
    takes the first option at every later choice, and :meth:`advance` moves to the next path, so that
    paths come in ascending order of the values chosen.
    """

    options: list[tuple[int, ...]] = field(default_factory=list)
    picks: list[int] = field(default_factory=list)
    at: int = 0

    def choose(self, options: Callable[[], tuple[int, ...]]) -> int | None:
        """The value to take at the next choice; None when there is nothing to choose from."""
        if self.at == len(self.picks):
            found = options()
            if not found:
                return None
            self.options.append(found)
            self.picks.append(0)
        self.at += 1
        return self.options[self.at - 1][self.picks[self.at - 1]]

    @property
    def taken(self) -> tuple[int, ...]:
        """The values chosen so far."""
        return tuple(o[p] for o, p in zip(self.options, self.picks))

    def advance(self) -> bool:
        """Moves to the next path; False when all have been taken."""
        self.at = 0
        while self.picks:
            if self.picks[-1] + 1 < len(self.options[-1]):
                self.picks[-1] += 1
                return True
            self.picks.pop()
            self.options.pop()
        return False


def compile_block(block: Block, scope: Scope) -> Exec:
    """The closure of a block; raises DisabledError, AssertError or EvalError when executed."""
    steps: list[Exec] = []
    # A let or a choice is visible in the rest of its own block; nested blocks are a matter of scope only
    # and are taken apart here (chains of them can be very long).
    stack: list[tuple[tuple[Stmt, ...], int, Scope]] = [(block.stmts, 0, scope)]
    while stack:
        stmts, at, inner = stack.pop()
        if at == len(stmts):
            continue
        match stmts[at]:
            case Block(nested):
                stack.append((stmts, at + 1, inner))
                stack.append((nested, 0, inner))
                continue
            case Bind(var, value):
                fv = compile_within(value, var, f"let {var.name}", inner)
                inner, slot = inner.bind(var)
                steps.append(_bind(slot, fv))
            case Choose() as choose:
                inner, step = _choose(choose, inner)
                steps.append(step)
            case s:
                steps.append(_statement(s, inner))
        stack.append((stmts, at + 1, inner))
    if len(steps) == 1:
        return steps[0]

    def run(s: list[int | None], env: Env) -> None:
        for step in steps:
            step(s, env)

    return run


def compile_message(parts: tuple[str | Shown, ...], scope: Scope) -> Message:
    """The text of a message with its values in it; a value that cannot be evaluated is shown as ``?``."""
    texts = [p if isinstance(p, str) else _shown(p, scope) for p in parts]
    return lambda s, env: "".join(t if isinstance(t, str) else t(s, env) for t in texts)


def _shown(part: Shown, scope: Scope) -> Message:
    value = compile_expr(part.expr, scope)

    def text(s: Scalars, env: Env) -> str:
        try:
            v = value(s, env)
        except EvalError:
            return "?"
        return show_scalar(scalar(part.type), v) if is_scalar(part.type) else str(v)

    return text


def _statement(stmt: Stmt, scope: Scope) -> Exec:
    match stmt:
        case Assign((write,)) if not write.over:
            return _single(write, scope)
        case Assign(writes):
            return _parallel(writes, scope)
        case If():
            return _if(stmt, scope)
        case For(var, body):
            inner, slot = scope.bind(var)
            fbody = compile_block(body, inner)
            values = range(var.lo, var.hi + 1)

            def loop(s: list[int | None], env: Env) -> None:
                for v in values:
                    env[slot] = v
                    fbody(s, env)

            return loop
        case Require(cond, site):
            fcond = compile_expr(cond, scope)

            def require(s: list[int | None], env: Env) -> None:
                if not fcond(s, env):
                    raise DisabledError(site)

            return require
        case Assert(name, cond, message, site):
            fcond = compile_expr(cond, scope)
            text = compile_message(message, scope)

            def check(s: list[int | None], env: Env) -> None:
                if not fcond(s, env):
                    raise AssertError(name, site, text(s, env))

            return check
        case _:
            raise MalformedError(f"{type(stmt).__name__} is no statement by itself")


def _bind(slot: int, value: Fn) -> Exec:
    def bind(s: list[int | None], env: Env) -> None:
        env[slot] = value(s, env)

    return bind


def _choose(stmt: Choose, scope: Scope) -> tuple[Scope, Exec]:
    inner, slot = scope.bind(stmt.var)
    where = compile_expr(stmt.where, inner)
    values = range(stmt.var.lo, stmt.var.hi + 1)
    site, fails = stmt.site, stmt.on_empty == "error"

    def choose(s: list[int | None], env: Env) -> None:
        def options() -> tuple[int, ...]:
            found = []
            for v in values:
                env[slot] = v
                if where(s, env):
                    found.append(v)
            return tuple(found)

        script: Script = env[CHOICES]
        value = script.choose(options)
        if value is None:
            raise EvalError("choose", site, NOTHING) if fails else DisabledError(site)
        env[slot] = value

    return inner, choose


def _if(stmt: If, scope: Scope) -> Exec:
    """A chain of ``else if`` is one closure (such chains can be very long)."""
    arms: list[tuple[Fn, Exec]] = []
    rest = Block((stmt,))
    while len(rest.stmts) == 1 and isinstance(rest.stmts[0], If):
        arm = rest.stmts[0]
        arms.append((compile_expr(arm.cond, scope), compile_block(arm.then, scope)))
        rest = arm.other
    last = compile_block(rest, scope)

    def branch(s: list[int | None], env: Env) -> None:
        for cond, body in arms:
            if cond(s, env):
                body(s, env)
                return
        last(s, env)

    return branch


def _single(write: Write, scope: Scope) -> Exec:
    at, value = _write(write, scope)
    if isinstance(at, int):
        position = at

        def fixed(s: list[int | None], env: Env) -> None:
            s[position] = value(s, env)

        return fixed
    where = at

    def indexed(s: list[int | None], env: Env) -> None:
        i = where(s, env)
        s[i] = value(s, env)

    return indexed


def _parallel(writes: tuple[Write, ...], scope: Scope) -> Exec:
    compiled: list[tuple[list[int], list[range], Fn, Fn]] = []
    for w in writes:
        inner, slots = scope, []
        for var in w.over:
            inner, slot = inner.bind(var)
            slots.append(slot)
        at, value = _write(w, inner)
        compiled.append((slots, [range(v.lo, v.hi + 1) for v in w.over], _position(at), value))

    def assign(s: list[int | None], env: Env) -> None:
        pending: list[tuple[int, int]] = []
        for slots, ranges, position, value in compiled:
            for binding in product(*ranges):
                for slot, v in zip(slots, binding):
                    env[slot] = v
                i = position(s, env)
                pending.append((i, value(s, env)))
        for i, v in pending:
            s[i] = v

    return assign


def _write(write: Write, scope: Scope) -> tuple[int | Fn, Fn]:
    at = compile_index(write.cell, write.index, scope)
    return at, compile_within(write.value, write.cell.type, f"value for {write.cell.name}", scope)


def _position(at: int | Fn) -> Fn:
    return (lambda s, env: at) if isinstance(at, int) else at
