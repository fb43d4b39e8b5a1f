"""Parsing: a text becomes a module or a diagnostic."""

from __future__ import annotations

import dataclasses
from functools import cache
from importlib import resources
from typing import Any

from lark import Lark, Token, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken, VisitError

from kspec.lang import ast
from kspec.lang.build_ast import RESERVED, AstBuilder, keyword_as_name
from kspec.lang.diagnostics import Diagnostic, Failed, did_you_mean
from kspec.lang.source import Source, Span

MAX_TEXT = 4 * 1024 * 1024
MAX_NESTING = 200

_Builder: Any = v_args(meta=True)(AstBuilder)

_READABLE = {
    "LBRACE": "`{`", "RBRACE": "`}`", "LPAR": "`(`", "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`",
    "SEMICOLON": "`;`", "COLON": "`:`", "COMMA": "`,`", "DOT": "`.`", "EQUAL": "`=`", "QMARK": "`?`",
    "NAME": "a name", "INT": "a number", "STRING": "a text in quotes", "$END": "the end of the file",
    "ASSIGN_OP": "`+=`", "STEP_OP": "`++` or `--`", "CMP": "a comparison", "HASH": "`#`",
    "VBAR": "`|`", "AMPERSAND": "`&`", "BANG": "`!`", "LT": "`<`", "GT": "`>`",
}  # fmt: skip


@cache
def _parser(start: str) -> Lark:
    """The LALR parser; built once for each start rule (immutable afterwards)."""
    grammar = (resources.files("kspec.lang") / "grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", start=start, propagate_positions=True, maybe_placeholders=True)


def parse(source: Source, module: str) -> ast.Module:
    """Parses one file.

    Raises Failed with the syntax error (one: what follows it is not looked at).
    """
    too_big = _check_size(source)
    if too_big:
        raise Failed([too_big], [source])
    try:
        tree = _parser("start").parse(source.text)
        parts: Any = _builder(source).transform(tree)
    except UnexpectedInput as error:
        raise Failed([_syntax_error(error, source)], [source]) from None
    except VisitError as error:
        raise _unwrap(error, source) from None
    version: Token = parts[0]
    decls: tuple[ast.Decl, ...] = parts[1]
    if int(str(version), 0) != 1:
        line, column = version.line or 1, version.column or 1
        span = Span(source.name, line, column, line, version.end_column or column + 1)
        raise Failed(
            [Diagnostic("E0102", f"unknown language version {version}", span, help="this kspec reads `kspec 1`")],
            [source],
        )
    deep = _too_deep(decls, source)
    if deep:
        raise Failed([deep], [source])
    return ast.Module(module, source.name, decls)


def parse_expression(source: Source, text: str, line: int = 1, column: int = 1) -> ast.Expr:
    """Parses one expression that stands at ``line``/``column`` of ``source``; raises Failed."""
    padded = "\n" * (line - 1) + " " * (column - 1) + text
    try:
        tree = _parser("expr").parse(padded)
        if isinstance(tree, Token):
            raise Failed([Diagnostic("E0101", "not an expression")], [source])
        result: Any = _builder(source).transform(tree)
    except UnexpectedInput as error:
        raise Failed([_syntax_error(error, source)], [source]) from None
    except VisitError as error:
        raise _unwrap(error, source) from None
    found: ast.Expr = result
    return found


def _builder(source: Source) -> AstBuilder:
    builder: AstBuilder = _Builder(source.name, lambda text, line, column: parse_expression(source, text, line, column))
    return builder


def _unwrap(error: VisitError, source: Source) -> Failed:
    inner = error.orig_exc
    if isinstance(inner, Failed):
        return Failed(inner.diagnostics, inner.sources or (source,))
    raise inner


