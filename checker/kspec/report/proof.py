"""Proofs for people: the layers of a certificate, in the language of the model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from kspec.lang.diagnostics import visible
from kspec.system.representation import is_representation


def proof_lines(certificate: str) -> Iterator[str]:
    """The text of a certificate (a well-formed one), line by line: for every layer how it is shown, what is
    shown (invariants, lemmas and step properties of the model, and clauses that it takes besides), and by name all
    that follows."""
    for i, layer in enumerate(json.loads(certificate)["layers"]):
        said = [t for t in (_statement(str(p.get("text", ""))) for p in layer["properties"]) if t]
        said += [str(c.get("text", "")) for c in layer["clauses"]]
        given = "given that, " if i else ""
        yield f"{given}{_how(layer)}{', together' if len(said) > 1 else ''}:".capitalize()
        for text in said:
            yield f"    {visible(text)}"
        names = [str(p["name"]) for p in layer["properties"]]
        shown = [n for n in names if not is_representation(n)]
        if len(shown) < len(names):
            shown.append("how values are laid out")
        yield f"  => {visible(', '.join(shown))}"


def _statement(text: str) -> str:
    """What an invariant, lemma or step property says, without its message; empty for others."""
    if not text.startswith(("invariant ", "lemma ", "step ")):
        return ""
    return " ".join(re.sub(r',\s*"(?:[^"\\]|\\.)*"$', "", text.rstrip().rstrip(";")).split())


def _how(layer: Mapping[str, Any]) -> str:
    """By which kind of induction."""
    if layer["kind"] == "inductive":
        return "inductive"
    paths = ", on paths without repeated states" if layer["simple_path"] else ""
    return f"inductive over {layer['k']} steps{paths}"
