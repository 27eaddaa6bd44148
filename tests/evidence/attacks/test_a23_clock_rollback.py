"""The clock is set back, so that what has expired holds again."""

from __future__ import annotations

import pytest

from seaway.errors import LedgerUnavailable
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


def test_nothing_is_written_before_the_last_entry(world: World) -> None:
    """In the same session and in the next one."""
    with world.found() as notary:
        world.clock.move(hours=2)
        notary.append(refusal(1), world.owner)
        world.clock.move(hours=-1)
        with refused(LedgerUnavailable, "3600 s behind", 33):
            notary.append(refusal(), world.owner)
    with world.open() as notary, refused(LedgerUnavailable, "behind the ledger's last entry", 33):
        notary.append(refusal(), world.owner)
    world.clock.move(hours=1)
    with world.open() as notary:
        assert notary.append(refusal(), world.owner).index == 2
