"""The evidence set: which statements a decision considers. Approvals and decisions bind to its digest.

In: what is said about the bundle and its images, and exceptions for this environment. Out: approvals, since they bind
to the set; what happens after a decision (promotions, deployments); keys and policies, which have proofs of their own.
"""

from __future__ import annotations

from seaway.evidence.progress import EvidenceItem
from seaway.evidence.roles import environment_of
from seaway.evidence.statement import PredicateType as T
from seaway.evidence.verify import Verified
from seaway.policy.gathered import Gathered, Question

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


def considered(question: Question, gathered: Gathered) -> tuple[EvidenceItem, ...]:
    """Returns the statements that the gate of an environment looks at; `evidence_set` names them by one digest."""
    subjects = {question.bundle, question.policy, *(image.digest for image in question.images)}
    subjects |= {reference.digest for reference in question.references if reference.digest}
    return tuple(
        verified.item
        for verified in gathered.statements
        if verified.statement.predicate_type in CONSIDERED
        and verified.statement.subject in subjects
        and _is_for(verified, question.environment)
    )


def _is_for(verified: Verified, environment: str) -> bool:
    """Tells whether a statement counts here: an exception only in its own environment, evidence everywhere."""
    exception = verified.statement.predicate_type == T.EXCEPTION
    return not exception or environment_of(verified.statement) == environment
