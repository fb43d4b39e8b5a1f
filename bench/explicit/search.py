"""The search phase of the native engine alone: ``search.py FILE THREADS SETTINGS [STATES]`` prints JSON.

With STATES it stops at about so many.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from kspec.engine.protocol import Budget, Goals, Progress
from kspec.explicit.budgets import Budgets, StopError
from kspec.explicit.search import Search
from kspec.explicit.tiers import Tiers
from kspec.explicit.tuning import Tuning
from kspec.lang.load import load
from kspec.lower.build import build


class Quiet:
    """A control block that nobody looks at."""

    def cancelled(self) -> bool:
        return False

    def report(self, progress: Progress) -> None:
        pass


file, threads, settings, *rest = sys.argv[1:]
system = build(load(Path(file)), json.loads(settings))
budget = Budget(threads=int(threads), states=int(rest[0]) if rest else None)
tuning = Tuning(tier="cc")
tiers = Tiers(system, budget.threads, tuning, lambda: None)
search = Search(system, Goals(everything=True), Budgets(budget, Quiet(), time.monotonic()), tiers, tuning)
wall, cpu = time.monotonic(), time.process_time()
try:
    status, counts = search.run()
except StopError as stop:
    status, counts = f"stopped: {stop.reason}", search.counts()
answer = {
    "status": status,
    "states": counts.states,
    "transitions": counts.transitions,
    "cpu": time.process_time() - cpu,
    "wall": time.monotonic() - wall,
    "bytes": search.space.used,
    "resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
}
print(json.dumps(answer))
