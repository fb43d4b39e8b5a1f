"""Traces against models: reading, identities, answers, diagnoses, the command."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from kspec.cli.main import main
from kspec.conform import ftrace
from kspec.conform.records import BadTrace, Lost, Record
from kspec.conform.run import Report, conform

MODEL = """kspec 1
param EVENTS: 1..8 = 1;
id Event[EVENTS];
enum State { unborn, off, inactive, active }
var st[Event]: State;
var armed: bool;
fun state_of(n: -1..1): State = n == 1 ? active : n == 0 ? inactive : off;
action alloc(e: Event, s: State) when st[e] == unborn { st[e] = s; }
action set_state(e: Event, from: State, to: State) when st[e] == from && from != to { st[e] = to; }
action free(e: Event) when st[e] != unborn && st[e] != active { st[e] = unborn; }
action arm() when !armed { armed = true; }
action fire() when armed { armed = false; }
observe alloc_ret(birth ret as e: Event, st: -1..1) { alloc(e, state_of(st)); }
observe alloc_ret(ret as e: Event?) when e == none { }
observe set_state(ev: Event, st: -1..1, new: -1..1) { set_state(ev, state_of(st), state_of(new)); }
observe free_event(death ev: Event) { free(ev); }
observe fire() { fire(); }
ignore sched_switch;
silent arm;
invariant one_active: count(e in Event where st[e] == active) <= 1, "two are active";
deadlock off;
check c expect violates one_active;
"""

GOOD = """# tracer: nop
              wl-189     [000] .....           16: alloc_ret: (open+0x1 <- alloc) ret=0xff10 st=0
    kworker/u8:1-31      [001] d..2.           17: sched_switch: prev_comm=a b ==> next_comm=c
              wl-189     [000] d..3.           18: set_state: (x) ev=0xff10 st=0 new=1
              wl-189     [000] d..3.           19: set_state: (x) ev=0xff10 st=1 new=-1
              wl-189     [000] .....           20: free_event: (x) ev=0xff10
              wl-189     [000] .....           21: alloc_ret: (x) ret=0xff10 st=-1
              wl-189     [000] .....           22: set_state: (x) ev=0xff10 st=0xffffffffffffffff new=0
              wl-189     [000] .....           23: fire: (x)
              wl-189     [000] .....           24: alloc_ret: (x) ret=0xffffffffffffffea st=7
