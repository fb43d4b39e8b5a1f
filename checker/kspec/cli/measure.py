"""``kspec measure``: how often a step can be taken while something waits."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from kspec.cli.conclude import written
from kspec.cli.interrupt import Interrupt, caught
from kspec.cli.models import configured
from kspec.cli.options import Duration, Setting
from kspec.cli.screen import Screen, console
from kspec.engine.faults import Fault
from kspec.engine.protocol import Run
from kspec.engine.verdict import count
from kspec.interp.confirm import complete
from kspec.interp.evaluate import EvalError
from kspec.interp.lasso import discharge, open_end
from kspec.interp.machine import Machine
from kspec.interp.measure import Answer, measure, questions, reachable_states
from kspec.interp.temporal import VacuousError
from kspec.lang import ast
from kspec.lang.diagnostics import visible
from kspec.lang.load import Program
from kspec.lang.parse import parse_expression
from kspec.lang.source import Source
from kspec.report import text
from kspec.system.temporal import constraints
from kspec.trace.build import Meta, trace_of
from kspec.trace.model import Origin
from kspec.types import show_scalar

_STEP = re.compile(r"\s*([A-Za-z_]\w*)\s*(\(.*\))?\s*(?:\.\s*([A-Za-z_]\w*)\s*)?", re.DOTALL)
_STEPS = (ast.ActionDecl, ast.ProcessDecl)


@click.command("measure", short_help="Measure how often a step is taken during a wait.")
@click.argument("target", metavar="FILE|FILE::CHECK")
@click.option("--count", "counted", required=True, metavar="STEP", help="What is counted.")
@click.option("--from", "begins", required=True, metavar="CONDITION", help="Where this is true a wait begins.")
@click.option("--until", "ends", required=True, metavar="CONDITION", help="Where this is true the wait is over.")
@click.option("--for", "each", metavar="BINDERS", help="For every choice of names, e.g. `t in Task`.")
@click.option("--at-most", "allowed", type=click.IntRange(0), metavar="N", help="Fail if it is more.")
@click.option("--set", "settings", type=Setting(), multiple=True, metavar="NAME=VALUE", help="A parameter.")
@click.option("--states", "most", type=click.IntRange(1), default=200_000, show_default=True,
              help="States to be looked at, at most.")
@click.option("--timeout", type=Duration(), metavar="TIME", help="Stop after this time: 30s, 5m.")
@click.option("--save-traces", "folder", type=click.Path(file_okay=False), default=".kspec/traces", show_default=True,
              metavar="DIR", help="Where the run is saved.")
def command(
    target: str, counted: str, begins: str, ends: str, each: str | None, allowed: int | None,
    settings: tuple[tuple[str, str], ...], most: int, timeout: float | None, folder: str,
) -> int:
    """Says how often STEP can be taken between a state in which --from is true and the next one in which --until is.

    STEP is an action, a process, a step of a process (`p.label`, or `p(t).label` with --for), or a condition with
    `taken(...)`, as `exists u in Task where u != t: taken(p(u).label)` with --for 't in Task'.  The answer is the
    exact maximum over all fair behaviours and all choices of names, with a run that attains it, or that there is
    none.  States are explored by the interpreter.
    The exit code is 1 when there is no maximum, when it is more than --at-most, or when no wait ever begins, and 3
    when that was not decided.
    """
    chosen = configured(target, settings)
    names, program = _with_question(chosen.model.program, each, counted, begins, ends)
    system = replace(chosen.model, program=program).build(dict(chosen.system.params))
    count_, from_, until = (system.property_named(n) for n in names)
    assert count_ is not None and from_ is not None and until is not None, "declared"
    asked = questions(count_, from_, until)
    if asked is None:
        raise click.UsageError(
            "what is counted has no temporal operators; --from and --until are about a state, without `taken`; "
            "`where` in --for is about constants"
        )
    machine = Machine(system)
    screen = Screen(console())
    try:
        with caught() as interrupt:
            poll = _Poll(interrupt, timeout)
            states = reachable_states(machine, most, poll)
            if states is None:
                screen.print(f"unknown: more than {count(most, 'state')}; see --states")
                return 3
            answer = measure(machine, states, asked, poll)
    except _StopError as stop:
        screen.print(f"unknown: {stop}")
        return 3
    except VacuousError as e:
        screen.print(f"unknown: {e}")
        return 3
    except EvalError as e:
        raise click.ClickException(f"a condition cannot be evaluated in some state: {e}") from None
    for line in _lines(answer, allowed):
        screen.print(visible(line))
    if answer.run is not None:
        said = f"measured over all fair behaviours: {_headline(answer)}"
        _show(screen, machine, answer.run, Meta(
            chosen.model.reference, target.partition("::")[2], Origin(engine="interp", strength=said)
        ), Path(folder))
    return 1 if answer.kind != "bounded" or (allowed is not None and answer.most > allowed) else 0


class _StopError(Exception):
    """The time is up, or the user asked for a stop."""


@dataclass
class _Poll:
    """Ends the work in time."""

    interrupt: Interrupt
    seconds: float | None
    started: float = field(default_factory=time.monotonic)

    def __call__(self) -> None:
        if self.interrupt.requested:
            raise _StopError("interrupted")
        if self.seconds is not None and time.monotonic() - self.started > self.seconds:
            raise _StopError("time")


def _headline(answer: Answer) -> str:
    match answer.kind:
        case "bounded":
            return f"at most {count(answer.most, 'counted step')} in a wait"
        case "endless":
            return "unbounded: a fair behaviour waits and counts for ever"
        case "any":
            return "unbounded: only finitely often in a fair behaviour, but any number of times"
        case "never":
            return "nothing to measure: no wait begins (--from is true nowhere, or only where --until is)"


def _lines(answer: Answer, allowed: int | None) -> list[str]:
    lines = [f"{_headline(answer)}  ({count(answer.states, 'state')})"]
    if answer.kind == "bounded" and allowed is not None and answer.most > allowed:
        lines.append(f"that is more than {allowed}")
    if answer.run is None:
        return lines
    where = f"after step {answer.begin}" if answer.begin else "at the start"
    bindings = answer.question.bindings if answer.question is not None else ()
    names = ", ".join(f"{n} = {show_scalar(t, v)}" for n, t, v in bindings)
    lines.append(f"the wait begins {where}" + (f", for {names}" if names else ""))
    if answer.again is not None:
        first, last = answer.again + 1, answer.run.length
        what = f"step {last}" if first == last else f"steps {first} to {last}"
        lines.append(f"{what} can be repeated any number of times before the behaviour goes on")
    if answer.stays and answer.kind != "endless":
        lines.append("some fair behaviour waits for ever without counting on")
    return lines


def _show(screen: Screen, machine: Machine, run: Run, meta: Meta, folder: Path) -> None:
    """The run, re-executed, saved and shown."""
    wrong = complete(machine, Run(run.initial, run.steps))
    reason = wrong if isinstance(wrong, str) else None
    if reason is None and run.loop is not None:
        reason = open_end(machine, run)
        if any(discharge(machine, run, c) is None for c in constraints(machine.system)):
            reason = reason or "the behaviour is not fair"
    if reason is not None:
        raise Fault(f"a run that does not stand up: {reason}", repr(run))
    saved = written(trace_of(machine.system, run, meta, machine), folder)
    screen.print()
    screen.trace(saved.trace)
    for line in text.where_saved(saved):
        screen.print(line)


def _with_question(
    program: Program, each: str | None, counted: str, begins: str, ends: str
) -> tuple[tuple[str, str, str], Program]:
    """The program with what is asked as properties, and their names: see ``kspec.interp.measure.questions``."""
    taken = {getattr(d, "name", "") for m in program.modules for d in m.decls}

    def free(stem: str) -> str:
        return next(n for n in (stem, *(f"{stem}_{i}" for i in range(len(taken) + 1))) if n not in taken)

    texts = (("count", _as_formula(program, counted)), ("from", begins), ("until", ends))
    names = [free(f"measured_{option}") for option, _ in texts]
    sources, decls = [], []
    for name, (option, words) in zip(names, texts, strict=True):
        parse_expression(Source(f"--{option}", words), words)  # an expression of its own, whatever comes around it
        whole = f"eventually ({words})"
        if each is not None:
            parse_expression(Source("--for", f"forall {each}: true"), f"forall {each}: true")
            whole = f"forall {each}: {whole}"
        source = Source(f"--{option}", whole)
        expr = parse_expression(source, whole)
        sources.append(source)
        decls.append(ast.PropertyDecl("property", name, expr, None, expr.span))
    main = replace(program.main, decls=(*program.main.decls, *decls))
    asked = replace(program, modules=(*program.modules[:-1], main), sources=(*program.sources, *sources))
    return (names[0], names[1], names[2]), asked


def _as_formula(program: Program, words: str) -> str:
    """``taken(...)`` around what names a step of the model; parameters that are left out may have any value."""
    match = _STEP.fullmatch(words)
    if match is None:
        return words
    name, args, label = match.groups()
    decl = next((d for d in program.main.decls if isinstance(d, _STEPS) and d.name == name), None)
    if decl is None:
        return words
    if args is None:
        given = len(decl.params) if isinstance(decl, ast.ActionDecl) else int(decl.param is not None)
        args = f"({', '.join('_' * given)})" if given else ""
    return f"taken({name}{args}{f'.{label}' if label else ''})"
