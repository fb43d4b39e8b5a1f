"""``kspec certify``: does a saved proof stand, for the model as it is now?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
from rich.text import Text

from kspec.certify import certificate
from kspec.certify.certificate import BadCertificate, Certificate, Header
from kspec.certify.check import recheck, smtlib
from kspec.certify.states import claiming, contradictions
from kspec.cli.interrupt import Interrupt, caught
from kspec.cli.screen import Screen, console
from kspec.cli.targets import model_of_trace
from kspec.engine import child, registry
from kspec.engine.faults import Disagreement
from kspec.engine.model_file import FileModel
from kspec.engine.protocol import Budget, Goals, Progress
from kspec.engine.verdict import count
from kspec.lang.diagnostics import visible
from kspec.report.files import write_atomically
from kspec.report.proof import proof_lines
from kspec.system.model import System
from kspec.system.representation import is_representation, with_representation

ENUMERATION_SECONDS = 30.0


@click.command("certify", short_help="Check saved proofs again.")
@click.argument("files", nargs=-1, required=True, metavar="CERTIFICATE...")
@click.option(
    "--model", "model", metavar="FILE", help="The model it is about.  [default: the one named in the certificate]"
)
@click.option("--brief", is_flag=True, help="Do not print the proof.")
@click.option(
    "--smt", is_flag=True, help="Also write what a solver has to refute, as SMT-LIB, beside each certificate (.smt2)."
)
@click.option(
    "--states", type=click.IntRange(0), default=200_000, show_default=True, metavar="N",
    help="Where no more than so many states can be reached, look at all of them, too.",
)  # fmt: skip
def command(files: tuple[str, ...], model: str | None, brief: bool, smt: bool, states: int) -> int:
    """Checks certificates, as `kspec check` saves them for proofs, against their models as they are now.

    The proof is printed and checked again: by another encoding and another solver than found it, on states of
    random walks, and on all reachable states where these are few.  The exit code is 1 when a proof does not
    stand, and 2 when a file is no certificate.
    """
    screen = Screen(console())
    with caught() as interrupt:
        codes = {_certify(screen, path, model, _Asked(brief, smt, states, interrupt)) for path in files}
    return next((c for c in (2, 1) if c in codes), 0)


@dataclass(frozen=True)
class _Asked:
    """The options.  A ``kspec.engine.protocol.Control`` for the enumeration."""

    brief: bool
    smt: bool
    states: int
    interrupt: Interrupt

    def cancelled(self) -> bool:
        return self.interrupt.requested

    def report(self, progress: Progress) -> None:
        """Nobody looks."""


def _certify(screen: Screen, path: str, model: str | None, asked: _Asked) -> int:
    try:
        text = Path(path).read_text(encoding="utf-8")
        head = certificate.header(text)
    except UnicodeDecodeError:
        return _unusable(path, "not a text")
    except BadCertificate as e:
        return _unusable(path, str(e))
    if not head.model and model is None:
        return _unusable(path, "it names no model; give one with --model")
    file = model or model_of_trace(path, head.model)
    system = FileModel.load(file).build(dict(head.params))
    screen.print(_line("certificate", path))
    screen.print(_line("model", file + (f", check {head.check}" if head.check else "")))
    _print_parameters(screen, head)
    if head.system != with_representation(system).hash:
        screen.print(_verdict("does not stand", "the model has changed since", good=False))
        return 1
    try:
        read = certificate.load(text, with_representation(system))
    except BadCertificate as e:
        return _unusable(path, str(e))
    if not asked.brief:
        screen.print()
        for line in proof_lines(text):
            screen.print(Text(line, style="" if line.startswith(" ") else "bold"))
        screen.print()
    answer = recheck(system, text)
    if answer.problems:
        screen.print(_verdict("does not stand", "; ".join(answer.problems), good=False))
        return 1
    seen = _enumerated(system, read, asked)
    proved = [n for n in answer.proved if not is_representation(n)]
    also = f"; true of all {count(seen, 'state')} that can be reached" if seen is not None else ""
    screen.print(_verdict("stands", f"{', '.join(proved)} ({answer.checker}{also})", good=True))
    if asked.smt:
        script = smtlib(system, text)
        target = Path(path).with_suffix(".smt2")
        write_atomically(target, script.text())
        screen.print(_line("written", f"{target}: {count(script.checks, 'question')}, all to be answered unsat"))
    return 0


def _enumerated(system: System, c: Certificate, asked: _Asked) -> int | None:
    """Searches all reachable states, and says how many there are; None if more than asked for.

    Raises Fault when they contradict a proof that has passed its re-check.
    """
    engine = next((e for e in map(registry.find, registry.AUTO) if not isinstance(e, registry.Unavailable)), None)
    if engine is None or not asked.states:
        return None
    whole = with_representation(system)
    budget = Budget(ENUMERATION_SECONDS, states=asked.states)
    result = child.run(engine, claiming(whole, c), Goals(everything=True), budget, asked)
    wrong = contradictions(whole, c, result)
    if wrong:
        raise Disagreement(f"reachable states contradict a proof: {', '.join(wrong)}", repr(result))
    return result.evidence.states if result.status == "exhausted" and result.evidence is not None else None


def _print_parameters(screen: Screen, head: Header) -> None:
    if head.params:
        screen.print(_line("parameters", ", ".join(f"{n} = {v}" for n, v in head.params)))
    if head.made_by:
        screen.print(_line("found by", head.made_by))


def _line(head: str, text: str) -> Text:
    return Text.assemble((f"{head:<13}", "bold"), visible(text))


def _verdict(word: str, text: str, good: bool) -> Text:
    return Text.assemble((f"{word}: ", "green" if good else "bold red"), visible(text))


def _unusable(path: str, why: str) -> int:
    click.echo(f"kspec: {visible(path)}: {visible(why)}", err=True)
    return 2
