"""AIGER files against ABC: every property's shortest length, and proofs where there is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from export.exporting import MODELS, SOAK, Truth, everything, needs, run, shipped, suite, truth
from interp.random_systems import random_system
from kspec.export import aiger
from kspec.export.circuit import circuit
from kspec.lang.diagnostics import Failed
from kspec.symbolic.evaluate import Unsupported
from kspec.system.model import System

SEEDS = range(500 if SOAK else 10)


def read_ascii(data: bytes) -> tuple[list[int], list[tuple[int, int]], list[int], dict[int, tuple[int, int]]]:
    """Inputs, latches, bad literals and gates of an ``.aag`` file."""
    lines = data.decode().split("\n")
    tag, most, i, ls, o, a, b = lines[0].split()
    assert tag == "aag" and o == "0" and int(most) == int(i) + int(ls) + int(a)
    rows = [[int(x) for x in line.split()] for line in lines[1 : 1 + int(i) + int(ls) + int(b) + int(a)]]
    ends = [int(i), int(i) + int(ls), int(i) + int(ls) + int(b)]
    gates = {n: (x, y) for n, x, y in rows[ends[2] :]}
    latches = [(n, x) for n, x in rows[ends[0] : ends[1]]]
    return [n for (n,) in rows[: ends[0]]], latches, [n for (n,) in rows[ends[1] : ends[2]]], gates


def read_binary(data: bytes) -> tuple[list[int], list[int], dict[int, tuple[int, int]]]:
    """Next states of latches, bad literals and gates of an ``.aig`` file."""
    head, rest = data.split(b"\n", 1)
    tag, _, i, ls, _, a, b = head.split()
    assert tag == b"aig"
    lines = rest.split(b"\n", int(ls) + int(b))
    numbers = [int(x) for x in lines[:-1]]
    at, body = 0, lines[-1]
    gates: dict[int, tuple[int, int]] = {}
    for k in range(int(a)):
        deltas = []
        for _ in range(2):
            value = shift = 0
            while True:
                byte = body[at]
                at += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            deltas.append(value)
        n = 2 * (int(i) + int(ls) + k + 1)
        gates[n] = (n - deltas[0], n - deltas[0] - deltas[1])
    return numbers[: int(ls)], numbers[int(ls) :], gates


@pytest.mark.parametrize("seed", range(10))
def test_both_forms_are_one_circuit(seed: int) -> None:
    system = random_system(seed)
    inputs, latches, bad, gates = read_ascii(aiger.write(system, binary=False))
    assert (([x for _, x in latches]), bad, gates) == read_binary(aiger.write(system))
    assert inputs == [2 * (k + 1) for k in range(len(inputs))]
    assert [n for n, _ in latches] == [2 * (len(inputs) + k + 1) for k in range(len(latches))]
    assert all(n > x >= y for n, (x, y) in gates.items())


def agree(system: System, known: Truth, folder: Path, safe: str = "pdr -T 60") -> None:
    """ABC finds exactly the violations that there are, at their lengths, and nothing by the command ``safe``
    where there are none.

    A file for each property, as ABC's ``bmc3 -a`` does not survive some files.
    """
    commands: list[str] = []
    for i, name in enumerate(everything(system)):
        try:
            (folder / f"p{i}.aig").write_bytes(aiger.write(system, (name,)))
        except Failed as e:
            assert isinstance(e.__cause__, Unsupported)
            continue
        bound = f"bmc3 -F {known.lengths[name] + 2} -T 60" if name in known.lengths else safe
        commands.append(f"echo property {i}; read_aiger p{i}.aig; {bound}")
    if not commands:
        return
    out = run("berkeley-abc", "-q", "; ".join(commands), cwd=folder)
    for part in out.split("property ")[1:]:
        name = everything(system)[int(part.split()[0])]
        found = re.search(r"was asserted in frame +(\d+)", part)
        assert (int(found[1]) if found else None) == known.lengths.get(name), part
        assert found or "Property proved" in part or safe.startswith("bmc"), part


@needs("berkeley-abc")
@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_models(path: Path, tmp_path: Path) -> None:
    for _, system, known in shipped(path):
        hard = path.parent.name == "perf" or known.states > (2000 if SOAK else 100)
        agree(system, known, tmp_path, "bmc3 -F 3 -T 60" if hard else "pdr -T 60")


@needs("berkeley-abc")
def test_suite(tmp_path: Path) -> None:
    chosen = suite()
    assert len(chosen) >= 10
    for _, system, known in chosen:
        agree(system, known, tmp_path)


@needs("berkeley-abc")
@pytest.mark.parametrize("seed", SEEDS)
def test_random_systems(seed: int, tmp_path: Path) -> None:
    system = random_system(seed)
    known = truth(system, 5000)
    assert known is not None
    agree(system, known, tmp_path)


def test_one_property() -> None:
    system = random_system(3)
    name = everything(system)[0]
    c = circuit(system, (name,))
    assert [n for n, _ in c.bad] == [name]
    with pytest.raises(Failed, match="E0701"):
        aiger.write(system, ("no_such_property",))
