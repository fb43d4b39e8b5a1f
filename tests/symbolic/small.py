"""Small systems of which it is known what induction needs to prove them."""

from __future__ import annotations

from kspec.system.expr import Cell, Var
from kspec.system.model import Property, System
from kspec.types import RangeType
from symbolic.build import act, conj, disj, e, eq, implies, inv, ite, lemma, lt, ne, no, plus, put, rd, system

X = Cell("x", (), RangeType(0, 3))
Y = Cell("y", (), RangeType(0, 3))


def lockstep(*more: Property) -> System:
    """``x`` and ``y`` count together, modulo 4.  ``agree`` alone needs k = 4; with ``x == y`` k = 1 does."""
    turn = act(
        "turn", (), 1,
        put(X, ite(eq(rd(X), 3), 0, plus(rd(X), 1))), put(Y, ite(eq(rd(Y), 3), 0, plus(rd(Y), 1))),
    )  # fmt: skip
    return system("lockstep", (X, Y), (turn,), (inv("agree", implies(eq(rd(X), 3), eq(rd(Y), 3))), *more))


def equal() -> Property:
    return lemma("equal", eq(rd(X), rd(Y)))


def false_lemma() -> Property:
    """Fails after two steps."""
    return lemma("low", lt(rd(X), 2))


def island() -> System:
    """From 0 to 1 and back; apart from that, never reached, 5 and 6 in a circle with a way out to 7.

    Without distinct states no k proves that 7 is never reached; with them k = 3 does.
    """
    z = Cell("z", (), RangeType(0, 7))
    actions = (
        act("go", (), lt(rd(z), 2), put(z, ite(eq(rd(z), 0), 1, 0))),
        act("circle", (), disj(eq(rd(z), 5), eq(rd(z), 6)), put(z, ite(eq(rd(z), 5), 6, 5))),
        act("leave", (), eq(rd(z), 6), put(z, 7)),
    )
    return system("island", (z,), actions, (inv("not_seven", ne(rd(z), 7)),))


def token(n: int = 4) -> System:
    """A token goes round; who holds it may work.  ``alone`` needs the clause that there is one token."""
    who = RangeType(0, n - 1)
    holds = Cell("holds[]", (who,), RangeType(0, 1))
    works = Cell("works[]", (who,), RangeType(0, 1))
    p = Var("p", 0, n - 1)
    after = ite(eq(p, n - 1), 0, plus(p, 1))
    actions = (
        act("pass", (p,), conj(eq(rd(holds, p), 1), eq(rd(works, p), 0)), put(holds, p, 0), put(holds, after, 1)),
        act("begin", (p,), eq(rd(holds, p), 1), put(works, p, 1)),
        act("end", (p,), eq(rd(works, p), 1), put(works, p, 0)),
    )
    alone = conj(
        *(no(conj(eq(rd(works, i), 1), eq(rd(works, j), 1))) for i in range(n) for j in range(i))
    )
    start = (1, *(0 for _ in range(2 * n - 1)))
    return system("token", (holds, works), actions, (inv("alone", alone),), start=start)


def token_clauses(n: int = 4) -> tuple[object, ...]:
    """What makes ``alone`` inductive: at most one token, and only its holder works."""
    made = token(n)
    holds, works = made.cells
    one = conj(*(no(conj(eq(rd(holds, i), 1), eq(rd(holds, j), 1))) for i in range(n) for j in range(i)))
    holder = conj(*(implies(eq(rd(works, i), 1), eq(rd(holds, i), 1)) for i in range(n)))
    return one, holder


def never() -> System:
    """A counter of even numbers: an odd one is never reached, nor is the deadlock."""
    z = Cell("z", (), RangeType(0, 7))
    up = act("up", (), 1, put(z, ite(eq(rd(z), 6), 0, plus(rd(z), 2))))
    odd = Property("odd", "reachable", disj(*(eq(rd(z), i) for i in (1, 3, 5, 7))))
    six = Property("six", "reachable", eq(rd(z), 6))
    small = inv("small", e(lt(rd(z), 7)))
    return system("never", (z,), (up,), (odd, six, small), deadlock=True)
