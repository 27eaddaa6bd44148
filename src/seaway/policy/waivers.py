"""Exceptions as waivers: signed, scoped, with an end. What is wrong with one is said; it then waives nothing.

What an exception is, and its end, is `evidence.progress.ExceptionGrant`: one rule, one scope, at most 90 days, no
wildcard, expiry tested in its one place. Here is what only a gate can tell: that its signer is the approver it names,
that somebody known asked for it, that there is a ticket, and that its approver is no author or requester of what it
lets through. An exception for an environment is a small team's: of `approved-by-another` alone, bound to the policy
set, and only while there is a single approver.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid
from seaway.evidence.progress import SELF_APPROVAL, ExceptionGrant
from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType
from seaway.evidence.verify import Verified
from seaway.policy.shape import State

if TYPE_CHECKING:
    from seaway.policy.decision import Denial
    from seaway.policy.facts import Facts

BUILT_IN = frozenset({"policy-consented"})


@dataclass(frozen=True, slots=True)
class Waiver:
    """An exception that is in order; whether it holds and covers a denial is asked of it."""

    id: Digest
    subject: Digest
    grant: ExceptionGrant

    @property
    def is_self_approval(self) -> bool:
        """Whether it lets a single approver approve their own work."""
        return self.grant.rule == SELF_APPROVAL and self.grant.scope.environment is not None

    def covers(self, denial: Denial, facts: Facts, now: datetime) -> bool:
        """Tells whether it lets this denial through, in this environment, at `now`."""
        if self.grant.rule != denial.rule or not self.grant.covers(facts.environment, now):
            return False
        if self.is_self_approval:
            return facts.approvers == 1 and self.subject == facts.policy
        if self.grant.rule == SELF_APPROVAL and str(State.UNKNOWN) in facts.involved:
            return False  # its approver could be the author whom nobody knows
        return str(self.grant.scope.digest) == denial.subject and self.grant.approver not in facts.involved

    def accepts(self, vulnerability: str, purl: str) -> bool:
        """Tells whether it is for one vulnerability of one package."""
        return (self.grant.scope.vulnerability, self.grant.scope.purl) == (vulnerability, purl)


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
            waivers.append(_waiver(verified, persons))
        except EvidenceInvalid as error:
            refused.append(Refused(verified.statement.id, error.says))
    return tuple(waivers), tuple(refused)


def _waiver(verified: Verified, persons: Collection[str]) -> Waiver:
    """Reads one exception; raises EvidenceInvalid with what is wrong first."""
    grant = ExceptionGrant.of(verified.statement)
    if verified.role is not Role.APPROVER:
        raise EvidenceInvalid(f"an exception is signed by an approver, not by a {verified.role}")
    if grant.approver != verified.person:
        raise EvidenceInvalid("an exception is signed by the approver it names")
    if grant.requested_by not in persons:
        raise EvidenceInvalid("an exception is asked for by somebody the ledger knows")
    if not grant.ticket.strip():
        raise EvidenceInvalid("an exception names a ticket")
    if grant.rule in BUILT_IN:
        raise EvidenceInvalid(f"{grant.rule} knows no exception")
    return Waiver(verified.statement.id, verified.statement.subject, grant)
