"""DSSE: one payload, one signature, one spelling (secure-systems-lab/dsse, protocol.md and envelope.md).

What is signed is PAE (`statement.pae`); the signature is ECDSA P-256 over its SHA-256. No `keyid`
is written and any that is read is ignored: who signed is found by the key, never by a hint. The JSON is read with
canonical base64 only, so that one envelope cannot appear under two digests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid
from seaway.evidence.encoding import b64, unb64
from seaway.evidence.keys import PublicKey, Signer
from seaway.evidence.statement import PAYLOAD_TYPE, Statement, pae
from seaway.evidence.strictjson import read_object

MEDIA_TYPE = "application/vnd.dsse.envelope.v1+json"
_FORM = f'{{"payload":"%s","payloadType":"{PAYLOAD_TYPE}","signatures":[{{"sig":"%s"}}]}}'


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed statement; the signature is ASN.1 DER."""

    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @classmethod
    def seal(cls, statement: Statement, signer: Signer) -> Self:
        """Signs a statement; raises KeyRefused if the key may not sign it."""
        return cls(statement.payload, signer.sign(statement))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Reads envelope JSON, strictly (evidence.md 4.5, steps 1 to 3)."""
        return cls.from_json(read_object(data, where="envelope"))

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Reads an envelope that is part of a larger document."""
        if not isinstance(document, dict) or set(document) != {"payload", "payloadType", "signatures"}:
            raise EvidenceInvalid("an envelope has payload, payloadType and signatures", where="envelope")
        if document["payloadType"] != PAYLOAD_TYPE:
            raise EvidenceInvalid(f"payload type is not {PAYLOAD_TYPE}", where="payloadType")
        signatures = document["signatures"]
        if not isinstance(signatures, list) or len(signatures) != 1 or not isinstance(signatures[0], dict):
            raise EvidenceInvalid("an envelope has exactly one signature", where="signatures")
        if not {"sig"} <= set(signatures[0]) <= {"sig", "keyid"}:
            raise EvidenceInvalid("a signature has a sig and perhaps a keyid", where="signatures[0]")
        return cls(unb64(document["payload"], where="payload"), unb64(signatures[0]["sig"], where="sig"))

    def to_json(self) -> dict[str, object]:
        """Returns the envelope as a JSON value."""
        return {"payload": b64(self.payload), "payloadType": PAYLOAD_TYPE, "signatures": [{"sig": b64(self.signature)}]}

    def to_bytes(self) -> bytes:
        """Returns the one JSON form, which the ledger stores and names by digest."""
        # Base64 needs no escapes, so the RFC 8785 form is a template.
        return (_FORM % (b64(self.payload), b64(self.signature))).encode()

    @property
    def signed_bytes(self) -> bytes:
        """What the signature is over."""
        return pae(PAYLOAD_TYPE, self.payload)

    @property
    def digest(self) -> Digest:
        """The name of this envelope as a blob."""
        return Digest.of(self.to_bytes())

    def statement(self) -> Statement:
        """Reads the payload as a statement."""
        return Statement.parse(self.payload)

    def verify(self, key: PublicKey) -> None:
        """Raises EvidenceInvalid unless `key` made the signature."""
        key.verify(self.signature, self.signed_bytes)
