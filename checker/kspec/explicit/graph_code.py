"""The C text that makes the graph of a finished search, and the numbers in it.

Around the functions of the actions goes other code than for the search: ``graph_head.c`` and
``graph_tail.c``.  The conditions of temporal properties become functions of a state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import product
from math import prod

from kspec.explicit.codegen import _exits, _function, _generate, _Maker
from kspec.explicit.emitter import Emitter
from kspec.explicit.expressions import evaluate
from kspec.explicit.fields import Unsupported, fields
from kspec.explicit.relations import Grid
from kspec.explicit.stubborn import Units
from kspec.system.expr import Expr
from kspec.system.model import Action, System
from kspec.system.packing import pack, slots, word_count
from kspec.system.temporal import Constraint, Holds, Taken, constraints, matches
from kspec.temporal.automaton import Automaton

MOST_UNITS = 1 << 20
MOST_KINDS = 1 << 16
MOST_ATOMS = 64
ERRORS = ("error.range", "error.index", "error.none", "error.div", "error.choose")


@dataclass(frozen=True)
class Kinds:
    """Units (actions with arguments) by number, and the kinds that are told apart.

    ``served`` of a kind are the constraints, by number, of which it is a step; ``taken`` the step atoms.
    """

    bases: tuple[int, ...]
    kind_of: tuple[int, ...]
    served: tuple[int, ...]
    taken: tuple[frozenset[Taken], ...]

    def kind(self, system: System, action: int, args: tuple[int, ...]) -> int:
        """The kind of an action with arguments."""
        n = 0
        for (_, t), a in zip(system.actions[action].params, args, strict=True):
            n = n * (t.hi - t.lo + 1) + a - t.lo
        return self.kind_of[self.bases[action] + n]


@dataclass(frozen=True)
class GraphCode:
    """The C text, with what the numbers in it mean."""

    text: str
    kinds: Kinds
    constraints: tuple[Constraint, ...]

    @property
    def fair_words(self) -> int:
        """The words of a set of constraints."""
        return max(1, -(-len(self.constraints) // 64))


def graph_code(system: System, automata: Sequence[Automaton], search: str) -> GraphCode:
    """The code for a system and the automata of its claims; raises Unsupported.

    ``search`` is the text of the code that explored the system: how states are stored is taken from there.
    """
    if any(len(a.atoms) > MOST_ATOMS for a in automata):
        raise Unsupported(f"a property with more than {MOST_ATOMS} conditions")
    fair = constraints(system)
    steps = tuple(dict.fromkeys(x for a in automata for x in a.atoms if isinstance(x, Taken)))
    kinds = _kinds(system, fair, steps)
    declared = tuple(p.name for p in system.properties)
    properties = (*declared, *(n for n in ("deadlock", *ERRORS) if n not in declared))
    layout = slots(system)
    maker = _Maker(system, fields(system), word_count(layout), properties)
    maker.units = Units(system, _grids(system, kinds.bases))
    try:
        _generate(maker)
        letters = _letters(maker, automata)
    except RecursionError:
        raise Unsupported("expressions nested too deeply") from None
    start = ", ".join(f"0x{w:x}ULL" for w in pack(layout, system.start))
    codes = ", ".join(str(p) for p, _ in maker.sites) or "0"
    here = resources.files("kspec.explicit")
    text = "\n".join(
        [
            search.partition("static const u64 start")[0],
            f"#define FAIR {max(1, -(-len(fair) // 64))}",
            f"static const u64 start[WORDS] = {{ {start} }};",
            f"static const u32 kinds[{max(len(maker.sites), 1)}] = {{ {codes} }};",
            (here / "graph_head.c").read_text(encoding="ascii"),
            *maker.parts,
            (here / "runtime_tail.c").read_text(encoding="ascii"),
            letters,
            (here / "graph_tail.c").read_text(encoding="ascii"),
        ]
    )
    return GraphCode(text, kinds, fair)


def _grids(system: System, bases: Sequence[int]) -> tuple[Grid, ...]:
    return tuple(
        Grid(n, tuple(range(len(a.params))), bases[n], _size(a)) for n, a in enumerate(system.actions)
    )


def _size(action: Action) -> int:
    return prod(max(t.hi - t.lo + 1, 0) for _, t in action.params)


def _kinds(system: System, fair: Sequence[Constraint], steps: Sequence[Taken]) -> Kinds:
    if sum(map(_size, system.actions)) > MOST_UNITS:
        raise Unsupported(f"more than {MOST_UNITS} instances of actions")
    numbers: dict[tuple[int, frozenset[Taken]], int] = {(-1, frozenset()): 0}
    bases: list[int] = []
    kind_of: list[int] = []
    for a in system.actions:
        bases.append(len(kind_of))
        mine = {c.args: 0 for c in fair if a.name in c.actions}
        for k, c in enumerate(fair):
            if a.name in c.actions:
                mine[c.args] |= 1 << k
        atoms = [t for t in steps if (a.process or a.name) == t.name]
        for args in product(*(range(t.lo, t.hi + 1) for _, t in a.params)):
            key = (mine.get(args, 0), frozenset(t for t in atoms if matches(t, a, args)))
            kind_of.append(numbers.setdefault(key, len(numbers)))
    if len(numbers) > MOST_KINDS:
        raise Unsupported(f"more than {MOST_KINDS} kinds of steps")
    served = tuple(max(s, 0) for s, _ in numbers)
    return Kinds(tuple(bases), tuple(kind_of), served, tuple(t for _, t in numbers))


def _letters(maker: _Maker, automata: Sequence[Automaton]) -> str:
    """``letter``: the conditions of a claim that are true in a state; one that raises an error is not."""
    numbers: dict[Expr, int] = {}
    parts: list[str] = []
    cases: list[str] = []
    for n, a in enumerate(automata):
        bits: list[str] = []
        for i, atom in enumerate(a.atoms):
            if isinstance(atom, Holds):
                if atom.expr not in numbers:
                    numbers[atom.expr] = len(numbers)
                    parts.append(_condition(maker, numbers[atom.expr], atom.expr))
                bits.append(f"(h{numbers[atom.expr]}(w, t) << {i})")
        cases.append(f"\tcase {n}: return {' | '.join(bits) or '0'};")
    head = "static u64 letter(struct worker *w, u64 claim, const u64 *t)"
    body = ["{", "\t(void)w; (void)t;", "\tswitch (claim) {", *cases, "\t}", "\treturn 0;", "}"]
    return "\n".join([*parts, head, *body])


def _condition(maker: _Maker, number: int, e: Expr) -> str:
    out = Emitter()
    v = evaluate(e, maker.scope(out, "t"))
    out.line(f"return ({v.text}) != 0;")
    _exits(out, "", "return 0;")
    out.locals.append("(void)w; (void)t;")
    return _function(maker, f"static u64 h{number}(struct worker *w, const u64 *t)", out)
