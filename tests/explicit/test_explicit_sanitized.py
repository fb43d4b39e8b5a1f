"""Generated code under the address and undefined-behaviour sanitizers, on the suite and on models.

The checks run in a child process that has the sanitizer's library loaded before anything else; a finding ends
it.  Every comparison with the interpreter is made as in other tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from explicit.comparing import SOAK
from suite.suite_files import directives, files

GCC = shutil.which("gcc")
ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
from explicit.comparing import TINY, Recorder, differences
from kspec.engine.protocol import Budget, Goals
from kspec.explicit.codegen import generate
from kspec.explicit.engine import ExplicitEngine
from kspec.explicit.fields import Unsupported
from kspec.interp.explore import InterpEngine
from kspec.lang.load import load
from kspec.lower.build import build
from suite.suite_files import directives

small = Budget(states=3000, seconds=20)
done = 0
for number, name in enumerate(sys.argv[1:]):
    settings = directives(Path(name).read_text()).settings
    system = build(load(Path(name)), settings)
    try:
        generate(system)
    except Unsupported:
        continue  # for the interpreter
    done += 1
    if InterpEngine().check(system, Goals(everything=True), small, Recorder()).status == "unknown":
        # Too many states to compare: the first of them, natively.
        engine = ExplicitEngine(replace(TINY, tier="cc", slice=500))
        result = engine.check(system, Goals(), Budget(states=20_000, threads=1 + number % 2), Recorder())
        assert result.engine == "explicit", (name, result.notes)
        continue
    wrong = differences(system, replace(TINY, tier="cc"), 1 + number % 2)
    assert not wrong, (name, wrong)
print(done, "clean")
"""


def chosen() -> list[Path]:
    """Files without errors: a slice of the suite and small models, or all of them."""
    suite = [p for p in files() if not directives(p.read_text()).errors]
    models = sorted(p for p in (ROOT / "models").rglob("*.kspec"))
    if SOAK:
        return [*suite, *models]
    return [*suite[:: max(1, len(suite) // 7)], *(p for p in models if p.stem == "futex_mutex")]


@pytest.mark.skipif(GCC is None, reason="no gcc")
@pytest.mark.parametrize("block", range(8 if SOAK else 1))
def test_suite_and_models(block: int, tmp_path: Path) -> None:
    """Counts, digests and runs, and nothing that a sanitizer objects to."""
    found = subprocess.run([str(GCC), "-print-file-name=libasan.so"], stdout=subprocess.PIPE, text=True)
    library = Path(found.stdout.strip())
    if not library.is_absolute():
        pytest.skip("no address sanitizer")
    names = [str(p) for p in chosen()[block :: 8 if SOAK else 1]]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *names],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "tests"),
            "XDG_CACHE_HOME": str(tmp_path),
            "CC": f"{GCC} -fsanitize=address,undefined -fno-sanitize-recover=all -g",
            "LD_PRELOAD": str(library),
            "ASAN_OPTIONS": "detect_leaks=0",
        },
        capture_output=True,
        text=True,
        timeout=1500,
    )
    count, word = (done.stdout.split() or ["0", done.stderr[-3000:]])[-2:]
    assert word == "clean", word
    assert int(count) > len(names) // 2
