"""Promela (Holzmann, "The SPIN Model Checker", 2003): one process, whose loop takes one action at a time.

The state of the verifier is the cells and nothing else: the process is always at the same place when a state is
stored, free variables are back at their lowest value, and what a step works with is ``hidden``.  Free variables are
chosen in an ``atomic`` sequence, of which only the end is stored; the step itself is a ``d_step``.  A step that is not
possible leads back to where it began.  So stored states are states, one to one (and one more where there are several
initial states).  Claims about states are assertions of a last alternative, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from kspec.export.flat import DISABLED, DONE, FIRST, Loop, Op, Set, Store, When
from kspec.export.goals import refused
from kspec.export.printing import Printer, Signs, nested
from kspec.export.procedure import Program, Step, program
from kspec.export.text import Names, heading, plain
from kspec.system.expr import Cell, Var
from kspec.system.model import State, System

_SIGNS = Signs(
    {
        "add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%", "eq": "==", "ne": "!=", "lt": "<", "le": "<=",
        "gt": ">", "ge": ">=", "and": "&&", "or": "||",
    },
    "({} -> {} : {})",
    typed=False,
)  # fmt: skip
_WORDS = """
active always assert atomic bit bool break byte c_code c_decl c_expr c_state c_track chan d_proctype d_step do else
empty enabled end eval eventually false fi for full get_priority goto hidden if implies in init inline int len local
ltl mtype nempty never nfull notrace np_ od of pc_value pid printf printm priority proctype progress provided release
return run select set_priority short show skip STDIN stronguntil stdin timeout trace true typedef unless unsigned
until weakuntil xr xs nr_pr last pan now accept main int64_t uint
"""
MOST = 2**31 - 1
"""``int`` has 32 bits."""


def files(
    system: System, properties: Collection[str] | None, path: PurePath | None
) -> tuple[tuple[PurePath | None, bytes], ...]:
    """The file to write."""
    return ((path, write(system, properties).encode()),)


def write(system: System, properties: Collection[str] | None = None) -> str:
    """The text of a ``.pml`` file about some properties (None: all that must hold).

    Raises Failed: E0701 for an unknown property, E0702 for a model that the format cannot say.
    """
    p = program(system, properties, "Promela", Names(_WORDS.split()), False, MOST)
    if not p.initial and not p.start_codes:
        raise refused("Promela", "it has no initial state")
    return "\n".join(_Writer(p).lines()) + "\n"


@dataclass
class _Writer:
    """Prints one program; ``hidden`` are the variables that the printed code works with."""

    p: Program
    copies: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, Var] = field(default_factory=dict)

    def __post_init__(self) -> None:
        p = self.p
        self.copies = {c.name: p.names.fresh(c.name, "new_") for c in p.system.cells}
        self.at = Var(p.names.fresh("at"), 0, max((c.size for c in p.system.cells), default=0))
        self._hide(p.status, self.at)
        self.free = self._shared()

    def lines(self) -> Iterator[str]:
        """The whole file."""
        p = self.p
        body = list(self._process())
        for line in heading(p.system, p.goals, "Promela"):
            yield f"// {line}"
        yield f"// {p.status.name}: {DISABLED} disabled, {DONE} done, 2 no successor, then the claims by number:"
        for code, name in enumerate(p.goals.names, FIRST):
            yield f"//   {code} {plain(name)}"
        yield "// names:"
        for name, cell in p.names.table():
            yield f"//   {name} is {cell}"
        first = p.initial[0] if self._at_once else None
        for c in p.system.state_cells:
            yield self._declaration(p.names.of(c.name), c, first)
        for v in dict.fromkeys(v for table in self.free.values() for v in table):
            yield f"{_type(v.lo, v.hi)} {v.name} = {v.lo};"
        for c in p.system.cells:
            yield f"hidden {self._declaration(self.copies[c.name], c, None)}"
        for v in self.hidden.values():
            yield f"hidden {_type(v.lo, v.hi)} {v.name};"
        yield ""
        yield from body

    @property
    def _at_once(self) -> bool:
        """There is one initial state, and declarations can say it: lists of values are not negative."""
        if len(self.p.initial) != 1 or self.p.start_codes:
            return False
        state = self.p.initial[0]
        return all(
            len(set(state[at : at + c.size])) == 1 or min(state[at : at + c.size]) >= 0
            for c in self.p.system.state_cells
            for at in (self.p.system.offsets[c.name],)
        )

    def _shared(self) -> dict[str, tuple[Var, ...]]:
        """The free variables of each step, as variables that the steps share."""
        pool: dict[tuple[int, int, int], Var] = {}
        out: dict[str, tuple[Var, ...]] = {}
        for s in self.p.steps:
            used: dict[tuple[int, int], int] = {}
            row: list[Var] = []
            for v in s.free:
                n = used.get((v.lo, v.hi), 0)
                used[v.lo, v.hi] = n + 1
                key = (v.lo, v.hi, n)
                if key not in pool:
                    pool[key] = Var(self.p.names.fresh(f"free_{len(pool)}"), v.lo, v.hi)
                row.append(pool[key])
            out[s.name] = tuple(row)
        return out

    def _hide(self, *variables: Var) -> None:
        for v in variables:
            old = self.hidden.get(v.name, v)
            self.hidden[v.name] = Var(v.name, min(v.lo, old.lo), max(v.hi, old.hi))

    def _process(self) -> Iterator[str]:
        p = self.p
        yield "active proctype kspec() {"
        if not self._at_once:
            yield "  if"
            for state in p.initial:
                yield "  :: d_step {"
                yield from (f"    {line}" for line in self._assigned(state))
                yield "    }"
            for code in p.start_codes:
                yield f"  :: d_step {{ {p.status.name} = {code}; {self._claim(code)} }}"
            yield "  fi;"
        yield "  do"
        for s in p.steps:
            yield from self._alternative(s)
        yield "  :: d_step { // claims about states"
        yield f"    {p.status.name} = {DONE};"
        for c in p.checks:
            self._hide(*c.locals)
            if c.moves is not None:
                self._hide(c.moves)
                yield from self._moves(c.moves)
            yield f"    {p.status.name} = {DONE};"
            yield from self._sequence(c.body, frozenset())
            for code in c.codes:
                yield f"    {self._claim(code)}"
        yield "    }"
        yield "  od"
        yield "}"

    def _alternative(self, s: Step) -> Iterator[str]:
        status = self.p.status.name
        free = self.free[s.name]
        yield f"  :: atomic {{ // {plain(s.action)}"
        for v in free:
            yield f"    do :: {v.name} < {v.hi} -> {v.name}++ :: break od;"
        yield "    d_step {"
        yield from self._try(s)
        yield "    if"
        yield f"    :: {status} == {DONE} ->"
        yield "      skip;"
        for c in s.written:
            yield from (f"      {line}" for line in self._copied(c, self.p.names.of(c.name), self.copies[c.name]))
        yield "    :: else"
        yield "    fi;"
        for code in s.codes:
            yield f"    {self._claim(code)}"
        for v in free:
            yield f"    {v.name} = {v.lo};"
        yield "    } }"

    def _try(self, s: Step) -> Iterator[str]:
        """The step on copies; afterwards the status says how it ended."""
        self._hide(*s.locals, *s.free)
        yield f"    {self.p.status.name} = {DONE};"
        for mine, shared in zip(s.free, self.free[s.name], strict=True):
            yield f"    {mine.name} = {shared.name};"
        for c in s.written:
            yield from (f"    {line}" for line in self._copied(c, self.copies[c.name], self.p.names.of(c.name)))
        yield from self._sequence(s.body, frozenset(c.name for c in (*s.written, *s.scratch)))

    def _moves(self, moves: Var) -> Iterator[str]:
        """Tries all steps in all ways, to see whether any has an outcome."""
        status = self.p.status.name
        yield f"    {moves.name} = 0;"
        for s in self.p.steps:
            free = self.free[s.name]
            for v in free:
                yield f"    {v.name} = {v.lo}; do :: {v.name} <= {v.hi} ->"
            yield from self._try(s)
            yield f"    if :: {status} != {DISABLED} -> {moves.name} = 1 :: else fi;"
            for v in reversed(free):
                yield f"    if :: {v.name} == {v.hi} -> break :: else -> {v.name}++ fi od; {v.name} = {v.lo};"

    def _claim(self, code: int) -> str:
        return f"assert({self.p.status.name} != {code}); // {plain(self.p.event(code))}"

    def _copied(self, c: Cell, to: str, source: str) -> Iterator[str]:
        if not c.dims:
            yield f"{to} = {source};"
            return
        at = self.at.name
        yield f"{at} = 0; do :: {at} < {c.size} -> {to}[{at}] = {source}[{at}]; {at}++ :: else -> break od;"

    def _assigned(self, state: State) -> Iterator[str]:
        yield "skip;"
        for c in self.p.system.state_cells:
            first = self.p.system.offsets[c.name]
            for i in range(c.size):
                yield f"{self.p.names.of(c.name)}{f'[{i}]' if c.dims else ''} = {state[first + i]};"

    def _declaration(self, name: str, c: Cell, state: State | None) -> str:
        kind = _type(c.type.lo, c.type.hi)
        values: tuple[int, ...] = ()
        if state is not None:
            at = self.p.system.offsets[c.name]
            values = state[at : at + c.size]
        if not c.dims:
            return f"{kind} {name}{f' = {values[0]}' if values else ''};"
        if not values:
            return f"{kind} {name}[{c.size}];"
        if len(set(values)) == 1:
            return f"{kind} {name}[{c.size}] = {values[0]};"
        return f"{kind} {name}[{c.size}] = {{ {', '.join(map(str, values))} }};"

    def _sequence(self, ops: Sequence[Op], copied: frozenset[str]) -> Iterator[str]:
        def place(cell: Cell, old: bool, index: tuple[str, ...]) -> str:
            here = self.copies[cell.name] if cell.name in copied and not old else self.p.names.of(cell.name)
            return here + (f"[{_position(cell, index)}]" if index else "")

        printer = Printer(_SIGNS, place)

        def block(ops: Sequence[Op]) -> Iterator[str]:
            yield from nested(ops, statement)
            if not ops:
                yield "  skip;"

        def statement(op: Op) -> Iterator[str]:
            match op:
                case Set(var, value):
                    yield f"{var.name} = {printer.number(value)};"
                case Store(cell, index, value):
                    where = place(cell, False, tuple(printer.number(i) for i in index))
                    yield f"{where} = {printer.number(value)};"
                case When(cond, then, other):
                    yield f"if :: {printer.truth(cond)} ->"
                    yield from block(then)
                    yield ":: else ->" if other else ":: else"
                    yield from nested(other, statement)
                    yield "fi;"
                case Loop(var, body):
                    self._hide(Var(var.name, var.lo, var.hi + 1))
                    yield f"{var.name} = {var.lo}; do :: {var.name} <= {var.hi} ->"
                    yield from block(body)
                    yield f"  {var.name}++ :: else -> break od;"
                case _:
                    raise AssertionError(op)

        for line in nested(ops, statement):
            yield f"  {line}"


def _type(lo: int, hi: int) -> str:
    """The smallest type; 0 is among the values, since variables may start with it."""
    if lo >= 0 and hi <= 255:
        return "byte"
    return "short" if lo >= -(2**15) and hi < 2**15 else "int"


def _position(cell: Cell, index: tuple[str, ...]) -> str:
    """The index of an element in a one-dimensional array."""
    text = ""
    for d, i in zip(cell.dims, index, strict=True):
        here = i if d.lo == 0 else f"({i} - {d.lo})" if d.lo > 0 else f"({i} + {-d.lo})"
        text = here if not text else f"({text} * {d.hi - d.lo + 1} + {here})"
    return text
