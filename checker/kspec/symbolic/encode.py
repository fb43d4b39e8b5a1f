"""A system as circuits: one template of a state and of a step, to be copied for every frame.

A step has inputs: a selector that picks the action, the arguments, and the choices of the body.  The next
state is a function of the state and the inputs.  A step counts only if the chosen action is enabled and
its body completes; there is no stuttering.  Semantics are those of ``kspec.interp.machine``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kspec.symbolic.aig import FALSE, TRUE, Aig
from kspec.symbolic.bits import Arithmetic, Bits
from kspec.symbolic.evaluate import Evaluator, Path, Store, Unsupported
from kspec.symbolic.execute import Executor, Inputs
from kspec.system.effects import DEADLOCK
from kspec.system.expr import Expr
from kspec.system.model import Action, System

QUANTIFIED_NODES = 3_000_000
"""How many nodes may be made while the inputs of a step are quantified away (for deadlocks)."""


@dataclass(frozen=True)
class ActionCode:
    """One action: when the selector picks it, its arguments, how its body ends, and the store then."""

    action: Action
    chosen: int
    args: tuple[Bits, ...]
    path: Path
    store: Store

    @property
    def completes(self) -> int:
        """The step is enabled and its body completes."""
        return self.path.dead ^ 1


@dataclass(frozen=True)
class Template:
    """The circuits of one system, as functions of the literals of ``state`` and ``inputs``.

    Of a state: ``typed``, its scalars are within their types; ``within``, it is within the limits (or
    an error in one is raised: then it is entered too); ``broken``, by name what is wrong with it (false
    invariants and lemmas, ``deadlock``, errors in any state property, limit or terminal expression);
    ``reached``, by name the ``reachable`` properties that it satisfies.

    Of the step that the inputs select: ``completes`` (limits are not looked at); ``following``, the
    state after it; ``raised``, by name the errors and assertions that it raises; ``broken_step``, by
    name the step properties that it violates once it has completed, and errors in them.

    Of the initial states, as functions of ``start_inputs``: ``starts``, the init block completes;
    ``start``, the state; ``start_raised``, the errors and assertions.
    """

    system: System
    aig: Aig
    state: tuple[Bits, ...]
    typed: int
    within: int
    broken: Mapping[str, int]
    reached: Mapping[str, int]
    inputs: tuple[int, ...]
    actions: tuple[ActionCode, ...]
    completes: int
    following: tuple[Bits, ...]
    raised: Mapping[str, int]
    broken_step: Mapping[str, int]
    start_inputs: tuple[int, ...]
    starts: int
    start: tuple[Bits, ...]
    start_raised: Mapping[str, int]

    def condition(self, e: Expr) -> int:
        """Where a condition on a state is true (and raises no error)."""
        at = Evaluator(Arithmetic(self.aig), Path(self.aig), self._store())
        truth = at.truth(e)
        return self.aig.and_(truth, at.path.dead ^ 1)

    def _store(self) -> Store:
        offsets = self.system.offsets
        return {
            c.name: self.state[offsets[c.name] : offsets[c.name] + c.size] for c in self.system.state_cells
        }


def encode(system: System) -> Template:
    """The template of a system; raises Unsupported when it breaks its contract or is too big."""
    aig = Aig()
    math = Arithmetic(aig)
    state: Store = {
        c.name: tuple(math.free(c.type.lo, c.type.hi) for _ in range(c.size)) for c in system.state_cells
    }
    inputs = Inputs(math)
    selector = aig.inputs(max(len(system.actions) - 1, 0).bit_length())
    actions = tuple(
        _action(a, _picks(math, selector, i), math, inputs, _store(system, state))
        for i, a in enumerate(system.actions)
    )
    after = _merged(system, actions, state, math)
    within, limit_errors = _limits(system, math, state)
    broken, reached = _state_properties(system, math, state)
    _join(aig, broken, limit_errors)
    if system.deadlock:
        free = tuple(x for v in inputs.known.values() for x in v.literals)
        _join(aig, broken, _stuck(system, math, state, actions, free))
    start_inputs = Inputs(math)
    init = Executor(Evaluator(math, Path(aig), _start(system, math)), start_inputs)
    init.run(system.init)
    return Template(
        system=system,
        aig=aig,
        state=_flat(system, state),
        typed=aig.all(math.typed(v) for v in _flat(system, state)),
        within=within,
        broken=broken,
        reached=reached,
        inputs=(*selector, *(x for v in inputs.known.values() for x in v.literals)),
        actions=actions,
        completes=aig.any(aig.and_(a.chosen, a.completes) for a in actions),
        following=_flat(system, after),
        raised=_raised(aig, actions),
        broken_step=_step_properties(system, math, state, after),
        start_inputs=tuple(x for v in start_inputs.known.values() for x in v.literals),
        starts=init.path.dead ^ 1,
        start=_flat(system, init.at.store),
        start_raised=init.path.errors,
    )


def _flat(system: System, store: Store) -> tuple[Bits, ...]:
    return tuple(v for c in system.state_cells for v in store[c.name])


def _constant(math: Arithmetic, value: int, lo: int, hi: int) -> Bits:
    return math.cast(Bits(value, value, ()), lo, hi)


def _store(system: System, state: Store) -> Store:
    """The store at the start of a step.  What temporaries hold does not matter: they are written first."""
    math = Arithmetic(Aig())
    out = dict(state)
    for c in system.cells:
        if c.temp:
            out[c.name] = (_constant(math, c.type.lo, c.type.lo, c.type.hi),) * c.size
    return out


def _start(system: System, math: Arithmetic) -> Store:
    offsets = system.offsets
    return _store(
        system,
        {
            c.name: tuple(
                _constant(math, system.start[offsets[c.name] + i], c.type.lo, c.type.hi)
                for i in range(c.size)
            )
            for c in system.state_cells
        },
    )


def _picks(math: Arithmetic, selector: tuple[int, ...], index: int) -> int:
    return math.equal_to(Bits(0, (1 << len(selector)) - 1, selector), index)


def _action(action: Action, chosen: int, math: Arithmetic, inputs: Inputs, store: Store) -> ActionCode:
    run = Executor(Evaluator(math, Path(math.aig), store), inputs)
    args = tuple(run.argument(v, t.lo, t.hi) for v, t in action.params)
    run.path.disable(TRUE, run.at.truth(action.guard) ^ 1)
    run.run(action.body)
    return ActionCode(action, chosen, args, run.path, run.at.store)


def _merged(system: System, actions: tuple[ActionCode, ...], state: Store, math: Arithmetic) -> Store:
    """The state after the selected step: selectors exclude each other, so an or of ands does."""
    aig = math.aig
    out: Store = {}
    for c in system.state_cells:
        writers = [a for a in actions if a.store[c.name] is not state[c.name]]
        items: list[Bits] = []
        for i, before in enumerate(state[c.name]):
            changed = [(a.chosen, a.store[c.name][i]) for a in writers if a.store[c.name][i] is not before]
            kept = aig.any(chosen for chosen, _ in changed) ^ 1
            items.append(
                Bits(
                    before.lo,
                    before.hi,
                    tuple(
                        aig.any([aig.and_(kept, old), *(aig.and_(s, v.literals[b]) for s, v in changed)])
                        for b, old in enumerate(before.literals)
                    ),
                )
            )
        out[c.name] = tuple(items)
    return out


def _raised(aig: Aig, actions: tuple[ActionCode, ...]) -> dict[str, int]:
    raised: dict[str, int] = {}
    for a in actions:
        _join(aig, raised, {name: aig.and_(a.chosen, cond) for name, cond in a.path.errors.items()})
    return raised


def _limits(system: System, math: Arithmetic, state: Store) -> tuple[int, Mapping[str, int]]:
    """One conjunction, evaluated in order with short-circuit."""
    at = Evaluator(math, Path(math.aig), state)
    within = 1
    for e in system.limits:
        within = math.aig.and_(within, at.truth(e, within))
    return math.aig.or_(within, at.path.dead), at.path.errors


def _state_properties(
    system: System, math: Arithmetic, state: Store
) -> tuple[dict[str, int], dict[str, int]]:
    aig = math.aig
    broken: dict[str, int] = {}
    reached: dict[str, int] = {}
    for p in system.properties:
        if p.kind in ("invariant", "lemma", "reachable", "property"):
            at = Evaluator(math, Path(aig), state)
            holds = at.truth(p.expr)
            live = at.path.dead ^ 1
            if p.kind == "reachable":
                reached[p.name] = aig.and_(live, holds)
            elif p.kind != "property":
                broken[p.name] = aig.and_(live, holds ^ 1)
            _join(aig, broken, at.path.errors)
    return broken, reached


def _step_properties(system: System, math: Arithmetic, state: Store, after: Store) -> dict[str, int]:
    broken: dict[str, int] = {}
    for p in system.properties:
        if p.kind == "step":
            at = Evaluator(math, Path(math.aig), after, state)
            holds = at.truth(p.expr)
            broken[p.name] = math.aig.and_(at.path.dead ^ 1, holds ^ 1)
            _join(math.aig, broken, at.path.errors)
    return broken


def _stuck(
    system: System, math: Arithmetic, state: Store, actions: tuple[ActionCode, ...], free: tuple[int, ...]
) -> dict[str, int]:
    """A state without any outcome must be terminal; terminals are one disjunction, with short-circuit."""
    aig = math.aig
    limit = len(aig) + QUANTIFIED_NODES
    moves = FALSE
    for a in actions:
        moves = aig.or_(moves, _possible(aig, a, free, limit))
    stuck = moves ^ 1
    at = Evaluator(math, Path(aig), state)
    terminal = FALSE
    for e in system.terminal:
        terminal = aig.or_(terminal, at.truth(e, aig.and_(stuck, terminal ^ 1)))
    broken = dict(at.path.errors)
    broken[DEADLOCK] = aig.and_(stuck, aig.and_(terminal ^ 1, at.path.dead ^ 1))
    return broken


def _possible(aig: Aig, a: ActionCode, free: tuple[int, ...], limit: int) -> int:
    """Some arguments and choices give an outcome, be it an error.

    Where nothing that disables the step depends on choices these need not be looked at: either there is
    something to choose, or that is an error.
    """
    math = Arithmetic(aig)
    enabled = a.path.disabled ^ 1
    arguments = {x for v in a.args for x in v.literals}
    inside = set(aig.cone((enabled,)))
    if any(x >> 1 in inside and x not in arguments for x in free):
        return _exists(aig, aig.or_(a.completes, a.path.failed), free, limit)
    typed = aig.all(math.typed(v) for v in a.args)
    return _exists(aig, aig.and_(enabled, typed), free, limit)


def _exists(aig: Aig, f: int, free: tuple[int, ...], limit: int) -> int:
    """``f`` for some value of the inputs ``free``."""
    inside = set(aig.cone((f,)))
    for x in free:
        if x >> 1 in inside:
            f = aig.or_(aig.cofactor(f, x, 0), aig.cofactor(f, x, 1))
            if len(aig) > limit:
                raise Unsupported("the condition under which nothing can happen (deadlock) is too big")
    return f


def _join(aig: Aig, into: dict[str, int], more: Mapping[str, int]) -> None:
    for name, cond in more.items():
        into[name] = aig.or_(into.get(name, FALSE), cond)
