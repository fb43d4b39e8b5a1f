"""Syntax errors in words: what was found, what could have been there, and what was probably meant."""

from __future__ import annotations

import re

from lark import Token
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from kspec.lang.brackets import look, place
from kspec.lang.build_expr import RESERVED, keyword_as_name
from kspec.lang.diagnostics import Diagnostic, Note, did_you_mean
from kspec.lang.source import Source, Span

_READABLE = {
    "LBRACE": "`{`", "RBRACE": "`}`", "LPAR": "`(`", "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`",
    "SEMICOLON": "`;`", "COLON": "`:`", "COMMA": "`,`", "DOT": "`.`", "EQUAL": "`=`", "QMARK": "`?`",
    "NAME": "a name", "INT": "a number", "STRING": "a text in quotes", "$END": "the end of the file",
    "ASSIGN_OP": "`+=`", "STEP_OP": "`++`", "HASH": "`#`", "VBAR": "`|`", "AMPERSAND": "`&`", "BANG": "`!`",
    "LT": "`<`", "GT": "`>`", "QUANT": "`forall`", "AGGREGATE": "`count`", "PROPERTY": "`invariant`",
    "ANONYMOUS": "`terminal`", "JUMP": "`skip`", "CMP": "`==`", "ADD": "`+`", "MUL": "`*`", "MINUS": "`-`",
    "TEMPORAL": "`always`", "FAIRNESS": "`weak`",
}  # fmt: skip

_GROUPS = (
    ("a declaration", {"_ACTION", "PROPERTY"}, {
        "_USE", "_PARAM", "_CONST", "_ENUM", "_ID", "ORDERED", "_TYPE", "_STRUCT", "_VAR", "_INIT", "_FUN", "_PROC",
        "_ACTION", "_PROCESS", "PROPERTY", "FAIRNESS", "ANONYMOUS", "_DEADLOCK", "_CHECK", "_SCENARIO",
        "_OBSERVE", "_IGNORE", "_SILENT",
    }),
    ("a statement", {"_ATOMIC", "JUMP"}, {
        "_IF", "_FOR", "_WHILE", "_LOOP", "_EITHER", "_ATOMIC", "_LET", "_VAR", "_CHOOSE", "_REQUIRE", "_AWAIT",
        "_ASSERT", "_GOTO", "JUMP", "NAME", "INT", "_TRUE", "_FALSE", "_NONE", "_BOOL", "AGGREGATE", "LBRACE", "LSQB",
        "LPAR",
    }),
    ("a type", {"_SET", "_SEQ"}, {
        "_SET", "_SEQ", "_MAP", "_BOOL", "NAME", "INT", "_TRUE", "_FALSE", "_NONE", "AGGREGATE", "LBRACE", "LSQB",
        "LPAR", "BANG", "MINUS",
    }),
    ("an expression", {"INT", "BANG"}, {
        "NAME", "INT", "_TRUE", "_FALSE", "_NONE", "_BOOL", "AGGREGATE", "QUANT", "LBRACE", "LSQB", "LPAR", "BANG",
        "MINUS", "TEMPORAL",
    }),
    ("an operator", {"MUL", "ADD"}, {
        "MUL", "ADD", "CMP", "LT", "GT", "VBAR", "AMPERSAND", "_IN", "_AT", "QMARK", "DOT", "LSQB", "LPAR", "HASH",
        "_UNTIL", "_RELEASE", "_LEADS_TO",
    }),
    ("an operator", {"VBAR", "QMARK"}, {
        "ADD", "CMP", "LT", "GT", "VBAR", "AMPERSAND", "_IN", "_AT", "QMARK", "_UNTIL", "_RELEASE", "_LEADS_TO",
    }),
)  # fmt: skip


def syntax_error(error: UnexpectedInput, source: Source, offset: Span | None = None) -> Diagnostic:
    """The diagnostic of a syntax error; ``offset`` is where the text stands that was parsed, if it is only a part
    of the source."""
    if offset is None:
        comment = look(source.text, len(source.text)).comment
        if comment is not None:
            return Diagnostic("E0101", "a comment is not closed", place(source, comment, 2), help="it ends with `*/`")
        if not has_header(source):
            return no_header(source)
    match error:
        case UnexpectedToken(token=token) if token.type == "$END":
            return _at_end(source, error.accepts or error.expected, offset)
        case UnexpectedEOF():
            return _at_end(source, set(error.expected), offset)
        case UnexpectedToken(token=token):
            accepts = set(error.accepts or error.expected)
            if (keyword := _keyword_as_name(error, token, accepts)) is not None:
                return keyword_as_name(keyword, source.name)
            span = _shifted(source, token.line or 1, token.column or 1, str(token), offset)
            return _unexpected(str(token), span, accepts)
        case UnexpectedCharacters(line=line, column=column, char=char, pos_in_stream=at):
            word = re.compile(r"\w+|.?").match(source.text if offset is None else "", at or 0)
            text = word[0] if word and word[0] and word[0].isascii() else str(char)
            span = _shifted(source, line, column, text, offset)
            if text.isidentifier() and text.isascii():
                return _unexpected(text, span, set(error.allowed or ()))
            help_ = "a text ends on the line on which it began" if char == '"' else ""
            if not char.isascii():
                help_ = "names are made of ASCII letters, digits and `_`"
            return Diagnostic("E0101", f"unexpected character {char!r}", span, help=help_)
        case _:
            return Diagnostic("E0101", "syntax error", None)


