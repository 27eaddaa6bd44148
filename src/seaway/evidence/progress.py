"""Predicates about what people and releases do: approvals, exceptions, decisions, promotions, releases.

Ours, so closed: an unknown field is refused. Times are the statement's own; money is integer pico-units.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from seaway.digest import Digest, canonical
from seaway.errors import EvidenceInvalid
from seaway.evidence.deeds import Resource
from seaway.evidence.predicate import Predicate
from seaway.evidence.statement import PredicateType

LONGEST_EXCEPTION = timedelta(days=90)
_NO_WILDCARD = re.compile(r"[^*?\s]+")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class EvidenceItem:
    """One statement that was considered."""

    id: Digest
    predicate_type: str
    log_index: int


def evidence_set(items: Iterable[EvidenceItem]) -> tuple[tuple[EvidenceItem, ...], Digest]:
    """Returns statements sorted by id, and the digest that approvals and decisions bind to: SHA-256 of their JCS."""
    ordered = tuple(sorted(set(items)))
    return ordered, Digest.of(canonical([_spell(item) for item in ordered]))


def _spell(item: EvidenceItem) -> dict[str, object]:
    return {"id": item.id.hex, "predicateType": item.predicate_type, "logIndex": item.log_index}


class Choice(StrEnum):
    """What an approver says."""

    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval(Predicate):
    """A person approves or rejects a bundle for an environment, on exactly this evidence."""

    TYPE: ClassVar[PredicateType] = PredicateType.APPROVAL
    SPEAKER: ClassVar[str] = "person"
    decision: Choice
    environment: str
    person: str
    title: str = ""
    evidence_set: Digest
    entries: tuple[EvidenceItem, ...]
    policy: Digest
    at: datetime
    expires: datetime
    reason: str = ""
    release: str | None = None
    evidence: Digest | None = None

    def check(self) -> None:
        """Raises EvidenceInvalid unless the evidence set is that of the entries and it expires after it began."""
        if evidence_set(self.entries) != (self.entries, self.evidence_set):
            raise EvidenceInvalid("the evidence set is not that of the entries", where="predicate.evidenceSet")
        if self.expires <= self.at:
            raise EvidenceInvalid("it expires before it begins", where="predicate.expires")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What an exception is for: one digest, one vulnerability of one package, or a small team's environment."""

    digest: Digest | None = None
    purl: str | None = None
    vulnerability: str | None = None
    environment: str | None = None

    def check(self) -> None:
        """Raises EvidenceInvalid for none or several of the three, or a wildcard."""
        package = (self.purl is not None) + (self.vulnerability is not None)
        if package == 1:
            raise EvidenceInvalid("a package's exception names purl and vulnerability", where="predicate.scope")
        if (self.digest is not None) + (package == 2) + (self.environment is not None) != 1:
            raise EvidenceInvalid("an exception is for one digest or one vulnerability", where="predicate.scope")
        for text in (self.purl, self.vulnerability, self.environment):
            if text is not None and not _NO_WILDCARD.fullmatch(text):
                raise EvidenceInvalid(f"{text!r} has a wildcard or a space", where="predicate.scope")


SELF_APPROVAL = "approved-by-another"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionGrant(Predicate):
    """A rule is waived for a time: who asked, who granted, for what, until when."""

    TYPE: ClassVar[PredicateType] = PredicateType.EXCEPTION
    SPEAKER: ClassVar[str] = "approver"
    rule: str
    scope: Scope
    environment: str
    reason: str
    ticket: str = ""
    requested_by: str
    approver: str
    not_before: datetime
    not_after: datetime

    def check(self) -> None:
        """Raises EvidenceInvalid for each fault by its own reason."""
        self.scope.check()
        if not _NO_WILDCARD.fullmatch(self.rule) or not _NO_WILDCARD.fullmatch(self.environment):
            raise EvidenceInvalid("one rule in one environment, without wildcards", where="predicate.rule")
        if not self.reason.strip():
            raise EvidenceInvalid("an exception says why", where="predicate.reason")
        if self.not_after <= self.not_before:
            raise EvidenceInvalid("it ends before it begins", where="predicate.notAfter")
        if self.not_after - self.not_before > LONGEST_EXCEPTION:
            raise EvidenceInvalid("an exception lasts at most 90 days", where="predicate.notAfter")
        self._check_requester()

    def check_subject(self, subject: Digest) -> None:
        """Raises EvidenceInvalid if it waives a rule for one digest and is said about another."""
        if self.scope.digest not in (None, subject):
            raise EvidenceInvalid("the scope is not the subject", where="predicate.scope.digest")

    def _check_requester(self) -> None:
        small_team = self.scope.environment is not None
        if small_team and (self.rule != SELF_APPROVAL or self.scope.environment != self.environment):
            raise EvidenceInvalid(f"only {SELF_APPROVAL} is waived for an environment", where="predicate.scope")
        if not small_team and self.requested_by == self.approver:
            raise EvidenceInvalid("who asks for an exception does not grant it", where="predicate.approver")

    def covers(self, environment: str, now: datetime) -> bool:
        """Tells whether it holds in an environment at a time: the one place where expiry is tested."""
        return self.environment == environment and self.not_before <= now < self.not_after


