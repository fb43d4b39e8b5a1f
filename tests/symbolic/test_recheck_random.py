"""The two encodings against each other: a property is k-inductive for both or for neither.

Simulation is switched off here, so that the re-checker's solver decides alone.
"""

from __future__ import annotations

import os

import pytest
from interp.random_systems import Features, random_system
from kspec.certify import check
from kspec.certify.certificate import Layer, certificate, dump
from kspec.certify.check import recheck
from kspec.engine.protocol import Budget, Goals
from kspec.interp.explore import InterpEngine
from kspec.symbolic.bounded import Search
from kspec.symbolic.encode import encode
from kspec.symbolic.induction import Induction
from kspec.symbolic.kinduction import claims
from kspec.symbolic.solver import new_solver
from kspec.system.model import System
from symbolic.support import Quiet

SOAK = os.environ.get("KSPEC_SOAK")
SEEDS = range(5000, 5000 + (300 if SOAK else 20))


@pytest.fixture(autouse=True)
def no_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "simulate", lambda claims, seed: None)


def inductive(system: System, name: str, k: int) -> bool:
    """Whether the engine's own search finds the property k-inductive, all by itself."""
    template = encode(system)
    base = Search(template, new_solver())
    for _ in range(k):
        level = base.level()
        if list(base.sweep(level, [name])):
            return False
        base.advance(level)
    induction = Induction(template, new_solver(), [name])
    for _ in range(1, k):
        induction.deepen()
    return induction.prove([name])[0] == (name,)


def certified(system: System, names: tuple[str, ...], k: int) -> bool:
    text = dump(certificate(system, (Layer(k, names, (), simple_path=k > 1),), ""), {})
    return recheck(system, text).proved == names


@pytest.mark.parametrize("seed", SEEDS)
def test_both_find_the_same_inductive(seed: int) -> None:
    system = random_system(seed, Features(product=300))
    names = [n for n in claims(system) if not n.startswith("error.")]
    names += [n for n in encode(system).raised if n.startswith("error.")]
    names += [p.name for p in system.properties if p.kind == "reachable"]
    for name in dict.fromkeys(names):
        for k in (1, 2):
            assert inductive(system, name, k) == certified(system, (name,), k), (name, k)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_violated_is_never_certified(seed: int) -> None:
    system = random_system(seed, Features(product=300))
    oracle = InterpEngine().check(system, Goals(everything=True), Budget(), Quiet())
    reached = {w.property for w in oracle.witnesses}
    for name in {f.property for f in oracle.findings if f.run is not None} | reached:
        for k in (1, 3):
            assert not certified(system, (name,), k)
    if oracle.findings:
        everything = tuple(claims(system))
        assert not certified(system, everything, 2) or all(f.run is None for f in oracle.findings)
