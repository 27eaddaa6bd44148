"""A key goes on signing after it was revoked, or signed before and must not count."""

from __future__ import annotations

import pytest

from seaway.errors import KeyRefused
from seaway.evidence.files import FileLedger
from seaway.evidence.ledger import Signed
from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


def test_a_revoked_key_gets_nothing_in(world: World) -> None:
    """The door is shut from the revocation on; what was before stays."""
    with world.found() as notary:
        operator = world.enrol(notary, "p-op", Role.OPERATOR)
        notary.append(refusal(1), operator)
        notary.revoke(world.owner, operator.public.digest, "left the team")
        with refused(KeyRefused, "revoked from leaf 3 on", 35):
            notary.append(refusal(2), operator)
        assert [found.index for found in notary.verified(predicate_type=PredicateType.REFUSAL)] == [2]


def test_a_revocation_reaches_back_to_its_index(world: World) -> None:
    """Stolen last week: deeds from that leaf on do not count, earlier ones do."""
    with world.found() as notary:
        operator = world.enrol(notary, "p-op", Role.OPERATOR)
        for number in range(3):
            notary.append(refusal(number), operator)
        notary.revoke(world.owner, operator.public.digest, "stolen", from_index=3)
        examined = notary.examine(predicate_type=PredicateType.REFUSAL)
    assert [found.index for found in examined.verified] == [2]
    assert [found.index for found in examined.rejected] == [3, 4]


def test_what_slipped_in_after_it_does_not_count(world: World) -> None:
    """Appended past the door."""
    with world.found() as notary:
        operator = world.enrol(notary, "p-op", Role.OPERATOR)
        notary.revoke(world.owner, operator.public.digest, "left")
    with FileLedger.take(world.place.ledger, world.place.origin, clock=world.clock) as ledger:
        ledger.append([Signed.by(operator, refusal())])
    with world.read() as reader:
        assert reader.verified(predicate_type=PredicateType.REFUSAL) == ()


def test_an_expired_key_gets_nothing_in(world: World) -> None:
    """Three years on nobody has renewed it."""
    with world.found() as notary:
        world.clock.move(days=3 * 365)
        with refused(KeyRefused, "not valid now", 35):
            notary.append(refusal(), world.owner)
