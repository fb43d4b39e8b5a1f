"""The engines by name."""

from __future__ import annotations

import subprocess
import sys

import pytest
from engine.toy_systems import counter
from kspec.engine import plan, registry
from kspec.engine.control import ControlBlock
from kspec.engine.job import Settings
from kspec.engine.protocol import Goals
from kspec.engine.registry import Entry, Unavailable
from kspec.system.check import Expectation


def test_every_engine_says_its_own_name() -> None:
    for name in registry.names():
        engine = registry.find(name)
        assert isinstance(engine, Unavailable) or engine.name == name


def test_an_unknown_engine() -> None:
    found = registry.find("magic")
    assert isinstance(found, Unavailable) and "interp" in found.reason


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Entry("x", "kspec.no_such_module", "X"), "no_such_module"),
        (Entry("x", "kspec.interp.explore", "InterpEngine", ("no_such_package",)), "no_such_package"),
    ],
)
def test_what_is_missing_is_named(entry: Entry, reason: str) -> None:
    found = registry.find("x", [entry])
    assert isinstance(found, Unavailable) and reason in found.reason


def test_an_engine_that_cannot_run_is_a_usage_error() -> None:
    asked = plan.answers(counter(), Expectation("holds"), Goals(), Settings(engine="magic"), ControlBlock.private())
    with pytest.raises(plan.UsageError, match="magic"):
        next(asked)


def test_finding_engines_loads_no_native_code() -> None:
    """Workers fork engine children: what a solver starts in the worker would not survive that."""
    code = (
        "import sys; from kspec.engine import registry; "
        "[registry.find(n) for n in registry.names()]; "
        "print([m for m in sys.modules if m.split('.')[0] in ('z3', 'pysat', 'bitwuzla')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
