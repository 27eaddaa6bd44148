"""What is said about one digest: in-toto Statements v1 with exactly one subject.

Bytes: the RFC 8785 form of `{_type, predicate, predicateType, subject: [{digest: {sha256}}]}`; foreign statements
keep the bytes they came in. A statement's id is the SHA-256 of its payload; what is signed is DSSE's pre-authentication
encoding of it. One subject only: with two, stock verifiers accept either and print the first as verified.

Here are names and bytes. What each predicate holds is in `deeds.py` and `progress.py`, who may sign it in `roles.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from seaway.digest import Digest, canonical
from seaway.errors import EvidenceInvalid
from seaway.evidence.strictjson import read_object

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
_KEYS = {"_type", "predicate", "predicateType", "subject"}


def _ours(name: str) -> str:
    return f"https://seaway.dev/{name}/v0.1"


class PredicateType(StrEnum):
    """The predicate types Seaway signs; a vetted type of in-toto, SLSA or OpenSSF wherever there is one."""

    RELEASE = "https://sigstore.dev/cosign/sign/v1"
    DECISION = "https://slsa.dev/verification_summary/v1"
    PROVENANCE = "https://slsa.dev/provenance/v1"
    TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
    CYCLONEDX = "https://cyclonedx.org/bom"
    SPDX = "https://spdx.dev/Document"
    REFERENCE = "https://in-toto.io/attestation/reference/v0.1"
    VULNERABILITIES = "https://in-toto.io/attestation/vulns/v0.2"
    VEX = "https://openvex.dev/ns"
    MODEL_SIGNATURE = "https://model_signing/signature/v1.0"
    DATA_REFERENCE = _ours("data-reference")
    APPROVAL = _ours("approval")
    EXCEPTION = _ours("exception")
    PROMOTION = _ours("promotion")
    DEPLOYMENT = _ours("deployment")
    ROLLBACK = _ours("rollback")
    METRIC_SUMMARY = _ours("metric-summary")
    RELEASE_REQUEST = _ours("release-request")
    RELEASE_EVENT = _ours("release-event")
    REFUSAL = _ours("refusal")
    LOG_ANCHOR = _ours("log-anchor")
    POLICY_VERSION = _ours("policy-version")
    GRANT_REVOCATION = _ours("grant-revocation")
    REFERENCE_PROFILE = _ours("reference-profile")
    KEY_ENROLMENT = _ours("key-enrolment")
    KEY_ROTATION = _ours("key-rotation")
    KEY_REVOCATION = _ours("key-revocation")
    KEY_SESSION = _ours("key-session")
    IDENTITY_ENROLMENT = _ours("identity-enrolment")


def pae(payload_type: str, payload: bytes) -> bytes:
    """Returns the pre-authentication encoding of DSSE v1 (secure-systems-lab/dsse, protocol.md)."""
    name = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


@dataclass(frozen=True, slots=True)
class Statement:
    """One claim about one subject; `payload` are the bytes that are signed (in-toto Statement v1)."""

    subject: Digest
    predicate_type: str
    predicate: Mapping[str, object]
    payload: bytes = field(repr=False)

    @classmethod
    def about(cls, subject: Digest, predicate_type: str, predicate: Mapping[str, object]) -> Self:
        """Makes a statement of our own, in canonical bytes."""
        document = {
            "_type": STATEMENT_TYPE,
            "predicate": predicate,
            "predicateType": str(predicate_type),
            "subject": [{"digest": {"sha256": subject.hex}}],
        }
        try:
            payload = canonical(document)
        except ValueError as error:
            raise EvidenceInvalid(f"statement cannot be written: {error}", where=predicate_type) from error
        return cls(subject, str(predicate_type), predicate, payload)

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Reads a payload, strictly; raises EvidenceInvalid (evidence.md 4.5, steps 2 and 6)."""
        document = read_object(payload, where="statement")
        if set(document) != _KEYS:
            raise EvidenceInvalid(f"statement has the fields {sorted(document)}", where="statement")
        if document["_type"] != STATEMENT_TYPE:
            raise EvidenceInvalid("not an in-toto Statement v1", where="_type")
        predicate_type, predicate = document["predicateType"], document["predicate"]
        if not isinstance(predicate_type, str) or not predicate_type:
            raise EvidenceInvalid("predicate type is not a URI", where="predicateType")
        if not isinstance(predicate, dict):
            raise EvidenceInvalid("predicate is not an object", where="predicate")
        return cls(_only_subject(document["subject"]), predicate_type, predicate, payload)

    @property
    def id(self) -> Digest:
        """The statement id: SHA-256 of the payload."""
        return Digest.of(self.payload)

    @property
    def signed_bytes(self) -> bytes:
        """What a signature is made over."""
        return pae(PAYLOAD_TYPE, self.payload)


def _only_subject(subjects: object) -> Digest:
    if not isinstance(subjects, list) or len(subjects) != 1 or not isinstance(subjects[0], dict):
        raise EvidenceInvalid("a statement has exactly one subject", where="subject")
    digests = subjects[0].get("digest")
    if not isinstance(digests, dict) or set(digests) != {"sha256"} or not isinstance(digests["sha256"], str):
        raise EvidenceInvalid("a subject is named by sha256 and nothing else", where="subject[0].digest")
    try:
        return Digest(digests["sha256"])
    except ValueError as error:
        raise EvidenceInvalid(str(error), where="subject[0].digest.sha256") from error