class Result(StrEnum):
    """The verdict of a decision."""

    PASSED = "PASSED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """What decided: id and the versions of its parts."""

    OPEN: ClassVar[bool] = True
    id: str
    version: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Predicate):
    """A gate's verdict (SLSA verification summary v1); `seaway_decision` has environment, facts, `asked` and rules."""

    TYPE: ClassVar[PredicateType] = PredicateType.DECISION
    OPEN: ClassVar[bool] = True
    verifier: Verifier
    time_verified: datetime
    resource_uri: str
    policy: Resource
    input_attestations: tuple[Resource, ...]
    verification_result: Result
    verified_levels: tuple[str, ...]
    slsa_version: str | None = None
    seaway_decision: Mapping[str, object] = field(metadata={"name": "seaway_decision"})

    def check(self) -> None:
        """Raises EvidenceInvalid unless the environment is named and a failure says so in its levels too."""
        if not isinstance(self.seaway_decision.get("environment"), str):
            raise EvidenceInvalid("the environment is not named", where="predicate.seaway_decision.environment")
        if (self.verification_result is Result.FAILED) != (self.verified_levels == ("FAILED",)):
            raise EvidenceInvalid("result and levels contradict", where="predicate.verifiedLevels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Predicate):
    """An image is released: cosign's own empty predicate; the only other thing a releaser's key signs."""

    TYPE: ClassVar[PredicateType] = PredicateType.RELEASE


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion(Predicate):
    """A bundle may now run in the next environment; `source` is empty where it comes from nowhere."""

    TYPE: ClassVar[PredicateType] = PredicateType.PROMOTION
    source: str = field(metadata={"name": "from"})
    target: str = field(metadata={"name": "to"})
    decision: Digest
    at: datetime
    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedService:
    """One service of a deployment; an empty version means it was removed."""

    image: str
    version: str
    arm: str
    replicas: int
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment(Predicate):
    """What runs where from now on."""

    TYPE: ClassVar[PredicateType] = PredicateType.DEPLOYMENT
    environment: str
    place: str
    region: str = ""
    namespace: str = ""
    manifest_digest: Digest
    release: str
    at: datetime
    person: str
    services: Mapping[str, DeployedService]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback(Predicate):
    """A release went back; `source` and `target` are bundles or versions."""

    TYPE: ClassVar[PredicateType] = PredicateType.ROLLBACK
    environment: str
    release: str
    source: str = field(metadata={"name": "from"})
    target: str = field(metadata={"name": "to"})
    at: datetime
    why: str
    verdict: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Predicate):
    """Something was asked for and refused."""

    TYPE: ClassVar[PredicateType] = PredicateType.REFUSAL
    verb: str
    environment: str
    rules: tuple[str, ...]
    person: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequest(Predicate):
    """Somebody asks for a release, or for control of one."""

    TYPE: ClassVar[PredicateType] = PredicateType.RELEASE_REQUEST
    verb: str
    environment: str
    release: str
    target: str = field(metadata={"name": "to"})
    person: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEvent(Predicate):
    """One transition of a release's machine."""

    TYPE: ClassVar[PredicateType] = PredicateType.RELEASE_EVENT
    environment: str
    release: str
    sequence: int
    at: datetime
    event: str
    source: str = field(metadata={"name": "from"})
    target: str = field(metadata={"name": "to"})
    cursor: int
    weights: Mapping[str, object]
    verdict: Mapping[str, object] | None = None
    evidence: Digest | None = None
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSummary(Predicate):
    """What a release or an hour came to; the members beside `scope` are those of that scope (evidence.md 3.6)."""

    TYPE: ClassVar[PredicateType] = PredicateType.METRIC_SUMMARY
    OPEN: ClassVar[bool] = True
    scope: str
    environment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion(Predicate):
    """A set of rules is in force from here on; the subject is the set's digest."""

    TYPE: ClassVar[PredicateType] = PredicateType.POLICY_VERSION
    SPEAKER: ClassVar[str] = "person"
    at: datetime
    person: str
    rules: tuple[str, ...]
    modes: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    replaces: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRevocation(Predicate):
    """An image may no longer start in an environment."""

    TYPE: ClassVar[PredicateType] = PredicateType.GRANT_REVOCATION
    SPEAKER: ClassVar[str] = "person"
    environment: str
    reason: str
    person: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAnchor(Predicate):
    """The digest of a segment of another log, or another ledger's checkpoint, is fixed here."""

    TYPE: ClassVar[PredicateType] = PredicateType.LOG_ANCHOR
    log: str
    start: datetime | None = field(default=None, metadata={"name": "from"})
    end: datetime | None = field(default=None, metadata={"name": "to"})
    checkpoint: str | None = None
    at: datetime
