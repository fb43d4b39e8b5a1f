"""Finding one model, check or scenario for the commands that work on one."""

from __future__ import annotations

from dataclasses import dataclass

import click

from kspec.cli.targets import ad_hoc, adapted
from kspec.engine.model_file import FileModel
from kspec.lang.diagnostics import did_you_mean
from kspec.system.check import Case, Scenario
from kspec.system.model import System


@dataclass(frozen=True)
class Configured:
    """A model in one configuration; ``case`` is None when no check was named."""

    model: FileModel
    case: Case | None
    system: System


def configured(target: str, settings: tuple[tuple[str, str], ...]) -> Configured:
    """The system of ``FILE`` or ``FILE::CHECK``, with settings on top.

    Raises Failed for errors in the model and click.UsageError for a check that is not there.
    """
    path, _, name = target.partition("::")
    model = FileModel.load(path)
    if not name:
        return Configured(model, None, model.build(dict(ad_hoc(settings).params)))
    case = next((c for c in model.cases if c.name == name), None)
    if case is None:
        raise click.UsageError(_no_such("check", name, [c.name for c in model.cases]))
    case = adapted(case, settings)
    return Configured(model, case, model.build(dict(case.params)))


def scenario_of(model: FileModel, name: str) -> Scenario:
    """The scenario of that name.  Raises click.UsageError when there is none."""
    found = next((s for s in model.scenarios if s.name == name), None)
    if found is None:
        raise click.UsageError(_no_such("scenario", name, [s.name for s in model.scenarios]))
    return found


def _no_such(what: str, name: str, names: list[str]) -> str:
    hint = did_you_mean(name, names) or (f"there are: {', '.join(names)}" if names else f"the model has no {what}s")
    return f"there is no {what} `{name}`; {hint}"
