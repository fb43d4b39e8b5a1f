"""Which parts of a text ``#if`` selects, for one configuration of the kernel."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tree_sitter import Node

from kspec.conform.source.ctext import text


class Undecided(Exception):
    """The text depends on a symbol of which the configuration says nothing."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        super().__init__(symbol)


class Unreadable(Exception):
    """A condition that is not understood."""


def selected(directive: Node, config: Mapping[str, bool]) -> bool:
    """Whether the part right after ``#if``, ``#ifdef``, ``#ifndef`` or ``#elif`` is compiled.

    Raises Undecided, and Unreadable for a condition that is more than ``defined``, ``IS_ENABLED``, ``!``,
    ``&&``, ``||``, 0 and 1.
    """
    if directive.type == "preproc_ifdef":
        name = directive.child_by_field_name("name")
        if name is None:
            raise Unreadable
        negated = text(directive.children[0]) == "#ifndef"
        return _symbol(text(name), config) != negated
    condition = directive.child_by_field_name("condition")
    if condition is None:
        raise Unreadable
    return _condition(condition, config)


def _symbol(name: str, config: Mapping[str, bool]) -> bool:
    if name not in config:
        raise Undecided(name)
    return config[name]


_ENABLED = re.compile(r"^(?:defined|IS_ENABLED|IS_BUILTIN|IS_REACHABLE)\s*\(?\s*(\w+)\s*\)?$")


def _condition(node: Node, config: Mapping[str, bool]) -> bool:
    match node.type:
        case "parenthesized_expression":
            return _condition(node.named_children[0], config)
        case "unary_expression" if text(node.children[0]) == "!":
            return not _condition(node.children[1], config)
        case "binary_expression":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            operator = text(node.children[1])
            if left is None or right is None or operator not in ("&&", "||"):
                raise Unreadable
            first = _condition(left, config)
            if first == (operator == "||"):
                return first
            return _condition(right, config)
        case "number_literal" if text(node) in ("0", "1"):
            return text(node) == "1"
        case "preproc_defined" | "call_expression" | "preproc_call_expression":
            found = _ENABLED.match(text(node))
            if found is not None:
                return _symbol(found[1], config)
    raise Unreadable
