"""TLA+ (Lamport, "Specifying Systems", 2002): a module and a configuration for TLC.

The variables are the cells of the state and ``violated``, which is "" until a step does what is claimed never to
happen; it then names the claim, and there is no further step.  An operator for each action gives the status with which
it ends, and the new values of what it writes; what is done one after the other in the model is a sequence of
definitions there.  Truth values are 0 and 1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from kspec.export.flat import DISABLED, DONE, FIRST, Loop, Op, Set, Store, When
from kspec.export.goals import refused
from kspec.export.printing import Printer, Signs
from kspec.export.procedure import Check, Program, Step, program
from kspec.export.text import Names, heading, plain
from kspec.system.expr import Cell, Const, Expr, Var
from kspec.system.model import State, System
from kspec.system.rewrite import substitute
from kspec.types import Scalar

_SIGNS = Signs(
    {
        "add": "+", "sub": "-", "mul": "*", "div": "CDiv({}, {})", "mod": "CMod({}, {})", "eq": "=", "ne": "#",
        "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "and": "/\\", "or": "\\/", "implies": "=>",
    },
    "(IF {} THEN {} ELSE {})",
    typed=True,
    truths=("FALSE", "TRUE"),
    no="~",
    quantifier="({op} {var} \\in ({lo})..({hi}) : {body})",
    quantifiers=("\\A", "\\E"),
)  # fmt: skip
_WORDS = """
ASSUME ASSUMPTION AXIOM CASE CHOOSE CONSTANT CONSTANTS DOMAIN ELSE ENABLED EXCEPT EXTENDS IF IN INSTANCE LET LOCAL
MODULE OTHER SF_ SUBSET THEN THEOREM UNCHANGED UNION VARIABLE VARIABLES WF_ WITH LAMBDA RECURSIVE ACTION ASSUME BY DEF
DEFINE DEFS HAVE HIDE LEMMA NEW OBVIOUS OMITTED ONLY PICK PROOF PROPOSITION PROVE QED STATE SUFFICES TAKE TEMPORAL USE
WITNESS COROLLARY BOOLEAN STRING TRUE FALSE Int Nat Real Init Next Spec Integers CDiv CMod Abs Claims violated TypeOK
"""
MOST = 2**31 - 1
"""TLC's integers have 32 bits."""
MOST_DEFINITIONS = 20_000


def files(
    system: System, properties: Collection[str] | None, path: PurePath | None
) -> tuple[tuple[PurePath | None, bytes], ...]:
    """The module and its configuration; on standard output the configuration follows the end of the module, where
    tools do not read.  The module is named like the file (E0702 if that is no name)."""
    if path is None:
        module, config = write(system, properties, Names(_WORDS.split()).fresh(system.name))
        return ((None, f"{module}\nThe configuration for TLC:\n\n{config}".encode()),)
    name = path.stem
    if name in _WORDS.split() or Names(()).fresh(name) != name:
        raise refused("TLA+", "the module is named like the file, and that is no name", help_="Write -o Name.tla.")
    module, config = write(system, properties, name)
    return ((path, module.encode()), (path.with_suffix(".cfg"), config.encode()))


def write(system: System, properties: Collection[str] | None = None, module: str = "Model") -> tuple[str, str]:
    """The texts of a module and of its ``.cfg`` file about some properties (None: all that must hold).

    Raises Failed: E0701 for an unknown property, E0702 for a model that the format cannot say.
    """
    p = program(system, properties, "TLA+", Names([*_WORDS.split(), module]), True, MOST)
    writer = _Writer(p)
    text = "\n".join(writer.lines(module)) + "\n"
    invariants = "".join(f"INVARIANT {name}\n" for name in ("TypeOK", *writer.claims))
    return text, f"SPECIFICATION Spec\n{invariants}CHECK_DEADLOCK FALSE\n"


