"""Measures the symbolic engines against other model checkers on the same circuits, in one run.

    python bench/symbolic/run.py [--part proofs|bugs|deep|hard|all] [--only NAME] [--seconds 60] [--out bench/results]

Every instance is exported to AIGER, a circuit with one bad signal, which ABC (``pdr``, ``bmc3``) and Z3 (its default
solver unrolling it, and Spacer) get.  The engines of kspec get the model.  Times are CPU seconds;
for kspec from the transition system to the checked answer (the certificate's re-check within), for others of the
whole process (ABC) or without the export (Z3).  Answers must agree, and so must the lengths of shortest
violations; otherwise the run fails.  The tables go to ``symbolic.json`` and ``symbolic.md``, where rows of earlier
runs are kept.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from instances import DEEP, HARD, SAFE, UNSAFE, Instance

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MEMORY = 6 << 30
SPACER_SECONDS = 10.0
SMALL = 36
"""Up to how many latches the tools in ``SLOW`` take part: beyond, they do not answer in the time."""
SLOW = ("spacer", "z3")


@dataclass(frozen=True)
class Sample:
    """One run.  ``answer``: proved, violated, bounded or unknown.  ``cpu`` in seconds; ``length`` of the violation
    in steps; ``check``: CPU seconds of the re-check of a certificate alone, ``clauses``: how many it has."""

    tool: str
    answer: str
    cpu: float
    length: int | None = None
    check: float | None = None
    clauses: int | None = None


@dataclass(frozen=True)
class Row:
    """An instance with all its samples."""

    part: str
    name: str
    latches: int
    depth: int
    samples: tuple[Sample, ...]

    def of(self, tool: str) -> Sample | None:
        """The sample of a tool."""
        return next((s for s in self.samples if s.tool == tool), None)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--part", choices=["proofs", "bugs", "deep", "hard", "all"], default="all")
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=60.0, help="CPU seconds for each tool; ABC gets five times "
                        "as many on the hard instances")  # fmt: skip
    parser.add_argument("--out", type=Path, default=ROOT / "bench/results")
    args = parser.parse_args()
    before = earlier(args.out / "symbolic.json")
    parts = ("proofs", "bugs", "deep", "hard") if args.part == "all" else (args.part,)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="kspec-bench-") as folder:
        for part in parts:
            for instance in {"proofs": SAFE, "bugs": UNSAFE, "deep": (DEEP,), "hard": HARD}[part]:
                if args.only in instance.name:
                    rows.append(measure(part, instance, args.seconds, Path(folder)))
                    new = {(r.part, r.name) for r in rows}
                    write([*(r for r in before if (r.part, r.name) not in new), *rows], args.out)
    return 1 if any(list(disagreements(r)) for r in rows) else 0


def earlier(file: Path) -> list[Row]:
    """The rows of earlier runs, which are kept where this one has no other."""
    if not file.exists():
        return []
    rows = json.loads(file.read_text())["rows"]
    return [Row(**{**r, "samples": tuple(Sample(**s) for s in r["samples"])}) for r in rows]


def measure(part: str, instance: Instance, seconds: float, folder: Path) -> Row:
    """All tools on one instance."""
    file = folder / "circuit.aig"
    size = _measured("aiger", instance, seconds, str(file))
    assert size is not None, f"{instance.name} cannot be exported"
    depth = instance.depth or instance.bound
    samples: list[Sample] = []
    small = int(str(size["latches"])) <= SMALL
    for tool, run in tools(part, instance, seconds, file, depth):
        if tool in SLOW and not small:
            continue
        sample = run()
        samples.append(sample)
        print(f"{part} {instance.name}: {sample}", flush=True)
    row = Row(part, instance.name, int(str(size["latches"])), depth, tuple(samples))
    for line in disagreements(row):
        print(f"DISAGREEMENT: {line}", file=sys.stderr)
    return row


def tools(
    part: str, instance: Instance, seconds: float, file: Path, depth: int
) -> Iterator[tuple[str, Callable[[], Sample]]]:
    """The runs to make on an instance."""

    def kspec(engine: str) -> Callable[[], Sample]:
        return lambda: _python(f"kspec {engine}", engine, instance, seconds)

    if part != "bugs":
        yield "kspec pdr", kspec("pdr")
        yield "abc pdr", lambda: _abc("pdr", file, seconds * (5 if part == "hard" else 1))
    if part == "proofs":
        yield "spacer", lambda: _python("spacer", "spacer", instance, min(seconds, SPACER_SECONDS))
    if part != "hard":
        yield "kspec bmc", kspec("bmc")
        yield "abc bmc3", lambda: _abc(f"bmc3 -F {depth + 1}", file, seconds)
    if part in ("proofs", "bugs"):
        yield "z3", lambda: _python("z3", "z3", instance, seconds)


def _python(tool: str, what: str, instance: Instance, seconds: float) -> Sample:
    out = _measured(what, instance, seconds)
    if out is None:
        return Sample(tool, "unknown", seconds)
    wanted = {k: out[k] for k in ("answer", "cpu", "length", "check", "clauses") if k in out}
    return Sample(tool=tool, **wanted)  # type: ignore[arg-type]


def _measured(what: str, instance: Instance, seconds: float, *more: str) -> dict[str, object] | None:
    """What ``measure.py`` prints; None when it did not end in time."""
    command = [sys.executable, str(HERE / "measure.py"), what, instance.name, str(seconds * 4), *more]
    done, _ = _timed(command, seconds)
    try:
        found = json.loads(done.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        return None
    return dict(found)


def _abc(command: str, file: Path, seconds: float) -> Sample:
    """ABC says ``proved``, or in which frame the signal is on."""
    tool = f"abc {command.split()[0]}"
    if shutil.which("berkeley-abc") is None:
        return Sample(tool, "unavailable", 0.0)
    text, cpu = _timed(["berkeley-abc", "-c", f"read_aiger {file}; {command}"], seconds)
    found = re.search(r"was asserted in frame (\d+)", text)
    if found:
        return Sample(tool, "violated", cpu, int(found[1]))
    if "Property proved" in text:
        return Sample(tool, "proved", cpu)
    return Sample(tool, "bounded" if re.search(r"No output (was )?asserted in", text) else "unknown", cpu)


def _timed(command: Sequence[str], seconds: float) -> tuple[str, float]:
    """What a process prints, and its CPU seconds; it is stopped after so many, or after four times as many of
    wall time."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 3))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds * 4 + 20, preexec_fn=limited, check=False
        )
        text = done.stdout
    except subprocess.TimeoutExpired as e:
        text = e.stdout.decode(errors="replace") if isinstance(e.stdout, bytes) else ""
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return text, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def disagreements(row: Row) -> Iterator[str]:
    """Tools that contradict each other, or the length that is known."""
    answers = {s.answer for s in row.samples} & {"proved", "violated"}
    if len(answers) > 1:
        yield f"{row.name}: {', '.join(f'{s.tool} {s.answer}' for s in row.samples)}"
    for s in row.samples:
        known = row.part in ("bugs", "deep") and s.tool in ("kspec bmc", "abc bmc3", "z3")
        if known and s.answer == "bounded":
            yield f"{row.name}: {s.tool} finds no violation within {row.depth} steps"
        if known and s.answer == "violated" and s.length != row.depth:
            yield f"{row.name}: {s.tool} says {s.length} steps, not {row.depth}"


