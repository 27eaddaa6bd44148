"""The evidence set: which statements a decision considers, by digest. Approvals and decisions bind to it.

In: what is said about the bundle and its images, and exceptions for this environment. Out: approvals, since they bind
to the set; what happens after a decision (promotions, deployments); keys and policies, which have proofs of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from seaway.digest import Digest
from seaway.evidence.roles import environment_of
from seaway.evidence.statement import PredicateType as T
from seaway.policy.gathered import Gathered, Question, Verified

CONSIDERED = frozenset(
    {
        T.PROVENANCE,
        T.CYCLONEDX,
        T.SPDX,
        T.REFERENCE,
        T.VULNERABILITIES,
        T.TEST_RESULT,
        T.VEX,
        T.MODEL_SIGNATURE,
        T.DATA_REFERENCE,
        T.EXCEPTION,
    }
)


def considered(question: Question, gathered: Gathered) -> tuple[Verified, ...]:
    """Returns the statements that the gate of an environment looks at, by id."""
    subjects = {question.bundle, question.policy, *(image.digest for image in question.images)}
    subjects |= {reference.digest for reference in question.references if reference.digest}
    found = [
        verified
        for verified in gathered.statements
        if verified.statement.predicate_type in CONSIDERED
        and verified.statement.subject in subjects
        and (verified.statement.predicate_type != T.EXCEPTION or _is_for(verified, question.environment))
    ]
    return tuple(sorted(found, key=lambda verified: (verified.statement.id, verified.index)))


def evidence_set(verified: Sequence[Verified]) -> Digest:
    """Returns the digest an approval binds to: of id, type and leaf index of each statement, sorted by id."""
    entries = [
        {"id": v.statement.id.hex, "predicateType": v.statement.predicate_type, "logIndex": v.index} for v in verified
    ]
    return Digest.of_json(sorted(entries, key=lambda entry: (str(entry["id"]), str(entry["logIndex"]))))


def _is_for(verified: Verified, environment: str) -> bool:
    return environment_of(verified.statement) == environment
