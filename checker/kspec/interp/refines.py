"""Refinement, step by step: does each step of a system do what the abstract system can do there, or nothing?

The mapping gives every state its image, a state of the abstract system.  Every initial state has to map to an
initial state of it; every step has to map to one of its steps, or leave the image as it is (stuttering).  Then every
behaviour maps to one of the abstract system up to stuttering (Abadi and Lamport, "The existence of refinement
mappings", 1991; safety alone, without fairness).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product

from kspec.interp.evaluate import EvalError
from kspec.interp.machine import Machine, Violation
from kspec.system.expr import Site
from kspec.system.layout import element_name, indices, show, value_of
from kspec.system.model import Property, State
from kspec.types import show_scalar

KEPT = 1 << 18
"""Abstract states and images that are remembered, each; beyond that they are worked out anew."""

LONG = 160
"""Characters from which on whole variables are not shown."""


class Simulation:
    """One refinement of a system; not to be shared between threads.

    Where the mapping itself raises an error there is no image; that is a violation of ``error.KIND`` in that state,
    and nothing is said about the refinement there.
    """

    def __init__(self, machine: Machine, declared: Property) -> None:
        """``declared`` is a property of the machine's system with a refinement."""
        assert declared.refinement is not None
        self.machine, self.name, self.span = machine, declared.name, declared.span
        self.values = declared.refinement.values
        self.abstract = Machine(declared.refinement.abstract)
        self._initial: frozenset[State] | None = None
        self._images: dict[State, State | None] = {}
        self._after: dict[State, frozenset[State]] = {}

    def image(self, state: State) -> State | None:
        """The abstract state; None where the mapping raises an error."""
        if state in self._images:
            return self._images[state]
        if len(self._images) >= KEPT:
            self._images.clear()
        try:
            found: State | None = tuple(self.machine.value(e, state) for e in self.values)
        except EvalError:
            found = None
        self._images[state] = found
        return found

    def initial(self) -> frozenset[State]:
        """The initial states of the abstract system."""
        if self._initial is None:
            self._initial = frozenset(
                o.post for o in self.abstract.initial() if o.post is not None and not o.cut
            )
        return self._initial

    def after(self, image: State) -> frozenset[State]:
        """Where the steps of the abstract system lead from one of its states (that need not be reachable)."""
        found = self._after.get(image)
        if found is None:
            if len(self._after) >= KEPT:
                self._after.clear()
            posts = (o.post for o in self.abstract.steps(image) if o.post is not None and not o.cut)
            found = self._after[image] = frozenset(posts)
        return found

    def starts(self, state: State) -> bool:
        """Whether an initial state maps to one (or to nothing, by an error)."""
        image = self.image(state)
        return image is None or image in self.initial()

    def follows(self, before: State, state: State) -> bool:
        """Whether a step maps to one, or to no change (or to nothing, by an error)."""
        old, new = self.image(before), self.image(state)
        return old == new or old is None or new is None or new in self.after(old)

    def violation(self, before: State | None, state: State) -> Violation | None:
        """What is wrong with an initial state, or with the step to ``state`` from ``before``."""
        if before is None:
            if self.starts(state):
                return None
            text = f"the initial state maps to {self.text(state)}, which is no initial state of {self.title}"
        elif self.follows(before, state):
            return None
        else:
            text = f"no step of {self.title} does what this step does: {self.change(before, state)}"
        return Violation(self.name, Site(self.span), text)

    @property
    def title(self) -> str:
        """What the abstract system is called."""
        return self.abstract.system.name

    def text(self, state: State) -> str:
        """The image of a state."""
        image, system = self.image(state), self.abstract.system
        assert image is not None
        return ", ".join(f"{v.name} = {show(value_of(system, v, image))}" for v in system.variables)

    def change(self, before: State, state: State) -> str:
        """What a step changes in the image: whole variables, or only their parts where that is too long."""
        old, new = self.image(before), self.image(state)
        assert old is not None and new is not None
        system = self.abstract.system
        values = ((v.name, show(value_of(system, v, old)), show(value_of(system, v, new))) for v in system.variables)
        whole = ", ".join(f"{name}: {a} -> {b}" for name, a, b in values if a != b)
        if len(whole) <= LONG:
            return whole
        return ", ".join(f"{name}: {a} -> {b}" for name, a, b in self.differences(old, new))

    def differences(self, old: State, new: State) -> Iterator[tuple[str, str, str]]:
        """The scalars in which two abstract states differ: the name, and both values."""
        at = 0
        for c in self.abstract.system.state_cells:
            for i in indices(c.dims):
                if old[at] != new[at]:
                    yield element_name(c, i), show_scalar(c.type, old[at]), show_scalar(c.type, new[at])
                at += 1

    def possible(self, image: State, most: int) -> Iterator[tuple[str, tuple[int, ...], tuple[State, ...]]]:
        """Up to ``most`` calls of each abstract action, and where they lead from an abstract state."""
        for a in self.abstract.system.actions:
            for args in islice(product(*(range(t.lo, t.hi + 1) for _, t in a.params)), most):
                posts = (o.post for o in self.abstract.fire(image, a.name, args) if not o.cut)
                yield a.name, args, tuple(p for p in posts if p is not None)
