"""One log key, two histories: the client that saw one is shown the other."""

from __future__ import annotations

import shutil

import pytest

from seaway.errors import LedgerForked
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


@pytest.mark.parametrize("later", [1, 3])
def test_another_history_is_refused(world: World, later: int) -> None:
    """Of the same size or longer, under the same key and with the same first leaf."""
    world.found().close()
    shutil.copytree(world.place.ledger, world.root / "other")
    with world.open() as notary:
        notary.append(refusal(1), world.owner)
    memory = world.place.memory.read_bytes()
    shutil.rmtree(world.place.ledger)
    shutil.move(world.root / "other", world.place.ledger)
    world.place.memory.unlink()
    with world.open() as notary:
        notary.append_all([(refusal(100 + number), world.owner) for number in range(later)])
    world.place.memory.write_bytes(memory)
    for opening in (world.open, world.read):
        with refused(LedgerForked, "does not extend what was seen", 32):
            opening()
