"""``kspec compare``: does a model do only what another one does?"""

from __future__ import annotations

import click
from rich.text import Text

from kspec.cli.interrupt import caught
from kspec.cli.models import configured
from kspec.cli.options import Setting
from kspec.cli.screen import Screen, console
from kspec.engine.model_file import FileModel
from kspec.lang.diagnostics import visible as printable
from kspec.refinement.inclusion import Difference, compare
from kspec.refinement.visible import Item, Label, View, item, with_conditions

_SHOWN = 8


@click.command("compare", short_help="Compare two models by what is visible of them.")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--visible", multiple=True, required=True, metavar="ITEM",
              help="What is looked at: an action or process, a variable, a condition; `NAME: ITEM` calls it NAME.")
@click.option("--in-b", "other", multiple=True, metavar="NAME: ITEM", help="What NAME is in B, where it differs.")
@click.option("--set-a", type=Setting(), multiple=True, metavar="NAME=VALUE", help="A parameter of A.")
@click.option("--set-b", type=Setting(), multiple=True, metavar="NAME=VALUE", help="A parameter of B.")
@click.option("--both", is_flag=True, help="In both directions: are they equivalent?")
@click.option("--pairs", "most", type=click.IntRange(1), default=200_000, show_default=True,
              help="Pairs of states to be looked at, at most.")
def command(
    first: str, second: str, visible: tuple[str, ...], other: tuple[str, ...],
    set_a: tuple[tuple[str, str], ...], set_b: tuple[tuple[str, str], ...], both: bool, most: int,
) -> int:
    """Says whether every visible behaviour of A is one of B (A and B: FILE or FILE::CHECK).

    A step is visible if its action is, or if it changes a variable or condition that is; the others do not count,
    so that the models may differ in how many of them they take.  Where A does something that B does not do, a
    shortest run to that is shown.  States are explored by the interpreter.  The exit code is 1 when a behaviour has
    no counterpart, and 3 when that was not decided.
    """
    items = [item(v) for v in visible]
    theirs = {i.name: i for i in map(item, other)}
    for name in theirs:
        if name not in {i.name for i in items}:
            raise click.UsageError(f"--in-b {printable(name)}: nothing visible has this name")
    views = (
        _view(first, set_a, items),
        _view(second, set_b, [theirs.get(i.name, i) for i in items]),
    )
    screen = Screen(console())
    a, b = (_name(first, set_a), views[0]), (_name(second, set_b), views[1])
    codes = [_one(screen, a, b, most)]
    if both:
        codes.append(_one(screen, b, a, most))
    return next((c for c in (1, 3) if c in codes), 0)


def _view(target: str, settings: tuple[tuple[str, str], ...], items: list[Item]) -> View:
    chosen = configured(target, settings)
    model = FileModel(chosen.model.file, with_conditions(chosen.model.program, items))
    return View(model.build(dict(chosen.system.params)), items)


def _name(target: str, settings: tuple[tuple[str, str], ...]) -> str:
    """A model with what is set of it, for people."""
    said = ", ".join(f"{n} = {v}" for n, v in settings)
    return f"{target} ({said})" if said else target


def _one(screen: Screen, a: tuple[str, View], b: tuple[str, View], most: int) -> int:
    with caught() as interrupt:
        answer = compare(a[1], b[1], most, lambda: interrupt.requested)
    names = printable(f"{a[0]} in {b[0]}")
    size = f"{answer.pairs} pairs, {answer.states} states"
    if answer.difference is not None:
        screen.print(Text.assemble(("not included", "bold red"), f"  {names}  ({size})"))
        _show(screen, a[1], answer.difference)
        return 1
    if answer.reason:
        screen.print(Text.assemble(("unknown", "yellow"), f"  {names}: {answer.reason}"))
        return 3
    screen.print(Text.assemble(("included", "green"), f"  {names}: all that is visible has a counterpart  ({size})"))
    return 0


def _show(screen: Screen, view: View, d: Difference) -> None:
    seen = view.observation(d.initial)
    screen.print(f"  {'':6}initially  {_observed(view, seen)}".rstrip())
    for k, s in enumerate(d.steps, 1):
        mark = ">" if k == len(d.steps) else " "
        after = seen if s.label is None else s.label.observation
        changed = "   ".join(f"{n} = {v}" for n, v, w in zip(view.names, after, seen) if v != w)
        screen.print(f"  {mark}{k:4}  {printable(view.text(s.outcome)):<32} {printable(changed)}".rstrip())
        seen = after
    if not d.possible:
        screen.print("  the other model shows nothing more here")
        return
    screen.print("  the other model can only show:")
    for label in d.possible[:_SHOWN]:
        screen.print(f"         {_label(view, label)}")
    if len(d.possible) > _SHOWN:
        screen.print(f"         ... and {len(d.possible) - _SHOWN} more")


def _label(view: View, label: Label) -> str:
    return printable(f"{label.call}  {_observed(view, label.observation)}".strip())


def _observed(view: View, observation: tuple[str, ...]) -> str:
    return printable("   ".join(f"{n} = {v}" for n, v in zip(view.names, observation)))

