"""BTOR2 and VMT files, unrolled from their own text by z3: every property's shortest length."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import z3
from export.exporting import MODELS, SOAK, Truth, everything, shipped, suite, truth
from interp.random_systems import random_system
from kspec.export import btor2, vmt
from kspec.lang.diagnostics import Failed
from kspec.symbolic.evaluate import Unsupported
from kspec.system.model import System

SEEDS = range(300 if SOAK else 12)
DEEPEST = 12
"""Longer violations are not looked for."""

Frames = Callable[[z3.Solver, int], list[Any]]
"""Adds the next frame to a solver, and gives the properties' violations in it."""


def btor2_frames(text: str) -> Frames:
    """The unrolling of a BTOR2 file."""
    lines = [line.split() for line in text.split("\n") if line and not line.startswith(";")]
    widths = {row[0]: int(row[3]) for row in lines if row[1] == "sort"}
    assert [int(row[0]) for row in lines] == list(range(1, len(lines) + 1))
    before: dict[int, Any] = {}

    def frame(solver: z3.Solver, k: int) -> list[Any]:
        value: dict[int, Any] = {}
        bad: list[Any] = []

        def of(ref: str) -> Any:
            return ~value[-int(ref)] if ref.startswith("-") else value[int(ref)]

        nexts = {row[3]: row[4] for row in lines if row[1] == "next"}
        inits = {row[3]: row[4] for row in lines if row[1] == "init"}
        for row in lines:
            n, op, rest = int(row[0]), row[1], row[2:]
            match op:
                case "sort" | "init" | "next":
                    assert op == "sort" or int(rest[1]) < n
                case "zero":
                    value[n] = z3.BitVecVal(0, widths[rest[0]])
                case "const":
                    assert len(rest[1]) == widths[rest[0]]
                    value[n] = z3.BitVecVal(int(rest[1], 2), widths[rest[0]])
                case "input":
                    value[n] = z3.BitVec(f"{n}@{k}", widths[rest[0]])
                case "state":
                    if k == 0:
                        assert int(inits[row[0]]) < n, "values of init come before the state"
                        value[n] = of(inits[row[0]])
                    else:
                        value[n] = before[n]
                    assert value[n].size() == widths[rest[0]]
                case "slice":
                    value[n] = z3.Extract(int(rest[2]), int(rest[3]), of(rest[1]))
                case "and":
                    value[n] = of(rest[1]) & of(rest[2])
                case "concat":
                    value[n] = z3.Concat(of(rest[1]), of(rest[2]))
                    assert value[n].size() == widths[rest[0]]
                case "bad":
                    bad.append(of(rest[0]) == 1)
                case _:
                    raise AssertionError(row)
        before.clear()
        before.update({int(s): of(v) for s, v in nexts.items()})
        return bad

    return frame


def constants_of(e: Any) -> dict[str, Any]:
    """The free constants of a term, by name."""
    found: dict[str, Any] = {}
    stack, seen = [e], set()
    while stack:
        x = stack.pop()
        if x.get_id() not in seen:
            seen.add(x.get_id())
            stack += x.children()
            if z3.is_const(x) and x.decl().kind() == z3.Z3_OP_UNINTERPRETED:
                found[x.decl().name()] = x
    return found


def vmt_frames(text: str) -> Frames:
    """The unrolling of a VMT file."""
    states = re.findall(r"\(define-fun \|[^|]*\| \(\) (?:Bool|\([^)]*\)) \(! \|([^|]*)\| :next \|([^|]*)\|\)\)", text)
    properties = re.findall(r"\(define-fun (\|[^|]*\|) \(\) Bool .* :invar-property \d+\)\)", text)
    (init,) = re.findall(r"\(define-fun (\|[^|]*\|) \(\) Bool .* :init true\)\)", text)
    (trans,) = re.findall(r"\(define-fun (\|[^|]*\|) \(\) Bool .* :trans true\)\)", text)
    wanted = "".join(f"(assert {name})" for name in (init, trans, *properties))
    first, move, *good = list(z3.parse_smt2_string(text + wanted))[-2 - len(properties) :]
    later = {b: a for a, b in states}
    for p in good:
        assert set(constants_of(p)) <= set(later.values()), "properties are about state variables"
    constants = {name: c for e in (first, move, *good) for name, c in constants_of(e).items()}

    def at(e: Any, k: int) -> Any:
        pairs = []
        for name, c in constants.items():
            stem, frame = (later[name], k + 1) if name in later else (name, k)
            pairs.append((c, z3.Const(f"{stem}@{frame}", c.sort())))
        return z3.substitute(e, *pairs) if pairs else e

    def frame(solver: z3.Solver, k: int) -> list[Any]:
        solver.add(at(first, 0) if k == 0 else at(move, k - 1))
        return [z3.Not(at(p, k)) for p in good]

    return frame


def agree(form: Any, unroll: Callable[[str], Frames], system: System, known: Truth) -> None:
    """The shortest violations, up to DEEPEST steps, are those that there are."""
    names = everything(system)
    try:
        frame = unroll(form.write(system, names))
    except Failed as e:
        assert isinstance(e.__cause__, Unsupported)
        return
    solver = z3.Solver()
    solver.set("timeout", 60_000)
    found: dict[str, int] = {}
    near = {n: k for n, k in known.lengths.items() if k <= DEEPEST}
    for k in range(min(DEEPEST, max(near.values(), default=2) + 1) + 1):
        bad = frame(solver, k)
        assert len(bad) == len(names)
        for name, cond in zip(names, bad, strict=True):
            if name not in found:
                answer = solver.check(cond)
                assert answer != z3.unknown
                if answer == z3.sat:
                    found[name] = k
    assert found == near


FORMS = [pytest.param(btor2, btor2_frames, id="btor2"), pytest.param(vmt, vmt_frames, id="vmt")]


@pytest.mark.parametrize(("form", "unroll"), FORMS)
@pytest.mark.parametrize("path", MODELS if SOAK else MODELS[::2], ids=lambda p: p.stem)
def test_models(form: Any, unroll: Callable[[str], Frames], path: Path) -> None:
    systems = shipped(path)
    for _, system, known in systems if SOAK else systems[-1:]:
        if known.states <= 5000:
            agree(form, unroll, system, known)


@pytest.mark.parametrize(("form", "unroll"), FORMS)
def test_suite(form: Any, unroll: Callable[[str], Frames]) -> None:
    for _, system, known in suite() if SOAK else suite()[::8]:
        agree(form, unroll, system, known)


@pytest.mark.parametrize(("form", "unroll"), FORMS)
@pytest.mark.parametrize("seed", SEEDS)
def test_random_systems(form: Any, unroll: Callable[[str], Frames], seed: int) -> None:
    system = random_system(seed)
    known = truth(system, 5000)
    assert known is not None
    agree(form, unroll, system, known)
