"""Symbolic execution of C functions without loops, over machine integers.

The subset: declarations, assignments to locals, ``if``, ``return``, ``#if``, and the expressions of ``evaluate``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import z3
from tree_sitter import Node

from kspec.conform.source import machine
from kspec.conform.source.ctext import Function, Guard, text, type_of_words, unparsed, words_of
from kspec.conform.source.evaluate import Evaluator, Frame, Record, State, Value
from kspec.conform.source.machine import CType, IntType, PointerType, Scalar, StructType

DEEPEST = 40
SILENT = ("WARN_ON", "WARN_ON_ONCE", "lockdep_assert_held", "might_sleep", "cond_resched")


@dataclass
class Executor(Evaluator):
    """Executes functions, too."""

    def call(self, f: Function, arguments: tuple[Scalar, ...], running: tuple[str, ...] = ()) -> Scalar:
        """What a function returns."""
        assert f.body is not None
        frame = Frame(f.file, f.result, running=(*running, f.name))
        if f.name in running or len(running) > DEEPEST:
            raise self._outside(frame, f.node, "recursion")
        if not isinstance(f.result, (IntType, PointerType)):
            raise self._outside(frame, f.node, "a function without an integer or a pointer as its result")
        if (wrong := unparsed(f.body)) is not None:
            raise self._outside(frame, wrong, "what could not be parsed")
        given: dict[str, Value] = {}
        for p, a in zip(f.parameters, arguments, strict=True):
            if not isinstance(p.type, (IntType, PointerType)):
                raise self._outside(frame, f.node, f"parameter `{p.name}`, whose type is not understood,")
            given[p.name] = machine.convert(a, p.type)
        state = self._block(frame, f.body, State(given, z3.BoolVal(False)))
        if state.result is None:
            raise self._outside(frame, f.node, "a function that returns nothing")
        if not z3.is_true(z3.simplify(state.done)) and _satisfiable(z3.Not(state.done)):
            raise self._outside(frame, f.node, "a path without `return`")
        return Scalar(state.result, f.result)

    def _block(self, frame: Frame, block: Node, state: State) -> State:
        for node in block.named_children:
            state = self._statement(frame, node, state)
        return state

    def _statement(self, frame: Frame, node: Node, state: State) -> State:
        match node.type:
            case "comment":
                return state
            case "compound_statement":
                inner = self._block(frame, node, state)
                return replace(inner, locals={n: inner.locals[n] for n in state.locals})
            case "return_statement" if node.named_children and isinstance(frame.result, (IntType, PointerType)):
                value = machine.convert(self._scalar(frame, node.named_children[0], state), frame.result).term
                result = value if state.result is None else z3.If(state.done, state.result, value)
                return replace(state, done=z3.BoolVal(True), result=result)
            case "if_statement":
                return self._if(frame, node, state)
            case "declaration":
                return self._declaration(frame, node, state)
            case "expression_statement":
                return self._effect(frame, node, state)
            case "preproc_ifdef" | "preproc_if" | "preproc_elif":
                return self._selected(frame, node, state)
        raise self._outside(frame, node, _KIND.get(node.type, f"`{text(node).split()[0]}`"))

    def _if(self, frame: Frame, node: Node, state: State) -> State:
        condition, then = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
        otherwise = node.child_by_field_name("alternative")
        assert condition is not None and then is not None
        c = machine.truth(self._scalar(frame, condition, state))
        yes = self._statement(frame, then, state)
        no = self._statement(frame, otherwise.named_children[0], state) if otherwise is not None else state
        return self._joined(frame, node, c, yes, no, state)

    def _joined(self, frame: Frame, node: Node, c: z3.BoolRef, yes: State, no: State, before: State) -> State:
        out: dict[str, Value] = {}
        for name in before.locals:
            a, b = yes.locals[name], no.locals[name]
            out[name] = a if a is b else self._either(frame, node, c, a, b)
        results = [r for r in (yes.result, no.result) if r is not None]
        result = None
        if results:
            result = z3.If(c, yes.result if yes.result is not None else results[0],
                           no.result if no.result is not None else results[0])  # fmt: skip
        return State(out, z3.simplify(z3.If(c, yes.done, no.done)), result)

    def _either(self, frame: Frame, node: Node, c: z3.BoolRef, a: Value, b: Value) -> Value:
        match a, b:
            case Scalar(), Scalar():
                return Scalar(z3.If(c, a.term, b.term), a.type)
            case Record(t, x), Record(_, y):
                return Record(t, {n: Scalar(z3.If(c, x[n].term, y[n].term), x[n].type) for n in x})
        raise self._outside(frame, node, "a struct that depends on a condition")

    def _declaration(self, frame: Frame, node: Node, state: State) -> State:
        names = dict(state.locals)
        for d in node.children_by_field_name("declarator"):
            depth, inner, value = 0, d, None
            if inner.type == "init_declarator":
                value = inner.child_by_field_name("value")
                inner = inner.child_by_field_name("declarator") or inner
            while inner.type == "pointer_declarator":
                depth, inner = depth + 1, inner.child_by_field_name("declarator") or inner
            t = type_of_words(words_of(node), depth)
            if inner.type != "identifier" or t is None:
                raise self._outside(frame, node, "a declaration with a type that is not understood")
            if text(inner) in state.locals:
                raise self._outside(frame, node, f"`{text(inner)}`, which hides another variable,")
            names[text(inner)] = self._initial(frame, node, t, value, replace(state, locals=names))
        return replace(state, locals=names)

    def _initial(self, frame: Frame, node: Node, t: CType, value: Node | None, state: State) -> Value:
        if isinstance(t, StructType):
            if value is None or value.type != "initializer_list":
                raise self._outside(frame, node, "a local struct without a list of initial values")
            return Record(t, dict(self._designated(frame, value, t, state)))
        if value is None:
            width = t.width if isinstance(t, IntType) else machine.POINTER
            return Scalar(z3.FreshConst(z3.BitVecSort(width), "uninitialised"), t)
        return machine.convert(self._scalar(frame, value, state), t)

    def _designated(self, frame: Frame, values: Node, t: StructType, state: State) -> Iterator[tuple[str, Scalar]]:
        for item in values.named_children:
            designator, value = item.child_by_field_name("designator"), item.child_by_field_name("value")
            if item.type != "initializer_pair" or designator is None or value is None:
                raise self._outside(frame, item, "an initial value that names no member")
            name = text(designator).lstrip(".")
            to = self._member(frame, item, t.tag, name)
            if isinstance(to, StructType):
                raise self._outside(frame, item, "a struct as an initial value")
            yield name, machine.convert(self._scalar(frame, value, state), to)

    def _effect(self, frame: Frame, node: Node, state: State) -> State:
        if not node.named_children:
            return state
        e = node.named_children[0]
        if e.type == "call_expression" and text(e.children[0]) in SILENT:
            return state
        if e.type != "assignment_expression":
            raise self._outside(frame, node, "a statement that is done for its effect")
        left, right = e.child_by_field_name("left"), e.child_by_field_name("right")
        assert left is not None and right is not None
        name = text(left)
        old = state.locals.get(name)
        if text(e.children[1]) != "=" or not isinstance(old, Scalar):
            raise self._outside(frame, node, "an assignment to anything but a local variable")
        value = machine.convert(self._scalar(frame, right, state), old.type)
        kept = z3.simplify(z3.If(state.done, old.term, value.term))
        return replace(state, locals={**state.locals, name: Scalar(kept, old.type)})

    def _selected(self, frame: Frame, node: Node, state: State) -> State:
        otherwise = node.child_by_field_name("alternative")
        head = {n.id for n in (node.child_by_field_name("name"), node.child_by_field_name("condition")) if n}
        if self._holds(Guard(node, True), frame.file):
            for child in node.named_children:
                if child.id not in head and (otherwise is None or child.id != otherwise.id):
                    state = self._statement(frame, child, state)
            return state
        if otherwise is None:
            return state
        if otherwise.type == "preproc_else":
            return self._block(frame, otherwise, state)
        return self._statement(frame, otherwise, state)


_KIND = {
    "for_statement": "a `for` loop", "while_statement": "a `while` loop", "do_statement": "a `do` loop",
    "goto_statement": "`goto`", "switch_statement": "`switch`", "labeled_statement": "a label",
    "return_statement": "`return` here", "ERROR": "what could not be parsed",
}  # fmt: skip


def _satisfiable(condition: z3.BoolRef) -> bool:
    solver = z3.SolverFor("QF_UFBV")
    solver.add(condition)
    return bool(solver.check() != z3.unsat)
