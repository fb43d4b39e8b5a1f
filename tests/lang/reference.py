"""A second implementation of the language: states, steps and violations, straight from the syntax tree.

Nothing is merged and no local is ever reset: what is compared with the program are the values that the
variables can have together, and what is violated.  See ``lang.reference_values``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kspec.lang import ast
from kspec.lang.load import Program
from lang.reference_code import Code, compiled
from lang.reference_steps import Disabled, Return, Script, Steps, executions
from lang.reference_terms import Terms
from lang.reference_values import Ident, NotSupported, Place, Type, World, Wrong, order

Frame = tuple[str, int, tuple[tuple[str, Any], ...]]
"""A procedure (or the process) that runs: its name, the position in its code, its locals."""
Key = tuple[str, Any]
"""A process instance."""
State = tuple[tuple[tuple[str, Any], ...], tuple[tuple[Key, tuple[Frame, ...]], ...]]


@dataclass(frozen=True)
class Ref:
    """A reference parameter: the store (-1: the variables, else the number of a frame), and the place in it."""

    frame: int
    name: str
    path: tuple[tuple[str, Any], ...]
    type: Type


@dataclass
class Answer:
    """What there is to find: the values of all variables in every state, violations, and whether all was seen."""

    seen: set[tuple[tuple[str, Any], ...]] = field(default_factory=set)
    states: int = 0
    transitions: int = 0
    violated: set[str] = field(default_factory=set)
    complete: bool = True


@dataclass
class Look:
    """What expressions ask of processes."""

    machine: Machine
    state: State

    def local(self, process: str, key: Any, name: str) -> Any:
        frames = dict(self.state[1])[process, key]
        return dict(frames[0][2])[name]

    def at(self, process: str, key: Any, label: str) -> bool:
        frames = dict(self.state[1])[process, key]
        code = self.machine.code[process]
        pc = code.settle(frames[0][1])
        return len(frames) == 1 and label in self.machine.labels_at(code, pc)


class Machine:
    """A program with the settings of its parameters."""

    def __init__(self, program: Program, settings: dict[str, Any] | None = None) -> None:
        self.world = World()
        self.decls = [d for m in program.modules for d in m.decls]
        self._declare(settings or {})
        world = self.world
        self.code: dict[str, Code] = {}
        for name, d in (*world.processes.items(), *world.procedures.items()):
            try:
                self.code[name] = compiled(d.body, world.procedures)
            except AssertionError:
                raise NotSupported(f"the code of {name}") from None
        kinds: dict[str, list[ast.PropertyDecl]] = {}
        for d in self.decls:
            if isinstance(d, ast.PropertyDecl):
                kinds.setdefault(d.kind, []).append(d)
        self.properties = kinds
        self.actions = [d for d in self.decls if isinstance(d, ast.ActionDecl)]
        self.deadlock = not any(isinstance(d, ast.DeadlockDecl) for d in self.decls)

    def _declare(self, settings: dict[str, Any]) -> None:
        w = self.world
        for d in self.decls:
            match d:
                case ast.EnumDecl(name, members):
                    w.enums[name] = tuple(m for m, _ in members)
                case ast.TypeDecl(name, t):
                    w.types[name] = t
                case ast.FunDecl(name):
                    w.functions[name] = d
                case ast.ProcDecl(name):
                    w.procedures[name] = d
                case ast.ProcessDecl(name):
                    w.processes[name] = d
        for d in self.decls:
            match d:
                case ast.ParamDecl(name, _, value):
                    w.consts[name] = settings.get(name, w.constant(value))
                case ast.ConstDecl(name, value):
                    w.consts[name] = w.constant(value)
                case ast.IdDecl(name, size, ordered):
                    w.ids[name] = w.constant(size), ordered
        waiting = {d.name: d for d in self.decls if isinstance(d, ast.StructDecl)}
        while waiting:
            for name, s in list(waiting.items()):
                try:
                    w.structs[name] = tuple((f, w.type(t)) for f, t, _ in s.fields)
                except KeyError:
                    continue
                del waiting[name]
        for d in self.decls:
            if isinstance(d, ast.VarDecl):
                t = w.type(d.type)
                for k in reversed(d.keys):
                    t = ("map", w.type(k), t)
                w.variables[d.name] = t

    # -- states ---------------------------------------------------------------------------------

    def initial(self) -> Iterator[State | str]:
        """Initial states, and the names of what goes wrong on the way to one."""
        script = Script()
        steps = Steps(self.world, script)
        inits = [d for d in self.decls if isinstance(d, ast.InitDecl)]
        for _ in executions(script):
            stored: dict[str, Any] = {}
            for d in self.decls:
                if isinstance(d, ast.VarDecl):
                    t = self.world.variables[d.name]
                    empty = Terms(self.world, {})
                    stored[d.name] = self.world.default(t) if d.value is None else steps.spread(empty.value(d.value), t)
            try:
                for i in inits:
                    steps.body(i.body, Terms(self.world, {}, stored))
            except Disabled:
                continue
            except Wrong as w:
                yield w.name
                continue
            yield tuple(stored.items()), tuple(self._instances())

    def _instances(self) -> Iterator[tuple[Key, tuple[Frame, ...]]]:
        steps = Steps(self.world, Script())
        for name, d in self.world.processes.items():
            keys: list[Any] = [None]
            if d.param is not None:
                assert d.param.type is not None
                keys = self.world.values(self.world.type(d.param.type))
            stored: dict[str, Any] = {}
            start = 0
            for t in d.body:
                if not isinstance(t, ast.LocalStmt):
                    break
                stored[t.name] = steps.start(t.type, t.value, Terms(self.world, {}))
                stored[f"'type {t.name}"] = self.world.type(t.type)
                start += 1
            for key in keys:
                yield (name, key), ((name, start, tuple(stored.items())),)

    def terms(self, state: State, names: dict[str, Any] | None = None) -> Terms:
        """For expressions in a state."""
        return Terms(self.world, names or {}, dict(state[0]), Look(self, state))

    def labels_at(self, code: Code, pc: int) -> set[str]:
        """The labels that one is at: of this instruction, and of the first ones of the branches of an either."""
        found = {name for name, at in code.labels.items() if code.settle(at) == pc}
        if code.instructions[pc][0] == "either":
            for entry in code.instructions[pc][1]:
                inner = code.settle(entry)
                own = code.branches[entry]
                found |= {n for n, at in code.labels.items() if at in own and code.settle(at) == inner}
                if inner in own and code.instructions[inner][0] == "either":
                    found |= self.labels_at(code, inner)
        return found

    # -- steps ----------------------------------------------------------------------------------

    def steps(self, state: State) -> Iterator[State | str]:
        """Every step from a state: where it leads, or what goes wrong."""
        for a in self.actions:
            yield from self._action(state, a)
        for key, _ in state[1]:
            yield from self._process(state, key)

    def _action(self, state: State, a: ast.ActionDecl) -> Iterator[State | str]:
        for names in self._arguments(state, a.params, {}):
            if isinstance(names, str):
                yield names
                continue
            script = Script()
            for _ in executions(script):
                terms = self.terms(state, names)
                try:
                    if a.guard is not None and not terms.truth(a.guard):
                        continue
                    Steps(self.world, script).body(a.body, terms)
                except Disabled:
                    continue
                except Wrong as w:
                    yield w.name
                    continue
                yield tuple(terms.globals.items()), state[1]

    def _arguments(
        self, state: State, params: tuple[ast.ParamItem, ...], names: dict[str, Any]
    ) -> Iterator[dict[str, Any] | str]:
        """The values of an action's parameters, or what goes wrong in one of their domains."""
        if not params:
            yield names
            return
        p = params[0]
        try:
            if p.domain is not None:
                values = self.terms(state, names).domain(p.domain)
            else:
                assert p.type is not None
                values = self.world.values(self.world.type(p.type))
        except Wrong as w:
            yield w.name
            return
        for v in values:
            yield from self._arguments(state, params[1:], {**names, p.name: v})

    def _process(self, state: State, key: Key) -> Iterator[State | str]:
        frames = dict(state[1])[key]
        code = self.code[frames[-1][0]]
        decl = self.world.processes[key[0]]
        ended = len(frames) == 1 and code.instructions[code.settle(frames[-1][1])][0] == "end"
        if decl.on is not None and not ended:
            try:
                names = {decl.param.name: key[1]} if decl.param is not None else {}
                if not self.terms(state, names).truth(decl.on):
                    return
            except Wrong as w:
                yield w.name
                return
        if len(frames) > 1 and code.instructions[code.settle(frames[-1][1])][0] == "end":
            yield self.moved(state, key, list(frames[:-1]))  # the procedure returns
            return
        for pc, free in self._entries(code, code.settle(frames[-1][1])):
            if free is not None:  # a branch of an either that only leads elsewhere
                yield self.moved(state, key, [*frames[:-1], (frames[-1][0], free, frames[-1][2])])
                continue
            script = Script()
            for _ in executions(script):
                try:
                    yield _Run(self, state, key, script).step(pc)
                except Disabled:
                    continue
                except Wrong as w:
                    yield w.name

    def _entries(self, code: Code, pc: int) -> Iterator[tuple[int, int | None]]:
        if code.instructions[pc][0] == "end":
            return
        if code.instructions[pc][0] != "either":
            yield pc, None
            return
        for entry in code.instructions[pc][1]:
            target = code.settle(entry)
            if target in code.branches[entry]:
                yield from self._entries(code, target)
            else:
                yield pc, target

    def moved(self, state: State, key: Key, frames: list[Frame]) -> State:
        """The state with other frames of one instance."""
        return state[0], tuple((k, tuple(frames) if k == key else f) for k, f in state[1])

    # -- exploring ------------------------------------------------------------------------------

    def explore(self, most: int) -> Answer:
        """All reachable states, up to ``most`` of them."""
        out = Answer()
        known: set[State] = set()
        todo: deque[State] = deque()
        reached: set[str] = set()

        def enter(state: State) -> None:
            if state in known:
                return
            known.add(state)
            todo.append(state)
            out.seen.add(state[0])
            self._judge(state, out, reached)

        for s in self.initial():
            if isinstance(s, str):
                out.violated.add(s)
            elif self._within(s):
                enter(s)
        while todo:
            if len(known) > most:
                out.complete = False
                break
            state = todo.popleft()
            stuck = True
            for s in self.steps(state):
                stuck = False
                if isinstance(s, str):
                    out.violated.add(s)
                elif self._within(s):
                    out.transitions += 1
                    self._judge_step(state, s, out)
                    enter(s)
            if stuck and self.deadlock:
                self._judge_end(state, out)
        if out.complete:
            out.violated |= {d.name for d in self.properties.get("reachable", ())} - reached
        out.states = len(known)
        return out

    def _within(self, state: State) -> bool:
        try:
            return all(self.terms(state).truth(d.expr) for d in self.properties.get("limit", ()))
        except Wrong:
            return True

    def _judge(self, state: State, out: Answer, reached: set[str]) -> None:
        terms = self.terms(state)
        try:
            all(terms.truth(d.expr) for d in self.properties.get("limit", ()))
        except Wrong as w:
            out.violated.add(w.name)
        for kind in ("invariant", "lemma", "reachable"):
            for d in self.properties.get(kind, ()):
                try:
                    holds = terms.truth(d.expr)
                except Wrong as w:
                    out.violated.add(w.name)
                    continue
                if kind == "reachable" and holds:
                    reached.add(d.name)
                elif kind != "reachable" and not holds:
                    out.violated.add(d.name)

        for d in self.properties.get("property", ()):
            for e in _conditions(d.expr):
                try:
                    terms.truth(e)
                except Wrong as w:
                    out.violated.add(w.name)

    def _judge_step(self, old: State, new: State, out: Answer) -> None:
        for d in self.properties.get("step", ()):
            terms = self.terms(new)
            terms = Terms(self.world, {}, terms.globals, terms.look, self.terms(old))
            try:
                if not terms.truth(d.expr):
                    out.violated.add(d.name)
            except Wrong as w:
                out.violated.add(w.name)

    def _judge_end(self, state: State, out: Answer) -> None:
        try:
            if any(self.terms(state).truth(d.expr) for d in self.properties.get("terminal", ())):
                return
        except Wrong as w:
            out.violated.add(w.name)
            return
        done = [self.code[f[0][0]].instructions[self.code[f[0][0]].settle(f[0][1])][0] == "end" for _, f in state[1]]
        if not done or not all(done):
            out.violated.add("deadlock")


