"""C code of stubborn sets: the tables of units and their relations, and which parts of guards are false.

The algorithm is in ``stubborn.c``; the relations are those of ``kspec.explicit.relations``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import resources

from kspec.explicit.emitter import Emitter, Val, c_type, literal
from kspec.explicit.expressions import Scope, evaluate
from kspec.explicit.relations import Grid, Relations
from kspec.system.model import Action, System

HEADER = 1 << 16
"""Bytes of a stage besides what its units and successors take."""
WORD = 64


@dataclass(frozen=True)
class Units:
    """How generated code names the unit of an action's step."""

    system: System
    grids: tuple[Grid, ...]

    def text(self, action: int) -> str:
        """The number of the unit, as a C expression in the function of the action."""
        grid = self.grids[action]
        out = f"{grid.base}u"
        for param, stride in strides(self.system.actions[action], grid):
            out += f" + (u32)(p{param} - {literal(self.system.actions[action].params[param][1].lo)}) * {stride}u"
        return f"({out})"


def strides(action: Action, grid: Grid) -> list[tuple[int, int]]:
    """For the parameters that are told apart, how many units apart neighbouring values are."""
    out: list[tuple[int, int]] = []
    stride = 1
    for param in reversed(grid.params):
        out.append((param, stride))
        t = action.params[param][1]
        stride *= t.hi - t.lo + 1
    return list(reversed(out))


def stage_bytes(relations: Relations, words: int, fanout: int) -> int:
    """The memory that the stage of one worker takes."""
    return HEADER + 64 * len(relations.units) + fanout * (16 + 8 * words)


@dataclass
class _Rows:
    """Sets of units, each once."""

    words: int
    numbers: dict[int, int]

    def add(self, row: int) -> int:
        """The number of a set."""
        return self.numbers.setdefault(row, len(self.numbers))

    def one(self, row: int) -> str:
        """A set as a C initialiser."""
        parts = (row >> (WORD * k) & ((1 << WORD) - 1) for k in range(self.words))
        return "{ " + ", ".join(f"0x{p:x}ULL" for p in parts) + " }"


def stubborn_code(
    relations: Relations,
    scope: Callable[[Emitter], Scope],
    function: Callable[[str, Emitter], str],
) -> str:
    """The C text that comes before the functions of actions, and declares what they need.

    ``scope`` says where expressions over the state ``s`` are evaluated; ``function`` gives the text of a
    function for its body.
    """
    count = len(relations.units)
    words = -(-count // WORD)
    rows = _Rows(words, {})
    together = [rows.add(row) for row in relations.dependent] or [0]
    enablers: list[int] = []
    at: list[int] = []
    why: list[str] = []
    cases: list[str] = []
    for grid in relations.grids:
        if not grid.count:
            continue
        parts = relations.parts(grid)
        why.append(_why(relations, grid, scope, function))
        cases.append(_case(relations.actions[grid.action], grid))
        for unit in range(grid.base, grid.base + grid.count):
            at.append(len(enablers))
            enablers += [rows.add(relations.enabling(unit, part)) for part in (*parts, None)]
    at.append(len(enablers))
    actions = ", ".join(str(u.action) for u in relations.units)
    here = resources.files("kspec.explicit")
    return "\n".join(
        [
            f"#define UNITS {count}",
            f"#define MANY {words}",
            f"static const u64 rows[{len(rows.numbers)}][MANY] = {{",
            *(f"\t{rows.one(row)}," for row in rows.numbers),
            "};",
            f"static const u32 taken_with[{len(together)}] = {{ {', '.join(map(str, together))} }};",
            f"static const u32 enablers_at[UNITS + 1] = {{ {', '.join(map(str, at))} }};",
            f"static const u32 enablers[{len(enablers)}] = {{ {', '.join(map(str, enablers))} }};",
            f"static const u64 sticky[MANY] = {rows.one(relations.sticky)};",
            f"static const u32 unit_action[UNITS] = {{ {actions} }};",
            (here / "stubborn.c").read_text(encoding="ascii"),
            *why,
            "static u32 why_of(struct worker *w, const u64 *s, u32 u)",
            "{",
            "\tswitch (unit_action[u]) {",
            *cases,
            "\t}",
            "\treturn 0;",
            "}",
            "",
        ]
    )


def _params(relations: Relations, grid: Grid) -> list[tuple[int, str, int, int]]:
    action = relations.actions[grid.action]
    return [(p, action.params[p][0].name, action.params[p][1].lo, action.params[p][1].hi) for p in grid.params]


def _why(
    relations: Relations,
    grid: Grid,
    scope: Callable[[Emitter], Scope],
    function: Callable[[str, Emitter], str],
) -> str:
    """``y``: the parts of an action's guard that are false, a bit for each."""
    out = Emitter()
    here = scope(out)
    params = _params(relations, grid)
    out.locals.append("u32 m = 0;")
    for p, name, lo, hi in params:
        value = Val(f"p{p}", lo, hi) if lo < hi else Val(literal(lo), lo, lo)
        here = replace(here, names={**here.names, name: value})
        out.locals.append(f"(void)p{p};")
    for k, part in enumerate(relations.parts(grid)):
        out.line(f"if (!{evaluate(part, here).text}) m |= 1u << {k};")
    out.line("return m;")
    if out.jumps("fault"):
        out.label("fault")
        out.line("w->broken = 1;")
        out.line("return 0;")
    out.locals += ["(void)w;", "(void)s;"]
    head = "".join(f", {c_type(lo, hi)} p{p}" for p, _, lo, hi in params)
    return function(f"static u32 moves{grid.action}(struct worker *w, const u64 *s{head})", out)


def _case(action: Action, grid: Grid) -> str:
    args = ""
    for param, stride in strides(action, grid):
        t = action.params[param][1]
        size = t.hi - t.lo + 1
        args += f", ({c_type(t.lo, t.hi)})((u - {grid.base}u) / {stride}u % {size}u) + {literal(t.lo)}"
    return f"\tcase {grid.action}: return moves{grid.action}(w, s{args});"
