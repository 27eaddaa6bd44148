"""What a suite reported: JUnit XML read strictly, as counts and names.

A document with a DTD is refused (entities could read files or grow without bound); a report without a test is no
report. Source: the JUnit XML that pytest, Maven and Jenkins share (`testcase`, `failure`, `error`, `skipped`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree

from seaway.errors import EvidenceInvalid

LARGEST = 64 << 20
_DECLARED = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Report:
    """The names of tests by what became of them."""

    passed: tuple[str, ...]
    failed: tuple[str, ...]
    skipped: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many of each."""
        return {"passed": len(self.passed), "failed": len(self.failed), "skipped": len(self.skipped)}


def read_junit(data: bytes, *, where: object = "junit") -> Report:
    """Reads a JUnit report; raises EvidenceInvalid for a DTD, damage, a report over 64 MiB or one without tests."""
    if len(data) > LARGEST:
        raise EvidenceInvalid("a report over 64 MiB", where=where)
    if _DECLARED.search(data):
        raise EvidenceInvalid("a report with a document type is refused", where=where)
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError) as error:
        raise EvidenceInvalid(f"not JUnit XML: {error}", where=where) from error
    found: dict[str, list[str]] = {"passed": [], "failed": [], "skipped": []}
    for case in root.iter("testcase"):
        found[_state(case)].append(_name(case))
    if not any(found.values()):
        raise EvidenceInvalid("the report has no test", where=where)
    return Report(*(tuple(found[state]) for state in ("passed", "failed", "skipped")))


def _state(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def _name(case: ElementTree.Element) -> str:
    return ".".join(part for part in (case.get("classname"), case.get("name")) if part)[:500]
