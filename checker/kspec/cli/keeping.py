"""Checkpoints on the command line: the options, and how an unfinished check is gone on with."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from kspec import usercache
from kspec.cli.options import Duration
from kspec.engine.checkpoints import EVERY, Checkpoints, Kept, UnreadableError, discard, folder_of, location, read, tidy
from kspec.engine.job import Job
from kspec.engine.outcome import CheckReport
from kspec.engine.verdict import count
from kspec.lang.diagnostics import visible
from kspec.report.words import ago

KEEPS = ("auto", "all", "explicit")
"""What to say for --engine so that a search is saved."""
_RAW = "kspec.arguments"
_MORE = 4
_NOT_REPEATED = {"resume", "style", "output", "junit_file", "sarif_file", "annotate"}
F = TypeVar("F", bound=Callable[..., Any])


class Every(click.ParamType["float | None"]):
    """A time, or ``off``."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        if value is None or str(value).strip() == "off":
            return None
        return Duration().convert(value, param, ctx)


def options(command: F) -> F:
    """The options ``--checkpoint``, ``--checkpoint-dir`` and ``--resume``."""
    for option in (
        click.option("--resume", is_flag=True, help="Go on from the checkpoints of a run that was not finished."),
        click.option(
            "--checkpoint-dir", type=click.Path(file_okay=False), metavar="DIR",
            help="Where checkpoints are.  [default: ~/.cache/kspec/checkpoints]",
        ),
        click.option(
            "--checkpoint", "every", type=Every(), default=f"{EVERY / 60:.0f}m", show_default=True,
            metavar="TIME|off", help="How often a long search is saved; it is also saved when it is stopped.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def wanted(every: float | None, folder: str | None, resume: bool, engine: str) -> Checkpoints | None:
    """What the options ask for; None when nothing is to be saved, or there is no place.

    Raises click.UsageError for options that do not go together.
    """
    if resume and engine not in KEEPS:
        raise click.UsageError(f"--resume is for the engine explicit: {engine} saves nothing")
    if resume and every is None:
        raise click.UsageError("--resume and --checkpoint off exclude each other")
    if every is None:
        return None
    root = Path(folder) if folder is not None else location()
    if folder is None and not usercache.usable(root):
        if resume:
            raise click.UsageError(f"there is no place for checkpoints: {root} cannot be used; see --checkpoint-dir")
        return None
    tidy(root)
    return Checkpoints(root.absolute(), every, resume)


class Remembering(click.Command):
    """A command that knows the arguments as they were written, for what it suggests."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_RAW] = tuple(args)
        return super().parse_args(ctx, args)


@dataclass(frozen=True)
class Invocation:
    """How the command was called: options in the order of the help with their texts, and paths."""

    paths: tuple[str, ...]
    options: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, ctx: click.Context) -> Invocation:
        """That of a running command of class :class:`Remembering`."""
        given, _, _ = ctx.command.make_parser(ctx).parse_args(list(ctx.meta.get(_RAW, ())))
        found = []
        for p in ctx.command.params:
            if not isinstance(p, click.Option) or p.name not in given or p.name in _NOT_REPEATED:
                continue
            value = given[p.name]
            texts = () if p.is_flag else tuple(map(str, value if isinstance(value, list) else [value]))
            found.append((p.name or "", max(p.opts, key=len), texts))
        return cls(tuple(map(str, given.get("paths") or ())), tuple(found))

    def text(self, target: str = "", more: Mapping[str, tuple[str, str]] | None = None, *, resume: bool = False) -> str:
        """The command for one target (all paths if empty), with options changed: name, flag and value."""
        changed = dict(more or {})
        words = ["kspec", "check", *([target] if target else self.paths)]
        for name, flag, texts in self.options:
            if name not in changed:
                words += [w for t in texts for w in (flag, t)] if texts else [flag]
        words += [w for flag, value in changed.values() for w in (flag, value)]
        return shlex.join([*words, *(["--resume"] if resume else [])])

    @property
    def sets_parameters(self) -> bool:
        """Whether checks run with other parameters than they declare."""
        return any(name == "settings" for name, _, _ in self.options)


@dataclass(frozen=True)
class Continuing:
    """Says of unfinished checks how to go on."""

    invocation: Invocation
    checkpoints: Checkpoints | None
    timeout: float | None = None
    max_memory: int | None = None
    only: bool = field(default=False, kw_only=True)
    """Whether the command has one check to do."""

    def advised(self, report: CheckReport) -> CheckReport:
        """The report of a check without an answer, with its checkpoint and what to do next; where there is
        an answer, the checkpoint goes."""
        if report.kind == "check" and report.outcome in ("met", "unmet") and self.checkpoints is not None:
            discard(folder_of(self.checkpoints.root, report.model, report.name))
        if report.outcome != "undecided" or report.kind != "check":
            return report
        kept = self.kept(report)
        return replace(report, checkpoint=kept, advice=tuple(self._advice(report, kept)))

    def kept(self, report: CheckReport) -> Kept | None:
        """The checkpoint of a check, if there is one that is of this system."""
        found = self._read(report.model, report.name)
        fits = found is not None and report.system_hash in ("", found.about.get("system"))
        return found if fits else None

    def waiting(self, jobs: Sequence[Job]) -> Iterator[str]:
        """Says which checks could go on from a checkpoint."""
        for job in jobs:
            kept = self._read(job.model.file, job.name) if job.kind == "check" else None
            if kept is not None:
                name = f"{visible(job.model.file)} {visible(job.name)}"
                saved = f"{count(kept.states, 'state')}, {ago(kept.written)}"
                yield f"{name} has a checkpoint ({saved}); --resume goes on from it"

    def _read(self, model: str, check: str) -> Kept | None:
        if self.checkpoints is None:
            return None
        try:
            return read(folder_of(self.checkpoints.root, model, check))
        except UnreadableError:
            return None

    def _advice(self, report: CheckReport, kept: Kept | None) -> Iterator[str]:
        causes = " ".join((report.got, *report.why, *(v.reason for v in report.verdicts)))
        whole = self.only or self.invocation.sets_parameters
        target = "" if whole else f"{report.model}::{report.name}"
        more: dict[str, tuple[str, str]] = {}
        if "memory budget" in causes:
            more["max_memory"] = "--max-memory", _larger(self.max_memory)
        if kept is not None:
            verb = "go on, with more memory" if more else "go on"
            yield f"{verb}: {self.invocation.text(target, more, resume=True)}"
        elif "not run" in causes or "interrupted" in causes:
            yield f"start again: {self.invocation.text(target)}"
        elif more or "time budget" in causes:
            if not more and self.timeout is not None:
                more["timeout"] = "--timeout", _longer(self.timeout)
            yield f"give it more: {self.invocation.text(target, more)}"


def _larger(memory: int | None) -> str:
    return "90%" if memory is None else f"{max(1, memory * 2 >> 20)}M"


def _longer(seconds: float) -> str:
    more = seconds * _MORE
    return f"{more / 60:.0f}m" if more >= 180 else f"{max(1, more):.0f}s"


def remarks(reports: Sequence[CheckReport]) -> Iterator[str]:
    """What became of the checkpoints that a run was to go on from, a line for each check."""
    for r in reports:
        if r.outcome != "met":
            continue  # its details say so
        for note in r.notes:
            if note.startswith(("resumed at", "not resumed")):
                yield f"{r.name}: {note}"
