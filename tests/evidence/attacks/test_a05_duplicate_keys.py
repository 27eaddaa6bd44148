"""A JSON object with a key twice: two readers see two things."""

from __future__ import annotations

import pytest

from seaway.errors import EvidenceInvalid
from seaway.evidence.envelope import Envelope
from seaway.evidence.statement import Statement
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


def test_a_second_key_in_the_envelope_is_refused(world: World) -> None:
    """A second payload behind the first."""
    data = Envelope.seal(refusal(), world.owner).to_bytes()
    with refused(EvidenceInvalid, "duplicate key 'payload'", 30):
        Envelope.parse(data[:-1] + b',"payload":"e30="}')


def test_a_second_key_in_the_statement_is_refused() -> None:
    """A second predicate behind the first, however deep."""
    with refused(EvidenceInvalid, "duplicate key 'verb'", 30):
        Statement.parse(refusal().payload.replace(b'"verb":', b'"verb":"scan","verb":'))
