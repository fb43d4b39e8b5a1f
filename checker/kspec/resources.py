"""Where things are: the models and the specification that come with kspec, and the project of a file."""

from __future__ import annotations

from pathlib import Path

MARKER = "kspec.toml"


def shipped(name: str) -> Path | None:
    """The folder ``models`` or ``spec`` that comes with the program: in an installation below
    ``kspec/_shipped``, in a checkout at its root.  None when it is not there."""
    package = Path(__file__).resolve().parent
    for folder in (package / "_shipped" / name, package.parent.parent / name):
        if folder.is_dir():
            return folder
    return None


def project_root(path: Path) -> Path | None:
    """The nearest folder, upwards from a file or folder, that holds ``kspec.toml``.

    The folder with what comes with an installed program is such a project, too.
    """
    start = path.resolve()
    installed = Path(__file__).resolve().parent / "_shipped"
    for folder in (start, *start.parents):
        if (folder / MARKER).is_file() or folder == installed:
            return folder
    return None
