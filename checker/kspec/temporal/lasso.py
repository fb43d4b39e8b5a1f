"""The truth of a temporal formula on a lasso, by its definition: independent of automata.

A lasso is a behaviour that repeats: positions 0..n-1, after the last of which position ``loop`` follows.
"""

from __future__ import annotations

from collections.abc import Callable

from kspec.system.temporal import And, Atom, Formula, Holds, Next, Not, Or, Release, Taken, Until


def satisfies(f: Formula, length: int, loop: int, truth: Callable[[Atom, int], bool]) -> bool:
    """Whether the lasso of ``length`` positions satisfies the formula; ``truth`` of an atom at a position.

    Precondition: 0 <= loop < length.
    """
    return _values(f, length, loop, truth)[0]


def _values(f: Formula, n: int, loop: int, truth: Callable[[Atom, int], bool]) -> list[bool]:
    """The truth of a formula at every position."""
    match f:
        case Holds() | Taken():
            return [truth(f, i) for i in range(n)]
        case Not(a):
            return [not x for x in _values(a, n, loop, truth)]
        case And(parts):
            rows = [_values(p, n, loop, truth) for p in parts]
            return [all(r[i] for r in rows) for i in range(n)]
        case Or(parts):
            rows = [_values(p, n, loop, truth) for p in parts]
            return [any(r[i] for r in rows) for i in range(n)]
        case Next(a):
            x = _values(a, n, loop, truth)
            return [x[i + 1] if i + 1 < n else x[loop] for i in range(n)]
        case Until(a, b):
            x, y = _values(a, n, loop, truth), _values(b, n, loop, truth)
            return _fixed(n, loop, False, lambda i, later: y[i] or (x[i] and later))
        case Release(a, b):
            x, y = _values(a, n, loop, truth), _values(b, n, loop, truth)
            return _fixed(n, loop, True, lambda i, later: y[i] and (x[i] or later))


def _fixed(n: int, loop: int, start: bool, step: Callable[[int, bool], bool]) -> list[bool]:
    """The least (``start`` false) or greatest solution of ``v[i] = step(i, v[i + 1])`` around the lasso."""
    v = [start] * n
    for _ in range(2):
        for i in reversed(range(n)):
            v[i] = step(i, v[i + 1] if i + 1 < n else v[loop])
    return v
