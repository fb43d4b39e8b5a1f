"""What an exported file claims, and what it cannot say."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from kspec.lang.diagnostics import Diagnostic, Failed, did_you_mean
from kspec.lang.source import Span
from kspec.system.effects import DEADLOCK, expr_errors, obligations
from kspec.system.expr import Expr
from kspec.system.model import System


@dataclass(frozen=True)
class Goals:
    """The properties of a system that a file is about.

    ``claims``: what has to hold (declared properties, assertions, ``deadlock``, ``error.<kind>``), in the order
    of ``kspec.system.effects.obligations``.  ``reaches``: ``reachable`` properties, each exported as the claim
    that nothing reaches it, so that a counterexample is the witness.  ``left_out``: properties that have to hold but
    are in temporal logic, which no format takes.
    """

    claims: tuple[str, ...]
    reaches: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.claims, *self.reaches)


def goals(system: System, properties: Collection[str] | None = None) -> Goals:
    """The goals of an export; ``properties`` are names, None stands for everything that has to hold.

    Raises Failed: E0701 for a name that the system does not have, E0702 for a property in temporal logic.
    """
    claims = obligations(system)
    temporal = tuple(p for p in system.properties if p.kind == "property")
    for p in temporal:
        if properties is not None and p.name in properties:
            what = "a property in temporal logic" if p.refinement is None else "a refinement"
            headline = f"`{p.name}` cannot be exported: it is {what}"
            raise Failed([Diagnostic("E0702", headline, p.span, help="Check it with kspec.")], system.sources)
    reaches = tuple(p.name for p in system.properties if p.kind == "reachable")
    if properties is None:
        return Goals(claims, left_out=tuple(p.name for p in temporal))
    wanted = frozenset(properties)
    for name in sorted(wanted - {*claims, *reaches}):
        if name.startswith("error."):
            why = "it cannot happen" if name[6:] in ("range", "index", "none", "div", "choose") else "no such error"
        else:
            why = "there is no such property"
        hint = did_you_mean(name, (*claims, *reaches)) or f"there are: {', '.join((*claims, *reaches))}"
        raise Failed([Diagnostic("E0701", f"`{name}` cannot be exported: {why}", help=hint)])
    return Goals(tuple(n for n in claims if n in wanted), tuple(n for n in reaches if n in wanted))


def restricted(system: System, chosen: Goals) -> System:
    """The system with the properties that are chosen only, and what may raise an error that is chosen.

    Assertions stay: they end steps.
    """
    wanted = frozenset(chosen.names)

    def matters(e: Expr) -> bool:
        return any(f"error.{k}" in wanted for k in expr_errors(e))

    kept = tuple(p for p in system.properties if p.name in wanted or p.kind == "assert" or matters(p.expr))
    ends = DEADLOCK in wanted or any(matters(e) for e in system.terminal)
    return replace(system, properties=kept, deadlock=system.deadlock and ends)


def refused(form: str, what: str, span: Span | None = None, help_: str = "") -> Failed:
    """The refusal (E0702) of something that a format cannot say; to be raised."""
    return Failed([Diagnostic("E0702", f"this model cannot be exported as {form}: {what}", span, help=help_)])