@dataclass
class _Writer:
    """Prints one program; ``claims`` are the names of the invariants."""

    p: Program
    claims: list[str] = field(default_factory=list)

    def lines(self, module: str) -> Iterator[str]:
        """The whole module."""
        p = self.p
        cells = p.system.state_cells
        variables = ", ".join([*(p.names.of(c.name) for c in cells), "violated"])
        yield f"---- MODULE {module} ----"
        for line in heading(p.system, p.goals, "TLA+"):
            yield f"\\* {line}"
        yield f"\\* statuses: {DISABLED} disabled, {DONE} done, 2 no successor, from {FIRST} on the Claims"
        yield "\\* names:"
        for name, cell in p.names.table():
            yield f"\\*   {name} is {cell}"
        yield "EXTENDS Integers"
        yield f"VARIABLES {variables}"
        yield f"Claims == << {', '.join(_string(n) for n in p.goals.names)} >>"
        a, b, i = (p.names.fresh(n) for n in ("a", "b", "i"))
        yield f"Abs({a}) == IF {a} < 0 THEN 0 - {a} ELSE {a}"
        yield f"CDiv({a}, {b}) =="
        yield f"  IF ({a} < 0) = ({b} < 0) THEN Abs({a}) \\div Abs({b}) ELSE 0 - (Abs({a}) \\div Abs({b}))"
        yield f"CMod({a}, {b}) == {a} - ({b} * CDiv({a}, {b}))"
        yield "TypeOK =="
        for c in cells:
            yield f"  /\\ {p.names.of(c.name)} \\in {_type(c)}"
        yield f'  /\\ violated \\in {{""}} \\union {{ Claims[{i}] : {i} \\in 1..{len(p.goals.names)} }}'
        yield "Init =="
        yield from self._initial()
        for step in p.steps:
            yield from self._step(step)
        for check in p.checks:
            yield from self._check(check)
        yield from self._next(variables)
        for code, name in enumerate(p.goals.names, FIRST):
            claim = p.names.fresh(name, "Claim_")
            self.claims.append(claim)
            yield f"{claim} =="
            yield f"  /\\ violated # {_string(name)}"
            for check in p.checks:
                if code in check.codes:
                    yield f"  /\\ {check.name} # {code}"
        yield "===="

    def _initial(self) -> Iterator[str]:
        p = self.p
        if not p.initial and not p.start_codes:
            yield "  FALSE"
        first = p.initial[0] if p.initial else p.system.start
        for state, violated in [(s, "") for s in p.initial] + [(first, p.event(c)) for c in p.start_codes]:
            head = "  \\/ "
            for c in p.system.state_cells:
                yield f"{head}/\\ {p.names.of(c.name)} = {self._constant(c, state)}"
                head = "     "
            yield f"{head}/\\ violated = {_string(violated)}"

    def _constant(self, c: Cell, state: State) -> str:
        at = self.p.system.offsets[c.name]
        values = state[at : at + c.size]
        if not c.dims:
            return _number(values[0])
        indices = [self.p.names.fresh("at") for _ in c.dims]
        domain = ", ".join(f"{i} \\in {_values(d)}" for i, d in zip(indices, c.dims, strict=True))
        if len(set(values)) == 1:
            return f"[{domain} |-> {_number(values[0])}]"
        where = ""
        for i, d in zip(indices, c.dims, strict=True):
            here = f"({i} - {_number(d.lo)})"
            where = here if not where else f"(({where} * {d.hi - d.lo + 1}) + {here})"
        return f"[{domain} |-> << {', '.join(_number(v) for v in values)} >>[{where} + 1]]"

    def _step(self, s: Step) -> Iterator[str]:
        p = self.p
        start = {c.name: p.names.of(c.name) for c in p.system.state_cells}
        run = _Definitions(p, dict(start))
        for c in s.scratch:
            run.cells[c.name] = run.define("scratch", self._constant_of_type(c))
        run.variables.update({v.name: v.name for v in s.free})
        run.variables[p.status.name] = run.define(p.status.name, str(DONE))
        run.sequence(s.body, "TRUE")
        parameters = f"({', '.join(v.name for v in s.free)})" if s.free else ""
        yield f"{s.name}{parameters} == \\* {plain(s.action)}"
        yield from run.let()
        values = [run.variables[p.status.name], *(run.cells[c.name] for c in s.written)]
        yield f"  << {', '.join(values)} >>"

    def _constant_of_type(self, c: Cell) -> str:
        if not c.dims:
            return _number(c.type.lo)
        indices = ", ".join(f"{self.p.names.fresh('at')} \\in {_values(d)}" for d in c.dims)
        return f"[{indices} |-> {_number(c.type.lo)}]"

    def _check(self, c: Check) -> Iterator[str]:
        p = self.p
        run = _Definitions(p, {x.name: p.names.of(x.name) for x in p.system.state_cells})
        run.variables[p.status.name] = run.define(p.status.name, str(DONE))
        if c.moves is not None:
            ways = [f"{_some(s)}{_call(s)}[1] # {DISABLED}" for s in p.steps]
            some = " \\/ ".join(f"({w})" for w in ways) or "FALSE"
            run.variables[c.moves.name] = run.define(c.moves.name, f"IF {some} THEN 1 ELSE 0")
        run.sequence(c.body, "TRUE")
        yield f"{c.name} =="
        yield from run.let()
        yield f"  {run.variables[p.status.name]}"

    def _next(self, variables: str) -> Iterator[str]:
        p = self.p
        yield "Next =="
        yield '  /\\ violated = ""'
        yield "  /\\ \\/ FALSE"
        for s in p.steps:
            result = p.names.fresh("result")
            kept = [p.names.of(c.name) for c in p.system.state_cells if c not in s.written]
            yield f"     \\/ {_some(s)}"
            yield f"        LET {result} == {_call(s)} IN"
            yield f"          \\/ /\\ {result}[1] = {DONE}"
            for i, c in enumerate(s.written, 2):
                yield f"             /\\ {p.names.of(c.name)}' = {result}[{i}]"
            yield f"             /\\ UNCHANGED << {', '.join([*kept, 'violated'])} >>"
            if s.codes:
                every = ", ".join(p.names.of(c.name) for c in p.system.state_cells)
                yield f"          \\/ /\\ {result}[1] >= {FIRST}"
                yield f"             /\\ violated' = Claims[{result}[1] - {FIRST - 1}]"
                yield f"             /\\ UNCHANGED << {every} >>"
        yield f"Spec == Init /\\ [][Next]_<< {variables} >>"


