"""How the parts of the model's key are written in C, and what may be assumed of the objects.

    function = "perf_event_groups_cmp"
    object = "struct perf_event *e"
    model = "groups_order.kspec::order"
    given = ["struct perf_event *e: e->pmu_ctx->pmu"]
    unique = ["cgroup_id"]

    [set]
    DESIGN = "since_v62"

    [key]
    cpu = "e->cpu"
    cgroup = "event_cgroup(e) by cgroup_id"

``P by F`` is the rank of a pointer: NULL first, then in the order of ``F(P)``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kspec.conform.source.ctext import CFile, Parameter, parameter
from kspec.conform.source.machine import PointerType, StructType
from kspec.lang.diagnostics import Diagnostic, Failed, did_you_mean


@dataclass(frozen=True)
class KeyPart:
    """A part of the key: its name in the model, the C expression, and the accessor that ranks a pointer."""

    name: str
    expression: str
    by: str | None


@dataclass(frozen=True)
class Assumption:
    """``expression`` is true of every object of a type."""

    parameter: Parameter
    tag: str
    expression: str
    text: str


@dataclass(frozen=True)
class Binding:
    """What is compared, and with what.  ``model`` is a file and a function in it."""

    function: str = ""
    less: str = ""
    search: tuple[str, ...] = ()
    object: Parameter | None = None
    model: tuple[Path, str] | None = None
    settings: Mapping[str, str] | None = None
    key: tuple[KeyPart, ...] = ()
    given: tuple[Assumption, ...] = ()
    unique: frozenset[str] = frozenset()


_KEYS = ("function", "less", "search", "object", "model", "set", "key", "given", "unique")


def read(path: Path) -> Binding:
    """The bindings of a TOML file; the model's path is relative to it.  Raises Failed."""
    try:
        item = tomllib.loads(path.read_text("utf-8"))
    except OSError as e:
        raise Failed([Diagnostic("E0901", f"cannot read `{path}`: {e.strerror}")]) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise Failed([Diagnostic("E0907", f"`{path}` is no TOML: {e}")]) from None
    for name in item:
        if name not in _KEYS:
            raise Failed([Diagnostic("E0907", f"`{path}`: unknown key `{name}`", help=did_you_mean(name, _KEYS))])

    def words(name: str) -> tuple[str, ...]:
        v = item.get(name, [])
        if not isinstance(v, list) or not all(isinstance(x, str) for x in v):
            raise Failed([Diagnostic("E0907", f"`{path}`: `{name}` is a list of texts")])
        return tuple(v)

    def word(name: str) -> str:
        v = item.get(name, "")
        if not isinstance(v, str):
            raise Failed([Diagnostic("E0907", f"`{path}`: `{name}` is a text")])
        return v

    def table(name: str) -> dict[str, str]:
        v = item.get(name, {})
        if not isinstance(v, dict) or not all(isinstance(x, (str, int)) for x in v.values()):
            raise Failed([Diagnostic("E0907", f"`{path}`: `{name}` is a table of texts")])
        return {k: str(x).lower() if isinstance(x, bool) else str(x) for k, x in v.items()}

    return Binding(
        word("function"), word("less"), words("search"),
        declaration(word("object")) if "object" in item else None,
        model(word("model"), path.parent) if "model" in item else None,
        table("set"), tuple(key_part(n, e) for n, e in table("key").items()),
        tuple(map(assumption, words("given"))), frozenset(words("unique")),
    )  # fmt: skip


def declaration(text: str) -> Parameter:
    """``struct perf_event *e``."""
    file = CFile.parse("declaration", f"int f({text});\n")
    function = file.functions.get("f", ())
    listed = file.tree.root_node
    if function and len(function[0].parameters) == 1 and not listed.has_error:
        p = function[0].parameters[0]
        if p.name and isinstance(p.type, PointerType) and isinstance(p.type.to, StructType):
            return p
    raise Failed([Diagnostic("E0907", f"`{text}` does not declare a pointer to a struct",
                             help="for example: struct perf_event *e")])  # fmt: skip


def assumption(text: str) -> Assumption:
    """``struct perf_event *e: e->pmu_ctx->pmu``."""
    head, colon, expression = text.partition(":")
    if not colon or not expression.strip():
        raise Failed([Diagnostic("E0907", f"`{text}` is no assumption",
                                 help="for example: struct perf_event *e: e->pmu_ctx->pmu != NULL")])  # fmt: skip
    p = declaration(head.strip())
    assert isinstance(p.type, PointerType) and isinstance(p.type.to, StructType)
    return Assumption(p, p.type.to.tag, expression.strip(), text)


def key_part(name: str, text: str) -> KeyPart:
    """``event_cgroup(e) by cgroup_id``."""
    m = re.fullmatch(r"(.*\S)\s+by\s+(\w+)", text.strip(), re.DOTALL)
    return KeyPart(name, m[1] if m else text.strip(), m[2] if m else None)


def model(text: str, folder: Path) -> tuple[Path, str]:
    """``groups_order.kspec::order``."""
    file, colon, function = text.partition("::")
    if not colon or not function:
        raise Failed([Diagnostic("E0907", f"`{text}` names no function of a model",
                                 help="for example: groups_order.kspec::order")])  # fmt: skip
    return folder / file, function


__all__ = ["Assumption", "Binding", "KeyPart", "assumption", "declaration", "key_part", "model", "parameter", "read"]