def has_header(source: Source) -> bool:
    """Whether the text begins with `kspec`, comments aside."""
    first = re.match(r"(?:\s|//[^\n]*|/\*[\s\S]*?\*/)*(\w*)", source.text)
    return first is not None and first[1] == "kspec"


def no_header(source: Source) -> Diagnostic:
    """The diagnostic for a text that is no model."""
    return Diagnostic(
        "E0102", "not a kspec file", Span(source.name, 1, 1, 1, 2), help="the first line must be `kspec 1`"
    )


def _unexpected(text: str, span: Span, accepts: set[str]) -> Diagnostic:
    words = [t.lstrip("_").lower() for t in accepts if t.startswith("_") and not t.startswith("__")]
    words += ["invariant", "lemma", "step", "reachable", "property"] if "PROPERTY" in accepts else []
    words += ["break", "continue", "return", "skip"] if "JUMP" in accepts else []
    near = did_you_mean(text, words) if text.isidentifier() else ""
    help_ = near or _advice(text, accepts)
    return Diagnostic("E0101", f"unexpected `{text}`", span, f"expected {_readable(accepts)}", help=help_)


def _keyword_as_name(error: UnexpectedToken, token: Token, accepts: set[str]) -> Token | None:
    """The keyword that was meant as a name: where a name is wanted, or just before something like ` = `."""
    if str(token) in RESERVED and "NAME" in accepts and not {"INT", "_AWAIT"} & accepts:
        return token
    history = list(error.token_history or ())
    before: Token | None = history[-1] if history else None
    if before is not None and before.type == "AGGREGATE" and str(token) != "(":
        return before
    return None


def _shifted(source: Source, line: int, column: int, text: str, offset: Span | None) -> Span:
    """The span of a token; tokens lie on one line."""
    if offset is not None:
        column += offset.column - 1 if line == 1 else 0
        line += offset.line - 1
    return Span(source.name, line, column, line, column + max(1, len(text.split("\n")[0])))


def _at_end(source: Source, expected: set[str], offset: Span | None) -> Diagnostic:
    if offset is not None:
        at = Span(source.name, offset.end_line, offset.end_column, offset.end_line, offset.end_column + 1)
        return Diagnostic("E0101", "the expression ends too early", at, f"expected {_readable(expected)}")
    lines = source.text.rstrip().split("\n")
    span = Span(source.name, len(lines), len(lines[-1]) + 1, len(lines), len(lines[-1]) + 2)
    opened = look(source.text, len(source.text)).unclosed
    notes = (Note(place(source, opened), "this is not closed"),) if opened is not None else ()
    return Diagnostic("E0101", "unexpected end of the file", span, f"expected {_readable(expected)}", notes)


def _readable(expected: set[str]) -> str:
    """What could have been there, in a few words."""
    left = {t for t in expected if not t.startswith("__")}
    names: list[str] = []
    for name, signs, members in _GROUPS:
        if signs <= left:
            names.append(name)
            left -= members
    names += sorted(_READABLE.get(t, f"`{t.lstrip('_').lower()}`") for t in left)
    if not names:
        return "something else"
    if len(names) > 6:
        names = [*names[:5], "..."]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def _advice(token: str, expected: set[str]) -> str:
    if token == "=" and ("CMP" in expected or "VBAR" in expected):
        return "use `==` to compare"
    if token in ("==", "!=", "<", ">", "<=", ">=") and "QMARK" in expected:
        return "comparisons do not chain: write `a < b && b < c`"
    if token in ("&&", "||", "=>") or token in "?+*/%":
        return ""
    if "LBRACE" in expected and len(expected) == 1:
        return "a body stands in braces, even if it is one statement"
    if "SEMICOLON" in expected:
        return "is a `;` missing before this?"
    return ""
