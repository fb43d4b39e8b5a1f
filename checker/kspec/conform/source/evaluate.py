"""Symbolic evaluation of C expressions over machine integers.

Functions and macros of the same file are followed; other functions are *accessors*: what they return depends on
their arguments only.  What is outside of the subset gets a diagnostic that names the construct and its place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import z3
from tree_sitter import Node

from kspec.conform.source import machine
from kspec.conform.source.configuration import Unreadable, selected
from kspec.conform.source.ctext import CONTAINERS, CFile, Function, Guard, text, type_of_words, words_of
from kspec.conform.source.fragments import number, parsed_expression, split_arguments, substituted
from kspec.conform.source.headers import Library
from kspec.conform.source.machine import CType, IntType, PointerType, Scalar, StructType
from kspec.conform.source.memory import Memory, pointee
from kspec.lang.diagnostics import Diagnostic, Failed
from kspec.lang.source import Span

TRANSPARENT = ("likely", "unlikely", "READ_ONCE", "rcu_dereference", "data_race")


@dataclass(frozen=True)
class Embedded:
    """A struct in memory: ``path`` within the ``struct tag`` at ``address`` (empty: that struct itself)."""

    address: z3.BitVecRef
    tag: str
    path: str
    type: StructType


@dataclass(frozen=True)
class Record:
    """A local struct variable."""

    type: StructType
    fields: Mapping[str, Scalar]


Value: TypeAlias = Scalar | Embedded | Record


@dataclass(frozen=True)
class State:
    """In the middle of a body: the locals, on which paths it has returned, and what."""

    locals: Mapping[str, Value]
    done: z3.BoolRef
    result: z3.BitVecRef | None = None


@dataclass(frozen=True)
class Frame:
    """Whose code is executed: its file, its result's type, and where it stands if it comes from a macro."""

    file: CFile
    result: CType | None
    at: Span | None = None
    running: tuple[str, ...] = ()


