"""JUnit reports: what counts as what, and what is no report."""

from __future__ import annotations

import pytest

from seaway.errors import EvidenceInvalid
from seaway.evidence.suite import read_junit

pytestmark = pytest.mark.rootless

REPORT = b"""<testsuites><testsuite name="pytest">
<testcase classname="answers" name="good"/>
<testcase classname="answers" name="bad"><failure message="x"/></testcase>
<testcase classname="answers" name="broken"><error/></testcase>
<testcase name="later"><skipped/></testcase>
</testsuite></testsuites>"""


def test_a_failure_and_an_error_both_fail() -> None:
    """Each test is named with its class and counted once."""
    report = read_junit(REPORT)
    assert report.passed == ("answers.good",)
    assert report.failed == ("answers.bad", "answers.broken")
    assert report.skipped == ("later",)
    assert report.counts == {"passed": 1, "failed": 2, "skipped": 1}


def test_a_test_that_was_skipped_and_failed_failed() -> None:
    """The worse state wins."""
    assert read_junit(b"<s><testcase name='a'><skipped/><failure/></testcase></s>").failed == ("a",)


@pytest.mark.parametrize(
    "declaration",
    [
        b"<!DOCTYPE s [<!ENTITY a 'aaaa'>]>",
        b"<!doctype s SYSTEM 'file:///etc/passwd'>",
        b"<?xml version='1.0'?><!DOCTYPE s>",
    ],
)
def test_a_document_type_is_refused(declaration: bytes) -> None:
    """Entities could read files or grow without bound."""
    with pytest.raises(EvidenceInvalid, match="document type"):
        read_junit(declaration + b"<s><testcase name='a'/></s>")


@pytest.mark.parametrize("data", [b"", b"<s>", b"<s/>", b"not xml", b"<testsuite tests='3'/>"])
def test_a_report_without_a_test_is_no_report(data: bytes) -> None:
    """Damage and emptiness never look like a pass."""
    with pytest.raises(EvidenceInvalid):
        read_junit(data)
