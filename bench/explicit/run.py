"""Measures the native engine against other explicit-state model checkers, in one run, on equal models.

    python bench/explicit/run.py [--sizes small|full] [--reps 5] [--only NAME] [--out bench/results]

For each model: states and transitions (which must agree between all tools), CPU seconds of the search phase
(after compilation, before the report), and the time of the whole process, cold and with a warm cache.  The
tables go to ``explicit.json`` and ``explicit.md``; ratios are of medians of CPU seconds in this run.

SPIN runs with ``-o2 -o3`` (without these it resets and merges differently, so counts differ), exhaustive,
with and without partial-order reduction, depth-first and breadth-first; rumur with ``-O3`` on one and two
threads; TLC when ``TLA2TOOLS_JAR`` names its archive.  Tools that are not installed are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEERS = HERE / "peers"


@dataclass(frozen=True)
class Case:
    """A model at a size: the kspec file and its parameter, the name of the encodings for peers."""

    name: str
    file: Path
    param: str
    n: int
    fixed: tuple[tuple[str, str], ...] = ()
    peer: str = ""
    tla: str = ""


@dataclass(frozen=True)
class Sample:
    """One run of one tool.  ``search`` is CPU seconds of the search phase, ``wall`` and ``cpu`` are of the
    whole chain (generation and compilation included, unless the name says warm), ``rss`` in bytes."""

    tool: str
    states: int
    transitions: int
    search: float
    cpu: float
    wall: float
    rss: int


CLASSIC = ROOT / "models/classic"
DEADLOCK = (("POLICY", "left_first"), ("ACCEPT_DEADLOCK", "true"))
SMALL = (
    Case("scan", HERE / "scan.kspec", "N", 4, peer="scan", tla="Peterson"),
    Case("filter", CLASSIC / "peterson.kspec", "N", 5, peer="filter"),
    Case("german", CLASSIC / "german.kspec", "NODES", 4, peer="german", tla="German"),
    Case("phils", CLASSIC / "philosophers.kspec", "N", 12, DEADLOCK, "phils", "Phils"),
    Case("commit", CLASSIC / "two_phase_commit.kspec", "RMS", 7, peer="commit"),
    Case("ticket", HERE / "ticket.kspec", "N", 7, peer="ticket"),
)
FULL = (
    *SMALL,
    Case("filter", CLASSIC / "peterson.kspec", "N", 6, peer="filter"),
    Case("ticket", HERE / "ticket.kspec", "N", 8, peer="ticket"),
    Case("german", CLASSIC / "german.kspec", "NODES", 5),
)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", choices=["small", "full"], default="small")
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, default=ROOT / "bench/results")
    args = parser.parse_args()
    results = []
    for case in FULL if args.sizes == "full" else SMALL:
        if args.only in case.name:
            results.append(measure(case, args.reps))
    report(results, args.out, " ".join(["python bench/explicit/run.py", *sys.argv[1:]]))


def measure(case: Case, reps: int) -> dict[str, object]:
    """All tools on one case; the order of tools is the same in every repetition."""
    samples: dict[str, list[Sample]] = {}
    with tempfile.TemporaryDirectory(prefix="kspec-bench-") as folder:
        for _ in range(reps):
            for tool, run in tools(case, Path(folder)):
                sample = run()
                if sample is not None:
                    samples.setdefault(tool, []).append(sample)
                    print(f"{case.name} {case.n} {sample}", flush=True)
    return {"case": case.name, "n": case.n, "samples": {k: [asdict(s) for s in v] for k, v in samples.items()}}


def tools(case: Case, folder: Path) -> Iterator[tuple[str, Callable[[], Sample | None]]]:
    """The runs to make, by name."""
    for threads in (1, 2):
        yield f"kspec {threads}", lambda t=threads: kspec_search(case, t)
    yield "kspec cold", lambda: kspec_whole(case, folder, cold=True)
    yield "kspec warm", lambda: kspec_whole(case, folder, cold=False)
    if not case.peer:
        return
    if shutil.which("spin"):
        for name, flags in (
            ("spin bfs", ("-DNOREDUCE", "-DBFS")),
            ("spin dfs", ("-DNOREDUCE",)),
            ("spin dfs por", ()),
        ):
            yield name, lambda n=name, f=flags: spin(case, folder, n, f)
    if shutil.which("rumur"):
        for threads in (1, 2):
            yield f"rumur {threads}", lambda t=threads: rumur(case, folder, t)
    if case.tla and os.environ.get("TLA2TOOLS_JAR"):
        yield "tlc", lambda: tlc(case, folder)


def kspec_search(case: Case, threads: int) -> Sample:
    """The search phase alone: in a process of its own, with the code of the system's compiler in the cache."""
    settings = {**dict(case.fixed), case.param: str(case.n)}
    command = [sys.executable, str(HERE / "search.py"), str(case.file), str(threads), json.dumps(settings)]
    done, wall, cpu, rss = timed(command)
    answer = json.loads(done.stdout)
    return Sample(
        f"kspec {threads}", answer["states"], answer["transitions"], answer["cpu"], cpu, wall, rss
    )


