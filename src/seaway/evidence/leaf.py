"""The leaf of the log: a hashedrekord entry of Rekor v2, in canonical bytes and nothing else.

A leaf holds hashes only: of the PAE, the signature and the public key. A verifier rebuilds it from the envelope and
the key; what a bundle carries as its body is never trusted. The form is versioned by `apiVersion`, which never
changes its meaning.
"""

from __future__ import annotations

import hashlib
import re

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
_READ = re.compile(re.escape(_FORM).replace("%s", "([A-Za-z0-9+/=]*)").encode())


def leaf_of(envelope: Envelope, key: PublicKey) -> bytes:
    """Builds the leaf of a signed statement (rekor-tiles, hashedrekord v0.0.2)."""
    return _spell(hashlib.sha256(envelope.signed_bytes).digest(), envelope.signature, key.spki)


def leaf_parts(leaf: bytes) -> tuple[bytes, bytes, bytes]:
    """Returns the PAE's digest, the signature and the SPKI of a leaf of ours; raises EvidenceInvalid for another."""
    # The template is the one form of an entry, and base64 is read in its one form: what matches was spelt here.
    found = _READ.fullmatch(leaf)
    if found is None:
        raise EvidenceInvalid("not a hashedrekord entry in its one form", where="leaf")
    digest, signature, spki = (unb64(part.decode(), where="leaf") for part in found.groups())
    return digest, signature, spki


def _spell(digest: bytes, signature: bytes, spki: bytes) -> bytes:
    # Base64 needs no escapes, so the RFC 8785 form is a template.
    return (_FORM % (b64(digest), b64(signature), b64(spki))).encode()
