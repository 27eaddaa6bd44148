"""One person with two keys is one person."""

from __future__ import annotations

import pytest

from seaway.evidence.roles import Role
from seaway.evidence.statement import PredicateType
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


def test_two_keys_of_one_person_count_once(world: World) -> None:
    """Both deeds are there, by one person."""
    with world.found() as notary:
        keys = [world.enrol(notary, "p-op", Role.OPERATOR) for _ in range(2)]
        for key in keys:
            notary.append(refusal(), key)
        found = notary.verified(predicate_type=PredicateType.REFUSAL)
        assert len(found) == 2
        assert {item.person for item in found} == {"p-op"}
        assert len(notary.people.persons()["p-op"].keys) == 2


def test_a_rotated_key_is_the_same_person(world: World) -> None:
    """The new key has the old one's place, and the old one is done."""
    with world.found() as notary:
        old, new = world.enrol(notary, "p-op", Role.OPERATOR), type(world.owner).generate()
        notary.append(refusal(1), old)
        notary.rotate(old, new)
        notary.append(refusal(2), new)
        found = notary.verified(predicate_type=PredicateType.REFUSAL)
        assert [item.person for item in found] == ["p-op", "p-op"]
        assert notary.people.persons()["p-op"].keys == (new.public.digest,)
