"""``kspec source``: the C source of the real system against the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
from rich.text import Text

from kspec.cli.options import Duration, Setting
from kspec.cli.screen import Screen, console
from kspec.conform.source import binding
from kspec.conform.source.binding import Binding
from kspec.conform.source.order import Outcome, Question, prove
from kspec.conform.source.proof import Answer
from kspec.lang.diagnostics import Diagnostic, Failed, visible

_CODES = {"refuted": 1, "unknown": 3, "proved": 0}
_STYLES = {"proved": "green", "refuted": "bold red", "unknown": "yellow"}


@click.group("source", short_help="Compare C source with a model.")
def command() -> None:
    """Compares real C source with a model."""


@command.command("order", short_help="Prove comparison functions.")
@click.option("--file", "path", required=True, metavar="FILE.c", help="The C file, as it is in the source tree.")
@click.option("--binding", "bound", metavar="FILE.toml", help="What the following options say, in a file.")
@click.option("--function", metavar="NAME", help="The comparison that the others are made of.")
@click.option("--less", metavar="NAME", help="The function that orders the tree.  [default: found by its calls]")
@click.option("--search", multiple=True, metavar="NAME", help="A function that compares a search key with a node.")
@click.option("--model", metavar="FILE::FUN", help="The function of the model that states the order.")
@click.option("--set", "settings", type=Setting(), multiple=True, metavar="NAME=VALUE",
              help="A parameter of the model.")
@click.option("--object", "declared", metavar="DECL", help="What is compared: 'struct perf_event *e'.")
@click.option("--key", type=Setting(), multiple=True, metavar="PART=EXPR",
              help="A part of the model's key in C: 'cpu=e->cpu', 'cgroup=e->cgrp by cgroup_id'.")
@click.option("--given", multiple=True, metavar="DECL: EXPR",
              help="Assume this of every object: 'struct perf_event *e: e->pmu_ctx->pmu'.")
@click.option("--unique", multiple=True, metavar="NAME", help="Assume that this accessor tells its arguments apart.")
@click.option("--include", multiple=True, type=click.Path(file_okay=False), metavar="DIR",
              help="Where headers are.  [default: include/ of the tree around the file]")
@click.option("--config", type=Setting(), multiple=True, metavar="SYMBOL=y|n",
              help="What `#ifdef` selects.  [default: both are proved]")
@click.option("--timeout", type=Duration(), default="30s", show_default=True, metavar="TIME", help="For each claim.")
def order(
    path: str, bound: str | None, function: str | None, less: str | None, search: tuple[str, ...], model: str | None,
    settings: tuple[tuple[str, str], ...], declared: str | None, key: tuple[tuple[str, str], ...],
    given: tuple[str, ...], unique: tuple[str, ...], include: tuple[str, ...], config: tuple[tuple[str, str], ...],
    timeout: float,
) -> int:
    """Proves that comparison functions in C are what a tree needs, and what the model says.

    For the functions that compare two objects by --function: that they are strict weak orders, and the order
    that --model states.  For those that compare a search key: that they are monotone along the tree, which is
    what rb_find_first needs.  All over full machine integers, by Z3, and proofs again by Bitwuzla.

    The file is read as it is, not preprocessed.  The exit code is 1 when a claim is refuted, 2 when the C is
    more than can be compared, and 3 when no answer came in time.
    """
    b = binding.read(Path(bound)) if bound else Binding()
    b = replace(
        b,
        function=function or b.function,
        less=less or b.less,
        search=search or b.search,
        object=binding.declaration(declared) if declared else b.object,
        model=binding.model(model, Path()) if model else b.model,
        settings={**(b.settings or {}), **dict(settings)},
        key=(*(k for k in b.key if k.name not in dict(key)), *(binding.key_part(n, e) for n, e in key)),
        given=(*b.given, *map(binding.assumption, given)),
        unique=b.unique | frozenset(unique),
    )
    if b.key and b.model is None:
        raise Failed([Diagnostic("E0907", "a part of a key is given, but no order of a model: --model FILE::FUN")])
    if not b.function:
        raise Failed([Diagnostic("E0907", "no function is named", help="--function NAME, or in the file of --binding")])
    question = Question(Path(path), b, tuple(map(Path, include)), dict(map(_symbol, config)), timeout)
    screen = Screen(console())
    answers: list[Answer] = []
    for outcome in prove(question):
        _print(screen, path, outcome)
        answers += outcome.answers
    for a in b.given:
        screen.print(Text(f"given    {visible(a.text)}", style="dim"))
    for u in sorted(b.unique):
        screen.print(Text(f"given    {visible(u)}() is different for different arguments", style="dim"))
    return next((c for c in (1, 3) if c in {_CODES[a.status] for a in answers}), 0)


def _symbol(pair: tuple[str, str]) -> tuple[str, bool]:
    name, value = pair
    if value not in ("y", "n"):
        raise Failed([Diagnostic("E0907", f"`--config {name}={value}`: a symbol is y or n")])
    return name, value == "y"


def _print(screen: Screen, path: str, outcome: Outcome) -> None:
    config = "  ".join(f"{s}={'y' if on else 'n'}" for s, on in outcome.config.items())
    screen.print(Text(visible(f"{path}  {config}".rstrip()), style="bold"))
    for a in outcome.answers:
        reason = f": {a.reason}" if a.reason else ""
        line = Text.assemble((f"{a.status:<8}", _STYLES[a.status]), visible(f" {a.about} {a.text}{reason}"))
        line.append(f"  {a.seconds:.2f} s", style="dim")
        screen.print(line)
        roots = dict.fromkeys(r.root for r in a.rows)
        for root in roots:
            values = "   ".join(f"{r.path} = {r.value}" for r in a.rows if r.root == root)
            screen.print(visible(f"           {root:<4} {values}"))
        for name, value in a.outcomes:
            screen.print(visible(f"           {name} = {value}"))
    if outcome.accessors:
        names = ", ".join(f"{n}()" for n in outcome.accessors)
        screen.print(Text(f"         taken as a function of its arguments: {visible(names)}", style="dim"))
