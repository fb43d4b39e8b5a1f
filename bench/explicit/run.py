"""Measures the native engine against other explicit-state model checkers, in one run, on equal models.

    python bench/explicit/run.py [--sizes small|large|full] [--reps 5] [--only NAME] [--tool NAME] [--out bench/results]

For each case: states and transitions, which must agree between all tools (else the exit code is 1), CPU
seconds of the search phase, and the time of the whole process, cold and with a warm cache.  The tables go to
``explicit-SIZES.json`` and ``explicit-SIZES.md``; with ``--only`` the other cases that are there stay as they are.

SPIN runs with ``-o2 -o3`` (without these it resets and merges differently, so counts differ), exhaustive,
with and without partial-order reduction, depth-first and breadth-first; rumur with ``-O3`` on one and two
threads; TLC when ``TLA2TOOLS_JAR`` names its archive.  Tools that are not installed are left out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from cases import ROOT, SETS, Case
from tables import Measured, read, write
from tools import Sample, tools

LONG = 60.0
"""Wall seconds that all runs of a tool on a case may take before it is not run again."""
ONCE = ("spin bfs por", "spin dfs por", "rumur 2")
"""What is shown besides, and nothing is compared with."""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", choices=list(SETS), default="small")
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--only", default="", metavar="NAME")
    parser.add_argument("--tool", default="", metavar="NAME")
    parser.add_argument("--out", type=Path, default=ROOT / "bench/results")
    args = parser.parse_args()
    command = " ".join(["python bench/explicit/run.py", *sys.argv[1:]])
    name = f"explicit-{args.sizes}"
    cases = SETS[args.sizes]
    by_case = read(args.out / f"{name}.json", cases) if args.only else {}
    text = ""
    for case in cases:
        if args.only in case.name:
            by_case[case] = measure(case, args.reps, args.tool, command)
            text = write([by_case[c] for c in cases if c in by_case], args.out, name)
    print(text)
    results = list(by_case.values())
    wrong = [f"{r.case.name} {r.case.n}: {', '.join(r.disagreements())}" for r in results if r.disagreements()]
    print("\n".join(f"counts differ: {w}" for w in wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


def measure(case: Case, reps: int, tool: str, command: str) -> Measured:
    """All tools (with ``tool`` in their names, and kspec) on one case, in the same order in every repetition, so that
    drift of the machine's speed meets all of them; the first runs of kspec's commands are not counted."""
    samples: dict[str, list[Sample]] = {}
    with tempfile.TemporaryDirectory(prefix="kspec-bench-") as folder:
        runs = [(n, r) for n, r in tools(case, Path(folder)) if tool in n or n == "kspec 1"]
        for name, run in runs:
            if name in ("kspec 1", "kspec cold"):
                run()  # now there are bytecode and compiled code
        for _ in range(reps):
            for name, run in runs:
                done = samples.setdefault(name, [])
                if done and name in ONCE:
                    continue
                if done and sum(s.wall for s in done) + done[0].wall > LONG:
                    continue
                done.append(run())
                print(f"{case.name} {case.n} {done[-1]}", flush=True)
    return Measured(case, samples, command)


if __name__ == "__main__":
    sys.exit(main())
