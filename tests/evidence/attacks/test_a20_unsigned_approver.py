"""An approval in the name of somebody who did not sign it."""

from __future__ import annotations

import pytest

from seaway.errors import EvidenceInvalid, KeyRefused
from seaway.evidence.keys import PrivateKey
from seaway.evidence.roles import Role
from tests.evidence.attacks.test_a18_other_evidence_set import approval
from tests.evidence.refused import refused
from tests.evidence.world import World, subject

pytestmark = pytest.mark.rootless


def test_nobody_signs_in_anothers_name(world: World) -> None:
    """The person an approval names is the one whose key signs it."""
    with world.found() as notary:
        bob = world.enrol(notary, "p-bob", Role.APPROVER)
        with refused(EvidenceInvalid, "signed by p-bob, said of p-alice", 30):
            notary.append(approval().about(subject()), bob)


def test_a_key_nobody_enrolled_approves_nothing(world: World) -> None:
    """A stranger's signature."""
    with world.found() as notary, refused(KeyRefused, "nobody is enrolled", 35):
        notary.append(approval().about(subject()), PrivateKey.generate())
