"""``kspec cache``: what is kept between runs, and how it goes."""

from __future__ import annotations

from pathlib import Path

from cli.command import LARGE, environment, kspec, lock


def test_listed_and_cleared(tmp_path: Path) -> None:
    lock(tmp_path, "check fine { TASKS = 2 } expect holds;")
    (tmp_path / "large.kspec").write_text(LARGE)
    env = environment(XDG_CACHE_HOME=str(tmp_path / "cache"))
    empty = kspec("cache", cwd=tmp_path, env=env)
    assert empty.returncode == 0 and "compiled code: 0 files" in empty.stdout and "checkpoints: 0" in empty.stdout
    assert kspec("check", "lock.kspec", cwd=tmp_path, env=env).returncode == 0
    search = ("check", "large.kspec", "--engine", "explicit", "--por", "off", "--timeout", "1")
    assert kspec(*search, cwd=tmp_path, env=env).returncode == 3
    listed = kspec("cache", cwd=tmp_path, env=env).stdout
    assert "lock TASKS=2 broken=false" in listed and "just now" in listed and "kB" in listed
    assert str(tmp_path / "cache" / "kspec" / "native") in listed
    assert "checkpoints: 1," in listed and "large.kspec::default" in listed
    assert "checkpoint" not in kspec("cache", "--clear", cwd=tmp_path, env=env).stdout
    assert not list((tmp_path / "cache" / "kspec" / "native").iterdir())
    assert "removed: 1 checkpoint" in kspec("cache", "--clear-checkpoints", cwd=tmp_path, env=env).stdout
    assert not list((tmp_path / "cache" / "kspec" / "checkpoints").iterdir())


def test_a_note_goes_with_its_file(tmp_path: Path) -> None:
    from kspec.explicit.cache import Cache

    cache = Cache(tmp_path, making_for="m N=2")
    cache.keep(cache.scratch(), "key")
    (entry,) = cache.entries(noted=True)
    assert entry.made_for == "m N=2" and len(list(tmp_path.iterdir())) == 2
    cache.drop("key")
    assert not list(tmp_path.iterdir())
