"""C code of statements: the body of an action as one function over a copy of the packed state.

The function enumerates every path of choices by backtracking.  A choice pushes a frame (the packed state,
the temporaries and the counters of enclosing loops as they are, and the next candidate) and goes on with a
value; every way in which a path can end jumps to ``next``, which pops the last frame and resumes there.
So the code of what follows a choice exists once, wherever the choice is nested.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from kspec.explicit.analysis import can_fail, operands
from kspec.explicit.emitter import Val, c_type, literal
from kspec.explicit.expressions import Scope, evaluate, position, within
from kspec.explicit.fields import Unsupported
from kspec.system.expr import Cell, Expr, Read, Var
from kspec.system.expr import walk as walk_expr
from kspec.system.stmt import (
    Assert,
    Assign,
    Bind,
    Block,
    Choose,
    For,
    If,
    Require,
    Stmt,
    Write,
    expressions,
    walk,
)

MAX_FRAMES = 1 << 20
"""The most choices that one path may have open at a time."""


@dataclass(frozen=True)
class Choice:
    """A choice in a body: the local with the candidate, the locals that a frame saves, the flag that says
    that nothing was found yet (empty when every candidate will do)."""

    name: str
    saved: tuple[str, ...]
    fresh: str


@dataclass
class Body:
    """What is collected while a body is generated: its choices, and how many frames they need."""

    words: int
    temps: dict[str, Cell]
    saved: set[str] = field(default_factory=set)
    choices: list[Choice] = field(default_factory=list)
    frames: int = 0

    @property
    def frame_bytes(self) -> int:
        """What the frames of one path take at most."""
        held = sum(c.size for c in self.temps.values())
        return self.frames * 8 * (self.words + len(self.saved) + held + 2)


@dataclass(frozen=True)
class Place:
    """Where a statement is: the scope, what can be overwritten by a later turn of an enclosing loop, and
    how often the statement can be executed on one path."""

    scope: Scope
    volatile: tuple[str, ...] | None = None
    times: int = 1

    def keeps(self, name: str) -> Place:
        """The place after a local was given its value: inside loops a frame has to save it."""
        return self if self.volatile is None else replace(self, volatile=(*self.volatile, name))


def temps_of(block: Block) -> dict[str, Cell]:
    """The temporary cells that a body uses, by name."""
    cells: dict[str, Cell] = {}
    for s in walk(block):
        if isinstance(s, Assign):
            cells.update({w.cell.name: w.cell for w in s.writes if w.cell.temp})
        for e in expressions(s):
            for x in walk_expr(e):
                if isinstance(x, Read) and x.cell.temp:
                    cells[x.cell.name] = x.cell
    return cells


def execute(block: Block, place: Place, body: Body) -> None:
    """Generates the statements of a block; a path that is disabled or fails jumps away."""
    stack: list[tuple[Iterator[Stmt], Place]] = [(iter(block.stmts), place)]
    while stack:
        stmts, here = stack.pop()
        stmt = next(stmts, None)
        if stmt is None:
            continue
        after = here
        match stmt:
            case Block(nested):
                stack.append((stmts, here))
                stack.append((iter(nested), here))
                continue
            case Bind(var, value):
                v = within(evaluate(value, here.scope), var.lo, var.hi, here.scope)
                after = _bound(here, var, v)
            case Choose():
                after = _choose(stmt, here, body)
            case Assign():
                _assign(stmt, here.scope, body)
            case If():
                _if(stmt, here, body)
            case For():
                _for(stmt, here, body)
            case Require(cond):
                unless(cond, here.scope, "goto next;")
            case Assert(name, cond, _, site):
                unless(cond, here.scope, here.scope.fail(name, site))
        stack.append((stmts, after))


def unless(cond: Expr, scope: Scope, otherwise: str) -> None:
    """``otherwise`` (a C statement that jumps) where the condition is false."""
    for part in operands(cond, "and"):
        v = evaluate(part, scope)
        if v.constant and v.lo:
            continue
        if v.constant:
            scope.out.line(otherwise)
            return
        scope.out.line(f"if (!{v.text}) {{ {otherwise} }}")


def _bound(here: Place, var: Var, value: Val) -> Place:
    out = here.scope.out
    if not value.constant:
        name = out.local(value.lo, value.hi)
        out.line(f"{name} = {value.text};")
        here = here.keeps(name)
        value = Val(name, value.lo, value.hi)
    return replace(here, scope=here.scope.bind(var, value))


def _if(stmt: If, here: Place, body: Body) -> None:
    """A chain of ``else if`` becomes one ``do { } while (0)`` (such chains can be very long)."""
    out = here.scope.out
    with out.block("do"):
        rest = Block((stmt,))
        while len(rest.stmts) == 1 and isinstance(rest.stmts[0], If):
            arm = rest.stmts[0]
            cond = evaluate(arm.cond, here.scope)
            with out.block(f"if ({cond.text})"):
                execute(arm.then, here, body)
                out.line("break;")
            rest = arm.other
        execute(rest, here, body)
    out.lines[-1] += " while (0);"


def _for(stmt: For, here: Place, body: Body) -> None:
    if stmt.var.lo > stmt.var.hi:
        return
    scope, head = here.scope.loop(stmt.var)
    name = scope.names[stmt.var.name].text
    inside = Place(
        scope, (*(here.volatile or ()), name), here.times * (stmt.var.hi - stmt.var.lo + 1)
    )
    with here.scope.out.block(head):
        execute(stmt.body, inside, body)


def _choose(stmt: Choose, here: Place, body: Body) -> Place:
    """The candidates are tried in ascending order; all conditions are evaluated first if one may fail."""
    out, var = here.scope.out, stmt.var
    failing = "goto next;" if stmt.on_empty == "disable" else here.scope.fail("choose", stmt.site)
    if var.lo > var.hi:
        out.line(failing)
        return replace(here, scope=here.scope.bind(var, Val("0", 0, 0)))
    name = out.local(var.lo, var.hi + 1)
    value = Val(name, var.lo, var.hi)
    scope = here.scope.bind(var, value)
    last = literal(var.hi)
    if can_fail(stmt.where):
        with out.block(f"for ({name} = {literal(var.lo)}; {name} <= {last}; {name}++)"):
            out.line(f"(void){evaluate(stmt.where, scope).text};")
    body.frames += here.times
    if body.frames > MAX_FRAMES:
        raise Unsupported("too many choices in one step")
    number = len(body.choices)
    saved = (name, *(v for v in here.volatile or () if v != name))
    body.saved.update(saved)
    out.line(f"{name} = {literal(var.lo)};")
    with out.capture() as test:
        wanted = evaluate(stmt.where, scope)
    free = wanted.constant and wanted.lo == 1
    fresh = "" if free else out.local(0, 1)
    body.choices.append(Choice(name, saved, fresh))
    if not free:
        out.line(f"{fresh} = 1;")
    out.lines.append(f"K{number}:;")
    if not free:
        with out.block(f"for (; {name} <= {last}; {name}++)"):
            out.lines += test.lines
            out.line(f"if ({wanted.text}) break;")
        with out.block(f"if ({name} > {last})"):
            out.line(f"if ({fresh}) {{ {failing} }}")
            out.line("goto next;")
        out.line(f"{fresh} = 0;")
    with out.block(f"if ({name} < {last})"):
        out.line(f"f[d].k = {number};")
        out.line("for (i = 0; i < WORDS; i++) f[d].t[i] = t[i];")
        for v in saved:
            out.line(f"f[d].{v} = {v};")
        for temp, cell in body.temps.items():
            held = scope.temps[temp]
            out.line(f"for (i = 0; i < {cell.size}; i++) f[d].{held}[i] = {held}[i];")
        out.line("d++;")
    return replace(here, scope=scope).keeps(name)


def _assign(stmt: Assign, scope: Scope, body: Body) -> None:
    writes = stmt.writes
    if not any(w.over for w in writes):
        ready = []
        for w in writes:
            at = position(w.cell, w.index, scope)
            v = within(evaluate(w.value, scope), w.cell.type.lo, w.cell.type.hi, scope)
            if len(writes) > 1:
                at, v = scope.out.keep(at), scope.out.keep(v)
            ready.append((w.cell, at, v))
        for cell, at, v in ready:
            store(cell, at, v, scope)
        return
    source = _snapshot(writes, scope, body)
    for w in writes:
        _write_all(w, source, scope)


def _snapshot(writes: tuple[Write, ...], scope: Scope, body: Body) -> Scope:
    """The scope in which values are evaluated: a copy of the state where writes could be seen by reads."""
    written = {w.cell.name for w in writes}
    read = {
        x.cell
        for w in writes
        for e in (*w.index, w.value)
        for x in walk_expr(e)
        if isinstance(x, Read) and x.cell.name in written
    }
    if not read:
        return scope
    out = scope.out
    name = out.array("u64", body.words)
    out.line(f"for (i = 0; i < WORDS; i++) {name}[i] = t[i];")
    temps = dict(scope.temps)
    for cell in read:
        if cell.temp:
            copy = out.array(c_type(cell.type.lo, cell.type.hi), cell.size)
            out.line(f"for (i = 0; i < {cell.size}; i++) {copy}[i] = {temps[cell.name]}[i];")
            temps[cell.name] = copy
    return replace(scope, now=name, temps=temps)


def _write_all(w: Write, source: Scope, scope: Scope) -> None:
    if any(v.lo > v.hi for v in w.over):
        return
    opened = 0
    for var in w.over:
        source, head = source.loop(var)
        scope.out.line(head + " {")
        scope.out.depth += 1
        opened += 1
    at = position(w.cell, w.index, source)
    v = within(evaluate(w.value, source), w.cell.type.lo, w.cell.type.hi, source)
    store(w.cell, at, v, scope)
    for _ in range(opened):
        scope.out.depth -= 1
        scope.out.line("}")


def store(cell: Cell, at: Val, value: Val, scope: Scope) -> None:
    """Writes an element of the state in the making, or of a temporary."""
    out = scope.out
    if cell.temp:
        out.line(f"{scope.temps[cell.name]}[{at.text}] = {value.text};")
        return
    if cell.name not in scope.fields:
        raise Unsupported("a cell that is not in the system")
    f = scope.fields[cell.name]
    if f.bits == 0:
        return
    if at.constant:
        word, shift = (str(x) for x in f.at(at.lo))
    else:
        word, shift = f.place(out.keep(at).text)
        word, shift = out.word(word), out.word(shift)
    encoded = literal(value.lo - cell.type.lo) if value.constant else value.text
    if not value.constant and cell.type.lo:
        encoded = f"({value.text} - {literal(cell.type.lo)})"
    place = f"{scope.now}[{word}]"
    cleared = f"{place} & ~({f.mask} << {shift})"
    if value.constant and value.lo == cell.type.lo:
        out.line(f"{place} = {cleared};")
    else:
        out.line(f"{place} = ({cleared}) | ((u64){encoded} << {shift});")


def backtrack(scope: Scope, body: Body) -> None:
    """Resumes at the last choice that is open; falls through when there is none."""
    if not body.choices:
        return
    out = scope.out
    members = [f"{out.types[v]} {v};" for v in sorted(body.saved)]
    for temp, cell in body.temps.items():
        held = scope.temps[temp]
        members.append(f"{out.types[held]} {held}[{cell.size}];")
    out.locals.append(f"struct {{ u64 t[WORDS]; {' '.join(members)} i32 k; }} *f = w->frames;")
    out.locals.append("i32 d = 0;")
    with out.block("if (d > 0)"):
        out.line("d--;")
        out.line("for (i = 0; i < WORDS; i++) t[i] = f[d].t[i];")
        for temp, cell in body.temps.items():
            held = scope.temps[temp]
            out.line(f"for (i = 0; i < {cell.size}; i++) {held}[i] = f[d].{held}[i];")
        with out.block("switch (f[d].k)"):
            for number, choice in enumerate(body.choices):
                head = "default" if number == len(body.choices) - 1 else f"case {number}"
                restored = " ".join(f"{v} = f[d].{v};" for v in choice.saved)
                fresh = f" {choice.fresh} = 0;" if choice.fresh else ""
                out.line(f"{head}: {restored}{fresh} {choice.name}++; goto K{number};")
