"""The same statement twice in the log would count as two towards a threshold."""

from __future__ import annotations

import pytest

from seaway.evidence.files import FileLedger
from seaway.evidence.ledger import Signed
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


def test_one_statement_by_one_key_is_one_leaf(world: World) -> None:
    """Twice in one batch, again later, again after opening anew."""
    world.found().close()
    signed = Signed.by(world.owner, refusal())
    with FileLedger.take(world.place.ledger, world.place.origin, clock=world.clock) as ledger:
        first, second = ledger.append([signed, signed])
        assert (first.index, second.index, ledger.size) == (1, 1, 2)
        assert ledger.append([signed])[0].known
    with FileLedger.take(world.place.ledger, world.place.origin, clock=world.clock) as ledger:
        assert ledger.append([signed])[0].index == 1
        assert ledger.size == 2
