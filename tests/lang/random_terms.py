"""Random types and well-typed expressions of the language, as text."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TypeAlias

Ty: TypeAlias = tuple[object, ...]
"""``("bool",)``, ``("range", lo, hi)``, ``("enum", name)``, ``("id", name)``, ``("opt", t)``, ``("struct", name)``,
``("map", k, v)``, ``("set", t)``, ``("seq", t, n)``."""

BOOL: Ty = ("bool",)


@dataclass
class World:
    """What is declared: enums with their members, identities with their number (and whether they are ordered),
    structs with their fields, functions with their parameters and result."""

    enums: dict[str, list[str]] = field(default_factory=dict)
    ids: dict[str, tuple[int, bool]] = field(default_factory=dict)
    structs: dict[str, list[tuple[str, Ty]]] = field(default_factory=dict)
    functions: list[tuple[str, list[Ty], Ty]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Bound:
    """A name in scope; ``place`` says whether it can be assigned."""

    text: str
    type: Ty
    place: bool = False


def show(t: Ty) -> str:
    """A type as it is written."""
    match t:
        case ("range", lo, hi):
            return f"{lo}..{hi}"
        case ("enum" | "id" | "struct", name):
            return str(name)
        case ("opt", base):
            return f"{show(base)}?"  # type: ignore[arg-type]
        case ("map", k, v):
            return f"map<{show(k)}, {show(v)}>"  # type: ignore[arg-type]
        case ("set", item):
            return f"set<{show(item)}>"  # type: ignore[arg-type]
        case ("seq", item, n):
            return f"seq<{show(item)}, {n}>"  # type: ignore[arg-type]
        case _:
            return "bool"


def is_scalar(t: Ty) -> bool:
    """Whether values of the type are scalars."""
    return t[0] in ("bool", "range", "enum", "id") or (t[0] == "opt" and is_scalar(t[1]))  # type: ignore[arg-type]


class Terms:
    """Writes expressions of a type from the names in scope."""

    def __init__(self, rng: random.Random, world: World) -> None:
        self.rng = rng
        self.world = world
        self.counter = 0
        self.dereference = True

    def fresh(self, base: str) -> str:
        """A name that is used nowhere else."""
        self.counter += 1
        return f"{base}{self.counter}"

    # -- types ----------------------------------------------------------------------------------

    def base_type(self, ids: bool = True) -> Ty:
        """A scalar type that is not optional."""
        kinds: list[Ty] = [BOOL, BOOL]
        lo = self.rng.choice((0, 0, 0, 1, -1, -2))
        kinds += [("range", lo, lo + self.rng.choice((1, 2, 2)))] * 3
        kinds += [("enum", n) for n in self.world.enums]
        kinds += [("id", n) for n in self.world.ids if ids]
        return self.rng.choice(kinds)

    def scalar_type(self) -> Ty:
        """A scalar type that has a default."""
        if self.rng.random() < 0.3:
            return ("opt", self.base_type())
        return self.base_type(ids=False)

    def var_type(self, depth: int = 1) -> Ty:
        """A type for a variable: of few values, and with a default."""
        match self.rng.randrange(10 if depth else 3):
            case 0 | 1 | 2:
                return self.scalar_type()
            case 3 | 4:
                return ("map", self.key_type(), self.var_type(depth - 1))
            case 5:
                return ("set", self.key_type())
            case 6:
                return ("seq", self.rng.choice((BOOL, ("range", 0, 1), self.scalar_type())), self.rng.choice((1, 2)))
            case 7 if self.world.structs:
                return ("opt", ("struct", self.rng.choice(list(self.world.structs))))
            case 8 if self.world.structs:
                return ("struct", self.rng.choice(list(self.world.structs)))
            case _:
                return self.scalar_type()

    def key_type(self) -> Ty:
        """A small type for keys and set members."""
        kinds: list[Ty] = [BOOL, ("range", 0, 1), ("range", -1, 1)]
        kinds += [("enum", n) for n in self.world.enums] + [("id", n) for n in self.world.ids] * 2
        return self.rng.choice(kinds)

    # -- expressions ----------------------------------------------------------------------------

    def expr(self, t: Ty, scope: list[Bound], depth: int) -> str:
        """An expression of the type, in brackets where it needs them."""
        if depth <= 0 or self.rng.random() < 0.25:
            return self.leaf(t, scope)
        match t:
            case ("bool",):
                return self.boolean(scope, depth)
            case ("range", _, _):
                return self.integer(scope, depth)
            case ("opt", base):
                more = [lambda: self.expr(base, scope, depth - 1)] if self.at_hand(base, scope) else []  # type: ignore[arg-type]
                return self._choice(t, scope, depth, more)
            case ("set", item):
                return self._set(t, item, scope, depth)  # type: ignore[arg-type]
            case ("seq", item, n):
                return self._choice(t, scope, depth, [lambda: self._sequence(item, n, scope, depth)])  # type: ignore[arg-type]
            case ("map", k, v):
                return self._choice(t, scope, depth, [lambda: self._map(k, v, scope, depth)])  # type: ignore[arg-type]
            case ("struct", name):
                return self._choice(t, scope, depth, [lambda: self._struct(str(name), scope, depth)])
            case _:
                return self._choice(t, scope, depth, [])

    def _choice(self, t: Ty, scope: list[Bound], depth: int, more: list) -> str:  # type: ignore[type-arg]
        options = [lambda: self.leaf(t, scope), lambda: self._conditional(t, scope, depth), *more, *more]
        return self.rng.choice(options)()

    def _conditional(self, t: Ty, scope: list[Bound], depth: int) -> str:
        c = self.boolean(scope, depth - 1)
        return f"({c} ? {self.expr(t, scope, depth - 1)} : {self.expr(t, scope, depth - 1)})"

    def leaf(self, t: Ty, scope: list[Bound]) -> str:
        """A literal, or something that is read."""
        found = self.reads(t, scope)
        if t[0] == "id":
            return self.rng.choice(found or [b.text for b in scope if b.type == t])
        if found and self.rng.random() < 0.7:
            return self.rng.choice(found)
        match t:
            case ("bool",):
                return self.rng.choice(("true", "false"))
            case ("range", lo, hi):
                return str(self.rng.randint(int(lo), int(hi)))  # type: ignore[call-overload]
            case ("enum", name):
                return f"{name}.{self.rng.choice(self.world.enums[str(name)])}"
            case ("opt", base):
                inner: Ty = base  # type: ignore[assignment]
                if inner[0] == "struct" or not self.at_hand(inner, scope) or self.rng.random() < 0.4:
                    return "none"
                return self.leaf(inner, scope)
            case ("set", _):
                return "{}"
            case ("seq", _, _):
                return "[]"
            case ("map", k, v):
                return self._map(k, v, scope, 0)  # type: ignore[arg-type]
            case ("struct", name):
                return self._struct(str(name), scope, 0)
            case _:
                raise ValueError(t)

    def at_hand(self, t: Ty, scope: list[Bound]) -> bool:
        """Whether there is a value of the type: of identities only those that are in scope."""
        return t[0] != "id" or any(b.type == t for b in scope)

    def reads(self, t: Ty, scope: list[Bound]) -> list[str]:
        """What can be read that is of the type: names, elements, fields."""
        out: list[str] = []
        for b in scope:
            out += self._paths(b.text, b.type, t, scope, 2)
        return out

    def _paths(self, text: str, have: Ty, want: Ty, scope: list[Bound], depth: int) -> list[str]:
        out = [text] if have == want else []
        if have == ("opt", want) and self.dereference and self.rng.random() < 0.15:
            out.append(text)
        if depth <= 0:
            return out
        match have:
            case ("map", k, v):
                for key in self._keys(k, scope):  # type: ignore[arg-type]
                    out += self._paths(f"{text}[{key}]", v, want, scope, depth - 1)  # type: ignore[arg-type]
            case ("seq", item, _) if self.rng.random() < 0.5:
                end = self.rng.choice((".first", ".last", "[0]", "[1]"))
                out += self._paths(text + end, item, want, scope, depth - 1)  # type: ignore[arg-type]
            case ("struct", name):
                for f, ft in self.world.structs[str(name)]:
                    out += self._paths(f"{text}.{f}", ft, want, scope, depth - 1)
            case ("opt", ("struct", name)) if self.rng.random() < 0.5:
                for f, ft in self.world.structs[str(name)]:
                    out += self._paths(f"{text}.{f}", ft, want, scope, depth - 1)
            case _:
                pass
        return out

    def _keys(self, t: Ty, scope: list[Bound]) -> list[str]:
        found = [b.text for b in scope if b.type == t]
        match t:
            case ("range", lo, hi):
                found += [str(self.rng.randint(int(lo), int(hi)))]  # type: ignore[call-overload]
                numbers = [b.text for b in scope if b.type[0] == "range"]
                if numbers and self.rng.random() < 0.2:
                    found.append(self.rng.choice(numbers))  # may be outside
            case ("bool",):
                found.append("true")
            case ("enum", name):
                found.append(f"{name}.{self.world.enums[str(name)][0]}")
            case _:
                pass
        return found

    def boolean(self, scope: list[Bound], depth: int) -> str:
        """A condition."""
        if depth <= 0:
            return self.leaf(BOOL, scope) if self.rng.random() < 0.5 else self._comparison(scope, 0)
        match self.rng.randrange(12):
            case 0 | 1 | 2:
                op = self.rng.choice(("&&", "||", "=>"))
                return f"({self.boolean(scope, depth - 1)} {op} {self.boolean(scope, depth - 1)})"
            case 3:
                inner = self._comparison(scope, 1) if self.rng.random() < 0.2 else self.boolean(scope, depth - 1)
                return f"!({inner})"
            case 4 | 5:
                return self._quantifier(scope, depth)
            case 6:
                return self._membership(scope, depth)
            case 7:
                t: Ty = ("set", self.key_type())
                op = self.rng.choice(("<=", ">=", "==", "!="))
                left = self.rng.choice([b.text for b in scope if b.type == t] or [f"({self._filter(t[1], scope, 0)})"])  # type: ignore[arg-type]
                return f"({left} {op} {self.expr(t, scope, depth - 1)})"
            case 8 if self.world.labels:
                return f"({self.rng.choice(self.world.labels)})"
            case 9 if tests := [f for f in self.world.functions if f[2] == BOOL]:
                name, params, _ = self.rng.choice(tests)
                return f"{name}({', '.join(self._argument(p, scope, depth) for p in params)})"
            case _:
                return self._comparison(scope, depth)

    def _comparison(self, scope: list[Bound], depth: int) -> str:
        typed = [b for b in scope if b.type[0] not in ("range", "bool", "id")]
        if typed and self.rng.random() < 0.4:
            b = self.rng.choice(typed)
            return f"({b.text} {self.rng.choice(('==', '!='))} {self.expr(b.type, scope, depth - 1)})"
        pairs = [(a, b) for a in scope for b in scope if a.type == b.type and a.type[0] == "id" and a != b]
        if pairs and self.rng.random() < 0.4:
            a, b = self.rng.choice(pairs)
            return f"({a.text} {self.rng.choice(('==', '!='))} {b.text})"
        op = self.rng.choice(("==", "!=", "<", "<=", ">", ">="))
        return f"({self.integer(scope, depth - 1)} {op} {self.integer(scope, depth - 1)})"

    def domain(self, scope: list[Bound], depth: int, ids: bool = True) -> tuple[str, Ty]:
        """Something to range over, and the type of its elements."""
        sets = [b for b in scope if b.type[0] == "set" and (ids or b.type[1][0] != "id")]  # type: ignore[index]
        match self.rng.randrange(4):
            case 0:
                lo = self.rng.choice((-1, 0, 0, 1))
                hi = lo + self.rng.choice((-1, 0, 1, 2))
                numbers = [b.text for b in scope if b.type[0] == "range"]
                top = self.rng.choice(numbers) if numbers and self.rng.random() < 0.4 else str(hi)
                return f"{lo}..{top}", ("range", lo, max(hi, 2))
            case 1 if sets:
                b = self.rng.choice(sets)
                return b.text, b.type[1]  # type: ignore[return-value]
            case 2 if self.world.ids and ids:
                name = self.rng.choice(list(self.world.ids))
                return name, ("id", name)
            case _:
                names: list[tuple[str, Ty]] = [(n, ("enum", n)) for n in self.world.enums] + [("bool", BOOL)]
                return self.rng.choice(names)

    def binder(self, scope: list[Bound], depth: int, ids: bool = True) -> tuple[str, Bound]:
        """``x in S`` or ``x in S where p``."""
        text, t = self.domain(scope, depth, ids)
        x = Bound(self.fresh("x"), t)
        where = f" where {self.boolean([*scope, x], depth - 1)}" if self.rng.random() < 0.3 else ""
        return f"{x.text} in {text}{where}", x

    def _quantifier(self, scope: list[Bound], depth: int) -> str:
        text, x = self.binder(scope, depth - 1)
        return f"({self.rng.choice(('forall', 'exists'))} {text}: {self.boolean([*scope, x], depth - 1)})"

    def _membership(self, scope: list[Bound], depth: int) -> str:
        boxes = [b for b in scope if b.type[0] in ("set", "seq") and self.at_hand(b.type[1], scope)]  # type: ignore[arg-type]
        if not boxes:
            return self._comparison(scope, depth)
        b = self.rng.choice(boxes)
        return f"({self.leaf(b.type[1], scope)} in {b.text})"  # type: ignore[arg-type]

    def integer(self, scope: list[Bound], depth: int) -> str:
        """A number."""
        if depth <= 0:
            found = [x for lo in (-2, -1, 0, 1) for n in (1, 2) for x in self.reads(("range", lo, lo + n), scope)]
            return self.rng.choice(found) if found and self.rng.random() < 0.7 else str(self.rng.randint(-1, 3))
        match self.rng.randrange(12):
            case 0 | 1 | 2:
                op = self.rng.choice(("+", "-", "*", "+"))
                return f"({self.integer(scope, depth - 1)} {op} {self.integer(scope, depth - 1)})"
            case 3:
                numbers = [b.text for b in scope if b.type[0] == "range" and b.place]
                by = self.rng.choice(("2", "-2", "3", *numbers[:2]))
                return f"({self.integer(scope, depth - 1)} {self.rng.choice('/%')} {by})"
            case 4:
                return f"-{self.integer(scope, 0)}".replace("--", "- -")
            case 5:
                text, x = self.binder(scope, depth - 1)
                del x
                return f"count({text})"
            case 6:
                text, x = self.binder(scope, depth - 1)
                op = self.rng.choice(("sum", "sum", "sum", "min", "max"))
                return f"{op}({text}: {self.integer([*scope, x], depth - 1)})"
            case 7:
                op = self.rng.choice(("min", "max"))
                return f"{op}({self.integer(scope, depth - 1)}, {self.integer(scope, depth - 1)})"
            case 8:
                sized = [f"{b.text}.size" for b in scope if b.type[0] == "set"]
                sized += [f"{b.text}.len" for b in scope if b.type[0] == "seq"]
                return self.rng.choice(sized) if sized else self.integer(scope, 0)
            case 9:
                enums = [b.text for b in scope if b.type[0] == "enum"]
                return f"ord({self.rng.choice(enums)})" if enums else self.integer(scope, 0)
            case 10:
                calls = [f for f in self.world.functions if f[2][0] == "range"]
                if calls:
                    name, params, _ = self.rng.choice(calls)
                    return f"{name}({', '.join(self._argument(p, scope, depth) for p in params)})"
                return self.integer(scope, 0)
            case _:
                return self._conditional(("range", 0, 2), scope, depth)

    def _argument(self, t: Ty, scope: list[Bound], depth: int) -> str:
        """An argument of a function; the parts of a compound one are evaluated only where they are used."""
        names = [b.text for b in scope if b.type == t]
        return self.rng.choice(names) if names and not is_scalar(t) else self.expr(t, scope, depth - 1)

    # -- compounds ------------------------------------------------------------------------------

    def _set(self, t: Ty, item: Ty, scope: list[Bound], depth: int) -> str:
        def literal() -> str:
            if not self.at_hand(item, scope):
                return self._filter(item, scope, depth)
            self.dereference = False  # the members say what the type of the set is
            items = [self.leaf(item, scope) for _ in range(self.rng.choice((1, 1, 2)))]
            self.dereference = True
            return "{" + ", ".join(items) + "}"

        def operation() -> str:
            return f"({self.expr(t, scope, depth - 1)} {self.rng.choice('|&-')} {self._filter(item, scope, depth - 1)})"

        return self._choice(t, scope, depth, [literal, operation, lambda: self._filter(item, scope, depth)])

    def _filter(self, item: Ty, scope: list[Bound], depth: int) -> str:
        x = Bound(self.fresh("y"), item)
        return f"{{{x.text} in {show(item)} where {self.boolean([*scope, x], depth - 1)}}}"

    def _sequence(self, item: Ty, n: int, scope: list[Bound], depth: int) -> str:
        items = [self.expr(item, scope, depth - 1) for _ in range(self.rng.randint(0, n))]
        return f"[{', '.join(items)}]"

    def _map(self, k: Ty, v: Ty, scope: list[Bound], depth: int) -> str:
        x = Bound(self.fresh("k"), k)
        return f"[{x.text} in {show(k)}: {self.expr(v, [*scope, x], depth - 1)}]"

    def _struct(self, name: str, scope: list[Bound], depth: int) -> str:
        fields = [(f, ft) for f, ft in self.world.structs[name] if self.rng.random() < 0.7]
        return f"{name}({', '.join(f'{f} = {self.expr(ft, scope, depth - 1)}' for f, ft in fields)})"
