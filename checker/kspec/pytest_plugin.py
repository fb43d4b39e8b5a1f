"""A pytest plugin: ``pytest models/`` runs every check, scenario and kept trace as a test item.

An item passes when the check ends as the model declares; when it does not, the failure is what
``kspec check`` would print, trace included.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kspec.cli.targets import Entry
    from kspec.engine.outcome import CheckReport
    from kspec.engine.pool import Sample

MODULES: pytest.StashKey[dict[Path, frozenset[str]]] = pytest.StashKey()
"""What is known of folders: the files that only serve others, which are not checked by themselves."""
SUFFIXES = (".kspec", ".itf.json")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options; all begin with ``--kspec``."""
    group = parser.getgroup("kspec", "checking kspec models")
    group.addoption("--kspec-tier", choices=("quick", "slow", "all"), default="quick", help="which checks to run")
    group.addoption("--kspec-engine", default="auto", help="how to search, as in `kspec check --engine`")
    group.addoption("--kspec-timeout", type=float, default=None, metavar="SECONDS", help="for each check")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Models and saved traces are collected."""
    if file_path.name.endswith(SUFFIXES):
        collector: pytest.Collector = ModelFile.from_parent(parent, path=file_path)
        return collector
    return None


class ModelFile(pytest.File):
    """A model, or a saved trace."""

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each check, scenario or kept trace."""
        from kspec.cli.targets import Wanted, entries, modules_in

        known = self.config.stash.setdefault(MODULES, {})
        folder = self.path.parent
        if folder not in known:
            known[folder] = modules_in(folder)
        if os.path.realpath(self.path) in known[folder] and not self._named():
            return
        wanted = Wanted(tier=self.config.getoption("--kspec-tier"))
        try:
            shown = self.path.relative_to(Path.cwd())
        except ValueError:
            shown = self.path
        for entry in entries([str(shown)], wanted):
            name = entry.name or self.path.name
            item: pytest.Item = CheckItem.from_parent(self, name=name, entry=entry)
            yield item


    def _named(self) -> bool:
        """Whether the user names this file itself."""
        named = (Path(a.split("::")[0]) for a in self.config.args)
        return any(n.is_file() and n.samefile(self.path) for n in named if n.exists())


class CheckItem(pytest.Item):
    """One check, scenario or kept trace; or what is wrong with the file."""

    def __init__(self, *, entry: Entry, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.entry = entry

    def runtest(self) -> None:
        """Runs the check; raises NotAsDeclared."""
        from kspec.engine.outcome import CheckReport

        report = self.entry if isinstance(self.entry, CheckReport) else self._run()
        if report.outcome != "met":
            raise NotAsDeclared(report)

    def _run(self) -> CheckReport:
        from kspec.engine.job import Job, Settings
        from kspec.engine.pool import run_jobs

        assert isinstance(self.entry, Job)
        settings = Settings(self.config.getoption("--kspec-engine"), self.config.getoption("--kspec-timeout"))
        watcher = _Watcher()
        run_jobs([self.entry], settings, 1, watcher)
        return watcher.reports[0]

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What ``kspec check`` prints about the check."""
        if isinstance(excinfo.value, NotAsDeclared):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The place of the declaration."""
        place = self.entry.place
        return self.path, place.line - 1 if place else None, self.name


class NotAsDeclared(Exception):
    """A check did not end as declared; the text is the report."""

    def __init__(self, report: CheckReport) -> None:
        from kspec.report.text import details
        from kspec.trace.table import plain

        lines = [line.plain for line in details(report)]
        for saved in report.traces:
            lines += ["", plain(saved.trace)]
        super().__init__("\n".join(lines))


class _Watcher:
    """Collects the reports.  A ``kspec.engine.pool.Watcher``."""

    def __init__(self) -> None:
        self.reports: dict[int, CheckReport] = {}

    def finished(self, index: int, report: CheckReport) -> None:
        self.reports[index] = report

    def tick(self, running: tuple[Sample, ...]) -> None:
        del running

    def stop_requested(self) -> bool:
        return False
