"""``kspec replay``: does a saved trace still do what it did?"""

from __future__ import annotations

import click

from kspec.cli.screen import Screen, console
from kspec.cli.targets import model_of_trace
from kspec.engine.model_file import FileModel
from kspec.lang.diagnostics import visible
from kspec.trace.format import load_trace
from kspec.trace.model import Trace, TraceError
from kspec.trace.replay import ReplayResult, kept_verdict, replay


@click.command("replay", short_help="Replay saved traces.")
@click.argument("traces", nargs=-1, required=True, metavar="TRACE...")
@click.option("--model", "model", metavar="FILE", help="The model to replay on.  [default: the one named in the trace]")
@click.option("--steps", is_flag=True, help="Print the trace, too.")
def command(traces: tuple[str, ...], model: str | None, steps: bool) -> int:
    """Replays traces on their models as they are now.

    A trace that is kept as a regression must do what it is kept for (stay possible, or stay impossible);
    any other must still show what it showed.  The exit code is 1 when one does not, and 3 when there were
    too many ways to take its steps.
    """
    screen = Screen(console())
    codes = {_replay(screen, path, model, steps) for path in traces}
    return next((c for c in (2, 1, 3) if c in codes), 0)


def _replay(screen: Screen, path: str, model: str | None, steps: bool) -> int:
    trace = load_trace(path)
    if isinstance(trace, TraceError):
        click.echo(f"kspec: {visible(str(trace))}", err=True)
        return 2
    file = model or model_of_trace(path, trace.model.file)
    system = FileModel.load(file).build(trace.replay_params())
    result = replay(trace, system)
    screen.print(f"{visible(path)} on {visible(file)}")
    if steps:
        screen.trace(trace)
    screen.replayed(trace, result)
    return _code(trace, result)


def _code(trace: Trace, result: ReplayResult) -> int:
    if result.verdict == "undecided":
        return 3
    kept = kept_verdict(trace, result)
    met = kept.met if kept is not None else result.verdict == "reproduces"
    return 0 if met else 1
