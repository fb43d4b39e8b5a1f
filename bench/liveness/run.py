"""Measures temporal properties: the native engine against SPIN, on the same lock and the same formula.

    python bench/liveness/run.py [--sizes 4 5] [--reps 3] [--out bench/results]

For each size: the property under weak fairness, which holds, and without fairness, where it is violated.  kspec:
CPU seconds of the exploration alone, and with the decision; SPIN: CPU seconds of ``pan -a -f`` (``pan -a``), with and
without partial-order reduction.  Compilation is not counted.  The verdicts must agree, else the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LIMIT = 900
"""Seconds after which a run is given up."""
BOUNDS = {3: (100_000, 18), 4: (1_000_000, 20), 5: (20_000_000, 25)}
"""For SPIN, by size: the depth of its stack and the bits of its table, as small as they can be.  It does not run at
other sizes: the copies of states that its weak fairness makes do not fit into memory."""


@dataclass(frozen=True)
class Row:
    """One size with or without fairness: CPU seconds, None where there was no answer in time."""

    n: int
    fair: bool
    states: int
    search: float
    whole: float
    spin: float | None
    spin_por: float | None
    agree: bool


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[4, 5])
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "bench/results")
    args = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="kspec-bench-") as folder:
        for n in args.sizes:
            for fair in (True, False):
                rows.append(row(n, fair, args.reps, Path(folder)))
                print(rows[-1], flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    text = table(rows)
    (args.out / "liveness.md").write_text(text)
    print(text)
    return 0 if all(r.agree for r in rows) else 1


def row(n: int, fair: bool, reps: int, folder: Path) -> Row:
    """All runs of one size."""
    kspec(n, fair)  # now the compiled code is in the cache
    ours = [kspec(n, fair) for _ in range(reps)]
    plain = spin(n, fair, folder, ("-DNOREDUCE",), reps)
    reduced = spin(n, fair, folder, (), reps)
    verdicts = {r["holds"] for r in ours} | {v for v, _ in (*plain, *reduced)}
    search, whole = (statistics.median(r[key] for r in ours) for key in ("search", "whole"))
    slow, fast = ([t for _, t in runs] for runs in (plain, reduced))
    return Row(n, fair, ours[0]["states"], search, whole, median(slow), median(fast), len(verdicts) == 1)


def median(values: list[float]) -> float | None:
    """The median; None of nothing."""
    return statistics.median(values) if values else None


def kspec(n: int, fair: bool) -> dict[str, Any]:
    """One run of the native engine."""
    settings = json.dumps({"N": str(n), "FAIR": "true" if fair else "false"})
    command = [sys.executable, str(HERE / "kspec_run.py"), str(HERE / "filter.kspec"), settings]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LIMIT)
    answer: dict[str, Any] = json.loads(done.stdout)
    assert not answer["undecided"] and not answer["notes"], answer
    return answer


def spin(n: int, fair: bool, folder: Path, options: tuple[str, ...], reps: int) -> list[tuple[bool, float]]:
    """Whether it holds, and the CPU seconds of pan, for each run; none when SPIN is not there or takes too long."""
    if not shutil.which("spin") or n not in BOUNDS:
        return []
    others = " && ".join(f"(i == {k} || level[{k}] < l)" for k in range(n))
    text = f"#define N {n}\n" + (HERE / "filter.pml").read_text().replace("@FREE@", f"({others})")
    (folder / "filter.pml").write_text(text)
    subprocess.run(["spin", "-a", "filter.pml"], cwd=folder, check=True, capture_output=True)
    flags = ["-O3", "-DMEMLIM=12000", f"-DNFAIR={n // 8 + 2}", *options]
    subprocess.run(["gcc", *flags, "-o", "pan", "pan.c"], cwd=folder, check=True, capture_output=True)
    out: list[tuple[bool, float]] = []
    for _ in range(reps):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        depth, table = BOUNDS[n]
        command = ["./pan", "-a", f"-m{depth}", f"-w{table}", *(["-f"] if fair else [])]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return out
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        errors = re.search(r"errors: (\d+)", done.stdout)
        if errors is None or "out of memory" in done.stdout or "max search depth too small" in done.stdout:
            return out
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        out.append((errors[1] == "0", cpu))
    return out


def table(rows: list[Row]) -> str:
    """The results."""
    lines = [
        "# Temporal properties: the filter lock, `level[0] > 0 leads_to level[0] == 0`",
        "",
        f"CPU seconds, medians; `{' '.join(['python bench/liveness/run.py', *sys.argv[1:]])}`, {os.uname().machine}.",
        "",
        "| threads | fairness | states | search | decided | ratio | SPIN | SPIN, reduced | best SPIN / decided |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for r in rows:
        best = min((t for t in (r.spin, r.spin_por) if t is not None), default=None)
        cells = [
            str(r.n), "weak" if r.fair else "none", str(r.states), seconds(r.search), seconds(r.whole),
            f"{r.whole / r.search:.2f}", seconds(r.spin), seconds(r.spin_por),
            "" if best is None else f"{best / r.whole:.1f}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def seconds(t: float | None) -> str:
    """A time, or nothing."""
    return "-" if t is None else f"{t:.3f}"


if __name__ == "__main__":
    sys.exit(main())
