"""What is to be said about a lasso: how its cycle is fair, and which part of the formula it does not satisfy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from kspec.engine.protocol import Run
from kspec.interp.lasso import discharges, holds, is_step, states_of, violated_claim
from kspec.interp.machine import Machine
from kspec.lang.source import Span
from kspec.system.expr import Expr, Site
from kspec.system.pretty import expr_text
from kspec.system.temporal import NO, YES, And, Atom, Formula, Holds, Next, Not, Or, Release, Taken, Until
from kspec.temporal.lasso import satisfies
from kspec.trace.model import Cause, Fair, Why
from kspec.trace.words import cut
from kspec.types import show_scalar


def fairness(machine: Machine, run: Run) -> tuple[Fair, ...]:
    """How the cycle of a lasso meets each fairness constraint."""
    out: list[Fair] = []
    for d in discharges(machine, run):
        c = d.constraint
        args = ", ".join(show_scalar(t, a) for t, a in zip(c.types, c.args, strict=True))
        who = f"{c.name}({args})" if args else c.name
        out.append(Fair(c.kind, f"{who} at {c.label}" if c.label else who, d.how, d.step))
    return tuple(out)


def why(machine: Machine, run: Run, name: str) -> Why:
    """Why a lasso does not satisfy a temporal property; empty when it does."""
    prop = machine.system.property_named(name)
    if prop is None or run.loop is None:
        return Why()
    claim = violated_claim(machine, prop, run)
    if claim is None:
        return Why()
    trail = _Trail(machine, run)
    leaf, when = trail.follow(claim.formula, 0)
    text, place = trail.text(leaf)
    bindings = tuple((n, show_scalar(t, v)) for n, t, v in claim.bindings)
    return Why((Cause(text, False, place, bindings, tuple(trail.given), when=when),))


@dataclass
class _Trail:
    """The way down a formula that is false, through what makes it so."""

    machine: Machine
    run: Run
    given: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert self.run.loop is not None
        self.loop = self.run.loop
        self.length = max(self.run.length, self.loop + 1)
        self.states = states_of(self.run)

    def truth(self, atom: Atom, i: int) -> bool:
        """Whether an atom is true at a position."""
        if isinstance(atom, Holds):
            return holds(self.machine, atom, self.states[i])
        return i < self.run.length and is_step(self.machine, atom, self.run.steps[i])

    def true(self, f: Formula, i: int) -> bool:
        """Whether a formula is true at a position."""
        # The lasso that begins at position i: what is before its cycle is left out, or the cycle is turned.
        positions = self.ahead(i)
        back = self.loop - i if i < self.loop else 0
        return satisfies(f, len(positions), back, lambda a, k: self.truth(a, positions[k]))

    def ahead(self, i: int) -> list[int]:
        """The positions from i on, each once."""
        if i < self.loop:
            return list(range(i, self.length))
        return [*range(i, self.length), *range(self.loop, i)]

    def follow(self, f: Formula, i: int) -> tuple[Formula, str]:
        """The part that is false, and when."""
        match f:
            case Not(Not(a)):
                return self.follow(a, i)
            case Release(a, b):
                at = next(k for k in self.ahead(i) if not self.true(b, k))
                return self.follow(b, at)
            case And(parts):
                return self.follow(next(p for p in parts if not self.true(p, i)), i)
            case Or(parts):
                for p in parts[:-1]:
                    held = p.a if isinstance(p, Not) else Not(p)
                    self.given.append(f"{self.text(held)[0]} {self._at(i)}")
                return self.follow(parts[-1], i)
            case Next(a):
                following = i + 1 if i + 1 < self.length else self.loop
                return self.follow(a, following)
            case Until(a, b) if a == YES:
                return b, f"{self._from(i)} for ever"
            case _:
                return f, self._at(i)

    def text(self, f: Formula) -> tuple[str, Span | None]:
        """A formula in the words of the language, and where it stands."""
        match f:
            case Holds(e):
                site = _site(e)
                return cut(site.text or expr_text(e)), site.span
            case Taken(name, label, args):
                call = f"{name}({', '.join(self._args(f, args))})" if args else name
                return f"taken({call}{'.' + label if label else ''})", None
            case Not(a):
                return f"!({self.text(a)[0]})", self.text(a)[1]
            case And(parts) | Or(parts):
                sign = " && " if isinstance(f, And) else " || "
                return "(" + sign.join(self.text(p)[0] for p in parts) + ")", None
            case Next(a):
                return f"next({self.text(a)[0]})", None
            case Until(a, b):
                if a == YES:
                    return f"eventually {self.text(b)[0]}", self.text(b)[1]
                return f"{self.text(a)[0]} until {self.text(b)[0]}", None
            case Release(a, b):
                if a == NO:
                    return f"always {self.text(b)[0]}", self.text(b)[1]
                return f"{self.text(a)[0]} release {self.text(b)[0]}", None

    def _args(self, f: Taken, args: tuple[int | None, ...]) -> Iterator[str]:
        action = next((a for a in self.machine.system.actions if (a.process or a.name) == f.name), None)
        types = [t for _, t in action.params] if action is not None else []
        for t, a in zip(types, args, strict=False):
            yield "_" if a is None else show_scalar(t, a)

    def _at(self, i: int) -> str:
        return f"after step {i}" if i else "at the start"

    def _from(self, i: int) -> str:
        return f"from step {i} on," if i else "from the start,"


def _site(e: Expr) -> Site:
    found = getattr(e, "site", None)
    return found if isinstance(found, Site) else Site()
