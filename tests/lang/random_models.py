"""Random well-typed models as text: most constructs of the language, few states.

For developers of engines (complements ``interp.random_systems``, which makes transition systems directly)::

    from lang.random_models import Shape, models, random_model

    @given(models())                        # hypothesis: a seed and a shape
    def test_engine_agrees(text): ...

    for seed in range(1000):
        text = random_model(seed, Shape(processes=0))

Every text passes the front end, but for jumps in a circle without a step (E0412) now and then.  The number of
states is not bounded, only likely to be small: explore with a budget.  Names of loop variables, binders and locals
are unique in a model.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from hypothesis import strategies as st
from lang.random_code import Code, Place
from lang.random_terms import BOOL, Bound, Terms, Ty, World, show


@dataclass(frozen=True)
class Shape:
    """How much of what there is."""

    variables: int = 3
    actions: int = 2
    processes: int = 1
    properties: int = 3
    functions: int = 1
    procedures: int = 1
    routines: int = 1
    instances: bool = True
    asserts: bool = True


def random_model(seed: int, shape: Shape | None = None) -> str:
    """The model of a seed."""
    return _Writer(random.Random(f"model {seed}"), shape or Shape()).text()


def models(shape: Shape | None = None) -> st.SearchStrategy[str]:
    """A strategy of models: it shrinks to small seeds."""
    return st.integers(0, 1_000_000).map(lambda seed: random_model(seed, shape))


class _Writer:
    def __init__(self, rng: random.Random, shape: Shape) -> None:
        self.rng = rng
        self.shape = shape
        self.world = World()
        self.terms = Terms(rng, self.world)
        self.code = Code(rng, self.world, self.terms)
        self.globals: list[Bound] = []
        self.locals: list[Bound] = []  # as properties write them

    def text(self) -> str:
        out = ["kspec 1", *self._types(), *self._variables()]
        out += self._functions()
        out += self._procedures()
        if self.shape.processes:
            out += self._routines()
        for k in range(self.shape.processes):
            out += self._process(k)
        for k in range(self.rng.randint(min(1, self.shape.actions), self.shape.actions)):
            out += self._action(k)
        out += self._properties()
        return "\n".join(out) + "\n"

    def _types(self) -> list[str]:
        out: list[str] = []
        for name in self.rng.sample(("E", "F"), self.rng.choice((1, 1, 2))):
            members = ["m0", "m1", "m2"][: self.rng.choice((2, 2, 3))]
            self.rng.shuffle(members)
            self.world.enums[name] = members
            out.append(f"enum {name} {{ {', '.join(members)} }}")
        if self.rng.random() < 0.7:
            self.world.ids["T"] = (2, False)
            out.append("id T[2];")
        if self.rng.random() < 0.25:
            self.world.ids["O"] = (2, True)
            out.append("ordered id O[2];")
        if self.rng.random() < 0.6:
            fields: list[tuple[str, Ty]] = [("a", self.terms.scalar_type()), ("b", self.terms.scalar_type())]
            if self.rng.random() < 0.3:
                fields.append(("c", ("set", BOOL)))
            self.world.structs["P"] = fields
            out.append(f"struct P {{ {' '.join(f'{n}: {show(t)};' for n, t in fields)} }}")
        return out

    def _variables(self) -> list[str]:
        out: list[str] = []
        for k in range(self.rng.randint(2, self.shape.variables)):
            t = self.terms.var_type(0 if k == 0 else 1)
            name = f"g{k}"
            value = f" = {self.terms.leaf(t, [])}" if self.rng.random() < 0.3 and t[0] != "map" else ""
            if t[0] == "map" and self.rng.random() < 0.7:
                out.append(f"var {name}[{show(t[1])}]: {show(t[2])};")  # type: ignore[arg-type]
            else:
                out.append(f"var {name}: {show(t)}{value};")
            self.globals.append(Bound(name, t, True))
        if self.rng.random() < 0.4:
            lines = self.code.block(Place(tuple(self.globals), depth=1, asserts=False), 2)
            out += ["init {", *(f"    {x}" for x in lines if x != "return;"), "}"]
        return out

    def _functions(self) -> list[str]:
        out: list[str] = []
        for k in range(self.rng.randint(0, self.shape.functions)):
            kinds = [self.terms.base_type(ids=False), *(b.type for b in self.globals)]
            params = [Bound(self.terms.fresh("p"), self.rng.choice(kinds)) for _ in range(self.rng.randint(0, 2))]
            result = self.rng.choice((BOOL, ("range", -1, 2)))
            body = self.terms.expr(result, [*self.globals, *params], 2)
            formals = ", ".join(f"{p.text}: {show(p.type)}" for p in params)
            out.append(f"fun f{k}({formals}): {show(result)} = {body};")
            self.world.functions.append((f"f{k}", [p.type for p in params], result))
        return out

    def _procedures(self) -> list[str]:
        out: list[str] = []
        for k in range(self.rng.randint(0, self.shape.procedures)):
            formals: list[tuple[Bound, bool]] = []
            for _ in range(self.rng.randint(0, 2)):
                ref = self.rng.random() < 0.5
                t = self.rng.choice([b.type for b in self.globals]) if ref else self.terms.scalar_type()
                formals.append((Bound(self.terms.fresh("p"), t, ref), ref))
            # In a procedure no loops and labels: it is called from steps, too.
            body = self.code.block(
                Place((*self.globals, *(b for b, _ in formals)), depth=1, asserts=self.shape.asserts)
            )
            shown = ", ".join(f"{'ref ' if ref else ''}{b.text}: {show(b.type)}" for b, ref in formals)
            out += [f"proc q{k}({shown}) {{", *(f"    {x}" for x in body), "}"]
            self.code.procedures.append((f"q{k}", [(b.type, ref) for b, ref in formals]))
        return out

    def _routines(self) -> list[str]:
        """Procedures with waits, loops and branches."""
        out: list[str] = []
        for k in range(self.rng.randint(0, self.shape.routines)):
            ref = self.rng.random() < 0.5
            t = self.rng.choice([b.type for b in self.globals]) if ref else self.terms.scalar_type()
            p = Bound(self.terms.fresh("p"), t, ref)
            at = Place((*self.globals, p), depth=2, process=True, asserts=self.shape.asserts)
            body = self.code.block(at, 3)
            shown = f"{'ref ' if ref else ''}{p.text}: {show(t)}"
            out += [f"proc s{k}({shown}) {{", *(f"    {x}" for x in body), "}"]
            self.code.routines.append((f"s{k}", [(t, ref)]))
        return out

    def _process(self, k: int) -> list[str]:
        scope = list(self.globals)
        formal = ""
        if self.shape.instances and self.rng.random() < 0.5:
            kinds: list[Ty] = [BOOL, *(("id", n) for n in self.world.ids)]
            t = self.rng.choice(kinds)
            scope.append(Bound("self", t))
            formal = f"(self: {show(t)})"
        self.code.labels, self.code.targets = [], []
        head: list[str] = []
        for _ in range(self.rng.randint(0, 2)):
            t = self.terms.var_type(0)
            name = self.terms.fresh("l")
            head.append(f"    var {name}: {show(t)};")
            scope.append(Bound(name, t, True))
        at = Place(tuple(scope), depth=2, process=True, asserts=self.shape.asserts, top=True)
        body = self.code.block(at, 4)
        if body[0].startswith("var "):
            body.insert(0, "skip;")  # it would be a local that has its value, a constant, from the beginning
        out = [f"process r{k}{formal} {{", *head, *(f"    {x}" for x in body), "}"]
        inside = f"r{k}[true]" if formal == "(self: bool)" else f"r{k}" if not formal else ""
        if inside:
            self.locals += [Bound(f"{inside}.{b.text}", b.type) for b in scope if b.text.startswith("l")]
        for label in self.code.labels:
            if inside and self.rng.random() < 0.5:
                self.world.labels.append(f"{inside} at {label}")
        return out

    def _action(self, k: int) -> list[str]:
        params: list[Bound] = []
        shown: list[str] = []
        for _ in range(self.rng.choice((0, 0, 1, 1, 2))):
            name = self.terms.fresh("a")
            if self.rng.random() < 0.25:
                domain, t = self.terms.domain([*self.globals, *params], 1)
                shown.append(f"{name} in {domain}")
            else:
                t = self.terms.base_type()
                shown.append(f"{name}: {show(t)}")
            params.append(Bound(name, t))
        scope = [*self.globals, *params]
        guard = f" when {self.terms.boolean(scope, 2)}" if self.rng.random() < 0.5 else ""
        body = self.code.block(Place(tuple(scope), depth=2, asserts=self.shape.asserts))
        return [f"action act{k}({', '.join(shown)}){guard} {{", *(f"    {x}" for x in body), "}"]

    def _properties(self) -> list[str]:
        out: list[str] = []
        seen = [*self.globals, *(b for b in self.locals if self.rng.random() < 0.4)]
        for k in range(self.rng.randint(1, self.shape.properties)):
            kind = self.rng.choice(("invariant", "invariant", "reachable", "lemma", "terminal"))
            out.append(f"{kind} prop{k}: {self.terms.boolean(seen, 3)};")
        if self.rng.random() < 0.3 and self.globals:
            b = self.rng.choice(self.globals)
            out.append(f"step changes: {b.text} == old({b.text}) || {self.terms.boolean(list(self.globals), 2)};")
        if self.rng.random() < 0.1:
            out.append(f"limit: {self.terms.boolean(list(self.globals), 2)};")
        if self.rng.random() < 0.6:
            out.append("deadlock off;")
        return out
