"""What several tests of the symbolic engines need."""

from __future__ import annotations

from kspec.engine.protocol import Finding, Progress


class Quiet:
    """A control that never cancels."""

    def cancelled(self) -> bool:
        return False

    def report(self, progress: Progress) -> None:
        pass


def lengths(findings: tuple[Finding, ...]) -> dict[str, int]:
    """Shortest lengths by property; what was never reached has none."""
    return {f.property: f.run.length for f in findings if f.run is not None}
