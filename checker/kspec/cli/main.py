"""The command line: ``kspec COMMAND``.  Exit codes are those of ``spec/exit-codes.md``."""

from __future__ import annotations

import atexit
import errno
import gc
import importlib
import os
import sys
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from kspec import __version__
from kspec.cli import faults
from kspec.engine import process
from kspec.engine.faults import Fault
from kspec.lang.diagnostics import Failed, render, visible

INTERRUPTED = 3
FAULT = 70
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
_GARBAGE = 100_000
"""New objects after which cycles among them are looked for.  Most of what is made while modules and models
are loaded stays: with Python's own number a tenth of the time until the first verdict goes into looking."""


COMMANDS = {
    "cache": ("Show or clear what is kept between runs.", "kspec.cli.cache"),
    "certify": ("Check saved proofs again.", "kspec.cli.certify"),
    "check": ("Check models.", "kspec.cli.check"),
    "conform": ("Hold traces of a real system against a model.", "kspec.cli.conform"),
    "export": ("Write a model for another checker.", "kspec.cli.export"),
    "compare": ("Compare two models by what is visible of them.", "kspec.cli.compare"),
    "completion": ("Print a completion script for a shell.", "kspec.cli.completion"),
    "find": ("Find a run that ends as wanted.", "kspec.cli.find"),
    "keep": ("Keep a trace as a regression.", "kspec.cli.keep"),
    "measure": ("Measure how often a step is taken during a wait.", "kspec.cli.measure"),
    "mutate": ("Test the checks of a model with small mistakes.", "kspec.cli.mutate"),
    "replay": ("Replay saved traces.", "kspec.cli.replay"),
    "show": ("Show a model or a saved trace.", "kspec.cli.show"),
    "source": ("Compare C source with a model.", "kspec.cli.source"),
    "sim": ("Take random walks, or run a scenario.", "kspec.cli.sim"),
}
"""The commands: what they do in a few words, and the module that has each as ``command``."""


class LazyGroup(click.Group):
    """Imports a command when it is used, so that no command waits for what only others need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name][1]).command
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What may stand here: commands, without importing them, or options."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        names = (n for n in self.list_commands(ctx) if n.startswith(incomplete))
        return [CompletionItem(n, help=COMMANDS[n][0]) for n in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][0]) for name in self.list_commands(ctx)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="kspec", message="%(prog)s %(version)s")
def kspec() -> None:
    """Checks formal models of kernel state machines, and holds real systems against them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code; no exception leaves, except for bugs in this function."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    process.deepen()
    gc.set_threshold(_GARBAGE, 20, 20)
    atexit.register(gc.freeze)  # what is left goes with the process; nobody needs to look through it
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
    except Fault as e:
        path = faults.write(f"{e}\n\n{e.details}\n")
        click.echo(f"kspec: internal fault: {visible(str(e))}. Details for a report are in {path}", err=True)
        return FAULT
    except Exception as e:
        if isinstance(e, OSError) and (e.filename is not None or e.errno in _FULL):
            name = "" if e.filename is None else f"{visible(os.fsdecode(e.filename))}: "
            click.echo(f"kspec: {name}{e.strerror}", err=True)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what could not be written is not tried again
            return 2
        path = faults.unexpected(e)
        click.echo(f"kspec: internal fault ({type(e).__name__}). Details for a report are in {path}", err=True)
        return FAULT
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
