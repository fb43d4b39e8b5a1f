"""Decides claims with Z3, and has what Z3 proves decided again by another solver."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import z3

from kspec.conform.source.claims import Claim
from kspec.conform.source.machine import IntType, PointerType
from kspec.conform.source.memory import Application, Memory

LOGIC = "QF_UFBV"
SMALLER_SECONDS = 3.0


@dataclass(frozen=True)
class Row:
    """A value of a counterexample: what it is of, which part of it, and the value as people write it."""

    root: str
    path: str
    value: str


@dataclass(frozen=True)
class Answer:
    """What became of a claim; ``seconds`` of time; ``rows`` and ``outcomes`` are the counterexample."""

    about: str
    text: str
    status: Literal["proved", "refuted", "unknown"]
    seconds: float
    reason: str = ""
    rows: tuple[Row, ...] = ()
    outcomes: tuple[tuple[str, str], ...] = ()


class Disagreement(Exception):
    """Two solvers answer one question differently."""


def decide(claim: Claim, given: Sequence[z3.BoolRef], memory: Memory, seconds: float) -> Answer:
    """Proves or refutes a claim within a time; raises Disagreement."""
    started = time.monotonic()
    solver = z3.SolverFor(LOGIC)
    solver.set("timeout", max(1, int(seconds * 1000)))
    solver.add(claim.refuted, *given)

    def answer(status: Literal["proved", "refuted", "unknown"], reason: str = "", **rest: Any) -> Answer:
        return Answer(claim.about, claim.text, status, time.monotonic() - started, reason, **rest)

    try:
        found = solver.check()
    except z3.Z3Exception as e:  # "canceled", where other calls of Z3 say unknown
        return answer("unknown", str(e))
    if found == z3.sat:
        model = _small(solver, claim, memory)
        if not all(z3.is_true(model.eval(f, model_completion=True)) for f in (claim.refuted, *given)):
            raise Disagreement(f"{claim.about} {claim.text}: the counterexample is none")
        outcomes = tuple((t.name, _plain(model, t.value, t.type)) for t in claim.shown)
        return answer("refuted", rows=tuple(_rows(model, claim, memory)), outcomes=outcomes)
    if found != z3.unsat:
        return answer("unknown", solver.reason_unknown())
    match _again(solver.to_smt2(), seconds):
        case "sat":
            raise Disagreement(f"{claim.about} {claim.text}: Z3 proves it, Bitwuzla refutes it")
        case "unsat":
            return answer("proved")
    return answer("unknown", "proved by Z3, not confirmed by Bitwuzla in time")


def _again(smt2: str, seconds: float) -> str:
    """Bitwuzla's answer."""
    bitwuzla: Any = import_module("bitwuzla")
    options = bitwuzla.Options()
    options.set(bitwuzla.Option.TIME_LIMIT_PER, max(1, int(seconds * 1000)))
    manager = bitwuzla.TermManager()
    parser = bitwuzla.Parser(manager, options)
    text = "\n".join(line for line in smt2.splitlines() if not line.startswith(("(check-sat", "(set-info")))
    parser.parse(f"(set-logic {LOGIC})\n{text}", True, False)
    return str(parser.bitwuzla().check_sat()).rsplit(".", 1)[-1].lower()


def _small(solver: z3.Solver, claim: Claim, memory: Memory) -> z3.ModelRef:
    """A counterexample with small numbers where it has any: one by one they are asked to be small."""
    used = _subterms(claim.refuted)
    applications = [a for a in memory.read.values() if a.value.get_id() in used]
    inner = {x.get_id() for a in applications for x in a.arguments}
    deadline = time.monotonic() + SMALLER_SECONDS
    for a in applications:
        x = a.value
        wishes = [z3.ULT(x, limit) for limit in (4, 16, 1 << 20)]
        if isinstance(a.type, PointerType) and x.get_id() in inner:
            wishes = [x != 0]
        elif isinstance(a.type, IntType) and a.type.signed:
            wishes = [z3.And(x >= -1, x < limit) for limit in (4, 16, 1 << 20)]
        for wish in wishes:
            if time.monotonic() > deadline:
                break
            solver.push()
            solver.add(wish)
            if solver.check() == z3.sat:
                break
            solver.pop()
    solver.check()
    return solver.model()


def _rows(model: z3.ModelRef, claim: Claim, memory: Memory) -> list[Row]:
    """The fields that the claim depends on, by object; addresses that only lead to others are left out."""
    used = _subterms(claim.refuted)
    applications = [a for a in memory.read.values() if a.value.get_id() in used]
    inner = {x.get_id() for a in applications for x in a.arguments}
    writer = _Writer(model, {a.value.get_id(): a for a in applications})
    order = [x.decl().name() for x in (o.term for o in claim.objects)]
    out: list[Row] = []
    for a in applications:
        value = _value(model, a)
        if a.function.startswith("container_of ") or (a.value.get_id() in inner and value != "NULL"):
            continue
        written = writer.path(a)
        if written is not None:
            out.append(Row(*written, value))
    return sorted(dict.fromkeys(out), key=lambda r: (order.index(r.root) if r.root in order else len(order), r.path))


@dataclass(frozen=True)
class _Writer:
    """How the values that were read are written, in terms of the objects; nothing that hangs on NULL."""

    model: z3.ModelRef
    known: dict[int, Application]

    def path(self, a: Application) -> tuple[str, str] | None:
        """From which object a value was read, and how it is written."""
        x = a.arguments[0]
        named = z3.is_const(x) and not z3.is_bv_value(x)
        if not named and self.model.eval(x, model_completion=True).as_long() == 0:
            return None
        parts = [self._term(x) for x in a.arguments]
        first = parts[0]
        if first is None:
            return None
        root, path = first
        if a.function.endswith("()"):
            return root, f"{a.function[:-2]}({', '.join(p[1] if p else '?' for p in parts)})"
        member = a.function.split("::", 1)[1]
        return root, f"{path}->{member}" if path else member

    def _term(self, x: z3.ExprRef) -> tuple[str, str] | None:
        a = self.known.get(x.get_id())
        if a is not None:
            return self._term(a.arguments[0]) if a.function.startswith("container_of ") else self.path(a)
        if z3.is_app_of(x, z3.Z3_OP_ITE):
            taken = z3.is_true(self.model.eval(x.arg(0), model_completion=True))
            return self._term(x.arg(1 if taken else 2))
        return (x.decl().name(), "") if z3.is_const(x) and not z3.is_bv_value(x) else None


def _subterms(e: z3.ExprRef) -> set[int]:
    seen: set[int] = set()
    stack = [e]
    while stack:
        x = stack.pop()
        if x.get_id() not in seen:
            seen.add(x.get_id())
            stack.extend(x.children())
    return seen


def _value(model: z3.ModelRef, a: Application) -> str:
    n = model.eval(a.value, model_completion=True).as_long()
    if isinstance(a.type, PointerType):
        return hex(n) if n else "NULL"
    return str(_signed(n, a.type))


def _plain(model: z3.ModelRef, e: z3.ExprRef, t: IntType) -> str:
    v = model.eval(e, model_completion=True)
    if z3.is_bool(v):
        return "true" if z3.is_true(v) else "false"
    return str(_signed(v.as_long(), t))


def _signed(n: int, t: IntType) -> int:
    return n - (1 << t.width) if t.signed and n >> (t.width - 1) else n
