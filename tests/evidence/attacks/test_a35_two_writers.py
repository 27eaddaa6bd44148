"""Two processes write at once: one after the other, each deed once, one history."""

from __future__ import annotations

import os

import pytest

from seaway.errors import LedgerUnavailable
from seaway.evidence.inspection import verify_ledger
from seaway.evidence.statement import PredicateType
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless
WRITERS, DEEDS = 3, 4


def test_a_second_writer_waits_then_gives_up(world: World) -> None:
    """Nothing was acknowledged, a retry helps."""
    with world.found(), refused(LedgerUnavailable, "another process writes", 33):
        world.open(wait=0.05)


def test_many_writers_make_one_history(world: World) -> None:
    """Real processes, each opening for every deed; some deeds are the same."""
    world.found().close()
    children = [_writer(world, number) for number in range(WRITERS)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * WRITERS
    with world.read() as reader:
        found = reader.verified(predicate_type=PredicateType.REFUSAL)
    assert len(found) == WRITERS * (DEEDS - 1) + 1
    assert verify_ledger(world.place.ledger).problems == []


def _writer(world: World, number: int) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        for deed in range(DEEDS):
            with world.open(wait=30) as notary:
                notary.append(refusal(0 if deed == 0 else number * 100 + deed), world.owner)
        code = 0
    finally:
        os._exit(code)
