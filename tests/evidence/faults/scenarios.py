"""What the faulted processes do: stores in four states, and a writer that says what was acknowledged to it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from seaway.digest import Digest
from seaway.evidence.notary import Notary
from seaway.evidence.progress import Refusal
from seaway.evidence.statement import Statement
from tests.evidence.world import START, World, refusal


def big(number: int) -> Statement:
    """Returns a deed whose envelope is a blob of its own."""
    rules = (f"{number}" + "x" * 300_000,)
    value = Refusal(verb="promote", environment="prod", rules=rules, person="p-alice", at=START)
    return value.about(Digest.of(b"big"))


def nothing(world: World) -> None:
    """Leaves the place empty, but for the directories a user has anyway."""
    for directory in (world.place.data, world.place.state):
        directory.parent.mkdir(parents=True, exist_ok=True)


def closed(world: World) -> None:
    """Leaves a ledger with two leaves, rolled."""
    with world.found() as notary:
        notary.append(refusal(0), world.owner)


def crashed(world: World) -> None:
    """Leaves a ledger whose writer died with two batches since its last roll."""
    closed(world)
    notary = world.open()
    notary.append(refusal(10), world.owner)
    notary.append(big(11), world.owner)
    _abandon(notary)


def nearly_full(world: World) -> None:
    """Leaves 255 leaves: the next one fills a tile, an entry bundle and begins a level."""
    with world.found() as notary:
        notary.append_all([(refusal(number), world.owner) for number in range(254)])


STATES: dict[str, Callable[[World], None]] = {
    "nothing": nothing,
    "closed": closed,
    "crashed": crashed,
    "nearly full": nearly_full,
}


def _abandon(notary: Notary) -> None:
    """Drops a notary as a SIGKILL would: descriptors close, nothing else happens."""
    ledger = notary.ledger
    ledger._journal.close()  # type: ignore[attr-defined]
    ledger._lock.release()  # type: ignore[attr-defined]


def prepare(template: Path, world: World) -> None:
    """Puts a fresh copy of a prepared state where the world expects it."""
    shutil.rmtree(world.root, ignore_errors=True)
    shutil.copytree(template, world.root)


def write(world: World, acknowledged: int) -> None:
    """Founds or opens, appends three deeds and closes; each acknowledgement is one line into a descriptor."""
    fresh = not (world.place.ledger / "checkpoint").exists()
    with world.found() if fresh else world.open() as notary:
        if fresh and notary.people.head:
            os.write(acknowledged, f"0 {notary.people.head.hex}\n".encode())
        for deed in (refusal(100), big(101), refusal(102)):
            answer = notary.append(deed, world.owner)
            os.write(acknowledged, f"{answer.index} {answer.id.hex}\n".encode())
