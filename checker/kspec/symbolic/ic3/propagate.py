"""Propagation: clauses are carried to later frames where they still hold.

When all clauses of a frame can be carried on, the frame and the next are equal: what they say is an inductive
invariant (Bradley, VMCAI 2011).
"""

from __future__ import annotations

from kspec.symbolic.ic3.frames import Frames
from kspec.symbolic.ic3.literals import Cube


def propagate(frames: Frames) -> tuple[Cube, ...] | None:
    """Carries clauses on; the cubes that an inductive invariant excludes, once there is one."""
    for level in range(1, frames.top):
        for cube in sorted(frames.levels[level], key=sorted):
            if cube not in frames.levels[level]:
                continue  # subsumed meanwhile
            result = frames.unreached(cube, level)
            if result is not None:
                frames.add(result, level + 1)
                frames.levels[level].pop(cube, None)
        if not frames.levels[level]:
            return tuple(sorted((c for later in frames.levels[level + 1 :] for c in later), key=sorted))
    return None
