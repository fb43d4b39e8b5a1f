"""A small evaluator of TLA+ modules: enough of the language for exported modules, and states explored as TLC does.

Written from the language's definition, not from the exporter: junction lists are read by column, definitions in LET
are evaluated when they are used, functions are finite maps, and an action is a formula whose primed variables get
values from left to right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

TOKEN = re.compile(
    r'(?P<skip>\s+|\\\*[^\n]*)|(?P<string>"[^"]*")|(?P<number>\d+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)'
    r"|(?P<sign>----+|====+|==|=>|\|->|->|<<|>>|<=|>=|/\\|\\/|\\(?:A|E|in|union|X|div)\b|\.\.|\[\]|[-+*=<>#~!:,'()\[\]{}])"
)
BINARY = {
    "=>": 1, "\\/": 2, "/\\": 3, "=": 5, "#": 5, "<": 5, "<=": 5, ">": 5, ">=": 5, "\\in": 5, "\\union": 8, "..": 9,
    "\\X": 10, "+": 11, "-": 11, "*": 13, "\\div": 13,
}  # fmt: skip


@dataclass(frozen=True)
class Token:
    """A word with its column."""

    kind: str
    text: str
    column: int


def tokens(text: str) -> list[Token]:
    """The words of a module."""
    out, at = [], 0
    while at < len(text):
        m = TOKEN.match(text, at)
        assert m, text[at : at + 40]
        if m.lastgroup != "skip":
            out.append(Token(str(m.lastgroup), m[0], at - text.rfind("\n", 0, at) - 1))
        at = m.end()
    return out


@dataclass
class Reader:
    """Recursive descent; ``limit``: tokens at or left of that column end the expression (junction lists)."""

    words: list[Token]
    at: int = 0
    limit: int = -1

    def peek(self) -> str:
        if self.at >= len(self.words):
            return ""
        w = self.words[self.at]
        return w.text if w.column > self.limit else ""

    def take(self, wanted: str | None = None) -> str:
        text = self.peek()
        assert text and wanted in (None, text), (wanted, text, [w.text for w in self.words[self.at : self.at + 8]])
        self.at += 1
        return text

    def definition(self) -> tuple[str, tuple[str, ...], Any]:
        name, params = self.take(), []
        if self.peek() == "(":
            self.take()
            params.append(self.take())
            while self.peek() == ",":
                self.take()
                params.append(self.take())
            self.take(")")
        self.take("==")
        return name, tuple(params), self.expr(0)

    def expr(self, level: int) -> Any:
        left = self.unary()
        while (op := self.peek()) in BINARY and BINARY[op] >= level:
            if self.at + 1 < len(self.words) and self.words[self.at + 1].text == "==":
                break
            self.take()
            left = ("op", op, left, self.expr(BINARY[op] + 1))
        return left

    def junction(self) -> Any:
        column, op, items = self.words[self.at].column, self.peek(), []
        before = self.limit
        while self.at < len(self.words) and (self.words[self.at].column, self.words[self.at].text) == (column, op):
            self.at += 1
            self.limit = column
            items.append(self.expr(0))
            self.limit = before
        return (op, items)

    def bound(self) -> tuple[tuple[str, Any], ...]:
        out = []
        while True:
            name = self.take()
            self.take("\\in")
            out.append((name, self.expr(6)))
            if self.peek() != ",":
                return tuple(out)
            self.take()

    def listed(self, end: str) -> list[Any]:
        items: list[Any] = []
        while self.peek() != end:
            items.append(self.expr(0))
            if self.peek() == ",":
                self.take()
        self.take(end)
        return items

    def unary(self) -> Any:
        text = self.peek()
        if text in ("/\\", "\\/"):
            return self.junction()
        self.take()
        match text:
            case "~":
                return ("~", self.expr(4))
            case "-":
                return ("op", "-", ("value", 0), self.expr(12))
            case "\\A" | "\\E":
                names = self.bound()
                self.take(":")
                return (text, names, self.expr(0))
            case "IF":
                c = self.expr(0)
                self.take("THEN")
                t = self.expr(0)
                self.take("ELSE")
                return ("if", c, t, self.expr(0))
            case "LET":
                found = []
                while self.peek() != "IN":
                    found.append(self.definition())
                self.take()
                return ("let", found, self.expr(0))
            case "UNCHANGED":
                self.take("<<")
                return ("unchanged", [x[1] for x in self.listed(">>")])
            case _:
                return self.after(self.primary(text))

    def primary(self, text: str) -> Any:
        if text == "(":
            e = self.expr(0)
            self.take(")")
            return e
        if text == "<<":
            return ("tuple", self.listed(">>"))
        if text == "{":
            items = [] if self.peek() == "}" else [self.expr(0)]
            if self.peek() == ":":
                self.take()
                names = self.bound()
                self.take("}")
                return ("image", items[0], names)
            if self.peek() == ",":
                self.take()
            return ("set", items + self.listed("}"))
        if text == "[":
            return self.function()
        if text.startswith('"'):
            return ("value", text[1:-1])
        if text.isdecimal():
            return ("value", int(text))
        if text in ("TRUE", "FALSE"):
            return ("value", text == "TRUE")
        assert re.fullmatch(r"\w+", text), text
        if self.peek() == "(":
            self.take()
            return ("call", text, self.listed(")"))
        return ("name", text)

    def function(self) -> Any:
        start = self.at
        if re.fullmatch(r"\w+", self.peek()) and self.words[self.at + 1].text == "\\in":
            names = self.bound()
            self.take("|->")
            e = self.expr(0)
            self.take("]")
            return ("map", names, e)
        self.at = start
        first = self.expr(0)
        if self.peek() == "->":
            self.take()
            to = self.expr(0)
            self.take("]")
            return ("maps", first, to)
        self.take("EXCEPT")
        self.take("!")
        self.take("[")
        where = self.listed("]")
        self.take("=")
        e = self.expr(0)
        self.take("]")
        return ("except", first, where, e)

    def after(self, e: Any) -> Any:
        while self.peek() in ("[", "'"):
            if self.take() == "'":
                e = ("prime", e[1])
            else:
                e = ("apply", e, self.listed("]"))
        return e


@dataclass
class Lazy:
    """A definition that is evaluated once, if it is used."""

    expr: Any
    scope: dict[str, Any]
    known: list[Any] = field(default_factory=list)


class Module:
    """A module that has been read."""

    def __init__(self, text: str) -> None:
        body = text[text.index("----", 4) + 4 : text.index("\n====")]
        words = tokens(body)
        start = next(i for i, w in enumerate(words) if w.text == "VARIABLES")
        assert [w.text for w in words[:start]] == ["EXTENDS", "Integers"]
        reader = Reader(words, start + 1)
        self.variables = [reader.take()]
        while reader.peek() == ",":
            reader.take()
            self.variables.append(reader.take())
        self.definitions: dict[str, tuple[tuple[str, ...], Any]] = {}
        while reader.at < len(words):
            if reader.peek() == "Spec":
                while reader.take() != ">>":
                    pass
                continue
            name, params, e = reader.definition()
            assert name not in self.definitions and name not in self.variables
            self.definitions[name] = (params, e)
        globals_ = {*self.variables, *self.definitions}
        assert not any(p in globals_ for params, _ in self.definitions.values() for p in params), "no name is hidden"

    def explore(self, invariants: list[str]) -> tuple[int, set[str]]:
        """The number of distinct states, and the invariants that are false in any."""
        wrong: set[str] = set()
        seen: set[tuple[Any, ...]] = set()
        todo = list(self.steps("Init", {}))
        while todo:
            state = todo.pop()
            key = tuple(state[v] for v in self.variables)
            if key in seen:
                continue
            seen.add(key)
            wrong |= {name for name in invariants if self.eval(("name", name), dict(state)) is not True}
            todo += self.steps("Next", state)
        return len(seen), wrong

    def steps(self, name: str, state: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The assignments that satisfy Init (from no state) or Next."""
        for found in self.act(self.definitions[name][1], dict(state), {}, name == "Init"):
            assert set(found) == set(self.variables), "every variable has a next value"
            yield found

    def act(self, e: Any, env: dict[str, Any], done: dict[str, Any], first: bool) -> Iterator[dict[str, Any]]:
        match e:
            case ("/\\", items):
                found = [done]
                for item in items:
                    found = [b for a in found for b in self.act(item, env, a, first)]
                yield from found
            case ("\\/", items):
                for item in items:
                    yield from self.act(item, env, done, first)
            case ("\\E", names, body):
                for values in self.bindings(names, env):
                    yield from self.act(body, env | values, done, first)
            case ("let", found, body):
                yield from self.act(body, self.bound(found, env), done, first)
            case ("op", "=", ("prime", name), value) if name not in done:
                yield done | {name: self.eval(value, env)}
            case ("op", "=", ("name", name), value) if first and name in self.variables and name not in done:
                yield done | {name: self.eval(value, env)}
            case ("unchanged", names):
                yield done | {n: env[n] for n in names}
            case _:
                truth = self.eval(e, env)
                assert isinstance(truth, bool)
                if truth:
                    yield done

    def bound(self, found: list[Any], env: dict[str, Any]) -> dict[str, Any]:
        scope = dict(env)
        for name, params, e in found:
            assert not params and name not in scope, "no name is hidden"
            scope[name] = Lazy(e, scope)
        return scope

    def bindings(self, names: Any, env: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for values in product(*(sorted(self.eval(s, env)) for _, s in names)):
            assert not any(n in env for n, _ in names), "no name is hidden"
            yield {n: v for (n, _), v in zip(names, values, strict=True)}

    def eval(self, e: Any, env: dict[str, Any]) -> Any:
        match e:
            case ("value", v):
                return v
            case ("name", name) if name in env:
                v = env[name]
                if isinstance(v, Lazy):
                    if not v.known:
                        v.known.append(self.eval(v.expr, v.scope))
                    return v.known[0]
                return v
            case ("name", name):
                return self.call(name, [], env)
            case ("call", name, args):
                return self.call(name, [self.eval(a, env) for a in args], env)
            case ("if", c, t, o):
                return self.eval(t if self.truth(c, env) else o, env)
            case ("let", found, body):
                return self.eval(body, self.bound(found, env))
            case ("~", a):
                return not self.truth(a, env)
            case ("/\\", items):
                return all(self.truth(i, env) for i in items)
            case ("\\/", items):
                return any(self.truth(i, env) for i in items)
            case ("\\A", names, body):
                return all(self.truth(body, env | b) for b in self.bindings(names, env))
            case ("\\E", names, body):
                return any(self.truth(body, env | b) for b in self.bindings(names, env))
            case ("tuple", items):
                return tuple((i, self.eval(x, env)) for i, x in enumerate(items, 1))
            case ("set", items):
                return frozenset(self.eval(i, env) for i in items)
            case ("image", body, names):
                return frozenset(self.eval(body, env | b) for b in self.bindings(names, env))
            case ("map", names, body):
                return tuple((_key(list(b.values())), self.eval(body, env | b)) for b in self.bindings(names, env))
            case ("except", f, where, value):
                key, old = _key([self.eval(i, env) for i in where]), self.eval(f, env)
                assert key in dict(old), "the function has a value there"
                new = self.eval(value, env)
                return tuple((k, new if k == key else v) for k, v in old)
            case ("apply", f, where):
                return dict(self.eval(f, env))[_key([self.eval(i, env) for i in where])]
            case ("op", "\\in", a, ("maps", source, to)):
                function, values = dict(self.eval(a, env)), self.eval(to, env)
                return set(function) == self.eval(source, env) and set(function.values()) <= values
            case ("op", op, a, b):
                return self.operate(op, a, b, env)
        raise AssertionError(e)

    def truth(self, e: Any, env: dict[str, Any]) -> bool:
        v = self.eval(e, env)
        assert isinstance(v, bool), "a condition is a truth value"
        return v

    def call(self, name: str, args: list[Any], env: dict[str, Any]) -> Any:
        params, body = self.definitions[name]
        return self.eval(body, {v: env[v] for v in self.variables} | dict(zip(params, args, strict=True)))

    def operate(self, op: str, left: Any, right: Any, env: dict[str, Any]) -> Any:
        if op in ("/\\", "\\/", "=>"):
            a = self.truth(left, env)
            if op == "=>":
                return not a or self.truth(right, env)
            return (a and self.truth(right, env)) if op == "/\\" else (a or self.truth(right, env))
        x, y = self.eval(left, env), self.eval(right, env)
        if op in ("+", "-", "*", "\\div", "..", "<", "<=", ">", ">="):
            assert type(x) is int and type(y) is int
        if op in ("=", "#"):
            assert type(x) is type(y), "TLC compares like with like"
        if op == "\\div":
            return x // y
        table = {
            "=": lambda: x == y, "#": lambda: x != y, "<": lambda: x < y, "<=": lambda: x <= y, ">": lambda: x > y,
            ">=": lambda: x >= y, "+": lambda: x + y, "-": lambda: x - y, "*": lambda: x * y, "\\in": lambda: x in y,
            "\\union": lambda: x | y, "..": lambda: frozenset(range(x, y + 1)),
            "\\X": lambda: frozenset((*(a if isinstance(a, tuple) else (a,)), b) for a in x for b in y),
        }  # fmt: skip
        return table[op]()


def _key(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else tuple(values)
