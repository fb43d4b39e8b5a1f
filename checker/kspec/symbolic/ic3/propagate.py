"""Propagation: clauses are carried to later frames where they still hold.

When all clauses of a frame can be carried on, the frame and the next are equal: what they say is an inductive
invariant (Bradley, VMCAI 2011).  Before that, some of the clauses may be inductive together already; these
hold for good (Gurfinkel and Ivrii, "Pushing to the top", FMCAD 2015, call what they make up the infinite
frame).
"""

from __future__ import annotations

from kspec.symbolic.ic3.frames import Frames
from kspec.symbolic.ic3.literals import Cube
from kspec.symbolic.ic3.query import Query


def propagate(frames: Frames) -> bool:
    """Carries clauses on; whether two frames have become equal.  Then what the later one says is settled."""
    for level in range(1, frames.top):
        for cube in sorted(frames.levels[level], key=sorted):
            if cube not in frames.levels[level]:
                continue  # subsumed meanwhile
            part = frames.unreached(cube, level)
            if part is not None:
                frames.add(part, level + 1)
                frames.levels[level].pop(cube, None)
        if not frames.levels[level]:
            frames.settle([c for later in frames.levels[level + 1 :] for c in later])
            return True
    return False


def settle(frames: Frames) -> None:
    """Settles the largest set of clauses of the frames that is inductive by itself.

    What a step contradicts is left out, until no step contradicts anything (Flanagan and Leino, "Houdini, an
    Annotation Assistant for ESC/Java", FME 2001).
    """
    p = frames.problem
    left = sorted((c for level in frames.levels for c in level), key=sorted)
    q = Query(p.step, frames.solver)
    for x in (p.inside, p.moves, *frames.known):
        q.require((x,))
    for cube in frames.always:
        q.require([-p.now[n] for n in cube])
    switches: dict[Cube, int] = {}
    entered: dict[Cube, int] = {}
    for cube in left:
        switches[cube] = q.variable()
        for image in frames.symmetry.images(cube):
            q.require((-switches[cube], *(-p.now[n] for n in image)))
        entered[cube] = q.variable()
        for n in cube:
            q.require((-entered[cube], p.then[n]))
    while left:
        some = q.temporary([entered[c] for c in left])
        if not q.holds([some, *(switches[c] for c in left)]):
            frames.settle(left)
            return
        left = [c for c in left if not all(q.value(p.then[n]) for n in c)]
        q.release(some)
