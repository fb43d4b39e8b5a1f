"""A built wheel is complete: models of users, and the models that come with it, modules and all."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cli.command import KSPEC, environment, lock

pytest.importorskip("hatchling")
ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("kspec/lang/grammar.lark", "kspec/explicit/runtime_head.c", "kspec/_shipped/spec/language.md",
          "kspec/std/cpu.kspec", "kspec/_shipped/models/std/lookup.kspec")  # fmt: skip


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of the wheel, where an installation would put it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*KSPEC, *arguments], cwd=folder, env=environment(PYTHONPATH=str(site)), capture_output=True, text=True,
        timeout=240,
    )  # fmt: skip


def test_what_is_in_it(unpacked: Path) -> None:
    assert not [name for name in NEEDED if not (unpacked / name).is_file()]
    assert {p.name for p in unpacked.iterdir() if not p.name.endswith(".dist-info")} == {"kspec"}
    assert not list(unpacked.rglob("*.so")) and not list(unpacked.rglob("__pycache__"))


def test_a_model_of_a_user(unpacked: Path, tmp_path: Path) -> None:
    lock(tmp_path, "check fine { TASKS = 2 } expect holds states 3;")
    where = [sys.executable, "-P", "-c", "import kspec; print(kspec.__file__)"]
    found = subprocess.run(where, env=environment(PYTHONPATH=str(unpacked)), capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()).is_relative_to(unpacked)
    done = run(unpacked, tmp_path, "check", "lock.kspec")
    assert done.returncode == 0, done.stdout + done.stderr


def test_models_that_come_with_it_find_their_modules(unpacked: Path, tmp_path: Path) -> None:
    models = unpacked / "kspec" / "_shipped" / "models"
    using = [p for p in sorted(models.rglob("*.kspec")) if "\nuse perf." in p.read_text()]
    assert using
    done = run(unpacked, tmp_path, "show", str(using[0]))
    assert done.returncode == 0, done.stdout + done.stderr
