"""Certificates: what was proved of a system, and why that is so, in a form that others can check.

A certificate is a sequence of layers.  A layer says: these properties and these clauses hold together, by
induction of depth k, given what the layers before it say.  ``k = 1`` is plain induction.  Properties are
named (the hash of the system says which they are); clauses are further invariants, written out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kspec.certify import exprjson
from kspec.system.expr import Expr
from kspec.system.model import System

FORMAT = "kspec-certificate"
VERSION = 1


class BadCertificate(ValueError):
    """The text is no certificate, or not one for this system; the message says why."""


@dataclass(frozen=True)
class Clause:
    """An invariant that is not a property of the system; ``text`` is for people."""

    expr: Expr
    text: str = field(default="", compare=False)


@dataclass(frozen=True)
class Layer:
    """One proof by induction of depth ``k``; ``simple_path``: the first k states of a run may be taken to
    be pairwise different."""

    k: int
    properties: tuple[str, ...]
    clauses: tuple[Clause, ...] = ()
    simple_path: bool = False

    @property
    def kind(self) -> str:
        """``inductive`` or ``k-inductive``."""
        return "inductive" if self.k == 1 and not self.simple_path else "k-inductive"


@dataclass(frozen=True)
class Certificate:
    """The layers of one proof.  ``system``: the hash.  ``made_by``: which solvers made it."""

    system: str
    name: str
    params: tuple[tuple[str, str], ...]
    layers: tuple[Layer, ...]
    made_by: str = ""

    @property
    def proved(self) -> tuple[str, ...]:
        """The properties of all layers."""
        return tuple(name for layer in self.layers for name in layer.properties)


def certificate(system: System, layers: tuple[Layer, ...], made_by: str) -> Certificate:
    """The certificate of layers for a system."""
    return Certificate(system.hash, system.name, system.params, layers, made_by)


def dump(c: Certificate, texts: Mapping[str, str]) -> str:
    """The JSON text of a certificate; ``texts`` has what properties say, for people."""
    return json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "system": {"name": c.name, "hash": c.system, "parameters": dict(c.params)},
            "layers": [
                {
                    "kind": layer.kind,
                    "k": layer.k,
                    "simple_path": layer.simple_path,
                    "properties": [{"name": n, "text": texts.get(n, "")} for n in layer.properties],
                    "clauses": [{"text": x.text, "expr": exprjson.dump(x.expr)} for x in layer.clauses],
                }
                for layer in c.layers
            ],
            "made_by": c.made_by,
        },
        indent=1,
    )


@dataclass(frozen=True)
class Header:
    """What a certificate is about, as far as can be told without its system.

    ``model``: the file it was made from, as saved traces name it, and ``check``: the check; empty where the
    certificate does not say.
    """

    system: str
    name: str
    params: tuple[tuple[str, str], ...]
    model: str = ""
    check: str = ""
    made_by: str = ""


def with_model(text: str, file: str, check: str) -> str:
    """The text of a certificate, with the model and the check it was made for."""
    item = json.loads(text)
    head = {"format": item.pop("format"), "version": item.pop("version")}
    return json.dumps({**head, "model": {"file": file, "check": check}, **item}, indent=1)


def header(text: str) -> Header:
    """What a certificate is about; raises BadCertificate."""
    try:
        item = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as e:
        raise BadCertificate(f"not JSON: {e}") from None
    match item:
        case {"format": str(form), "version": int(version)} if (form, version) != (FORMAT, VERSION):
            raise BadCertificate(f"format {form} {version} is not {FORMAT} {VERSION}")
        case {
            "format": str(),
            "version": int(),
            "system": {"name": str(name), "hash": str(digest), "parameters": dict(params)},
            **rest,
        }:
            match rest.get("model"):
                case {"file": str(file), "check": str(check)}:
                    pass
                case _:
                    file = check = ""
            pairs = tuple((str(k), str(v)) for k, v in params.items())
            return Header(digest, name, pairs, file, check, str(rest.get("made_by", "")))
        case _:
            raise BadCertificate("it lacks format, version or system")


def load(text: str, system: System) -> Certificate:
    """The certificate of a text, its clauses read over the cells of ``system``; raises BadCertificate."""
    try:
        item = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as e:
        raise BadCertificate(f"not JSON: {e}") from None
    match item:
        case {
            "format": str(form),
            "version": int(version),
            "system": {"name": str(name), "hash": str(digest), "parameters": dict(params)},
            "layers": list(layers),
            **rest,
        }:
            if (form, version) != (FORMAT, VERSION):
                raise BadCertificate(f"format {form} {version} is not {FORMAT} {VERSION}")
            read = tuple(_layer(x, system) for x in layers)
            pairs = tuple((str(k), str(v)) for k, v in params.items())
            return Certificate(digest, name, pairs, read, str(rest.get("made_by", "")))
        case _:
            raise BadCertificate("it lacks format, version, system or layers")


def _layer(item: object, system: System) -> Layer:
    cells = {c.name: c for c in system.state_cells}
    match item:
        case {
            "kind": str(kind),
            "k": int(k),
            "simple_path": bool(simple),
            "properties": list(properties),
            "clauses": list(clauses),
        } if not isinstance(k, bool):
            layer = Layer(
                k, tuple(_name(p) for p in properties), tuple(_clause(c, cells) for c in clauses), simple
            )
            if layer.kind != kind:
                raise BadCertificate(f"a layer with k = {k} is not {kind}")
            return layer
        case _:
            raise BadCertificate("a layer lacks kind, k, simple_path, properties or clauses")


def _name(item: object) -> str:
    match item:
        case {"name": str(name)}:
            return name
        case _:
            raise BadCertificate("a property has no name")


def _clause(item: object, cells: Mapping[str, Any]) -> Clause:
    match item:
        case {"expr": expr, **rest}:
            try:
                return Clause(exprjson.load(expr, cells), str(rest.get("text", "")))
            except exprjson.BadExpression as e:
                raise BadCertificate(f"a clause cannot be read: {e}") from None
        case _:
            raise BadCertificate("a clause has no expression")
