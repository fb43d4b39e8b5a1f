"""Mutants: which there are, which are noticed, and the command."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from kspec.authoring.mutants import OPERATORS, mutants, mutated
from kspec.authoring.trial import Store
from kspec.cli.main import main
from kspec.engine.model_file import FileModel
from kspec.lang.diagnostics import Failed
from kspec.lang.load import load, load_text
from kspec.resources import shipped

LOCK = """kspec 1
id Task[2];
var owner: Task?;
var inside[Task]: bool;
var entries: 0..3 = 0;

action acquire(t: Task) when owner == none && !inside[t] {
    owner = t;
    inside[t] = true;
    if (entries < 3) { entries++; }
}

action release(t: Task) when owner == t {
    inside[t] = false;
    owner = none;
}

process reader(self: Task) {
    var seen: 0..3 = 0;
    atomic { await inside[self]; seen = entries; }
    seen = 0;
    seen = entries;
}

invariant mutex: forall t in Task, u in Task: inside[t] && inside[u] => t == u;
invariant owned: forall t in Task: inside[t] => owner == t;
deadlock off;
check two expect holds;
"""


def test_all_kinds_of_mistakes() -> None:
    program = load_text(LOCK)
    made = list(mutants(program, [program.main.file]))
    assert set(Counter(m.operator for m in made)) == set(OPERATORS)
    assert len({m.key for m in made}) == len(made)
    for m in made:
        changed = mutated(program, m)
        assert changed.sources[0].text != LOCK
        assert changed.sources[0].text.count("invariant") == 2
    pairs = {(m.operator, m.old, m.new) for m in made}
    assert ("guard", "owner == none", "true") in pairs
    assert ("statement", "owner = none;", "") in pairs
    assert ("comparison", "owner == t", "owner != t") in pairs
    assert ("atomic", "atomic { await inside[self]; seen = entries; }", "await inside[self]; seen = entries;") in pairs
    assert ("order", "seen = 0;\n    seen = entries;", "seen = entries;\n    seen = 0;") in pairs
    assert ("value", "entries++;", "entries--;") in pairs


def test_the_order_within_a_step_matters_only_where_it_can() -> None:
    program = load_text("kspec 1\nvar a: 0..3;\nvar b: 0..3;\naction f() { a = 1; b = 2; a = b; }\n")
    orders = [m for m in mutants(program, [program.main.file]) if m.operator == "order"]
    assert [m.old for m in orders] == ["b = 2; a = b;"]


def test_mutants_of_all_models_can_be_read() -> None:
    """Nearly all: a mistake may leave a place without a statement where there has to be one."""
    root = shipped("models")
    assert root is not None
    tried = unreadable = 0
    for path in sorted(root.rglob("*.kspec"))[::4]:
        program = load(path)
        for m in list(mutants(program, [program.main.file]))[::40]:
            tried += 1
            try:
                assert mutated(program, m).main.decls
            except Failed:
                unreadable += 1
    assert tried > 20 and unreadable * 20 <= tried


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    path = tmp_path / "lock.kspec"
    path.write_text(LOCK)
    return path


def test_what_is_noticed_and_what_is_not(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["mutate", "lock.kspec", "--in", "acquire", "--in", "release", "--output", "out.json"]
    assert main(arguments) == 0
    output = capsys.readouterr().out
    results = json.loads(Path("out.json").read_text())
    fates = {(m["old"], m["new"]): (m["fate"], m["by"]) for m in results["mutants"]}
    assert fates["owner == none", "true"] == ("killed", "two")
    assert fates["owner = t;", ""] == ("killed", "two")
    assert fates["inside[t] = true;", ""] == ("survived", "")  # nobody ever gets in: no property says that one does
    assert "    - inside[t] = true;" in output
    assert f"{results['noticed']:.1f}%" in output
    # what is known is not tried again
    store = Store.of(Path(".kspec/mutants"), FileModel.load("lock.kspec").program)
    known = store.load()
    key = next(iter(k for k, r in known.items() if r.fate == "killed"))
    text = store.path.read_text().replace('"two"', '"from the store"')
    store.path.write_text(text)
    assert main(arguments) == 0
    assert store.load()[key].by == "from the store"
    assert main([*arguments, "--restart"]) == 0
    assert store.load()[key].by == "two"


def test_a_property_more_kills_more(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock.write_text(LOCK.replace("deadlock off;", "reachable entered: exists t in Task: inside[t];\ndeadlock off;"))
    assert main(["mutate", "lock.kspec", "--in", "acquire", "--operator", "statement", "--output", "o.json"]) == 0
    fates = {m["old"]: m["fate"] for m in json.loads(Path("o.json").read_text())["mutants"]}
    assert fates["inside[t] = true;"] == "killed"
    assert capsys.readouterr().err == ""


def test_the_exit_code(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutate", "lock.kspec", "--in", "acquire", "--at-least", "100"]) == 1
    assert main(["mutate", "lock.kspec", "--list"]) == 0
    assert "a comparison is another one" in capsys.readouterr().out
    lock.write_text(LOCK.replace("expect holds", "expect violates mutex"))
    assert main(["mutate", "lock.kspec"]) == 1
    assert "does not end as it declares" in capsys.readouterr().err
    lock.write_text(LOCK.replace("check two expect", "check two tier slow expect"))
    assert main(["mutate", "lock.kspec"]) == 2
    assert "no quick check and no scenario" in capsys.readouterr().err