"""


def told(folder: Path, text: str, model: str = MODEL, **settings: str) -> Report:
    (folder / "m.kspec").write_text(model)
    (folder / "t.trace").write_text(text)
    return conform(str(folder / "m.kspec"), str(folder / "t.trace"), settings, 64)


def test_a_trace_that_conforms(tmp_path: Path) -> None:
    r = told(tmp_path, GOOD)
    assert (r.outcome.status, r.outcome.coverage.records, r.outcome.coverage.known) == ("conforms", 9, 1.0)
    assert r.outcome.coverage.actions == {"alloc": 2, "set_state": 3, "free": 1, "fire": 1}
    assert r.never == ()


def test_other_formats_say_the_same(tmp_path: Path) -> None:
    lines = GOOD.splitlines()[1:]
    report = "\n".join(line.replace(" .....", "").replace(" d..3.", "").replace(" d..2.", "") for line in lines)
    script = "\n".join(
        line.replace("-189 ", "  189 ").replace("-31 ", "  31 ").replace(": alloc_ret", ": probe:alloc_ret")
        for line in report.splitlines()
    )
    items = []
    for r in ftrace.parse(iter(GOOD.splitlines(True)), "x"):  # type: ignore[arg-type]
        assert isinstance(r, Record)
        items.append(json.dumps({"event": r.name, "cpu": r.cpu, "pid": r.pid, "time": r.time, **r.fields}))
    for text in ("cpus=2\n" + report, script, "\n".join(items)):
        assert told(tmp_path, text).outcome.status == "conforms", text
    packed = tmp_path / "t.trace.gz"
    packed.write_bytes(gzip.compress(GOOD.encode()))
    assert conform(str(tmp_path / "m.kspec"), str(packed), {}, 64).outcome.status == "conforms"


def changed(number: int, new: str | None) -> str:
    lines = GOOD.splitlines(True)
    lines[number : number + 1] = [] if new is None else [lines[number].replace(*new.split("|"))]
    return "".join(lines)


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    r = told(tmp_path, changed(4, None))
    assert r.outcome.rejected is not None and r.outcome.rejected.moment.record.line == 5
    assert r.diagnosis is not None
    assert [str(b) for b in r.diagnosis.blocked] == [
        "free(Event#0): `st[e] != active` is false in 2 of 2 states (st[Event#0] = active)"
    ]  # fmt: skip
    best = r.diagnosis.hypotheses[0]
    assert best.text.startswith("before line 5 a record of set_state(Event#0, active, ")
    assert best.explained == r.diagnosis.ahead


def test_another_argument_is_named(tmp_path: Path) -> None:
    r = told(tmp_path, changed(3, "st=0 new|st=-1 new"))
    assert r.outcome.status == "rejected" and r.diagnosis is not None
    assert "at line 4, `from` of set_state is inactive, not off" in [h.text for h in r.diagnosis.hypotheses]


def test_an_exchange_is_named(tmp_path: Path) -> None:
    lines = GOOD.splitlines(True)
    lines[3], lines[4] = lines[4].replace("19:", "18:"), lines[3].replace("18:", "19:")
    r = told(tmp_path, "".join(lines))
    assert r.diagnosis is not None and r.outcome.rejected is not None
    assert r.outcome.rejected.moment.record.line == 4
    first = r.diagnosis.hypotheses[0]
    assert "exchanged" in first.text and first.explained == r.diagnosis.ahead


def test_invariants_are_judged(tmp_path: Path) -> None:
    text = (
        " t-1 [000] 1: alloc_ret: ret=0x10 st=1\n t-1 [000] 2: alloc_ret: ret=0x20 st=0\n"
        " t-1 [000] 3: set_state: ev=0x20 st=0 new=1\n t-1 [000] 4: set_state: ev=0x20 st=1 new=0\n"
    )
    (broken,) = told(tmp_path, text).outcome.broken
    assert (broken.property, broken.definite, broken.record.line) == ("one_active", True, 3)
    either = MODEL.replace("{ st[e] = s; }", "{ if (s == active) { choose x in {active, inactive}; st[e] = x; } }")
    either = either.replace("choose x in {active, inactive}; st[e] = x;", "choose b in bool; st[e] = b ? active : off;")
    both = " t-1 [000] 1: alloc_ret: ret=0x10 st=1\n t-1 [000] 2: alloc_ret: ret=0x20 st=1\n"
    (possible,) = told(tmp_path, both, either).outcome.broken
    assert not possible.definite


def test_pools_and_widths_are_never_a_rejection(tmp_path: Path) -> None:
    many = "".join(f" t-1 [000] {k}: alloc_ret: ret={hex(16 + k)} st=0\n" for k in range(9))
    r = told(tmp_path, many)
    assert r.outcome.status == "inconclusive" and "raise the size of `Event`" in r.outcome.reason
    assert told(tmp_path, "".join(many.splitlines(True)[:5])).params == (("EVENTS", "8"),)
    assert told(tmp_path, GOOD, EVENTS="1").outcome.status == "conforms"
    lost = GOOD.replace("# tracer: nop\n", "") + "CPU:1 [LOST 17 EVENTS]\n"
    r = told(tmp_path, lost)
    assert r.outcome.status == "inconclusive" and "17 records are lost" in r.outcome.reason


BAD = {
    "": "there is no record in it",
    "wl-189 [000] d..2. 5: a: x=1\nwl-189 [000] d..2. 4: a: x=1\n": ":2: the clock goes back",
    "wl-189 [000] d..2. 5: a: x=1\nwl-189 [000] d..\n": ":2: this line is no record",
    "wl-189 [000] d..2. 5: a: x=\0\n": ":1: this is not a text",
    '{"event": "a"}\n{"event": \n': ":2: this is no JSON",
    '{"name": "a"}\n': ":1: a record has an `event`",
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_trace(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.kspec").write_text(MODEL)
    (tmp_path / "t.trace").write_text(text)
    assert main(["conform", str(tmp_path / "m.kspec"), str(tmp_path / "t.trace")]) == 2
    assert BAD[text] in capsys.readouterr().out
    assert main(["conform", str(tmp_path / "m.kspec"), str(tmp_path / "none.trace")]) == 2
    assert "No such file" in capsys.readouterr().out


def test_a_packed_file_that_is_cut_short(tmp_path: Path) -> None:
    packed = tmp_path / "t.trace.gz"
    packed.write_bytes(gzip.compress(GOOD.encode() * 50)[:-30])
    with pytest.raises(BadTrace, match=r"ends too early|clock"):
        list(ftrace.read(str(packed)))


def test_lost_events() -> None:
    text = ["CPU:0 [LOST 3 EVENTS]\n", " t-1 [000] 1: a: x=1\n", "CPU:1 [LOST EVENTS]\n"]
    items = list(ftrace.parse(iter(text), "x"))  # type: ignore[arg-type]
    assert [(i.cpu, i.count) for i in items if isinstance(i, Lost)] == [(0, 3), (1, 0)]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.kspec").write_text(MODEL)
    folder = tmp_path / "traces"
    folder.mkdir()
    (folder / "a.trace").write_text(GOOD)
    (folder / "b.trace").write_text(GOOD + "  wl-1 [000] .....  30: other: x=1\n")
    model = str(tmp_path / "m.kspec")
    assert main(["conform", model, str(folder), "--coverage"]) == 0
    output = capsys.readouterr().out
    assert "2 traces: 2 conforms" in output and "records that nobody knows: other (1)" in output
    (folder / "c.trace").write_text(changed(4, None))
    assert main(["conform", model, str(folder)]) == 1
    output = capsys.readouterr().out
    assert "`st[e] != active` is false" in output and "what might be wrong:" in output
    (folder / "d.trace").write_text("what is this\n")
    assert main(["conform", model, str(folder)]) == 2
    assert main(["conform", str(tmp_path / "none.kspec"), str(folder)]) == 2
