"""The derived index says a leaf is about something else, or hides it."""

from __future__ import annotations

import sqlite3

import pytest

from seaway.evidence.statement import PredicateType
from tests.evidence.world import World, refusal, subject

pytestmark = pytest.mark.rootless
_LIES = {
    "another subject": ("UPDATE entry SET subject = ? WHERE leaf = 1", subject("other").hex),
    "another type": ("UPDATE entry SET type = ? WHERE leaf = 1", str(PredicateType.APPROVAL)),
    "another leaf": ("UPDATE entry SET leaf = ? WHERE leaf = 1", 7),
    "no leaf": ("DELETE FROM entry WHERE leaf = ?", 1),
    "no size": ("UPDATE head SET size = ?", 1),
}


@pytest.mark.parametrize("lie", _LIES)
def test_a_lying_index_changes_no_answer(world: World, lie: str) -> None:
    """It is found out when opened, and made anew."""
    with world.found() as notary:
        notary.append_all([(refusal(1, "one"), world.owner), (refusal(2, "two"), world.owner)])
    query, value = _LIES[lie]
    with sqlite3.connect(world.place.ledger / "index.sqlite") as database:
        database.execute(query, (value,))
    database.close()
    with world.read() as reader:
        assert [found.index for found in reader.verified(subject=subject("one"))] == [1]
        assert reader.verified(subject=subject("other")) == ()
        assert reader.verified(predicate_type=PredicateType.APPROVAL) == ()
    with world.open() as notary:
        assert notary.append(refusal(1, "one"), world.owner).known
