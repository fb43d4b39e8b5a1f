"""Reports on internal faults, for whoever will mend them."""

from __future__ import annotations

import hashlib
import platform
import sys
import traceback
from pathlib import Path

from kspec import __version__
from kspec.report.files import write_atomically

FOLDER = Path(".kspec/faults")


def write(text: str) -> str:
    """Writes a fault report and returns its path, or says that it could not be written."""
    head = f"kspec {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
    command = "command: " + " ".join(sys.argv) + "\n\n"
    name = f"fault-{hashlib.blake2b(text.encode(errors='replace'), digest_size=4).hexdigest()}.txt"
    try:
        write_atomically(FOLDER / name, (head + command + text).encode(errors="replace").decode())
    except OSError as e:
        return f"(no file could be written: {e.strerror})"
    return str(FOLDER / name)


def unexpected(error: BaseException) -> str:
    """Writes the report on an exception that nobody expected; returns its path."""
    return write("".join(traceback.format_exception(error)))
