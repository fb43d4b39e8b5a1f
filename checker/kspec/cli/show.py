"""``kspec show``: what a model or a saved trace is."""

from __future__ import annotations

from collections.abc import Iterator

import click
from rich.text import Text

from kspec.cli.models import Configured, configured
from kspec.cli.options import Setting
from kspec.cli.screen import Screen, console
from kspec.engine.verdict import count, goals_of
from kspec.lang.diagnostics import visible
from kspec.system.packing import slots, word_count
from kspec.system.pretty import system_text
from kspec.trace.format import load_trace
from kspec.trace.model import TraceError


@click.command("show", short_help="Show a model or a saved trace.")
@click.argument("target", metavar="FILE|FILE::CHECK|TRACE")
@click.option("--system", "whole", is_flag=True, help="Print the transition system that the engines see.")
@click.option(
    "--set", "settings", type=Setting(), multiple=True, metavar="NAME=VALUE",
    help="A parameter of the model (repeatable).",
)  # fmt: skip
def command(target: str, whole: bool, settings: tuple[tuple[str, str], ...]) -> int:
    """Shows a saved trace as a table, or what a model consists of in one configuration.

    Without ::CHECK the parameters have their defaults.
    """
    screen = Screen(console())
    if target.endswith(".json"):
        if whole or settings:
            raise click.UsageError("--system and --set need a model, not a trace")
        trace = load_trace(target)
        if isinstance(trace, TraceError):
            raise click.ClickException(str(trace))
        screen.trace(trace)
        return 0
    chosen = configured(target, settings)
    if whole:
        for line in system_text(chosen.system).splitlines():
            screen.print(visible(line))
    else:
        for text in _overview(chosen):
            screen.print(text)
    return 0


def _overview(c: Configured) -> Iterator[Text]:
    s = c.system
    bits = sum(slot.bits for slot in slots(s))
    words = word_count(slots(s))
    yield _line("model", f"{s.name} ({c.model.file})")
    if c.case is not None:
        yield _line("check", f"{c.case.name}, expect {c.case.expect}")
    yield _line("hash", s.hash)
    if s.params:
        yield _line("parameters", ", ".join(f"{n} = {v}" for n, v in s.params))
    yield _line(
        "state", f"{count(s.width, 'scalar')}, {count(bits, 'bit')} packed in {count(words, 'word')} of 64 bits"
    )
    for v in s.variables:
        yield _line("", f"{v.name}: {v.type}")
    yield _line("actions", str(len(s.actions)))
    for a in s.actions:
        yield _line("", f"{a.name}({', '.join(f'{v.name}: {t}' for v, t in a.params)})")
    yield _line("verified", "")
    for g in goals_of(s):
        yield _line("", f"{g.kind} {g.name}" if g.kind not in ("deadlock", "error") else g.name)
    if c.case is None:
        yield _line("checks", str(len(c.model.cases)))
        for case in c.model.cases:
            slow = "  (slow)" if case.tier == "slow" else ""
            yield _line("", f"{case.name}: expect {case.expect}{slow}")
        if c.model.outlines:
            yield _line("scenarios", str(len(c.model.outlines)))
            for scenario in c.model.outlines:
                yield _line("", scenario.name)


def _line(head: str, text: str) -> Text:
    return Text.assemble((f"{head:<12}", "bold"), visible(text))
