"""Small systems with source text, and a search for violations in them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from kspec.engine.protocol import Finding, Run, Step
from kspec.interp.machine import Machine
from kspec.lang.source import Source, Span
from kspec.system.expr import TRUE, Binary, BinaryOp, Cell, Const, Expr, Fold, Narrow, Quant, Read, Site, Unary, Var
from kspec.system.layout import cells_of
from kspec.system.model import Action, Property, State, System, Variable
from kspec.system.stmt import EMPTY, Assert, Assign, Block, Choose, If, Require, Shown, Stmt, Write
from kspec.types import EnumType, IdType, MapType, OptType, RangeType, SetType, StructType

TASK = IdType("Task", 2)
EVENT = IdType("Event", 3)
STATE = EnumType("St", ("idle", "active", "freed"))
REFS = RangeType(0, 2)
NOWHERE = Site()


@dataclass(frozen=True)
class Text:
    """A source file whose parts are found by what they say."""

    source: Source

    def span(self, words: str) -> Span:
        """Where the first occurrence of ``words`` is."""
        at = self.source.text.index(words)
        line = self.source.text.count("\n", 0, at) + 1
        column = at - (self.source.text.rfind("\n", 0, at) + 1) + 1
        lines = words.split("\n")
        end = column + len(words) if len(lines) == 1 else len(lines[-1]) + 1
        return Span(self.source.name, line, column, line + len(lines) - 1, end)

    def site(self, words: str) -> Site:
        """The site of the first occurrence of ``words``."""
        return Site(self.span(words), words)


def op(name: BinaryOp, a: Expr, b: Expr, site: Site = NOWHERE) -> Binary:
    """A binary operation."""
    return Binary(name, a, b, site)


def put(cell: Cell, index: tuple[Expr, ...], value: Expr) -> Assign:
    """One write."""
    return Assign((Write(cell, index, value),))


def find(system: System, name: str) -> Finding:
    """A shortest run that violates (or reaches) a property, by breadth-first search."""
    machine = Machine(system)
    queue: deque[Run] = deque()
    seen: set[State] = set()
    for o in machine.initial():
        if o.error is not None:
            if o.error.property == name:
                return Finding(name, Run(None))
        elif o.post is not None and not o.cut and o.post not in seen:
            seen.add(o.post)
            queue.append(Run(o.post))
    while queue:
        run = queue.popleft()
        state = run.last
        assert state is not None
        if name in [v.property for v in machine.violations(state)] or name in machine.reached(state):
            return Finding(name, run)
        for o in machine.steps(state):
            longer = Run(run.initial, (*run.steps, Step(o.action, o.args, o.post)))
            if o.error is not None and o.error.property == name:
                return Finding(name, longer)
            if o.post is None or o.cut:
                continue
            if name in [v.property for v in machine.step_violations(state, o.post)]:
                return Finding(name, longer)
            if o.post not in seen:
                seen.add(o.post)
                queue.append(longer)
    raise AssertionError(f"{name} is never violated")


REFS_TEXT = """\
kspec 1
// Events with references, without a check against taking a dead one.
id Task[2];
id Event[3];
enum St { idle, active, freed }
struct Ev { state: St; refs: 0..2; owner: Task?; }
var ev[Event]: Ev;
var queue: set<Event>;

action open(t: Task, e: Event) when ev[e].state == idle {
    ev[e].state = active; ev[e].refs = 1; ev[e].owner = t;
}
action enqueue(e: Event) when ev[e].state == active {
    queue += {e};
}
action get(t: Task, e: Event) when ev[e].owner != none && ev[e].owner != t {
    ev[e].refs = ev[e].refs + 1;
}
action put(t: Task, e: Event) when ev[e].owner == t {
    assert put_live: ev[e].state != freed, "{t} puts {e} with {ev[e].refs} references";
    ev[e].refs = ev[e].refs - 1;
    if (ev[e].refs == 0) { ev[e].state = freed; }
}
action close(t: Task, e: Event) {
    require e in queue;
    choose d in Event where !(d in queue);
    queue -= {e};
    queue += {d};
}

invariant queued_live: forall e in Event: e in queue => ev[e].refs > 0 && ev[e].state == active,
    "an event in the queue is dead";
