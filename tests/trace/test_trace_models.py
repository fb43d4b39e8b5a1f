"""Traces of models in the language: what their sources say, and what survives a change of the text."""

from __future__ import annotations

from pathlib import Path

import pytest
from kspec.engine.protocol import Finding
from kspec.lang.load import load, load_text
from kspec.lower.build import build
from kspec.system.model import System
from kspec.trace.build import Meta, trace_of
from kspec.trace.format import dumps, loads
from kspec.trace.model import Trace
from kspec.trace.replay import replay
from kspec.trace.table import plain
from trace_systems import find

LOCK = """\
kspec 1
param CHECKED: bool = false;
id Task[2];
var owner: Task? = none;
var refs: 0..3 = 0;
var seen: set<Task>;

process worker(self: Task) {
take:
    atomic { await !CHECKED || owner == none; owner = self; }
hold:
    refs = refs + 1;
    seen += {self};
drop:
    atomic { assert mine: owner == self, "{self} drops what {owner} holds"; owner = none; refs = refs - 1; }
}
invariant alone: refs <= 1, "{refs} references";
invariant single: forall t in Task where worker[t] at drop: t in seen => refs == 1;
"""


def system(text: str = LOCK, checked: bool = False) -> System:
    return build(load_text(text, "models/lock.kspec"), {"CHECKED": "true" if checked else "false"})


def trace(name: str, text: str = LOCK) -> Trace:
    built = system(text)
    again = loads(dumps(trace_of(built, find(built, name), Meta("models/lock.kspec"))))
    assert isinstance(again, Trace)
    return again


def test_an_invariant_in_the_words_of_the_source() -> None:
    (c,) = trace("alone").why.causes
    assert (c.text, c.truth) == ("refs <= 1", False)
    assert [(r.element, r.value) for r in c.reads] == [("refs", "2")]
    assert trace("alone").property is not None
    assert plain(trace("alone")).splitlines()[0] == (
        'models/lock.kspec:17:1  VIOLATED  invariant alone  "2 references"'
    )


def test_nested_conditions() -> None:
    (c,) = trace("single").why.causes
    assert (c.text, c.truth) == ("refs == 1", False)
    assert c.bindings == (("t", "Task#0"),)
    assert "t in seen" in c.given


def test_an_assertion() -> None:
    found = trace("mine")
    assert found.failure is not None
    assert found.failure.message == "Task#0 drops what Task#1 holds"
    (c,) = found.why.causes
    assert (c.text, c.truth) == ("owner == self", False)


def test_a_fix_makes_it_impossible() -> None:
    found = trace("alone")
    assert replay(found, system()).verdict == "reproduces"
    result = replay(found, system(checked=True))
    assert result.verdict == "no longer reproduces"
    assert result.cause is not None
    assert result.notes == ("parameter `CHECKED` is true here and false in the trace",)


def test_steps_go_by_what_they_say() -> None:
    """Steps without a label are counted from the last one, so their names change when others come before."""
    found = trace("single")
    assert [s.action for s in found.steps][-1].startswith("worker.hold+")
    renamed = LOCK.replace("take:", "acquire:").replace("hold:", "holding:")
    result = replay(found, system(renamed))
    assert result.verdict == "reproduces"
    assert "`worker.take` is taken to be `worker.acquire` now, which says the same: atomic {" in result.notes[0]


def test_added_statements_are_steps_that_the_trace_does_not_have() -> None:
    """A statement in between shifts the names and is taken on the way: the violation is still found."""
    found = trace("single")
    shifted = LOCK.replace("    seen += {self};\n", "    seen -= {self};\n    seen += {self};\n")
    result = replay(found, system(shifted))
    assert (result.verdict, result.step) == ("reproduces", len(found.steps))
    assert result.notes[:2] == (
        "step 5 is taken after 1 more of worker(Task#0), not in the trace",
        "`worker.hold+1` is taken to be `worker.hold+2` now, which says the same: seen += {self};",
    )


def test_a_process_that_never_gets_there() -> None:
    found = trace("single")
    result = replay(found, system(LOCK.replace("hold:\n", "    while (true) { skip; }\nhold:\n")))
    assert (result.verdict, result.message) == ("no longer reproduces", "step 3 (worker.hold) cannot be taken now")
    result = replay(found, system(LOCK.replace("hold:\n", "wait: await refs == 3;\nhold:\n")))
    assert result.verdict == "no longer reproduces"
    assert result.message == "worker(Task#0) waits before step 3 (worker.hold) now"
    assert result.cause is not None
    assert result.cause.text == "refs == 3"


def test_a_violation_on_the_way() -> None:
    result = replay(trace("alone"), system(LOCK.replace("hold:\n", "extra: refs = 3;\nhold:\n")))
    assert result.verdict == "reproduces"
    assert result.message == "`alone` is violated on the way to step 3, 1 before the recorded end"


@pytest.mark.parametrize("where", [".", "models", "/"])
def test_traces_do_not_depend_on_the_directory(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kspec.toml").write_text("")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "lock.kspec").write_text(LOCK)
    monkeypatch.chdir(tmp_path / where)
    path = {".": "models/lock.kspec", "models": "lock.kspec", "/": str(tmp_path / "models" / "lock.kspec")}[where]
    built = build(load(path), {})
    found: Finding = find(built, "alone")
    text = dumps(trace_of(built, found, Meta("models/lock.kspec")))
    assert str(tmp_path) not in text
    assert text == dumps(trace("alone"))
