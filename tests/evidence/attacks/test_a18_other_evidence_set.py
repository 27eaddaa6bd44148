"""An approval given on other evidence than it names."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from seaway.digest import Digest
from seaway.errors import EvidenceInvalid
from seaway.evidence.progress import Approval, Choice, EvidenceItem, evidence_set
from tests.evidence.refused import refused
from tests.evidence.world import START, World, subject

pytestmark = pytest.mark.rootless


def item(name: str, index: int) -> EvidenceItem:
    """Returns a line of an evidence set."""
    return EvidenceItem(id=Digest.of(name.encode()), predicate_type="t", log_index=index)


def approval(*names: str) -> Approval:
    """Returns an approval on some evidence."""
    entries, digest = evidence_set(item(name, index) for index, name in enumerate(names))
    return Approval(
        decision=Choice.APPROVED,
        environment="prod",
        person="p-alice",
        title="release-manager",
        evidence_set=digest,
        entries=entries,
        policy=Digest.of(b"policy"),
        at=START,
        expires=START + timedelta(days=7),
        reason="fine",
    )


def test_an_approval_binds_to_its_entries(world: World) -> None:
    """Another digest, another order, one entry more or less is refused."""
    good = approval("sbom", "scan", "suite")
    other = approval("sbom", "scan")
    for bad in (
        replace(good, evidence_set=other.evidence_set),
        replace(good, entries=other.entries),
        replace(good, entries=good.entries[::-1]),
    ):
        with refused(EvidenceInvalid, "not that of the entries", 30):
            bad.about(subject())
    with world.found() as notary:
        notary.append(good.about(subject()), world.owner)
        (found,) = notary.verified(subject=subject())
    assert Approval.of(found.statement) == good


def test_an_evidence_set_does_not_depend_on_order() -> None:
    """Sorted by id, each once."""
    one, two = item("a", 1), item("b", 2)
    assert evidence_set([one, two, one]) == evidence_set([two, one])
    assert evidence_set([one])[1] != evidence_set([two])[1]
