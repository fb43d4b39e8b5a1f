"""What printers of imperative languages share: expressions, and sequences of statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kspec.export.flat import Op
from kspec.system.expr import Binary, BinaryOp, Cell, Const, Expr, Ite, Quant, Read, Unary, Var, bounds
from kspec.types import Scalar

_TRUTHS = ("eq", "ne", "lt", "le", "gt", "ge", "and", "or", "implies")


@dataclass(frozen=True)
class Signs:
    """How a language writes operators (an operator with ``{}`` in it is a pattern).  ``typed``: truth values are no
    integers in it.  ``quantifier``: a pattern of the variable, its bounds, and the body."""

    operators: dict[BinaryOp, str]
    choice: str
    typed: bool
    truths: tuple[str, str] = ("false", "true")
    no: str = "!"
    quantifier: str = "({op} {var}: {lo}..{hi} do {body} end)"
    quantifiers: tuple[str, str] = ("forall", "exists")


@dataclass
class Printer:
    """Prints in one language.  ``place``: how an element of a cell is written, by cell, whether the state before
    the step is meant, and the texts of its indices."""

    signs: Signs
    place: Callable[[Cell, bool, tuple[str, ...]], str]

    def number(self, e: Expr) -> str:
        """An expression as an integer."""
        match e:
            case Const(value):
                return str(value) if value >= 0 else f"({value})"
            case Var(name):
                return name
            case Read(cell, index, old):
                return self.place(cell, old, tuple(self.number(i) for i in index))
            case Unary("neg", a):
                return f"(0 - {self.number(a)})"
            case Ite(c, t, o):
                return self._choice(self.truth(c), self.number(t), self.number(o))
            case Binary(op, a, b) if op not in _TRUTHS:
                return self._applied(op, self.number(a), self.number(b))
            case _:
                text = self.truth(e)
                return self._choice(text, "1", "0") if self.signs.typed else text

    def truth(self, e: Expr) -> str:
        """An expression as a condition."""
        match e:
            case Const(value) if self.signs.typed:
                return self.signs.truths[value != 0]
            case Unary("not", Unary("not", a)):
                return self.truth(a)
            case Unary("not", a):
                return f"{self.signs.no}{self._enclosed(a)}"
            case Binary("and" | "or" | "implies" as op, a, b):
                if op == "implies" and "implies" not in self.signs.operators:
                    return self._applied("or", f"{self.signs.no}({self.truth(a)})", self.truth(b))
                return self._applied(op, self.truth(a), self.truth(b))
            case Binary(op, a, b) if op in _TRUTHS:
                return self._applied(op, self.number(a), self.number(b))
            case Ite(c, t, o):
                return self._choice(self.truth(c), self.truth(t), self.truth(o))
            case Quant(op, var, body):
                word = self.signs.quantifiers[op != "forall"]
                text = self.truth(body)
                return self.signs.quantifier.format(op=word, var=var.name, lo=var.lo, hi=var.hi, body=text)
            case _:
                text = self.number(e)
                plain = not self.signs.typed and bounds(e)[0] >= 0 and bounds(e)[1] <= 1
                return text if plain else f"({text} {self.signs.operators['ne']} 0)"

    def _enclosed(self, e: Expr) -> str:
        text = self.truth(e)
        return text if text.startswith("(") and text.endswith(")") and _matched(text) else f"({text})"

    def _choice(self, c: str, t: str, e: str) -> str:
        return self.signs.choice.format(c, t, e)

    def _applied(self, op: BinaryOp, a: str, b: str) -> str:
        sign = self.signs.operators[op]
        return sign.format(a, b) if "{" in sign else f"({a} {sign} {b})"


def _matched(text: str) -> bool:
    """The first bracket is closed by the last."""
    depth = 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return i == len(text) - 1
    return False


def nested(ops: Sequence[Op], statement: Callable[[Op], Iterator[str]]) -> Iterator[str]:
    """The lines of a sequence, indented."""
    for op in ops:
        yield from (f"  {line}" for line in statement(op))


def interval(t: Scalar | Var) -> str:
    """``lo..hi``."""
    return f"{t.lo}..{t.hi}"

