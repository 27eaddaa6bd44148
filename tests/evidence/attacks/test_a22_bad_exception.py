"""An exception with a fault; each fault has its own reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from seaway.errors import EvidenceInvalid
from seaway.evidence.progress import ExceptionGrant, Scope
from tests.evidence.refused import refused
from tests.evidence.world import START, subject

pytestmark = pytest.mark.rootless

GOOD = ExceptionGrant(
    rule="below-severity",
    scope=Scope(purl="pkg:deb/debian/openssl@3.0.11", vulnerability="CVE-2026-1234"),
    environment="prod",
    reason="no fix yet",
    ticket="OPS-1",
    requested_by="p-alice",
    approver="p-bob",
    not_before=START,
    not_after=START + timedelta(days=90),
)
TEAM = replace(GOOD, rule="approved-by-another", scope=Scope(environment="prod"), requested_by="p-bob")
FAULTS: dict[str, tuple[ExceptionGrant, str]] = {
    "no scope": (replace(GOOD, scope=Scope()), "one digest or one vulnerability"),
    "two scopes": (replace(GOOD, scope=replace(GOOD.scope, digest=subject())), "one digest or one vulnerability"),
    "purl alone": (replace(GOOD, scope=Scope(purl="pkg:deb/x")), "purl and vulnerability"),
    "wildcard": (replace(GOOD, scope=Scope(purl="pkg:deb/*", vulnerability="CVE-1")), "wildcard"),
    "all rules": (replace(GOOD, rule="*"), "one rule"),
    "all environments": (replace(GOOD, environment="*"), "one environment"),
    "no reason": (replace(GOOD, reason=" "), "says why"),
    "too long": (replace(GOOD, not_after=START + timedelta(days=90, seconds=1)), "at most 90 days"),
    "backwards": (replace(GOOD, not_after=START), "ends before it begins"),
    "other digest": (replace(GOOD, scope=Scope(digest=subject("other"))), "not the subject"),
    "self-granted": (replace(GOOD, requested_by="p-bob"), "does not grant it"),
    "team, other rule": (replace(TEAM, rule="scan-fresh"), "only approved-by-another"),
    "team, other environment": (replace(TEAM, scope=Scope(environment="staging")), "only approved-by-another"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_reason(fault: str) -> None:
    """None becomes a statement."""
    bad, reason = FAULTS[fault]
    with refused(EvidenceInvalid, reason, 30):
        bad.about(subject())


@pytest.mark.parametrize("good", [GOOD, TEAM, replace(GOOD, scope=Scope(digest=subject()))])
def test_a_good_exception_is_taken(good: ExceptionGrant) -> None:
    """And comes back as it was."""
    assert ExceptionGrant.of(good.about(subject())) == good


def test_an_exception_ends_to_the_second() -> None:
    """At its last moment it is over; elsewhere it never was."""
    assert GOOD.covers("prod", GOOD.not_before)
    assert not GOOD.covers("prod", GOOD.not_after)
    assert not GOOD.covers("prod", GOOD.not_before - timedelta(seconds=1))
    assert not GOOD.covers("staging", GOOD.not_before)
