"""Certificates that lie are rejected."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from kspec.certify import exprjson
from kspec.certify.certificate import Clause, Layer, certificate, dump
from kspec.certify.check import recheck
from kspec.engine.protocol import Budget, Goals
from kspec.symbolic.kinduction import KInductionEngine
from kspec.system.expr import Const, Expr, Let, Read, Var
from kspec.system.model import Property, System
from symbolic.build import eq, rd
from symbolic.classics import german
from symbolic.small import X, equal, island, lockstep, token, token_clauses
from symbolic.support import Quiet

Edit = Callable[[dict[str, Any]], None]


def proof(system: System, depth: int = 8) -> str:
    result = KInductionEngine(mining=False).check(system, Goals(everything=True), Budget(depth=depth), Quiet())
    assert result.status == "proved"
    return result.certificates[0]


def token_proof(*clauses: object) -> str:
    system = token()
    written = tuple(Clause(c, f"clause {i}") for i, c in enumerate(clauses))  # type: ignore[arg-type]
    return dump(certificate(system, (Layer(1, ("alone",), written),), "by hand"), {})


def edited(text: str, edit: Edit) -> str:
    item = json.loads(text)
    edit(item)
    return json.dumps(item)


def problem(system: System, text: str) -> str:
    answer = recheck(system, text)
    assert answer.proved == ()
    assert len(answer.problems) == 1
    return answer.problems[0]


def test_true_certificates_pass() -> None:
    for system in (lockstep(), lockstep(equal()), island()):
        answer = recheck(system, proof(system))
        assert answer.problems == ()
        assert set(answer.proved) >= {p.name for p in system.properties}
    assert recheck(token(), token_proof(*token_clauses())).proved == ("alone",)


def set_to(*path: str | int, value: object) -> Edit:
    def edit(item: dict[str, Any]) -> None:
        at: Any = item
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (set_to("system", "hash", value="0" * 32), "it is for the system 000"),
        (set_to("system", "parameters", value={"N": "2"}), "its parameters are not those"),
        (set_to("format", value="certificate"), "is not kspec-certificate 1"),
        (set_to("version", value=2), "is not kspec-certificate 1"),
        (set_to("layers", 1, "properties", 0, "name", value="agreed"), "no property 'agreed'"),
        (set_to("layers", 1, "properties", value=[{"name": "deadlock"}]), "no property 'deadlock'"),
        (set_to("layers", 1, "k", value=3), "layer 2: something goes wrong in step 3 of the induction, turn"),
        (set_to("layers", 1, "k", value=0), "k is 0"),
        (set_to("layers", 1, "k", value=10**9), "k is 1000000000"),
        (set_to("layers", 1, "k", value=True), "a layer lacks"),
        (set_to("layers", 1, "kind", value="inductive"), "k = 4 is not inductive"),
        (set_to("layers", 1, "clauses", value=[{"text": "x"}]), "a clause has no expression"),
        (set_to("layers", value={}), "it lacks"),
    ],
)
def test_damaged_certificates(edit: Edit, says: str) -> None:
    text = edited(proof(lockstep()), edit)
    assert says in problem(lockstep(), text)


def test_a_proof_is_for_one_system() -> None:
    assert "it is for the system" in problem(german(2), proof(lockstep()))
    other = lockstep(equal())
    assert other.hash != lockstep().hash
    assert "it is for the system" in problem(other, proof(lockstep()))


def test_a_lemma_that_is_left_out() -> None:
    def edit(item: dict[str, Any]) -> None:
        for layer in item["layers"]:
            layer["properties"] = [p for p in layer["properties"] if p["name"] != "equal"]

    text = edited(proof(lockstep(equal())), edit)
    assert "something goes wrong in step 1 of the induction, turn" in problem(lockstep(equal()), text)


def test_a_property_in_two_layers() -> None:
    def edit(item: dict[str, Any]) -> None:
        item["layers"].append(item["layers"][0])

    assert "in two layers" in problem(lockstep(), edited(proof(lockstep()), edit))


def test_without_distinct_states() -> None:
    def edit(item: dict[str, Any]) -> None:
        for layer in item["layers"]:
            layer["simple_path"] = False
            layer["kind"] = "inductive" if layer["k"] == 1 else "k-inductive"

    assert "something goes wrong in step 3" in problem(island(), edited(proof(island()), edit))


def test_each_clause_is_needed() -> None:
    one, holder = token_clauses()
    assert "something goes wrong in step 1 of the induction, begin" in problem(token(), token_proof(holder))
    assert "something goes wrong in step 1 of the induction" in problem(token(), token_proof(one))


def test_a_clause_over_another_cell() -> None:
    one, holder = token_clauses()
    renamed = edited(token_proof(one, holder), lambda item: None).replace('"holds[]"', '"works[]"')
    assert "something goes wrong" in problem(token(), renamed)
    unknown = token_proof(one, holder).replace('"holds[]"', '"owns[]"')
    assert "no state cell 'owns[]'" in problem(token(), unknown)


def test_a_clause_that_is_false_at_the_start() -> None:
    text = dump(certificate(lockstep(), (Layer(1, (), (Clause(eq(rd(X), 2), "x == 2"),)),), ""), {})
    assert "a clause is false in a reachable state: x == 2" in problem(lockstep(), text)


def test_a_clause_that_makes_no_sense() -> None:
    """An index outside its dimension, and a variable outside its bounds."""
    holds = token().cells[0]
    i = Var("i", 0, 1)
    for e in (Read(holds, (Const(9),)), Let(i, Const(7), eq(i, 7))):
        text = dump(certificate(token(), (Layer(1, (), (Clause(e, ""),)),), ""), {})
        assert "outside" in problem(token(), text)


def test_a_clause_that_is_false_far_away() -> None:
    """Beyond what simulation sees: only the induction can tell."""
    system = german(3, wrong=True)
    text = dump(certificate(system, (Layer(1, ("ctrl",)),), ""), {})
    assert "something goes wrong in step 1" in problem(system, text) or "a run shows" in problem(system, text)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", "[" * 100_000])
def test_no_certificate(text: str) -> None:
    assert problem(lockstep(), text)


@pytest.mark.parametrize(
    "bad",
    [
        ["const"], ["const", True], ["const", "1"], ["var", "i"], ["read", "x"], ["read", "x", [["const", 0]]],
        ["read", "nope", []], ["xor", ["const", 1], ["const", 1]], [], 3, None, ["not"],
        ["forall", ["i", 0, 10_000_000], ["const", 1]], ["narrow", ["const", 1], 0, 1, "odd"],
    ],
)  # fmt: skip
def test_expressions_that_are_none(bad: object) -> None:
    with pytest.raises(exprjson.BadExpression):
        exprjson.load(bad, {"x": X})


def test_deep_expressions() -> None:
    item: list[Any] = ["const", 1]
    for _ in range(5000):
        item = ["not", item]
    with pytest.raises(exprjson.BadExpression, match="too deeply"):
        exprjson.load(item, {})


def test_expressions_survive() -> None:
    system = german(2)
    cells = {c.name: c for c in system.cells}
    expressions: list[Expr] = [p.expr for p in system.properties]
    expressions += [*token_clauses()]  # type: ignore[list-item]
    cells |= {c.name: c for c in token().cells}
    for e in expressions:
        assert exprjson.load(json.loads(json.dumps(exprjson.dump(e))), cells) == e


def test_the_schema_describes_them() -> None:
    schema = json.loads((Path(__file__).parents[2] / "spec" / "certificate.schema.json").read_text())
    for text in (proof(lockstep()), token_proof(*token_clauses()), proof(island())):
        jsonschema.validate(json.loads(text), schema)
    for edit in (set_to("version", value=2), set_to("layers", 0, "k", value=0), set_to("extra", value=1)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(json.loads(edited(proof(lockstep()), edit)), schema)


def test_properties_in_temporal_logic_have_no_certificates() -> None:
    live = replace(lockstep(), properties=(*lockstep().properties, Property("live", "property", eq(rd(X), rd(X)))))
    text = dump(certificate(live, (Layer(1, ("live",)),), "by hand"), {})
    assert "no property 'live'" in problem(live, text)
