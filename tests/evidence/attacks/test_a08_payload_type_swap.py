"""The same bytes under another payload type are another claim: the type is signed too."""

from __future__ import annotations

import pytest

from seaway.digest import canonical
from seaway.errors import EvidenceInvalid
from seaway.evidence.envelope import Envelope
from seaway.evidence.statement import pae
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


def test_another_payload_type_is_refused(world: World) -> None:
    """Even one that differs by a parameter."""
    envelope = Envelope.seal(refusal(), world.owner)
    for other in ("application/vnd.in-toto+json; v=1", "text/plain", ""):
        with refused(EvidenceInvalid, "payload type", 30):
            Envelope.parse(canonical({**envelope.to_json(), "payloadType": other}))


def test_a_signature_over_another_type_does_not_hold(world: World) -> None:
    """PAE binds the type: what was signed as text is no statement."""
    proof = world.owner._sign(pae("text/plain", refusal().payload))
    with refused(EvidenceInvalid, "does not hold", 30):
        Envelope(refusal().payload, proof).verify(world.owner.public)