step refs_up: forall e in Event: !(ev[e].refs < old(ev[e].refs));
invariant few: count(e in Event where e in queue) < 2;
reachable all_freed: forall e in Event: ev[e].state == freed;
"""


def refs(*, params: tuple[tuple[str, str], ...] = (("FIX", "false"),)) -> System:
    """Events that tasks open, queue and put: with an invariant, a step property, an assertion, errors."""
    text = Text(Source("models/refs.kspec", REFS_TEXT))
    ev_type = StructType("Ev", (("state", STATE), ("refs", REFS), ("owner", OptType(TASK))))
    ev = Variable("ev", MapType(EVENT, ev_type), cells_of("ev", MapType(EVENT, ev_type)))
    queue = Variable("queue", SetType(EVENT), cells_of("queue", SetType(EVENT)))
    state, count, owner = ev.cells
    (member,) = queue.cells
    t, e, d = Var("t", 0, 1, TASK), Var("e", 0, 2, EVENT), Var("d", 0, 2, EVENT)

    def changed(by: BinaryOp, words: str) -> Assign:
        return put(count, (e,), Narrow(op(by, Read(count, (e,)), Const(1)), 0, 2, "range", text.site(words)))

    def action(name: str, params: tuple[Var, ...], guard: Expr, *body: Stmt) -> Action:
        typed = tuple((v, v.type) for v in params if v.type is not None)
        actor = next((i for i, v in enumerate(params) if v.name == "t"), None)
        head = next(x for x in REFS_TEXT.split("\n") if x.startswith(f"action {name}("))
        return Action(name, typed, guard, Block(body), actor=actor, span=text.span(head.rstrip(" {")))

    live = op("ne", Read(state, (e,)), Const(2), text.site("ev[e].state != freed"))
    message = (Shown(t, TASK), " puts ", Shown(e, EVENT), " with ", Shown(Read(count, (e,)), REFS), " references")
    zero = op("eq", Read(count, (e,)), Const(0))
    actions = (
        action(
            "open",
            (t, e),
            op("eq", Read(state, (e,)), Const(0), text.site("ev[e].state == idle")),
            put(state, (e,), Const(1)),
            put(count, (e,), Const(1)),
            put(owner, (e,), t),
        ),
        action("enqueue", (e,), op("eq", Read(state, (e,)), Const(1)), put(member, (e,), Const(1))),
        action(
            "get",
            (t, e),
            op("and", op("ne", Read(owner, (e,)), Const(-1)), op("ne", Read(owner, (e,)), t)),
            changed("add", "ev[e].refs + 1"),
        ),
        action(
            "put",
            (t, e),
            op("eq", Read(owner, (e,)), t, text.site("ev[e].owner == t")),
            Assert("put_live", live, message, text.site("assert put_live")),
            changed("sub", "ev[e].refs - 1"),
            If(zero, Block((put(state, (e,), Const(2)),)), EMPTY),
        ),
        action(
            "close",
            (t, e),
            TRUE,
            Require(Read(member, (e,)), text.site("e in queue")),
            Choose(d, Unary("not", Read(member, (d,))), "disable", text.site("choose d in Event where !(d in queue)")),
            put(member, (e,), Const(0)),
            put(member, (d,), Const(1)),
        ),
    )
    q = Var("e", 0, 2, EVENT)
    alive = op(
        "and",
        op("gt", Read(count, (q,)), Const(0), text.site("ev[e].refs > 0")),
        op("eq", Read(state, (q,)), Const(1), text.site("ev[e].state == active")),
        text.site("ev[e].refs > 0 && ev[e].state == active"),
    )
    # A read has no site: "e in queue" is written out.
    queued = Quant("forall", q, op("implies", Read(member, (q,)), alive))
    down = op("lt", Read(count, (q,)), Read(count, (q,), old=True), text.site("ev[e].refs < old(ev[e].refs)"))
    n, v = Var("n", 0, 3), Var("v", 0, 2, EVENT)
    total = Fold(n, Const(0), v, op("add", n, Read(member, (v,))), text.site("count(e in Event where e in queue)"))
    few = op("lt", total, Const(2), text.site("count(e in Event where e in queue) < 2"))
    dead = op("eq", Read(state, (q,)), Const(2))
    freed = Quant("forall", q, dead, text.site("forall e in Event: ev[e].state == freed"))
    return System(
        name="refs",
        params=params,
        cells=(*ev.cells, *queue.cells),
        start=(0, 0, 0, 0, 0, 0, -1, -1, -1, 0, 0, 0),
        init=EMPTY,
        actions=actions,
        properties=(
            Property(
                "queued_live",
                "invariant",
                queued,
                ("an event in the queue is dead",),
                text.span("invariant queued_live"),
            ),
            Property("refs_up", "step", Quant("forall", q, Unary("not", down)), (), text.span("step refs_up")),
            Property("few", "invariant", few, (), text.span("invariant few")),
            Property("put_live", "assert", TRUE, (), text.span("assert put_live")),
            Property("all_freed", "reachable", freed, (), text.span("reachable all_freed")),
        ),
        deadlock=False,
        variables=(ev, queue),
        id_types=(TASK, EVENT),
        sources=(text.source,),
    )


LOCKS_TEXT = """\
kspec 1
// Two locks taken in opposite orders.
process first {
    lock(a); lock(b);
}
process worker(self: Task) {
    lock(b); lock(a);
}
"""


def locks() -> System:
    """A process and an instance of another that take two locks in opposite orders: a deadlock in two steps.

    The program counters belong to no declared variable.
    """
    text = Text(Source("models/locks.kspec", LOCKS_TEXT))
    pc, task = RangeType(0, 2), IdType("Task", 1)
    a, b = Cell("a", (), OptType(RangeType(0, 1))), Cell("b", (), OptType(RangeType(0, 1)))
    pcs = Cell("first.pc", (), pc, local_of="first"), Cell("worker.pc[]", (task,), pc, local_of="worker")
    me = Var("self", 0, 0, task)

    def take(process: str, at: int, lock: Cell) -> Action:
        self_index: tuple[Expr, ...] = (me,) if process == "worker" else ()
        cell = pcs[1] if process == "worker" else pcs[0]
        here = op("eq", Read(cell, self_index), Const(at))
        free = op("eq", Read(lock), Const(-1))
        body = Block((put(lock, (), Const(len(self_index))), put(cell, self_index, Const(at + 1))))
        return Action(
            f"{process}.lock_{lock.name}",
            ((me, task),) if self_index else (),
            op("and", here, free),
            body,
            process=process,
            actor=0 if self_index else None,
            span=text.span("lock(a); lock(b)" if process == "first" else "lock(b); lock(a)"),
        )

    return System(
        name="locks",
        params=(),
        cells=(a, b, *pcs),
        start=(-1, -1, 0, 0),
        init=EMPTY,
        actions=(take("first", 0, a), take("first", 1, b), take("worker", 0, b), take("worker", 1, a)),
        properties=(),
        variables=(Variable("a", a.type, (a,)), Variable("b", b.type, (b,))),
        id_types=(task,),
        sources=(text.source,),
    )