def _check_size(source: Source) -> Diagnostic | None:
    """Refuses texts that would take the parser or later phases unreasonably long."""
    if len(source.text) > MAX_TEXT:
        return Diagnostic("E0103", f"the file is larger than {MAX_TEXT // 1024 // 1024} MiB", None)
    depth = 0
    for number, line in enumerate(source.text.split("\n"), 1):
        for column, char in enumerate(line, 1):
            if char in "([{":
                depth += 1
                if depth > MAX_NESTING:
                    span = Span(source.name, number, column, number, column + 1)
                    return Diagnostic(
                        "E0103",
                        f"brackets are nested more than {MAX_NESTING} deep",
                        span,
                        help="split it with `let`, `fun` or `proc`",
                    )
            elif char in ")]}":
                depth = max(0, depth - 1)
    return None


def _too_deep(decls: tuple[ast.Decl, ...], source: Source) -> Diagnostic | None:
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


def _syntax_error(error: UnexpectedInput, source: Source) -> Diagnostic:
    match error:
        case UnexpectedToken(token=token) if token.type == "$END":
            return _at_end(source, error.accepts or error.expected)
        case UnexpectedEOF():
            return _at_end(source, set(error.expected))
        case UnexpectedToken(token=token):
            span = Span(source.name, token.line, token.column, token.end_line, token.end_column)
            if not _has_header(source):
                return _no_header(source)
            accepts = set(error.accepts or error.expected)
            if (keyword := _keyword_as_name(error, token, accepts)) is not None:
                return keyword_as_name(keyword, source.name)
            words = [t for t in accepts if t.isalpha() and t.lower() != t]
            near = did_you_mean(str(token), [w.lower() for w in words if len(w) > 1])
            return Diagnostic(
                "E0101",
                f"unexpected `{token}`",
                span,
                f"expected {_readable(accepts)}",
                help=near or _advice(str(token), accepts),
            )
        case UnexpectedCharacters(line=line, column=column, char=char):
            span = Span(source.name, line, column, line, column + 1)
            help_ = "a text ends on the line on which it began" if char == '"' else ""
            if not _has_header(source):
                return _no_header(source)
            return Diagnostic("E0101", f"unexpected character {char!r}", span, help=help_)
        case _:
            return Diagnostic("E0101", "syntax error", None)


def _keyword_as_name(error: UnexpectedToken, token: Token, accepts: set[str]) -> Token | None:
    """The keyword that was meant as a name: where a name is wanted, or just before something like ` = `."""
    if str(token) in RESERVED and "NAME" in accepts:
        return token
    history = list(error.token_history or ())
    before: Token | None = history[-1] if history else None
    if before is not None and before.type == "AGGREGATE" and str(token) != "(":
        return before
    return None


def _has_header(source: Source) -> bool:
    for line in source.text.split("\n"):
        text = line.split("//")[0].strip()
        if text and not text.startswith(("/*", "*")):
            return text.split()[0] == "kspec"
    return False


def _no_header(source: Source) -> Diagnostic:
    return Diagnostic(
        "E0102", "not a kspec file", Span(source.name, 1, 1, 1, 2), help="the first line must be `kspec 1`"
    )


def _at_end(source: Source, expected: set[str]) -> Diagnostic:
    lines = source.text.rstrip().split("\n")
    if not _has_header(source):
        return _no_header(source)
    span = Span(source.name, len(lines), len(lines[-1]) + 1, len(lines), len(lines[-1]) + 2)
    return Diagnostic("E0101", "unexpected end of the file", span, f"expected {_readable(expected)}")


def _readable(expected: set[str]) -> str:
    names = sorted({_READABLE.get(t, f"`{t.lower()}`") for t in expected if not t.startswith("__")})
    if not names:
        return "something else"
    if len(names) > 6:
        names = [*names[:5], "..."]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def _advice(token: str, expected: set[str]) -> str:
    if token == "=" and "CMP" in expected:
        return "use `==` to compare"
    if "SEMICOLON" in expected:
        return "is a `;` missing before this?"
    return ""
