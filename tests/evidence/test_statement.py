"""Statements and envelopes: their bytes are fixed."""

from __future__ import annotations

import pytest

from seaway.digest import Digest, canonical
from seaway.errors import EvidenceInvalid
from seaway.evidence.encoding import b64
from seaway.evidence.envelope import Envelope
from seaway.evidence.keys import PrivateKey
from seaway.evidence.leaf import leaf_of, leaf_parts
from seaway.evidence.statement import PredicateType, Statement
from tests.evidence.refused import refused
from tests.evidence.world import refusal

pytestmark = pytest.mark.rootless


def test_a_statement_is_these_bytes() -> None:
    """RFC 8785: sorted, no spaces; its id is their SHA-256."""
    statement = Statement.about(Digest("a" * 64), PredicateType.RELEASE, {})
    assert statement.payload == (
        b'{"_type":"https://in-toto.io/Statement/v1","predicate":{},'
        b'"predicateType":"https://sigstore.dev/cosign/sign/v1",'
        b'"subject":[{"digest":{"sha256":"' + b"a" * 64 + b'"}}]}'
    )
    assert statement.id == Digest.of(statement.payload)


def test_a_foreign_statement_keeps_its_bytes() -> None:
    """Spaces and order are its own; they are what was signed."""
    payload = (
        b'{ "subject": [{"name": "x", "digest": {"sha256": "' + b"a" * 64 + b'"}}], "predicateType": "t", '
        b'"predicate": {}, "_type": "https://in-toto.io/Statement/v1" }'
    )
    assert Statement.parse(payload).payload == payload


@pytest.mark.parametrize(
    "change", [{"_type": "https://in-toto.io/Statement/v0.1"}, {"predicateType": ""}, {"predicate": []}, {"extra": 1}]
)
def test_a_statement_has_its_four_members(change: dict[str, object]) -> None:
    """Another version, no type, no object, one member more."""
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicate": {},
        "predicateType": "t",
        "subject": [{"digest": {"sha256": "a" * 64}}],
    }
    Statement.parse(canonical(document))
    with pytest.raises(EvidenceInvalid):
        Statement.parse(canonical({**document, **change}))


def test_what_json_cannot_carry_is_not_said() -> None:
    """A number past 2^53."""
    with refused(EvidenceInvalid, "cannot be written", 30):
        Statement.about(Digest("a" * 64), "t", {"n": 2**60})


def test_envelope_and_leaf_are_canonical_json() -> None:
    """The templates give what RFC 8785 gives."""
    key = PrivateKey.generate()
    envelope = Envelope.seal(refusal(), key)
    assert envelope.to_bytes() == canonical(envelope.to_json())
    leaf = leaf_of(envelope, key.public)
    record = {
        "apiVersion": "0.0.2",
        "kind": "hashedrekord",
        "spec": {
            "hashedRekordV002": {
                "data": {"algorithm": "SHA2_256", "digest": b64(Digest.of(envelope.signed_bytes).raw)},
                "signature": {
                    "content": b64(envelope.signature),
                    "verifier": {
                        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                        "publicKey": {"rawBytes": b64(key.public.spki)},
                    },
                },
            }
        },
    }
    assert leaf == canonical(record)
    assert leaf_parts(leaf) == (Digest.of(envelope.signed_bytes).raw, envelope.signature, key.public.spki)


@pytest.mark.parametrize("leaf", [b"", b"{}", b"[]", b'{"spec":{"hashedRekordV002":null}}'])
def test_another_leaf_is_refused(leaf: bytes) -> None:
    """Whatever is not exactly one of ours."""
    with pytest.raises(EvidenceInvalid):
        leaf_parts(leaf)


@pytest.mark.parametrize(
    "change",
    [
        {"signatures": []},
        {"signatures": [{"sig": "QQ=="}, {"sig": "QQ=="}]},
        {"signatures": [{"keyid": "x"}]},
        {"signatures": [{"sig": "QQ==", "cert": "x"}]},
        {"signatures": {"sig": "QQ=="}},
        {"payload": 1},
        {"other": 1},
    ],
)
def test_an_envelope_has_one_signature(change: dict[str, object]) -> None:
    """None, two, one without a sig, one with more."""
    document = Envelope.seal(refusal(), PrivateKey.generate()).to_json()
    with pytest.raises(EvidenceInvalid):
        Envelope.parse(canonical({**document, **change}))
