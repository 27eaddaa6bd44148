"""What people sign: approvals bound to exactly the evidence seen, and exceptions that end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from seaway.bundle import Bundle
from seaway.digest import Digest
from seaway.errors import KeyRefused, UsageError
from seaway.evidence.notary import Notary
from seaway.evidence.progress import (
    Approval,
    Choice,
    Decision,
    ExceptionGrant,
    PolicyVersion,
    Refusal,
    Result,
    Scope,
    evidence_set,
)
from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType
from seaway.policy.considered import considered
from seaway.policy.rules import PolicySet
from seaway.stages.acting import Person, actor, now
from seaway.stages.deciding import prepare
from seaway.workspace import Workspace

VALID = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Waive:
    """An exception as it is asked for: a rule, and either an image or one vulnerability of one package."""

    rule: str
    reason: str
    requested_by: str
    days: int
    service: str | None = None
    purl: str | None = None
    vulnerability: str | None = None
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a person has before them: a bundle on its way into an environment, and the ledger open for writing."""

    space: Workspace
    notary: Notary
    environment: str
    bundle: Bundle

    def approve(self, approver: Person, reason: str, title: str = "") -> Approval:
        """Signs an approval on the evidence there is now; raises KeyRefused, and records it, for one's own change."""
        case = prepare(self.space, self.notary, self.environment, self.bundle, requester=approver.id)
        authors = case.facts.body["authors"]
        if isinstance(authors, list) and approver.id in authors:
            self._refuse_own(approver)
        entries, digest = evidence_set(considered(case.question, case.gathered))
        moment = now()
        approval = Approval(
            decision=Choice.APPROVED,
            environment=self.environment,
            person=approver.id,
            title=title,
            evidence_set=digest,
            entries=entries,
            policy=case.policy.digest,
            at=moment,
            expires=moment + VALID,
            reason=reason,
        )
        self.notary.append(approval.about(self.bundle.digest), approver.signer)
        return approval

    def waive(self, approver: Person, wanted: Waive) -> tuple[ExceptionGrant, ...]:
        """Signs an exception: for every image of the bundle, for one, or for a vulnerability of one package."""
        moment = now()
        granted = [
            (
                ExceptionGrant(
                    rule=wanted.rule,
                    scope=scope,
                    environment=self.environment,
                    reason=wanted.reason,
                    ticket=wanted.ticket,
                    requested_by=wanted.requested_by,
                    approver=approver.id,
                    not_before=moment,
                    not_after=moment + timedelta(days=wanted.days),
                ),
                subject,
            )
            for subject, scope in _scopes(self.bundle, wanted)
        ]
        self.notary.append_all([(grant.about(subject), approver.signer) for grant, subject in granted])
        return tuple(grant for grant, _ in granted)

    def _refuse_own(self, approver: Person) -> None:
        refusal = Refusal(
            verb="approve",
            environment=self.environment,
            rules=("approved-by-another",),
            person=approver.id,
            at=now(),
        )
        if self.space.keyring.holds(Role.OPERATOR, self.notary.people, environment=self.environment):
            operator = actor(self.space, self.notary, Role.OPERATOR, environment=self.environment)
            self.notary.append(refusal.about(self.bundle.digest), operator.signer)
        raise KeyRefused(
            f"{approver.id} may not approve a change of their own",
            where=f"bundle {self.bundle.digest.short}",
            hint=f"another approver runs: seaway approve {self.environment}",
        )


def consent(notary: Notary, environment: str, policy: PolicySet, *, approver: Person, reason: str) -> Digest | None:
    """Signs consent to a policy in place of the one of the environment's last passed decision; returns that one."""
    before = None
    for verified in notary.verified(predicate_type=PredicateType.DECISION):
        said = Decision.of(verified.statement)
        if said.verification_result is Result.PASSED and said.seaway_decision["environment"] == environment:
            before = Digest(str((said.policy.digest or {})["sha256"]))
    version = PolicyVersion(
        at=now(),
        person=approver.id,
        rules=tuple(rule.name for rule in policy.rules),
        modes={rule.name: str(rule.level) for rule in policy.rules},
        reason=reason,
        replaces=before,
    )
    notary.append(version.about(policy.digest), approver.signer)
    return before


def _scopes(bundle: Bundle, wanted: Waive) -> list[tuple[Digest, Scope]]:
    images = {image.digest for name, image in bundle.images.items() if wanted.service in (None, name)}
    if not images:
        raise UsageError(f'the bundle has no image of "{wanted.service}"', hint=" or ".join(sorted(bundle.images)))
    if wanted.vulnerability is None:
        return [(image, Scope(digest=image)) for image in sorted(images)]
    scope = Scope(purl=wanted.purl, vulnerability=wanted.vulnerability)
    return [(image, scope) for image in sorted(images)]
