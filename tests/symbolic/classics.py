"""Well-known protocols as transition systems, with counts and lengths known from other checkers."""

from __future__ import annotations

from kspec.system.expr import Cell, Var
from kspec.system.model import System
from kspec.types import BOOL, EnumType, RangeType
from symbolic.build import (
    act,
    conj,
    disj,
    eq,
    every,
    implies,
    inv,
    loop,
    lt,
    ne,
    no,
    plus,
    put,
    rd,
    system,
    when,
)


def peterson(n: int, levels: int | None = None) -> System:
    """The filter lock for ``n`` processes; it is wrong with fewer than ``n`` levels."""
    top = n if levels is None else levels
    pid = RangeType(0, n - 1)
    level = RangeType(0, n)
    pc_type = EnumType("Pc", ("ncs", "wait", "q2", "q3", "cs"))
    ncs, wait, q2, q3, cs = range(5)
    pos, step = Cell("pos[]", (pid,), level), Cell("step[]", (pid,), pid)
    pc, j, k = Cell("pc[]", (pid,), pc_type), Cell("j[]", (pid,), level), Cell("k[]", (pid,), level)
    p, q = Var("p", 0, n - 1), Var("q", 0, n - 1)
    below = plus(rd(j, p), -1)
    actions = (
        act("ncs", (p,), eq(rd(pc, p), ncs), put(j, p, 1), put(pc, p, wait)),
        act("wait", (p,), conj(eq(rd(pc, p), wait), lt(rd(j, p), top)), put(pos, p, rd(j, p)), put(pc, p, q2)),
        act("q2", (p,), eq(rd(pc, p), q2), put(step, below, p), put(k, p, 0), put(pc, p, q3)),
        act(
            "q3a", (p,),
            conj(eq(rd(pc, p), q3), lt(rd(k, p), n), disj(eq(rd(k, p), p), lt(rd(pos, rd(k, p)), rd(j, p)))),
            put(k, p, plus(rd(k, p), 1)),
        ),
        act(
            "q3b", (p,), conj(eq(rd(pc, p), q3), disj(ne(rd(step, below), p), eq(rd(k, p), n))),
            put(j, p, plus(rd(j, p), 1)), put(pc, p, wait),
        ),
        act("cs", (p,), conj(eq(rd(pc, p), wait), eq(rd(j, p), top)), put(pc, p, cs)),
        act("exit", (p,), eq(rd(pc, p), cs), put(pos, p, 0), put(pc, p, ncs)),
    )  # fmt: skip
    mutex = every(p, every(q, implies(ne(p, q), no(conj(eq(rd(pc, p), cs), eq(rd(pc, q), cs))))))
    return system(f"peterson{n}", (pos, step, pc, j, k), actions, (inv("mutex", mutex),))


