"""C source as it is in the tree, not preprocessed: its functions, macros and structs.

The text is parsed by tree-sitter, which reads through kernel macros that a C front end stumbles over.
``#if`` and ``#ifdef`` stay in the tree; what they select is decided where the configuration is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import tree_sitter
import tree_sitter_c
from tree_sitter import Node

from kspec.conform.source.machine import CType, IntType, PointerType, StructType, integer
from kspec.lang.diagnostics import Diagnostic, Failed
from kspec.lang.source import Source, Span

CONTAINERS = ("container_of", "rb_entry", "list_entry", "hlist_entry")
"""Macros that take a type: the parser stumbles over that, which does no harm."""

NOT_TYPES = frozenset(
    ("static", "extern", "inline", "const", "volatile", "register", "restrict", "noinline", "notrace", "asmlinkage")
)
"""Words before a declarator that are no part of its type; so is what begins with two underscores (attributes)."""


@dataclass(frozen=True)
class Guard:
    """``#if``, ``#ifdef`` or ``#ifndef`` around a part of the text: the directive's node, or what it excludes."""

    directive: Node
    taken: bool


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function."""

    name: str
    type: CType | None


@dataclass(frozen=True)
class Function:
    """A function's head, and its body unless it is only declared."""

    name: str
    result: CType | None
    parameters: tuple[Parameter, ...]
    body: Node | None
    node: Node
    file: CFile
    guards: tuple[Guard, ...] = ()


@dataclass(frozen=True)
class Macro:
    """``#define``: ``parameters`` is None for one without parentheses."""

    name: str
    parameters: tuple[str, ...] | None
    text: str


@dataclass(frozen=True)
class CFile:
    """One parsed file."""

    source: Source
    tree: tree_sitter.Tree

    @staticmethod
    def parse(name: str, text: str) -> CFile:
        """The file ``name`` with this text."""
        parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_c.language()))
        return CFile(Source(name, text), parser.parse(text.encode("utf-8")))

    @staticmethod
    def read(path: Path) -> CFile:
        """Raises Failed when it cannot be read."""
        try:
            data = path.read_bytes()
        except OSError as e:
            raise Failed([Diagnostic("E0901", f"cannot read `{path}`: {e.strerror}")]) from None
        if b"\0" in data:
            raise Failed([Diagnostic("E0901", f"`{path}` is not a text")])
        return CFile.parse(str(path), data.decode("utf-8", "replace"))

    def span(self, node: Node) -> Span:
        """Where a node is."""
        (row, column), (end_row, end_column) = node.start_point, node.end_point
        return Span(self.source.name, row + 1, column + 1, end_row + 1, end_column + 1)

    @cached_property
    def functions(self) -> dict[str, tuple[Function, ...]]:
        """All definitions and declarations of every function."""
        out: dict[str, tuple[Function, ...]] = {}
        for node, guards in _top_level(self.tree.root_node, ()):
            if node.type in ("function_definition", "declaration"):
                f = self._function(node, guards)
                if f is not None:
                    out[f.name] = (*out.get(f.name, ()), f)
        return out

    def _function(self, node: Node, guards: tuple[Guard, ...]) -> Function | None:
        declarator = node.child_by_field_name("declarator")
        depth = 0
        while declarator is not None and declarator.type == "pointer_declarator":
            depth += 1
            declarator = declarator.child_by_field_name("declarator")
        if declarator is None or declarator.type != "function_declarator":
            return None
        name = declarator.child_by_field_name("declarator")
        if name is None or name.type != "identifier":
            return None
        listed = declarator.child_by_field_name("parameters")
        parameters = [p for p in listed.named_children if p.type == "parameter_declaration"] if listed else []
        return Function(
            text(name), declared_type(node, depth), tuple(map(parameter, parameters)),
            node.child_by_field_name("body"), node, self, guards,
        )  # fmt: skip

    @cached_property
    def macros(self) -> dict[str, Macro]:
        """What is defined by ``#define``; of several definitions, the last."""
        out: dict[str, Macro] = {}
        for node in descendants(self.tree.root_node):
            if node.type not in ("preproc_def", "preproc_function_def"):
                continue
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            listed = node.child_by_field_name("parameters")
            if name is not None:
                given = tuple(text(c) for c in listed.named_children) if listed else None
                body = re.sub(r"\\\s*\n", " ", text(value)) if value else ""
                out[text(name)] = Macro(text(name), given, body.strip())
        return out

    @cached_property
    def structs(self) -> dict[str, Node]:
        """The field lists of the structs and unions defined here."""
        return {
            text(name): body
            for node in descendants(self.tree.root_node)
            if node.type in ("struct_specifier", "union_specifier")
            and (name := node.child_by_field_name("name")) is not None
            and (body := node.child_by_field_name("body")) is not None
        }

    @cached_property
    def includes(self) -> tuple[str, ...]:
        """The paths of ``#include``, without quotes."""
        found = (n.child_by_field_name("path") for n in descendants(self.tree.root_node) if n.type == "preproc_include")
        return tuple(text(p).strip('<>"') for p in found if p is not None)


