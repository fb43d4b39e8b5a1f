"""A worker process: takes jobs from its parent one after the other, and gives back a report for each.

It coordinates only (builds the system, watches engine children, has findings confirmed) and runs no
native code itself, so it can serve any number of jobs.  It ignores Ctrl-C and dies with its parent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress

from kspec.engine import frames, process
from kspec.engine.control import ControlBlock
from kspec.engine.job import Job, Settings

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from kspec.engine.worker import main; main(int(sys.argv[2]), int(sys.argv[3]))"
)


def start(control: int) -> subprocess.Popen[bytes]:
    """A new worker that uses the control block behind the descriptor ``control``.

    Jobs (``(Job, Settings)``) go to its standard input as frames, reports come from its standard output.
    The interpreter is started with ``-P``: nothing in the working directory can shadow a module.
    """
    path = json.dumps([p for p in sys.path if isinstance(p, str)])
    command = [sys.executable, "-P", "-c", _BOOT, path, str(control), str(os.getpid())]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(control,), bufsize=0)


def main(control: int, parent: int) -> None:
    """Serves jobs until the standard input ends."""
    process.die_with_parent(parent)
    process.leave_signals_to_parent()
    process.deepen()
    from kspec.engine.perform import perform

    block = ControlBlock.opened(control)
    answers = os.dup(1)
    os.set_inheritable(answers, False)
    os.dup2(2, 1)  # whatever is printed by mistake does not get between the frames
    reader = frames.Reader(0)
    with suppress(BrokenPipeError):
        while True:
            while not reader.complete():
                if not reader.feed():
                    return
            match reader.take():
                case (Job() as job, Settings() as settings):
                    frames.send(answers, perform(job, settings, block))
                case other:
                    raise TypeError(f"a worker cannot do a {type(other).__name__}")
