"""The leaf of the log: a hashedrekord entry of Rekor v2, in canonical bytes and nothing else.

A leaf holds hashes only: of the PAE, the signature and the public key. A verifier rebuilds it from the envelope and
the key; what a bundle carries as its body is never trusted. The form is versioned by `apiVersion`, which never
changes its meaning.
"""

from __future__ import annotations

import hashlib
import json

from seaway.errors import EvidenceInvalid
from seaway.evidence.encoding import b64, unb64
from seaway.evidence.envelope import Envelope
from seaway.evidence.keys import PublicKey

KIND, VERSION = "hashedrekord", "0.0.2"


_FORM = (
    '{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256",'
    '"digest":"%s"},"signature":{"content":"%s","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256",'
    '"publicKey":{"rawBytes":"%s"}}}}}}'
)


def leaf_of(envelope: Envelope, key: PublicKey) -> bytes:
    """Builds the leaf of a signed statement (rekor-tiles, hashedrekord v0.0.2)."""
    return _spell(hashlib.sha256(envelope.signed_bytes).digest(), envelope.signature, key.spki)


def leaf_parts(leaf: bytes) -> tuple[bytes, bytes, bytes]:
    """Returns the PAE's digest, the signature and the SPKI of a leaf of ours; raises EvidenceInvalid for another."""
    try:
        record = json.loads(leaf)["spec"]["hashedRekordV002"]
        verifier = record["signature"]["verifier"]
        parts = record["data"]["digest"], record["signature"]["content"], verifier["publicKey"]["rawBytes"]
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceInvalid("not a hashedrekord entry", where="leaf") from error
    digest, signature, spki = (unb64(part, where="leaf") for part in parts)
    if _spell(digest, signature, spki) != leaf:
        raise EvidenceInvalid("the entry is not in its one form", where="leaf")
    return digest, signature, spki


def _spell(digest: bytes, signature: bytes, spki: bytes) -> bytes:
    # Base64 needs no escapes, so the RFC 8785 form is a template.
    return (_FORM % (b64(digest), b64(signature), b64(spki))).encode()
