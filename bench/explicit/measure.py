"""Runs a command and says on standard error, last, what it took: wall and CPU seconds, bytes, exit code."""

from __future__ import annotations

import resource
import subprocess
import sys
import time

began = time.monotonic()
code = subprocess.run(sys.argv[1:], check=False).returncode
wall = time.monotonic() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"\n{wall} {used.ru_utime + used.ru_stime} {used.ru_maxrss * 1024} {code}", file=sys.stderr)
