"""Internal faults: what must not happen, whatever the input is."""

from __future__ import annotations


class Fault(Exception):
    """An internal fault: the text is the headline, ``details`` goes to the report file."""

    def __init__(self, headline: str, details: str) -> None:
        super().__init__(headline)
        self.details = details


class EngineFault(Fault):
    """An engine raised an exception or crashed."""

    def __init__(self, engine: str, headline: str, details: str) -> None:
        super().__init__(f"engine {engine}: {headline}", details)


class Disagreement(Fault):
    """Engines contradict each other or the interpreter."""
