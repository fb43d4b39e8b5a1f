"""Proofs for people: the layers of a certificate, in the language of the model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kspec.lang.diagnostics import visible
from kspec.system.representation import is_representation


def proof_lines(certificate: str) -> Iterator[str]:
    """The text of a certificate (a well-formed one), line by line: for every layer how it is shown, the clauses
    that it takes, and the properties that follow."""
    for i, layer in enumerate(json.loads(certificate)["layers"]):
        clauses = [str(c.get("text", "")) for c in layer["clauses"]]
        given = "given that, " if i else ""
        yield f"{given}{_how(layer)}{' together with' if clauses else ''}:".capitalize()
        for clause in clauses:
            yield f"    {visible(clause)}"
        names = [str(p["name"]) for p in layer["properties"]]
        shown = [n for n in names if not is_representation(n)]
        if len(shown) < len(names):
            shown.append("how values are laid out")
        yield f"    {'=> ' if clauses else ''}{visible(', '.join(shown))}"


def _how(layer: Mapping[str, Any]) -> str:
    """By which kind of induction."""
    if layer["kind"] == "inductive":
        return "inductive"
    paths = ", on paths without repeated states" if layer["simple_path"] else ""
    return f"inductive over {layer['k']} steps{paths}"
