"""Results as JUnit XML, in the dialect that Jenkins, GitLab and GitHub actions read.

A model is a test suite, a check a test case.  A check that did not end as declared is a ``failure``;
one without an answer, an unusable file and an internal fault are ``error``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from kspec.engine.outcome import CheckReport
from kspec.report.words import explanation, headline

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ERRORS = ("undecided", "invalid", "fault")


def dumps(reports: Sequence[CheckReport], seconds: float) -> str:
    """The text of the document."""
    root = ElementTree.Element("testsuites", _counts(reports) | {"name": "kspec", "time": f"{seconds:.3f}"})
    for model in dict.fromkeys(r.model for r in reports):
        mine = [r for r in reports if r.model == model]
        total = sum(r.seconds for r in mine)
        suite = ElementTree.SubElement(
            root, "testsuite", _counts(mine) | {"name": _clean(model), "time": f"{total:.3f}"}
        )
        for r in mine:
            _case(suite, r)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _counts(reports: Sequence[CheckReport]) -> dict[str, str]:
    return {
        "tests": str(len(reports)),
        "failures": str(sum(r.outcome == "unmet" for r in reports)),
        "errors": str(sum(r.outcome in _ERRORS for r in reports)),
        "skipped": "0",
    }


def _case(suite: ElementTree.Element, r: CheckReport) -> None:
    name = r.name if r.kind == "check" else f"{r.kind} {r.name}"
    attributes = {"classname": _clean(r.model), "name": _clean(name), "time": f"{r.seconds:.3f}"}
    if r.place is not None:
        attributes |= {"file": _clean(r.place.file), "line": str(r.place.line)}
    case = ElementTree.SubElement(suite, "testcase", attributes)
    if r.outcome != "met":
        tag = "failure" if r.outcome == "unmet" else "error"
        problem = ElementTree.SubElement(case, tag, {"message": _clean(headline(r)), "type": _clean(r.outcome)})
        problem.text = _clean("\n".join(explanation(r)))
    else:
        ElementTree.SubElement(case, "system-out").text = _clean(f"expected {r.expect}: {r.got}")


def _clean(text: str) -> str:
    """Text without the characters that XML 1.0 does not have."""
    return _NOT_XML.sub("\ufffd", text)
