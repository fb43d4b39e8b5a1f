"""Compilers and the cache of what they made."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from explicit.classic_systems import peterson
from kspec.explicit.cache import Cache, location, open_cache
from kspec.explicit.codegen import generate
from kspec.explicit.native import Image
from kspec.explicit.toolchain import (
    CompileError,
    Compiler,
    start,
    system_compiler,
    tiny_compiler,
)


def opened(tmp_path: Path) -> Cache:
    return open_cache({"XDG_CACHE_HOME": str(tmp_path)})


def any_compiler() -> Compiler:
    compiler = tiny_compiler() or system_compiler()
    if compiler is None:
        pytest.skip("no compiler")
    return compiler


def test_location() -> None:
    """XDG_CACHE_HOME when it is absolute, else ~/.cache."""
    assert location({"XDG_CACHE_HOME": "/x", "HOME": "/h"}) == Path("/x/kspec/native")
    assert location({"XDG_CACHE_HOME": "x", "HOME": "/h"}) == Path("/h/.cache/kspec/native")
    assert location({"HOME": "/h"}) == Path("/h/.cache/kspec/native")


def test_kept_and_found(tmp_path: Path) -> None:
    """Compiled once; the second time it is there at once, and it can be loaded."""
    cache, text = opened(tmp_path), generate(peterson(2)).text
    compiler = any_compiler()
    path = start(compiler, text, cache).result()
    assert path.parent == tmp_path / "kspec/native"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    again = start(compiler, text, cache)
    assert again.process is None
    assert again.result() == path
    assert Image(path, compiler.tier).work
    assert [e.key for e in cache.entries()] == [path.stem]
    assert cache.clear() == 1
    assert cache.entries() == ()


def test_other_text_has_another_key() -> None:
    """Content, compiler and its flags all count."""
    compiler = any_compiler()
    keys = {
        compiler.key("a"),
        compiler.key("b"),
        Compiler(compiler.tier, (*compiler.command, "-g"), compiler.identity).key("a"),
        Compiler(compiler.tier, compiler.command, "other").key("a"),
    }
    assert len(keys) == 4


def test_directory_of_others_is_not_used(tmp_path: Path) -> None:
    """A directory that others can write to, or a link, is not trusted."""
    base = tmp_path / "kspec"
    base.mkdir(mode=0o777)
    base.chmod(0o777)
    cache = opened(tmp_path)
    assert cache.private is not None
    assert tmp_path not in cache.path.parents
    cache.private.cleanup()
    shutil.rmtree(base)
    (tmp_path / "elsewhere").mkdir()
    base.symlink_to(tmp_path / "elsewhere")
    cache = opened(tmp_path)
    assert cache.private is not None
    cache.private.cleanup()


def test_entry_that_others_can_write_is_not_used(tmp_path: Path) -> None:
    """Neither is a file that is not this user's alone."""
    cache = opened(tmp_path)
    path = start(any_compiler(), generate(peterson(2)).text, cache).result()
    path.chmod(0o777)
    assert cache.find(path.stem) is None


def test_compiler_that_fails(tmp_path: Path) -> None:
    """What it says is the error; nothing is left behind."""
    cache = opened(tmp_path)
    with pytest.raises(CompileError):
        start(any_compiler(), "this is not C", cache).result()
    with pytest.raises(CompileError):
        start(Compiler("cc", (str(tmp_path / "none"),), ""), "", cache).result()
    assert list(cache.path.iterdir()) == []


def test_compiler_that_hangs(tmp_path: Path) -> None:
    """It is given up with everything it started."""
    script = tmp_path / "cc"
    script.write_text("#!/bin/sh\nsleep 1000 &\nwait\n")
    script.chmod(0o755)
    cache = opened(tmp_path)
    began = time.monotonic()
    with pytest.raises(CompileError, match="more than"):
        start(Compiler("cc", (str(script),), ""), "", cache).result(timeout=0.2)
    assert time.monotonic() - began < 4
    assert list(cache.path.iterdir()) == []


def test_cc_may_carry_options(tmp_path: Path) -> None:
    """CC is a command line; an empty one means that there is no compiler."""
    fake = tmp_path / "mycc"
    fake.write_text("#!/bin/sh\n")
    fake.chmod(0o755)
    found = system_compiler({"CC": f"{fake} --one 'two three'", "PATH": ""})
    assert found is not None
    assert found.command[:3] == (str(fake), "--one", "two three")
    assert system_compiler({"CC": "", "PATH": os.environ["PATH"]}) is None
    assert system_compiler({"CC": "nosuchcompiler", "PATH": os.environ["PATH"]}) is None


def test_trim_keeps_what_was_used_last(tmp_path: Path) -> None:
    """The entries used least recently go first, and stale temporary files."""
    cache = opened(tmp_path)
    for n in range(4):
        path = cache.path / f"{n:040d}.so"
        path.write_bytes(b"x" * 100)
        os.utime(path, (n, n))
    stale = cache.scratch()
    os.utime(stale, (1, 1))
    cache.trim(250)
    assert [e.key[-1] for e in cache.entries()] == ["3", "2"]
    assert not stale.exists()


def test_compiler_that_is_slow_to_read(tmp_path: Path) -> None:
    """The whole text arrives, however late the compiler gets to it."""
    script = tmp_path / "cc"
    script.write_text('#!/bin/sh\nsleep 0.3\ncat > "$2"\n')
    script.chmod(0o755)
    cache, text = opened(tmp_path), "/* " + "x" * 1_000_000 + " */"
    path = start(Compiler("cc", (str(script),), ""), text, cache).result()
    assert path.read_text() == text
