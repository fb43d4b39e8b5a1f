"""The table: exact texts, every width, hostile strings.

``KSPEC_UPDATE_GOLDEN=1`` writes the expected texts anew.
"""

from __future__ import annotations

import io
import json
import os
import unicodedata
from pathlib import Path

import pytest
from kspec.trace.build import Meta, trace_of
from kspec.trace.format import dumps, loads
from kspec.trace.lines import flow, fold, text, visible, width_of
from kspec.trace.model import ModelRef, Origin, Trace, TraceProperty, TraceStep
from kspec.trace.table import action_text, lines, plain, render, step_text
from kspec.trace.values import MapOf, RecordOf
from rich.cells import cell_len
from rich.console import Console
from trace_systems import find, locks, refs

GOLDEN = Path(__file__).parent / "golden"


def traces() -> dict[str, Trace]:
    """Traces of every kind."""
    system = refs()
    meta = Meta("models/refs.kspec", "small", Origin("explicit", "exhausted, 41202 states", shortest=True))
    out = {
        n: trace_of(system, find(system, n), meta)
        for n in ("queued_live", "refs_up", "few", "put_live", "error.range", "all_freed")
    }
    out["deadlock"] = trace_of(locks(), find(locks(), "deadlock"), Meta("models/locks.kspec"))
    run = find(system, "few").run
    assert run is not None
    out["run"] = trace_of(system, run)
    return out


