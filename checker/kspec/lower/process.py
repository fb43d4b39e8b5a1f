"""From a process declaration to actions: one for every step that is left after merging."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kspec.lang import ast
from kspec.lower import exprs, stmts
from kspec.lower.flow import Code, Flow, Goto, Scope
from kspec.lower.merge import Graph, graph_of, merge, reset_dead
from kspec.lower.places import POSITION, label_number, label_test
from kspec.lower.scope import Context, Env, PlaceBinding, ProcessInfo, ValueBinding, error
from kspec.lower.types import fold, resolve
from kspec.lower.values import Place, Value, has_default, of
from kspec.system.expr import FALSE, TRUE, Binary, Cell, Const, Expr, Read, Var
from kspec.system.layout import default, indices, leaves
from kspec.system.model import Action
from kspec.system.stmt import Assign, Block, If, Stmt, Write
from kspec.types import EnumType, IdType, MapType, OptType, RangeType, Scalar, StructType, Type, is_scalar, scalar


@dataclass
class Built:
    """A process between its elaboration and its actions."""

    info: ProcessInfo
    flow: Flow
    entry: int
    heads: dict[str, tuple[int, ...]]
    on: Expr = TRUE


@dataclass(frozen=True)
class Finished:
    """The outcome: actions, the cells as they are in the end, start values, the shape that people see."""

    actions: tuple[Action, ...]
    cells: tuple[Cell, ...]
    relink: Mapping[str, Cell]
    labels: Mapping[str, Expr]
    starts: Mapping[str, int]
    shape: Type
    done: Expr


def labels_in(body: tuple[ast.Stmt, ...]) -> Iterator[str]:
    """Every label in a body."""
    for t in body:
        match t:
            case ast.LabelStmt(name):
                yield name
            case ast.IfStmt(_, then, other):
                yield from labels_in(then)
                yield from labels_in(other)
            case ast.WhileStmt(_, inner) | ast.ForStmt(_, inner):
                yield from labels_in(inner)
            case ast.EitherStmt(branches):
                for b in branches:
                    yield from labels_in(b)
            case _:
                pass


def branch_labels(body: tuple[ast.Stmt, ...], first: bool = False) -> Iterator[str]:
    """The labels of the first statements of branches of ``either``; ``first``: the body is such a branch."""
    for t in body:
        match t:
            case ast.LabelStmt(name):
                if first:
                    yield name
                continue
            case ast.IfStmt(_, then, other):
                yield from branch_labels(then, first)  # when the parameters decide
                yield from branch_labels(other, first)
                continue
            case ast.WhileStmt(cond, inner):
                yield from branch_labels(inner, first and cond is None)
            case ast.ForStmt(_, inner):
                yield from branch_labels(inner)
            case ast.EitherStmt(branches):
                for b in branches:
                    yield from branch_labels(b, True)
            case _:
                pass
        first = False


def declare(ctx: Context, env: Env, decl: ast.ProcessDecl) -> ProcessInfo:
    """What must be known of a process before any code is elaborated: its instances, labels, position."""
    self_type: Scalar | None = None
    if decl.param is not None:
        if decl.param.type is None or decl.param.ref:
            raise error("E0213", "a process parameter is `name: Type`", decl.param.span)
        t = resolve(ctx, env, decl.param.type)
        if not is_scalar(t) or isinstance(t, OptType):
            raise error("E0213", f"a process has instances for a scalar type, not `{t}`", decl.param.span)
        self_type = scalar(t)
    info = ProcessInfo(decl, env.module, self_type)
    dims = (self_type,) if self_type is not None else ()
    name = f"{decl.name}{'[]' if dims else ''}.pc"
    cell = Cell(name, dims, RangeType(0, 1 << 16), local_of=decl.name)
    info.pc = Place(cell.type, (cell,), ())
    info.labels = frozenset(labels_in(decl.body))
    info.branches = frozenset(branch_labels(decl.body))
    return info


def build(ctx: Context, info: ProcessInfo) -> Built:
    """Elaborates the code of a process."""
    decl = info.decl
    flow = Flow(ctx, info)
    env = Env(info.module)
    if info.self_type is not None and decl.param is not None:
        self_value = of(info.self_type, Var("self", info.self_type.lo, info.self_type.hi, info.self_type))
        env = env.bind(decl.param.name, ValueBinding(self_value))
    on = TRUE if decl.on is None else exprs.boolean(ctx, env, decl.on, "on")
    heads: dict[str, tuple[int, ...]] = {}
    body = list(decl.body)
    while body and isinstance(body[0], ast.LocalStmt):
        t = body.pop(0)
        assert isinstance(t, ast.LocalStmt)
        kind = resolve(ctx, Env(info.module), t.type)
        v = stmts.initial_value(ctx, Env(info.module), t.value, kind)
        p = flow.local(t.name, kind, t.span)
        heads[t.name] = start_values(ctx, v, kind, t.value)
        env = env.bind(t.name, PlaceBinding(p))
    entry, end = flow.new(), flow.new()
    flow.locations[end].name = "done"
    flow.block(env, tuple(body), entry, end, Scope(None, None, end))
    flow.finish(decl.span)
    return Built(info, flow, flow.resolve(entry), heads, on)


def start_values(ctx: Context, v: Value, kind: Type, e: ast.Expr | None) -> tuple[int, ...]:
    """The flat start values of a constant value, leaf by leaf, each row-major."""
    out: list[int] = []
    for k, leaf in enumerate(leaves(kind)):
        for i in indices(leaf.dims):
            expr = v.leaf(k, tuple(Const(x) for x in i))
            if isinstance(expr, Const):
                out.append(expr.value)
            else:
                assert e is not None  # defaults are constants
                out.append(fold(ctx, expr, e))
    return tuple(out)


def finish(ctx: Context, built: Built, merging: bool) -> Finished:
    """Merges, resets, numbers the locations and makes the actions."""
    info, flow = built.info, built.flow
    name = info.decl.name
    own = flow.self_index()
    assert info.pc is not None
    pc = info.pc.cells[0]
    graph = graph_of(flow.locations, built.entry, flow.resolve)
    for label, at in flow.labels.items():
        where = flow.resolve(at)
        if where in flow.locations:
            graph = Graph(graph.locations, {**graph.names, where: _prefer(graph.names[where], label)}, graph.entry)
    local_cells = {c.name: c for p in info.locals.values() for c in p.cells}
    private = frozenset(
        {n for n in local_cells if n not in ctx.observed_cells} | {c.name for c in ctx.temps}
    )
    homes = _homes(flow)
    watched = frozenset(
        at for p, label in ctx.observed_labels if p == name and label in flow.labels for at in homes(label)
    )
    if merging:
        graph = merge(graph, private, watched)
    else:
        graph = merge(graph, frozenset(), frozenset(graph.locations))
    starts = _starts(built, local_cells)
    resettable = {
        n: (local_cells[n], starts[n][0])
        for n in local_cells
        if n not in ctx.observed_cells and len(set(starts[n])) == 1
    }
    graph = reset_dead(graph, resettable, own)
    names = _names(graph)
    numbers = {n: k for k, n in enumerate(graph.locations)}
    for label, at in flow.labels.items():
        where = flow.resolve(at)
        if where not in numbers and (name, label) in ctx.observed_labels and label not in info.branches:
            numbers[where] = len(numbers)
            names[where] = label
    pc_type = EnumType(f"{name}.pc", tuple(names[n] for n in numbers))
    new_pc = dataclasses.replace(pc, type=pc_type)
    relink: dict[str, Cell] = {pc.name: new_pc}
    for body in flow.bodies.values():
        assert body.returns is not None
        for c in body.returns.cells:
            relink[c.name] = dataclasses.replace(c, type=RangeType(0, len(body.sites) - 1))
    actions = tuple(_actions(graph, built, own, new_pc, numbers, names))
    cells = (new_pc, *(relink.get(c.name, c) for c in local_cells.values()))
    values: dict[str, int] = {}
    for c in cells:
        per = starts.get(c.name, (numbers[built.entry],))
        for k in range(c.size):
            values[f"{c.name}/{k}"] = per[k % len(per)]
    labels: dict[str, Expr] = {
        label_number(name, label).name: Const(numbers.get(flow.resolve(at), 0)) for label, at in flow.labels.items()
    }
    for label in flow.labels:
        tests: Iterator[Expr] = (Binary("eq", POSITION, Const(numbers[at])) for at in homes(label) if at in numbers)
        nowhere: Expr = FALSE
        labels[label_test(name, label).name] = functools.reduce(_either, tests, nowhere)
    done: Expr = Const(0)
    ends = [n for n, alternatives in graph.locations.items() if not alternatives]
    for n in ends:
        done = Binary("eq", Read(new_pc, own), Const(numbers[n]))
    return Finished(actions, cells, relink, labels, values, _shape(info, pc_type), done)


def _homes(flow: Flow) -> Callable[[str], Iterator[int]]:
    """Where a process can be when it is at a label: there, and at the `either` of which it begins a branch."""
    outer = {flow.resolve(entry): u.at.number for u in flow.unions for entry, own in u.branches}

    def homes(label: str) -> Iterator[int]:
        at: int | None = flow.resolve(flow.labels[label])
        while at is not None:
            yield at
            at = outer.get(at)

    return homes


def _either(a: Expr, b: Expr) -> Expr:
    return b if a == FALSE else Binary("or", a, b)


def _prefer(old: str, label: str) -> str:
    return label if not old or "+" in old or old.startswith("start") else old


def _starts(built: Built, cells: Mapping[str, Cell]) -> dict[str, tuple[int, ...]]:
    """For every local cell, the start values of one instance."""
    out: dict[str, tuple[int, ...]] = {}
    for name, p in built.info.locals.items():
        head = built.heads.get(name)
        at = 0
        for c, leaf in zip(p.cells, leaves(p.type), strict=True):
            n = 1
            for d in leaf.dims:
                n *= d.hi - d.lo + 1
            vacant = default(c.type)
            given = head[at : at + n] if head is not None else (vacant,) * n
            fresh = isinstance(leaf.type, IdType) and (head is None or not has_default(p.type))
            out[c.name] = (vacant,) * n if fresh else given
            at += n
    del cells
    return out


def _names(graph: Graph) -> dict[int, str]:
    """What locations are called, made unique."""
    used: dict[str, int] = {}
    out: dict[int, str] = {}
    for n in graph.locations:
        name = graph.names[n] or "start"
        used[name] = used.get(name, 0) + 1
        out[n] = name if used[name] == 1 else f"{name}.{used[name]}"
    return out


def _actions(
    graph: Graph, built: Built, own: tuple[Expr, ...], pc: Cell, numbers: Mapping[int, int],
    names: Mapping[int, str],
) -> Iterator[Action]:
    info = built.info
    process = info.decl.name
    t = info.self_type
    params = ((Var("self", t.lo, t.hi, t), t),) if t is not None else ()
    used: dict[str, int] = {}
    for n, alternatives in graph.locations.items():
        here: Expr = Binary("eq", Read(pc, own), Const(numbers[n]))
        if built.on != TRUE:
            here = Binary("and", here, built.on)
        for k, a in enumerate(alternatives):
            guard: Expr = here if a.guard == TRUE else Binary("and", here, a.guard)
            name = a.name or names[n] + ("" if len(alternatives) == 1 else f"/{k + 1}")
            used[name] = used.get(name, 0) + 1
            yield Action(
                f"{process}.{name}" + ("" if used[name] == 1 else f"/{used[name]}"),
                params,
                guard,
                _block(a.code, pc, own, numbers, n),
                process,
                0 if params else None,
                a.span,
            )


def _block(code: Code, pc: Cell, own: tuple[Expr, ...], numbers: Mapping[int, int], here: int) -> Block:
    match code.end:
        case Goto(target):
            move: tuple[Stmt, ...] = ()
            if target != here:
                move = (Assign((Write(pc, own, Const(numbers[target])),)),)
            return Block(code.stmts + move)
        case branch:
            then = _block(branch.then, pc, own, numbers, here)
            other = _block(branch.other, pc, own, numbers, here)
            return Block((*code.stmts, If(branch.cond, then, other, branch.site)))


def _shape(info: ProcessInfo, pc_type: EnumType) -> Type:
    """The process as people see it: a struct of its position and its locals, for every instance."""
    fields: list[tuple[str, Type]] = [("pc", pc_type)]
    fields += [(name, _vacate(p.type)) for name, p in info.locals.items()]
    shape: Type = StructType(info.decl.name, tuple(fields))
    return MapType(info.self_type, shape) if info.self_type is not None else shape


def _vacate(t: Type) -> Type:
    """The type of a local as stored: an identity may have no value yet."""
    match t:
        case IdType():
            return OptType(t)
        case StructType(name, fields):
            return StructType(name, tuple((n, _vacate(f)) for n, f in fields))
        case MapType(key, value):
            return MapType(key, _vacate(value))
        case _:
            return t


