"""From what the user names on the command line to the work that is to be done."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from kspec import resources
from kspec.engine.job import Job, KeptTrace
from kspec.engine.model_file import FileModel
from kspec.engine.outcome import CheckReport
from kspec.lang import ast
from kspec.lang.diagnostics import Diagnostic, Failed, did_you_mean
from kspec.system.check import Case, Expectation, Scenario
from kspec.trace.format import SUFFIX, load_trace
from kspec.trace.model import TraceError

Tier: TypeAlias = Literal["quick", "slow", "all"]
Entry: TypeAlias = Job | CheckReport

MODEL = ".kspec"
_HIDDEN = (".", "__pycache__")


@dataclass(frozen=True)
class Wanted:
    """What to check: settings of an ad-hoc configuration, and the tier."""

    settings: tuple[tuple[str, str], ...] = ()
    tier: Tier = "quick"


def entries(paths: Sequence[str], wanted: Wanted) -> Iterator[Entry]:
    """The jobs for the paths in a stable order; a path that is of no use gives a report that says why."""
    for path in paths:
        yield from _of_path(path, wanted)


def _of_path(text: str, wanted: Wanted) -> Iterator[Entry]:
    path, _, name = text.partition("::")
    if not path:
        yield _unusable(text, "the name of a file is missing")
        return
    here = Path(path)
    if here.is_dir():
        if name or wanted.settings:
            yield _unusable(text, "`::CHECK` and --set need one model, not a folder")
            return
        try:
            files = list(_models_below(here))
        except OSError as e:
            yield _unusable(path, f"cannot read the folder {e.filename}: {e.strerror}")
            return
        if not files:
            yield _unusable(path, "there are no .kspec files and no saved traces in this folder")
        loaded = {file: _loaded(str(file)) for file in files if file.name.endswith(MODEL)}
        modules = set(_modules(loaded.values()))
        for file in files:
            if not (file in loaded and os.path.realpath(file) in modules):
                yield from _of_file(str(file), "", wanted, loaded.get(file))
    elif text.endswith("::"):
        yield _unusable(text, "the name of a check is missing after `::`")
    else:
        yield from _of_file(path, name, wanted)


def _models_below(folder: Path) -> Iterator[Path]:
    """Models and saved traces below a folder, sorted; hidden folders are left out."""
    for item in sorted(folder.iterdir(), key=lambda p: (p.is_dir(), p.name)):
        if item.name.startswith(_HIDDEN):
            continue
        if item.is_dir() and not item.is_symlink():
            yield from _models_below(item)
        elif item.name.endswith((MODEL, SUFFIX)):
            yield item


def _loaded(path: str) -> FileModel | Failed:
    try:
        return FileModel.load(path)
    except Failed as e:
        return e


def modules_in(folder: Path) -> frozenset[str]:
    """The models of a folder (not below it) that only serve others, by their real paths."""
    files = sorted(folder.glob(f"*{MODEL}"))
    return frozenset(_modules([_loaded(str(f)) for f in files]))


def _modules(models: Iterable[FileModel | Failed]) -> Iterator[str]:
    """The files that only serve others: these use them, and they have no check and no scenario of their own."""
    loaded = [m for m in models if isinstance(m, FileModel)]
    used = {os.path.realpath(m.file) for model in loaded for m in model.program.modules[:-1]}
    for model in loaded:
        asks = any(isinstance(d, ast.CheckDecl | ast.ScenarioDecl) for d in model.program.main.decls)
        if not asks and os.path.realpath(model.file) in used:
            yield os.path.realpath(model.file)


def _of_file(path: str, name: str, wanted: Wanted, loaded: FileModel | Failed | None = None) -> Iterator[Entry]:
    if path.endswith(".json"):
        yield _kept(path)
        return
    try:
        model = loaded or _loaded(path)
        if isinstance(model, Failed):
            raise model
        cases = model.cases
    except Failed as e:
        yield failed(path, e)
        return
    if wanted.settings and not name:
        yield Job(model, ad_hoc(wanted.settings))
        return
    scenarios, broken = _scenarios(model)
    if not name:
        yield from (Job(model, c) for c in cases if wanted.tier in ("all", c.tier))
        if wanted.tier != "slow":
            yield from (Job(model, s) for s in scenarios)
            yield from broken
        return
    chosen = [c for c in cases if c.name == name or c.name.startswith(f"{name}[")]
    named = [Job(model, adapted(c, wanted.settings)) for c in chosen]
    if not wanted.settings:
        named += [Job(model, s) for s in scenarios if s.name == name]
    if named:
        yield from named
    elif broken:
        yield from broken
    else:
        names = [c.name for c in cases] + [s.name for s in scenarios]
        hint = did_you_mean(name, names) or (f"there are: {', '.join(names)}" if names else "")
        yield _unusable(path, f"there is no check or scenario `{name}`", hint)


def _scenarios(model: FileModel) -> tuple[tuple[Scenario, ...], tuple[CheckReport, ...]]:
    """The scenarios of a model, or what is wrong with them: its checks can be run all the same."""
    try:
        return model.outlines, ()
    except Failed as e:
        return (), (failed(model.file, e),)


def ad_hoc(settings: tuple[tuple[str, str], ...]) -> Case:
    """The case of a configuration that no check declares: it is expected to hold."""
    return Case(_bracketed("", settings), "", settings, Expectation("holds"))


def adapted(case: Case, settings: tuple[tuple[str, str], ...]) -> Case:
    """A declared check with other parameters; counts that are pinned for the declared ones do not apply."""
    if not settings:
        return case
    params: Mapping[str, str] = dict(case.params) | dict(settings)
    expect = replace(case.expect, states=None, transitions=None)
    return replace(case, name=_bracketed(case.name, settings), params=tuple(params.items()), expect=expect)


def _bracketed(name: str, settings: tuple[tuple[str, str], ...]) -> str:
    return f"{name}[{','.join(f'{n}={v}' for n, v in settings)}]"


def _kept(path: str) -> Entry:
    """A saved trace as a regression of the model that it names."""
    trace = load_trace(path)
    if isinstance(trace, TraceError):
        where = f"{trace.where}: " if trace.where else ""
        return _unusable(path, f"{where}{trace.message}")
    file = model_of_trace(path, trace.model.file)
    try:
        return Job(FileModel.load(file), KeptTrace(path, trace))
    except Failed as e:
        return failed(path, e)


def model_of_trace(trace: str, model: str) -> str:
    """Where the model file that a saved trace names is: below the trace's project, else the working directory,
    else below the models that come with kspec."""
    root = resources.project_root(Path(trace).resolve().parent)
    shipped = resources.shipped("models")
    folders = [root, Path(), shipped.parent if shipped else None]
    for folder in folders:
        if folder is not None and (folder / model).is_file():
            found = folder / model
            here = Path.cwd()
            return str(found.relative_to(here) if found.is_relative_to(here) else found)
    return model


def failed(path: str, e: Failed) -> CheckReport:
    """The report on a file with errors."""
    headline = e.diagnostics[0].headline if e.diagnostics else "it has errors"
    return CheckReport(path, "file", path, "invalid", headline, diagnostics=e.diagnostics, sources=e.sources)


def _unusable(path: str, message: str, help_: str = "") -> CheckReport:
    return failed(path, Failed([Diagnostic("E0005", f"{path}: {message}", help=help_)]))
