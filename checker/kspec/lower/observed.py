"""What scenarios look at: it must not be merged away, just as what properties look at."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from kspec.lang import ast
from kspec.lang.load import Program
from kspec.lang.source import Span
from kspec.lower.scope import Context


def watch_scenarios(ctx: Context, program: Program) -> None:
    """Notes the labels and locals that the scenarios of the model's own file mention."""
    for d in program.main.decls:
        if not isinstance(d, ast.ScenarioDecl):
            continue
        for node in _nodes(d.steps):
            match node:
                case ast.At(base, label):
                    ctx.observed_labels.add((_process(base), label))
                case ast.DoStep(name, _, str() as label) | ast.DisabledStep(name, _, str() as label):
                    ctx.observed_labels.add((name, label))
                case ast.Field(base, name) if (info := ctx.processes.get(_process(base))) is not None:
                    if name in info.locals:
                        ctx.observed_cells.update(c.name for c in info.locals[name].cells)
                case _:
                    pass


def _process(base: ast.Expr) -> str:
    """The process that ``p`` or ``p[x]`` may name."""
    match base:
        case ast.Name(name) | ast.Index(ast.Name(name)):
            return name
        case _:
            return ""


def _nodes(root: object) -> Iterator[object]:
    """Every node of the syntax tree below ``root``."""
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            stack.extend(node)
        elif dataclasses.is_dataclass(node) and not isinstance(node, Span):
            yield node
            stack.extend(getattr(node, f.name) for f in dataclasses.fields(node))
