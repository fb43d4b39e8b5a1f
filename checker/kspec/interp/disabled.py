"""Why actions cannot be taken, in words: which condition is false in how many states, with its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from kspec.interp.evaluate import EvalError, MalformedError, conjuncts
from kspec.interp.machine import Machine
from kspec.system.expr import Binary, Const, Expr, Ite, Let, Narrow, Quant, Read, Unary, walk
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


def why_disabled(
    machine: Machine, states: Iterable[State], calls: Iterable[tuple[str, tuple[int, ...]]]
) -> tuple[Blocked, ...]:
    """What blocks these calls, the most frequent reason first.  Values are those of the first state."""
    everywhere = list(states)
    counts: dict[tuple[str, str], int] = {}
    values: dict[tuple[str, str], str] = {}
    for name, args in calls:
        action = next((a for a in machine.system.actions if a.name == name), None)
        if action is None:
            continue
        for state in everywhere:
            reason, given = _reason(machine, action, args, state)
            key = (call_text(action, args), reason)
            counts[key] = counts.get(key, 0) + 1
            values.setdefault(key, given)
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


def call_text(action: Action, args: tuple[int, ...]) -> str:
    """``acquire(Task#1, 0)``."""
    return f"{action.name}({', '.join(show_scalar(t, a) for (_, t), a in zip(action.params, args))})"


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
    for x in walk(e):
        if isinstance(x, Read) and not x.old:
            try:
                index = tuple(machine.value(i, state, env=env) for i in x.index)
                value = machine.value(Read(x.cell, tuple(map(Const, index))), state)
            except (EvalError, MalformedError):
                continue  # it is below a quantifier, or its index is wrong: nothing that helps here
            out[element_name(x.cell, index)] = show_scalar(x.cell.type, value)
    shown = [f"{name} = {value}" for name, value in out.items()]
    more = ["..."] if len(shown) > MOST_VALUES else []
    return ", ".join(shown[:MOST_VALUES] + more)


def _reason(machine: Machine, action: Action, args: tuple[int, ...], state: State) -> tuple[str, str]:
    """What is in the way of one call in one state, and the values that decide it."""
    env = {v.name: a for (v, _), a in zip(action.params, args)}
    for part in conjuncts(action.guard):
        try:
            if not machine.holds(part, state, env=env):
                return f"`{source_text(part)}` is false", readings(machine, part, state, env)
        except EvalError as e:
            return f"its guard raises error.{e.kind}: {e.detail}", ""
    sites = machine.blocked_at(state, action.name, args)
    for site in sites:
        if site.text:
            return f"`{site.text}` blocks it", ""
    return ("its body is blocked", "") if sites else ("it can be taken", "")
