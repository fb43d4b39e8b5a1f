"""Expressions of the language, evaluated on the syntax tree.  See ``lang.reference_values``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from kspec.lang import ast
from lang.reference_values import (
    Map,
    Member,
    NotSupported,
    Place,
    Seq,
    Struct,
    Type,
    Unset,
    World,
    Wrong,
    need,
    order,
    part,
    read,
)


@dataclass(frozen=True)
class Terms:
    """Evaluates expressions: ``names`` are values and places in scope, ``look`` and ``before`` answer for
    processes in the state now and before the step."""

    world: World
    names: dict[str, Any]
    globals: dict[str, Any] = field(default_factory=dict)
    look: Any = None
    before: Terms | None = None

    def bind(self, name: str, v: Any) -> Terms:
        """With one more name."""
        return replace(self, names={**self.names, name: v})

    def number(self, e: ast.Expr) -> int:
        return int(need(self.value(e)))

    def truth(self, e: ast.Expr) -> bool:
        return bool(need(self.value(e)))

    def value(self, e: ast.Expr) -> Any:
        """The value of an expression; raises Wrong."""
        v = self._value(e)
        if isinstance(v, Unset):
            raise Wrong("error.none")
        return v

    def _value(self, e: ast.Expr) -> Any:
        match e:
            case ast.IntLit(v) | ast.BoolLit(v):
                return v
            case ast.NoneLit():
                return None
            case ast.Name(name):
                return self._name(name)
            case ast.UnaryExpr("!", a):
                return not self.truth(a)
            case ast.UnaryExpr(_, a):
                return -self.number(a)
            case ast.BinaryExpr():
                return self._binary(e)
            case ast.Conditional(c, a, b):
                return self.value(a) if self.truth(c) else self.value(b)
            case ast.Field(ast.Name(enum), member) if enum in self.world.enums and enum not in self.names:
                return Member(enum, self.world.enums[enum].index(member), member)
            case ast.Field(base, name):
                if (found := self._process(base)) is not None:
                    return self.look.local(*found, name)
                return self._field(need(self.value(base)), name)
            case ast.Index(base, index):
                v = need(self.value(base))
                at = self.value(index)
                return part(v, "key", at) if isinstance(v, Map) else part(v, "item", need(at))
            case ast.At(base, label):
                found = self._process(base)
                assert found is not None
                return self.look.at(*found, label)
            case ast.Call():
                return self._call(e)
            case ast.Quantifier(op, binders, body):
                truths = {t.truth(body) for t in self._bound(binders)}
                return False not in truths if op == "forall" else True in truths
            case ast.Aggregate():
                return self._aggregate(e)
            case ast.SetLit(items):
                return frozenset([self.value(x) for x in items])
            case ast.SetFilter(binder):
                return frozenset(self.elements(binder))
            case ast.SeqLit(items):
                return Seq(tuple(self.value(x) for x in items))
            case ast.MapLit(binder, body):
                return Map(tuple((x, self.bind(binder.name, x).value(body)) for x in self.elements(binder)))
            case _:
                raise NotSupported(str(e))

    def _name(self, name: str) -> Any:
        if name in self.names:
            found = self.names[name]
            return read(found) if isinstance(found, Place) else found
        if name in self.globals:
            return self.globals[name]
        if name in self.world.consts:
            return self.world.consts[name]
        owners = [(e, ms.index(name)) for e, ms in self.world.enums.items() if name in ms]
        if len(owners) != 1:
            raise NotSupported(f"`{name}` without its enum")
        return Member(owners[0][0], owners[0][1], name)

    def _process(self, base: ast.Expr) -> tuple[str, Any] | None:
        match base:
            case ast.Name(name) if name in self.world.processes and name not in self.names:
                return name, None
            case ast.Index(ast.Name(name), index) if name in self.world.processes and name not in self.names:
                return name, self._instance(name, self.value(index))
            case _:
                return None

    def _instance(self, name: str, key: Any) -> Any:
        param = self.world.processes[name].param
        assert param is not None
        assert param.type is not None
        if key not in self.world.values(self.world.type(param.type)):
            raise Wrong("error.none" if key is None else "error.index")
        return key

    def _field(self, v: Any, name: str) -> Any:
        match v, name:
            case Struct(_, fields), _:
                return dict(fields)[name]
            case frozenset(), "size":
                return len(v)
            case Seq(items), "len":
                return len(items)
            case Seq(items), "first" | "last":
                if not items:
                    raise Wrong("error.index")
                return items[0 if name == "first" else -1]
            case _:
                raise NotSupported(f"field {name} of {v}")

    def _binary(self, e: ast.BinaryExpr) -> Any:
        match e.op:
            case "&&":
                return self.truth(e.left) and self.truth(e.right)
            case "||":
                return self.truth(e.left) or self.truth(e.right)
            case "=>":
                return not self.truth(e.left) or self.truth(e.right)
            case "==" | "!=":
                same = bool(self.value(e.left) == self.value(e.right))
                return same if e.op == "==" else not same
            case "in":
                return self._member(e)
        a, b = need(self.value(e.left)), need(self.value(e.right))
        match e.op:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case "/" | "%":
                if b == 0:
                    raise Wrong("error.div")
                q = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
                return q if e.op == "/" else a - b * q
            case "|":
                return a | b
            case "&":
                return a & b
        if not isinstance(a, frozenset):
            a, b = order(a), order(b)
        return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[e.op]

    def _member(self, e: ast.BinaryExpr) -> bool:
        x, box = self.value(e.left), need(self.value(e.right))
        t = self.static(e.right)
        if t is not None and t[0] == "opt":
            t = t[1]
        if x is None and t is not None and t[1][0] != "opt":
            raise Wrong("error.none")
        return x in (box.items if isinstance(box, Seq) else box)

    def static(self, e: ast.Expr) -> Type | None:
        """The declared type of a name, element or field, if that is what an expression is."""
        match e:
            case ast.Name(name):
                found = self.names.get(name)
                return found.type if isinstance(found, Place) else self.world.variables.get(name)
            case ast.Field(base, name):
                t = _whole(self.static(base))
                return dict(self.world.structs[t[1]]).get(name) if t is not None and t[0] == "struct" else None
            case ast.Index(base, _):
                t = _whole(self.static(base))
                return None if t is None else t[2] if t[0] == "map" else t[1]
            case _:
                return None

    def _call(self, e: ast.Call) -> Any:
        args = [a.value for a in e.args]
        match e.name:
            case "old":
                assert self.before is not None
                return replace(self.before, names=self.names).value(args[0])
            case "ord":
                return order(need(self.value(args[0])))[1]
            case "min" | "max":
                numbers = [self.number(a) for a in args]
                return min(numbers) if e.name == "min" else max(numbers)
        if e.name in self.world.structs:
            given = {a.name: a.value for a in e.args}
            return Struct(
                e.name,
                tuple(
                    (f, self.world.fit(self.value(given[f]), ft) if f in given else self.world.default(ft))
                    for f, ft in self.world.structs[e.name]
                ),
            )
        decl = self.world.functions[e.name]
        names: dict[str, Any] = {}
        for p, a in zip(decl.params, args, strict=True):
            assert p.type is not None
            t = self.world.type(p.type)
            names[p.name] = Place({p.name: self.world.fit(self.value(a), t)}, p.name, (), t)
        inner = replace(self, names=names, before=replace(self.before, names=names) if self.before else None)
        return self.world.fit(inner.value(decl.body), self.world.type(decl.result))

    def elements(self, b: ast.Binder) -> list[Any]:
        """The values of a binder for which its condition holds, ascending."""
        return [x for x in self.domain(b.domain) if b.where is None or self.bind(b.name, x).truth(b.where)]

    def domain(self, d: ast.Domain) -> list[Any]:
        """The elements of a domain, ascending."""
        if d.expr is None:
            assert d.lo is not None
            assert d.hi is not None
            return list(range(self.number(d.lo), self.number(d.hi) + 1))
        if isinstance(d.expr, ast.Name) and d.expr.name not in self.names:
            name = d.expr.name
            w = self.world
            if name == "bool" or any(name in names for names in (w.enums, w.ids, w.structs, w.types)):
                return w.values(w.type(ast.NamedType(name, d.span)))
        return sorted(need(self.value(d.expr)), key=order)

    def _bound(self, binders: tuple[ast.Binder, ...]) -> Iterator[Terms]:
        if not binders:
            yield self
            return
        b = binders[0]
        for x in self.domain(b.domain):
            inner = self.bind(b.name, x)
            if b.where is None or inner.truth(b.where):
                yield from inner._bound(binders[1:])

    def _aggregate(self, e: ast.Aggregate) -> int:
        if e.op == "count":
            return len(self.elements(e.binder))
        assert e.value is not None
        numbers = [t.number(e.value) for t in self._bound((e.binder,))]
        if e.op == "sum":
            return sum(numbers)
        if not numbers:
            raise Wrong("error.choose")
        return min(numbers) if e.op == "min" else max(numbers)


def _whole(t: Type | None) -> Type | None:
    return t[1] if t is not None and t[0] == "opt" else t