def kspec_whole(case: Case, folder: Path, cold: bool) -> Sample:
    """The command as a user calls it, from start to verdict."""
    cache = folder / "cache"
    if cold:
        shutil.rmtree(cache, ignore_errors=True)
    sets = [f"--set={k}={v}" for k, v in ((case.param, case.n), *case.fixed)]
    program = str(Path(sys.executable).parent / "kspec")
    command = [program, "check", str(case.file), *sets, "--format=json"]
    command += [f"--save-traces={folder}"]
    done, wall, cpu, rss = timed(command, {"XDG_CACHE_HOME": str(cache)})
    evidence = json.loads(done.stdout)["checks"][0]["evidence"]
    name = "kspec cold" if cold else "kspec warm"
    return Sample(name, evidence["states"], evidence["transitions"], cpu, cpu, wall, rss)


def spin(case: Case, folder: Path, name: str, flags: tuple[str, ...]) -> Sample:
    """SPIN: generate, compile, run."""
    text = filled((PEERS / f"{case.peer}.pml").read_text(), case.n)
    (folder / "m.pml").write_text(text)
    began, cpu0 = time.monotonic(), children_cpu()
    call(["spin", f"-DN={case.n}", "-o2", "-o3", "-a", "m.pml"], folder)
    call(["gcc", "-O2", "-w", "-DSAFETY", "-DMEMLIM=20000", *flags, "-o", "pan", "pan.c", "-lpthread"], folder)
    done, _, search, rss = timed(["./pan", "-m1000000", "-w26", "-A", "-E"], cwd=folder)
    found = re.search(r"(\d+) states, stored", done.stdout)
    taken = re.search(r"(\d+) transitions \(=", done.stdout)
    assert found and taken, done.stdout
    return Sample(
        name, int(found[1]), int(taken[1]) - 1, search, children_cpu() - cpu0, time.monotonic() - began, rss
    )


def rumur(case: Case, folder: Path, threads: int) -> Sample:
    """rumur: generate, compile, run."""
    (folder / "m.m").write_text(filled((PEERS / f"{case.peer}.m").read_text(), case.n))
    began, cpu0 = time.monotonic(), children_cpu()
    options = ["--threads", str(threads), "--deadlock-detection", "off", "--symmetry-reduction", "off"]
    call(["rumur", *options, "--output", "m.c", "m.m"], folder)
    flags = ["-O3", "-march=native", "-mcx16", "-std=c11", "-w"]
    call(["gcc", *flags, "-o", "m", "m.c", "-lpthread"], folder)
    done, _, search, rss = timed(["./m"], cwd=folder)
    found = re.search(r"(\d+) states, (\d+) rules fired", done.stdout)
    assert found, done.stdout[-500:]
    return Sample(
        f"rumur {threads}", int(found[1]), int(found[2]), search, children_cpu() - cpu0,
        time.monotonic() - began, rss,
    )  # fmt: skip


def tlc(case: Case, folder: Path) -> Sample:
    """TLC; the start of the JVM and parsing are part of its search phase here."""
    shutil.copy(PEERS / f"{case.tla}.tla", folder)
    config = filled((PEERS / f"{case.tla}.cfg").read_text(), case.n)
    (folder / f"{case.tla}.cfg").write_text(config)
    command = ["java", "-Xmx12g", "-XX:+UseParallelGC", "-cp", os.environ["TLA2TOOLS_JAR"], "tlc2.TLC"]
    done, wall, cpu, rss = timed([*command, "-workers", "1", "-deadlock", case.tla], cwd=folder)
    found = re.search(r"(\d+) states generated, (\d+) distinct", done.stdout)
    assert found, done.stdout[-500:]
    return Sample("tlc", int(found[2]), int(found[1]) - 1, cpu, cpu, wall, rss)


