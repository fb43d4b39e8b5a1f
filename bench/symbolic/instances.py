"""What is measured: models of this repository at some sizes.

Only what has to hold is looked at (no ``reachable`` ones, nor properties in temporal logic), all of it together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from kspec.lang.load import load
from kspec.lower.build import build
from kspec.system.model import System

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Instance:
    """A model with its parameters.  ``depth``: the steps to its shortest violation; None where it is safe."""

    model: str
    params: tuple[tuple[str, str], ...] = ()
    depth: int | None = None
    bound: int = 8
    """How deep bounded model checking goes where there is no violation."""

    @property
    def name(self) -> str:
        """``german NODES=3``."""
        return " ".join([Path(self.model).stem, *(f"{n}={v}" for n, v in self.params)])

    def system(self) -> System:
        """Its system, without what has to be reached."""
        made = build(load(str(ROOT / self.model)), dict(self.params))
        return replace(made, properties=tuple(p for p in made.properties if p.kind not in ("reachable", "property")))


def _instance(model: str, params: str = "", depth: int | None = None, bound: int = 8) -> Instance:
    pairs = (p.partition("=") for p in params.split())
    return Instance(model, tuple((n, v) for n, _, v in pairs), depth, bound)


_FILTER = "models/classic/peterson.kspec"
_GERMAN = "models/classic/german.kspec"
_COMMIT = "models/classic/two_phase_commit.kspec"
_TICKET = "models/classic/ticket.kspec"
_FUTEX = "models/classic/futex_mutex.kspec"
_SCAN = "bench/symbolic/scan.kspec"
_EPC = "models/perf/epc_lifetime.kspec"
_SWITCH = "models/perf/switch.kspec"
_ORDER = "models/perf/groups_order.kspec"

SAFE = (
    _instance(_FILTER, "N=2", bound=20),
    _instance(_FILTER, "N=3", bound=12),
    _instance(_SCAN, "N=3", bound=12),
    _instance(_GERMAN, "NODES=2", bound=12),
    _instance(_GERMAN, "NODES=3", bound=10),
    _instance(_GERMAN, "NODES=4"),
    _instance(_GERMAN, "NODES=5"),
    _instance(_COMMIT, "RMS=3", bound=12),
    _instance(_COMMIT, "RMS=7"),
    _instance(_TICKET, "THREADS=3 TICKETS=4", bound=12),
    _instance("models/classic/bakery.kspec", "THREADS=2 MAX=6", bound=12),
    _instance("models/classic/rcu.kspec", "READERS=2", bound=12),
    _instance("models/classic/alternating_bit.kspec", bound=12),
    _instance("models/classic/rwlock.kspec", "THREADS=3", bound=12),
    _instance(_EPC, "EVENTS=2", bound=12),
    _instance(_EPC, "EVENTS=4 EMBEDDED=false"),
    _instance(_ORDER, "", bound=5),
    _instance(_SWITCH, "EVENTS=1 FORK=false", bound=6),
    _instance(_SWITCH, "CPUS=1 TASKS=1 PMUS=2 CPU_EVENTS=true FORK=false", bound=6),
    _instance(_SWITCH, bound=6),
)

UNSAFE = (
    _instance(_FILTER, "N=2 ORDER=victim_first", depth=8),
    _instance(_FILTER, "N=3 LEVELS=1", depth=11),
    _instance(_GERMAN, "NODES=3 AWAIT_ACKS=false", depth=8),
    _instance(_TICKET, "THREADS=3 TICKETS=2", depth=5),
    _instance(_COMMIT, "RMS=4 WAIT_FOR_ALL=false", depth=3),
    _instance(_EPC, "EVENTS=2 fix_b02=false", depth=13),
    _instance(_SWITCH, "CPUS=1 break_task_epc=true", depth=6),
    _instance(_SWITCH, "CPUS=1 break_last_remove=true", depth=8),
    _instance(_ORDER, "BUG=rotate_in_place", depth=3),
)
DEEP = _instance(_SCAN, "N=4 LEVELS=3", depth=25)
"""Depths are checked in every run: a tool that finds a shorter or a longer first violation is wrong."""

HARD = (
    _instance(_FUTEX, "THREADS=5"),
    _instance("models/classic/rwlock.kspec", "THREADS=4"),
    _instance(_FUTEX, "THREADS=4"),
)
"""Safe instances on which other provers get more time."""

BY_NAME = {i.name: i for i in (*SAFE, *UNSAFE, DEEP, *HARD)}
