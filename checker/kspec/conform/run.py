"""Holds one log against a model: sizes the pools of identities, builds the system, follows the log."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from kspec.conform import ftrace
from kspec.conform.binding import peaks
from kspec.conform.diagnose import Diagnosis, diagnose
from kspec.conform.matcher import Outcome, follow
from kspec.conform.records import Lost, Record
from kspec.interp.machine import Machine
from kspec.lang import ast
from kspec.lang.load import Program, load
from kspec.lower import build as lowering
from kspec.types import RangeType


@dataclass(frozen=True)
class Report:
    """What became of one log, with the sizes of the pools."""

    file: str
    outcome: Outcome
    params: tuple[tuple[str, str], ...]
    diagnosis: Diagnosis | None = None
    never: tuple[str, ...] = ()


def conform(model: str, trace: str, settings: Mapping[str, str], width: int) -> Report:
    """Raises Failed for the model, BadTrace for the log."""
    version = _version(model)
    program = _program(model, version)
    sizes = dict(_sizes(program, settings, trace))
    params = tuple(sorted({**sizes, **settings}.items()))
    machine = _machine(model, version, params)
    outcome = follow(machine, ftrace.read(trace), width)
    diagnosis = None
    if outcome.rejected is not None:
        diagnosis = diagnose(machine, outcome, outcome.rejected, outcome.following)
    observed = dict.fromkeys(c for o in machine.system.observations.observed for c, _ in o.calls)
    never = tuple(c for c in observed if c not in outcome.coverage.actions)
    return Report(trace, outcome, params, diagnosis, never)


def _version(model: str) -> tuple[int, int]:
    """Changes when the file does."""
    try:
        found = os.stat(model)
        return found.st_mtime_ns, found.st_size
    except OSError:
        return 0, 0


@lru_cache(maxsize=4)
def _program(model: str, version: tuple[int, int]) -> Program:
    return load(model)


@lru_cache(maxsize=16)
def _machine(model: str, version: tuple[int, int], params: tuple[tuple[str, str], ...]) -> Machine:
    return Machine(lowering.build(_program(model, version), dict(params)))


def _sizes(program: Program, settings: Mapping[str, str], trace: str) -> Iterator[tuple[str, str]]:
    """The parameters that say how many identities there are, large enough for a log: powers of two, so that few
    systems are built for many logs."""
    pools = dict(_pools(program))
    if not pools:
        return
    system = lowering.build(program, settings)
    for name, peak in peaks(system, _records(trace)).items():
        size = 1
        while size < peak:
            size *= 2
        if name in pools and pools[name] not in settings:
            yield pools[name], str(_within(program, system.params, pools[name], size))


def _within(program: Program, params: tuple[tuple[str, str], ...], name: str, size: int) -> int:
    """A size that the parameter's type allows, if it is written as a range of numbers."""
    for m in program.modules:
        for d in m.decls:
            if isinstance(d, ast.ParamDecl) and d.name == name and isinstance(d.type, ast.RangeTypeExpr):
                lo, hi = d.type.lo, d.type.hi
                if isinstance(lo, ast.IntLit) and isinstance(hi, ast.IntLit):
                    allowed = RangeType(lo.value, hi.value)
                    return max(allowed.lo, min(allowed.hi, size))
    return size


def _pools(program: Program) -> Iterator[tuple[str, str]]:
    """The id types whose size is a parameter."""
    for m in program.modules:
        for d in m.decls:
            if isinstance(d, ast.IdDecl) and isinstance(d.size, ast.Name):
                yield d.name, d.size.name


def _records(trace: str) -> Iterator[Record]:
    for item in ftrace.read(trace):
        if not isinstance(item, Lost):
            yield item
