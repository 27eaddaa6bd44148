"""Which shape a predicate must have, by its type; a type that is not listed is no evidence of ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from seaway.errors import EvidenceInvalid
from seaway.evidence.deeds import DataReference, ModelSignature, Provenance, Reference, Scan, TestResult
from seaway.evidence.enrolment import KeyEnrolment, KeyRevocation, KeyRotation
from seaway.evidence.predicate import Predicate
from seaway.evidence.progress import (
    Approval,
    Decision,
    Deployment,
    ExceptionGrant,
    GrantRevocation,
    LogAnchor,
    MetricSummary,
    PolicyVersion,
    Promotion,
    Refusal,
    Release,
    ReleaseEvent,
    ReleaseRequest,
    Rollback,
)
from seaway.evidence.statement import PredicateType, Statement

SHAPES: Mapping[str, type[Predicate]] = MappingProxyType(
    {
        shape.TYPE: shape
        for shape in (
            Approval,
            DataReference,
            Decision,
            Deployment,
            ExceptionGrant,
            GrantRevocation,
            KeyEnrolment,
            KeyRevocation,
            KeyRotation,
            LogAnchor,
            MetricSummary,
            ModelSignature,
            PolicyVersion,
            Promotion,
            Provenance,
            Reference,
            Refusal,
            Release,
            ReleaseEvent,
            ReleaseRequest,
            Rollback,
            Scan,
            TestResult,
        )
    }
)
# Documents of other standards are predicates as they are; this member must be there with this beginning.
_DOCUMENTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        PredicateType.CYCLONEDX: ("bomFormat", "CycloneDX"),
        PredicateType.SPDX: ("spdxVersion", "SPDX-"),
        PredicateType.VEX: ("@context", "https://openvex.dev/ns"),
        PredicateType.REFERENCE_PROFILE: ("layout", ""),
    }
)


def check_predicate(statement: Statement) -> None:
    """Raises EvidenceInvalid unless the predicate has the shape of its type (evidence.md 4.5, step 7)."""
    if statement.predicate_type in SHAPES:
        SHAPES[statement.predicate_type].of(statement)
        return
    if statement.predicate_type not in _DOCUMENTS:
        raise EvidenceInvalid("not a predicate type Seaway knows", where=statement.predicate_type)
    member, beginning = _DOCUMENTS[statement.predicate_type]
    value = statement.predicate.get(member)
    if not isinstance(value, str) or not value.startswith(beginning):
        raise EvidenceInvalid(f"not the document it should be: {member} is {value!r}", where=f"predicate.{member}")


def check_speaker(statement: Statement, person: str) -> None:
    """Raises EvidenceInvalid if a statement of a checked shape is in somebody else's name than the signer's."""
    shape = SHAPES.get(statement.predicate_type)
    if shape is None or not shape.SPEAKER:
        return
    speaker = shape.of(statement).speaker
    if speaker != person:
        raise EvidenceInvalid(f"signed by {person}, said of {speaker}", where=statement.predicate_type)
