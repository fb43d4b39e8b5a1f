"""Replay on a model that has changed since."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kspec.engine.protocol import Finding
from kspec.system.expr import FALSE, TRUE, Cell, Const, Expr, Narrow, Read, Site, Unary, Var
from kspec.system.layout import cells_of
from kspec.system.model import Action, Property, System, Variable
from kspec.system.stmt import EMPTY, Block, Choose
from kspec.trace.build import Meta, trace_of
from kspec.trace.format import dumps, loads
from kspec.trace.model import Intent, Kept, Trace
from kspec.trace.replay import MOST_PATHS, kept_verdict, replay
from kspec.trace.replay_view import replay_plain
from kspec.trace.values import Change
from kspec.types import BOOL, EnumType, RangeType
from trace_systems import EVENT, TASK, find, locks, op, put, refs

E, T = Var("e", 0, 2, EVENT), Var("t", 0, 1, TASK)


def action(system: System, name: str) -> Action:
    return next(a for a in system.actions if a.name == name)


def changed(system: System, which: str, /, **fields: object) -> System:
    """The system with an action changed."""
    actions = tuple(replace(a, **fields) if a.name == which else a for a in system.actions)  # type: ignore[arg-type]
    return replace(system, actions=actions)


def recorded(name: str, intent: Intent = "must stay impossible") -> Trace:
    """A trace of ``refs``, as read from a file."""
    system = refs()
    trace = loads(dumps(trace_of(system, find(system, name), Meta("models/refs.kspec", kept=Kept(intent, "a story")))))
    assert isinstance(trace, Trace)
    return trace


@pytest.mark.parametrize("name", ["queued_live", "refs_up", "few", "put_live", "error.range", "all_freed"])
def test_what_has_not_changed_reproduces(name: str) -> None:
    trace = recorded(name)
    result = replay(trace, refs())
    assert (result.verdict, result.step) == ("reproduces", len(trace.steps))
    assert (result.same_system, result.differs_at, result.notes) == (True, None, ())
    kept = kept_verdict(trace, result)
    assert kept is not None
    assert not kept.met
    possible = kept_verdict(recorded(name, "must stay possible"), result)
    assert possible is not None
    assert possible.met


def test_a_deadlock_reproduces_and_is_resolved() -> None:
    system = locks()
    trace = trace_of(system, find(system, "deadlock"))
    assert replay(trace, system).verdict == "reproduces"
    rest = Action("rest", (), TRUE, EMPTY)
    result = replay(trace, replace(system, actions=(*system.actions, rest)))
    assert (result.verdict, result.message) == ("no longer reproduces", "`deadlock` holds after step 2")
    assert replay(trace, replace(system, deadlock=False)).verdict == "drift"
    assert kept_verdict(trace, result) is None


def test_a_step_that_is_disabled_now() -> None:
    system = refs()
    member = system.variables[1].cells[0]
    free = Unary("not", Read(member, (E,)), Site(None, "!(e in queue)"))
    fixed = changed(system, "put", guard=op("and", action(system, "put").guard, free))
    trace = recorded("queued_live")
    result = replay(trace, fixed)
    assert (result.verdict, result.step) == ("no longer reproduces", 3)
    assert result.message == "step 3 (put) cannot be taken now"
    assert result.cause is not None
    assert (result.cause.text, result.cause.truth) == ("e in queue", True)
    assert [(r.element, r.value, r.step) for r in result.cause.reads] == [("Event#0 in queue", "true", 2)]
    kept = kept_verdict(trace, result)
    assert kept is not None
    assert kept.met
    assert not result.same_system
    assert replay_plain(trace, result) == (
        "NO LONGER REPRODUCES  step 3 (put) cannot be taken now\n"
        "  because  it needs  !(e in queue)\n"
        "     with  Event#0 in queue = true  since step 2  enqueue(Event#0)  line 13\n"
        "     kept  must stay impossible: met\n"
    )


def test_a_property_that_holds_now() -> None:
    system = changed(refs(), "enqueue", body=EMPTY)
    result = replay(recorded("queued_live"), system)
    assert (result.verdict, result.message) == ("no longer reproduces", "`queued_live` holds after step 3")
    assert result.differs_at == 2
    assert result.differences == (Change("queue", "{Event#0}", "{}"),)
    assert "differs  queue is {}, recorded {Event#0}  after step 2" in replay_plain(recorded("queued_live"), result)


def test_states_that_differ_do_not_decide() -> None:
    """open leaves the owner alone now: other states, the same violation."""
    system = refs()
    body = action(system, "open").body.stmts
    other = changed(system, "open", body=Block((*body[:2], put(system.variables[0].cells[2], (E,), Const(0)))))
    trace = trace_of(system, find(system, "few"))
    steps = trace.steps
    result = replay(
        replace(trace, steps=(replace(steps[0], args=(("t", "Task#1"), ("e", "Event#0"))), *steps[1:])), other
    )
    assert (result.verdict, result.differs_at) == ("reproduces", None)
    result = replay(trace, changed(system, "open", body=Block((*body[:2],))))
    assert (result.verdict, result.differs_at) == ("reproduces", 1)
    assert result.differences == (Change("ev[Event#0].owner", "Task#0", "none"),)


def test_an_error_that_is_gone_and_one_that_is_new() -> None:
    system = refs()
    result = replay(recorded("error.range"), changed(system, "get", body=EMPTY))
    assert (result.verdict, result.message) == ("no longer reproduces", "step 3 no longer violates `error.range`")
    wrong = Block((put(system.cells[1], (E,), Narrow(Const(5), 0, 2, "range")),))
    result = replay(recorded("queued_live"), changed(system, "enqueue", body=wrong))
    assert result.verdict == "no longer reproduces"
    assert result.message == "step 2 (enqueue) violates `error.range` now: the value 5 is outside 0..2"


def test_a_violation_before_the_recorded_end() -> None:
    system = refs()
    strict = replace(system.properties[2], expr=op("lt", Const(0), Const(0)))
    result = replay(
        recorded("few"), replace(system, properties=(*system.properties[:2], strict, *system.properties[3:]))
    )
    assert result.verdict == "reproduces"
    assert result.message == "`few` is violated in the initial state, 4 before the recorded end"


def test_a_limit_cuts_the_run_off() -> None:
    system = refs()
    member = system.variables[1].cells[0]
    result = replay(recorded("few"), replace(system, limits=(Unary("not", Read(member, (Const(0),))),)))
    assert result.message == "step 3 (enqueue) leads beyond a limit of the model now"
    result = replay(recorded("few"), replace(system, limits=(FALSE,)))
    assert result.message == "the initialisation leads beyond a limit of the model now"


@pytest.mark.parametrize(
    ("change", "step", "message"),
    [
        (lambda s: changed(s, "put", name="put_event"), 3, "the model has no action `put`; did you mean `put_event`?"),
        (lambda s: changed(s, "enqueue", name="zzz"), 2, "the model has no action `enqueue`"),
        (
            lambda s: changed(s, "open", params=((Var("task", 0, 1, TASK), TASK), *action(s, "open").params[1:])),
            1,
            "action `open` has no parameter `t`; did you mean `task`?",
        ),
        (
            lambda s: changed(s, "open", params=(*action(s, "open").params, (Var("cpu", 0, 1), RangeType(0, 1)))),
            1,
            "the trace has no value for `cpu` of action `open`",
        ),
        (
            lambda s: changed(s, "enqueue", params=((E, EnumType("K", ("Event_0", "b"))),)),
            2,
            "`Event#0` is no value of K, the type of `e` of action `enqueue`; did you mean `Event_0`?",
        ),
        (
            lambda s: replace(s, properties=(replace(s.properties[0], name="queue_live"), *s.properties[1:])),
            None,
            "the model has no invariant `queued_live`; did you mean `queue_live`?",
        ),
        (
            lambda s: replace(s, properties=(replace(s.properties[0], kind="reachable"), *s.properties[1:])),
            None,
            "`queued_live` is a property of kind reachable now, not invariant",
        ),
    ],
)
def test_drift_is_named_and_protects_nothing(change, step: int | None, message: str) -> None:  # type: ignore[no-untyped-def]
    for intent in ("must stay impossible", "must stay possible"):
        trace = recorded("queued_live", intent)  # type: ignore[arg-type]
        result = replay(trace, change(refs()))
        assert (result.verdict, result.step, result.message) == ("drift", step, message)
        kept = kept_verdict(trace, result)
        assert kept is not None
        assert not kept.met


def test_variables_and_parameters_come_and_go() -> None:
    system = refs(params=(("FIX", "true"), ("N", "1")))
    ev, queue = system.variables
    fresh = Cell("fresh", (), BOOL)
    grown = replace(
        system,
        cells=(*system.cells, fresh),
        start=(*system.start, 1),
        variables=(ev, replace(queue, name="queued"), Variable("fresh", BOOL, (fresh,))),
    )
    trace = recorded("queued_live")
    result = replay(replace(trace, model=replace(trace.model, params=(("FIX", "false"), ("M", "2")))), grown)
    assert result.verdict == "reproduces"
    assert result.notes == (
        "parameter `FIX` is true here and false in the trace",
        "the model has no parameter `M` (2 in the trace)",
        "the model has no variable `queue`, so it is not compared; did you mean `queued`?",
        "variable `queued` is not in the trace, so it is not compared",
        "variable `fresh` is not in the trace, so it is not compared",
    )


def choosing(branches: int, good: int) -> tuple[System, Finding]:
    """A choice, then a test of what was chosen; the trace chose ``good``."""
    t = RangeType(0, branches - 1)
    x, done = Cell("x", (), t), Cell("done", (), BOOL)
    c = Var("c", 0, branches - 1, t)
    pick = Action(
        "pick",
        (),
        Unary("not", Read(done)),
        Block((Choose(c, TRUE, "disable"), put(x, (), c), put(done, (), Const(1)))),
    )
    bad: Expr = op("and", op("eq", Read(x), Const(good)), Read(done))
    system = System(
        "choosing",
        (),
        (x, done),
        (0, 0),
        EMPTY,
        (pick,),
        (Property("p", "invariant", Unary("not", bad)),),
        deadlock=False,
        variables=(Variable("x", t, cells_of("x", t)), Variable("done", BOOL, (done,))),
    )
    return system, find(system, "p")


def test_a_choice_follows_the_recorded_state() -> None:
    system, found = choosing(3, 2)
    trace = trace_of(system, found)
    assert replay(trace, system).verdict == "reproduces"
    # Another value violates now: the recorded choice does not.
    assert replay(trace, choosing(3, 1)[0]).verdict == "no longer reproduces"


def test_a_choice_that_is_not_recorded_is_followed_in_every_way() -> None:
    system, found = choosing(3, 2)
    trace = trace_of(system, found)
    blind = replace(
        trace, variables=("done",), states=tuple(tuple(v for v in s if v[0] == "done") for s in trace.states)
    )
    assert replay(blind, choosing(3, 1)[0]).verdict == "reproduces"


def test_more_ways_than_can_be_followed_decide_nothing() -> None:
    system, found = choosing(MOST_PATHS + 2, MOST_PATHS + 1)
    trace = trace_of(system, found)
    blind = replace(
        trace, variables=("done",), states=tuple(tuple(v for v in s if v[0] == "done") for s in trace.states)
    )
    assert replay(trace, system).verdict == "reproduces"
    result = replay(replace(blind, kept=Kept("must stay impossible")), choosing(MOST_PATHS + 2, MOST_PATHS + 1)[0])
    assert result.verdict == "undecided"
    kept = kept_verdict(replace(blind, kept=Kept("must stay impossible")), result)
    assert kept is not None
    assert not kept.met


def test_a_run_about_no_property() -> None:
    system = refs()
    found = find(system, "few").run
    assert found is not None
    trace = trace_of(system, found)
    assert (trace.outcome, replay(trace, system).verdict) == ("run", "reproduces")
    result = replay(trace, changed(system, "enqueue", body=EMPTY))
    assert (result.verdict, result.message) == (
        "no longer reproduces",
        "the state after step 3 is not the recorded one",
    )


def test_an_initialisation_that_fails() -> None:
    system, _ = choosing(3, 2)
    bad = replace(system, init=Block((put(system.cells[0], (), Narrow(Const(7), 0, 2, "range")),)))
    trace = trace_of(bad, find(bad, "error.range"))
    assert trace.states == ()
    result = replay(trace, bad)
    assert (result.verdict, result.message) == ("reproduces", "`error.range` is violated by the initialisation")
    assert replay(trace, system).verdict == "no longer reproduces"


def test_a_state_of_nothing() -> None:
    """A system without cells has one state, the empty tuple."""
    empty = System("e", (), (), (), EMPTY, (Action("go", (), TRUE, EMPTY),), (Property("p", "invariant", FALSE),))
    trace = trace_of(empty, find(empty, "p"))
    assert replay(trace, empty).verdict == "reproduces"
