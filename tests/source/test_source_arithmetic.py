"""Expressions over the machine's integers have the values that the C compiler gives them."""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
import z3
from kspec.conform.source.ctext import CFile
from kspec.conform.source.execute import Executor
from kspec.conform.source.headers import Library
from kspec.conform.source.machine import INT, IntType, Scalar, constant, integer

FUNCTIONS = 3000 if os.environ.get("KSPEC_SOAK") else 120
TYPES = ("signed char", "unsigned char", "short", "unsigned short", "int", "unsigned int", "long", "unsigned long")
VALUES = (0, 1, -1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63)


def expression(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.15:
        return rng.choice(("a", "b", "c", "0", "1", "-1", "7u", "0x80000000", "5000000000", "1ul"))
    x, y = expression(rng, depth - 1), expression(rng, depth - 1)
    match rng.randrange(8):
        case 0 | 1:
            return f"({x} {rng.choice(('<', '<=', '>', '>=', '==', '!='))} {y})"
        case 2 | 3:
            return f"({x} {rng.choice(('+', '-', '*', '&', '|', '^'))} {y})"
        case 4:
            return f"({x} {rng.choice(('&&', '||'))} {y})"
        case 5:
            return f"({x} ? {y} : {expression(rng, depth - 1)})"
        case 6:
            return f"({rng.choice(('!', '~', '- '))}{x})"
    return f"(({rng.choice(TYPES)}){x})"


def function(rng: random.Random, number: int) -> tuple[str, list[IntType], IntType]:
    types = [rng.choice(TYPES) for _ in range(4)]
    a, b, c, result = types
    body = f"return {expression(rng, 3)};"
    if rng.random() < 0.5:
        body = f"{rng.choice(TYPES)} x = {expression(rng, 2)};\n\tif ({expression(rng, 2)})\n\t\tx = c;\n"
        body += f"\telse if (x < b)\n\t\treturn {expression(rng, 2)};\n\treturn x + a;"
    known = [integer(tuple(t.split())) for t in types]
    assert all(known)
    return f"{result} f{number}({a} a, {b} b, {c} c)\n{{\n\t{body}\n}}\n", known[:3], known[3]  # type: ignore[return-value]


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_as_the_compiler_computes(tmp_path: Path) -> None:
    rng = random.Random(20)
    made = [function(rng, k) for k in range(FUNCTIONS)]
    source = tmp_path / "f.c"
    source.write_text("\n".join(text for text, _, _ in made))
    library = tmp_path / "f.so"
    subprocess.run(["cc", "-w", "-O0", "-fwrapv", "-shared", "-fPIC", "-o", library, source], check=True, timeout=300)
    native = ctypes.CDLL(str(library))
    parsed = Library(CFile.read(source), ())
    for k, (text, types, result) in enumerate(made):
        call = native[f"f{k}"]
        call.restype = getattr(ctypes, f"c_{'' if result.signed else 'u'}int{result.width}")
        (f,) = parsed.file.functions[f"f{k}"]
        for _ in range(4):
            numbers = [rng.choice(VALUES) % (1 << t.width) for t in types]
            wide = [getattr(ctypes, f"c_{'' if t.signed else 'u'}int{t.width}")(n) for n, t in zip(numbers, types)]
            arguments = tuple(Scalar(z3.BitVecVal(n, t.width), t) for n, t in zip(numbers, types))
            got = z3.simplify(Executor(parsed, {}).call(f, arguments).term).as_long()
            if result.signed and got >> (result.width - 1):
                got -= 1 << result.width
            assert got == call(*wide), (text, numbers)


def test_literals() -> None:
    run = Executor(Library(CFile.parse("x.c", ""), ()), {})
    for text, width, signed in (
        ("1", 32, True), ("0x7fffffff", 32, True), ("0x80000000", 32, False), ("2147483648", 64, True),
        ("1u", 32, False), ("1ul", 64, False), ("0xffffffffffffffff", 64, False), ("010", 32, True), ("'a'", 32, True),
    ):  # fmt: skip
        v = run.expression(text, {}, "test")
        assert (v.width, v.signed) == (width, signed), text
    assert z3.simplify(run.expression("010", {}, "test").term).as_long() == 8
    assert constant(1).type == INT
