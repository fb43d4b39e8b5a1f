"""From what IC3 knows to a certificate: a reduced invariant in the language of the model.

A certificate has at most two layers: properties that are inductive as they stand, and the rest with the
clauses that it takes to prove them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from kspec.certify.certificate import Layer, certificate, dump
from kspec.symbolic.ic3.frames import Frames
from kspec.symbolic.ic3.literals import Cube
from kspec.symbolic.ic3.problem import Problem
from kspec.symbolic.ic3.query import default_solver
from kspec.symbolic.ic3.readable import Writer
from kspec.symbolic.ic3.reduce import Reducer
from kspec.symbolic.ic3.relate import grouped
from kspec.symbolic.ic3.symmetry import Symmetry
from kspec.system.model import System


@dataclass(frozen=True)
class Proof:
    """``lemmas``: properties that are inductive together as they stand; ``names``: others, which never happen
    because of them and because the cubes (with their images) are unreachable."""

    lemmas: tuple[str, ...]
    names: tuple[str, ...]
    cubes: tuple[Cube, ...] = ()

    def layers(self, system: System, problem: Problem, symmetry: Symmetry) -> tuple[Layer, ...]:
        """The layers of the certificate, the cubes written out."""
        writer = Writer(system, problem.literals, bool(symmetry.generators))
        types = [e.cell.type for e in writer.elements]
        clauses = tuple(writer.clause(g) for g in grouped(self.cubes, problem.literals, types, symmetry))
        first = (Layer(1, self.lemmas),) if self.lemmas else ()
        return (*first, Layer(1, self.names, clauses)) if self.names else first


def reduced(
    problem: Problem, frames: Frames, proof: Proof, cubes: Sequence[Cube], seconds: float
) -> Proof:
    """The proof with as much of the cubes (given with all their images) as it needs; it takes no longer than
    ``seconds``, or little longer."""
    known = [-problem.broken[n] for n in proof.lemmas if n in problem.broken]
    wrong = [problem.events[n] for n in proof.names if n in problem.events]
    distinct = {frames.symmetry.representative(c) for c in cubes}
    reducer = Reducer(frames, known, wrong, time.monotonic() + seconds)
    return Proof(proof.lemmas, proof.names, reducer.reduce(distinct))


def certificate_text(system: System, layers: tuple[Layer, ...], solver: str | None) -> str:
    """The text of a certificate."""
    texts: dict[str, str] = {}
    for p in system.properties:
        source = system.source(p.span.file) if p.span else None
        if p.span and source:
            texts[p.name] = source.excerpt(p.span)
    name = solver or default_solver()
    package = "z3-solver" if name == "z3" else "python-sat"
    return dump(certificate(system, layers, f"pdr, {name} ({package} {version(package)})"), texts)
