"""Well-known protocols as transition systems built by hand, with their known numbers of states.

Filter lock (Peterson's for N processes), German's cache coherence protocol with one bit of data, the
dining philosophers (left fork first).
"""

from __future__ import annotations

from collections.abc import Sequence

from kspec.system.expr import TRUE, Binary, BinaryOp, Cell, Const, Expr, Quant, Read, Unary, Var
from kspec.system.model import Action, Property, System
from kspec.system.stmt import EMPTY, Assign, Block, If, Stmt, Write
from kspec.types import BOOL, EnumType, RangeType, Scalar


def op(kind: BinaryOp, a: Expr, b: Expr | int) -> Expr:
    """A binary operation; a number stands for a constant."""
    return Binary(kind, a, Const(b) if isinstance(b, int) else b)


def eq(a: Expr, b: Expr | int) -> Expr:
    """Equality."""
    return op("eq", a, b)


def both(*parts: Expr) -> Expr:
    """Conjunction."""
    total = parts[0]
    for p in parts[1:]:
        total = Binary("and", total, p)
    return total


def no(a: Expr) -> Expr:
    """Negation."""
    return Unary("not", a)


def put(cell: Cell, index: Expr | None, value: Expr | int, over: tuple[Var, ...] = ()) -> Assign:
    """An assignment to one element (of every value of the binders)."""
    v = Const(value) if isinstance(value, int) else value
    return Assign((Write(cell, () if index is None else (index,), v, over),))


def act(name: str, params: Sequence[tuple[Var, Scalar]], guard: Expr, *body: Stmt) -> Action:
    """An action whose first parameter acts."""
    return Action(name, tuple(params), guard, Block(tuple(body)), actor=0 if params else None)


def peterson(n: int, levels: int | None = None) -> System:
    """The filter lock; 12,498 states for n=3, 1,119,560 for n=4.  ``levels`` below n-1 break it."""
    top = n if levels is None else levels + 1
    pid, level = RangeType(0, n - 1), RangeType(0, n)
    places = EnumType("Pc", ("ncs", "wait", "q2", "q3", "cs"))
    pos, step = Cell("pos[]", (pid,), level), Cell("step[]", (pid,), pid)
    pc, j, k = Cell("pc[]", (pid,), places), Cell("j[]", (pid,), level), Cell("k[]", (pid,), level)
    p, q = Var("p", 0, n - 1), Var("q", 0, n - 1)
    ps = [(p, pid)]
    jp, kp = Read(j, (p,)), Read(k, (p,))
    turn = Binary("sub", jp, Const(1))
    # j is at least 1 and k below n where they are used as an index
    other = Read(pos, (Narrow0(kp, n - 1),))
    mine = Read(step, (Narrow0(turn, n - 1),))
    at = [eq(Read(pc, (p,)), i) for i in range(5)]
    actions = (
        act("ncs", ps, at[0], put(j, p, 1), put(pc, p, 1)),
        act("wait", ps, both(at[1], op("lt", jp, top)), put(pos, p, jp), put(pc, p, 2)),
        act("q2", ps, at[2], put(step, Narrow0(turn, n - 1), p), put(k, p, 0), put(pc, p, 3)),
        act(
            "q3a",
            ps,
            both(at[3], op("lt", kp, n), Binary("or", eq(kp, p), Binary("lt", other, jp))),
            put(k, p, Narrow0(op("add", kp, 1), n)),
        ),
        act(
            "q3b",
            ps,
            both(at[3], Binary("or", Binary("ne", mine, p), eq(kp, n))),
            put(j, p, Narrow0(op("add", jp, 1), n)),
            put(pc, p, 1),
        ),
        act("enter", ps, both(at[1], eq(jp, top)), put(pc, p, 4)),
        act("leave", ps, at[4], put(pos, p, 0), put(pc, p, 0)),
    )
    crash = both(Binary("ne", p, q), eq(Read(pc, (p,)), 4), eq(Read(pc, (q,)), 4))
    mutex = Quant("forall", p, Quant("forall", q, no(crash)))
    cells = (pos, step, pc, j, k)
    return System(
        "peterson", (("N", str(n)),), cells, (0,) * (5 * n), EMPTY, actions,
        (Property("mutex", "invariant", mutex),), deadlock=False,
    )  # fmt: skip


def Narrow0(e: Expr, hi: int) -> Expr:
    """``e``, which has to lie in ``0..hi``."""
    from kspec.system.expr import Narrow

    return Narrow(e, 0, hi, "index")


