"""Completion scripts, and what they are answered."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.command import environment, kspec


def asked(folder: Path, words: str, at: int) -> list[str]:
    env = environment(_KSPEC_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(at))
    done = kspec(cwd=folder, env=env)
    assert done.returncode == 0 and done.stderr == ""
    return done.stdout.split()


def test_commands_options_and_files(tmp_path: Path) -> None:
    assert {"plain,check", "plain,cache", "plain,certify"} <= set(asked(tmp_path, "kspec c", 1))
    assert "plain,--checkpoint-dir" in asked(tmp_path, "kspec check --check", 2)
    assert asked(tmp_path, "kspec check mod", 2) == ["file,mod"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(tmp_path: Path, shell: str) -> None:
    done = kspec("completion", shell, cwd=tmp_path)
    assert done.returncode == 0 and f"_KSPEC_COMPLETE={shell}_complete" in done.stdout


def test_an_unknown_shell(tmp_path: Path) -> None:
    assert kspec("completion", "csh", cwd=tmp_path).returncode == 2
