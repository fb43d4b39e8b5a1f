"""What the rest of the program asks of the front end: systems, cases and scenarios of a program."""

from kspec.lower.assemble import Elaborated, build, elaborate
from kspec.lower.checks import cases
from kspec.lower.scenarios import outlines, scenario, scenarios

__all__ = ["Elaborated", "build", "cases", "elaborate", "outlines", "scenario", "scenarios"]