def german(n: int, data: int = 2) -> System:
    """German's protocol; 58,077 states for n=3, 1,105,353 for n=4, 22,030,785 for n=5."""
    node, datum = RangeType(0, n - 1), RangeType(0, data - 1)
    cache = EnumType("Cache", ("i", "s", "e"))
    up = EnumType("Up", ("none", "req_s", "req_e"))
    down = EnumType("Down", ("none", "inv", "gnt_s", "gnt_e"))
    names: list[tuple[str, Scalar]] = [
        ("cs", cache), ("cd", datum), ("ch1", up), ("ch2", down), ("ch2d", datum),
        ("ch3", BOOL), ("ch3d", datum), ("inv", BOOL), ("shr", BOOL), ("cur", BOOL),
    ]  # fmt: skip
    a = {name: Cell(f"{name}[]", (node,), t) for name, t in names}
    ex, cmd = Cell("ex", (), BOOL), Cell("cmd", (), up)
    mem, aux = Cell("mem", (), datum), Cell("aux", (), datum)
    p, q, d = Var("p", 0, n - 1), Var("q", 0, n - 1), Var("d", 0, data - 1)

    def at(name: str, who: Var = p) -> Expr:
        return Read(a[name], (who,))

    def set_(name: str, value: Expr | int) -> Assign:
        return put(a[name], p, value)

    everyone = Assign((Write(a["inv"], (q,), at("shr", q), (q,)),))
    actions: list[Action] = []

    def rule(name: str, guard: Expr, *body: Stmt) -> None:
        actions.append(act(name, [(p, node)], guard, *body))

    def request(name: str, kind: int) -> None:
        guard = both(eq(Read(cmd), 0), eq(at("ch1"), kind))
        rule(name, guard, put(cmd, None, kind), set_("cur", 1), set_("ch1", 0), everyone)

    rule("send_req_s", both(eq(at("ch1"), 0), eq(at("cs"), 0)), set_("ch1", 1))
    either = Binary("or", eq(at("cs"), 0), eq(at("cs"), 1))
    rule("send_req_e", both(eq(at("ch1"), 0), either), set_("ch1", 2))
    request("recv_req_s", 1)
    request("recv_req_e", 2)
    needed = Binary("or", eq(Read(cmd), 2), both(eq(Read(cmd), 1), Read(ex)))
    rule("send_inv", both(eq(at("ch2"), 0), at("inv"), needed), set_("ch2", 1), set_("inv", 0))
    rule(
        "send_inv_ack", both(eq(at("ch2"), 1), no(at("ch3"))),
        set_("ch2", 0), set_("ch3", 1),
        If(eq(at("cs"), 2), Block((set_("ch3d", at("cd")),)), EMPTY),
        set_("cs", 0), set_("cd", 0),
    )  # fmt: skip
    rule(
        "recv_inv_ack", both(at("ch3"), Binary("ne", Read(cmd), Const(0))),
        set_("ch3", 0), set_("shr", 0),
        If(Read(ex), Block((put(ex, None, 0), put(mem, None, at("ch3d")))), EMPTY),
        set_("ch3d", 0),
    )  # fmt: skip
    grant = both(at("cur"), eq(at("ch2"), 0), no(Read(ex)))
    given = (set_("ch2d", Read(mem)), set_("shr", 1))
    done = (put(cmd, None, 0), set_("cur", 0))
    rule("send_gnt_s", both(eq(Read(cmd), 1), grant), set_("ch2", 2), *given, *done)
    alone = Quant("forall", q, no(at("shr", q)))
    rule("send_gnt_e", both(eq(Read(cmd), 2), grant, alone), set_("ch2", 3), *given, put(ex, None, 1), *done)
    for kind, value in (("recv_gnt_s", 2), ("recv_gnt_e", 3)):
        rule(
            kind, eq(at("ch2"), value),
            set_("cs", value - 1), set_("cd", at("ch2d")), set_("ch2", 0), set_("ch2d", 0),
        )  # fmt: skip
    actions.append(
        act("store", [(p, node), (d, datum)], eq(at("cs"), 2), set_("cd", d), put(aux, None, d))
    )
    e, s = eq(at("cs"), 2), eq(at("cs"), 1)
    ctrl = both(
        Binary("implies", e, eq(at("cs", q), 0)),
        Binary("implies", s, Binary("ne", at("cs", q), Const(2))),
    )
    coherent = Quant(
        "forall", p, Quant("forall", q, Binary("implies", Binary("ne", p, q), ctrl))
    )
    fresh = Quant("forall", p, Binary("implies", no(eq(at("cs"), 0)), Binary("eq", at("cd"), Read(aux))))
    stable = Binary("implies", no(Read(ex)), Binary("eq", Read(mem), Read(aux)))
    cells = (*a.values(), ex, cmd, mem, aux)
    return System(
        "german", (("N", str(n)),), cells, (0,) * (10 * n + 4), EMPTY, tuple(actions),
        (Property("ctrl", "invariant", coherent), Property("data", "invariant", both(stable, fresh))),
        deadlock=False,
    )  # fmt: skip


def philosophers(n: int) -> System:
    """Dining philosophers who take the left fork first: (1+√2)**n + (1-√2)**n states, a deadlock
    n steps away."""
    pid = RangeType(0, n - 1)
    places = EnumType("Pc", ("think", "one", "eat"))
    pc, fork = Cell("pc[]", (pid,), places), Cell("fork[]", (pid,), BOOL)
    p = Var("p", 0, n - 1)
    right = Binary("mod", op("add", p, 1), Const(n))
    ps = [(p, pid)]
    at = [eq(Read(pc, (p,)), i) for i in range(3)]
    actions = (
        act("left", ps, both(at[0], no(Read(fork, (p,)))), put(fork, p, 1), put(pc, p, 1)),
        act("right", ps, both(at[1], no(Read(fork, (right,)))), put(fork, right, 1), put(pc, p, 2)),
        act("down", ps, at[2], put(fork, p, 0), put(fork, right, 0), put(pc, p, 0)),
    )
    return System("phils", (("N", str(n)),), (pc, fork), (0,) * (2 * n), EMPTY, actions, ())


__all__ = ["TRUE", "german", "peterson", "philosophers"]
