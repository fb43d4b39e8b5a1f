"""The program ``kspec`` (also ``python -m kspec``): everything else is imported from here, so that an interruption
during that is as orderly as one later."""

from __future__ import annotations

import sys

INTERRUPTED = 3


def main() -> int:
    """Runs a command and returns its exit code."""
    try:
        from kspec.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        sys.stderr.write("kspec: interrupted\n")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
