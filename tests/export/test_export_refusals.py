"""What cannot be exported is refused with a diagnostic, and hostile names do no harm."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from cli.command import kspec, lock
from explicit.classic_systems import philosophers
from export.exporting import everything, needs, truth
from export.test_export_counting import rumur, spin
from export.tla_reading import Module
from kspec.export import aiger, btor2, murphi, promela, tla, vmt
from kspec.export.formats import FORMATS, files_of
from kspec.lang.diagnostics import Failed
from kspec.lang.load import load_text
from kspec.lower.build import build
from kspec.system.expr import TRUE
from kspec.system.model import Property, System


def test_a_property_that_there_is_not(tmp_path: Path) -> None:
    lock(tmp_path)
    done = kspec("export", "lock.kspec", "--to", "promela", "-o", "out", "--property", "mutx", cwd=tmp_path)
    assert done.returncode == 2
    assert "E0701" in done.stderr and "did you mean `mutex`?" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_circuit_that_gets_too_big(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kspec.symbolic.encode.QUANTIFIED_NODES", 0)
    with pytest.raises(Failed, match="E0702"):
        aiger.write(philosophers(3))


HOSTILE = """kspec 1
enum Init { Next, VARIABLES, x }
id proctype[2];
var rule: 0..3 = 0;
var Rule: bool = false;
var a: 0..1 = 0;
var d_step[proctype]: Init;
var WF_x: -2..2 = -1;
action begin(SPEC: proctype) when d_step[SPEC] == Next && rule < 3 {
    d_step[SPEC] = VARIABLES;
    rule = rule + 1;
}
action end(status: proctype, b: bool) when d_step[status] == VARIABLES { Rule = b; a = b ? 1 : 0; WF_x = WF_x / 2; }
invariant UNCHANGED: rule <= 2, "*/ \\\\ {rule} %s";
invariant Claims: forall i in proctype: d_step[i] != x;
"""
"""Names that are words of other languages, or differ in case only."""


def hostile() -> System:
    return build(load_text(HOSTILE, "hostile.kspec"), {})


@needs("rumur", "spin", "gcc", "berkeley-abc")
def test_names_of_other_languages(tmp_path: Path) -> None:
    system = hostile()
    known = truth(system)
    assert known is not None and not known.lengths
    everywhere = everything(system)
    assert rumur(system, everywhere, tmp_path) == known.states
    assert spin(system, everywhere, tmp_path) == known.states
    module, config = tla.write(system, everywhere)
    assert Module(module).explore(re.findall(r"INVARIANT (\w+)", config)) == (known.states, set())


def test_no_text_of_a_model_leaves_its_place() -> None:
    """Names that no model can have, as a damaged system might: nothing of them is more than a name."""
    evil = 'x"\n*/ end; system("true") \\'
    system = hostile()
    system = replace(
        system,
        name=evil,
        params=((evil, evil),),
        cells=tuple(replace(c, name=c.name + evil) for c in system.cells[:1]),
        start=(0,),
        actions=(),
        properties=(Property(evil, "invariant", TRUE),),
        variables=(),
        deadlock=False,
    )
    texts = [murphi.write(system), promela.write(system), *tla.write(system), vmt.write(system)]
    for text in texts:
        ignored = r"\|[^|\n]*\||;.*" if text == texts[-1] else r'"[^"\n]*"|(--|//|\\\*).*'
        assert "system(" not in re.sub(ignored, "", text)
    for text in (*texts, btor2.write(system), aiger.write(system, binary=False).decode()):
        assert all(line == line.rstrip("\\") and line.isprintable() for line in text.split("\n"))


def test_values_that_are_too_large() -> None:
    system = build(load_text(BIG, "big.kspec"), {})
    for write in (murphi.write, promela.write, tla.write):
        with pytest.raises(Failed, match="E0702"):
            write(system)
    assert btor2.write(system)


BIG = """kspec 1
var x: 0..1000000 = 0;
action go() when x * x * x < 5 { x = x + 1; }
deadlock off;
"""


def test_too_many_initial_states() -> None:
    system = build(load_text(MANY, "many.kspec"), {})
    for write in (murphi.write, promela.write, tla.write):
        with pytest.raises(Failed, match="E0702"):
            write(system)


MANY = """kspec 1
var x: 0..9999 = 0;
init { choose v in 0..9999; x = v; }
action go() { x = 0; }
"""


def test_temporal_properties_are_left_out(tmp_path: Path) -> None:
    model = lock(tmp_path, "property goes_on: always eventually owner == none;")
    done = kspec("export", "lock.kspec", "--to", "aiger", "-o", "m.aig", cwd=tmp_path)
    assert done.returncode == 0 and "warning[W0701]" in done.stderr and "`goes_on`" in done.stderr
    assert b"not claimed, as it is in temporal logic: goes_on" in (tmp_path / "m.aig").read_bytes()
    system = build(load_text(model.read_text(), "lock.kspec"), {})
    for form in FORMATS:
        with pytest.raises(Failed, match="E0702"):
            files_of(form)(system, ("goes_on",), tmp_path / "M.tla")
        (first, *_) = files_of(form)(system, None, tmp_path / "M.tla")
        assert b"temporal logic: goes_on" in first[1]


def test_a_module_is_named_like_its_file(tmp_path: Path) -> None:
    lock(tmp_path)
    done = kspec("export", "lock.kspec", "--to", "tla", "-o", "my-lock.tla", cwd=tmp_path)
    assert done.returncode == 2 and "E0702" in done.stderr
    assert not list(tmp_path.glob("my-lock*"))


def test_the_model_is_not_replaced(tmp_path: Path) -> None:
    text = lock(tmp_path).read_text()
    done = kspec("export", "lock.kspec", "--to", "vmt", "-o", "./lock.kspec", cwd=tmp_path)
    assert done.returncode == 2 and "replace the model" in done.stderr
    assert (tmp_path / "lock.kspec").read_text() == text
