"""Two leaves change places."""

from __future__ import annotations

import pytest

from seaway.errors import EvidenceInvalid
from seaway.evidence.inspection import verify_ledger
from seaway.evidence.statement import PredicateType
from seaway.evidence.tiles import bundle, unbundle
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


def test_leaves_in_another_order_are_refused(world: World) -> None:
    """In the entries alone, and in entries and hashes alike."""
    with world.found() as notary:
        notary.append_all([(refusal(number), world.owner) for number in range(3)])
    entries = world.place.ledger / "tile/entries/000.p/4"
    leaves = unbundle(entries.read_bytes(), 4)
    entries.write_bytes(bundle([leaves[0], leaves[2], leaves[1], leaves[3]]))
    assert "tile/entries/000.p/4" in {problem.file for problem in verify_ledger(world.place.ledger).problems}
    hashes = world.place.ledger / "tile/0/000.p/4"
    data = hashes.read_bytes()
    hashes.write_bytes(data[:32] + data[64:96] + data[32:64] + data[96:])
    assert not verify_ledger(world.place.ledger).whole
    with refused(EvidenceInvalid, "another root than the journal", 30):
        world.open()
    with world.read() as reader, refused(EvidenceInvalid, "does not match the root", 30):
        reader.verified(predicate_type=PredicateType.REFUSAL)
