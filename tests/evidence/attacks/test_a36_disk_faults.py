"""Disk faults: full, short, a failed sync (`faults/`), and bits that rot in the journal before it is replayed."""

from __future__ import annotations

import resource
import signal

import pytest

from seaway.errors import LedgerUnavailable
from seaway.evidence.files import FileLedger
from seaway.evidence.ledger import Signed
from tests.evidence.refused import refused
from tests.evidence.world import World, refusal

pytestmark = pytest.mark.rootless


def test_a_short_write_is_taken_back(world: World) -> None:
    """The journal hits a size limit within a record: it is cut back, nothing is acknowledged, and it goes on."""
    world.found().close()
    with FileLedger.take(world.place.ledger, world.place.origin, clock=world.clock) as ledger:
        before = ledger._journal.path.read_bytes()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 500, hard))
        try:
            with refused(LedgerUnavailable, "nothing was recorded: File too large", 33):
                ledger.append([Signed.by(world.owner, refusal())])
            assert ledger._journal.path.read_bytes() == before
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, handler)
        assert ledger.append([Signed.by(world.owner, refusal())])[0].index == 1


def test_after_a_failure_past_the_commit_only_a_new_open_goes_on(world: World) -> None:
    """The tile's directory is in the way: the deed is durable, unacknowledged, and found by the next open."""
    world.found().close()
    blocked = world.place.ledger / "tile/0/000.p/2"
    ledger = FileLedger.take(world.place.ledger, world.place.origin, clock=world.clock)
    blocked.mkdir()
    signed = Signed.by(world.owner, refusal())
    with refused(LedgerUnavailable, "nothing was acknowledged", 33):
        ledger.append([signed])
    with refused(LedgerUnavailable, "open the ledger anew", 33):
        ledger.append([signed])
    ledger.close()
    blocked.rmdir()
    with FileLedger.take(world.place.ledger, world.place.origin, clock=world.clock) as ledger:
        (answer,) = ledger.append([signed])
        assert (answer.index, answer.known) == (1, True)
