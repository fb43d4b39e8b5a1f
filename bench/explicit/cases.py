"""The models and sizes that are measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CLASSIC = ROOT / "models/classic"
PERF = ROOT / "models/perf"


@dataclass(frozen=True)
class Case:
    """A model at a size: the kspec file, its size parameter and other settings, and the names of the
    encodings for other tools (empty: none), which have the size filled in.

    ``states`` is about how many there are: it decides what is worth running.
    """

    name: str
    file: Path
    param: str
    n: int
    states: int
    fixed: tuple[tuple[str, str], ...] = ()
    peer: str = ""
    tla: str = ""

    @property
    def settings(self) -> dict[str, str]:
        """The values of the parameters that are set."""
        return {**dict(self.fixed), **({self.param: str(self.n)} if self.param else {})}


def _scan(n: int, states: int) -> Case:
    return Case("scan", HERE / "scan.kspec", "N", n, states, peer="scan", tla="Peterson")


def _filter(n: int, states: int) -> Case:
    return Case("filter", CLASSIC / "peterson.kspec", "N", n, states, peer="filter")


def _german(n: int, states: int) -> Case:
    return Case("german", CLASSIC / "german.kspec", "NODES", n, states, peer="german", tla="German")


def _phils(n: int, states: int) -> Case:
    deadlock = (("POLICY", "left_first"), ("ACCEPT_DEADLOCK", "true"))
    return Case("phils", CLASSIC / "philosophers.kspec", "N", n, states, deadlock, "phils", "Phils")


def _commit(n: int, states: int) -> Case:
    return Case("commit", CLASSIC / "two_phase_commit.kspec", "RMS", n, states, peer="commit")


def _ticket(n: int, states: int) -> Case:
    return Case("ticket", HERE / "ticket.kspec", "N", n, states, peer="ticket")


SMALL = (
    _scan(4, 1_119_560), _filter(5, 344_805), _german(4, 1_105_353), _phils(12, 531_440), _commit(7, 296_448),
    _ticket(7, 383_586),
)  # fmt: skip
LARGE = (
    _filter(6, 8_786_754), _phils(14, 4_782_968), _commit(8, 1_745_408), _ticket(8, 3_507_216),
    _german(5, 22_030_785),
    Case("switch", PERF / "switch.kspec", "PMUS", 2, 18_476_590, (("EVENTS", "3"),)),
)  # fmt: skip
SETS = {"small": SMALL, "large": LARGE, "full": (*SMALL, *LARGE)}
