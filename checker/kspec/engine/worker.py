"""A worker process: takes jobs from its parent one after the other, and gives back a report for each.

It coordinates only (builds the system, watches engine children, has findings confirmed) and runs no
native code itself, so it can serve any number of jobs.  It ignores Ctrl-C and dies with its parent.

A single-threaded parent forks its workers, which takes milliseconds.  A parent with threads (a test
runner, an editor) must not: there the interpreter is started afresh.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kspec.engine import frames, process
from kspec.engine.control import ControlBlock
from kspec.engine.job import Job, Settings

READY = "ready"
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from kspec.engine.worker import serve; serve(*map(int, sys.argv[2:]))"
)


@dataclass(frozen=True)
class Worker:
    """A running worker: jobs (``(Job, Settings)``) are sent to ``jobs``, ``READY`` and then reports come from
    ``answers``; what it prints by mistake is in ``output``."""

    pid: int
    jobs: int
    answers: int
    output: int

    def printed(self) -> str:
        """The end of what the worker wrote to its standard output and error."""
        size = os.fstat(self.output).st_size
        return os.pread(self.output, 16_384, max(0, size - 16_384)).decode(errors="replace")

    def close(self) -> None:
        """Closes the parent's ends; an idle worker ends at the end of its input."""
        for fd in (self.jobs, self.answers, self.output):
            with suppress(OSError):
                os.close(fd)


def start(control: int, *, afresh: bool | None = None) -> Worker:
    """A new worker with the control block behind the descriptor ``control``.

    ``afresh`` starts a new interpreter instead of forking; by default that depends on the caller's threads.
    """
    jobs_out, jobs_in = os.pipe()
    answers_out, answers_in = os.pipe()
    output = os.memfd_create("kspec-worker-output")
    theirs = (jobs_out, answers_in, control)
    parent = os.getpid()
    if afresh or (afresh is None and not _single_threaded()):
        pid = _spawn(theirs, output, parent)
    else:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            _forked(theirs, output, parent)
    os.close(jobs_out)
    os.close(answers_in)
    return Worker(pid, jobs_in, answers_out, output)


def serve(jobs: int, answers: int, control: int, parent: int) -> None:
    """A worker's life: serves jobs until the input ends."""
    process.die_with_parent(parent)
    process.leave_signals_to_parent()
    process.deepen()
    from kspec.engine.perform import perform

    for fd in (jobs, answers, control):
        os.set_inheritable(fd, False)
    block = ControlBlock.opened(control)
    reader = frames.Reader(jobs)
    with suppress(BrokenPipeError):
        frames.send(answers, READY)
        while True:
            while not reader.complete():
                if not reader.feed():
                    return
            match reader.take():
                case (Job() as job, Settings() as settings):
                    frames.send(answers, perform(job, settings, block))
                case other:
                    raise TypeError(f"a worker cannot do a {type(other).__name__}")


def _single_threaded() -> bool:
    try:
        return len(list(Path("/proc/self/task").iterdir())) == 1
    except OSError:
        return False


def _spawn(theirs: tuple[int, int, int], output: int, parent: int) -> int:
    """A new interpreter.  ``-P``: nothing in the working directory can shadow a module."""
    path = json.dumps([p for p in sys.path if isinstance(p, str)])
    command = [sys.executable, "-P", "-c", _BOOT, path, *map(str, theirs), str(parent)]
    actions: list[tuple[int, int, int]] = [(os.POSIX_SPAWN_DUP2, output, fd) for fd in (1, 2)]
    for fd in theirs:
        os.set_inheritable(fd, True)
    try:
        return os.posix_spawn(sys.executable, command, os.environ, file_actions=actions)
    finally:
        for fd in theirs:
            os.set_inheritable(fd, False)


def _forked(theirs: tuple[int, int, int], output: int, parent: int) -> None:
    """The life of a forked worker; does not return."""
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        for fd, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(fd, target)
        for fd in _open_descriptors():
            if fd > 2 and fd not in theirs:
                with suppress(OSError):
                    os.close(fd)
        serve(*theirs, parent)
        code = 0
    except BaseException:
        with suppress(BaseException):
            os.write(2, traceback.format_exc().encode())
    os._exit(code)


def _open_descriptors() -> Iterator[int]:
    """Everything that is open: a worker that held another's pipes would keep it alive."""
    return iter([int(name) for name in os.listdir("/proc/self/fd")])
