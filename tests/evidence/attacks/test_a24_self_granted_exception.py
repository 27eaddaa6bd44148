"""Who asks for an exception grants it, in their own name or in another's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seaway.errors import EvidenceInvalid
from seaway.evidence.roles import Role
from tests.evidence.attacks.test_a22_bad_exception import GOOD
from tests.evidence.refused import refused
from tests.evidence.world import World, subject

pytestmark = pytest.mark.rootless


def test_the_approver_is_who_signs(world: World) -> None:
    """Bob's name under Mallory's signature."""
    with world.found() as notary:
        mallory = world.enrol(notary, "p-mallory", Role.APPROVER)
        bob = world.enrol(notary, "p-bob", Role.APPROVER)
        asked = replace(GOOD, requested_by="p-mallory")
        with refused(EvidenceInvalid, "signed by p-mallory, said of p-bob", 30):
            notary.append(asked.about(subject()), mallory)
        with refused(EvidenceInvalid, "does not grant it", 30):
            notary.append(replace(asked, approver="p-mallory").about(subject()), mallory)
        notary.append(asked.about(subject()), bob)
