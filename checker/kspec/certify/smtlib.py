"""The obligations of a re-check as SMT-LIB text, which any solver for bit-vectors can run.

Every ``check-sat`` has to answer ``unsat``; a comment before it says what it is about.  The text is made of
the same terms that the re-check gives to its solver.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kspec.certify.terms import Terms

HEADER = """; Every check-sat below has to answer unsat: then the certificate stands.
(set-option :print-success false)
"""


@dataclass
class Script:
    """A text in the making.  Every solver that is asked for begins anew in it."""

    lines: list[str] = field(default_factory=lambda: [HEADER])
    checks: int = 0

    def solver(self, terms: Terms) -> Recorder:
        """What stands in for a solver of the terms."""
        self.lines.append("(reset)\n(set-logic QF_BV)")
        return Recorder(self, terms)

    def text(self) -> str:
        """The whole text."""
        return "\n".join([*self.lines, "(exit)", ""])


@dataclass
class Recorder:
    """Takes the calls that a solver takes, and writes them down; it says of everything that it is refuted."""

    script: Script
    terms: Terms
    _declared: list[set[int]] = field(default_factory=lambda: [set()])
    _walked: list[set[int]] = field(default_factory=lambda: [set()])

    def note(self, text: str) -> None:
        """What the next question is about."""
        self.script.lines.append(f"; {text}")

    def push(self, levels: int) -> None:
        """What is asserted from now on holds until it is popped."""
        for _ in range(levels):
            self._declared.append(set())
            self._walked.append(set())
        self.script.lines.append(f"(push {levels})")

    def pop(self, levels: int) -> None:
        """Takes back what was asserted since."""
        del self._declared[-levels:]
        del self._walked[-levels:]
        self.script.lines.append(f"(pop {levels})")

    def assert_formula(self, term: Any) -> None:
        """Writes an assertion, after the declarations that it needs."""
        if term.is_true():
            return
        self._declare(term)
        self.script.lines.append(f"(assert {term})")

    def check_sat(self, term: Any) -> Any:
        """Writes a question."""
        self.push(1)
        self.assert_formula(term)
        self.script.lines.append("(check-sat)")
        self.script.checks += 1
        self.pop(1)
        return self.terms.bitwuzla.Result.UNSAT

    def _declare(self, term: Any) -> None:
        stack = [term]
        while stack:
            t = stack.pop()
            if any(t.id() in known for known in self._walked):
                continue
            self._walked[-1].add(t.id())
            if t.is_const() and not any(t.id() in known for known in self._declared):
                self._declared[-1].add(t.id())
                self.script.lines.append(f"(declare-const {t.symbol()} {t.sort()})")
            stack.extend(t.children())
