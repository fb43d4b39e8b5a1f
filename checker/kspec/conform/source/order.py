"""Proves the comparison functions of a C file: which they are, in which configurations, what is claimed of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import z3

from kspec.conform.source import claims, machine, specorder
from kspec.conform.source.binding import Assumption, Binding, KeyPart
from kspec.conform.source.claims import Claim, Pair, Search
from kspec.conform.source.configuration import Undecided
from kspec.conform.source.ctext import Function
from kspec.conform.source.execute import Executor
from kspec.conform.source.headers import Library, found
from kspec.conform.source.machine import PointerType, Scalar, StructType
from kspec.conform.source.proof import Answer, decide
from kspec.lang.diagnostics import Diagnostic, Failed
from kspec.lang.load import Program, load
from kspec.system.expr import Expr

MOST_SYMBOLS = 5


@dataclass(frozen=True)
class Question:
    """A file, what to compare in it, its headers' directories, what the configuration is known to be, and the
    seconds for each claim."""

    path: Path
    binding: Binding
    include: tuple[Path, ...] = ()
    config: Mapping[str, bool] | None = None
    seconds: float = 30.0


@dataclass(frozen=True)
class Outcome:
    """What became of the claims in one configuration; ``accessors`` were taken as functions of their arguments."""

    config: Mapping[str, bool]
    answers: tuple[Answer, ...]
    accessors: tuple[str, ...]


@dataclass(frozen=True)
class _Model:
    """The order that the model states."""

    program: Program
    body: Expr
    parts: tuple[str, ...]
    boolean: bool
    wording: str


def prove(question: Question) -> Iterator[Outcome]:
    """The claims, configuration by configuration; symbols of which nothing is known are taken both ways.

    Raises Failed for C that is outside of the subset, and for bindings that do not fit; Disagreement where two
    solvers differ.
    """
    library = Library.around(question.path, question.include)
    stated = _stated(question.binding)
    waiting: list[dict[str, bool]] = [dict(question.config or {})]
    while waiting:
        config = waiting.pop(0)
        try:
            yield _configuration(question, library, stated, config)
        except Undecided as e:
            if len(config) >= MOST_SYMBOLS + len(question.config or {}):
                raise Failed([Diagnostic(
                    "E0908", f"more than {MOST_SYMBOLS} symbols decide what is compiled",
                    help=f"say what they are: --config {e.symbol}=y",
                )]) from None  # fmt: skip
            waiting[:0] = [{**config, e.symbol: True}, {**config, e.symbol: False}]


def _stated(binding: Binding) -> _Model | None:
    if binding.model is None:
        return None
    path, name = binding.model
    program, settings = load(path), binding.settings or {}
    body, parts, boolean = specorder.parts_of(program, settings, name)
    missing = [p for p in parts if p not in {k.name for k in binding.key}]
    if missing or binding.object is None:
        what = f"`{missing[0]}` of the model's key is not said in C" if missing else "no object is declared"
        raise Failed([Diagnostic("E0907", what, help="for example: --object 'struct perf_event *e' --key cpu=e->cpu")])
    also = f" ({', '.join(f'{k} = {v}' for k, v in settings.items())})" if settings else ""
    return _Model(program, body, parts, boolean, f"the order of {path.name}::{name}{also}")


def _configuration(
    question: Question, library: Library, stated: _Model | None, config: Mapping[str, bool]
) -> Outcome:
    run = Executor(library, config)
    answers = []
    for claim in _claims(question, run, stated):
        given = [f for a in question.binding.given for f in _assumed(run, claim, a)]
        given += run.memory.axioms(question.binding.unique)
        answers.append(decide(claim, given, run.memory, question.seconds))
    return Outcome(dict(config), tuple(answers), tuple(run.accessors))


def _claims(question: Question, run: Executor, stated: _Model | None) -> Iterator[Claim]:
    pairs, searches = _compared(question, run)
    for pair in pairs:
        yield claims.strict_weak_order(run, pair)
        if not pair.boolean:
            yield claims.antisymmetric(run, pair)
        if stated is not None:
            yield claims.equal_orders(run, pair, _Order(run, question.binding, stated), stated.wording)
    tree = next((p for p in pairs if p.boolean), pairs[0])
    for search in searches:
        yield claims.monotone(run, search, tree)


def _compared(question: Question, run: Executor) -> tuple[list[Pair], list[Search]]:
    """The functions that compare two objects, and those that compare a search key with one."""
    b, library = question.binding, run.code
    named = [n for n in (b.less, *b.search) if n]
    base = run.chosen(found(question.path, b.function, library))
    candidates: list[Function] = [base] if base is not None else []
    if named:
        candidates += (f for n in named if (f := run.chosen(found(question.path, n, library))) is not None)
    else:
        around = list(claims.callers(library.file.functions, b.function))
        names = dict.fromkeys(f.name for f in around)
        candidates += (f for n in names if (f := run.chosen(tuple(g for g in around if g.name == n))) is not None)
    roles = [r for f in candidates if (r := claims.role(f)) is not None]
    pairs = [r for r in roles if isinstance(r, Pair)]
    if not pairs:
        raise Failed([Diagnostic(
            "E0908", f"nothing in `{question.path}` compares two objects by `{b.function}`",
            help="name the function that does, with --less",
        )])  # fmt: skip
    return pairs, [r for r in roles if isinstance(r, Search)]


@dataclass(frozen=True)
class _Order:
    """The model's order of two objects."""

    run: Executor
    binding: Binding
    stated: _Model

    def __call__(self, a: Scalar, b: Scalar) -> z3.BoolRef:
        values = {f"{k}.{name}": v for k, x in enumerate((a, b)) for name, v in self._key(x).items()}
        e = specorder.over_machine(self.stated.body, values, self.stated.program)
        if self.stated.boolean:
            return e if z3.is_bool(e) else e != 0
        return e < z3.BitVecVal(0, specorder.WIDE)

    def _key(self, x: Scalar) -> dict[str, z3.BitVecRef]:
        p = self.binding.object
        assert p is not None and isinstance(p.type, PointerType)
        names = {p.name: Scalar(self._object(x, p.type), p.type)}
        return {k.name: self._part(k, names) for k in self.binding.key}

    def _object(self, x: Scalar, t: PointerType) -> z3.BitVecRef:
        """The address of the object that a parameter stands for: itself, or what contains it."""
        assert isinstance(x.type, PointerType) and isinstance(t.to, StructType)
        if x.type.to is None or x.type == t:
            return x.term
        prefix = f"container_of {t.to.tag}."
        for a in self.run.memory.read.values():
            if a.function.startswith(prefix) and a.arguments[0].eq(x.term):
                return a.value
        raise Failed([Diagnostic(
            "E0907", f"the comparison never gets from a {x.type} to a {t}",
            help="declare the object that is compared: --object 'struct perf_event *e'",
        )])  # fmt: skip

    def _part(self, k: KeyPart, names: Mapping[str, Scalar]) -> z3.BitVecRef:
        v = self.run.expression(k.expression, names, "--key")
        if k.by is None:
            return machine.resized(v, specorder.WIDE)
        rank = self.run.expression(f"{k.by}(kspec_pointer)", {"kspec_pointer": v}, "--key")
        one, zero = z3.BitVecVal(1, specorder.WIDE), z3.BitVecVal(0, specorder.WIDE)
        return z3.If(machine.truth(v), machine.resized(rank, specorder.WIDE) + one, zero)


def _assumed(run: Executor, claim: Claim, a: Assumption) -> Iterator[z3.BoolRef]:
    """What is assumed of the objects that a claim speaks of."""
    t = a.parameter.type
    assert isinstance(t, PointerType)
    prefix = f"container_of {a.tag}."
    containers = {x.arguments[0].get_id(): x.value for x in run.memory.read.values() if x.function.startswith(prefix)}
    for x in claim.objects:
        address = containers.get(x.term.get_id())
        if address is None and x.type in (t, PointerType(None)):
            address = x.term
        if address is not None:
            names = {a.parameter.name: Scalar(address, t)}
            yield machine.truth(run.expression(a.expression, names, "--given"))



