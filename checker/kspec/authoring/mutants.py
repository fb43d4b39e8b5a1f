"""Mutants of a model: its text with one small mistake in what it does.

A mutant that no declared check and no scenario notices shows what the model's properties do not say.  Mistakes
are made where the model acts (actions, processes, procedures, functions, initial states), never in what is
claimed of it.  The operators are the usual ones of mutation testing (DeMillo, Lipton and Sayward, "Hints on test
data selection", 1978), with those that matter for kernel code: orders of steps, and regions under a lock.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kspec.lang import ast
from kspec.lang.load import Program
from kspec.lang.parse import parse
from kspec.lang.source import Source, Span

OPERATORS = {
    "guard": "a condition that must hold is dropped",
    "statement": "a statement is left out",
    "order": "two steps are exchanged",
    "atomic": "a region is no longer atomic",
    "branch": "a branch is always or never taken",
    "comparison": "a comparison is another one",
    "logic": "`&&` is `||`, or the other way round",
    "value": "a number or truth value is another one",
}

_COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
_ARITHMETIC = {"+": "-", "-": "+"}
_ASSIGNMENTS = {"+=": "-=", "-=": "+=", "|=": "&=", "&=": "|="}
_SIMPLE = (ast.AssignStmt, ast.StepStmt, ast.MethodStmt, ast.CallStmt)


@dataclass(frozen=True)
class Mutant:
    """``old`` at ``span`` becomes ``new``; ``where`` is the declaration it stands in."""

    operator: str
    where: str
    span: Span
    old: str
    new: str

    @property
    def key(self) -> str:
        """Tells mutants of one text apart."""
        end = f"{self.span.end_line}:{self.span.end_column}"
        return hashlib.sha256(f"{self.operator} {self.span} {end} {self.new}".encode()).hexdigest()[:16]


def mutants(program: Program, files: Sequence[str]) -> Iterator[Mutant]:
    """All mutants of the modules in ``files``, in the order of the text."""
    texts = {s.name: s for s in program.sources}
    for module in program.modules:
        if module.file not in files:
            continue
        for d in module.decls:
            if isinstance(d, (ast.ActionDecl, ast.ProcessDecl, ast.ProcDecl, ast.FunDecl, ast.InitDecl)):
                name = getattr(d, "name", "init")
                seen: set[tuple[Span, str]] = set()
                for m in _Maker(texts[module.file], name).declaration(d):
                    if m.old != m.new and (m.span, m.new) not in seen:
                        seen.add((m.span, m.new))
                        yield m


def mutated(program: Program, mutant: Mutant) -> Program:
    """The program with the mistake in it.  Raises Failed when it can no longer be parsed."""
    name = mutant.span.file
    source = next(s for s in program.sources if s.name == name)
    start, end = _offsets(source, mutant.span)
    changed = Source(name, source.text[:start] + mutant.new + source.text[end:])
    modules = tuple(parse(changed, m.name) if m.file == name else m for m in program.modules)
    sources = tuple(changed if s.name == name else s for s in program.sources)
    return dataclasses.replace(program, modules=modules, sources=sources)


def _offsets(source: Source, span: Span) -> tuple[int, int]:
    starts = [0]
    for line in source.lines:
        starts.append(starts[-1] + len(line) + 1)
    return starts[span.line - 1] + span.column - 1, starts[span.end_line - 1] + span.end_column - 1


@dataclass(frozen=True)
class _Maker:
    """Makes the mutants of one declaration."""

    source: Source
    where: str

    def declaration(self, d: ast.Decl) -> Iterator[Mutant]:
        match d:
            case ast.ActionDecl(guard=guard, body=body):
                if guard is not None:
                    yield from self._condition(guard)
                    yield from self._inside(guard)
                yield from self._body(body)
            case ast.InitDecl(body=body):
                yield from self._body(body)
            case ast.ProcessDecl(body=body) | ast.ProcDecl(body=body):
                yield from self._body(body, stepwise=True)
            case ast.FunDecl(body=expr):
                yield from self._inside(expr)

    # ------------------------------------------------------------------------------------ statements

    def _body(self, body: tuple[ast.Stmt, ...], stepwise: bool = False) -> Iterator[Mutant]:
        """``stepwise``: others may act between the statements, so that their order always matters."""
        for k, s in enumerate(body):
            yield from self._statement(s, stepwise)
            after = body[k + 1] if k + 1 < len(body) else None
            if isinstance(s, _SIMPLE) and isinstance(after, _SIMPLE) and (stepwise or _related(s, after)):
                yield self._exchanged(s.span, after.span)

    def _statement(self, s: ast.Stmt, stepwise: bool) -> Iterator[Mutant]:
        match s:
            case ast.AssignStmt(target, op, value):
                yield self._make("statement", s.span, "")
                if op in _ASSIGNMENTS:
                    yield self._between("value", s.span, target, value, op, _ASSIGNMENTS[op])
                yield from self._inside(value)
            case ast.StepStmt(target, op):
                yield self._make("statement", s.span, "")
                other = "--" if op == "++" else "++"
                yield self._make("value", s.span, f"{self._text(target.span)}{other};")
            case ast.MethodStmt() | ast.CallStmt():
                yield self._make("statement", self._whole(s.span), "")
                for a in s.args:
                    yield from self._inside(a.value)
            case ast.IfStmt(cond, then, other):
                yield self._make("branch", cond.span, "true")
                yield self._make("branch", cond.span, "false")
                yield from self._conjuncts(cond, "branch")
                yield from self._inside(cond)
                yield from self._body(then, stepwise)
                yield from self._body(other, stepwise)
            case ast.WhileStmt(cond, body):
                if cond is not None:
                    yield from self._inside(cond)
                yield from self._body(body, stepwise)
            case ast.ForStmt(binder, body):
                yield from self._binder(binder)
                yield from self._body(body, stepwise)
            case ast.EitherStmt(branches):
                for branch in branches:
                    yield from self._body(branch, stepwise)
            case ast.AtomicStmt(body):
                if len(body) > 1 and stepwise:
                    yield self._make("atomic", s.span, self._opened(s.span))
                yield from self._body(body)
            case ast.RequireStmt(cond):
                yield self._make("guard", s.span, "")
                yield from self._conjuncts(cond, "guard")
                yield from self._inside(cond)
            case ast.LetStmt(value=value):
                yield from self._inside(value)
            case ast.LocalStmt(value=initial) if initial is not None:
                yield from self._inside(initial)
            case ast.ChooseStmt(binder):
                yield from self._binder(binder)

    def _whole(self, span: Span) -> Span:
        """A statement with its semicolon, which the span of a method call does not have."""
        after = self.source.line(span.end_line)[span.end_column - 1 :]
        missing = not self._text(span).endswith(";") and after.startswith(";")
        return dataclasses.replace(span, end_column=span.end_column + 1) if missing else span

    def _binder(self, binder: ast.Binder) -> Iterator[Mutant]:
        if binder.where is not None:
            yield from self._condition(binder.where)
            yield from self._inside(binder.where)

    def _opened(self, span: Span) -> str:
        """The statements of an atomic block without it."""
        text = self._text(span)
        return text[text.index("{") + 1 : text.rindex("}")].strip()

    def _exchanged(self, first: Span, second: Span) -> Mutant:
        first, second = self._whole(first), self._whole(second)
        whole = first.to(second)
        text, a, b = self._text(whole), self._text(first), self._text(second)
        return self._make("order", whole, b + text[len(a) : len(text) - len(b)] + a)

    # ----------------------------------------------------------------------------------- expressions

    def _condition(self, e: ast.Expr) -> Iterator[Mutant]:
        """What must hold: without it, and without each of its parts."""
        yield self._make("guard", e.span, "true")
        yield from self._conjuncts(e, "guard")

    def _conjuncts(self, e: ast.Expr, operator: str) -> Iterator[Mutant]:
        if isinstance(e, ast.BinaryExpr) and e.op == "&&":
            for part in (e.left, e.right):
                yield self._make(operator, part.span, "true")
                yield from self._conjuncts(part, operator)

    def _inside(self, e: object) -> Iterator[Mutant]:
        """Mistakes anywhere in an expression."""
        match e:
            case ast.BinaryExpr(op, left, right):
                if op in _COMPARISONS:
                    yield self._between("comparison", e.span, left, right, op, _COMPARISONS[op])
                elif op in ("&&", "||"):
                    yield self._between("logic", e.span, left, right, op, "||" if op == "&&" else "&&")
                elif op in _ARITHMETIC:
                    yield self._between("value", e.span, left, right, op, _ARITHMETIC[op])
            case ast.UnaryExpr("!", operand):
                yield self._make("logic", e.span, self._text(operand.span))
            case ast.BoolLit(value):
                yield self._make("value", e.span, "false" if value else "true")
            case ast.IntLit(number):
                yield self._make("value", e.span, str(number + 1))
                if number > 0:
                    yield self._make("value", e.span, str(number - 1))
        if dataclasses.is_dataclass(e) and not isinstance(e, Span):
            for f in dataclasses.fields(e):
                for child in _children(getattr(e, f.name)):
                    yield from self._inside(child)

    def _between(self, operator: str, span: Span, left: ast.Expr, right: ast.Expr, op: str, new: str) -> Mutant:
        """The operator between two operands is another one."""
        text, a, b = self._text(span), self._text(left.span), self._text(right.span)
        start = text.index(a) + len(a)
        end = text.rindex(b)
        return self._make(operator, span, text[:start] + text[start:end].replace(op, new, 1) + text[end:])

    def _make(self, operator: str, span: Span, new: str) -> Mutant:
        return Mutant(operator, self.where, span, self._text(span), new)

    def _text(self, span: Span) -> str:
        start, end = _offsets(self.source, span)
        return self.source.text[start:end]


def _related(a: ast.Stmt, b: ast.Stmt) -> bool:
    """Whether the order of two statements of one step may matter: one writes a variable that the other uses."""
    if isinstance(a, ast.CallStmt) or isinstance(b, ast.CallStmt):
        return True
    return bool(_written(a) & _names(b) or _written(b) & _names(a))


def _written(s: ast.Stmt) -> set[str]:
    match s:
        case ast.AssignStmt(target) | ast.StepStmt(target) | ast.MethodStmt(target):
            while isinstance(target, (ast.Field, ast.Index)):
                target = target.base
            return {target.name} if isinstance(target, ast.Name) else set()
    return set()


def _names(e: object) -> set[str]:
    out = {e.name} if isinstance(e, ast.Name) else set()
    if dataclasses.is_dataclass(e) and not isinstance(e, Span):
        for f in dataclasses.fields(e):
            for child in _children(getattr(e, f.name)):
                out |= _names(child)
    return out


def _children(value: object) -> tuple[object, ...]:
    if isinstance(value, tuple):
        return tuple(v for v in value if dataclasses.is_dataclass(v))
    return (value,) if dataclasses.is_dataclass(value) else ()
