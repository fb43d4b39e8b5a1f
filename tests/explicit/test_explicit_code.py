"""The generated C: no warnings, clean under the sanitizers, nothing of a model's text in it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from explicit.classic_systems import german, peterson
from explicit.comparing import SOAK
from interp.random_systems import Features, random_system
from kspec.explicit.codegen import Native, generate
from kspec.explicit.fields import Unsupported
from kspec.explicit.partial import relations_of
from kspec.lang.load import load
from kspec.lower.build import build
from kspec.system.expr import TRUE, Cell, Const, Read
from kspec.system.model import Action, Property, System
from kspec.system.stmt import EMPTY, Assert, Assign, Block, Write
from kspec.types import RangeType
from suite.suite_files import directives, files

GCC = shutil.which("gcc")
MODELS = Path(__file__).resolve().parents[2] / "models"
BUSY = Features(product=3000, actions=10)
needs_gcc = pytest.mark.skipif(GCC is None, reason="no gcc")


@needs_gcc
@pytest.mark.parametrize("threads", [False, True])
def test_no_warnings(threads: bool) -> None:
    """-Wall -Wextra at -O2, which also looks for values used before they are set."""
    some = [random_system(seed, BUSY) for seed in range(300 if SOAK else 8)]
    for system in [peterson(4), german(5), *some, *from_files()]:
        for native in variants(system):
            text = native.threaded if threads else native.text
            assert GCC is not None
            command = [GCC, "-std=gnu99", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-x", "c", "-c", "-"]
            done = subprocess.run([*command, "-o", os.devnull], input=text.encode(), stderr=subprocess.PIPE)
            assert done.returncode == 0, (system.name, done.stderr.decode())


def variants(system: System) -> Iterator[Native]:
    """The code for all states and, where there can be any, for partial-order reduction."""
    yield generate(system)
    relations = relations_of(system, False)
    if not isinstance(relations, str):
        yield generate(system, (), relations)


def from_files() -> Iterator[System]:
    """Systems of the suite and of the models: a slice, or all of them."""
    suite = [p for p in files() if not directives(p.read_text()).errors]
    chosen = [*suite, *sorted(MODELS.rglob("*.kspec"))] if SOAK else suite[:: len(suite) // 12]
    for path in chosen:
        system = build(load(path), directives(path.read_text()).settings)
        with contextlib.suppress(Unsupported):
            generate(system)
            yield system


@needs_gcc
def test_sanitizers() -> None:
    """A slice of the comparison with the interpreter, with code built for ASan and UBSan."""
    assert GCC is not None
    found = subprocess.run([GCC, "-print-file-name=libasan.so"], stdout=subprocess.PIPE, text=True)
    library = Path(found.stdout.strip())
    if not library.is_absolute():
        pytest.skip("no address sanitizer")
    count = 200 if SOAK else 6
    script = (
        "from dataclasses import replace\n"
        "from explicit.classic_systems import german, peterson\n"
        "from explicit.comparing import TINY, differences\n"
        "from interp.random_systems import Features, random_system\n"
        f"busy = Features(product=500, actions=10)\n"
        f"systems = [random_system(seed, busy) for seed in range(7000, {7000 + count})]\n"
        "for number, system in enumerate([peterson(2), german(2), *systems]):\n"
        "    wrong = differences(system, replace(TINY, tier='cc'), 1 + number % 2)\n"
        "    assert not wrong, (number, wrong)\n"
        "print('clean')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "CC": f"{GCC} -fsanitize=address,undefined -fno-sanitize-recover=all -g -O1",
            "LD_PRELOAD": str(library),
            "ASAN_OPTIONS": "detect_leaks=0",
        },
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.stdout.strip().endswith("clean"), done.stderr[-3000:]


def test_nothing_of_the_model_is_in_the_code() -> None:
    """Names, messages and texts of a hostile model do not reach the compiler."""
    evil = 'x"; */ #include "/etc/passwd" \n#error Ωpwned\\ ??/ system("id") /* int'
    t = RangeType(0, 3)
    cell = Cell(evil, (), t)
    body = Block((Assert(evil + "a", TRUE, (evil,)), Assign((Write(cell, (), Const(1)),))))
    system = System(
        name=evil,
        params=((evil, evil),),
        cells=(cell,),
        start=(0,),
        init=EMPTY,
        actions=(Action(evil + "b", (), TRUE, body, process=evil),),
        properties=(
            Property(evil + "a", "assert", TRUE, (evil,)),
            Property("while", "invariant", Read(cell)),
        ),
    )
    native = generate(system)
    plain = generate(System("m", (), (Cell("c", (), t),), (0,), EMPTY, (), ()))
    for word in ("pwned", "include", "system", "passwd", evil[:4]):
        assert native.text.count(word) == plain.text.count(word)
    assert native.text.isascii()


def test_size_does_not_grow_with_parameters() -> None:
    """The same protocol for more processes is the same code with other constants."""
    assert abs(len(generate(peterson(8)).text) - len(generate(peterson(3)).text)) < 2000