def filled(text: str, n: int) -> str:
    """The text of an encoding with what depends on the size filled in."""
    everyone = range(n)
    return (
        text.replace("@N@", str(n))
        .replace("@TICKETS@", str(2 * n))
        .replace("@FREE@", "(" + " && ".join(f"({q} == i || level[{q}] < l)" for q in everyone) + ")")
        .replace("@NOSHR@", "(" + " && ".join(f"!shr[{q}]" for q in everyone) + ")")
        .replace("@ALLP@", "(" + " && ".join(f"tmp_[{q}]" for q in everyone) + ")")
    )


def timed(
    command: list[str], env: dict[str, str] | None = None, cwd: Path | None = None
) -> tuple[subprocess.CompletedProcess[str], float, float, int]:
    """Runs a command: result, wall seconds, CPU seconds (children included), largest resident memory."""
    measured = [sys.executable, str(HERE / "measure.py"), *command]
    done = subprocess.run(
        measured, env={**os.environ, **(env or {})}, cwd=cwd, capture_output=True, text=True, check=False
    )
    *rest, last = done.stderr.strip().splitlines()
    wall, cpu, rss, code = last.split()
    if int(code) not in (0, 1):
        raise SystemExit(f"{command} failed:\n{done.stdout[-2000:]}\n{rest}")
    return done, float(wall), float(cpu), int(rss)


def call(command: list[str], folder: Path) -> None:
    """Runs a step that only has to work."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def children_cpu() -> float:
    """CPU seconds of all children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(results: list[dict[str, object]], out: Path, command: str) -> None:
    """Writes both forms of the tables."""
    out.mkdir(parents=True, exist_ok=True)
    where = {
        "command": command,
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{cpu_name()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "gcc": version(["gcc", "--version"]),
        "spin": version(["spin", "-V"]),
        "rumur": version(["rumur", "--version"]),
    }
    (out / "explicit.json").write_text(json.dumps({**where, "results": results}, indent=1) + "\n")
    lines = ["# Native engine against other explicit-state model checkers", ""]
    lines += [f"- {k}: {v}" for k, v in where.items()]
    lines += ["", "Medians; the spread is smallest to largest.  Ratio: CPU seconds of the tool's search phase"]
    lines += ["divided by those of `kspec 1`; for `kspec cold` and `kspec warm` and for the column *whole*, the"]
    lines += ["wall time of the whole chain (generate, compile, search).", ""]
    for r in results:
        lines += table(r)
    (out / "explicit.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def table(result: dict[str, object]) -> list[str]:
    """The rows of one case."""
    samples: dict[str, list[dict[str, float]]] = result["samples"]  # type: ignore[assignment]
    base = statistics.median(s["search"] for s in samples["kspec 1"])
    states = samples["kspec 1"][0]["states"]
    lines = [f"## {result['case']} {result['n']}: {states:,} states", ""]
    lines += ["| tool | states | transitions | search CPU s | Mstates/s | ratio | whole s | MB |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for tool, rows in samples.items():
        search = statistics.median(s["search"] for s in rows)
        low, high = min(s["search"] for s in rows), max(s["search"] for s in rows)
        whole = statistics.median(s["wall"] for s in rows)
        rss = statistics.median(s["rss"] for s in rows) / 2**20
        row = rows[0]
        agrees = "" if row["states"] == states or "por" in tool else " (differs)"
        rate = row["states"] / search / 1e6
        only_whole = tool in ("kspec cold", "kspec warm")
        lines.append(
            f"| {tool} | {row['states']:,}{agrees} | {row['transitions']:,} | "
            + ("| | " if only_whole else f"{search:.3f} ({low:.3f}-{high:.3f}) | {rate:.2f} | ")
            + ("| " if only_whole else f"{search / base:.1f} | ")
            + f"{whole:.2f} | {rss:.0f} |"
        )
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


if __name__ == "__main__":
    main()
