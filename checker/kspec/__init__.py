"""kspec: a formal-model checker and spec-conformance tool for kernel state machines.

The pipeline is ``lang`` (text to typed program), ``lower`` (typed program to transition system),
engines (transition system to verdict and evidence), ``report`` (for people and CI).
ARCHITECTURE.md gives the reading order.
"""

__version__ = "0.1.0"
