"""Random well-typed statements, procedures and processes of the language, as text."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from lang.random_terms import BOOL, Bound, Terms, Ty, World, is_scalar, show

Lines = list[str]


@dataclass(frozen=True)
class Place:
    """Where code stands: what may occur there."""

    scope: tuple[Bound, ...]
    depth: int = 2
    process: bool = False
    loop: bool = False
    atomic: bool = False
    asserts: bool = True
    top: bool = False

    def with_(self, *bound: Bound, **changes: object) -> Place:
        """The same with more names in scope, or other changes."""
        values = {**self.__dict__, "scope": (*self.scope, *bound), **changes}
        return Place(**values)


@dataclass
class Code:
    """Writes statements.

    ``procedures`` are those that may be called: name and parameters (with `ref` or not); ``routines`` those that only
    processes can call, step by step.  ``labels`` are those of
    the process that is written; ``targets`` those that every place below may jump to.
    """

    rng: random.Random
    world: World
    terms: Terms
    procedures: list[tuple[str, list[tuple[Ty, bool]]]] = field(default_factory=list)
    routines: list[tuple[str, list[tuple[Ty, bool]]]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    asserts: int = 0

    def block(self, at: Place, most: int = 3) -> Lines:
        """Statements in order; names that one declares are seen by the next."""
        out: Lines = []
        for _ in range(self.rng.randint(1, most)):
            lines, bound = self.statement(at)
            out += lines
            at = at.with_(*bound)
        return out

    def nested(self, at: Place, most: int = 2, **changes: object) -> Lines:
        """A block one level further in."""
        return [f"    {line}" for line in self.block(at.with_(depth=at.depth - 1, top=False, **changes), most)]

    def statement(self, at: Place) -> tuple[Lines, list[Bound]]:
        """A statement, and the names that it declares."""
        if at.process and not at.atomic and self.rng.random() < 0.5:
            found = self._of_process(at)
            if found is not None:
                return found
        r = self.rng.random()
        scope = list(at.scope)
        if r < 0.45 or at.depth <= 0:
            return self._change(at), []
        if r < 0.6:
            c = self.terms.boolean(scope, 2)
            lines = [f"if ({c}) {{", *self.nested(at), "}"]
            if self.rng.random() < 0.5:
                lines[-1] = "} else {"
                lines += [*self.nested(at), "}"]
            return lines, []
        if r < 0.68:
            text, x = self.terms.binder(scope, 1, ids=False)
            return [f"for {text} {{", *self.nested(at.with_(x), loop=at.process and not at.atomic), "}"], []
        if r < 0.76:
            return self._local(at)
        if r < 0.84:
            text, x = self.terms.binder(scope, 1)
            return [f"choose {text};"], [x]
        if r < 0.89:
            word = self.rng.choice(("require", "await")) if at.process else "require"
            return [f"{word} {self.terms.boolean(scope, 2)};"], []
        if r < 0.93 and at.asserts:
            self.asserts += 1
            return [f"assert claim{self.asserts}: {self.terms.boolean(scope, 2)};"], []
        if r < 0.97 and self.procedures:
            return self._call(at), []
        if r < 0.985 and (loop := self._identities(at)):
            return loop, []
        return ["return;" if self.rng.random() < 0.3 else "skip;"], []

    # -- changes --------------------------------------------------------------------------------

    def places(self, at: Place) -> list[Bound]:
        """What can be assigned: variables, their elements and fields."""
        out: list[Bound] = []
        for b in at.scope:
            if b.place:
                out += self._inside(b, list(at.scope), 2)
        return out

    def _inside(self, b: Bound, scope: list[Bound], depth: int) -> list[Bound]:
        out = [b]
        if depth <= 0:
            return out
        match b.type:
            case ("map", k, v):
                for key in self.terms._keys(k, scope)[:3]:  # type: ignore[arg-type]
                    out += self._inside(Bound(f"{b.text}[{key}]", v, True), scope, depth - 1)  # type: ignore[arg-type]
            case ("struct", name) | ("opt", ("struct", name)):
                for f, ft in self.world.structs[str(name)]:
                    out += self._inside(Bound(f"{b.text}.{f}", ft, True), scope, depth - 1)
            case ("seq", item, _) if self.rng.random() < 0.4:
                out += self._inside(Bound(f"{b.text}[{self.rng.choice('001')}]", item, True), scope, depth - 1)  # type: ignore[arg-type]
            case _:
                pass
        return out

    def _change(self, at: Place) -> Lines:
        scope = list(at.scope)
        found = self.places(at)
        if not found:
            return ["skip;"]
        p = self.rng.choice(found)
        value = self.terms.expr(p.type, scope, self.rng.choice((1, 2)))
        plain = [f"{p.text} = {value};"]
        match p.type:
            case ("bool",):
                joined = f"{p.text} {self.rng.choice('|&')}= {value};"
                return self.rng.choice((plain, [f"{p.text} = !{p.text};"], [joined]))
            case ("range", lo, hi):
                by = self.rng.choice(("1", "1", value))
                turn = [f"{p.text} = {p.text} == {hi} ? {lo} : {p.text} + 1;"]
                step = [f"{p.text} {self.rng.choice('+-')}= {by};"]
                return self.rng.choice((plain, turn, turn, step, [f"{p.text}{self.rng.choice(('++', '--'))};"]))
            case ("set", item):
                inner: Ty = item  # type: ignore[assignment]
                joined = f"{p.text} {self.rng.choice(('+=', '-=', '|=', '&='))} {value};"
                ways = [plain, [joined], [f"{p.text}.clear();"]]
                if self.terms.at_hand(inner, scope):
                    ways += [[f"{p.text}.{self.rng.choice(('add', 'remove'))}({self.terms.leaf(inner, scope)});"]] * 3
                return self.rng.choice(ways)
            case ("seq", item, _):
                x = self.terms.expr(item, scope, 1)  # type: ignore[arg-type]
                i = self.rng.choice(("0", "0", "1", f"{p.text}.len", self.terms.integer(scope, 0)))
                ops = [f"push({x})", f"push({x})", f"push_front({x})", f"insert({i}, {x})"]
                ops += ["pop()", "pop_back()", f"remove({i})", "clear()"]
                return self.rng.choice((plain, *([f"{p.text}.{op};"] for op in ops)))
            case _:
                return plain

    def _identities(self, at: Place) -> Lines:
        """A loop over identities whose outcome does not depend on their order."""
        maps = [b for b in at.scope if b.place and b.type[0] == "map" and b.type[1][0] == "id"]  # type: ignore[index]
        if not maps or (at.process and not at.atomic):
            return []
        b = self.rng.choice(maps)
        x = Bound(self.terms.fresh("t"), b.type[1])  # type: ignore[arg-type]
        others = [o for o in at.scope if o != b]
        value = self.terms.expr(b.type[2], [*others, x], 2)  # type: ignore[arg-type]
        where = f" where {self.terms.boolean([*others, x], 1)}" if self.rng.random() < 0.5 else ""
        return [f"for {x.text} in {show(x.type)}{where} {{", f"    {b.text}[{x.text}] = {value};", "}"]

    def _local(self, at: Place) -> tuple[Lines, list[Bound]]:
        scope = list(at.scope)
        t = self.terms.var_type(0) if self.rng.random() < 0.7 else self.terms.var_type(1)
        name = self.terms.fresh("v")
        value = self.terms.expr(t, scope, 1)
        match self.rng.randrange(4):
            case 0:
                return [f"let {name}: {show(t)} = {value};"], [Bound(name, t)]
            case 1:
                return [f"var {name}: {show(t)};"], [Bound(name, t, True)]
            case _:
                return [f"var {name}: {show(t)} = {value};"], [Bound(name, t, True)]

    def _call(self, at: Place) -> Lines:
        stepwise = at.process and not at.atomic
        name, params = self.rng.choice([*self.procedures, *(self.routines if stepwise else ())])
        args: list[str] = []
        for t, ref in params:
            if ref:
                found = [p.text for p in self.places(at) if p.type == t]
                if not found:
                    return ["skip;"]
                args.append(self.rng.choice(found))
            else:
                args.append(self.terms.expr(t, list(at.scope), 1))
        return [f"{name}({', '.join(args)});"]

    # -- processes ------------------------------------------------------------------------------

    def _of_process(self, at: Place) -> tuple[Lines, list[Bound]] | None:
        scope = list(at.scope)
        r = self.rng.random()
        if r < 0.3:
            return ["atomic {", *self.nested(at.with_(atomic=True)), "}"], []
        if r < 0.4:
            return [f"await {self.terms.boolean(scope, 1)};"], []
        if r < 0.5:
            label = self.terms.fresh("at")
            self.labels.append(label)
            if at.top:
                self.targets.append(label)
            return [f"{label}:", *self._change(at)], []
        if at.depth <= 0:
            return (["break;"], []) if at.loop and self.rng.random() < 0.3 else None
        if r < 0.65:
            lines = ["either {"]
            for k in range(self.rng.choice((2, 2, 3))):
                lines += ["} or {"] if k else []
                lines += self.nested(at)
            return [*lines, "}"], []
        if r < 0.75:
            return [f"while ({self.terms.boolean(scope, 1)}) {{", *self.nested(at, loop=True), "}"], []
        if r < 0.82:
            return ["loop {", *self.nested(at, loop=True), "    await true;", "}"], []
        if r < 0.88:
            text, x = self.terms.binder(scope, 1)
            return [f"for {text} {{", *self.nested(at.with_(x), loop=True), "}"], []
        if r < 0.91 and self.routines:
            return self._call(at), []
        if r < 0.94 and at.loop:
            return [f"if ({self.terms.boolean(scope, 1)}) {{ {self.rng.choice(('break', 'continue'))}; }}"], []
        if r < 0.96 and self.targets:
            return [f"if ({self.terms.boolean(scope, 1)}) {{ goto {self.rng.choice(self.targets)}; }}"], []
        return None


__all__ = ["BOOL", "Code", "Place", "is_scalar"]
