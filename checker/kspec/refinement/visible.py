"""What of a model is looked at when it is compared: actions by name, variables, conditions.

The *observation* of a state is the tuple of the values of what is visible in it.  A step is visible if its action
is, or if it changes the observation; it then has a label: the action with its arguments (where that is visible) and
the observation after it.  All other steps are invisible, so that two models may differ in how many of them they take
(stuttering).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kspec.interp.disabled import call_text
from kspec.interp.machine import Machine, Outcome
from kspec.lang import ast
from kspec.lang.diagnostics import Diagnostic, Failed
from kspec.lang.load import Program
from kspec.lang.parse import parse_expression
from kspec.lang.source import Source
from kspec.system.layout import show, value_of
from kspec.system.model import State, System


@dataclass(frozen=True)
class Item:
    """Something visible: ``name`` is what both models call it in a comparison, ``text`` what is looked at."""

    name: str
    text: str


@dataclass(frozen=True)
class Label:
    """A visible step: the action's call (empty where it is not visible), and the observation after it."""

    call: str
    observation: tuple[str, ...]


def item(text: str) -> Item:
    """``ITEM`` or ``NAME: ITEM``."""
    name, colon, rest = text.partition(":")
    if colon and name.strip().isidentifier() and not rest.startswith(":"):
        return Item(name.strip(), rest.strip())
    return Item(text.strip(), text.strip())


_PREFIX = "visible'"


def with_conditions(program: Program, items: Sequence[Item]) -> Program:
    """The program with a property for each visible condition, so that it is elaborated and looked at.

    Raises Failed for a text that is no condition.
    """
    names = {getattr(d, "name", "") for m in program.modules for d in m.decls}
    decls: list[ast.Decl] = []
    sources: list[Source] = []
    for k, i in enumerate(items):
        if i.text in names:
            continue
        source = Source("VISIBLE", i.text)
        expr = parse_expression(source, i.text)
        decls.append(ast.PropertyDecl("reachable", f"{_PREFIX}{k}", expr, None, expr.span))
        sources.append(source)
    main = dataclasses.replace(program.main, decls=(*program.main.decls, *decls))
    return dataclasses.replace(
        program, modules=(*program.modules[:-1], main), sources=(*program.sources, *sources)
    )


class View:
    """One model as it is seen.  Raises Failed for an item that the model does not have."""

    def __init__(self, system: System, items: Sequence[Item]) -> None:
        self.machine = Machine(system)
        self.items = tuple(items)
        self.calls: dict[str, str] = {}
        self._readers: list[Callable[[State], str]] = []
        self._names: list[str] = []
        self._seen: dict[State, tuple[str, ...]] = {}
        for k, i in enumerate(items):
            self._add(system, k, i)
        self._actions = {a.name: a for a in system.actions}

    def _add(self, system: System, k: int, i: Item) -> None:
        variable = next((v for v in system.variables if v.name == i.text), None)
        owners = [a for a in system.actions if i.text in (a.name, a.process)]
        condition = system.property_named(f"{_PREFIX}{k}")
        if variable is not None and not owners:
            self._readers.append(lambda s: show(value_of(system, variable, s)))
        elif owners:
            self.calls |= {a.name: i.name for a in owners}
            return
        elif condition is not None:
            expr = condition.expr
            self._readers.append(lambda s: "true" if self.machine.holds(expr, s) else "false")
        else:
            raise Failed([Diagnostic("E0951", f"`{i.text}` is neither an action nor a variable nor a condition")])
        self._names.append(i.name)

    @property
    def names(self) -> tuple[str, ...]:
        """What the parts of an observation are of."""
        return tuple(self._names)

    def observation(self, state: State) -> tuple[str, ...]:
        """What is seen of a state."""
        if state not in self._seen:
            self._seen[state] = tuple(r(state) for r in self._readers)
        return self._seen[state]

    def initial(self) -> tuple[State, ...]:
        """The initial states."""
        return tuple(dict.fromkeys(o.post for o in self.machine.initial() if o.post is not None and not o.cut))

    def steps(self, state: State) -> Iterator[tuple[Outcome, Label | None]]:
        """The steps from a state that come to an end, with their labels (None: invisible)."""
        before = self.observation(state)
        for o in self.machine.steps(state):
            if o.post is None or o.cut:
                continue
            after = self.observation(o.post)
            shown = self.calls.get(o.action)
            if shown is None and after == before:
                yield o, None
            else:
                call = "" if shown is None else self.text(o).replace(o.action, shown, 1)
                yield o, Label(call, after)

    def text(self, o: Outcome) -> str:
        """A step, for people."""
        return call_text(self._actions[o.action], o.args)
