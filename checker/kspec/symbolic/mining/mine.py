"""Invariants that nobody wrote: guessed from reachable states, kept if they are inductive together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kspec.certify.certificate import Clause
from kspec.symbolic.bits import Arithmetic
from kspec.symbolic.encode import Template
from kspec.symbolic.ic3.literals import Literals, literals
from kspec.symbolic.ic3.readable import Writer
from kspec.symbolic.ic3.relate import grouped
from kspec.symbolic.ic3.symmetry import Symmetry, symmetry
from kspec.symbolic.mining.candidates import Guess, guesses
from kspec.symbolic.mining.houdini import Houdini
from kspec.symbolic.mining.samples import samples
from kspec.system.model import System


@dataclass(frozen=True)
class Mined:
    """What mining came to.

    ``names``: properties that are inductive together with the invariants; ``needed`` are those among the
    invariants that they need, and ``rest`` all of them, without those that follow from a simpler one.
    """

    system: System
    table: Literals
    symmetry: Symmetry
    names: tuple[str, ...]
    needed: tuple[Guess, ...]
    rest: tuple[Guess, ...]
    sampled: int
    guessed: int

    def clauses(self, found: Sequence[Guess]) -> tuple[Clause, ...]:
        """Invariants in the language of the model."""
        writer = Writer(self.system, self.table, bool(self.symmetry.generators))
        types = [e.cell.type for e in writer.elements]
        groups = grouped([g.cube for g in found], self.table, types, self.symmetry)
        return tuple(dict.fromkeys(writer.clause(g) for g in groups))

    def holds(self, template: Template, found: Sequence[Guess]) -> int:
        """Where all of some invariants are true, as a literal of the template's graph."""
        aig, math = template.aig, Arithmetic(template.aig)
        return aig.all(
            aig.all(self.table.circuit(n, template.state, math) for n in sorted(cube)) ^ 1
            for g in found
            for cube in g.images
        )


def mine(template: Template, known: Sequence[str], names: Sequence[str], seconds: float) -> Mined:
    """Looks for invariants; ``known`` are properties that hold, ``names`` those that are to be proved.

    States are sampled for so many ``seconds`` at most; the solver's work is bounded by the number of guesses.
    """
    system = template.system
    table = literals([(v.lo, v.hi) for v in template.state])
    renaming = symmetry(system, table)
    seen = samples(system, seconds)
    guessed = guesses(seen, table, renaming) if seen else ()
    houdini = Houdini(template, table, known)
    kept, proved = houdini.inductive(houdini.initial(guessed), names)
    needed = houdini.needed(kept, proved) if proved else ()
    return Mined(system, table, renaming, proved, needed, _strongest(kept), len(seen), len(guessed))


def _strongest(kept: Sequence[Guess]) -> tuple[Guess, ...]:
    """Without those that another one implies: whose cube lies in the cube of another, or of its images."""
    out: list[Guess] = []
    for g in kept:
        if not any(image <= g.cube for h in out for image in h.images):
            out = [h for h in out if not any(image <= h.cube for image in g.images)]
            out.append(g)
    return tuple(out)
