"""From a transition system to the C text of its native explorer.

What is generated: one function per action (``a``) and per property (``q``), the order in which actions
are tried (``kspec.explicit.dispatch``), and constants; around them goes the fixed run-time.  Code size
grows with the text of the model: loops over parameters and quantifiers stay loops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources

from kspec.explicit.actors import ActorNumber, actors_of
from kspec.explicit.analysis import can_fail
from kspec.explicit.dispatch import Entry, dispatch, entry_of
from kspec.explicit.emitter import Emitter, Val, c_type, literal
from kspec.explicit.expressions import Scope, evaluate
from kspec.explicit.fields import Field, Unsupported, fields
from kspec.explicit.native import FANOUT, recent_states
from kspec.explicit.relations import Relations
from kspec.explicit.statements import Body, Place, backtrack, execute, temps_of, unless
from kspec.explicit.stubborn import Units, stage_bytes, stubborn_code
from kspec.explicit.symmetry import canonical_code
from kspec.system.expr import Expr, Site
from kspec.system.model import Property, System
from kspec.system.packing import pack, slots, word_count
from kspec.system.stmt import Block
from kspec.types import IdType

ONE_THREAD = "#define THREADS 0"
EXACT = "#define LOSSY 0"
WHOLE = "#define FOLDED 0"
ERRORS = ("error.range", "error.index", "error.none", "error.div", "error.choose")


@dataclass(frozen=True)
class Native:
    """The C text of a system and what its numbers mean.

    ``properties``: the names that records of violations are numbered by (declared ones, then ``deadlock``
    and the errors); a second round of numbers is for states in which nothing can happen.  ``sites``: for
    every place that can fail, its property and where it is.  ``frame_bytes``: the room that a worker needs
    for open choices.  ``actors``: the number of every action's actor.  ``symmetric``: the types under whose
    permutations one state stands for its orbit.  ``stage_bytes``: the room that a worker needs to choose among
    the steps of a state, 0 where all are taken.
    """

    text: str
    words: int
    properties: tuple[str, ...]
    actions: tuple[str, ...]
    sites: tuple[tuple[int, Site], ...]
    frame_bytes: int
    symmetric: tuple[IdType, ...] = ()
    actors: tuple[ActorNumber, ...] = ()
    stage_bytes: int = 0

    @property
    def lossy(self) -> Native:
        """The explorer that takes states for equal whose hashes are."""
        return replace(self, text=self.text.replace(EXACT, "#define LOSSY 1", 1))

    @property
    def folded(self) -> Native:
        """The explorer that stores states as pairs of halves."""
        return replace(self, text=self.text.replace(WHOLE, "#define FOLDED 1", 1))

    @property
    def threaded(self) -> str:
        """The text that makes the table safe for several workers (it needs atomic built-ins)."""
        return self.text.replace(ONE_THREAD, "#define THREADS 1", 1)


@dataclass
class _Maker:
    """What is collected while a system is generated."""

    system: System
    fields: dict[str, Field]
    words: int
    properties: tuple[str, ...]
    canonical: bool = False
    sites: list[tuple[int, Site]] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    frame_bytes: int = 0
    actors: tuple[ActorNumber, ...] = ()
    units: Units | None = None

    def __post_init__(self) -> None:
        self.actors = actors_of(self.system)

    def number(self, name: str) -> int:
        """The number of a property."""
        if name not in self.properties:
            raise Unsupported("an assertion that is not declared")
        return self.properties.index(name)

    def failing(self, out: Emitter) -> Callable[[str, Site], str]:
        """For a function: what raises an error (a kind or the name of an assertion) at a site."""

        def fail(kind: str, site: Site) -> str:
            name = f"error.{kind}"
            self.sites.append((self.number(name if name in ERRORS else kind), site))
            return f"e = {len(self.sites) - 1}; goto fail;"

        return fail

    def scope(self, out: Emitter, now: str, old: str = "") -> Scope:
        """Where the expressions of a function are evaluated."""
        return Scope(out, self.fields, now, self.failing(out), "fault", old)


def generate(system: System, symmetric: Sequence[IdType] = (), relations: Relations | None = None) -> Native:
    """The native explorer of a system; raises Unsupported when it cannot be one.

    It explores one state of each orbit under the permutations of the ``symmetric`` types; with ``relations`` it
    takes only the steps of a stubborn set.
    """
    declared = tuple(p.name for p in system.properties)
    properties = (*declared, *(n for n in ("deadlock", *ERRORS) if n not in declared))
    layout = slots(system)
    maker = _Maker(system, fields(system), word_count(layout), properties, bool(symmetric))
    if relations is not None:
        maker.units = Units(system, relations.grids)
    try:
        _generate(maker)
        chosen = _stubborn(maker, relations) if relations is not None else ""
    except RecursionError:
        raise Unsupported("expressions nested too deeply") from None
    start = ", ".join(f"0x{w:x}ULL" for w in pack(layout, system.start))
    kinds = ", ".join(str(p) for p, _ in maker.sites) or "0"
    here = resources.files("kspec.explicit")
    text = "\n".join(
        [
            ONE_THREAD,
            EXACT,
            WHOLE,
            f"#define WORDS {maker.words}",
            f"#define STUCK {len(properties)}",
            f"#define RECENT {recent_states(maker.words)}",
            (here / "runtime_head.c").read_text(encoding="ascii"),
            (here / "halves.c").read_text(encoding="ascii"),
            f"static const u64 start[WORDS] = {{ {start} }};",
            f"static const u32 kinds[{max(len(maker.sites), 1)}] = {{ {kinds} }};",
            canonical_code(system, symmetric) if symmetric else "",
            chosen,
            *maker.parts,
            (here / "runtime_tail.c").read_text(encoding="ascii"),
        ]
    )
    actions = tuple(a.name for a in system.actions)
    sites = tuple(maker.sites)
    stage = stage_bytes(relations, maker.words, FANOUT) if relations is not None else 0
    return Native(
        text, maker.words, properties, actions, sites, maker.frame_bytes, tuple(symmetric), maker.actors, stage
    )


def _stubborn(maker: _Maker, relations: Relations) -> str:
    def scope(out: Emitter) -> Scope:
        return maker.scope(out, "s")

    def function(head: str, out: Emitter) -> str:
        return _function(maker, head, out)

    return stubborn_code(relations, scope, function)


def _generate(maker: _Maker) -> None:
    system = maker.system
    state_checks = [p for p in system.properties if p.kind not in ("assert", "step")]
    step_checks = [p for p in system.properties if p.kind == "step"]
    maker.parts.append(_limits(maker))
    for p in (*state_checks, *step_checks):
        maker.parts.append(_check(maker, p))
    maker.parts.append(_calls(maker, "INLINE void look(struct worker *w, const u64 *t)", state_checks, "t"))
    if maker.system.limits:
        maker.parts[-1] = maker.parts[-1].replace("{\n", "{\n\t(void)within(w, t, 1);\n", 1)
    maker.parts.append(
        _calls(maker, "INLINE void passed(struct worker *w, const u64 *s, const u64 *t)", step_checks, "s, t")
    )
    maker.parts.append(_body(maker, "initial", None, (), (), system.init))
    entries: list[Entry] = []
    for n, action in enumerate(system.actions):
        entry = entry_of(n, action)
        entries.append(entry)
        domains = tuple((var.name, t.lo, t.hi) for var, t in action.params)
        maker.parts.append(_body(maker, f"a{n}", n, domains, entry.rest, action.body))
    maker.parts.append(_deadlock(maker))
    maker.parts.append(_expand(maker, entries))


def _function(maker: _Maker, head: str, out: Emitter, ending: tuple[str, ...] = ()) -> str:
    """The text of a function whose body is in ``out``, with what its jumps need."""
    if out.jumps("fail"):
        out.locals.insert(0, "u32 e = 0;")
    if any("(i = 0;" in line for line in out.lines):
        out.locals.insert(0, "i32 i = 0;")
    return out.function(head, ending)


def _limits(maker: _Maker) -> str:
    """``within``: whether a state is within the limits.  An error counts as within, and is recorded when
    the state is entered (``record``)."""
    if not maker.system.limits:
        return "INLINE i32 within(struct worker *w, const u64 *t)\n{\n\t(void)w; (void)t;\n\treturn 1;\n}\n"
    out = Emitter()
    scope = maker.scope(out, "t")
    for limit in maker.system.limits:
        unless(limit, scope, "return 0;")
    out.line("return 1;")
    _exits(out, "if (record) found(w, kinds[e], e, t);", "return 1;")
    out.locals.append("(void)w; (void)t; (void)record;")
    return _function(maker, "static i32 within(struct worker *w, const u64 *t, i32 record)", out)


def _check(maker: _Maker, p: Property) -> str:
    """``q``: evaluates a property; records a violation (or that something reachable is reached)."""
    out = Emitter()
    scope = maker.scope(out, "t", "s")
    number = maker.number(p.name)
    at = "s" if p.kind == "step" else "t"
    if not can_fail(p.expr):
        # What was decided in an earlier level is not looked at again (except to find its runs).
        out.line(f"if (w->mode == SEARCH && w->sh->decided[{number}]) return;")
    v = evaluate(p.expr, scope)
    wrong = v.text if p.kind == "reachable" else f"!{v.text}"
    out.line(f"if (RARE({wrong})) found(w, {number}, 0, {at});")
    out.line("return;")
    _exits(out, f"found(w, kinds[e], e, {at});", "return;")
    out.locals.append("(void)t;")
    params = "const u64 *s, const u64 *t" if p.kind == "step" else "const u64 *t"
    if p.kind == "step":
        out.locals.append("(void)s;")
    return _function(maker, f"static void q{number}(struct worker *w, {params})", out)


def _calls(maker: _Maker, head: str, checks: list[Property], args: str) -> str:
    out = Emitter()
    for p in checks:
        out.line(f"q{maker.number(p.name)}(w, {args});")
    for name in ("w", *args.split(", ")):
        out.locals.append(f"(void){name};")
    return out.function(head)


def _exits(out: Emitter, failed: str, leave: str) -> None:
    """Where jumps go that raise an error, and those that show that the system breaks its contract."""
    if out.jumps("fail"):
        out.label("fail")
        out.line(failed)
        out.line(leave)
    if out.jumps("fault"):
        out.label("fault")
        out.line("w->broken = 1;")
        out.line(leave)


def _body(
    maker: _Maker,
    name: str,
    action: int | None,
    params: tuple[tuple[str, int, int], ...],
    guard: tuple[Expr, ...],
    block: Block,
) -> str:
    """The function of an action (or of the init block): what of its guard is not tested before it is
    called, its body, and what happens to the successors."""
    out = Emitter()
    scope = maker.scope(out, "s")
    for n, (param, lo, hi) in enumerate(params):
        value = Val(f"p{n}", lo, hi) if lo < hi else Val(literal(lo), lo, lo)
        scope = replace(scope, names={**scope.names, param: value})
        out.locals.append(f"(void)p{n};")
    for part in guard:
        unless(part, scope, "goto next;")
    out.line("copy(t, s);")
    out.locals.insert(0, "u64 t[WORDS];")
    temps = temps_of(block)
    held: dict[str, str] = {}
    for temp, cell in temps.items():
        held[temp] = out.array(c_type(cell.type.lo, cell.type.hi), cell.size)
        out.line(f"for (i = 0; i < {cell.size}; i++) {held[temp]}[i] = {literal(cell.type.lo)};")
    scope = replace(scope, now="t", temps=held)
    body = Body(maker.words, temps)
    execute(block, Place(scope), body)
    maker.frame_bytes = max(maker.frame_bytes, body.frame_bytes)
    actor = maker.actors[action].text if action is not None else "0"
    unit = maker.units.text(action) if maker.units is not None and action is not None else ""
    out.line("w->alive = 1;")
    if unit:
        out.line(f"able(w, {unit});")
    if maker.system.limits:
        cut = "w->cut++; " if action is not None else ""  # initial states beyond a limit are not counted
        out.line(f"if (!within(w, t, 0)) {{ {cut}goto next; }}")
    if action is not None and any(p.kind == "step" for p in maker.system.properties):
        out.line(f"w->actor = {actor};")
        out.line("passed(w, s, t);")
    if maker.canonical:
        # What is expanded is canonical: only what permutations change can make its successor otherwise.
        out.line("if (disturbed(s, t)) (void)canon(t);" if action is not None else "(void)canon(t);")
    taken = f"stage(w, {unit}" if unit else "emit(w"
    out.line(f"{taken}, {action if action is not None else len(maker.system.actions)}, {actor}, t);")
    _endings(out, scope, body, actor, unit)
    head = "".join(f", {c_type(lo, hi)} p{n}" for n, (_, lo, hi) in enumerate(params))
    return _function(maker, f"NOINLINE void {name}(struct worker *w, const u64 *s{head})", out)


def _endings(out: Emitter, scope: Scope, body: Body, actor: str, unit: str) -> None:
    """After the code of a path: what a failure does, and the next path."""
    if body.choices or out.jumps("fail") or out.jumps("fault"):
        out.line("goto next;")
    if out.jumps("fault"):
        out.label("fault")
        out.line("w->broken = 1;")
        out.line("return;")
    if out.jumps("fail"):
        out.label("fail")
        out.line("w->alive = 1;")
        if unit:
            out.line(f"able(w, {unit});")
        out.line(f"w->actor = {actor};")
        out.line("found(w, kinds[e], e, s);")
    out.label("next")
    backtrack(scope, body)
    out.line("return;")


def _deadlock(maker: _Maker) -> str:
    """``stuck``: a state in which nothing can happen is a deadlock unless it is terminal."""
    out = Emitter()
    scope = maker.scope(out, "s")
    for terminal in maker.system.terminal:
        v = evaluate(terminal, scope)
        out.line(f"if ({v.text}) return;")
    out.line(f"found(w, STUCK + {maker.number('deadlock')}, 0, s);")
    out.line("return;")
    _exits(out, "found(w, STUCK + kinds[e], e, s);", "return;")
    return _function(maker, "NOINLINE void stuck(struct worker *w, const u64 *s)", out)


def _expand(maker: _Maker, entries: list[Entry]) -> str:
    """``expand``: every action in a state."""
    out = Emitter()
    scope = maker.scope(out, "s")
    out.line("w->alive = 0;")
    dispatch(entries, scope)
    if maker.system.deadlock:
        out.line("if (RARE(!w->alive)) stuck(w, s);")
    else:
        out.locals.append("(void)stuck;")
    out.locals.append("(void)kinds; (void)s;")  # there need not be actions
    if maker.units is not None:
        out.line("reduce(w, s);")
    out.line("return;")
    _exits(out, "", "return;")
    return _function(maker, "static void expand(struct worker *w, const u64 *s)", out)