def text(node: Node) -> str:
    """What is written there."""
    return (node.text or b"").decode("utf-8", "replace")


def descendants(node: Node) -> Iterator[Node]:
    """A node and all below it, in the order of the text."""
    stack = [node]
    while stack:
        n = stack.pop()
        yield n
        stack.extend(reversed(n.children))


def unparsed(node: Node) -> Node | None:
    """The first part of a tree that could not be parsed and matters."""
    stack = [node]
    while stack:
        n = stack.pop()
        if n.type == "ERROR" or n.is_missing:
            return n
        if n.has_error and not (n.type == "argument_list" and n.parent and text(n.parent.children[0]) in CONTAINERS):
            stack.extend(reversed(n.children))
    return None


def _top_level(node: Node, guards: tuple[Guard, ...]) -> Iterator[tuple[Node, tuple[Guard, ...]]]:
    for child in node.children:
        match child.type:
            case "preproc_ifdef" | "preproc_if" | "preproc_elif":
                yield from _top_level(child, (*guards, Guard(child, True)))
            case "preproc_else":
                yield from _top_level(child, (*guards[:-1], Guard(guards[-1].directive, False)) if guards else ())
            case "linkage_specification" | "declaration_list":
                yield from _top_level(child, guards)
            case _:
                yield child, guards


def declared_type(node: Node, pointers: int) -> CType | None:
    """The type named before a declarator; None for ``void`` itself and what is not understood.

    Read from the words, since macros among them (``__always_inline int``) are taken for types by the parser.
    """
    return type_of_words(words_of(node), pointers)


def words_of(node: Node) -> list[str]:
    """The words before a declarator."""
    declarator = node.child_by_field_name("declarator") if node.type != "type_descriptor" else None
    words: list[str] = []
    for child in node.children:
        if declarator is not None and child.start_byte >= declarator.start_byte:
            break
        words += (text(c) for c in descendants(child) if not c.children)
    return words


def type_of_words(words: list[str], pointers: int = 0) -> CType | None:
    """The type that words like ``const struct perf_event`` name, behind that many ``*``."""
    pointers += words.count("*")
    tags = {k + 1 for k, w in enumerate(words) if w in ("struct", "union", "enum")}
    kept = [w for k, w in enumerate(words) if k in tags or not (w in NOT_TYPES or w == "*" or _is_attribute(w))]
    base: CType | None = None
    if len(kept) == 2 and kept[0] in ("struct", "union"):
        base = StructType(kept[1])
    elif len(kept) == 2 and kept[0] == "enum":
        base = integer(("unsigned", "int"))
    else:
        base = integer(tuple(kept))
    for _ in range(pointers):
        base = PointerType(base)
    return base


def _is_attribute(word: str) -> bool:
    return word.startswith("__") and integer((word,)) is None


def parameter(node: Node) -> Parameter:
    """A parameter's name and type."""
    declarator, depth = node.child_by_field_name("declarator"), 0
    name = declarator
    while name is not None and name.type == "pointer_declarator":
        depth += 1
        name = name.child_by_field_name("declarator")
    return Parameter(text(name) if name is not None else "", declared_type(node, depth))


@dataclass(frozen=True)
class Field:
    """A member of a struct: its type, None where it is not one that can be compared (an array, a function)."""

    name: str
    type: CType | None


def fields(body: Node) -> Iterator[Field]:
    """The members in a field list, those under ``#ifdef`` and of anonymous structs included."""
    for node in body.children:
        if node.type.startswith("preproc_"):
            yield from fields(node)
            continue
        if node.type != "field_declaration":
            continue
        declarators = node.children_by_field_name("declarator")
        inner = next((c for c in node.children if c.type in ("struct_specifier", "union_specifier")), None)
        if not declarators and inner is not None and (within := inner.child_by_field_name("body")) is not None:
            yield from fields(within)
        bits = next((c for c in node.children if c.type == "bitfield_clause"), None)
        for d in declarators:
            yield _field(node, d, bits)


def _field(node: Node, declarator: Node, bits: Node | None) -> Field:
    depth, name = 0, declarator
    while name.type == "pointer_declarator":
        inner = name.child_by_field_name("declarator")
        if inner is None:
            return Field("", None)
        depth, name = depth + 1, inner
    if name.type != "field_identifier":
        plain = next((c for c in descendants(name) if c.type == "field_identifier"), None)
        return Field(text(plain) if plain is not None else "", None)
    t = declared_type(node, depth)
    if bits is not None:
        t = _bit_field(t, bits)
    return Field(text(name), t)


def _bit_field(t: CType | None, bits: Node) -> CType | None:
    width = text(bits).lstrip(":").strip()
    if isinstance(t, IntType) and width.isdecimal() and int(width) > 0:
        return IntType(f"{t.name}:{width}", int(width), t.signed)
    return None