ALL = traces()


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("width", [120, 72])
def test_golden(name: str, width: int) -> None:
    got = plain(ALL[name], width)
    path = GOLDEN / f"{name}-{width}.txt"
    if os.environ.get("KSPEC_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(got)
    assert got == path.read_text()


@pytest.mark.parametrize("name", sorted(ALL))
def test_the_file_alone_is_enough(name: str) -> None:
    again = loads(dumps(ALL[name]))
    assert isinstance(again, Trace)
    assert plain(again) == plain(ALL[name])


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_width(name: str) -> None:
    for width in (1, 30, 41, 55, 64, 80, 99, 140, 200, 1000):
        shown = plain(ALL[name], width).splitlines()
        assert max(map(cell_len, shown[1:])) <= max(width, 30)
        words = "".join("".join(shown).split())
        for step in ALL[name].steps:
            assert step.action.rpartition(".")[2][:6] in words


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_terminal_shows_the_same_text(name: str) -> None:
    for width in (60, 100):
        stream = io.StringIO()
        Console(file=stream, width=width, force_terminal=False, color_system=None).print(render(ALL[name]))
        shown = [x.rstrip() for x in stream.getvalue().splitlines()]
        assert shown == [x.plain.rstrip() for x in lines(ALL[name], width)]
        assert shown[-5:] == plain(ALL[name], width).splitlines()[-5:]


def test_colours_are_the_only_difference() -> None:
    stream = io.StringIO()
    Console(file=stream, width=100, force_terminal=True, color_system="standard").print(render(ALL["few"]))
    assert "\x1b[1;31mVIOLATED\x1b[0m" in stream.getvalue()


HOSTILE = [
    "[bold red]x[/bold red]",
    "[/]",
    "[link=http://x]y[/link]",
    "\x1b[31mred\x1b]8;;http://x\x07",
    "a\r\nb\tc",
    "\u202eabc\u2066\u200b",
    "日本語" * 9,
    "e\u0301" * 5,
    "x" * 300,
    "\ud800",
    "",
    "\u2028",
]


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_harmless(words: str) -> None:
    """The same text in every place of a trace: shown as it is, without effect, within the width."""
    document = json.loads(dumps(ALL["put_live"]))
    hostile = json.dumps(words)

    def spread(value: object) -> object:
        match value:
            case dict():
                return {k: v if k in ("#meta", "kind", "outcome", "format") else spread(v) for k, v in value.items()}
            case list():
                return [spread(v) for v in value]
            case str():
                return json.loads(hostile)
            case _:
                return value

    document["kspec"] = spread(document["kspec"])
    for state in document["states"]:
        state["queue"] = {"#set": [words]}
    trace = loads(json.dumps(document))
    assert isinstance(trace, Trace), trace
    for width in (30, 40, 80, 200):
        shown = plain(trace, width)
        for c in shown.replace("\n", ""):
            assert unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"), hex(ord(c))
        stream = io.StringIO()
        Console(file=stream, width=width, color_system=None).print(render(trace))
        printed = [x.rstrip() for x in stream.getvalue().splitlines()]
        assert printed == [x.plain.rstrip() for x in lines(trace, width)]
        assert max(map(cell_len, printed)) <= width
    if words.startswith("["):
        assert words in plain(trace, 200)


def test_visible() -> None:
    assert visible("plain [x] ünï 日本") == "plain [x] ünï 日本"
    assert visible("\x1b\x00\x7f\x9b") == "\\x1b\\x00\\x7f\\x9b"
    assert visible("\n\t\r") == "\\n\\t\\x0d"
    assert visible("\u202e\U000e0001") == "\\u202e\\U000e0001"


def test_folding_keeps_every_word() -> None:
    line = text("alpha beta gamma delta epsilon ", ("z" * 30, "bold"))
    pieces = fold(line, 12)
    assert all(width_of(p) <= 12 for p in pieces)
    assert "".join(p.plain for p in pieces).replace(" ", "") == line.plain.replace(" ", "")
    assert [p.plain for p in fold(text("日本語日本語"), 5)] == ["日本", "  語", "  日", "  本", "  語"]


def test_flow_breaks_between_entries() -> None:
    entries = [text("a" * 8), text("b" * 8), text("c" * 8)]
    assert [x.plain for x in flow(entries, 20)] == ["a" * 8 + "   " + "b" * 8, "c" * 8]
    assert [x.plain for x in flow([], 20)] == [""]


def test_action_texts() -> None:
    assert action_text(TraceStep("open", (("t", "Task#0"), ("e", "Event#1"), ("n", "3")), "Task#0", "t")) == (
        "open(Event#1, n=3)"
    )
    assert action_text(TraceStep("locker.want", (("self", "Task#1"),), "locker(Task#1)", "self")) == "want"
    assert action_text(TraceStep("tick")) == "tick"
    assert step_text(TraceStep("put", (("t", "Task#0"), ("n", "3")), "Task#0", "t")) == "put(Task#0, n=3)"
    assert step_text(TraceStep("locker.want", (("self", "1"),), "locker(1)", "self")) == "locker(1) want"
    assert step_text(TraceStep("updater.start", (), "updater")) == "updater start"


def test_where_a_process_goes_comes_last() -> None:
    before = (("p", MapOf((("T#0", RecordOf((("pc", "a"), ("n", 0)))), ("T#1", RecordOf((("pc", "a"), ("n", 0))))))),)
    after = (("p", MapOf((("T#0", RecordOf((("pc", "b"), ("n", 1)))), ("T#1", RecordOf((("pc", "c"), ("n", 0))))))),)
    step = TraceStep("p.a", (("self", "T#0"),), "p(T#0)", "self")
    trace = Trace(ModelRef("m.kspec", "m"), "run", "0", ("p",), (before, after), (step,))
    assert plain(trace).splitlines()[-1] == "     1  p(T#0)  a                p[T#0].n 0 -> 1   p[T#1].pc a -> c   at b"


def test_a_trace_of_nothing() -> None:
    empty = Trace(ModelRef("m.kspec", "m"), "violated", "0", (), ((),), (), TraceProperty("p", "invariant"))
    assert plain(empty).splitlines() == [
        "m.kspec:1:1  VIOLATED  invariant p",
        "  m",
        "",
        "  an initial state",
        "",
        "  step  who  action     line  changes",
        "     0       initially",
    ]
