"""Why actions cannot be taken, in words: which condition is false in how many states, with its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from kspec.interp.evaluate import EvalError, MalformedError, conjuncts
from kspec.interp.machine import Machine
from kspec.system.expr import (
    Binary,
    Const,
    Expr,
    Fold,
    Ite,
    Let,
    Narrow,
    Quant,
    Read,
    Unary,
    children,
    walk,
)
from kspec.system.layout import element_name
from kspec.system.model import Action, State
from kspec.system.pretty import expr_text
from kspec.types import show_scalar

MOST_VALUES = 6


@dataclass(frozen=True)
class Blocked:
    """An action with arguments, and what is in its way: in ``states`` of ``all`` states."""

    call: str
    reason: str
    values: str
    states: int
    all: int

    def __str__(self) -> str:
        where = f" in {self.states} of {self.all} states" if self.all > 1 else ""
        given = f" ({self.values})" if self.values else ""
        return f"{self.call}: {self.reason}{where}{given}"


@dataclass(frozen=True)
class _Reason:
    """What is in the way of one call in one state.  ``elsewhere``: the process stands at another step."""

    text: str
    values: str = ""
    elsewhere: bool = False


def why_disabled(
    machine: Machine, states: Iterable[State], calls: Iterable[tuple[str, tuple[int, ...]]]
) -> tuple[Blocked, ...]:
    """What blocks these calls, the most frequent reason first.  Values are those of the first state.

    Of the steps of a process only the one where it stands counts, if it stands at one of them.
    """
    everywhere = list(states)
    counts: dict[tuple[str, str], int] = {}
    values: dict[tuple[str, str], str] = {}
    known = [(a, args) for name, args in calls for a in machine.system.actions if a.name == name]
    for state in everywhere:
        here = {call_text(a, args): _reason(machine, a, args, state) for a, args in known}
        if not all(r.elsewhere for r in here.values()):
            here = {call: r for call, r in here.items() if not r.elsewhere}
        elif len(here) > 1:
            here = {
                call_text(a, args, a.process): replace(here[call_text(a, args)], text="it stands elsewhere")
                for a, args in known
            }
        for call, r in here.items():
            counts[call, r.text] = counts.get((call, r.text), 0) + 1
            values.setdefault((call, r.text), r.values)
    ranked = sorted(counts.items(), key=lambda x: -x[1])
    return tuple(Blocked(call, why, values[call, why], n, len(everywhere)) for (call, why), n in ranked)


def matching(
    machine: Machine, actions: Iterable[str], args: tuple[int | None, ...]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The actions with every argument list that fits; None stands for any value."""
    for name in actions:
        for action in machine.system.actions:
            if action.name == name and len(action.params) == len(args):
                domains = (
                    range(t.lo, t.hi + 1) if a is None else (a,) for (_, t), a in zip(action.params, args)
                )
                yield from ((name, values) for values in product(*domains))


def call_text(action: Action, args: tuple[int, ...], name: str | None = None) -> str:
    """``acquire(Task#1, 0)``; under another name if one is given."""
    return f"{name or action.name}({', '.join(show_scalar(t, a) for (_, t), a in zip(action.params, args))})"


def source_text(e: Expr) -> str:
    """What is written in the source for an expression; where that is not known, its canonical text."""
    match e:
        case Unary() | Binary() | Ite() | Let() | Quant() | Narrow() if e.site.text:
            return e.site.text
        case _:
            return expr_text(e)


def readings(machine: Machine, e: Expr, state: State, env: Mapping[str, int]) -> str:
    """The values that an expression reads in a state: ``lock = Task#0, refs[Event#1] = 2``."""
    out: dict[str, str] = {}
    for x, inner in _reads(machine, e, state, env):
        try:
            index = tuple(machine.value(i, state, env=inner) for i in x.index)
            value = machine.value(Read(x.cell, tuple(map(Const, index))), state)
        except (EvalError, MalformedError):
            continue  # its index is wrong, or depends on a running value: nothing that helps here
        out[element_name(x.cell, index)] = show_scalar(x.cell.type, value)
        if len(out) > MOST_VALUES:
            return ", ".join(f"{name} = {v}" for name, v in list(out.items())[:MOST_VALUES]) + ", ..."
    return ", ".join(f"{name} = {v}" for name, v in out.items())


def _reads(
    machine: Machine, e: Expr, state: State, env: Mapping[str, int]
) -> Iterator[tuple[Read, Mapping[str, int]]]:
    """The reads of the present state below an expression, with the values of bound variables."""
    match e:
        case Read() if not e.old:
            yield e, env
        case Let(var, value, body):
            yield from _reads(machine, value, state, env)
            try:
                bound = {**env, var.name: machine.value(value, state, env=env)}
            except (EvalError, MalformedError):
                return
            yield from _reads(machine, body, state, bound)
        case Quant(_, var, body) | Fold(_, _, var, body):
            for v in range(var.lo, var.hi + 1):
                yield from _reads(machine, body, state, {**env, var.name: v})
        case _:
            for x in children(e):
                yield from _reads(machine, x, state, env)


def _reason(machine: Machine, action: Action, args: tuple[int, ...], state: State) -> _Reason:
    env = {v.name: a for (v, _), a in zip(action.params, args)}
    for part in conjuncts(action.guard):
        try:
            if not machine.holds(part, state, env=env):
                text = f"`{source_text(part)}` is false"
                return _Reason(text, readings(machine, part, state, env), _is_place(part, action))
        except EvalError as e:
            return _Reason(f"its guard raises error.{e.kind}: {e.detail}")
    sites = machine.blocked_at(state, action.name, args)
    texts = dict.fromkeys(site.text for site in sites if site.text)
    if texts:
        return _Reason(f"{' and '.join(f'`{x}`' for x in texts)} blocks it")
    return _Reason("its body is blocked" if sites else "it can be taken")


def _is_place(part: Expr, action: Action) -> bool:
    """Whether a conjunct of a guard asks where the process stands: it reads nothing but its program counter."""
    cells = {x.cell for x in walk(part) if isinstance(x, Read)}
    return bool(cells) and all(
        c.local_of is not None and c.local_of == action.process and c.name.endswith(".pc") for c in cells
    )