def write(rows: Sequence[Row], folder: Path) -> None:
    """The results so far, as JSON and as tables."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = {"machine": platform.processor() or platform.machine(), "python": platform.python_version()}
    command = " ".join(["python bench/symbolic/run.py", *sys.argv[1:]])
    document = {"command": command, **machine, "rows": [asdict(r) for r in rows]}
    (folder / "symbolic.json").write_text(json.dumps(document, indent=1) + "\n")
    (folder / "symbolic.md").write_text("\n".join(page(rows, command)) + "\n")


def page(rows: Sequence[Row], command: str) -> Iterator[str]:
    """The tables."""
    yield from ("# Symbolic engines", "", f"`{command}`", "", "CPU seconds; `-`: no answer in the time.", "")
    for part, title in (
        ("proofs", "Proofs, and bounded search to the same depth"),
        ("bugs", "Violations by bounded search"),
        ("deep", "A deep violation"),
        ("hard", "Proofs that take other provers long"),
    ):
        mine = [r for r in rows if r.part == part]
        if mine:
            names = list(dict.fromkeys(s.tool for r in mine for s in r.samples))
            yield from (f"## {title}", "", f"| instance | latches | depth | {' | '.join(names)} | re-check |")
            yield "|---|---|---|" + "---|" * (len(names) + 1)
            for r in mine:
                cells = [_cell(r.of(n)) for n in names]
                check = next((f"{s.check:.2f}" for s in r.samples if s.check is not None), "")
                yield f"| {r.name} | {r.latches} | {r.depth} | {' | '.join(cells)} | {check} |"
            yield ""
    yield from ("## Ratios", "", *ratios(rows))


def _cell(s: Sample | None) -> str:
    if s is None or s.answer in ("unknown", "unavailable"):
        return "-" if s is None or s.answer == "unavailable" else f"- ({s.cpu:.0f})"
    length = f" ({s.length})" if s.length is not None else ""
    return f"{s.cpu:.2f}{length}"


def ratios(rows: Sequence[Row]) -> Iterator[str]:
    """What the tables come to."""
    for most, least in ((64, 0), (200, 65)):
        some = [r for r in rows if r.part == "proofs" and least <= r.latches <= most]
        both = [(a.cpu, b.cpu) for r in some if (a := _solved(r, "kspec pdr")) and (b := _solved(r, "abc pdr"))]
        missed = [r.name for r in some if _solved(r, "abc pdr") and not _solved(r, "kspec pdr")]
        if both:
            middle = statistics.median(a / b for a, b in both)
            yield f"* pdr, {least} to {most} latches: median {middle:.1f} times ABC's time, of {len(both)} both solve;"
            yield f"  {', '.join(missed) or 'nothing'} solved by ABC only"
    for tool in ("abc bmc3", "z3"):
        parts = [r for r in rows if r.part in ("proofs", "bugs")]
        pairs = [(a.cpu, b.cpu) for r in parts if (a := _solved(r, "kspec bmc")) and (b := _solved(r, tool))]
        if pairs:
            yield f"* bounded search: median {statistics.median(a / b for a, b in pairs):.2f} times that of {tool}"
    checks = [(r.name, s.check, s.cpu) for r in rows for s in r.samples if s.check is not None]
    slow = [n for n, check, cpu in checks if check > max(1.0, 0.2 * cpu)]
    yield f"* re-checks of certificates: {len(checks) - len(slow)} of {len(checks)} within 1 s or a fifth of the proof"
    alone = [r.name for r in rows if _solved(r, "kspec pdr") and (s := r.of("abc pdr")) and s.answer == "unknown"]
    yield f"* solved by kspec and not by ABC: {', '.join(alone) or 'nothing'}"


def _solved(row: Row, tool: str) -> Sample | None:
    s = row.of(tool)
    return s if s is not None and s.answer in ("proved", "violated", "bounded") else None


if __name__ == "__main__":
    sys.exit(main())
