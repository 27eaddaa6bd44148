"""Whether the policy in force was consented to: a changed policy needs approval under the one before.

The policy before is the one of the newest decision that passed in this environment. The same digest needs nothing; an
environment without a decision has nothing that could be weakened, and its first decision fixes the policy. Any other
digest needs `policy-version` statements naming both, by as many persons, other than who asks, as the policy before
asked approvals of.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from seaway.evidence.roles import environment_of
from seaway.evidence.statement import PredicateType
from seaway.policy.gathered import Gathered, Question, Registry, Verified


def consented(question: Question, gathered: Gathered, people: Registry, *, alone: Collection[str]) -> bool:
    """Tells whether the policy may be used; `alone` are policies under which a single approver may approve itself."""
    before = _before(question, gathered)
    if before is None:
        return True
    digest, asked = before
    if digest == question.policy.hex:
        return True
    signers = {
        verified.person
        for verified in gathered.about(question.policy, PredicateType.POLICY_VERSION)
        if _replaces(verified, digest, question.environment)
        and (verified.person != question.requester or digest in alone)
    }
    return len(signers) >= 1 if digest in alone else _suffice(signers, asked, people)


def _before(question: Question, gathered: Gathered) -> tuple[str, Mapping[str, object]] | None:
    """Returns the digest of the policy of the newest passed decision here, and what consent it asked for."""
    passed = [
        verified
        for verified in gathered.of_type(PredicateType.DECISION)
        if environment_of(verified.statement) == question.environment
        and verified.statement.predicate.get("verificationResult") == "PASSED"
    ]
    if not passed:
        return None
    predicate = passed[-1].statement.predicate
    policy, decision = _object(predicate.get("policy")), _object(predicate.get("seaway_decision"))
    return str(_object(policy.get("digest")).get("sha256", "")), _object(decision.get("consent"))


def _replaces(verified: Verified, before: str, environment: str) -> bool:
    predicate = verified.statement.predicate
    named = predicate.get("previous") in (before, f"sha256:{before}")
    return named and verified.role == "approver" and environment_of(verified.statement) in (None, environment)


def _suffice(signers: Collection[str], asked: Mapping[str, object], people: Registry) -> bool:
    """Tells whether the signers are as many, and of the titles, that the policy before asked for; one at least."""
    number, titles = asked.get("approvals"), _object(asked.get("titles"))
    if not isinstance(number, int) or len(signers) < max(1, number):
        return False
    known = people.persons()
    held = [title for person in signers if person in known for title in known[person].titles]
    return all(isinstance(count, int) and held.count(title) >= count for title, count in titles.items())


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
