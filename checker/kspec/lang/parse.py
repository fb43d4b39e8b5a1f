"""Parsing: a text becomes a module or a diagnostic."""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from importlib import resources
from typing import Any

from lark import Lark, Token, Tree, v_args
from lark.exceptions import UnexpectedInput, VisitError

from kspec.lang import ast
from kspec.lang.brackets import look, place
from kspec.lang.build_ast import AstBuilder
from kspec.lang.diagnostics import Diagnostic, Failed
from kspec.lang.source import Source, Span
from kspec.lang.syntax import syntax_error
from kspec.lang.tables import parser

MAX_TEXT = 1024 * 1024
MAX_NESTING = 200

_Builder: Any = v_args(meta=True)(AstBuilder)


@cache
def _parser(start: str) -> Lark:
    """The LALR parser; made once for each start rule (immutable afterwards)."""
    grammar = (resources.files("kspec.lang") / "grammar.lark").read_text("utf-8")
    return parser(_whole_words(grammar), start)


def _whole_words(grammar: str) -> str:
    """The grammar with a terminal for every keyword, which does not match the beginning of a longer name."""
    words: set[str] = set(re.findall(r'"([a-z_]+)"', grammar))
    rules = re.sub(r'"([a-z_]+)"', lambda m: f"_{m[1].upper()}", grammar)
    return rules + "".join(f"\n_{w.upper()}.2: /{w}\\b/" for w in sorted(words))


def parse(source: Source, module: str) -> ast.Module:
    """Parses one file.

    Raises Failed with the syntax error (one: what follows it is not looked at).
    """
    too_big = _check_size(source)
    if too_big:
        raise Failed([too_big], [source])
    try:
        tree = _parser("start").parse(source.text)
        parts: Any = _transform(_builder(source), tree)
    except UnexpectedInput as error:
        raise Failed([syntax_error(error, source)], [source]) from None
    except VisitError as error:
        raise _unwrap(error, source) from None
    version: Token = parts[0]
    decls: tuple[ast.Decl, ...] = parts[1]
    if str(version) != "1":
        line, column = version.line or 1, version.column or 1
        span = Span(source.name, line, column, line, version.end_column or column + 1)
        raise Failed(
            [Diagnostic("E0102", "unknown version of the language", span, help="this kspec reads `kspec 1`")],
            [source],
        )
    deep = _too_deep(decls)
    if deep:
        raise Failed([deep], [source])
    return ast.Module(module, source.name, decls)


def parse_expression(source: Source, text: str, line: int = 1, column: int = 1) -> ast.Expr:
    """Parses one expression that stands at ``line``/``column`` of ``source``; raises Failed."""
    offset = Span(source.name, line, column, line, column + len(text))
    try:
        tree = _parser("expr").parse(text)
        found: Any = _transform(_builder(source, offset), tree)
    except UnexpectedInput as error:
        raise Failed([syntax_error(error, source, offset)], [source]) from None
    except VisitError as error:
        raise _unwrap(error, source) from None
    expr: ast.Expr = found
    return expr


def _builder(source: Source, offset: Span | None = None) -> AstBuilder:
    builder: AstBuilder = _Builder(
        source.name, lambda text, line, column: parse_expression(source, text, line, column), offset
    )
    return builder


def _transform(builder: AstBuilder, tree: Any) -> Any:
    """What the builder makes of a tree, bottom-up; without recursion, for trees may be very deep."""
    root: list[Any] = []
    stack: list[tuple[Any, int, list[Any]]] = [(Tree("root", [tree]), 0, root)]
    while stack:
        node, k, done = stack.pop()
        if k < len(node.children):
            stack.append((node, k + 1, done))
            child = node.children[k]
            if isinstance(child, Tree):
                stack.append((child, 0, []))
            else:
                done.append(child)
        elif stack:
            call: Any = builder._call_userfunc
            stack[-1][2].append(call(node, done))
    return root[0]


def _unwrap(error: VisitError, source: Source) -> Failed:
    inner = error.orig_exc
    if isinstance(inner, Failed):
        return Failed(inner.diagnostics, inner.sources or (source,))
    raise inner


def _check_size(source: Source) -> Diagnostic | None:
    """Refuses texts that would take the parser or later phases unreasonably long."""
    if len(source.text) > MAX_TEXT:
        return Diagnostic("E0103", f"the file is larger than {MAX_TEXT // 1024} KiB", None)
    deep = look(source.text, MAX_NESTING).too_deep
    if deep is None:
        return None
    return Diagnostic(
        "E0103",
        f"brackets are nested more than {MAX_NESTING} deep",
        place(source, deep),
        help="split it with `let`, `fun` or `proc`",
    )


def _too_deep(decls: tuple[ast.Decl, ...]) -> Diagnostic | None:
    """Later phases recurse over the tree; chains such as ``!!!...`` or ``a + a + ...`` must end somewhere."""
    stack: list[tuple[object, int]] = [(decls, 0)]
    while stack:
        node, depth = stack.pop()
        if isinstance(node, tuple):
            stack.extend((x, depth) for x in node)
        elif dataclasses.is_dataclass(node) and not isinstance(node, Span):
            if depth > MAX_NESTING:
                return Diagnostic(
                    "E0103",
                    f"nested more than {MAX_NESTING} deep",
                    getattr(node, "span", None),
                    help="split it with `let`, `fun` or `proc`",
                )
            stack.extend((getattr(node, f.name), depth + 1) for f in dataclasses.fields(node))
    return None
