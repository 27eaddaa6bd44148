"""Exceptions as waivers: signed, scoped, with an end. What is wrong with one is said; it then waives nothing.

An exception names one rule and one scope: a digest, or a package with a vulnerability id; no wildcard. It lives at
most 90 days, has a reason and a ticket, and its approver is neither who asked for it nor, when it is used, an author
or the requester of what it lets through. The one scope without a digest is an environment, for `approved-by-another`
alone: a team with a single approver may say so, and only while that is so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid
from seaway.evidence.shape import read_time
from seaway.evidence.statement import PredicateType
from seaway.policy.gathered import Verified

if TYPE_CHECKING:
    from seaway.policy.decision import Denial
    from seaway.policy.facts import Facts

LONGEST = timedelta(days=90)
SELF_APPROVAL = "approved-by-another"
BUILT_IN = frozenset({"policy-consented"})
_FIELDS = {"rule", "scope", "environment", "reason", "ticket", "requestedBy", "approver", "notBefore", "notAfter"}
_SCOPES = ({"digest"}, {"purl", "vulnerability"}, {"environment"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """An exception that is in order; whether it is live and covers a denial is asked of it."""

    id: Digest
    subject: Digest
    rule: str
    scope: Mapping[str, str]
    environment: str
    approver: str
    not_before: datetime
    not_after: datetime

    def live(self, now: datetime) -> bool:
        """Tells whether it counts at `now`: from its first moment on, and no longer at its last. Asked nowhere else."""
        return self.not_before <= now < self.not_after

    def covers(self, denial: Denial, facts: Facts, now: datetime) -> bool:
        """Tells whether it lets this denial through, in this environment, at `now`."""
        if not self.live(now) or self.rule != denial.rule or self.environment != facts.environment:
            return False
        if "environment" in self.scope:
            return facts.approvers == 1 and self.subject == facts.policy
        return self.scope.get("digest") == denial.subject and self.approver not in facts.involved

    def covers_finding(self, vulnerability: str, package: str, environment: str, now: datetime) -> bool:
        """Tells whether it accepts one vulnerability of one package, on the image it is about."""
        named = self.scope.get("vulnerability") == vulnerability and self.scope.get("purl") == package
        return named and self.environment == environment and self.live(now)


@dataclass(frozen=True, slots=True)
class Refused:
    """An exception that is not in order, and why."""

    id: Digest
    why: str


def read_waivers(
    statements: Iterable[Verified], persons: Collection[str]
) -> tuple[tuple[Waiver, ...], tuple[Refused, ...]]:
    """Sorts exceptions into those in order and those refused, each with its reason; `persons` are those known."""
    waivers, refused = [], []
    for verified in statements:
        if verified.statement.predicate_type != PredicateType.EXCEPTION:
            continue
        try:
            waivers.append(read_waiver(verified, persons))
        except EvidenceInvalid as error:
            refused.append(Refused(verified.statement.id, error.says))
    return tuple(waivers), tuple(refused)


def read_waiver(verified: Verified, persons: Collection[str]) -> Waiver:
    """Reads one exception; raises EvidenceInvalid with the one thing that is wrong first."""
    predicate = verified.statement.predicate
    _check_signer(verified, predicate)
    fields = _fields(predicate)
    scope = _scope(fields["rule"], predicate["scope"], verified.statement.subject)
    _check_requester(fields, scope, persons)
    begin, end = _span(predicate)
    return Waiver(
        id=verified.statement.id,
        subject=verified.statement.subject,
        rule=fields["rule"],
        scope=scope,
        environment=fields["environment"],
        approver=verified.person,
        not_before=begin,
        not_after=end,
    )


def _check_signer(verified: Verified, predicate: Mapping[str, object]) -> None:
    if verified.role != "approver":
        raise EvidenceInvalid(f"an exception is signed by an approver, not by a {verified.role}")
    if predicate.get("approver") != verified.person:
        raise EvidenceInvalid("an exception is signed by the approver it names")


def _fields(predicate: Mapping[str, object]) -> dict[str, str]:
    """Returns the fields that are text, none empty, no wildcard."""
    if predicate.keys() != _FIELDS:
        odd = sorted(predicate.keys() ^ _FIELDS)
        raise EvidenceInvalid(f"an exception has exactly its fields: {', '.join(odd)}")
    fields = {}
    for key in ("rule", "environment", "reason", "ticket", "requestedBy", "approver"):
        value = predicate[key]
        if not isinstance(value, str) or not value.strip():
            raise EvidenceInvalid(f"an exception needs its {key}")
        fields[key] = value
    if any(sign in fields[key] for key in ("rule", "environment") for sign in "*?["):
        raise EvidenceInvalid("an exception has no wildcard")
    if fields["rule"] in BUILT_IN:
        raise EvidenceInvalid(f"{fields['rule']} knows no exception")
    return fields


def _scope(rule: str, value: object, subject: Digest) -> Mapping[str, str]:
    if not isinstance(value, dict) or value.keys() not in _SCOPES:
        raise EvidenceInvalid(
            "a scope is a digest, a purl with a vulnerability id, or for self-approval an environment"
        )
    scope = cast("dict[str, str]", value)
    if not all(isinstance(part, str) and part for part in scope.values()):
        raise EvidenceInvalid("a scope's parts are text")
    if any(sign in part for part in scope.values() for sign in "*?["):
        raise EvidenceInvalid("an exception has no wildcard")
    if "environment" in scope and rule != SELF_APPROVAL:
        raise EvidenceInvalid(f"only {SELF_APPROVAL} is excepted for an environment")
    if "digest" in scope and scope["digest"] != str(subject):
        raise EvidenceInvalid("the scope names another digest than the statement")
    return scope


def _check_requester(fields: Mapping[str, str], scope: Mapping[str, str], persons: Collection[str]) -> None:
    if fields["requestedBy"] not in persons:
        raise EvidenceInvalid("the requester is nobody the ledger knows")
    if "environment" in scope:
        if scope["environment"] != fields["environment"]:
            raise EvidenceInvalid("the scope names another environment than the exception")
    elif fields["requestedBy"] == fields["approver"]:
        raise EvidenceInvalid("an exception is not approved by who asks for it")


def _span(predicate: Mapping[str, object]) -> tuple[datetime, datetime]:
    begin, end = (
        read_time(predicate["notBefore"], where="notBefore"),
        read_time(predicate["notAfter"], where="notAfter"),
    )
    if end <= begin:
        raise EvidenceInvalid("an exception ends before it begins")
    if end - begin > LONGEST:
        raise EvidenceInvalid("an exception lives at most 90 days")
    return begin, end
