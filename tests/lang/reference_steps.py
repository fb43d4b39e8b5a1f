"""Statements of the language, executed on the syntax tree."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kspec.lang import ast
from lang.reference_terms import Terms
from lang.reference_values import (
    Map,
    NotSupported,
    Place,
    Seq,
    Type,
    World,
    Wrong,
    element,
    need,
    read,
    write,
)


class Disabled(Exception):
    """The step does not exist."""


class Return(Exception):
    """A `return` was executed."""


@dataclass
class Script:
    """The choices of one execution; :meth:`next` moves on to the next combination."""

    taken: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    at: int = 0

    def choose(self, options: list[Any]) -> Any:
        """One of the options."""
        if self.at == len(self.taken):
            self.taken.append(0)
            self.sizes.append(len(options))
        self.at += 1
        return options[self.taken[self.at - 1]]

    def next(self) -> bool:
        """Whether there is another combination; it is the next to be executed."""
        del self.taken[self.at :], self.sizes[self.at :]
        self.at = 0
        while self.taken:
            self.taken[-1] += 1
            if self.taken[-1] < self.sizes[-1]:
                return True
            self.taken.pop()
            self.sizes.pop()
        return False


def executions(script: Script) -> Iterator[None]:
    """Yields once for every combination of choices."""
    while True:
        yield
        if not script.next():
            return


@dataclass
class Steps:
    """Executes statements of one step."""

    world: World
    script: Script

    def run(self, body: tuple[ast.Stmt, ...], terms: Terms) -> None:
        """A block: names that a statement declares are seen by the next ones."""
        for t in body:
            terms = self.statement(t, terms)

    def body(self, body: tuple[ast.Stmt, ...], terms: Terms) -> None:
        """A body that can be left by `return`."""
        with contextlib.suppress(Return):
            self.run(body, terms)

    def statement(self, t: ast.Stmt, terms: Terms) -> Terms:
        """One statement; gives the names for the next one."""
        match t:
            case ast.AssignStmt(target, op, value):
                self.assign(terms, target, op, value)
            case ast.StepStmt(target, op):
                p = self.place(target, terms)
                write(p, self.world.fit(need(read(p)) + (1 if op == "++" else -1), p.type))
            case ast.MethodStmt():
                self.method(t, terms)
            case ast.CallStmt(name, args):
                self.call(name, args, terms)
            case ast.IfStmt(cond, then, other):
                self.run(then if terms.truth(cond) else other, terms)
            case ast.ForStmt(binder, body):
                for x in terms.elements(binder):
                    self.run(body, terms.bind(binder.name, x))
            case ast.AtomicStmt(body):
                self.run(body, terms)
            case ast.LetStmt(name, kind, value):
                want = self.world.type(kind) if kind is not None else None
                v = terms.value(value)
                v = v if want is None else self.world.fit(v, want)
                return terms.bind(name, Place({name: v}, name, (), want or terms.static(value) or ()))
            case ast.LocalStmt(name, kind, value):
                return terms.bind(name, Place({name: self.start(kind, value, terms)}, name, (), self.world.type(kind)))
            case ast.ChooseStmt(binder):
                options = terms.elements(binder)
                if not options:
                    raise Wrong("error.choose")
                return terms.bind(binder.name, self.script.choose(options))
            case ast.RequireStmt(cond, _):
                if not terms.truth(cond):
                    raise Disabled
            case ast.AssertStmt(name, cond, _):
                if not terms.truth(cond):
                    raise Wrong(name)
            case ast.JumpStmt("return"):
                raise Return
            case ast.JumpStmt("skip"):
                pass
            case _:
                raise NotSupported(str(t))
        return terms

    def start(self, kind: ast.TypeExpr, value: ast.Expr | None, terms: Terms) -> Any:
        """The value that a declared variable starts with; the declarator form gives it to every element."""
        t = self.world.type(kind)
        if value is None:
            return self.world.default(t)
        return self.spread(terms.value(value), t)

    def spread(self, v: Any, t: Type) -> Any:
        """``v`` as a ``t``; what is no map is the value of every element of a map."""
        if t[0] == "map" and not isinstance(v, Map):
            return Map(tuple((k, self.spread(v, t[2])) for k in self.world.values(t[1])))
        return self.world.fit(v, t)

    def place(self, e: ast.Expr, terms: Terms) -> Place:
        """Where something is stored; the way there must exist."""
        match e:
            case ast.Name(name):
                found = terms.names.get(name)
                if isinstance(found, Place):
                    return found
                if name in terms.globals and name not in terms.names:
                    return Place(terms.globals, name, (), self.world.variables[name])
                raise NotSupported(f"place {name}")
            case ast.Field(base, name):
                p = self.inside(self.place(base, terms))
                fields = dict(self.world.structs[p.type[1]])
                return Place(p.store, p.name, (*p.path, ("field", name)), fields[name])
            case ast.Index(base, index):
                p = self.inside(self.place(base, terms))
                at = terms.value(index)
                if p.type[0] == "map":
                    whole = read(p)
                    element(whole.pairs, at)
                    return Place(p.store, p.name, (*p.path, ("key", at)), p.type[2])
                v = read(p)
                if not 0 <= need(at) < len(v.items):
                    raise Wrong("error.index")
                return Place(p.store, p.name, (*p.path, ("item", at)), p.type[1])
            case _:
                raise NotSupported(f"place {e}")

    def inside(self, p: Place) -> Place:
        """The place inside an optional compound."""
        if p.type[0] == "opt" and p.type[1][0] in ("struct", "map", "set", "seq"):
            need(read(p))
            return Place(p.store, p.name, p.path, p.type[1])
        return p

    def assign(self, terms: Terms, target: ast.Expr, op: str, value: ast.Expr) -> None:
        p = self.place(target, terms)
        if op == "=":
            write(p, self.world.fit(terms.value(value), p.type))
            return
        p = self.inside(p)
        old = need(read(p))
        new: Any
        if p.type[0] == "bool":
            new = old or terms.truth(value) if op == "|=" else old and terms.truth(value)
        elif p.type[0] == "set":
            other = self.world.fit(need(terms.value(value)), p.type)
            new = old - other if op == "-=" else old & other if op == "&=" else old | other
        else:
            new = old + terms.number(value) if op == "+=" else old - terms.number(value)
        write(p, self.world.fit(new, p.type))

    def method(self, t: ast.MethodStmt, terms: Terms) -> None:
        p = self.inside(self.place(t.target, terms))
        v = read(p)
        args = [a.value for a in t.args]
        if t.method == "clear":
            write(p, frozenset() if p.type[0] == "set" else Seq(()))
        elif p.type[0] == "set":
            x = self.world.fit(terms.value(args[0]), p.type[1])
            write(p, v | {x} if t.method == "add" else v - {x})
        else:
            write(p, Seq(tuple(self.changed(t.method, list(v.items), args, terms, p.type))))

    def changed(self, op: str, items: list[Any], args: list[ast.Expr], terms: Terms, t: Type) -> list[Any]:
        """The items after an operation on a sequence."""
        at = {"push": len(items), "pop_back": len(items) - 1}.get(op, 0)
        adds = op in ("push", "push_front", "insert")
        if op in ("insert", "remove"):
            at = terms.number(args[0])
            if not 0 <= at <= len(items) - (0 if adds else 1):
                raise Wrong("error.index")
        if len(items) == (t[2] if adds else 0):
            raise Wrong("error.index")
        if adds:
            items.insert(at, self.world.fit(terms.value(args[-1]), t[1]))
        else:
            del items[at]
        return items

    def arguments(self, decl: ast.ProcDecl, args: tuple[ast.Arg, ...], terms: Terms) -> dict[str, Place]:
        """The parameters of a call: values of their own, and references."""
        out: dict[str, Place] = {}
        for p, a in zip(decl.params, args, strict=True):
            assert p.type is not None
            t = self.world.type(p.type)
            if p.ref:
                found = self.place(a.value, terms)
                out[p.name] = self.inside(found) if found.type != t else found
            else:
                out[p.name] = Place({p.name: self.world.fit(terms.value(a.value), t)}, p.name, (), t)
        return out

    def call(self, name: str, args: tuple[ast.Arg, ...], terms: Terms) -> None:
        decl = self.world.procedures[name]
        inner: dict[str, Any] = dict(self.arguments(decl, args, terms))
        self.body(decl.body, Terms(self.world, inner, terms.globals, terms.look))


__all__ = ["Disabled", "Return", "Script", "Steps", "executions"]
