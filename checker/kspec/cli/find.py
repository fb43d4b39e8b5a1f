"""``kspec find``: a shortest run that ends as wanted, perhaps after the steps of a scenario."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import click

from kspec.cli.conclude import written
from kspec.cli.interrupt import Interrupt, caught
from kspec.cli.models import configured, scenario_of
from kspec.cli.options import Duration, Setting
from kspec.cli.screen import Screen, console
from kspec.engine.model_file import FileModel
from kspec.engine.protocol import Budget, Finding, Progress
from kspec.engine.verdict import count
from kspec.interp.confirm import confirm
from kspec.interp.machine import Machine
from kspec.lang import ast
from kspec.lang.load import Program
from kspec.lang.parse import parse_expression
from kspec.lang.source import Source
from kspec.report import text
from kspec.symbolic.complete import complete
from kspec.system.check import Do
from kspec.trace.build import Meta, trace_of
from kspec.trace.model import Origin


@click.command("find", short_help="Find a run that ends as wanted.")
@click.argument("target", metavar="FILE|FILE::CHECK")
@click.argument("condition", metavar="CONDITION")
@click.option("--after", "scenario", metavar="NAME", help="Begin with the steps of this scenario.")
@click.option("--depth", type=click.IntRange(0), default=40, show_default=True, help="How long the run may be.")
@click.option(
    "--set", "settings", type=Setting(), multiple=True, metavar="NAME=VALUE", help="A parameter (repeatable)."
)
@click.option("--timeout", type=Duration(), metavar="TIME", help="Stop after this time: 30s, 5m.")
@click.option(
    "--save-traces", "folder", type=click.Path(file_okay=False), default=".kspec/traces", show_default=True,
    metavar="DIR", help="Where the run is saved.",
)  # fmt: skip
def command(
    target: str,
    condition: str,
    scenario: str | None,
    depth: int,
    settings: tuple[tuple[str, str], ...],
    timeout: float | None,
    folder: str,
) -> int:
    """Finds a shortest run to a state in which CONDITION holds, by bounded model checking.

    CONDITION is an expression of the language, for example `exists t in Task: owner == t`.  The exit code is
    1 when there is no such run within the depth, and 3 when that was not decided in time.
    """
    path, colon, check = target.partition("::")
    model = FileModel.load(path)
    name, program = _with_condition(model.program, condition)
    asked = replace(model, program=program)
    prefix: list[Do | None] = []
    if scenario is not None:
        if colon or settings:
            raise click.UsageError("a scenario has its own parameters: name the FILE only, without --set")
        script = scenario_of(model, scenario)
        prefix = [s for s in script.steps if isinstance(s, Do)]
        system, case = asked.build(dict(script.params)), None
    else:
        chosen = configured(target, settings)
        case = chosen.case
        system = asked.build(dict(chosen.system.params))
    with caught() as interrupt:
        found = complete(system, name, prefix, Budget(timeout, depth=depth), _Control(interrupt))
    screen = Screen(console())
    if found.run is None:
        seen = f"none of up to {count(found.bound, 'step')}" if found.bound is not None else "none so far"
        screen.print(f"no run found: {seen}" + (f" ({found.reason})" if found.reason else ""))
        return 3 if found.reason else 1
    machine = Machine(system)
    wrong = confirm(machine, Finding(name, found.run))
    if wrong is not None:
        from kspec.engine.faults import Fault

        raise Fault(f"a run that does not stand up: {wrong}", repr(found.run))
    how = f"a shortest run to {condition!r}"
    meta = Meta(model.reference, check if case is not None else "", Origin(engine="bmc", strength=how, shortest=True))
    saved = written(trace_of(system, found.run, meta, machine), Path(folder))
    screen.trace(saved.trace)
    for line in text.where_saved(saved):
        screen.print(line)
    return 0


def _with_condition(program: Program, condition: str) -> tuple[str, Program]:
    """The program with the condition as a ``reachable`` property, so that all that it looks at is kept."""
    names = {getattr(d, "name", "") for m in program.modules for d in m.decls}
    name = next(n for n in ("wanted", *(f"wanted_{i}" for i in range(len(names) + 1))) if n not in names)
    source = Source("CONDITION", condition)
    expr = parse_expression(source, condition)
    decl = ast.PropertyDecl("reachable", name, expr, None, expr.span)
    main = replace(program.main, decls=(*program.main.decls, decl))
    return name, replace(
        program, modules=(*program.modules[:-1], main), sources=(*program.sources, source)
    )


@dataclass(frozen=True)
class _Control:
    """Lets the user stop the search.  A ``kspec.engine.protocol.Control``."""

    interrupt: Interrupt

    def cancelled(self) -> bool:
        return self.interrupt.requested

    def report(self, progress: Progress) -> None:
        """Nobody looks."""
