"""What the word-level formats share: the memory of a circuit as words, and comments about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kspec.export.circuit import Circuit, Word
from kspec.export.text import plain


@dataclass(frozen=True)
class Memory:
    """A state variable: a scalar of the system, or a single bit.

    ``first``: the bits that it starts with (for those that init chooses it does not matter).  ``bits`` are the
    literals that its bits are, as they are read; ``following`` those of its next value.
    """

    name: str
    first: tuple[int, ...]
    bits: tuple[int, ...]
    following: tuple[int, ...]


def memory(c: Circuit) -> tuple[Memory, ...]:
    """The state variables; names are unique."""
    following = {latch.now: latch.following for latch in c.latches}
    grouped = {a for w in c.words for a in w.latches}
    single = [Word(latch.name, 0, (latch.now,), (0,)) for latch in c.latches if latch.now not in grouped]
    out: list[Memory] = []
    taken: set[str] = set()
    for w in (*c.words, *single):
        name = unique(w.name, taken)
        bits = tuple(a ^ i for a, i in zip(w.latches, w.inverted, strict=True))
        nexts = tuple(following[a] ^ i for a, i in zip(w.latches, w.inverted, strict=True))
        out.append(Memory(name, w.inverted, bits, nexts))
    return tuple(out)


def unique(name: str, taken: set[str]) -> str:
    """``name`` in plain characters, or with a number if that is taken."""
    stem = plain(name).replace("|", "?").replace(";", "?")
    out, count = stem, 1
    while out in taken:
        count += 1
        out = f"{stem}~{count}"
    taken.add(out)
    return out


def remarks(c: Circuit) -> Iterator[str]:
    """How the variables are to be read."""
    yield "A state after k steps is a frame k; a claim that fails in frame k is violated by a run of length k."
    yield "A variable of the state holds the scalar's value minus the lowest one of its type, where that is not 0:"
    for w in c.words:
        if w.lo:
            yield f"  {plain(w.name)}: add {w.lo}"
    yield "`started` is off in the first frame, in which the inputs init@i resolve the choices of init."
    yield "`dead` is on once a run has ended.  raised:NAME and step:NAME: the step before violated NAME."
    yield "The inputs select@i pick the action by number:"
    for i, (action, _) in enumerate(c.actions):
        yield f"  {i} {plain(action)}"
