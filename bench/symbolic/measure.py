"""One run of one engine on one instance; prints a JSON object.  ``run.py`` calls it in a process of its own.

    python bench/symbolic/measure.py TOOL INSTANCE SECONDS [FILE]

TOOL is an engine of kspec, or ``z3`` (bounded model checking of the exported circuit with Z3's default solver),
``spacer`` (Z3's Horn clause engine on it), or ``aiger`` (writes the circuit to FILE).
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from instances import BY_NAME, Instance
from kspec.certify.check import recheck
from kspec.engine import registry
from kspec.engine.protocol import Budget, Goals, Progress
from kspec.export.aiger import render
from kspec.export.circuit import Circuit, circuit
from kspec.symbolic.aig import Aig
from kspec.system.model import System


def main(tool: str, name: str, seconds: float, file: str = "") -> dict[str, object]:
    """What the tool says, its CPU seconds, and more."""
    instance = BY_NAME[name]
    system = instance.system()
    match tool:
        case "aiger":
            c = one_bad(circuit(system))
            Path(file).write_bytes(render(c, binary=True))
            return {"latches": len(c.latches), "inputs": len(c.inputs), "gates": len(c.aig)}
        case "z3":
            return z3_bounded(one_bad(circuit(system)), instance.depth or instance.bound)
        case "spacer":
            return spacer(one_bad(circuit(system)), seconds)
        case _:
            return engine(tool, system, instance, seconds)


def engine(name: str, system: System, instance: Instance, seconds: float) -> dict[str, object]:
    """An engine of kspec: its whole answer, from the transition system on.  ``check``: CPU seconds of a re-check
    of its last certificate, which is within ``cpu``."""
    made = registry.find(name)
    if isinstance(made, registry.Unavailable):
        return {"answer": "unavailable", "why": made.reason, "cpu": 0.0}
    depth = (instance.depth or instance.bound) if name == "bmc" else None
    before = cpu()
    result = made.check(system, Goals(), Budget(seconds, depth=depth), Unwatched())
    spent = cpu() - before
    runs = [f.run.length for f in result.findings if f.run is not None]
    out: dict[str, object] = {"answer": result.status, "cpu": spent, "length": min(runs, default=None)}
    if runs:
        out["answer"] = "violated"
    if result.status == "proved":
        before = cpu()
        if recheck(system, result.certificates[-1]).problems:
            raise AssertionError("a certificate that does not stand")
        out["check"] = cpu() - before
        layers = json.loads(result.certificates[-1])["layers"]
        out["clauses"] = sum(len(layer["clauses"]) for layer in layers)
    return out


def one_bad(c: Circuit) -> Circuit:
    """The circuit with one bad signal: anything goes wrong."""
    return replace(c, bad=(("wrong", c.aig.any(a for _, a in c.bad)),))


def z3_bounded(c: Circuit, depth: int) -> dict[str, object]:
    """Level by level to ``depth``, one solver for all, no logic named."""
    import z3

    before = cpu()
    solver = z3.Solver()
    values: dict[int, object] = {latch.now >> 1: z3.BoolVal(False) for latch in c.latches}
    for k in range(depth + 1):
        frame = Terms(c.aig, {**values, **{a >> 1: z3.Bool(f"{n}@{k}") for n, a in c.inputs}}, z3)
        bad = frame.of(c.bad[0][1])
        solver.push()
        solver.add(bad)
        if solver.check() == z3.sat:
            return {"answer": "violated", "cpu": cpu() - before, "length": k}
        solver.pop()
        following = [(latch, frame.of(latch.following)) for latch in c.latches]
        values = {}
        for latch, term in following:
            values[latch.now >> 1] = z3.Bool(f"{latch.name}@@{k + 1}")
            solver.add(values[latch.now >> 1] == term)
    return {"answer": "bounded", "cpu": cpu() - before}


def spacer(c: Circuit, seconds: float) -> dict[str, object]:
    """One rule for the step, over Booleans."""
    import z3

    before = cpu()
    now = {latch.now >> 1: z3.Bool(latch.name) for latch in c.latches}
    frame = Terms(c.aig, {**now, **{a >> 1: z3.Bool(f"in {n}") for n, a in c.inputs}}, z3)
    inv = z3.Function("Inv", *([z3.BoolSort()] * len(c.latches)), z3.BoolSort())
    wrong = z3.Function("Wrong", z3.BoolSort())
    horn = z3.Fixedpoint()
    horn.set(engine="spacer", timeout=int(seconds * 1000))
    for f in (inv, wrong):
        horn.register_relation(f)
    variables = [*now.values(), *(z3.Bool(f"in {n}") for n, _ in c.inputs)]
    horn.declare_var(*variables)
    horn.rule(inv(*(z3.BoolVal(False) for _ in c.latches)))
    horn.rule(inv(*(frame.of(latch.following) for latch in c.latches)), inv(*now.values()))
    horn.rule(wrong(), [inv(*now.values()), frame.of(c.bad[0][1])])
    try:
        answer = str(horn.query(wrong()))
    except z3.Z3Exception as e:
        answer = str(e)
    said = {"unsat": "proved", "sat": "violated"}.get(answer, "unknown")
    return {"answer": said, "cpu": cpu() - before}


class Terms:
    """Terms of Z3 for literals of a graph, given those of its leaves."""

    def __init__(self, aig: Aig, leaves: Mapping[int, object], z3: object) -> None:
        self.aig, self.z3 = aig, z3
        self.table: dict[int, object] = {0: z3.BoolVal(False), **leaves}  # type: ignore[attr-defined]

    def of(self, a: int) -> object:
        """The term of a literal."""
        z3 = self.z3
        for node in self.aig.cone((a,)):
            if node not in self.table:
                left, right = (self._edge(x) for x in (self.aig.left[node], self.aig.right[node]))
                self.table[node] = z3.And(left, right)  # type: ignore[attr-defined]
        return self._edge(a)

    def _edge(self, a: int) -> object:
        term = self.table[a >> 1]
        return self.z3.Not(term) if a & 1 else term  # type: ignore[attr-defined]


class Unwatched:
    """A control that nobody uses."""

    def cancelled(self) -> bool:
        return False

    def report(self, progress: Progress) -> None:
        pass


def cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in both)


if __name__ == "__main__":
    started = time.monotonic()
    answer = main(sys.argv[1], sys.argv[2], float(sys.argv[3]), *sys.argv[4:])
    print(json.dumps({**answer, "wall": time.monotonic() - started}))
