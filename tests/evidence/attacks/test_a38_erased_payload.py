"""A payload was erased on purpose: `erased`, with its leaf and proof still there."""

from __future__ import annotations

import pytest

from seaway.errors import AppendRefused, EvidenceInvalid, EvidenceMissing
from seaway.evidence.inspection import verify_ledger
from seaway.evidence.ledger import Presence
from seaway.evidence.statement import PredicateType
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal, subject

pytestmark = pytest.mark.rootless


@pytest.mark.parametrize("index", ["kept", "lost"])
def test_an_erased_statement_says_so_and_does_not_count(world: World, index: str) -> None:
    """Also after the index was made anew, by subject and type."""
    with world.found() as notary:
        notary.append(refusal(), world.owner)
        (entry,) = notary.ledger.entries(predicate_type=PredicateType.REFUSAL)
        notary.erase(entry.envelope, "asked for")
        assert not notary.payloads.path(entry.envelope).exists()
    if index == "lost":
        (world.place.ledger / "index.sqlite").unlink()
    with world.open() as notary:
        (entry,) = notary.ledger.entries(subject=subject())
        assert entry.presence is Presence.ERASED
        (rejected,) = notary.examine(subject=subject(), predicate_type=PredicateType.REFUSAL).rejected
        assert isinstance(rejected.why, EvidenceMissing)
        assert "erased" in str(rejected.why)
    assert verify_ledger(world.place.ledger).problems == []


def test_an_erased_deed_is_not_recorded_twice(world: World) -> None:
    """The same statement again gets its old leaf."""
    with world.found() as notary:
        notary.append(refusal(), world.owner)
        (entry,) = notary.ledger.entries(predicate_type=PredicateType.REFUSAL)
        notary.erase(entry.envelope, "asked for")
        assert notary.append(refusal(), world.owner).known


def test_key_statements_are_not_erased(world: World) -> None:
    """Or nobody could be known."""
    with world.found() as notary:
        (entry,) = notary.ledger.entries()
        with refused(AppendRefused, "is not erased", 37):
            notary.erase(entry.envelope, "asked for")


def test_a_forged_erasure_is_found(world: World) -> None:
    """A tombstone somebody wrote by hand does not turn lost into erased."""
    with world.found() as notary:
        notary.append(refusal(), world.owner)
        (entry,) = notary.ledger.entries(predicate_type=PredicateType.REFUSAL)
        notary.payloads.tombstone(entry.envelope).write_bytes(b"gone")
        with refused(EvidenceInvalid, "was changed", 30):
            notary.payloads.erasure(entry.envelope)
    assert verify_ledger(world.place.ledger).problems != []
