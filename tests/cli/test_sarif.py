"""SARIF: the parts of the standard that readers need, whatever a model says."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
from cli.command import kspec, lock

LEVELS = ["none", "note", "warning", "error"]
LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri"],
                    "properties": {"uri": {"type": "string", "pattern": r"^[!-~]+$"}},
                },
                "region": {
                    "type": "object",
                    "required": ["startLine"],
                    "properties": {n: {"type": "integer", "minimum": 1} for n in ("startLine", "startColumn")},
                },
            },
        },
        "message": {"type": "object", "required": ["text"]},
    },
}
RESULT = {
    "type": "object",
    "required": ["ruleId", "ruleIndex", "level", "message", "locations"],
    "properties": {
        "level": {"enum": LEVELS},
        "message": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}},
        "locations": {"type": "array", "items": LOCATION},
        "relatedLocations": {"type": "array", "items": LOCATION},
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
        "codeFlows": {
            "type": "array",
            "items": {
                "required": ["threadFlows"],
                "properties": {
                    "threadFlows": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "required": ["locations"],
                            "properties": {
                                "locations": {"minItems": 1, "items": {"properties": {"location": LOCATION}}}
                            },
                        },
                    }
                },
            },
        },
    },
}
SCHEMA = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "$schema": {"type": "string", "format": "uri"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {"driver": {"required": ["name", "version", "rules"]}},
                    },
                    "results": {"type": "array", "items": RESULT},
                },
            },
        },
    },
}
"""Facts of the standard (sections 3.13, 3.14, 3.18, 3.27, 3.28, 3.29)."""


def test_all_kinds_of_results(tmp_path: Path) -> None:
    lock(
        tmp_path,
        "action never() when TASKS > 3 { owner = none; }",
        "check fine { TASKS = 2 } expect holds;",
        "check more { TASKS = 3 } expect holds;",
        "check wrong { broken = true } expect holds;",
        "check counted { TASKS = 2 } expect holds states 99;",
        name="a lock, 50%.kspec",
    )
    (tmp_path / "syntax.kspec").write_text("kspec 1\nvar var var;\n")
    done = kspec("check", ".", "--sarif", "out.sarif", cwd=tmp_path)
    assert done.returncode == 2
    document = json.loads((tmp_path / "out.sarif").read_text("ascii"))
    jsonschema.validate(document, SCHEMA)
    (run,) = document["runs"]
    rules = [r["id"] for r in run["tool"]["driver"]["rules"]]
    assert rules == sorted(set(rules))
    by_rule: dict[str, list[dict[str, object]]] = {}
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        by_rule.setdefault(result["ruleId"], []).append(result)
    assert {k: len(v) for k, v in by_rule.items()} == {"check-not-met": 2, "never-taken": 1, "E0101": 1}
    wrong = next(r for r in run["results"] if "check wrong" in r["message"]["text"])
    place = wrong["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20lock%2C%2050%25.kspec" and place["region"]["startLine"] > 20
    steps = wrong["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [s["executionOrder"] for s in steps] == [1, 2] and "lock" in steps[0]["location"]["message"]["text"]
    assert "never" in str(by_rule["never-taken"])
    prints = [r["partialFingerprints"]["kspec/v1"] for r in run["results"]]
    assert len(set(prints)) == len(prints)


def test_nothing_to_say(tmp_path: Path) -> None:
    lock(tmp_path, "check fine { TASKS = 2 } expect holds;")
    assert kspec("check", "lock.kspec", "--sarif", "out.sarif", cwd=tmp_path).returncode == 0
    document = json.loads((tmp_path / "out.sarif").read_text())
    jsonschema.validate(document, SCHEMA)
    assert document["runs"][0]["results"] == []


def test_a_pinned_count_that_no_proof_gives(tmp_path: Path) -> None:
    lock(tmp_path, "check counted { TASKS = 2 } expect holds states 3;")
    (tmp_path / "p.kspec").write_text(
        "kspec 1\nvar x: 0..9;\naction up() when x < 9 { x = x + 1; }\ninvariant i: x <= 9;\ndeadlock off;\n"
        "check c expect holds states 10;\n"
    )
    done = kspec("check", "p.kspec", "--engine", "kinduction", cwd=tmp_path)
    assert done.returncode == 3
    assert "`states 10` is pinned, but kinduction proved it without counting states" in done.stdout
    assert "use --engine explicit" in done.stdout
