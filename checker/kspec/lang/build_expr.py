"""From lark's parse to the syntax tree: words, places, types and expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

from lark import Token, Transformer, v_args
from lark.tree import Meta

from kspec.lang import ast
from kspec.lang.diagnostics import Diagnostic, Failed
from kspec.lang.source import Span

# fmt: off
RESERVED = frozenset((
    "kspec", "use", "param", "const", "enum", "id", "ordered", "type", "struct", "var", "init", "fun", "proc",
    "action", "process", "when", "invariant", "lemma", "step", "reachable", "terminal", "limit", "deadlock", "check",
    "scenario", "bool", "set", "seq", "map", "if", "else", "for", "while", "loop", "either", "or", "atomic", "let",
    "choose", "require", "await", "assert", "goto", "break", "continue", "return", "skip", "forall", "exists", "in",
    "where", "true", "false", "none", "at", "ref", "count", "sum", "min", "max", "always", "eventually",
))
# fmt: on


MAX_INT = (1 << 63) - 1
MAX_DIGITS = 1000
"""More digits are not even looked at."""


def unescape(text: str) -> str:
    """The text of a string literal."""
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), text[1:-1])


def keyword_as_name(token: Token, file: str) -> Diagnostic:
    """The diagnostic for a keyword where a name is wanted."""
    line, column = token.line or 1, token.column or 1
    span = Span(file, line, column, token.end_line or line, token.end_column or column + 1)
    headline = f"`{token}` is a keyword and cannot be used as a name"
    return Diagnostic("E0104", headline, span, "a keyword", help="choose another name")


def _ambiguous(e: ast.Expr) -> bool:
    """Whether some readers would take only the first part of an expression for what a prefix is about."""
    match e:
        case ast.BinaryExpr(op):
            return op in ("&&", "||", "=>")
        case ast.Conditional():
            return True
        case ast.Temporal(op):
            return op in ("until", "release", "leads_to")
        case _:
            return False


@v_args(meta=True)
class ExprBuilder(Transformer[Token, ast.Module]):
    """Methods are named after the rules and aliases of ``grammar.lark``."""

    def __init__(
        self, file: str, parse_expr: Callable[[str, int, int], ast.Expr], offset: Span | None = None
    ) -> None:
        """``parse_expr`` parses the expressions in messages; ``offset`` is where the text stands in its file."""
        super().__init__(visit_tokens=False)
        self.file = file
        self.parse_expr = parse_expr
        self.offset = offset

    # -- places ---------------------------------------------------------------------------------

    def _span(self, meta: Meta) -> Span:
        if getattr(meta, "empty", True):
            return Span(self.file, 1, 1, 1, 1)
        return self._shifted(meta.line, meta.column, meta.end_line, meta.end_column)

    def _at(self, token: Token) -> Span:
        line, column = token.line or 1, token.column or 1
        return self._shifted(line, column, token.end_line or line, token.end_column or column + 1)

    def _shifted(self, line: int, column: int, end_line: int, end_column: int) -> Span:
        if self.offset is not None:
            right, down = self.offset.column - 1, self.offset.line - 1
            column, line = column + (right if line == 1 else 0), line + down
            end_column, end_line = end_column + (right if end_line == 1 else 0), end_line + down
        return Span(self.file, line, column, end_line, end_column)

    def _name(self, token: Token) -> str:
        if str(token) in RESERVED:
            raise Failed([keyword_as_name(token, self.file)])
        return str(token)

    def _int(self, token: Token) -> int:
        text = str(token)
        base = 16 if text.startswith("0x") else 10
        if len(text) <= MAX_DIGITS and (value := int(text, base)) <= MAX_INT:
            return value
        help_ = f"at most {MAX_INT}"
        raise Failed([Diagnostic("E0107", "the number is too large", self._at(token), help=help_)])

    def __default__(self, data: Any, children: list[Any], meta: Meta) -> Any:
        raise NotImplementedError(f"rule {data}")

    # -- types ----------------------------------------------------------------------------------

    def named_type(self, m: Meta, c: list[Any]) -> ast.TypeExpr:
        return ast.NamedType(str(c[0]), self._span(m))

    def bool_type(self, m: Meta, c: list[Any]) -> ast.TypeExpr:
        return ast.NamedType("bool", self._span(m))

    def opt_type(self, m: Meta, c: list[Any]) -> ast.TypeExpr:
        return ast.OptTypeExpr(c[0], self._span(m))

    def range_type(self, m: Meta, c: list[Any]) -> ast.TypeExpr:
        return ast.RangeTypeExpr(c[0], c[1], self._span(m))

    def set_type(self, m: Meta, c: list[Any]) -> ast.TypeExpr:
        return ast.SetTypeExpr(c[1], self._span(m))

    def seq_type(self, m: Meta, c: list[Any]) -> ast.TypeExpr:
        return ast.SeqTypeExpr(c[1], c[2], self._span(m))

    def map_type(self, m: Meta, c: list[Any]) -> ast.TypeExpr:
        return ast.MapTypeExpr(c[1], c[2], self._span(m))

    def key(self, m: Meta, c: list[Any]) -> ast.TypeExpr:
        return cast(ast.TypeExpr, c[0])

    # -- expressions ----------------------------------------------------------------------------

    def int_lit(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.IntLit(self._int(c[0]), self._span(m))

    def true_lit(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.BoolLit(True, self._span(m))

    def false_lit(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.BoolLit(False, self._span(m))

    def none_lit(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.NoneLit(self._span(m))

    def name(self, m: Meta, c: list[Any]) -> ast.Expr:
        if str(c[0]) == "_":
            return ast.AnyLit(self._span(m))
        return ast.Name(self._name(c[0]), self._span(m))

    def bool_domain(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.Name("bool", self._span(m))

    def identity(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.IdentityLit(str(c[0]), self._int(c[1]), self._span(m))

    def call(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.Call(str(c[0]), tuple(c[1] or ()), self._span(m))

    def aggregate_call(self, m: Meta, c: list[Any]) -> ast.Expr:
        args = tuple(ast.Arg(None, e, e.span) for e in c[1:])
        return ast.Call(str(c[0]), args, self._span(m))

    def args(self, m: Meta, c: list[Any]) -> tuple[ast.Arg, ...]:
        return tuple(c)

    def plain_arg(self, m: Meta, c: list[Any]) -> ast.Arg:
        return ast.Arg(None, c[0], self._span(m))

    def named_arg(self, m: Meta, c: list[Any]) -> ast.Arg:
        return ast.Arg(str(c[0]), c[1], self._span(m))

    def aggregate(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.Aggregate(cast(Any, str(c[0])), c[1], c[2], self._span(m))

    def empty_set(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.SetLit((), self._span(m))

    def set_lit(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.SetLit(tuple(c), self._span(m))

    def set_filter(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.SetFilter(c[0], self._span(m))

    def empty_seq(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.SeqLit((), self._span(m))

    def seq_lit(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.SeqLit(tuple(c), self._span(m))

    def map_lit(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.MapLit(c[0], c[1], self._span(m))

    def field(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.Field(c[0], str(c[1]), self._span(m))

    def index(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.Index(c[0], c[1], self._span(m))

    def method(self, m: Meta, c: list[Any]) -> Any:
        return ast.MethodStmt(c[0], str(c[1]), tuple(c[2] or ()), self._span(m))

    def not_expr(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.UnaryExpr("!", c[0], self._span(m))

    def neg_expr(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.UnaryExpr("-", c[0], self._span(m))

    def _binary(self, op: str, m: Meta, left: Any, right: Any) -> ast.Expr:
        return ast.BinaryExpr(op, left, right, self._span(m))

    def arith(self, m: Meta, c: list[Any]) -> ast.Expr:
        return self._binary(str(c[1]), m, c[0], c[2])

    def compare(self, m: Meta, c: list[Any]) -> ast.Expr:
        return self._binary(str(c[1]), m, c[0], c[2])

    def set_union(self, m: Meta, c: list[Any]) -> ast.Expr:
        return self._binary("|", m, c[0], c[1])

    def set_inter(self, m: Meta, c: list[Any]) -> ast.Expr:
        return self._binary("&", m, c[0], c[1])

    def member(self, m: Meta, c: list[Any]) -> ast.Expr:
        return self._binary("in", m, c[0], c[1])

    def implies(self, m: Meta, c: list[Any]) -> ast.Expr:
        return self._binary("=>", m, c[0], c[1])

    def binary_or(self, m: Meta, c: list[Any]) -> ast.Expr:
        return self._binary("||", m, c[0], c[1])

    def binary_and(self, m: Meta, c: list[Any]) -> ast.Expr:
        return self._binary("&&", m, c[0], c[1])

    def at_label(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.At(c[0], str(c[1]), self._span(m))

    def ternary(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.Conditional(c[0], c[1], c[2], self._span(m))

    def quantifier(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.Quantifier(cast(Any, str(c[0])), tuple(c[1:-1]), c[-1], self._span(m))

    def temporal(self, m: Meta, c: list[Any]) -> ast.Expr:
        op, operand, span = str(c[0]), c[1], self._span(m)
        inner = operand.span
        open_ended = (inner.end_line, inner.end_column) == (span.end_line, span.end_column)
        if open_ended and _ambiguous(operand):
            help_ = f"`{op} (...)` if it is about all of that; `({op} a) && b` if not"
            headline = f"what `{op}` is about is not clear without parentheses"
            raise Failed([Diagnostic("E0108", headline, span, help=help_)])
        return ast.Temporal(cast(Any, op), (operand,), span)

    def until(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.Temporal("until", (c[0], c[1]), self._span(m))

    def release(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.Temporal("release", (c[0], c[1]), self._span(m))

    def leads_to(self, m: Meta, c: list[Any]) -> ast.Expr:
        return ast.Temporal("leads_to", (c[0], c[1]), self._span(m))

    def binder(self, m: Meta, c: list[Any]) -> ast.Binder:
        return ast.Binder(self._name(c[0]), c[1], c[2], self._span(m))

    def range_domain(self, m: Meta, c: list[Any]) -> ast.Domain:
        return ast.Domain(None, c[0], c[1], self._span(m))

    def expr_domain(self, m: Meta, c: list[Any]) -> ast.Domain:
        return ast.Domain(c[0], None, None, self._span(m))
