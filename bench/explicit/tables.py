"""The tables of measurements, as JSON and Markdown."""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cases import Case
from tools import Sample

SPIN, RUMUR, COLD, WARM = 8.0, 30.0, 2.0, 5.0
"""What is aimed at: how many times the speed of SPIN's and rumur's search on one thread without reduction, and
of SPIN's whole chain, without and with cached code."""
MILLION = 1_000_000
TARGETS = f"""Aimed at: {SPIN:.0f} times SPIN and {RUMUR:.0f} times rumur in the search phase; from a million
states on, {COLD:.0f} times SPIN's whole chain without cached code and {WARM:.0f} times with it."""
LEGEND = """CPU seconds are user and system time, of children too.  The machine was shared: they vary.
`kspec 1` and `kspec 2` are the search phase on one and two threads with code from the system's compiler.
`kspec cold` and `kspec warm` are `kspec check --engine=explicit --symmetry=off` from start to verdict, without and
with code that an earlier run compiled (Python's bytecode and the parser's tables are there in both: they are made
once for an installation).  Every other row is one chain of generating, compiling (SPIN -O2, rumur -O3) and running.
Figures are medians of so many runs: five, or as many as fit into a minute, and one with
reduction or of rumur on two threads.  Ratios are of CPU seconds, to those of
kspec in the same run.  No reduction unless the name says `por` (partial-order reduction).  SPIN's
encodings carry no assertions, so it checks less."""


@dataclass(frozen=True)
class Measured:
    """All samples of a case by tool, and the command that took them."""

    case: Case
    samples: dict[str, list[Sample]]
    command: str

    def median(self, tool: str, what: str) -> float | None:
        """The median of one figure of a tool; None when it did not run."""
        rows = self.samples.get(tool)
        return statistics.median(getattr(s, what) for s in rows) if rows else None

    def least(self, tools: Iterable[str], what: str) -> float | None:
        """The least median among some tools."""
        found = [m for t in tools if (m := self.median(t, what)) is not None]
        return min(found, default=None)

    def disagreements(self) -> list[str]:
        """Tools that counted otherwise."""
        first = self.samples["kspec 1"][0]
        return sorted(
            {
                s.tool
                for rows in self.samples.values()
                for s in rows
                if "por" not in s.tool and (s.states, s.transitions) != (first.states, first.transitions)
            }
        )


def read(path: Path, cases: Iterable[Case]) -> dict[Case, Measured]:
    """What an earlier run wrote, for those of the cases that are in it."""
    if not path.exists():
        return {}
    known = {(c.name, json.dumps(c.settings)): c for c in cases}
    found = {}
    for row in json.loads(path.read_text())["cases"]:
        case = known.get((row["case"], json.dumps(row["settings"])))
        if case is not None:
            samples = {tool: [Sample(**s) for s in rows] for tool, rows in row["samples"].items()}
            found[case] = Measured(case, samples, row["command"])
    return found


def write(results: Sequence[Measured], out: Path, name: str) -> str:
    """Writes both forms, each at once and completely; returns the Markdown."""
    commands = list(dict.fromkeys(r.command for r in results))
    where = {
        "command": "; then ".join(commands),
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{cpu_name()}, {os.cpu_count()} cores, {memory()} GB, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "gcc": version(["gcc", "--version"]),
        "spin": version(["spin", "-V"]),
        "rumur": version(["rumur", "--version"]),
    }
    cases = []
    for r in results:
        samples = {tool: [asdict(s) for s in rows] for tool, rows in r.samples.items()}
        cases.append(
            {"case": r.case.name, "settings": r.case.settings, "command": r.command, "samples": samples}
        )
    lines = ["# Native engine against other explicit-state model checkers", ""]
    lines += [f"- {k}: `{v}`" if k == "command" else f"- {k}: {v}" for k, v in where.items()]
    lines += ["", *LEGEND.splitlines(), "", *TARGETS.splitlines(), "", *summary(results)]
    for r in results:
        lines += table(r)
    text = "\n".join(lines) + "\n"
    out.mkdir(parents=True, exist_ok=True)
    replace(out / f"{name}.json", json.dumps({**where, "cases": cases}, indent=1) + "\n")
    replace(out / f"{name}.md", text)
    return text


