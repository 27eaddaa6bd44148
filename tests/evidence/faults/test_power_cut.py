"""A power cut after any write: what was acknowledged is there; and each sync in the store is needed for that."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from seaway.digest import Digest
from seaway.errors import SeawayError
from seaway.evidence.inspection import verify_ledger
from seaway.evidence.memory import Memory
from tests.evidence.faults.forgetful import MODES, Disk, Operation, put, recorded, sync_places
from tests.evidence.faults.scenarios import STATES, prepare, write
from tests.evidence.faults.tracer import Outcome, run
from tests.evidence.world import World, refusal

pytestmark = [pytest.mark.rootless, pytest.mark.skipif(shutil.which("strace") is None, reason="strace is missing")]
_OPTIONS = (
    "-xx",
    "-y",
    "-s",
    "1000000",
    "-e",
    "trace=openat,lseek,write,pwrite64,/sync,ftruncate,rename,mkdir,unlink,rmdir",
)
# A crashed store's template counts as durable, so what its replay writes again cannot be seen missing.
_OBSERVABLE = [name for name in STATES if name != "crashed"]
Cut = tuple[dict[str, bytes | None], int]


@dataclass
class Recording:
    """What a writer did from a prepared state on, and which acknowledgements it had got when."""

    world: World
    template: Path
    operations: list[Operation] = field(default_factory=list)
    acknowledged: list[tuple[int, str]] = field(default_factory=list)

    def record(self) -> None:
        """Runs the writer once and keeps its operations."""
        prepare(self.template, self.world)
        assert self.go_on().status == 0
        assert len(self.acknowledged) >= 3

    def record_killed(self, name: str, count: int) -> None:
        """Runs a writer that is killed at a call, then one that goes on; what was not synced is not durable."""
        prepare(self.template, self.world)
        self.operations, self.acknowledged = [], []
        assert self.go_on("-e", f"inject={name}:signal=KILL:when={count}").killed
        assert self.go_on().status == 0

    def go_on(self, *inject: str) -> Outcome:
        """Runs the writer on what is there, and adds what it did and what was acknowledged to it."""
        path = self.world.root.parent / "acknowledged"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        outcome = run(lambda: write(self.world, descriptor), self.world.root.parent / "log", *_OPTIONS, *inject)
        os.close(descriptor)
        self.operations += recorded(outcome.log)
        lines = [line.split() for line in path.read_text().splitlines()]
        self.acknowledged += [(int(index), name) for index, name in lines]
        return outcome

    def points(self) -> list[tuple[str, int]]:
        """Returns the calls at which the recorded writer may be killed, as (name, how often it was made)."""
        counts: Counter[str] = Counter()
        found = []
        for operation in self.operations:
            counts[operation.name] += 1
            if operation.name in ("fsync", "fdatasync", "rename", "unlink", "mkdir"):
                found.append((operation.name, counts[operation.name]))
        return found

    def cuts(self, forgotten: int | None = None) -> Iterator[Cut]:
        """Yields each different state a cut can leave, with the number of acknowledgements before it."""
        disk, answers, seen = Disk(self.world.root, self.template), 0, set()
        for place, operation in enumerate(self.operations):
            if operation.path.endswith("/acknowledged"):
                answers += operation.name == "write"
            elif disk.covers(operation):
                disk.do(operation, synced=place != forgotten)
            for mode in MODES:
                remains = disk.remains(mode)
                state = hash((answers, frozenset(remains.items())))
                if state not in seen:
                    seen.add(state)
                    yield remains, answers

    def fault(self, cut: Cut) -> str:
        """Opens what a cut left; returns what is wrong, empty if nothing acknowledged was lost."""
        remains, answers = cut
        shutil.rmtree(self.world.root)
        put(remains, self.world.root)
        try:
            return self._check(self.acknowledged[:answers])
        except SeawayError as error:
            return f"{type(error).__name__}: {error}"

    def _check(self, acknowledged: list[tuple[int, str]]) -> str:
        remembered = Memory(self.world.place.memory).read()
        if acknowledged and (remembered is None or remembered.open().size <= acknowledged[-1][0]):
            return "the memory is behind an acknowledgement"
        with self.world.open() as notary:
            for index, name in acknowledged:
                if [entry.index for entry in notary.ledger.entries(statement=Digest(name))] != [index]:
                    return f"leaf {index} is lost"
            if notary.people.head is not None:
                notary.append(refusal(999), self.world.owner)
        return "; ".join(map(str, verify_ledger(self.world.place.ledger).problems))


@pytest.fixture(params=list(STATES))
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> Recording:
    """A recording from each state."""
    world = World(tmp_path / "world")
    world.root.mkdir()
    STATES[request.param](world)
    shutil.copytree(world.root, tmp_path / "template")
    made = Recording(world, tmp_path / "template")
    made.record()
    return made


def test_a_power_cut_loses_nothing_acknowledged(recording: Recording) -> None:
    """A sample of all cuts, drawn anew each time."""
    cuts = list(recording.cuts())
    assert [fault for cut in random.sample(cuts, 8) if (fault := recording.fault(cut))] == []


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_power_cut_loses_anything_acknowledged(recording: Recording) -> None:
    """Whatever unsynced bytes and names are dropped, wherever the cut falls."""
    assert [fault for cut in recording.cuts() if (fault := recording.fault(cut))] == []


def check_killed(recording: Recording, killed: list[tuple[str, int]], cuts: int) -> None:
    """Kills the writer at each point, lets another go on, and cuts the power at so many places of both."""
    faults = []
    for name, count in killed:
        recording.record_killed(name, count)
        every = list(recording.cuts())
        chosen = random.sample(every, min(len(every), cuts))
        faults += [f"{name} {count}: {fault}" for cut in chosen if (fault := recording.fault(cut))]
    assert faults == []


@pytest.mark.parametrize("recording", ["closed"], indirect=True)
def test_a_power_cut_after_a_kill_loses_nothing_acknowledged(recording: Recording) -> None:
    """What a killed writer left unsynced is synced by the next before it is acknowledged."""
    check_killed(recording, random.sample(recording.points(), 2), cuts=8)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_power_cut_after_any_kill_loses_anything(recording: Recording) -> None:
    """The same for every state and every third call at which the first writer may be killed."""
    check_killed(recording, recording.points()[random.randrange(3) :: 3], cuts=40)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("recording", _OBSERVABLE, indirect=True)
def test_each_sync_is_needed(recording: Recording) -> None:
    """With any one sync left out there is a cut after which something is lost."""
    check_needed(recording, sync_places(recording.operations))


@pytest.mark.parametrize("recording", ["closed"], indirect=True)
def test_the_commits_sync_is_needed(recording: Recording) -> None:
    """The same for the sync of the journal alone: the lane can turn red."""
    places = sync_places(recording.operations)
    check_needed(recording, [next(at for at in places if "/journal/" in recording.operations[at].path)])


def check_needed(recording: Recording, places: list[int]) -> None:
    """Leaves out one sync after the other and looks for a cut that loses something."""
    needless = []
    for place in places:
        cuts = reversed(list(recording.cuts(forgotten=place)))
        if not any(recording.fault(cut) for cut in cuts):
            needless.append(f"{place}: {recording.operations[place].name} {recording.operations[place].path}")
    assert needless == []
