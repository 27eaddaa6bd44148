"""A payload is gone: its deed is `unavailable`, which is not the same as never done, and proves nothing."""

from __future__ import annotations

import pytest

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid, EvidenceMissing
from seaway.evidence.deeds import Attester, Reference, Resource
from seaway.evidence.ledger import Presence
from seaway.evidence.statement import PredicateType
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal, subject

pytestmark = pytest.mark.rootless


@pytest.mark.parametrize("index", ["kept", "lost"])
def test_a_lost_statement_is_a_state_of_its_own(world: World, index: str) -> None:
    """With the index, and when that has to be made anew too."""
    with world.found() as notary:
        notary.append(refusal(), world.owner)
        (entry,) = notary.ledger.entries(predicate_type=PredicateType.REFUSAL)
        path = notary.payloads.path(entry.envelope)
    path.unlink()
    if index == "lost":
        (world.place.ledger / "index.sqlite").unlink()
    with world.read() as reader:
        examined = reader.examine()
        assert [found.index for found in examined.verified] == [0]
        (rejected,) = examined.rejected
        assert (rejected.index, type(rejected.why)) == (1, EvidenceMissing)
        assert [item.presence for item in reader.ledger.entries(from_index=1)] == [Presence.UNAVAILABLE]


def test_a_lost_key_statement_stops_everything(world: World) -> None:
    """Without it nobody knows whose key is whose."""
    with world.found() as notary:
        (entry,) = notary.ledger.entries()
        path = notary.payloads.path(entry.envelope)
    path.unlink()
    with world.read() as reader, refused(EvidenceMissing, "key registry is unavailable", 31):
        reader.verified()


def test_a_document_it_refers_to_must_be_here(world: World) -> None:
    """A reference to a large SBOM counts only with the SBOM."""
    with world.found() as notary:
        sbom = notary.payloads.put(b"{}" * 10)
        here = Reference(attester=Attester(id="p-alice"), references=(Resource.named("sbom", sbom),))
        gone = Reference(attester=Attester(id="p-alice"), references=(Resource.named("sbom", Digest.of(b"gone")),))
        notary.append(here.about(subject("here")), world.owner)
        notary.append(gone.about(subject("gone")), world.owner)
        assert len(notary.verified(subject=subject("here"))) == 1
        (rejected,) = notary.examine(subject=subject("gone")).rejected
    assert "refers to is unavailable" in str(rejected.why)


def test_a_payload_with_other_bytes_is_damage(world: World) -> None:
    """It is said, with the file."""
    with world.found() as notary:
        notary.append(refusal(), world.owner)
        (entry,) = notary.ledger.entries(predicate_type=PredicateType.REFUSAL)
        path = notary.payloads.path(entry.envelope)
    path.write_bytes(b"{}")
    with world.read() as reader, refused(EvidenceInvalid, "another digest", 30):
        reader.verified()
