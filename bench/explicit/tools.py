"""Runs one tool on one case and reads its counts."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cases import HERE, Case

PEERS = HERE / "peers"
LIMIT = 1800
"""Seconds after which a run is given up."""
FEW, MANY = 3_000_000, 10_000_000
"""States above which reduction and second threads of other tools are left out, and those above which SPIN's
depth-first search is, whose stack gets too deep."""


@dataclass(frozen=True)
class Sample:
    """One run of one tool.

    ``search`` is CPU seconds of the search phase and ``elapsed`` its wall seconds (0: not known apart);
    ``cpu`` and ``wall`` are of the whole chain: generation and compilation included.  ``rss`` in bytes.
    """

    tool: str
    states: int
    transitions: int
    search: float
    elapsed: float
    cpu: float
    wall: float
    rss: int


def tools(case: Case, folder: Path) -> Iterator[tuple[str, Callable[[], Sample]]]:
    """The runs to make, by name."""
    for threads in (1, 2):
        yield f"kspec {threads}", lambda t=threads: kspec_search(case, folder, t)
    yield "kspec cold", lambda: kspec_whole(case, folder, "cold")
    yield "kspec warm", lambda: kspec_whole(case, folder, "warm")
    if not case.peer:
        return
    few = case.states <= FEW
    if shutil.which("spin"):
        yield "spin bfs", lambda: spin(case, folder, "spin bfs", ("-DNOREDUCE", "-DBFS"))
        if case.states <= MANY:
            yield "spin dfs", lambda: spin(case, folder, "spin dfs", ("-DNOREDUCE",))
        if few:
            yield "spin bfs por", lambda: spin(case, folder, "spin bfs por", ("-DBFS",))
            yield "spin dfs por", lambda: spin(case, folder, "spin dfs por", ())
    if shutil.which("rumur"):
        for threads in (1, 2) if few else (1,):
            yield f"rumur {threads}", lambda t=threads: rumur(case, folder, t)
    if case.tla and os.environ.get("TLA2TOOLS_JAR") and few:
        yield "tlc", lambda: tlc(case, folder)


def environment(folder: Path, cache: str) -> dict[str, str]:
    """The environment of kspec: as installed (modules compiled to bytecode once), with a cache of its own."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**env, "PYTHONPYCACHEPREFIX": str(folder / "bytecode"), "XDG_CACHE_HOME": str(folder / cache)}


def kspec_search(case: Case, folder: Path, threads: int) -> Sample:
    """The search phase alone, compiled by the system's compiler before."""
    command = [sys.executable, str(HERE / "search.py"), str(case.file), str(threads), json.dumps(case.settings)]
    done, wall, cpu, rss = timed(command, folder, environment(folder, "cache-search"))
    a = json.loads(done.stdout)
    assert a["status"] == "exhausted", a
    name = f"kspec {threads}"
    return Sample(name, a["states"], a["transitions"], a["cpu"], a["wall"], cpu, wall, rss)


def kspec_whole(case: Case, folder: Path, how: str) -> Sample:
    """The command from start to verdict; ``cold``: without code that an earlier run compiled."""
    if how == "cold":
        shutil.rmtree(folder / "cache/kspec/native", ignore_errors=True)
    sets = [f"--set={k}={v}" for k, v in case.settings.items()]
    program = str(Path(sys.executable).parent / "kspec")
    command = [program, "check", str(case.file), *sets, "--engine=explicit", "--symmetry=off", "--format=json"]
    done, wall, cpu, rss = timed([*command, f"--save-traces={folder}"], folder, environment(folder, "cache"))
    try:
        evidence = json.loads(done.stdout)["checks"][0]["evidence"]
    except ValueError:
        raise SystemExit(f"{command} gave no answer:\n{done.stdout[-500:]}\n{done.stderr[-2000:]}") from None
    return Sample(f"kspec {how}", evidence["states"], evidence["transitions"], 0.0, 0.0, cpu, wall, rss)


