"""The search phase of the native engine alone: ``search.py FILE THREADS SETTINGS`` prints JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from kspec.engine.protocol import Budget, Goals, Progress
from kspec.explicit.budgets import Budgets
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


file, threads, settings = sys.argv[1:]
system = build(load(Path(file)), json.loads(settings))
budget = Budget(threads=int(threads))
tuning = Tuning(tier="cc")
tiers = Tiers(system, budget.threads, tuning, lambda: None)
search = Search(system, Goals(everything=True), Budgets(budget, Quiet(), time.monotonic()), tiers, tuning)
wall, cpu = time.monotonic(), time.process_time()
status, counts = search.run()
answer = {
    "status": status,
    "states": counts.states,
    "transitions": counts.transitions,
    "cpu": time.process_time() - cpu,
    "wall": time.monotonic() - wall,
    "bytes": search.space.used,
}
print(json.dumps(answer))
