"""``kspec keep``: makes a saved trace a regression."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from kspec.cli.options import Setting
from kspec.cli.screen import Screen, console
from kspec.cli.targets import model_of_trace
from kspec.engine.model_file import FileModel
from kspec.lang.diagnostics import visible
from kspec.trace.format import SUFFIX, load_trace, save, suggested_name
from kspec.trace.model import Intent, Kept, TraceError
from kspec.trace.replay import kept_verdict, replay

INTENTS: dict[str, Intent] = {"possible": "must stay possible", "impossible": "must stay impossible"}


@click.command("keep", short_help="Keep a trace as a regression.")
@click.argument("trace_file", metavar="TRACE")
@click.option(
    "--must-stay",
    type=click.Choice(tuple(INTENTS)),
    required=True,
    help="`possible`: the model shows a bug.  `impossible`: the model has the fix.",
)
@click.option("--story", default="", metavar="TEXT", help="Which bug this is, in a sentence or two.")
@click.option(
    "--set",
    "settings",
    type=Setting(),
    multiple=True,
    metavar="NAME=VALUE",
    help="Replay with another value of a parameter, such as the one that turns the fix on (repeatable).",
)
@click.option("--to", "folder", default="counterexamples", metavar="DIR", show_default=True, help="Where to keep it.")
@click.option("--name", default="", help="A name for the file.  [default: made from the model and the property]")
def command(
    trace_file: str, must_stay: str, story: str, settings: tuple[tuple[str, str], ...], folder: str, name: str
) -> int:
    """Keeps a saved trace: `kspec check` on the folder replays it from now on.

    The trace is replayed first; one that does not do what it is to be kept for is not kept (exit code 1).
    """
    trace = load_trace(trace_file)
    if isinstance(trace, TraceError):
        click.echo(f"kspec: {visible(str(trace))}", err=True)
        return 2
    kept = replace(trace, kept=Kept(INTENTS[must_stay], story, settings))
    file = model_of_trace(trace_file, trace.model.file)
    result = replay(kept, FileModel.load(file).build(kept.replay_params()))
    verdict = kept_verdict(kept, result)
    screen = Screen(console())
    if verdict is None or not verdict.met:
        screen.replayed(kept, result)
        reason = "it does not reproduce" if must_stay == "possible" else "it is possible, or can no longer be told"
        click.echo(f"kspec: not kept: {reason}", err=True)
        return 1
    target = Path(folder) / (f"{name.removesuffix(SUFFIX)}{SUFFIX}" if name else suggested_name(kept))
    if Path(name).name != name:
        click.echo("kspec: --name is a file name, without folders", err=True)
        return 2
    target.parent.mkdir(parents=True, exist_ok=True)
    save(kept, target)
    screen.print(f"kept in {visible(str(target))}: {kept.kept.intent if kept.kept else ''} ({result.message})")
    return 0
