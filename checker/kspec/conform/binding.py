"""From records to actions: fields are read, objects of the real system are bound to identities of the model.

An object (an address, a process number) is bound where it is first seen or born, to the smallest identity that is
free, and gives it back when it dies; addresses are used again after that.  An id type is thus a pool: its size is
how many objects may live at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kspec.conform.records import Record, integer
from kspec.interp.evaluate import EvalError
from kspec.interp.machine import Machine
from kspec.system.model import System
from kspec.system.observe import Observation, ObservedField
from kspec.types import BoolType, EnumType, IdType, OptType, Scalar, scalar


@dataclass(frozen=True)
class Call:
    """An action of the model with its arguments."""

    action: str
    args: tuple[int, ...]


@dataclass(frozen=True)
class Reading:
    """What a record may mean: the calls that it stands for, one after the other, for one observation."""

    observation: Observation
    calls: tuple[Call, ...]


class Exhausted(Exception):
    """More objects live at the same time than the pool of a type has identities."""

    def __init__(self, type_: IdType, record: Record) -> None:
        self.type, self.record = type_, record
        super().__init__(f"more than {type_.size} objects of type {type_.name} live at line {record.line}")


class Misfit(Exception):
    """A record that an observation cannot read: a field is missing, or its value is not of the type."""


@dataclass
class Pool:
    """The objects of one id type that live."""

    type: IdType
    bound: dict[int, int] = field(default_factory=dict)
    peak: int = 0
    unlimited: bool = False

    def get(self, value: int, record: Record, fresh: bool) -> int:
        """The identity of an object; a life that begins ends the one before."""
        if fresh:
            self.bound.pop(value, None)
        if value not in self.bound:
            taken = set(self.bound.values())
            free = next(n for n in range(len(taken) + 1) if n not in taken)
            if free >= self.type.size and not self.unlimited:
                raise Exhausted(self.type, record)
            self.bound[value] = free
            self.peak = max(self.peak, len(self.bound))
        return self.bound[value]

    def end(self, value: int) -> None:
        """The life of an object ends."""
        self.bound.pop(value, None)


class Binder:
    """Reads records for one system.  ``counting``: pools have no limit, to see how large they have to be."""

    def __init__(self, machine: Machine, counting: bool = False) -> None:
        self.machine = machine
        self.counting = counting
        self.pools: dict[str, Pool] = {}
        self.by_name: dict[str, list[Observation]] = {}
        for o in machine.system.observations.observed:
            self.by_name.setdefault(o.record, []).append(o)

    def readings(self, record: Record) -> tuple[list[Reading], list[Misfit]]:
        """What a record may mean, and why observations of its name cannot read it.  Raises Exhausted."""
        out: list[Reading] = []
        wrong: list[Misfit] = []
        ending: list[tuple[IdType, int]] = []
        for o in self.by_name.get(record.name, ()):
            lives: list[tuple[IdType, int]] = []
            try:
                env = self._fields(o, record, lives)
                if not self.machine.holds(o.when, self.machine.system.start, env=env):
                    continue
                ending += lives
                if not self.counting:
                    out.append(Reading(o, tuple(self._calls(o, env))))
            except EvalError as e:
                wrong.append(Misfit(str(e)))
            except Misfit as e:
                wrong.append(e)
        for t, value in ending:
            self._pool(t).end(value)
        return out, wrong

    def _calls(self, o: Observation, env: Mapping[str, int]) -> Iterator[Call]:
        start = self.machine.system.start
        for name, args in o.calls:
            try:
                yield Call(name, tuple(self.machine.value(e, start, env=env) for e in args))
            except EvalError as e:
                raise Misfit(f"{name}: {e}") from None

    def _fields(self, o: Observation, record: Record, ending: list[tuple[IdType, int]]) -> dict[str, int]:
        return {f.var.name: self._value(f, record, ending) for f in o.fields}

    def _value(self, f: ObservedField, record: Record, ending: list[tuple[IdType, int]]) -> int:
        text = {"CPU": str(record.cpu), "PID": str(record.pid)}.get(f.field) or record.fields.get(f.field)
        if text is None:
            text = _bit(f.field, record)
        if text is None:
            raise Misfit(f"there is no field `{f.field}`")
        t: Scalar = f.type
        number = integer(text)
        if isinstance(t, OptType):
            if number == 0 or (number or 0) >= (1 << 64) - 4096 or text in ("none", "NULL", "(null)"):
                return t.none
            t = scalar(t.base)
        match t:
            case IdType():
                if number is not None and (number == 0 or number >= (1 << 64) - 4096 or -4096 <= number < 0):
                    raise Misfit(f"field `{f.field}` is {text}, which is no object")
                value = number if number is not None else hash(text)
                if f.mode == "death":
                    ending.append((t, value))
                return self._pool(t).get(value, record, f.mode == "birth")
            case EnumType(_, members) if text in members:
                return members.index(text)
            case EnumType(_, members) if (symbol := text.partition("+")[0]) in members:  # a function, symbol+0x0/0x640
                return members.index(symbol)
            case BoolType() if number is not None:
                return int(number != 0)
        if number is None:
            raise Misfit(f"field `{f.field}` is `{text}`, which is no `{t}`")
        if number >> 63 == 1 and t.lo < 0:  # a negative number, written as an unsigned one
            number -= 1 << 64
        if not t.lo <= number <= t.hi:
            raise Misfit(f"field `{f.field}` is {number}, which is not in {t}")
        return number

    def _pool(self, t: IdType) -> Pool:
        if t.name not in self.pools:
            self.pools[t.name] = Pool(t, unlimited=self.counting)
        return self.pools[t.name]


def _bit(name: str, record: Record) -> str | None:
    """``flags_bit3``: bit 3 of the number in the field ``flags``, as flag words are too large for ranges."""
    base, mark, digits = name.rpartition("_bit")
    number = integer(record.fields.get(base, "")) if mark and digits.isdigit() else None
    return None if number is None else str(number >> int(digits) & 1)


def peaks(system: System, records: Iterator[Record]) -> dict[str, int]:
    """How many objects of each id type live at most at the same time."""
    binder = Binder(Machine(system), counting=True)
    for r in records:
        binder.readings(r)
    return {name: pool.peak for name, pool in binder.pools.items()}


def names_of(readings: Sequence[Reading]) -> str:
    """The actions of readings, for people."""
    return ", ".join(dict.fromkeys(c.action for r in readings for c in r.calls))
