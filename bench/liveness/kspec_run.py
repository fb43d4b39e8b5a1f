"""One run of the native engine: ``kspec_run.py FILE SETTINGS`` prints JSON.

``search`` is the exploration alone, ``whole`` that and the decision of the temporal properties; CPU seconds,
compiled code being in the cache already if this ran before.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from kspec.engine.protocol import Budget, Goals, Progress
from kspec.explicit.behaviours import with_behaviours
from kspec.explicit.budgets import Budgets
from kspec.explicit.engine import _result
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


system = build(load(Path(sys.argv[1])), json.loads(sys.argv[2]))
tuning = Tuning(tier="cc")
tiers = Tiers(system, 1, tuning, lambda: None)
search = Search(system, Goals(everything=True), Budgets(Budget(), Quiet(), time.monotonic()), tiers, tuning)
began = time.process_time()
status, counts = search.run()
explored = time.process_time()
result = with_behaviours(search, _result(search, status, search.evidence(counts), ""))
whole = time.process_time() - began
answer = {
    "states": counts.states,
    "transitions": counts.transitions,
    "search": explored - began,
    "whole": whole,
    "holds": bool(result.behaviours),
    "violated": [f.property for f in result.findings],
    "undecided": result.undecided,
    "notes": list(result.notes),
    "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
}
print(json.dumps(answer))
