"""Murphi (Dill, Drexler, Hu and Yang, "Protocol Verification as a Hardware Design Aid", 1992), in the dialect that
rumur reads.

The variables of the file are the cells of the state, so states count one to one.  A step is a function of the free
variables that tries the step on local copies and tells how it ends; the rule does the same and takes the result over.
Truth values are numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import PurePath

from kspec.export.flat import DISABLED, DONE, FIRST, Loop, Op, Set, Store, When
from kspec.export.goals import refused
from kspec.export.printing import Printer, Signs, interval, nested
from kspec.export.procedure import Check, Program, Step, program
from kspec.export.text import Names, heading, plain
from kspec.system.expr import Cell, Var
from kspec.system.layout import indices, offset
from kspec.system.model import State, System

_SIGNS = Signs(
    {
        "add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%", "eq": "=", "ne": "!=", "lt": "<", "le": "<=",
        "gt": ">", "ge": ">=", "and": "&", "or": "|", "implies": "->",
    },
    "({} ? {} : {})",
    typed=True,
)  # fmt: skip
_WORDS = """
alias array assert assume begin boolean by case clear const cover default do else elsif end endalias endexists
endfor endforall endfunction endif endprocedure endrecord endrule endruleset endstartstate endswitch endwhile
enum error exists false for forall function if in interleaved invariant isundefined ismember liveness multiset
multisetadd multisetcount multisetremove multisetremovepred of procedure process program property put real record
return rule ruleset scalarset startstate switch then to traceuntil true type undefine union var while xor log2
"""
MOST = 2**31 - 1
"""Values are kept within 32 bits."""


def files(
    system: System, properties: Collection[str] | None, path: PurePath | None
) -> tuple[tuple[PurePath | None, bytes], ...]:
    """The file to write."""
    return ((path, write(system, properties).encode()),)


def write(system: System, properties: Collection[str] | None = None) -> str:
    """The text of a ``.m`` file about some properties (None: all that must hold).

    Raises Failed: E0701 for an unknown property, E0702 for a model that the format cannot say.
    """
    names = Names(_WORDS.split(), fold=True)
    p = program(system, properties, "Murphi", names, True, MOST)
    if not p.initial and not p.start_codes:
        raise refused("Murphi", "it has no initial state")
    return "\n".join(_Writer(p).lines()) + "\n"


class _Writer:
    """Prints one program."""

    def __init__(self, p: Program) -> None:
        self.p = p
        self.copies = {c.name: p.names.fresh(c.name, "new_") for c in p.system.cells}

    def lines(self) -> Iterator[str]:
        """The whole file."""
        p = self.p
        for line in heading(p.system, p.goals, "Murphi"):
            yield f"-- {line}"
        yield f"-- statuses: {DISABLED} disabled, {DONE} done, 2 no successor, then the claims by number:"
        for code, name in enumerate(p.goals.names, FIRST):
            yield f"--   {code} {plain(name)}"
        yield "-- names:"
        for name, cell in p.names.table():
            yield f"--   {name} is {cell}"
        yield "-- rumur calculates in the smallest type that holds all ranges; intermediate values need more:"
        yield f"type {p.names.fresh('integers')}: -{MOST}..{MOST};"
        if p.system.state_cells:
            yield "var"
        for c in p.system.state_cells:
            yield f"  {p.names.of(c.name)}: {_type(c)};"
        for step in p.steps:
            yield ""
            yield from self._function(step)
        for check in p.checks:
            yield ""
            yield from self._check(check)
        yield ""
        for i, state in enumerate(p.initial):
            yield from self._start(i, state)
        for code in p.start_codes:
            yield f'startstate "init {code}" begin error "{_text(p.event(code))}"; end;'
        for step in p.steps:
            yield ""
            yield from self._rule(step)
        yield ""
        for check in p.checks:
            for code in check.codes:
                yield f'invariant "{_text(p.event(code))}" {check.name}() != {code};'

    def _function(self, s: Step) -> Iterator[str]:
        free = "; ".join(f"{v.name}: {interval(v)}" for v in s.free)
        yield f"function {s.name}({free}): {interval(self.p.status)};"
        yield from self._variables(s)
        yield "begin"
        yield from self._body(s)
        yield f"  return {self.p.status.name};"
        yield "end;"

    def _rule(self, s: Step) -> Iterator[str]:
        call = f"{s.name}({', '.join(v.name for v in s.free)})"
        if s.free:
            yield f"ruleset {'; '.join(f'{v.name}: {interval(v)}' for v in s.free)} do"
        yield f'rule "{_text(s.action)}"'
        yield f"  {call} = {DONE}" + (f" | {call} >= {FIRST}" if s.codes else "")
        yield "==>"
        yield from self._variables(s)
        yield "begin"
        yield from self._body(s)
        status = self.p.status.name
        yield f"  if {status} = {DONE} then"
        for c in s.written:
            yield f"    {self.p.names.of(c.name)} := {self.copies[c.name]};"
        yield "  end;"
        for code in s.codes:
            yield f'  if {status} = {code} then error "{_text(self.p.event(code))}"; end;'
        yield "end;"
        if s.free:
            yield "end;"

    def _variables(self, s: Step) -> Iterator[str]:
        yield "var"
        yield f"  {self.p.status.name}: {interval(self.p.status)};"
        for c in (*s.written, *s.scratch):
            yield f"  {self.copies[c.name]}: {_type(c)};"
        yield from _declared(s.locals)

    def _body(self, s: Step) -> Iterator[str]:
        yield f"  {self.p.status.name} := {DONE};"
        for c in s.written:
            yield f"  {self.copies[c.name]} := {self.p.names.of(c.name)};"
        yield from self._sequence(s.body, frozenset(c.name for c in (*s.written, *s.scratch)))

    def _check(self, c: Check) -> Iterator[str]:
        yield f"function {c.name}(): {interval(self.p.status)};"
        yield "var"
        yield f"  {self.p.status.name}: {interval(self.p.status)};"
        yield from _declared(c.locals if c.moves is None else (*c.locals, c.moves))
        yield "begin"
        yield f"  {self.p.status.name} := {DONE};"
        if c.moves is not None:
            yield from self._moves(c.moves)
        yield from self._sequence(c.body, frozenset())
        yield f"  return {self.p.status.name};"
        yield "end;"

    def _moves(self, moves: Var) -> Iterator[str]:
        yield f"  {moves.name} := 0;"
        for s in self.p.steps:
            head = "".join(f"for {v.name}: {interval(v)} do " for v in s.free)
            call = f"{s.name}({', '.join(v.name for v in s.free)})"
            yield f"  {head}if {call} != {DISABLED} then {moves.name} := 1; end;{' end;' * len(s.free)}"

    def _start(self, number: int, state: State) -> Iterator[str]:
        yield f'startstate "{number}" begin'
        for c in self.p.system.state_cells:
            at = self.p.system.offsets[c.name]
            for index in indices(c.dims):
                where = "".join(f"[{i}]" for i in index)
                yield f"  {self.p.names.of(c.name)}{where} := {state[at + offset(c, index)]};"
        yield "end;"

    def _sequence(self, ops: Sequence[Op], copied: frozenset[str]) -> Iterator[str]:
        def place(cell: Cell, old: bool, index: tuple[str, ...]) -> str:
            here = self.copies[cell.name] if cell.name in copied and not old else self.p.names.of(cell.name)
            return here + "".join(f"[{i}]" for i in index)

        printer = Printer(_SIGNS, place)

        def statement(op: Op) -> Iterator[str]:
            match op:
                case Set(var, value):
                    yield f"{var.name} := {printer.number(value)};"
                case Store(cell, index, value):
                    where = place(cell, False, tuple(printer.number(i) for i in index))
                    yield f"{where} := {printer.number(value)};"
                case When(cond, then, other):
                    yield f"if {printer.truth(cond)} then"
                    yield from nested(then, statement)
                    if other:
                        yield "else"
                        yield from nested(other, statement)
                    yield "end;"
                case Loop(var, body):
                    yield f"for {var.name}: {interval(var)} do"
                    yield from nested(body, statement)
                    yield "end;"
                case _:
                    raise AssertionError(op)

        yield from nested(ops, statement)


def _declared(variables: Sequence[Var]) -> Iterator[str]:
    for v in variables:
        yield f"  {v.name}: {interval(v)};"


def _type(c: Cell) -> str:
    return "".join(f"array [{interval(d)}] of " for d in c.dims) + interval(c.type)


def _text(name: str) -> str:
    """A name inside of double quotes."""
    return "".join("?" if x in '"\\%' else x for x in plain(name))
