"""Pieces of C text: literals, expressions written elsewhere, the arguments of a macro."""

from __future__ import annotations

import re

from tree_sitter import Node

from kspec.conform.source.ctext import CFile, text, unparsed
from kspec.conform.source.machine import IntType, Scalar, constant
from kspec.lang.diagnostics import Diagnostic, Failed

_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)")


def number(literal: str) -> Scalar | None:
    """The value of an integer or character literal; None for others."""
    if literal[:1] in ("-", "+"):  # the parser takes a sign for a part of the literal
        v = number(literal[1:].strip())
        return Scalar(-v.term, v.type) if v is not None and literal[0] == "-" else v
    m = _NUMBER.fullmatch(literal)
    if m is None:
        return constant(ord(literal[1])) if re.fullmatch(r"'[^'\\\\]'", literal) else None
    digits, suffix = m[1], m[2].lower()
    octal = len(digits) > 1 and digits[0] == "0" and digits.isdecimal()
    value = int(digits, 8 if octal else 0)
    unsigned, decimal = "u" in suffix, digits.isdecimal() and not octal
    for width in (64,) if "l" in suffix else (32, 64):
        if not unsigned and value < 1 << (width - 1):
            return constant(value, IntType("long" if width == 64 else "int", width, True))
        if (unsigned or not decimal) and value < 1 << width:
            return constant(value, IntType("unsigned long" if width == 64 else "unsigned int", width, False))
    return None


def parsed_expression(source: str, name: str) -> tuple[CFile, Node]:
    """The syntax tree of an expression; raises Failed when it is none."""
    file = CFile.parse(name, f"long kspec_value = {source};\n")
    root = file.tree.root_node
    node = root.named_children[0] if root.named_children else root
    inner = node.child_by_field_name("declarator")
    value = inner.child_by_field_name("value") if inner is not None else None
    plain = len(root.named_children) == 1 and (value is None or text(value).strip() == source.strip())
    if value is None or not plain or unparsed(value) is not None:
        raise Failed([Diagnostic("E0905", f"`{source}` is no expression of C that is understood")])
    return file, value


def split_arguments(source: str) -> list[str]:
    """The arguments of a call, as they are written."""
    parts, depth = [""], 0
    for c in source:
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [p.strip() for p in parts]


def substituted(body: str, parameters: tuple[str, ...], arguments: list[str]) -> str:
    """A macro's text with its arguments."""
    known = dict(zip(parameters, arguments, strict=True))
    return re.sub(r"\b[A-Za-z_]\w*\b", lambda m: known.get(m[0], m[0]), body)
