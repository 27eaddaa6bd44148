"""`(r, n−s)` verifies as `(r, s)` does: one deed would be two, one approval two."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from seaway.evidence.envelope import Envelope
from seaway.evidence.files import FileLedger
from seaway.evidence.ledger import Signed
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # the order of P-256 (FIPS 186-4 D.1.2.3)


def test_a_twin_is_the_deed_that_is_known(world: World) -> None:
    """It holds as a signature and gets the first one's leaf."""
    with world.found() as notary:
        first = notary.append(refusal(), world.owner)
    envelope = Envelope.seal(refusal(), world.owner)
    r, s = decode_dss_signature(envelope.signature)
    twin = Envelope(envelope.payload, encode_dss_signature(r, _N - s))
    twin.verify(world.owner.public)
    with FileLedger.take(world.place.ledger, world.place.origin, clock=world.clock) as ledger:
        (answer,) = ledger.append([Signed(twin, world.owner.public)])
        assert (answer.index, answer.known, ledger.size) == (first.index, True, first.index + 1)
