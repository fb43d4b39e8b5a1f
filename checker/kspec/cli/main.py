"""The command line: ``kspec COMMAND``.  Exit codes are those of ``spec/exit-codes.md``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from kspec import __version__
from kspec.cli import check, faults, replay, show, sim
from kspec.engine.child import EngineFault
from kspec.engine.run import Disagreement
from kspec.lang.diagnostics import Failed, render, visible

INTERRUPTED = 3
FAULT = 70


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="kspec", message="%(prog)s %(version)s")
def kspec() -> None:
    """Checks formal models of kernel state machines, and holds real systems against them."""


for _command in (check.command, show.command, replay.command, sim.command):
    kspec.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code; no exception leaves, except for bugs in this function."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = kspec.main(args=arguments, prog_name="kspec", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as e:
        return e.exit_code
    except click.ClickException as e:
        click.echo(f"kspec: {visible(e.format_message())}", err=True)
        if isinstance(e, click.UsageError) and e.ctx is not None:
            click.echo(f"Try `{e.ctx.command_path} --help`.", err=True)
        return 2
    except Failed as e:
        for d in e.diagnostics:
            click.echo(render(d, e.sources), err=True)
        return 2
    except (KeyboardInterrupt, click.Abort):
        click.echo("kspec: interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody reads on; the flush at exit must not complain
        return INTERRUPTED
    except (EngineFault, Disagreement) as e:
        path = faults.write(f"{e}\n\n{e.details}\n")
        click.echo(f"kspec: internal fault: {visible(str(e))}. Details for a report are in {path}", err=True)
        return FAULT
    except Exception as e:
        if isinstance(e, OSError) and e.filename is not None:
            click.echo(f"kspec: {visible(os.fsdecode(e.filename))}: {e.strerror}", err=True)
            return 2
        path = faults.unexpected(e)
        click.echo(f"kspec: internal fault ({type(e).__name__}). Details for a report are in {path}", err=True)
        return FAULT
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
