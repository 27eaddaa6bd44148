"""Sigstore bundles v0.3: one statement with everything a stock tool needs to verify it offline.

Derived from the ledger and never trusted back: the hint orders attempts and selects no trust, `canonicalizedBody` is
for readers and is rebuilt by verifiers. Integers are strings (protobuf's JSON mapping).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from seaway.digest import canonical
from seaway.errors import EvidenceInvalid
from seaway.evidence.checkpoint import Checkpoint, LogKey
from seaway.evidence.encoding import b64, unb64
from seaway.evidence.envelope import Envelope
from seaway.evidence.keys import PublicKey
from seaway.evidence.leaf import KIND, VERSION
from seaway.evidence.ledger import Proof, Signed
from seaway.evidence.statement import Statement
from seaway.evidence.strictjson import read_object
from seaway.evidence.verify import check_logged, read_signed

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@dataclass(frozen=True, slots=True)
class Bundle:
    """An envelope, the key that signed it and the proof that it was logged."""

    signed: Signed
    proof: Proof

    def to_json(self, log: LogKey) -> dict[str, object]:
        """Returns the bundle (sigstore protobuf-specs, sigstore_bundle.proto v0.3)."""
        hint = b64(self.signed.key.digest.raw)
        material = {"publicKey": {"hint": hint}, "tlogEntries": [self._entry(log)]}
        return {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": material,
            "dsseEnvelope": self.signed.envelope.to_json(),
        }

    def to_bytes(self, log: LogKey) -> bytes:
        """Returns the bundle's canonical JSON."""
        return canonical(self.to_json(log))

    def _entry(self, log: LogKey) -> dict[str, object]:
        checkpoint = self.proof.checkpoint
        proof = {
            "logIndex": str(self.proof.index),
            "rootHash": b64(checkpoint.root),
            "treeSize": str(checkpoint.size),
            "hashes": [b64(digest) for digest in self.proof.hashes],
            "checkpoint": {"envelope": checkpoint.note.decode()},
        }
        return {
            "logIndex": str(self.proof.index),
            "logId": {"keyId": b64(log.id)},
            "kindVersion": {"kind": KIND, "version": VERSION},
            "integratedTime": "0",
            "inclusionProof": proof,
            "canonicalizedBody": b64(self.signed.leaf),
        }

    @classmethod
    def parse(cls, data: bytes, key: PublicKey) -> Self:
        """Reads a bundle that is to be verified with `key`, whatever its hint says; raises EvidenceInvalid."""
        document: Any = read_object(data, where="bundle")
        try:
            if document["mediaType"] != MEDIA_TYPE:
                raise EvidenceInvalid("not a Sigstore bundle v0.3", where="mediaType")
            entries = document["verificationMaterial"]["tlogEntries"]
            if len(entries) != 1:
                raise EvidenceInvalid(f"{len(entries)} log entries where one belongs", where="tlogEntries")
            proof = _proof(entries[0])
            signed = Signed(Envelope.from_json(document["dsseEnvelope"]), key)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise EvidenceInvalid(f"the bundle lacks something: {error}", where="bundle") from error
        return cls(signed, proof)

    def verify(self, log: LogKey) -> Statement:
        """Returns the statement if signature, leaf, inclusion and checkpoint hold; who may say it is not asked here."""
        statement = read_signed(self.signed)
        check_logged(log, self.signed, self.proof.index, self.proof)
        return statement


def _proof(entry: Any) -> Proof:
    inclusion = entry["inclusionProof"]
    checkpoint = Checkpoint.parse(inclusion["checkpoint"]["envelope"].encode())
    hashes = tuple(unb64(text, where="hashes") for text in inclusion["hashes"])
    said = (entry["logIndex"], inclusion["treeSize"], inclusion["rootHash"])
    index = int(inclusion["logIndex"])
    if said != (str(index), str(checkpoint.size), b64(checkpoint.root)):
        raise EvidenceInvalid("the proof contradicts its checkpoint", where="inclusionProof")
    return Proof(index, hashes, checkpoint)