def replace(path: Path, text: str) -> None:
    """Writes a file at once."""
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(text)
    os.replace(part, path)


def summary(results: Sequence[Measured]) -> list[str]:
    """One row for each case."""
    lines = head("case states transitions CPU_s M_states/s x_SPIN x_rumur cold_x_SPIN warm_x_SPIN 2_threads")
    for r in results:
        one = r.samples["kspec 1"][0]
        search = r.median("kspec 1", "search")
        assert search
        whole = r.least(("spin bfs", "spin dfs"), "cpu")
        large = one.states >= MILLION
        cells = (
            f"{r.case.name} {r.case.n}", f"{one.states:,}", f"{one.transitions:,}", f"{search:.2f}",
            f"{one.states / search / 1e6:.2f}",
            times(r.least(("spin bfs", "spin dfs"), "search"), search, SPIN),
            times(r.median("rumur 1", "search"), search, RUMUR),
            times(whole, r.median("kspec cold", "cpu"), COLD if large else 0),
            times(whole, r.median("kspec warm", "cpu"), WARM if large else 0),
            times(r.median("kspec 1", "elapsed"), r.median("kspec 2", "elapsed"), 0),
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "SPIN: the faster of its two search orders.  *2 threads*: wall seconds on one over those on two."]
    lines += ["A ratio that misses what is aimed at has a `!`.", ""]
    return lines


def head(names: str) -> list[str]:
    """The head of a table: names between blanks, with ``_`` for blanks in them."""
    columns = names.split()
    return ["| " + " | ".join(c.replace("_", " ") for c in columns) + " |", "|" + "---|" * len(columns)]


def times(other: float | None, own: float | None, wanted: float) -> str:
    """A ratio, marked when it is too small."""
    if other is None or not own:
        return ""
    ratio = other / own
    return f"{ratio:.1f}" + (" !" if ratio < wanted else "")


def table(r: Measured) -> list[str]:
    """All rows of one case."""
    base = r.median("kspec 1", "search")
    assert base
    settings = ", ".join(f"{k}={v}" for k, v in r.case.settings.items())
    lines = [f"## {r.case.name} {r.case.n} ({settings})", ""]
    lines += head("tool runs states transitions search_CPU_s_(least-most) wall_s ratio whole_CPU_s whole_wall_s MB")
    differ = r.disagreements()
    for tool, rows in r.samples.items():
        search, elapsed = r.median(tool, "search"), r.median(tool, "elapsed")
        low, high = min(s.search for s in rows), max(s.search for s in rows)
        row = rows[0]
        note = " (differs)" if tool in differ else ""
        phase = f"{search:.3f} ({low:.3f}-{high:.3f}) | {elapsed:.2f} | {search / base:.1f}" if search else " | | "
        alone = tool in ("kspec 1", "kspec 2")
        whole = " | " if alone else f"{r.median(tool, 'cpu'):.2f} | {r.median(tool, 'wall'):.2f}"
        rss = (r.median(tool, "rss") or 0) / 2**20
        counts = f"{len(rows)} | {row.states:,}{note} | {row.transitions:,}"
        lines.append(f"| {tool} | {counts} | {phase} | {whole} | {rss:.0f} |")
    return [*lines, ""]


def version(command: list[str]) -> str:
    """The first line that a tool says about itself."""
    if not shutil.which(command[0]):
        return "not installed"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).splitlines()[0].strip()


def cpu_name() -> str:
    """What the processor calls itself."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory() -> int:
    """The memory of the machine in gigabytes."""
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