@dataclass
class _Definitions:
    """A sequence of statements as definitions: every assignment defines a new version of what it assigns.

    ``cells`` and ``variables`` are the newest versions; ``constants`` the values of loop variables.
    """

    p: Program
    cells: dict[str, str]
    variables: dict[str, str] = field(default_factory=dict)
    constants: dict[str, Expr] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def let(self) -> Iterator[str]:
        """What stands before the result."""
        if self.lines:
            yield "  LET"
            yield from (f"    {line}" for line in self.lines)
            yield "  IN"

    def define(self, hint: str, text: str) -> str:
        """A new definition; its name."""
        if len(self.lines) >= MOST_DEFINITIONS:
            raise refused("TLA+", f"a step takes more than {MOST_DEFINITIONS} definitions")
        name = self.p.names.fresh(hint)
        self.lines.append(f"{name} == {text}")
        return name

    def sequence(self, ops: Sequence[Op], path: str) -> None:
        """The statements, done where ``path`` holds."""
        for op in ops:
            match op:
                case Set(var, value):
                    text = self._printer().number(self._with_constants(value))
                    old = self.variables.get(var.name, _number(var.lo))
                    self.variables[var.name] = self.define(var.name, _if(path, text, old))
                case Store(cell, index, value):
                    printer, old = self._printer(), self.cells[cell.name]
                    text = printer.number(self._with_constants(value))
                    if index:
                        where = ", ".join(printer.number(self._with_constants(i)) for i in index)
                        text = f"[{old} EXCEPT ![{where}] = {text}]"
                    self.cells[cell.name] = self.define(cell.name, _if(path, text, old))
                case When(cond, then, other):
                    text = self._printer().truth(self._with_constants(cond))
                    both = text if path == "TRUE" else f"{path} /\\ {text}"
                    self.sequence(then, self.define("when", both))
                    if other:
                        both = f"~({text})" if path == "TRUE" else f"{path} /\\ ~({text})"
                        self.sequence(other, self.define("when", both))
                case Loop(var, body):
                    for v in range(var.lo, var.hi + 1):
                        self.constants[var.name] = Const(v)
                        self.sequence(body, path)
                    del self.constants[var.name]
                case _:
                    raise AssertionError(op)

    def _with_constants(self, e: Expr) -> Expr:
        """The expression with constants for loop variables, and the newest versions of locals."""
        versions: dict[str, Expr] = {n: Var(v, -MOST, MOST) for n, v in self.variables.items()}
        return substitute(e, versions | self.constants)

    def _printer(self) -> Printer:
        def place(cell: Cell, old: bool, index: tuple[str, ...]) -> str:
            name = self.p.names.of(cell.name) if old else self.cells[cell.name]
            return name + (f"[{', '.join(index)}]" if index else "")

        return Printer(_SIGNS, place)


def _if(path: str, text: str, old: str) -> str:
    return text if path == "TRUE" else f"IF {path} THEN {text} ELSE {old}"


def _some(s: Step) -> str:
    """The quantifier over the free variables."""
    if not s.free:
        return ""
    return "\\E " + ", ".join(f"{v.name} \\in {_values(v)}" for v in s.free) + " : "


def _call(s: Step) -> str:
    return s.name + (f"({', '.join(v.name for v in s.free)})" if s.free else "")


def _type(c: Cell) -> str:
    values = _values(c.type)
    if not c.dims:
        return values
    keys = " \\X ".join(f"({_values(d)})" for d in c.dims)
    return f"[{keys} -> {values}]"


def _number(value: int) -> str:
    return str(value) if value >= 0 else f"({value})"


def _values(t: Scalar | Var) -> str:
    """The set of the values of a type."""
    return f"{_number(t.lo)}..{_number(t.hi)}"


def _string(name: str) -> str:
    return '"' + plain(name).replace('"', "?") + '"'
