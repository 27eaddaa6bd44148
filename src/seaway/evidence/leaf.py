"""The leaf of the log: a hashedrekord entry of Rekor v2, in canonical bytes and nothing else.

A leaf holds hashes only: of the PAE, the signature and the public key. A verifier rebuilds it from the envelope and
the key; what a bundle carries as its body is never trusted. The form is versioned by `apiVersion`, which never
changes its meaning.
"""

from __future__ import annotations

import hashlib

from seaway.digest import canonical
from seaway.errors import EvidenceInvalid
from seaway.evidence.encoding import b64, unb64
from seaway.evidence.envelope import Envelope
from seaway.evidence.keys import PublicKey
from seaway.evidence.strictjson import read_object

KIND, VERSION = "hashedrekord", "0.0.2"


def leaf_of(envelope: Envelope, key: PublicKey) -> bytes:
    """Builds the leaf of a signed statement (rekor-tiles, hashedrekord v0.0.2)."""
    return canonical(
        _entry(b64(hashlib.sha256(envelope.signed_bytes).digest()), b64(envelope.signature), b64(key.spki))
    )


def leaf_parts(leaf: bytes) -> tuple[bytes, bytes, bytes]:
    """Returns the PAE's digest, the signature and the SPKI of a leaf of ours; raises EvidenceInvalid for another."""
    try:
        record = read_object(leaf, where="leaf")["spec"]["hashedRekordV002"]  # type: ignore[index]
        verifier = record["signature"]["verifier"]
        parts = record["data"]["digest"], record["signature"]["content"], verifier["publicKey"]["rawBytes"]
    except (KeyError, TypeError) as error:
        raise EvidenceInvalid("not a hashedrekord entry", where="leaf") from error
    if canonical(_entry(*parts)) != leaf:
        raise EvidenceInvalid("the entry is not in its one form", where="leaf")
    digest, signature, spki = (unb64(part, where="leaf") for part in parts)
    return digest, signature, spki


def _entry(digest: str, signature: str, spki: str) -> dict[str, object]:
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "publicKey": {"rawBytes": spki}}
    record = {
        "data": {"algorithm": "SHA2_256", "digest": digest},
        "signature": {"content": signature, "verifier": verifier},
    }
    return {"apiVersion": VERSION, "kind": KIND, "spec": {"hashedRekordV002": record}}
