"""From a trace back to a run of a transition system, by names and shown values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

from kspec.engine.protocol import Run, Step
from kspec.system.layout import key_dims, leaves, offset
from kspec.system.model import Action, State, System
from kspec.trace.build import shown_variables
from kspec.trace.model import Trace, TraceStep
from kspec.trace.values import ListOf, MapOf, RecordOf, SetOf, TraceState, TupleOf, Val, entry, show
from kspec.trace.words import cut, source_text
from kspec.types import (
    MapType,
    OptType,
    Scalar,
    SeqType,
    SetType,
    StructType,
    Type,
    is_scalar,
    parse_scalar,
    scalar,
    show_scalar,
)


@dataclass(frozen=True)
class Mismatch:
    """Why a trace is no run of a system: the step (0: the initial state) and what does not fit."""

    step: int
    message: str


def run_of(system: System, trace: Trace) -> Run | Mismatch:
    """The run of a system that a trace describes: names and shown values are looked up, nothing is executed.

    Every variable, entry, member and value must exist in the system, and every part of the state must be
    in the trace; otherwise the answer is the first mismatch.
    """
    states: list[State] = []
    for i, values in enumerate(trace.states):
        state = _state(system, values)
        if isinstance(state, str):
            return Mismatch(i, state)
        states.append(state)
    steps = []
    for n, s in enumerate(trace.steps, 1):
        args = arguments(system, s)
        if isinstance(args, Misfit):
            return Mismatch(n, str(args))
        steps.append(Step(s.action, args, states[n] if n < len(states) else None))
    return Run(states[0] if states else None, tuple(steps), trace.loop)


@dataclass(frozen=True)
class Misfit:
    """A name or value of a trace that a system does not have, and what there is instead."""

    message: str
    wrong: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.message}{hint(self.wrong, self.known)}"


def hint(wrong: str, known: Iterable[str]) -> str:
    """``; did you mean x?`` when one of the known words is like the wrong one, else nothing."""
    words = [k for k in known if k]
    close = get_close_matches(wrong, words, n=1, cutoff=0.6)
    close = close or [k for k in words if wrong and (k.startswith(wrong) or wrong.startswith(k))]
    return f"; did you mean `{close[0]}`?" if close else ""


Move: TypeAlias = tuple[Action, tuple[int, ...]]


def arguments(system: System, step: TraceStep) -> tuple[int, ...] | Misfit:
    """The argument values of a step in the system, or what does not fit."""
    found = _named(system, step)
    return found if isinstance(found, Misfit) else found[1]


def moves(system: System, step: TraceStep) -> tuple[Move, ...] | Misfit:
    """The actions that a recorded step may be in the system, with their arguments.

    An action goes by its name.  A step of a process goes by what its source says, too: its name counts
    statements from the last label, so it may be that of another statement once the process has changed.
    When no step of that name says the same, all steps of the process that do are meant.
    """
    named = _named(system, step)
    same_text = [
        (a, args)
        for a in system.actions
        if a.process is not None and step.text and step.action.startswith(f"{a.process}.")
        if cut(source_text(system, a.span)) == step.text
        if not isinstance(args := _arguments(a, step), Misfit)
    ]
    if isinstance(named, Misfit):
        return tuple(same_text) or named
    if not same_text or any(a.name == step.action for a, _ in same_text):
        return (named,)
    return tuple(same_text)


def _named(system: System, step: TraceStep) -> Move | Misfit:
    same = [a for a in system.actions if a.name == step.action]
    if not same:
        known = tuple(dict.fromkeys(a.name for a in system.actions))
        return Misfit(f"the model has no action `{step.action}`", step.action, known)
    tried = [(a, _arguments(a, step)) for a in same]
    for a, args in tried:
        if not isinstance(args, Misfit):
            return a, args
    wrong = tried[0][1]
    assert isinstance(wrong, Misfit)
    return wrong


def _arguments(action: Action, step: TraceStep) -> tuple[int, ...] | Misfit:
    given = dict(step.args)
    unknown = tuple(v.name for v, _ in action.params if v.name not in given)
    for name in given:
        if all(v.name != name for v, _ in action.params):
            return Misfit(f"action `{action.name}` has no parameter `{name}`", name, unknown)
    if unknown:
        return Misfit(f"the trace has no value for `{unknown[0]}` of action `{action.name}`", "", ())
    out = []
    for var, t in action.params:
        text = given[var.name]
        value = parse_scalar(t, text)
        if value is None:
            message = f"`{text}` is no value of {t}, the type of `{var.name}` of action `{action.name}`"
            return Misfit(message, text, _values(t))
        out.append(value)
    return tuple(out)


def _values(t: Scalar) -> tuple[str, ...]:
    """Some values of a type, for hints."""
    return tuple(show_scalar(t, v) for v in range(t.lo, min(t.hi, t.lo + 99) + 1))


class _BadValueError(Exception):
    """A value does not fit its type."""


def _state(system: System, values: TraceState) -> State | str:
    scalars = list(system.start)
    given = dict(values)
    for v in shown_variables(system):
        if v.name not in given:
            return f"the trace has no variable {v.name}"
        base = [system.offsets[c.name] for c in v.cells]
        try:
            for leaf, index, value in _scalars(v.type, v.name, given.pop(v.name)):
                scalars[base[leaf] + offset(v.cells[leaf], index)] = value
        except _BadValueError as e:
            return str(e)
    if given:
        return f"there is no variable {next(iter(given))}"
    return tuple(scalars)


_Scalars = Iterator[tuple[int, tuple[int, ...], int]]


def _scalars(t: Type, path: str, value: Val) -> _Scalars:
    """The scalars of a value as (leaf, index, encoded value): the inverse of ``layout.decode``."""
    match t, value:
        case _ if is_scalar(t):
            number = parse_scalar(scalar(t), show(value)) if isinstance(value, bool | int | str) else None
            if number is None:
                raise _BadValueError(f"{path}: {show(value)} is no value of {t}")
            yield 0, (), number
        case StructType(_, fields), RecordOf(given):
            have, at = dict(given), 0
            for n, ft in fields:
                if n not in have:
                    raise _BadValueError(f"{path}: the trace has no field {n}")
                for leaf, index, number in _scalars(ft, f"{path}.{n}", have.pop(n)):
                    yield at + leaf, index, number
                at += len(leaves(ft))
            if have:
                raise _BadValueError(f"{path}: there is no field {next(iter(have))}")
        case MapType(key, item), MapOf(pairs):
            dims, seen = key_dims(key), set()
            for k, v in pairs:
                head = _key(key, path, k)
                seen.add(head)
                for leaf, index, number in _scalars(item, entry(path, k), v):
                    yield leaf, (*head, *index), number
            size = 1
            for d in dims:
                size *= d.hi - d.lo + 1
            if len(seen) != size or len(pairs) != size:
                raise _BadValueError(f"{path}: {len(pairs)} entries where {key} has {size} values")
        case SetType(item), SetOf(items):
            for i in items:
                yield 0, _key(item, path, i), 1
        case SeqType(item, cap), ListOf(items):
            if len(items) > cap:
                raise _BadValueError(f"{path}: {len(items)} items where at most {cap} fit")
            yield 0, (), len(items)
            for at, v in enumerate(items):
                for leaf, index, number in _scalars(item, f"{path}[{at}]", v):
                    yield 1 + leaf, (at, *index), number
        case OptType(), "none":
            yield 0, (), 0
        case OptType(base), _:
            yield 0, (), 1
            for leaf, index, number in _scalars(base, path, value):
                yield 1 + leaf, index, number
        case _:
            raise _BadValueError(f"{path}: {show(value)} is no value of {t}")


def _key(t: Type, path: str, key: Val) -> tuple[int, ...]:
    dims = key_dims(t)
    parts = key.items if isinstance(key, TupleOf) else (key,)
    if len(parts) != len(dims):
        raise _BadValueError(f"{path}: {show(key)} is no value of {t}")
    out = []
    for d, p in zip(dims, parts, strict=True):
        number = parse_scalar(d, show(p))
        if number is None:
            raise _BadValueError(f"{path}: {show(p)} is no value of {d}")
        out.append(number)
    return tuple(out)
