"""Killed at every write: the lanes are in `faults/`; here, a batch that was never committed leaves no trace."""

from __future__ import annotations

import pytest

from seaway.evidence.inspection import verify_ledger
from tests.evidence.faults.scenarios import closed
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


@pytest.mark.parametrize("keep", [1, 8, 47, 60, 400])
def test_a_torn_end_is_cut(world: World, keep: int) -> None:
    """A record of which only the beginning reached the disk: the next append has its place."""
    closed(world)
    (journal,) = (world.place.ledger / "journal").iterdir()
    whole = journal.read_bytes()
    notary = world.open()
    notary.append(refusal(5), world.owner)
    record = journal.read_bytes()[len(whole) :]
    checkpoint = (world.place.ledger / "checkpoint").read_bytes()
    notary.close()
    (journal,) = (world.place.ledger / "journal").iterdir()
    journal.write_bytes(journal.read_bytes() + record[:keep])
    assert checkpoint == (world.place.ledger / "checkpoint").read_bytes()
    with world.open() as notary:
        assert notary.append(refusal(6), world.owner).index == 3
    assert verify_ledger(world.place.ledger).problems == []
