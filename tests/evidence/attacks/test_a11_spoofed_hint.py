"""A bundle's hint, or a key id in its envelope, names a trusted key while another one signed."""

from __future__ import annotations

import json

import pytest

from seaway.digest import canonical
from seaway.errors import EvidenceInvalid
from seaway.evidence.encoding import b64
from seaway.evidence.envelope import Envelope
from seaway.evidence.keys import PrivateKey
from seaway.evidence.sigstore import Bundle
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


def test_a_hint_selects_no_trust(world: World) -> None:
    """Verified with the key that is trusted, whatever the hint says."""
    with world.found() as notary:
        index = notary.append(refusal(), world.owner).index
        document, log = json.loads(notary.bundle(index)), notary.ledger.key
    trusted = PrivateKey.generate().public
    document["verificationMaterial"]["publicKey"]["hint"] = b64(trusted.digest.raw)
    with refused(EvidenceInvalid, "does not hold", 30):
        Bundle.parse(canonical(document), trusted).verify(log)
    Bundle.parse(canonical(document), world.owner.public).verify(log)


def test_a_key_id_is_ignored(world: World) -> None:
    """It is read over and not kept."""
    envelope = Envelope.seal(refusal(), world.owner)
    document = envelope.to_json()
    document["signatures"] = [{"keyid": "owner", "sig": b64(envelope.signature)}]
    assert Envelope.parse(canonical(document)) == envelope
