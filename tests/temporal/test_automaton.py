"""The automaton of a formula's negation accepts exactly the lassos on which the formula is false."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from kspec.system.temporal import NO, YES, And, Atom, Formula, Not, Or, Release, Taken, Until
from kspec.temporal.automaton import Automaton, violating
from kspec.temporal.components import components
from kspec.temporal.lasso import satisfies
from temporal.logic_systems import formula

SOAK = bool(os.environ.get("KSPEC_SOAK"))
FORMULAS = 3000 if SOAK else 250
ATOMS: list[Formula] = [Taken(name, None, ()) for name in "abc"]
A, B, C = ATOMS


def truth(word: list[int], atom: Atom, i: int) -> bool:
    """The truth of an atom at a position of a word of letters (bit sets of atoms)."""
    if atom in (YES, NO):
        return atom == YES
    return bool(word[i] >> ATOMS.index(atom) & 1)


def accepts(a: Automaton, word: list[int], loop: int) -> bool:
    """Whether the automaton has an accepting run on a lasso: its product with it, searched."""
    letters = [sum(1 << k for k, x in enumerate(a.atoms) if truth(word, x, i)) for i in range(len(word))]

    def following(node: tuple[int, int]) -> Iterator[tuple[tuple[int, int], int]]:
        i, q = node
        for e in a.edges[q]:
            if letters[i] & e.need == e.value:
                yield (i + 1 if i + 1 < len(word) else loop, e.to), e.marks

    for found in components([(0, 0)], lambda n: [m for m, _ in following(n)]):
        inner = [marks for n in found for m, marks in following(n) if m in found]
        union = 0
        for marks in inner:
            union |= marks
        if inner and union == a.all_marks:
            return True
    return False


@pytest.mark.parametrize("block", range(4))
def test_random_formulas(block: int) -> None:
    for seed in range(block, FORMULAS, 4):
        r = random.Random(seed)
        f = formula(r, [*ATOMS, *ATOMS, YES, NO], r.choice([2, 3, 4]))
        a = violating(f)
        for _ in range(10):
            word = [r.randrange(8) for _ in range(r.randrange(1, 6))]
            loop = r.randrange(len(word))
            holds = satisfies(f, len(word), loop, lambda x, i, w=word: truth(w, x, i))  # type: ignore[misc]
            assert accepts(a, word, loop) != holds, (seed, f, word, loop)


def always(f: Formula) -> Formula:
    return Release(NO, f)


def eventually(f: Formula) -> Formula:
    return Until(YES, f)


SIZES: list[tuple[Formula, int]] = [
    (always(A), 2),
    (eventually(A), 1),
    (always(eventually(A)), 2),
    (eventually(always(A)), 1),
    (always(Or((Not(A), eventually(B)))), 2),
    (Until(A, B), 2),
    (Or((Not(And((always(eventually(A)), always(eventually(B))))), always(eventually(C)))), 2),
]


@pytest.mark.parametrize(("f", "size"), SIZES)
def test_small(f: Formula, size: int) -> None:
    """The usual formulas have the smallest automata that there are."""
    assert len(violating(f).edges) == size
