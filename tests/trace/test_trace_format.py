"""Trace files: round trips, the published schema, damaged and foreign files."""

from __future__ import annotations

import json
import os
import random
import stat
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from kspec.trace.build import Meta, trace_of
from kspec.trace.format import dumps, load_trace, loads, save, suggested_name, trace_id
from kspec.trace.model import Kept, Origin, Trace, TraceError
from kspec.trace.restore import run_of
from trace_systems import find, locks, refs

META = Meta(
    "models/refs.kspec",
    "small",
    Origin("explicit", "41 202 states", "2026-01-02T03:04:05", shortest=True, notes=("one note",)),
    Kept("must stay possible", "Found by hand.\nIt was “real”.\x1b[31m"),
)
REFS = ["queued_live", "refs_up", "few", "put_live", "error.range", "all_freed"]


def traces() -> list[Trace]:
    """One trace of every kind of property."""
    return [trace_of(refs(), find(refs(), n), META) for n in REFS] + [trace_of(locks(), find(locks(), "deadlock"))]


ALL = traces()


def schema() -> Any:
    return json.loads((Path(__file__).parents[2] / "spec" / "trace.schema.json").read_text())


@pytest.mark.parametrize("trace", ALL, ids=lambda t: t.property.name)
def test_round_trip_through_a_file(trace: Trace, tmp_path: Path) -> None:
    path = tmp_path / suggested_name(trace)
    save(trace, path)
    assert load_trace(path) == trace
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("trace", ALL, ids=lambda t: t.property.name)
def test_files_obey_the_schema(trace: Trace) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(json.loads(dumps(trace)), schema(), cls=jsonschema.Draft202012Validator)


def test_the_schema_rejects() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    good = json.loads(dumps(ALL[0]))
    for path, value in [
        (("kspec", "outcome"), "perhaps"),
        (("kspec", "format"), 2),
        (("kspec", "unknown"), 1),
        (("states", 0, "ev"), {"#set": 3}),
        (("states", 0, "ev"), 1.5),
        (("kspec", "steps", 0, "args", "e"), 3),
        (("kspec", "why", "causes", 0, "truth"), "no"),
    ]:
        damaged = json.loads(json.dumps(good))
        at = damaged
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
        assert not validator.is_valid(damaged), path
    assert validator.is_valid(good)


@pytest.mark.parametrize("trace", ALL, ids=lambda t: t.property.name)
def test_a_trace_is_the_run_again(trace: Trace) -> None:
    system = locks() if trace.model.name == "locks" else refs()
    assert trace.property is not None
    assert run_of(system, trace) == find(system, trace.property.name).run


def test_itf_readers_find_what_they_need() -> None:
    document = json.loads(dumps(ALL[0]))
    assert document["#meta"]["format"] == "ITF"
    assert document["vars"] == ["ev", "queue"]
    assert [s["#meta"]["index"] for s in document["states"]] == [0, 1, 2, 3]
    assert document["states"][2]["queue"] == {"#set": ["Event#0"]}
    assert document["states"][1]["#meta"]["action"] == "open(Task#0, Event#0)"
    assert all(set(s) == {"#meta", "ev", "queue"} for s in document["states"])


def test_one_state_and_one_step_a_line() -> None:
    lines = dumps(ALL[0]).splitlines()
    assert sum('"index":' in x for x in lines) == 4
    assert sum('"action": "open", "args"' in x for x in lines) == 1
    assert dumps(ALL[0]).isascii()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.itf.json"
    path.write_text("before")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        save(ALL[0], path)
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["x.itf.json"]