class _Run:
    """One step of a process instance.  The type of a local is stored beside it, as ``'type NAME``."""

    def __init__(self, machine: Machine, state: State, key: Key, script: Script) -> None:
        self.machine = machine
        self.state = state
        self.key = key
        self.frames = list(dict(state[1])[key])
        self.locals = [dict(f[2]) for f in self.frames]
        self.globals = dict(state[0])
        self.steps = Steps(machine.world, script)

    def terms(self) -> Terms:
        """For expressions of the code that runs."""
        names: dict[str, Any] = {}
        name, key = self.key
        param = self.machine.world.processes[name].param
        mine = self.locals[-1]
        if len(self.frames) == 1 and param is not None:
            names[param.name] = key
        for local, v in mine.items():
            if local.startswith("'"):
                continue
            if isinstance(v, Ref):
                store = self.globals if v.frame < 0 else self.locals[v.frame]
                names[local] = Place(store, v.name, v.path, v.type)
            else:
                names[local] = Place(mine, local, (), mine.get(f"'type {local}", ()))
        return Terms(self.machine.world, names, self.globals, Look(self.machine, self.state))

    def step(self, pc: int) -> State:
        """The state after the instruction at ``pc``."""
        code = self.machine.code[self.frames[-1][0]]
        after = self._execute(code, code.instructions[pc], pc)
        if after is not None:
            self._goto(after)
        frames = [(f[0], f[1], tuple(self.locals[k].items())) for k, f in enumerate(self.frames)]
        return self.machine.moved((tuple(self.globals.items()), self.state[1]), self.key, frames)

    def _goto(self, pc: int) -> None:
        name, _, stored = self.frames[-1]
        self.frames[-1] = name, pc, stored

    def _keep(self, name: str, v: Any, t: Type) -> None:
        self.locals[-1][name] = v
        self.locals[-1][f"'type {name}"] = t

    def _execute(self, code: Code, i: tuple[Any, ...], pc: int) -> int | None:
        terms = self.terms()
        mine = self.locals[-1]
        match i:
            case ("test", cond, other):
                return pc + 1 if terms.truth(cond) else int(other)
            case ("fill", loop, slot):
                mine[f"'todo {slot}"] = frozenset(terms.elements(loop.binder))
                return pc + 1
            case ("take", loop, slot, end):
                todo = mine[f"'todo {slot}"]
                if not todo:
                    return int(end)
                options = sorted(todo, key=order)
                x = self.steps.script.choose(options) if self._any_order(options[0]) else options[0]
                mine[f"'todo {slot}"] = todo - {x}
                self._keep(loop.binder.name, x, ())
                return pc + 1
            case ("call", t):
                self._goto(pc + 1)
                self._call(t, terms)
                return None
            case ("do", ast.LocalStmt(local, kind, value)):
                self._keep(local, self.steps.start(kind, value, terms), self.machine.world.type(kind))
            case ("do", ast.AtomicStmt(body)):
                try:
                    self.steps.run(body, terms)
                except Return:
                    return len(code.instructions) - 1
            case ("do", ast.LetStmt(local) as t):
                p = self.steps.statement(t, terms).names[local]
                self._keep(local, p.store[p.name], p.type)
            case ("do", ast.ChooseStmt(binder) as t):
                self._keep(binder.name, self.steps.statement(t, terms).names[binder.name], ())
            case ("do", t):
                self.steps.statement(t, terms)
            case _:
                raise NotSupported(str(i))
        return pc + 1

    def _any_order(self, x: Any) -> bool:
        return isinstance(x, Ident) and not self.machine.world.ids[x.type][1]

    def _call(self, t: ast.CallStmt, terms: Terms) -> None:
        decl = self.machine.world.procedures[t.name]
        arguments = self.steps.arguments(decl, t.args, terms)
        refs = {p.name for p in decl.params if p.ref}
        stored: dict[str, Any] = {}
        for name, p in arguments.items():
            if name in refs:
                home = next((k for k, s in enumerate(self.locals) if s is p.store), -1)
                stored[name] = Ref(home, p.name, p.path, p.type)
            else:
                stored[name] = p.store[p.name]
                stored[f"'type {name}"] = p.type
        self.frames.append((t.name, 0, ()))
        self.locals.append(stored)


__all__ = ["Answer", "Machine"]


def _conditions(e: ast.Expr) -> Iterator[ast.Expr]:
    """The conditions of a temporal formula; those under quantifiers over formulas are left out."""
    match e:
        case ast.Temporal(_, operands):
            for x in operands:
                yield from _conditions(x)
        case ast.UnaryExpr("!", x):
            yield from _conditions(x)
        case ast.BinaryExpr("&&" | "||" | "=>", left, right):
            yield from _conditions(left)
            yield from _conditions(right)
        case ast.Quantifier() | ast.Conditional() | ast.Call("next" | "taken"):
            pass
        case _:
            yield e
