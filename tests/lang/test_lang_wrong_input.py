"""Wrong input through the real command line: a clear message, exit code 2, within 5 seconds."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kspec.cli.main import main

SECONDS = 5.0
Case = tuple[str | bytes, str, str]

DEEP = 20_000
HEAD = "kspec 1\nvar x: 0..1;\nvar b: bool;\n"


def chain(op: str, n: int) -> str:
    return f" {op} ".join(["b"] * n)


def nested_functions(n: int) -> str:
    lines = ["fun f0(a: 0..1): 0..1 = a;"]
    lines += [f"fun f{k}(a: 0..1): 0..1 = min(f{k - 1}(a), f{k - 1}(1 - a));" for k in range(1, n)]
    return "\n".join(lines) + f"\ninvariant i: f{n - 1}(x) == 0;\n"


def nested_structs(n: int) -> str:
    lines = ["struct S0 { a: bool; b: bool; }"]
    lines += [f"struct S{k} {{ a: S{k - 1}; b: S{k - 1}; }}" for k in range(1, n)]
    return "\n".join(lines) + f"\nvar s: S{n - 1};\n"


# name: (the text, the code that is given, what the message says)
TEXTS: dict[str, Case] = {
    "empty": ("", "E0102", "not a kspec file"),
    "only blanks": ("\n\n   \n", "E0102", "not a kspec file"),
    "only comments": ("// nothing here\n/* nor here */\n", "E0102", "not a kspec file"),
    "prose": ("Dear all,\n\nplease find attached.\n", "E0102", "not a kspec file"),
    "C": ("#include <stdio.h>\nint main(void) { return 0; }\n", "E0102", "not a kspec file"),
    "other version": ("kspec 99\n", "E0102", "unknown version"),
    "huge version": ("kspec " + "9" * 100_000 + "\n", "E0102", "unknown version"),
    "header only once": ("kspec 1\nkspec 1\n", "E0101", "unexpected `kspec`"),
    "binary": (b"kspec 1\n\x00\x01\x02\xff", "E0004", "is not a text"),
    "random bytes": (bytes(range(256)) * 100, "E0004", "is not a text"),
    "latin-1": ("kspec 1\n// Köln\nvar x: bool;\n".encode("latin-1"), "E0004", "is not UTF-8 (line 2)"),
    "utf-16": ("kspec 1\nvar x: bool;\n".encode("utf-16"), "E0004", "is not a text"),
    "half a character": (b"kspec 1\n// \xf0\x9f\x92\n", "E0004", "is not UTF-8 (line 2)"),
    "control characters": ("kspec 1\nvar \x1b[31mx: bool;\n", "E0101", "unexpected character '\\x1b'"),
    "control characters in a comment": ("kspec 1\n// \x1b[31m\nvar x: ;\n", "E0101", "unexpected `;`"),
    "other letters": ("kspec 1\nvar größe: bool;\n", "E0101", "unexpected character 'ö'"),
    "parentheses": ("kspec 1\ninvariant i: " + "(" * 100_000 + "\n", "E0103", "nested more than 200 deep"),
    "brackets": ("kspec 1\nvar x" + "[" * 100_000 + "\n", "E0103", "nested more than 200 deep"),
    "braces": ("kspec 1\naction a() " + "{" * 100_000 + "\n", "E0103", "nested more than 200 deep"),
    "closing brackets": ("kspec 1\n" + "])}" * 33_000 + "\n", "E0101", "unexpected `]`"),
    "mixed brackets": ("kspec 1\naction a() " + "{([" * 33_000 + "\n", "E0103", "nested more than 200 deep"),
    "balanced brackets": (HEAD + f"invariant i: {'(' * 190}b{')' * 190} == 1;\n", "E0301", "cannot be compared"),
    "brackets in comments": (HEAD + "// (\n" * 500 + '/* [ */\ninvariant i: c, "(";\n', "E0201", "unknown name `c`"),
    "negations": (HEAD + "invariant i: " + "!" * DEEP + "b;\n", "E0103", "nested more than 200 deep"),
    "signs": (HEAD + "invariant i: " + "- " * DEEP + "x == 0;\n", "E0103", "nested more than 200 deep"),
    "conjunctions": (HEAD + f"invariant i: {chain('&&', DEEP)};\n", "E0103", "nested more than 200 deep"),
    "implications": (HEAD + f"invariant i: {chain('=>', DEEP)};\n", "E0103", "nested more than 200 deep"),
    "sums": (HEAD + f"invariant i: {' + '.join(['x'] * DEEP)} == 0;\n", "E0103", "nested more than 200 deep"),
    "conditionals": (HEAD + "invariant i: " + "b ? b : " * DEEP + "b;\n", "E0103", "nested more than 200 deep"),
    "quantifiers": (HEAD + "invariant i: " + "forall y in bool: " * DEEP + "b;\n", "E0103", "nested more than 200"),
    "fields": (HEAD + "invariant i: x" + ".f" * DEEP + " == 0;\n", "E0103", "nested more than 200 deep"),
    "indices": (HEAD + "invariant i: x" + "[0]" * DEEP + " == 0;\n", "E0103", "nested more than 200 deep"),
    "else if": (HEAD + "action a() { " + "if (b) { } else " * DEEP + "{ } }\n", "E0103", "nested more than 200 deep"),
    "optionals": (HEAD + "var y: bool" + "?" * DEEP + ";\n", "E0103", "nested more than 200 deep"),
    "maps": (HEAD + "var y" + "[bool]" * DEEP + ": bool;\n", "E0341", "20000 indices are too many"),
    "messages": (HEAD + 'invariant i: b, "{' + "!" * DEEP + 'b}";\n', "E0103", "nested more than 200 deep"),
    "constants nested": ("kspec 1\nconst N = " + "-" * 180 + "1;\nconst M = N + K;\n", "E0201", "unknown name `K`"),
    "huge number": ("kspec 1\nconst N = " + "9" * 500_000 + ";\n", "E0107", "the number is too large"),
    "huge hexadecimal": ("kspec 1\nconst N = 0x" + "f" * 500_000 + ";\n", "E0107", "the number is too large"),
    "huge count": ("kspec 1\ncheck c expect holds states " + "9" * 5_000 + ";\n", "E0107", "the number is too large"),
    "growing constants": (
        "kspec 1\nconst A0 = 9;\n" + "".join(f"const A{k + 1} = A{k} * A{k};\n" for k in range(60)),
        "E0107",
        "the number is too large",
    ),
    "huge range": ("kspec 1\nvar x: 0..4000000000;\n", "E0341", "is too large"),
    "huge map": ("kspec 1\nid T[4000];\nvar x[T][T][T]: bool;\n", "E0341", "too many elements"),
    "huge set": ("kspec 1\nstruct P { a: 0..999; b: 0..999; c: 0..999; }\nvar s: set<P>;\n", "E0341", "too many"),
    "huge sequence": ("kspec 1\nvar s: seq<seq<seq<bool, 500>, 500>, 500>;\n", "E0341", "too many elements"),
    "doubling structs": ("kspec 1\n" + nested_structs(60), "E0341", "too many fields"),
    "many variables": (
        "kspec 1\n" + "".join(f"var v{k}[0..60000]: bool;\n" for k in range(200)),
        "E0349",
        "scalars up to here",
    ),
    "doubling functions": (HEAD + nested_functions(60), "E0353", "becomes too large"),
    "doubling procedures": (
        HEAD
        + "proc p0() { b = !b; }\n"
        + "".join(f"proc p{k + 1}() {{ p{k}(); p{k}(); }}\n" for k in range(60))
        + "action a() { p60(); }\n",
        "E0353",
        "becomes too large",
    ),
    "endless constant": (
        "kspec 1\nconst N = sum(x in 0..99999: sum(y in 0..99999: x + y));\n",
        "E0353",
        "too many steps",
    ),
    "endless quantifier": (
        "kspec 1\nconst C = forall x in 0..999999, y in 0..999999: x == y;\n",
        "E0353",
        "too many steps",
    ),
    "huge domain": (HEAD + "invariant i: forall y in 0..99999999999: y >= x;\n", "E0341", "too many to go through"),
    "huge domain in a process": (HEAD + "process p { for y in 0..999999 { skip; } }\n", "E0341", "too many elements"),
    "huge repetition": (HEAD + 'scenario "s" { repeat 1000000000 { expect b; } }\n', "E0507", "cannot repeat"),
    "nested repetitions": (
        HEAD + 'scenario "s" { ' + "repeat 9999 { " * 50 + "expect b; " + "}" * 50 + " }\n",
        "E0507",
        "cannot repeat",
    ),
    "huge matrix": (
        "kspec 1\n"
        + "".join(f"param P{k}: 0..999 = 0;\n" for k in range(20))
        + "check c { "
        + "; ".join(f"P{k} in 0..999" for k in range(20))
        + " } expect holds;\n",
        "E0505",
        "points",
    ),
    "comment not closed": ("kspec 1\n/* " + "x " * 100_000, "E0101", "a comment is not closed"),
    "comments not closed": ("kspec 1\n" + "/* " * 100_000, "E0101", "a comment is not closed"),
    "text not closed": (HEAD + 'invariant i: b, "no end;\n', "E0101", "unexpected character '\"'"),
    "text over lines": (HEAD + 'invariant i: b, "no\nend";\n', "E0101", "unexpected character '\"'"),
    "message not closed": (HEAD + 'invariant i: b, "{b";\n' + "invariant j: c;\n", "E0201", "unknown name `c`"),
    "name of 100 kB": (HEAD + f"invariant i: {'n' * 100_000};\n", "E0201", "unknown name"),
    "many errors": (HEAD + "".join(f"invariant i{k}: c{k};\n" for k in range(2_000)), "E0201", "unknown name `c0`"),
    "too big": ("kspec 1\n" + "// comment\n" * 200_000, "E0103", "larger than"),
    "joined keyword": ("kspec 1\nvarx: bool;\n", "E0101", "unexpected `varx`"),
    "joined header": ("kspec1\n", "E0102", "not a kspec file"),
}


def used() -> float:
    """Seconds of processor time that child processes have taken so far (the wall clock also counts others)."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(*arguments: str, folder: Path) -> tuple[int, str, float]:
    """Exit code, all output, and seconds of the real command."""
    started = used()
    done = subprocess.run(
        [sys.executable, "-m", "kspec.cli.main", *arguments],
        cwd=folder,
        capture_output=True,
        timeout=120,
        check=False,
        env={**os.environ, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
    )
    return done.returncode, (done.stdout + done.stderr).decode("utf-8"), used() - started


def refused(folder: Path, code: str, words: str, *arguments: str) -> str:
    """Checks that an input is refused as it should be."""
    status, output, seconds = run("check", *arguments, folder=folder)
    assert status == 2, output
    assert f"[{code}]" in output
    assert words in output
    assert "Traceback" not in output
    assert "\x1b" not in output
    assert seconds < SECONDS
    return output


def written(name: str, folder: Path) -> tuple[str, str]:
    """Writes a text as `model.kspec`; gives what is to come of it."""
    text, code, words = TEXTS[name]
    (folder / "model.kspec").write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return code, words


@pytest.mark.parametrize("name", TEXTS)
def test_text(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command, in this process: it starts quicker."""
    code, words = written(name, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    started = time.process_time()
    status = main(["check", "model.kspec"])
    seconds = time.process_time() - started
    output = "".join(capsys.readouterr())
    assert status == 2, output
    assert f"[{code}]" in output
    assert words in output
    assert "Traceback" not in output
    assert "\x1b" not in output
    assert seconds < SECONDS


@pytest.mark.parametrize("name", ["empty", "binary", "parentheses", "negations", "huge number", "doubling functions"])
def test_text_by_command(name: str, tmp_path: Path) -> None:
    code, words = written(name, tmp_path)
    refused(tmp_path, code, words, "model.kspec")


def test_missing_file(tmp_path: Path) -> None:
    refused(tmp_path, "E0001", "there is no file modle.kspec", "modle.kspec")


def test_folder_without_models(tmp_path: Path) -> None:
    refused(tmp_path, "E0005", "no .kspec files", ".")


def test_folder_as_model(tmp_path: Path) -> None:
    (tmp_path / "sub.kspec").mkdir()
    refused(tmp_path, "E0005", "no .kspec files", "sub.kspec")


@pytest.mark.parametrize("command", ["show", "sim"])
def test_folder_where_a_file_is_needed(command: str, tmp_path: Path) -> None:
    status, output, _ = run(command, ".", folder=tmp_path)
    assert status == 2
    assert "error[E0003]: . is a folder" in output


def test_folder_is_used_as_module(tmp_path: Path) -> None:
    (tmp_path / "sub.kspec").mkdir()
    (tmp_path / "model.kspec").write_text("kspec 1\nuse sub: x;\n")
    refused(tmp_path, "E0110", "module `sub` not found", "model.kspec")


def test_unreadable(tmp_path: Path) -> None:
    file = tmp_path / "model.kspec"
    file.write_text("kspec 1\n")
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("this user may read everything")
    refused(tmp_path, "E0002", "cannot read model.kspec", "model.kspec")


def test_name_too_long(tmp_path: Path) -> None:
    status, output, _ = run("check", "n" * 5_000 + ".kspec", folder=tmp_path)
    assert status == 2
    assert "File name too long" in output
    assert "Traceback" not in output


def test_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.kspec")
    refused(tmp_path, "E0002", "is not a regular file", "model.kspec")


def test_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "model.kspec").symlink_to("model.kspec")
    refused(tmp_path, "E0002", "cannot read model.kspec", "model.kspec")


def test_no_such_check(tmp_path: Path) -> None:
    (tmp_path / "model.kspec").write_text("kspec 1\naction a() { skip; }\ncheck small expect holds;\n")
    assert "did you mean `small`?" in refused(tmp_path, "E0005", "no check or scenario `smal`", "model.kspec::smal")


@pytest.mark.parametrize("length", [1, 2, 50])
def test_circle_of_modules(length: int, tmp_path: Path) -> None:
    (tmp_path / "kspec.toml").touch()
    for k in range(length):
        (tmp_path / f"m{k}.kspec").write_text(f"kspec 1\nuse m{(k + 1) % length}: x;\n")
    refused(tmp_path, "E0111", "uses itself", "m0.kspec")


def test_long_chain_of_modules(tmp_path: Path) -> None:
    (tmp_path / "kspec.toml").touch()
    for k in range(300):
        (tmp_path / f"m{k}.kspec").write_text(f"kspec 1\nuse m{k + 1}: x;\n")
    refused(tmp_path, "E0110", "module `m300` not found", "m0.kspec")


def test_binary_module(tmp_path: Path) -> None:
    (tmp_path / "lib.kspec").write_bytes(b"\x7fELF\x00")
    (tmp_path / "model.kspec").write_text("kspec 1\nuse lib: x;\n")
    assert "used here" in refused(tmp_path, "E0004", "is not a text", "model.kspec")


def test_settings(tmp_path: Path) -> None:
    (tmp_path / "model.kspec").write_text("kspec 1\nparam N: 0..3 = 0;\naction a() { skip; }\n")
    refused(tmp_path, "E0603", "`9` is no value of parameter `N`", "model.kspec", "--set", "N=9")
    refused(tmp_path, "E0603", "is no value of parameter `N`", "model.kspec", "--set", "N=" + "9" * 5_000)
    refused(tmp_path, "E0601", "no parameter `M`", "model.kspec", "--set", "M=1")


def test_other_files_are_still_checked(tmp_path: Path) -> None:
    (tmp_path / "a.kspec").write_text("kspec 1\nvar x: ;\n")
    (tmp_path / "b.kspec").write_text("kspec 1\naction a() { skip; }\n")
    assert "exhausted, 1 state" in refused(tmp_path, "E0101", "expected a type", ".")


def test_odd_but_right(tmp_path: Path) -> None:
    """Texts that look wrong and are not."""
    texts: list[Callable[[], str | bytes]] = [
        lambda: b"\xef\xbb\xbfkspec 1\r\naction a() { skip; }\r\n",
        lambda: "/* first */ kspec 1 action a() { skip; } // no line end",
        lambda: "kspec 1\naction a() { skip; }\n// " + "(" * 5_000 + "\n",
        lambda: HEAD + f"action a() {{ skip; }}\ninvariant i: {chain('||', 150)} || !b;\n",
        lambda: HEAD + "action a() { skip; }\ninvariant i: x + 007 == 7;\n",
        lambda: "kspec 1\naction a() { skip; }\n" + f"var {'v' * 50_000}: bool;",
    ]
    for k, text in enumerate(texts):
        made = text()
        (tmp_path / f"m{k}.kspec").write_bytes(made if isinstance(made, bytes) else made.encode())
    status, output, _ = run("check", ".", folder=tmp_path)
    assert status == 0, output