@dataclass
class Evaluator(ABC):
    """Evaluates expressions of a library in one configuration; ``memory`` collects what they read.

    Raises Failed for what is outside of the subset, and Undecided where the configuration says too little.
    """

    code: Library
    config: Mapping[str, bool]
    memory: Memory = field(default_factory=Memory)
    accessors: dict[str, None] = field(default_factory=dict)

    @abstractmethod
    def call(self, f: Function, arguments: tuple[Scalar, ...], running: tuple[str, ...] = ()) -> Scalar:
        """What a function returns."""

    def chosen(self, several: tuple[Function, ...]) -> Function | None:
        """Of several definitions, the one that this configuration compiles."""
        return next((f for f in several if all(self._holds(g, f.file) for g in f.guards)), None)

    def expression(self, source: str, names: Mapping[str, Value], name: str) -> Scalar:
        """The value of an expression written elsewhere (an option, a file of bindings)."""
        file, node = parsed_expression(source, name)
        return self._scalar(Frame(file, None), node, State(names, z3.BoolVal(False)))

    def _holds(self, guard: Guard, file: CFile) -> bool:
        try:
            return selected(guard.directive, self.config) == guard.taken
        except Unreadable:
            raise self._outside(Frame(file, None), guard.directive, "this `#if`") from None

    def _scalar(self, frame: Frame, node: Node, state: State) -> Scalar:
        value = self._value(frame, node, state)
        if not isinstance(value, Scalar):
            raise self._outside(frame, node, "a struct as a value")
        return value

    def _value(self, frame: Frame, node: Node, state: State) -> Value:
        match node.type:
            case "parenthesized_expression" if len(node.named_children) == 1:
                return self._value(frame, node.named_children[0], state)
            case "identifier":
                return self._name(frame, node, state)
            case "null" | "false":
                return machine.constant(0) if node.type == "false" else _null()
            case "true":
                return machine.constant(1)
            case "number_literal" | "char_literal":
                value = number(text(node))
                if value is not None:
                    return value
            case "field_expression":
                return self._field(frame, node, state)
            case "unary_expression":
                return self._unary(frame, node, state)
            case "binary_expression":
                return self._binary(frame, node, state)
            case "conditional_expression":
                return self._conditional(frame, node, state)
            case "cast_expression":
                named, value_of = node.child_by_field_name("type"), node.child_by_field_name("value")
                to = type_of_words(words_of(named)) if named is not None else None
                if isinstance(to, (IntType, PointerType)) and value_of is not None:
                    return machine.convert(self._scalar(frame, value_of, state), to)
            case "call_expression":
                return self._call(frame, node, state)
            case "pointer_expression" if text(node.children[0]) == "*":
                pointer = self._scalar(frame, node.children[1], state)
                if isinstance(t := pointee(pointer.type), StructType):
                    return Embedded(pointer.term, t.tag, "", t)
        raise self._outside(frame, node, f"`{' '.join(text(node).split())}`")

    def _name(self, frame: Frame, node: Node, state: State) -> Value:
        name = text(node)
        if name in state.locals:
            return state.locals[name]
        macro = self.code.macro(name)
        if macro is not None and macro.parameters is None and macro.text:
            file, inner = parsed_expression(macro.text, frame.file.source.name)
            return self._value(self._within(frame, node, file), inner, State({}, state.done))
        raise self._outside(frame, node, f"`{name}`, which is neither a local variable nor a macro of this file,")

    def _field(self, frame: Frame, node: Node, state: State) -> Value:
        argument, member = node.child_by_field_name("argument"), node.child_by_field_name("field")
        assert argument is not None and member is not None
        base, name = self._value(frame, argument, state), text(member)
        match base:
            case Record(_, known):
                if name not in known:
                    raise self._outside(frame, node, f"member `{name}`, which has no value,")
                return known[name]
            case Embedded(address, tag, path, t):
                return self._read(frame, node, address, tag, f"{path}.{name}", t.tag, name)
            case Scalar(address, PointerType(StructType(tag))):
                return self._read(frame, node, address, tag, name, tag, name)
        raise self._outside(frame, node, f"`{' '.join(text(node).split())}`: what it points to is not known;")

    def _read(
        self, frame: Frame, node: Node, address: z3.BitVecRef, tag: str, path: str, owner: str, name: str
    ) -> Value:
        t = self._member(frame, node, owner, name)
        path = path.lstrip(".")
        if isinstance(t, StructType):
            return Embedded(address, tag, path, t)
        return self.memory.field(tag, path, address, t)

    def _member(self, frame: Frame, node: Node, tag: str, name: str) -> CType:
        f = self.code.field(tag, name)
        if f is None:
            what = f"`struct {tag}` has no member `{name}`" if self.code.knows(tag) else f"no `struct {tag}` found"
            raise Failed([Diagnostic(
                "E0904", what, self._place(frame, node), help="give the directory of its header with --include",
            )], [frame.file.source])  # fmt: skip
        if f.type is None:
            raise self._outside(frame, node, f"member `{name}`, whose type is no integer, pointer or struct,")
        return f.type

    def _unary(self, frame: Frame, node: Node, state: State) -> Value:
        operator = text(node.children[0])
        v = self._scalar(frame, node.children[1], state)
        if operator == "!":
            return machine.of_truth(z3.Not(machine.truth(v)))
        if isinstance(v.type, IntType) and operator in ("-", "~", "+"):
            p = machine.promoted(v)
            return Scalar(-p.term if operator == "-" else ~p.term if operator == "~" else p.term, p.type)
        raise self._outside(frame, node, f"`{operator}` here")

    def _binary(self, frame: Frame, node: Node, state: State) -> Value:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        assert left is not None and right is not None
        operator = text(node.children[1])
        a, b = self._scalar(frame, left, state), self._scalar(frame, right, state)
        match operator:
            case "&&":
                return machine.of_truth(z3.And(machine.truth(a), machine.truth(b)))
            case "||":
                return machine.of_truth(z3.Or(machine.truth(a), machine.truth(b)))
            case "==":
                return machine.of_truth(machine.same(a, b))
            case "!=":
                return machine.of_truth(z3.Not(machine.same(a, b)))
            case "<" | "<=":
                return machine.of_truth(machine.less(a, b, operator == "<="))
            case ">" | ">=":
                return machine.of_truth(machine.less(b, a, operator == ">="))
        if isinstance(a.type, IntType) and isinstance(b.type, IntType):
            made = machine.arithmetic(operator, a, b)
            if made is not None:
                return made
        raise self._outside(frame, node, f"`{operator}` here")

    def _conditional(self, frame: Frame, node: Node, state: State) -> Value:
        condition = node.child_by_field_name("condition")
        then, otherwise = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
        assert condition is not None and otherwise is not None
        c = self._scalar(frame, condition, state)
        a = self._scalar(frame, then, state) if then is not None else c
        b = self._scalar(frame, otherwise, state)
        if isinstance(a.type, IntType) and isinstance(b.type, IntType):
            a, b = machine.common(a, b)
        else:
            t = a.type if isinstance(a.type, PointerType) and a.type.to is not None else b.type
            a, b = machine.convert(a, t), machine.convert(b, t)
        return Scalar(z3.If(machine.truth(c), a.term, b.term), a.type)

    # ------------------------------------------------------------------------------------------ calls

    def _call(self, frame: Frame, node: Node, state: State) -> Value:
        callee, listed = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        assert callee is not None and listed is not None
        name = text(callee)
        if callee.type != "identifier":
            raise self._outside(frame, node, "a call through a pointer")
        if name in CONTAINERS:
            return self._container(frame, node, listed, state)
        macro = self.code.macro(name)
        if macro is not None and macro.parameters is not None:
            return self._expanded(frame, node, listed, state)
        arguments = tuple(self._scalar(frame, a, state) for a in listed.named_children if a.type != "comment")
        if name in TRANSPARENT and len(arguments) == 1:
            return arguments[0]
        several = self.code.functions(name)
        own = tuple(f for f in several if f.body is not None and f.file is self.code.file)
        f = self.chosen(own)
        if f is not None and len(f.parameters) == len(arguments):
            return self.call(f, arguments, frame.running)
        head = next((f for f in several if len(f.parameters) == len(arguments)), None)
        if head is None or not isinstance(head.result, (IntType, PointerType)):
            raise self._outside(frame, node, f"`{name}()`, whose declaration is not found,")
        self.accessors[name] = None
        given = (machine.convert(a, p.type) if isinstance(p.type, (IntType, PointerType)) else a
                 for a, p in zip(arguments, head.parameters, strict=True))  # fmt: skip
        return self.memory.call(name, tuple(given), head.result)

    def _container(self, frame: Frame, node: Node, listed: Node, state: State) -> Value:
        parts = split_arguments(text(listed)[1:-1])
        words = parts[1].split() if len(parts) == 3 else []
        if len(words) != 2 or words[0] != "struct":
            raise self._outside(frame, node, "`container_of` with a type that is not understood")
        file, inner = parsed_expression(parts[0], frame.file.source.name)
        pointer = self._scalar(self._within(frame, node, file), inner, state)
        address = self.memory.container(words[1], parts[2].strip(), pointer.term)
        return Scalar(address, PointerType(StructType(words[1])))

    def _expanded(self, frame: Frame, node: Node, listed: Node, state: State) -> Value:
        macro = self.code.macro(text(node.children[0]))
        parts = split_arguments(text(listed)[1:-1])
        assert macro is not None and macro.parameters is not None
        if len(parts) != len(macro.parameters) or "#" in macro.text:
            raise self._outside(frame, node, f"macro `{macro.name}`")
        file, inner = parsed_expression(substituted(macro.text, macro.parameters, parts), frame.file.source.name)
        within = self._within(frame, node, file)
        if macro.name in frame.running:
            raise self._outside(frame, node, "a macro in itself")
        return self._value(replace(within, running=(*frame.running, macro.name)), inner, state)

    # -------------------------------------------------------------------------------------- diagnoses

    def _within(self, frame: Frame, node: Node, file: CFile) -> Frame:
        """In a macro's text: places are those of its use."""
        return replace(frame, file=file, at=self._place(frame, node))

    def _place(self, frame: Frame, node: Node) -> Span:
        return frame.at or frame.file.span(node)

    def _outside(self, frame: Frame, node: Node, what: str) -> Failed:
        return Failed(
            [Diagnostic(
                "E0903", f"{what} is outside of the C that can be compared", self._place(frame, node),
                help="a comparison function has declarations, `if`, `return`, integers, pointers, members and calls",
            )],
            [self.code.file.source, frame.file.source],
        )  # fmt: skip


def _null() -> Scalar:
    return Scalar(z3.BitVecVal(0, machine.POINTER), PointerType(None))
