"""Models that try to break what is made of them: each compiles and gives the interpreter's answer, or gets a
diagnostic.  Nothing of their text reaches the C compiler or a shell."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from explicit.comparing import SOAK, TINY, differences
from kspec.explicit.codegen import generate
from kspec.explicit.toolchain import system_compiler, tiny_compiler
from kspec.lang.diagnostics import Failed
from kspec.lang.load import load
from kspec.lower.build import build
from kspec.system.model import System

NAMES = """
    auto break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    _Bool asm typeof main NULL true1 errno stdin printf system exit abort malloc memcpy __attribute__ __asm__
    __builtin_trap __LINE__ __FILE__ __GNUC__ __STDC__ defined linux unix i386
    u8 u32 u64 i32 i64 w s t f d i e h r v1 v2 p0 a0 a1 q0 K0 K1 fail fault next kinds start look passed initial
    expand within stuck emit found flush insert visit copy same mix hash_sum slot_of entry_of worker shared batch
    edge canon disturbed reduce WORDS STUCK RECENT THREADS LOAD PEEK ADD MARK RARE INLINE NOINLINE PREFETCH GOLDEN
    SEARCH SWEEP JUDGE PROBE BATCH HELD RECORD END kspec_work kspec_init kspec_find kspec_prepare
"""
"""Keywords of C, names of its library and of compilers, and names of the run-time and of generated code."""

MODEL = """kspec 1
// a comment with #include "/etc/passwd" and ??/
// and a backslash at its end: \\
param P_{n}: 1..3 = 2;
enum E_{n} {{ M_{n}, X{n} }}
type T_{n} = 0..3;
struct S_{n} {{ {n}: T_{n}; }}
var {n}: T_{n} = 0;
var z{n}: S_{n};
fun f_{n}(x_{n}: T_{n}): bool = x_{n} < 3;
action A_{n}(p_{n}: 0..1) when f_{n}({n}) {{
    {n} = {n} + 1;
    z{n}.{n} = {n};
    assert B_{n}: {n} < 4, "{{{n}}} # define X \\" */ ??/ $(id) `id` %s %n \\\\";
}}
action C_{n}() when {n} == 3 {{ {n} = 0; }}
invariant I_{n}: {n} != 3 || z{n}.{n} == 3, "système 形式 \\"#error\\" ??=";
reachable R_{n}: {n} == 3;
"""


def system_of(text: str, folder: Path) -> System:
    """The system of a text; raises Failed."""
    path = folder / "model.kspec"
    path.write_text(text, encoding="utf-8")
    return build(load(path), {})


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


PLAIN = MODEL.format(n="quite_another_name")


@pytest.mark.parametrize("name", NAMES.split())
def test_names(name: str, tmp_path: Path) -> None:
    """A name means the same to every engine, or it is a keyword of the language and gets a diagnostic.  The C
    text does not depend on names at all."""
    try:
        system = system_of(MODEL.format(n=name), tmp_path)
    except Failed as e:
        assert {d.code for d in e.diagnostics} <= {"E0101", "E0104"}, e.diagnostics
        return
    assert generate(system).text == generate(system_of(PLAIN, tmp_path)).text


def test_they_are_explored(tmp_path: Path) -> None:
    """With both compilers the answer is that of the interpreter."""
    for tier, compiler in (("tcc", tiny_compiler()), ("cc", system_compiler())):
        if compiler is not None:
            for name in ("volatile", "worker", "WORDS"):
                tuning = replace(TINY, tier="cc" if tier == "cc" else "tcc")
                assert not differences(system_of(MODEL.format(n=name), tmp_path), tuning), (tier, name)


def test_texts_stay_out(tmp_path: Path) -> None:
    """No word of a hostile model is in the C text unless it is in that of an innocent one."""
    evil = MODEL.format(n="pwned").replace("a comment", "évil pwned2 ??/\n// " + "#" * 50)
    text = generate(system_of(evil, tmp_path)).text
    assert text.isascii()
    assert not {w for w in words(text) if "pwned" in w or w in ("include", "passwd", "système", "printf")}
    assert "??/" not in text
    assert not re.search(r"\\\n", text)


def lines_model(lines: int) -> str:
    """A model of so many lines: actions that each set one of a few variables."""
    out = ["kspec 1", *(f"var x{n}: 0..1;" for n in range(8))]
    n = 0
    while len(out) < lines - 4:
        out += [f"action a{n}() when x{n % 8} == {n // 8 % 2} {{", f"    x{n % 8} = {1 - n // 8 % 2};", "}", ""]
        n += 1
    return "\n".join([*out, "invariant fine: x0 <= 1;", ""])


def test_many_lines(tmp_path: Path) -> None:
    """Ten thousand lines (a tenth of it in the quick slice): compiled by what is there, every action counted."""
    text = lines_model(10_000 if SOAK else 1_000)
    system = system_of(text, tmp_path)
    assert len(system.actions) > len(text.splitlines()) // 5
    if tiny_compiler() is not None:
        assert not differences(system, replace(TINY, tier="tcc", slice=300))


DEEP = {
    "brackets": ("(" * 150 + "x" + ")" * 150 + " == 0", "(" * 5000 + "x" + ")" * 5000 + " == 0"),
    "negations": ("!" * 150 + "(x == 0)", "!" * 20_000 + "(x == 0)"),
    "minuses": ("- " * 150 + "x <= 0", "- " * 20_000 + "x <= 0"),
    "sums": (" + ".join(["x"] * 150) + " == 0", " + ".join(["x"] * 20_000) + " == 0"),
    "conditions": ("x == 0 ? " * 60 + "true" + " : false" * 60, "x == 0 ? " * 9000 + "true" + " : false" * 9000),
    "quantifiers": ("".join(f"forall a{n} in 0..0: " for n in range(60)) + "x == 0",
                    "".join(f"forall a{n} in 0..0: " for n in range(9000)) + "x == 0"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DEEP)
def test_deep_nesting(kind: str, tmp_path: Path) -> None:
    """Deep trees are compiled; absurd ones get a diagnostic or are compiled, and nothing falls over."""
    for expr in DEEP[kind]:
        text = f"kspec 1\nvar x: 0..0;\naction go() {{ x = 0; }}\ninvariant deep: {expr};\n"
        try:
            system = system_of(text, tmp_path)
        except Failed as e:
            assert {d.code for d in e.diagnostics} <= {"E0103"}, e.diagnostics
            assert expr == DEEP[kind][1] or kind == "quantifiers"
            continue
        if tiny_compiler() is not None:
            assert not differences(system, replace(TINY, tier="tcc")), expr[:60]


def test_deep_statements(tmp_path: Path) -> None:
    """Blocks in blocks, loops in loops."""
    for depth in (30, 150):
        body = "if (x == 0) { " * depth + "x = 1;" + " }" * depth
        loops = "".join(f"for n{k} in 0..0 {{ " for k in range(depth)) + "x = 0;" + " }" * depth
        text = f"kspec 1\nvar x: 0..1;\naction up() {{ {body} }}\naction down() {{ {loops} }}\n"
        try:
            system = system_of(text, tmp_path)
        except Failed as e:
            assert {d.code for d in e.diagnostics} <= {"E0103"}, e.diagnostics
            continue
        if tiny_compiler() is not None:
            assert not differences(system, replace(TINY, tier="tcc")), depth


def test_file_names_are_not_commands(tmp_path: Path) -> None:
    """A model whose file and folder have shell syntax in their names is checked like any other."""
    folder = tmp_path / "a; touch pwned #$(touch pwned2)"
    folder.mkdir()
    file = folder / "-o `touch pwned3`.kspec"
    file.write_text("kspec 1\nvar x: 0..1;\naction flip() { x = 1 - x; }\ninvariant ok: x <= 1;\n")
    kspec = shutil.which("kspec", path=str(Path(sys.executable).parent))
    assert kspec is not None
    done = subprocess.run([kspec, "check", "--", str(file)], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "exhausted, 2 states" in done.stdout
    assert not [p for p in tmp_path.rglob("*") if p.name.startswith("pwned")]