def german(n: int, wrong: bool = False) -> System:
    """German's cache coherence protocol with data; ``wrong``: the exclusive grant forgets the sharers."""
    node, data = RangeType(0, n - 1), RangeType(0, 1)
    state = EnumType("State", ("I", "S", "E"))
    request = EnumType("Request", ("e1", "reqS", "reqE"))
    answer = EnumType("Answer", ("e2", "Inv", "gntS", "gntE"))
    i_, s_, x_ = range(3)
    none, req_s, req_e = range(3)
    empty, invalidate, gnt_s, gnt_e = range(4)
    cs, cd = Cell("cs[]", (node,), state), Cell("cd[]", (node,), data)
    ch1, ch2 = Cell("ch1[]", (node,), request), Cell("ch2[]", (node,), answer)
    ch2d, ch3d = Cell("ch2d[]", (node,), data), Cell("ch3d[]", (node,), data)
    ch3, due = Cell("ch3[]", (node,), BOOL), Cell("inv[]", (node,), BOOL)
    shr, cur = Cell("shr[]", (node,), BOOL), Cell("cur[]", (node,), BOOL)
    ex, cmd = Cell("ex", (), BOOL), Cell("cmd", (), request)
    mem, aux = Cell("mem", (), data), Cell("aux", (), data)
    p, q, d = Var("p", 0, n - 1), Var("q", 0, n - 1), Var("d", 0, 1)

    def receive(name: str, what: int):
        return act(
            name, (p,), conj(eq(rd(cmd), none), eq(rd(ch1, p), what)),
            put(cmd, what), put(cur, p, 1), put(ch1, p, none), loop(q, put(due, q, rd(shr, q))),
        )  # fmt: skip

    nobody = 1 if wrong else every(q, no(rd(shr, q)))
    free = eq(rd(ch2, p), empty)
    actions = (
        act("SendReqS", (p,), conj(eq(rd(ch1, p), none), eq(rd(cs, p), i_)), put(ch1, p, req_s)),
        act("SendReqE", (p,), conj(eq(rd(ch1, p), none), ne(rd(cs, p), x_)), put(ch1, p, req_e)),
        receive("RecvReqS", req_s),
        receive("RecvReqE", req_e),
        act(
            "SendInv", (p,),
            conj(free, rd(due, p), disj(eq(rd(cmd), req_e), conj(eq(rd(cmd), req_s), rd(ex)))),
            put(ch2, p, invalidate), put(due, p, 0),
        ),
        act(
            "SendInvAck", (p,), conj(eq(rd(ch2, p), invalidate), no(rd(ch3, p))),
            put(ch2, p, empty), put(ch3, p, 1), when(eq(rd(cs, p), x_), put(ch3d, p, rd(cd, p))),
            put(cs, p, i_), put(cd, p, 0),
        ),
        act(
            "RecvInvAck", (p,), conj(rd(ch3, p), ne(rd(cmd), none)),
            put(ch3, p, 0), put(shr, p, 0), when(rd(ex), put(ex, 0), put(mem, rd(ch3d, p))), put(ch3d, p, 0),
        ),
        act(
            "SendGntS", (p,), conj(eq(rd(cmd), req_s), rd(cur, p), free, no(rd(ex))),
            put(ch2, p, gnt_s), put(ch2d, p, rd(mem)), put(shr, p, 1), put(cmd, none), put(cur, p, 0),
        ),
        act(
            "SendGntE", (p,), conj(eq(rd(cmd), req_e), rd(cur, p), free, no(rd(ex)), nobody),
            put(ch2, p, gnt_e), put(ch2d, p, rd(mem)), put(shr, p, 1), put(ex, 1), put(cmd, none),
            put(cur, p, 0),
        ),
        act(
            "RecvGntS", (p,), eq(rd(ch2, p), gnt_s),
            put(cs, p, s_), put(cd, p, rd(ch2d, p)), put(ch2, p, empty), put(ch2d, p, 0),
        ),
        act(
            "RecvGntE", (p,), eq(rd(ch2, p), gnt_e),
            put(cs, p, x_), put(cd, p, rd(ch2d, p)), put(ch2, p, empty), put(ch2d, p, 0),
        ),
        act("Store", (p, d), eq(rd(cs, p), x_), put(cd, p, d), put(aux, d)),
    )  # fmt: skip
    pair = conj(
        implies(eq(rd(cs, p), x_), eq(rd(cs, q), i_)), implies(eq(rd(cs, p), s_), ne(rd(cs, q), x_))
    )
    ctrl = every(p, every(q, implies(ne(p, q), pair)))
    value = conj(
        implies(no(rd(ex)), eq(rd(mem), rd(aux))),
        every(p, implies(ne(rd(cs, p), i_), eq(rd(cd, p), rd(aux)))),
    )
    cells = (cs, cd, ch1, ch2, ch2d, ch3, ch3d, due, shr, cur, ex, cmd, mem, aux)
    return system(f"german{n}", cells, actions, (inv("ctrl", ctrl), inv("data", value)))