def test_files_have_ordinary_permissions(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        save(ALL[0], tmp_path / "x")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o644


def test_names_of_files_are_safe() -> None:
    names = {suggested_name(t) for t in ALL}
    assert len(names) == len(ALL)
    assert suggested_name(ALL[0]) == f"refs-queued_live-{trace_id(ALL[0])}.itf.json"
    document = json.loads(dumps(ALL[0]))
    document["kspec"]["model"]["file"] = "../../etc/passwd\n"
    document["kspec"]["property"]["name"] = "../$(rm -rf /);\x1b[31m" + "x" * 500
    hostile = loads(json.dumps(document))
    assert isinstance(hostile, Trace)
    name = suggested_name(hostile)
    assert len(name) <= 120
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
    assert not name.startswith(".")
    assert "/" not in name


def test_the_identity_of_a_trace_is_its_run() -> None:
    system = refs()
    found = find(system, "queued_live")
    a, b = trace_of(system, found, META), trace_of(system, found, Meta("elsewhere"))
    assert trace_id(a) == trace_id(b)
    assert trace_id(a) != trace_id(trace_of(system, find(system, "few")))


BROKEN: list[tuple[str, str, str]] = [
    ("", "line 1, column 1", "not JSON"),
    ('{"states": [', "line 1", "not JSON"),
    ("[]", "", "not a trace"),
    ("3", "", "not a trace"),
    ('{"a": 1, "a": 2}', "", "there twice"),
    ('{"states": NaN}', "", "NaN is not JSON"),
    ('{"vars": [], "states": []}', "", "not one that kspec wrote"),
    ('{"states": ' + "[" * 100000, "", ""),
    ('{"states": ' + "9" * 5000 + "}", "", "digits"),
]


@pytest.mark.parametrize(("text", "where", "message"), BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_trace_is_an_error(text: str, where: str, message: str) -> None:
    error = loads(text, "f.itf.json")
    assert isinstance(error, TraceError)
    assert error.where.startswith(where)
    assert message in error.message
    assert str(error).startswith("f.itf.json: ")


DAMAGE: list[tuple[tuple[str | int, ...], object, str, str]] = [
    (("kspec", "format"), 2, "kspec.format", "this kspec reads format 1"),
    (("kspec", "format"), True, "kspec.format", "an integer"),
    (("kspec", "outcome"), "maybe", "kspec.outcome", '"maybe" is none of violated, reached, run'),
    (("kspec", "steps", 1, "action"), 3, "kspec.steps[1].action", "a string is expected, not 3"),
    (("kspec", "steps", 1, "args"), [], "kspec.steps[1].args", "an object is expected, not list"),
    (("kspec", "steps", 0), "x", "kspec.steps[0]", 'an object is expected, not "x"'),
    (("kspec", "model"), {"file": "x"}, "kspec.model", "no 'name'"),
    (("kspec", "kept"), {"intent": "must"}, "kspec.kept.intent", "is none of"),
    (("kspec", "property", "place", "line"), 0, "kspec.property.place.line", "at least 1"),
    (("kspec", "why", "causes", 0, "reads", 0, "step"), -1, "kspec.why.causes[0].reads[0].step", "at least 0"),
    (("states", 1), {"ev": 1}, "states[1]", "no 'queue'"),
    (("states", 1, "new"), 1, "states[1]", '"new" is not among the vars'),
    (("states", 2, "queue", "#set", 0), None, "states[2].queue.#set[0]", "null is no value"),
    (("states",), [], "states", "0 states do not fit 3 steps"),
    (("vars",), ["ev", "ev"], "vars", "twice"),
    (("vars",), ["ev", "#meta"], "vars", "begins with #"),
]


@pytest.mark.parametrize(("path", "value", "where", "message"), DAMAGE, ids=lambda x: None)
def test_damage_is_located(path: tuple[str | int, ...], value: object, where: str, message: str) -> None:
    document = json.loads(dumps(ALL[0]))
    at = document
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    error = loads(json.dumps(document))
    assert isinstance(error, TraceError)
    assert error.where == where
    assert message in error.message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b'{"x": "\xe9"}')
    for name, message in [("missing", "No such file"), ("latin", "not UTF-8"), ("", "directory"), ("a\0b", "null")]:
        error = load_trace(f"{tmp_path}/{name}")
        assert isinstance(error, TraceError), name
        assert message in error.message


def test_random_damage_never_escapes() -> None:
    """Every cut, swap and replacement of characters gives a trace or an error, never an exception."""
    rng = random.Random(7)
    texts = [dumps(t) for t in ALL]
    for _ in range(2000 if os.environ.get("KSPEC_SOAK") else 300):
        text = rng.choice(texts)
        at, n = rng.randrange(len(text)), rng.randrange(12)
        with_what = "".join(rng.choice('{}[]",:0a\\#\x00é') for _ in range(rng.randrange(4)))
        result = loads(text[:at] + with_what + text[at + n :])
        assert isinstance(result, Trace | TraceError)


def test_random_damage_of_the_document_never_escapes() -> None:
    rng = random.Random(8)
    replacements = [None, True, -1, 0, 1, "x", "", [], {}, [[]], {"#map": [[1, 2]]}, 2**60, 1.5]
    for _ in range(3000 if os.environ.get("KSPEC_SOAK") else 400):
        document = json.loads(dumps(rng.choice(ALL)))
        at: Any = document
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            key = rng.choice(keys)
            if isinstance(at[key], dict | list) and at[key] and rng.random() < 0.8:
                at = at[key]
                continue
            if rng.random() < 0.2:
                del at[key]
            else:
                at[key] = rng.choice(replacements)
            break
        result = loads(json.dumps(document))
        assert isinstance(result, Trace | TraceError)
        if isinstance(result, Trace):
            assert loads(dumps(result)) == result
