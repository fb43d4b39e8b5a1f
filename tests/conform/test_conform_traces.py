"""Recorded runs of two kernels against the conformance models, and how sensitive these are to changes of a record."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
from kspec.conform import ftrace
from kspec.conform.binding import Binder
from kspec.conform.matcher import Outcome, follow
from kspec.conform.records import Record, integer
from kspec.conform.run import Report, conform
from kspec.interp.machine import Machine
from kspec.lang.load import load
from kspec.lower import build as lowering
from kspec.types import IdType, OptType

ROOT = Path(__file__).parents[2]
TRACES = ROOT / "tests" / "traces"
NEW, OLD = (str(ROOT / "models" / "perf" / f"conform_{name}.kspec") for name in ("new", "old"))
SOAK = int(os.environ.get("KSPEC_SOAK", "0"))
MUTANTS = 1000 if SOAK else 40
NEAR = 5


@lru_cache(maxsize=8)
def told(model: str, name: str) -> Report:
    return conform(model, str(TRACES / f"{name}.trace.gz"), {}, 64)


@pytest.mark.parametrize("name", ["6.12_one_task", "6.12_fake_rotate_task", "6.12_fake_pinned_error", "6.12_i5_bug"])
def test_runs_of_6_12_conform(name: str) -> None:
    outcome = told(NEW, name).outcome
    assert outcome.status == "conforms"
    assert outcome.coverage.known == 1.0 and outcome.coverage.bound > 0.85 * outcome.coverage.records


@pytest.mark.parametrize("name", ["6.1_one_task", "6.1_fake_rotate_task"])
def test_runs_of_6_1_conform(name: str) -> None:
    outcome = told(OLD, name).outcome
    assert outcome.status == "conforms"
    assert outcome.coverage.known == 1.0 and outcome.coverage.bound > 0.85 * outcome.coverage.records


@pytest.mark.parametrize(
    ("model", "name", "guard"),
    [(NEW, "6.1_one_task", "k < TASK_CONTEXTS"), (OLD, "6.12_one_task", "pointers == TASK_CONTEXTS")],
)
def test_the_designs_are_told_apart(model: str, name: str, guard: str) -> None:
    r = told(model, name)
    assert r.outcome.status == "rejected" and r.diagnosis is not None
    assert any(guard in str(b) for b in r.diagnosis.blocked)


def test_finding_i5_is_seen_where_the_switch_ends() -> None:
    broken = told(NEW, "6.12_i5_bug").outcome.broken
    assert [(b.property, b.definite, b.record.name) for b in broken] == [("inv_26", True, "perf_cgroup_switch__ret")]
    for name in ("6.12_one_task", "6.12_fake_rotate_task", "6.12_fake_pinned_error"):
        assert told(NEW, name).outcome.broken == ()


def records_of(name: str) -> list[Record]:
    return [r for r in ftrace.read(str(TRACES / f"{name}.trace.gz")) if isinstance(r, Record)]


def bound(machine: Machine, records: Sequence[Record]) -> list[int]:
    """Where the records stand that stand for actions."""
    binder = Binder(machine)
    return [n for n, r in enumerate(records) if any(x.calls for x in binder.readings(r)[0])]


def fields(machine: Machine, record: Record, objects: bool) -> list[str]:
    """The fields of a record that the model reads: those that name objects, or the others."""
    return sorted({
        f.field for o in machine.system.observations.observed if o.record == record.name for f in o.fields
        if (isinstance(f.type, IdType) or (isinstance(f.type, OptType) and isinstance(f.type.base, IdType))) == objects
        and integer(record.fields.get(f.field, "")) is not None
    })  # fmt: skip


def mutants(machine: Machine, records: list[Record], rng: random.Random) -> Iterator[tuple[str, int, list[Record]]]:
    """Single changes of records that stand for actions: what was done, where, and the result."""
    places = bound(machine, records)
    while True:
        at = rng.choice(places)
        here = records[at]
        match rng.choice(["drop", "duplicate", "swap", "argument", "object"]):
            case "drop":
                yield "drop", at, records[:at] + records[at + 1 :]
            case "duplicate":
                yield "duplicate", at, records[: at + 1] + records[at:]
            case "swap":
                after = next((n for n in places if n > at and records[n].cpu == here.cpu), None)
                if after is not None:
                    changed = list(records)
                    changed[at], changed[after] = records[after], here
                    yield "swap", after, changed
            case "argument":
                if names := fields(machine, here, False):
                    name = rng.choice(names)
                    value = (integer(here.fields[name]) or 0) + rng.choice([-1, 1])
                    yield "argument", at, with_field(records, at, name, str(value))
            case "object":
                if names := fields(machine, here, True):
                    name = rng.choice(names)
                    others = sorted({r.fields[name] for r in records if name in r.fields} - {here.fields[name]})
                    if others:
                        yield "object", at, with_field(records, at, name, rng.choice(others))


def with_field(records: list[Record], at: int, name: str, value: str) -> list[Record]:
    changed = replace(records[at], fields={**records[at].fields, name: value})
    return [*records[:at], changed, *records[at + 1 :]]


def rejected_at(outcome: Outcome, records: Sequence[Record]) -> int | None:
    """Where the log leaves the model: the place of a record in it."""
    if outcome.status == "inconclusive":  # an object that does not exist: the pool is too small for it
        return outcome.coverage.records - 1
    return None if outcome.rejected is None else outcome.coverage.records - 1


CASES = [(NEW, "6.12_one_task"), (OLD, "6.1_one_task")]
MORE = [(NEW, "6.12_fake_rotate_task"), (NEW, "6.12_fake_pinned_error"), (OLD, "6.1_fake_rotate_task")]


@pytest.mark.parametrize(("model", "name"), CASES + (MORE if SOAK else []))
def test_changed_records_are_noticed(model: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    params = dict(told(model, name).params)
    machine = Machine(lowering.build(load(model), params))
    records = records_of(name)
    rng = random.Random(7)
    tried: Counter[str] = Counter()
    noticed: Counter[str] = Counter()
    near = 0
    for number, (kind, at, changed) in enumerate(mutants(machine, records, rng)):
        if number == MUTANTS:
            break
        tried[kind] += 1
        end = rejected_at(follow(machine, changed, 64), changed)
        if end is not None:
            noticed[kind] += 1
            near += abs(end - at) <= NEAR
    share = noticed.total() / tried.total()
    with capsys.disabled():
        kinds = ", ".join(f"{k} {noticed[k]}/{tried[k]}" for k in sorted(tried))
        if SOAK:
            print(f"\n{name}: {share:.0%} of {tried.total()} noticed ({kinds}); {near} within {NEAR} records")
    assert share >= 0.8, (tried, noticed)
    assert near >= 0.7 * noticed.total()