def spin(case: Case, folder: Path, name: str, flags: tuple[str, ...]) -> Sample:
    """SPIN: generate, compile, run."""
    (folder / "m.pml").write_text(filled((PEERS / f"{case.peer}.pml").read_text(), case.n))
    chain = Chain(folder)
    chain.step(["spin", f"-DN={case.n}", "-o2", "-o3", "-a", "m.pml"])
    chain.step(["gcc", "-O2", "-w", "-DSAFETY", "-DMEMLIM=14000", *flags, "-o", "pan", "pan.c", "-lpthread"])
    depth = 1_000_000 if case.states < 1_500_000 else 10_000_000
    done = chain.search(["./pan", f"-m{depth}", "-w26", "-A", "-E"])
    found = re.search(r"(\d+) states, stored", done.stdout)
    taken = re.search(r"(\d+) transitions \(=", done.stdout)
    if not (found and taken) or "error: max search depth" in done.stdout or "out of memory" in done.stdout:
        raise SystemExit(f"{name} did not finish:\n{done.stdout[-2000:]}")
    return chain.sample(name, int(found[1]), int(taken[1]) - 1)


def rumur(case: Case, folder: Path, threads: int) -> Sample:
    """rumur: generate, compile, run."""
    (folder / "m.m").write_text(filled((PEERS / f"{case.peer}.m").read_text(), case.n))
    chain = Chain(folder)
    options = ["--threads", str(threads), "--deadlock-detection", "off", "--symmetry-reduction", "off"]
    chain.step(["rumur", *options, "--output", "m.c", "m.m"])
    chain.step(["gcc", "-O3", "-march=native", "-mcx16", "-std=c11", "-w", "-o", "m", "m.c", "-lpthread"])
    done = chain.search(["./m"])
    found = re.search(r"(\d+) states, (\d+) rules fired", done.stdout)
    if not found:
        raise SystemExit(f"rumur did not finish:\n{done.stdout[-2000:]}")
    return chain.sample(f"rumur {threads}", int(found[1]), int(found[2]))


def tlc(case: Case, folder: Path) -> Sample:
    """TLC; the start of the JVM and parsing are part of its search phase here."""
    shutil.copy(PEERS / f"{case.tla}.tla", folder)
    config = filled((PEERS / f"{case.tla}.cfg").read_text(), case.n)
    (folder / f"{case.tla}.cfg").write_text(config)
    chain = Chain(folder)
    command = ["java", "-Xmx12g", "-XX:+UseParallelGC", "-cp", os.environ["TLA2TOOLS_JAR"], "tlc2.TLC"]
    done = chain.search([*command, "-workers", "1", "-deadlock", case.tla])
    found = re.search(r"(\d+) states generated, (\d+) distinct", done.stdout)
    if not found:
        raise SystemExit(f"TLC did not finish:\n{done.stdout[-2000:]}")
    return chain.sample("tlc", int(found[2]), int(found[1]) - 1)


class Chain:
    """The steps of a tool that generates a program, compiles and runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cpu = self.wall = self.last_cpu = self.last_wall = 0.0
        self.rss = 0

    def step(self, command: list[str]) -> None:
        """A step that only has to work."""
        self._run(command)

    def search(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """The last step, whose time is that of the search phase."""
        done, self.last_wall, self.last_cpu, self.rss = self._run(command)
        return done

    def sample(self, name: str, states: int, transitions: int) -> Sample:
        """What the chain took."""
        return Sample(name, states, transitions, self.last_cpu, self.last_wall, self.cpu, self.wall, self.rss)

    def _run(self, command: list[str]) -> tuple[subprocess.CompletedProcess[str], float, float, int]:
        done, wall, cpu, rss = timed(command, self.folder, dict(os.environ))
        self.cpu, self.wall = self.cpu + cpu, self.wall + wall
        return done, wall, cpu, rss


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
    command: list[str], folder: Path, env: dict[str, str]
) -> tuple[subprocess.CompletedProcess[str], float, float, int]:
    """Runs a command in a folder: result, wall seconds, CPU seconds (children included), largest resident
    memory of a process."""
    measured = [sys.executable, "-S", "-E", str(HERE / "measure.py"), *command]
    done = subprocess.run(
        measured, env=env, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=LIMIT,
    )  # fmt: skip
    *rest, last = done.stderr.strip().splitlines()
    wall, cpu, rss, code = last.split()
    if int(code) not in (0, 1):
        raise SystemExit(f"{command} failed:\n{done.stdout[-2000:]}\n{rest}")
    return done, float(wall), float(cpu), int(rss)
