"""SIGKILL at every call that changes the disk: nothing acknowledged is lost, nothing forks, the next append goes on."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from seaway.digest import Digest
from seaway.evidence.inspection import verify_ledger
from tests.evidence.faults.scenarios import STATES, prepare, write
from tests.evidence.faults.tracer import Outcome, run
from tests.evidence.world import World, refusal

pytestmark = [pytest.mark.rootless, pytest.mark.skipif(shutil.which("strace") is None, reason="strace is missing")]


@dataclass
class Bench:
    """One prepared state and the writer that is faulted on it."""

    world: World
    template: Path

    def fault(self, *options: str) -> tuple[Outcome, list[tuple[int, str]]]:
        """Runs the writer on a fresh copy under strace; returns its end and what was acknowledged to it."""
        prepare(self.template, self.world)
        path = self.world.root.parent / "acknowledged"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            outcome = run(lambda: write(self.world, descriptor), self.world.root.parent / "strace.log", *options)
        finally:
            os.close(descriptor)
        lines = [line.split() for line in path.read_text().splitlines()]
        return outcome, [(int(index), name) for index, name in lines]

    def recovers(self, acknowledged: list[tuple[int, str]]) -> None:
        """Opens the store again: every acknowledged deed is at its leaf, a new one follows, all bytes are right."""
        with self.world.open() as notary:
            if notary.people.head is None:
                return
            for index, name in acknowledged:
                (entry,) = notary.ledger.entries(statement=Digest(name))
                assert entry.index == index
            before = notary.ledger.size
            assert notary.append(refusal(999), self.world.owner).index == before
        report = verify_ledger(self.world.place.ledger)
        assert report.problems == []


@pytest.fixture(params=list(STATES))
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A state, prepared once and copied for each fault."""
    world = World(tmp_path / "world")
    world.root.mkdir()
    STATES[request.param](world)
    shutil.copytree(world.root, tmp_path / "template")
    yield Bench(world, tmp_path / "template")


def test_no_call_is_unlisted(bench: Bench) -> None:
    """Each kind of system call the writer makes is known to change the disk or not to."""
    outcome, acknowledged = bench.fault()
    assert outcome.status == 0 and len(acknowledged) >= 3
    assert outcome.unlisted() == set()


def check_kills(bench: Bench, step: int) -> None:
    """The writer dies at every `step`-th point in turn, from a random one on."""
    points = bench.fault()[0].points()
    start = random.randrange(step)
    print(f"{len(points)} points from {start} by {step}: {sorted({name for name, _ in points})}")
    for name, count in points[start::step]:
        outcome, acknowledged = bench.fault("-e", f"inject={name}:signal=KILL:when={count}")
        assert outcome.killed, (name, count, outcome.status)
        bench.recovers(acknowledged)


def test_killed_at_a_write(bench: Bench) -> None:
    """A part of all points, drawn anew each time."""
    check_kills(bench, 40)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_killed_at_every_write(bench: Bench) -> None:
    """All points."""
    check_kills(bench, 1)


def check_errors(bench: Bench, calls: str, error: str) -> None:
    """Each of these calls fails in turn: the writer is told, or it did not matter; nothing acknowledged is lost."""
    points = [(name, count) for name, count in bench.fault()[0].points() if name in calls.split()]
    for name, count in random.sample(points, min(len(points), 2)):
        _, acknowledged = bench.fault("-e", f"inject={name}:error={error}:when={count}")
        bench.recovers(acknowledged)


def test_a_full_disk_loses_nothing(bench: Bench) -> None:
    """ENOSPC at a write, a directory or a rename."""
    check_errors(bench, "write mkdir rename", "ENOSPC")


def test_a_failed_sync_loses_nothing(bench: Bench) -> None:
    """EIO at a sync: the store stops, the next open recovers into new files."""
    check_errors(bench, "fsync fdatasync", "EIO")
