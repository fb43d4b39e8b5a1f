"""The exact bit-packed form of a state, and the digest of a set of states.

Packing: the scalars of the flat state in order, each as ``value - lo`` in the fewest bits that hold
its type (a type of one value takes none), from the least significant bit of word 0 upwards; a scalar
never straddles two 64-bit words, it starts the next one instead.

Digest: each state gives two 64-bit lanes, ``lane_j = fold(mix, SEED_j, words)`` with
``mix(h, w) = finalise(h ^ w)`` where ``finalise`` is the SplitMix64 finaliser (Steele, Lea and Flood,
"Fast splittable pseudorandom number generators", OOPSLA 2014); the digest of a set is the XOR of the
lanes of its members.  It is equal across engines, threads and the order of exploration.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kspec.system.model import State, System

WORD = 64
MASK = (1 << WORD) - 1
SEEDS = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)


@dataclass(frozen=True)
class Slot:
    """Where one scalar sits: ``((words[word] >> shift) & ((1 << bits) - 1)) + lo``."""

    word: int
    shift: int
    bits: int
    lo: int


def bits_for(lo: int, hi: int) -> int:
    """The bits that distinguish the values ``lo..hi``."""
    return (hi - lo).bit_length()


def slots(system: System) -> tuple[Slot, ...]:
    """The slot of every position of the flat state."""
    out: list[Slot] = []
    word = shift = 0
    for cell in system.state_cells:
        bits = bits_for(cell.type.lo, cell.type.hi)
        for _ in range(cell.size):
            if shift + bits > WORD:
                word, shift = word + 1, 0
            out.append(Slot(word, shift, bits, cell.type.lo))
            shift += bits
    return tuple(out)


def word_count(layout: tuple[Slot, ...]) -> int:
    """How many 64-bit words a packed state takes (at least one)."""
    return layout[-1].word + 1 if layout else 1


def pack(layout: tuple[Slot, ...], state: State) -> tuple[int, ...]:
    """The words of a state."""
    words = [0] * word_count(layout)
    for slot, value in zip(layout, state, strict=True):
        words[slot.word] |= (value - slot.lo) << slot.shift
    return tuple(words)


def unpack(layout: tuple[Slot, ...], words: tuple[int, ...]) -> State:
    """The state of packed words."""
    return tuple(((words[s.word] >> s.shift) & ((1 << s.bits) - 1)) + s.lo for s in layout)


def finalise(z: int) -> int:
    """The SplitMix64 finaliser on 64-bit words."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def lanes(words: Iterable[int]) -> int:
    """The 128-bit digest of one packed state (lane 0 in the high half)."""
    a, b = SEEDS
    for w in words:
        a = finalise(a ^ w)
        b = finalise(b ^ w)
    return (a << WORD) | b
