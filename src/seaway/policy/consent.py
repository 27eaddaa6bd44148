"""Whether the policy in force was consented to: a changed policy needs approval under the one before.

The policy before is the one of the newest decision that passed in this environment. The same digest needs nothing; an
environment without a decision has nothing that could be weakened, and its first decision fixes the policy. Any other
digest needs `policy-version` statements that name both, by as many persons, and of the titles, as the policy before
asked approvals of; who asks for the promotion is not one of them, except where a single approver may approve itself.
A consent counts for the change it was given for: one from before the policy before came into force is spent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from seaway.digest import Digest
from seaway.evidence.progress import Decision, PolicyVersion, Result
from seaway.evidence.roles import Role, environment_of
from seaway.evidence.statement import PredicateType
from seaway.evidence.verify import Verified
from seaway.policy.gathered import Gathered, Question


@dataclass(frozen=True, slots=True)
class _Before:
    """The policy of the newest passed decision, and how many approvals, of which titles, it asked for."""

    policy: Digest
    approvals: int
    titles: Mapping[str, int]


def consented(question: Question, gathered: Gathered, *, alone: Collection[Digest]) -> bool:
    """Tells whether the policy may be used; `alone` are policies under which a single approver may approve itself."""
    decisions = list(_passed(question, gathered))
    if gathered.lost(None, PredicateType.DECISION, since=decisions[-1].index if decisions else -1):
        return False  # it may have fixed another policy
    if not decisions:
        return True
    before = _before(decisions[-1])
    if before is None or before.policy == question.policy:
        return before is not None
    single, since = before.policy in alone, _since(decisions, before.policy)
    signers = {
        verified.person: verified
        for verified in gathered.about(question.policy, PredicateType.POLICY_VERSION)
        if verified.index > since
        and _replaces(verified, before.policy)
        and (single or verified.person != question.requester)
    }
    asked = _Before(before.policy, 1, {}) if single else before
    return _suffice(asked, signers.values())


def _passed(question: Question, gathered: Gathered) -> Iterator[Verified]:
    for verified in gathered.of_type(PredicateType.DECISION):
        passed = Decision.of(verified.statement).verification_result is Result.PASSED
        if passed and environment_of(verified.statement) == question.environment:
            yield verified


def _before(verified: Verified) -> _Before | None:
    """Reads what a decision says of its policy; None where it does not, which is no consent."""
    decision = Decision.of(verified.statement)
    consent = decision.seaway_decision.get("consent")
    try:
        policy = Digest((decision.policy.digest or {})["sha256"])
        asked, titles = consent["approvals"], dict(consent["titles"])  # type: ignore[index]  # caught below
    except (KeyError, TypeError, ValueError):
        return None
    counts = (asked, *titles.values())
    return _Before(policy, asked, titles) if all(type(count) is int for count in counts) else None


def _since(decisions: Sequence[Verified], policy: Digest) -> int:
    """Returns the leaf of the newest decision under another policy than the one in force, -1 if there is none."""
    others = [decided.index for decided in decisions if (said := _before(decided)) is None or said.policy != policy]
    return max(others, default=-1)


def _replaces(verified: Verified, before: Digest) -> bool:
    version = PolicyVersion.of(verified.statement)
    return version.replaces == before and version.person == verified.person and verified.role is Role.APPROVER


def _suffice(before: _Before, signers: Collection[Verified]) -> bool:
    """Tells whether the signers are as many, and of the titles, that the policy before asked for; one at least."""
    held = [title for verified in signers for title in verified.titles]
    enough = all(held.count(title) >= count for title, count in before.titles.items())
    return len(signers) >= max(1, before.approvals) and enough
