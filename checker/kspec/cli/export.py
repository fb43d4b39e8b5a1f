"""``kspec export``: a model as input for other checkers."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kspec.cli.models import configured
from kspec.cli.options import Setting
from kspec.export.formats import FORMATS, files_of
from kspec.lang.diagnostics import Diagnostic, render, visible
from kspec.report.files import write_atomically


@click.command("export", short_help="Write a model for another checker.")
@click.argument("target", metavar="FILE|FILE::CHECK")
@click.option(
    "--to", "form", type=click.Choice(tuple(FORMATS)), required=True,
    help="The format: " + "; ".join(f"{name}, {what}" for name, what in FORMATS.items()) + ".",
)  # fmt: skip
@click.option("-o", "--output", metavar="PATH", help="The file to write; standard output if there is none.")
@click.option(
    "--property", "properties", multiple=True, metavar="NAME",
    help="Export this property only (repeatable); a reachable property as the claim that nothing reaches it.",
)  # fmt: skip
@click.option(
    "--set", "settings", type=Setting(), multiple=True, metavar="NAME=VALUE",
    help="A parameter of the model (repeatable).",
)  # fmt: skip
def command(
    target: str, form: str, output: str | None, properties: tuple[str, ...], settings: tuple[tuple[str, str], ...]
) -> int:
    """Writes one configuration of a model in the language of another checker.

    The file claims everything that must hold: the declared properties, freedom from errors, and from deadlock.
    A comment in it says how names and numbers are to be read.
    """
    chosen = configured(target, settings)
    system = chosen.system
    made = files_of(form)(system, properties or None, Path(output) if output else None)
    if any(path is not None and _same(Path(path), Path(chosen.model.file)) for path, _ in made):
        raise click.UsageError("the output would replace the model")
    for p in () if properties else (*system.temporal, *system.refinements):
        what = "a property in temporal logic" if p.refinement is None else "a refinement"
        warning = Diagnostic(
            "W0701", f"`{p.name}` is left out: it is {what}", p.span,
            help="Name the properties to export with --property.", severity="warning",
        )  # fmt: skip
        click.echo(render(warning, system.sources), err=True)
    for path, content in made:
        if path is None:
            sys.stdout.buffer.write(content)
        else:
            write_atomically(Path(path), content)
            click.echo(f"kspec: wrote {visible(str(path))}", err=True)
    return 0


def _same(a: Path, b: Path) -> bool:
    return a.exists() and b.exists() and a.samefile(b)
