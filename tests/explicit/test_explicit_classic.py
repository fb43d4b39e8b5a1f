"""Known protocols have their known numbers of states, whatever the tier, the threads and the steering."""

from __future__ import annotations

from dataclasses import replace

import pytest
from explicit.classic_systems import german, peterson, philosophers
from explicit.comparing import SOAK, TINY, Recorder, differences
from kspec.engine.protocol import Budget, Evidence, Goals, Result
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.toolchain import system_compiler, tiny_compiler
from kspec.explicit.tuning import Tuning
from kspec.system.model import System

TIERS = [
    pytest.param("tcc", marks=pytest.mark.skipif(tiny_compiler() is None, reason="no TinyCC")),
    pytest.param("cc", marks=pytest.mark.skipif(system_compiler() is None, reason="no C compiler")),
]


def check(system: System, tuning: Tuning | None = None, threads: int = 1) -> Result:
    tuning = tuning or Tuning()
    return ExplicitEngine(tuning).check(system, Goals(), Budget(threads=threads), Recorder())


def evidence(result: Result) -> Evidence:
    assert result.status == "exhausted", result
    assert result.evidence is not None
    return result.evidence


@pytest.mark.parametrize("tier", TIERS)
def test_counts(tier: str) -> None:
    """Filter lock and German's protocol for three: counts that four independent tools agree on."""
    lock = evidence(check(peterson(3), Tuning(tier=tier)))  # type: ignore[arg-type]
    assert (lock.states, lock.transitions) == (12498, 33369)
    cache = evidence(check(german(3), Tuning(tier=tier)))  # type: ignore[arg-type]
    assert (cache.states, cache.transitions) == (58077, 235764)


def test_evidence_does_not_depend_on_steering() -> None:
    """Digest and counts: both tiers together, one tier, two workers, small slices and tables."""
    system = german(3)
    expected = evidence(check(system))
    small = replace(TINY, slice=50)
    variants = [
        (Tuning(earn=0.0), 1),
        (small, 1),
        (replace(small, tier="cc"), 2),
        (replace(small, earn=0.0), 2),
    ]
    for tuning, threads in variants:
        assert evidence(check(system, tuning, threads)) == expected


def test_counts_of_millions() -> None:
    """A million states, with the change from one compiler to the other on the way."""
    lock = evidence(check(peterson(4), threads=2))
    assert (lock.states, lock.transitions, lock.depth) == (1119560, 3864896, 103)


@pytest.mark.skipif(not SOAK, reason="only with KSPEC_SOAK")
def test_german_for_five() -> None:
    """Twenty-two million states of two words."""
    cache = evidence(check(german(5), threads=2))
    assert (cache.states, cache.transitions) == (22030785, 147272580)


def test_shortest_counterexample() -> None:
    """A level too few in the filter lock for four: a violation 25 steps away, and the run shows it."""
    result = check(peterson(4, levels=2))
    assert result.status == "stopped"
    (finding,) = result.findings
    assert finding.property == "mutex"
    assert finding.run is not None
    assert finding.run.length == 25
    pc = [c.name for c in peterson(4).cells].index("pc[]")
    last = finding.run.last
    assert last is not None
    assert last[4 * pc : 4 * pc + 4].count(4) == 2


def test_deadlock_of_philosophers() -> None:
    """Everybody has the left fork; the run is the interpreter's."""
    assert not differences(philosophers(4), TINY)
    result = check(philosophers(6))
    assert [(f.property, f.run.length) for f in result.findings if f.run] == [("deadlock", 6)]
