"""The ledger is put back to an earlier state: what was acknowledged since would be gone."""

from __future__ import annotations

import shutil

import pytest

from seaway.errors import EvidenceInvalid, LedgerForked
from tests.evidence.faults.scenarios import crashed
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


def test_an_older_copy_is_no_ledger(world: World) -> None:
    """It is well-signed, and shorter than what is remembered."""
    with world.found() as notary:
        notary.append(refusal(1), world.owner)
    shutil.copytree(world.place.ledger, world.root / "copy")
    with world.open() as notary:
        notary.append(refusal(2), world.owner)
    shutil.rmtree(world.place.ledger)
    shutil.move(world.root / "copy", world.place.ledger)
    for opening in (world.open, world.read):
        with refused(LedgerForked, "has 2 leaves and had 3", 32):
            opening()


def test_a_ledger_that_is_gone_is_not_a_new_one(world: World) -> None:
    """An empty directory in its place is refused too."""
    world.found().close()
    shutil.rmtree(world.place.ledger)
    with refused(LedgerForked, "another key than before", 32):
        world.open()


def test_a_journal_cut_below_the_checkpoint_is_refused(world: World) -> None:
    """A torn end is cut only where nothing of it was acknowledged."""
    crashed(world)
    (journal,) = (world.place.ledger / "journal").iterdir()
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-1])
    with refused(LedgerForked, "ends at 3 leaves, 4 were acknowledged", 32):
        world.open()
    journal.write_bytes(whole)
    world.open().close()


def test_a_damaged_record_before_the_end_is_never_cut(world: World) -> None:
    """What follows it was committed."""
    crashed(world)
    (journal,) = (world.place.ledger / "journal").iterdir()
    whole = journal.read_bytes()
    second = whole.index(b"SWJOURN1", 1)
    journal.write_bytes(whole[: second + 60] + b"#" + whole[second + 61 :])
    with refused(EvidenceInvalid, "before the end is damaged", 30):
        world.open()
