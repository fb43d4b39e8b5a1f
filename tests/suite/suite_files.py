"""Reading the suite: the directives at the top of a ``.kspec`` file (spec/suite/README.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

SUITE = Path(__file__).resolve().parents[2] / "spec" / "suite"


@dataclass
class Directives:
    """What a file of the suite declares."""

    settings: dict[str, str] = field(default_factory=dict)
    exhausted: dict[str, int] | None = None
    unmerged: dict[str, int] | None = None
    undecided: set[str] = field(default_factory=set)
    violates: dict[str, int | None] = field(default_factory=dict)
    reaches: dict[str, int | None] = field(default_factory=dict)
    errors: list[tuple[str, int, int]] = field(default_factory=list)
    checks: dict[str, str] = field(default_factory=dict)
    scenarios: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing is expected at all."""
        return not (self.exhausted or self.violates or self.reaches or self.errors or self.checks or self.scenarios)


def files() -> list[Path]:
    """The files of the suite (modules in ``lib/`` are not among them)."""
    return sorted(SUITE.glob("*.kspec"))


def directives(text: str) -> Directives:
    """The directives of a text; raises ValueError for one that cannot be read."""
    out = Directives()
    for line in text.split("\n"):
        comment = re.match(r"//\s*(expect|run):\s*(.*\S)\s*$", line)
        if comment:
            _directive(out, comment[1], comment[2])
        elif line and not line.startswith("//") and line.strip() != "kspec 1":
            break
    return out


def _directive(out: Directives, kind: str, rest: str) -> None:
    if kind == "run":
        found = re.fullmatch(r"--set (\w+)=(\S+)", rest)
        if not found:
            raise ValueError(f"run: {rest}")
        out.settings[found[1]] = found[2]
    elif found := re.fullmatch(r"(exhausted|unmerged)((?: \w+=\d+)*)", rest):
        counts = {k: int(v) for k, v in (p.split("=") for p in found[2].split())}
        if found[1] == "exhausted":
            out.exhausted = counts
        else:
            out.unmerged = counts
    elif found := re.fullmatch(r"(violates|reaches) (\S+)(?: length=(\d+))?", rest):
        table = out.violates if found[1] == "violates" else out.reaches
        table[found[2]] = int(found[3]) if found[3] else None
    elif found := re.fullmatch(r"error (E\d{4}) at (\d+):(\d+)", rest):
        out.errors.append((found[1], int(found[2]), int(found[3])))
    elif found := re.fullmatch(r"check (\S+) (met|unmet|undecided|invalid)", rest):
        out.checks[found[1]] = found[2]
    elif found := re.fullmatch(r"undecided (\S+)", rest):
        out.undecided.add(found[1])
    elif found := re.fullmatch(r'message (\S+) "(.*)"', rest):
        out.messages[found[1]] = found[2].replace('\\"', '"')
    elif found := re.fullmatch(r'scenario "(.*)" (passes|fails at \d+)', rest):
        out.scenarios[found[1]] = found[2]
    else:
        raise ValueError(f"expect: {rest}")
