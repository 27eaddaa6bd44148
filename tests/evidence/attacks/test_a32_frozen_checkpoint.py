"""An old checkpoint is shown again, so that a revocation after it stays unseen."""

from __future__ import annotations

import pytest

from seaway.errors import EvidenceInvalid, LedgerForked
from seaway.evidence.inspection import verify_ledger
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


def test_a_checkpoint_behind_the_memory_is_refused(world: World) -> None:
    """A reader remembers more, a writer's journal knows more."""
    world.found().close()
    path = world.place.ledger / "checkpoint"
    old = path.read_bytes()
    with world.open() as notary:
        notary.append(refusal(), world.owner)
    path.write_bytes(old)
    with refused(LedgerForked, "has 1 leaves and had 2", 32):
        world.read()
    with refused(LedgerForked, "of another log", 32):
        world.open()
    assert {problem.file for problem in verify_ledger(world.place.ledger).problems} >= {"checkpoint"}


def test_a_checkpoint_of_another_origin_is_refused(world: World) -> None:
    """Even under the right key."""
    with world.found() as notary:
        signer = notary.ledger._signer  # type: ignore[attr-defined]
        other = type(signer)("other.local", signer._key).sign(*notary.ledger.checkpoint.head)
    (world.place.ledger / "checkpoint").write_bytes(other.note)
    with refused(EvidenceInvalid, "is of other.local", 30):
        world.read()


def test_a_memory_that_was_changed_is_not_believed(world: World) -> None:
    """Not read as empty either."""
    world.found().close()
    path = world.place.memory
    path.write_bytes(path.read_bytes().replace(b'"genesis":"sha256:', b'"genesis": "sha256:'))
    with refused(EvidenceInvalid, "was changed", 30):
        world.read()
    path.write_bytes(b"")
    with refused(EvidenceInvalid, "not strict JSON", 30):
        world.read()
