"""A power cut after any write of an environment's state: what was acknowledged is there, and what is there is whole.

The writes of a real process are recorded; a model of a disk forgets whatever was not synced. Each sync is needed: with
any one left out there is a cut after which something is lost or torn.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

import pytest

from seaway.digest import Digest
from seaway.errors import SeawayError
from seaway.targets.base import Retarget, Scale, Shift, Version
from seaway.targets.process.cells import Cells, Replica
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.record import read_json
from seaway.targets.process.store import Store
from seaway.targets.process.target import ProcessTarget
from tests.evidence.faults.forgetful import MODES, Disk, Operation, put, recorded, sync_places
from tests.evidence.faults.tracer import run
from tests.targets.world import place, version_of, web

pytestmark = [pytest.mark.rootless, pytest.mark.skipif(shutil.which("strace") is None, reason="strace is missing")]
OPTIONS = ("-xx", "-y", "-s", "1000000", "-e", "trace=openat,lseek,write,pwrite64,/sync,ftruncate,rename,mkdir,unlink")
CONFIG = b"listen: 8000\n"
Cut = tuple[dict[str, bytes | None], int]


class Unstarted(Cells):
    """Cells whose records are written and whose programs are not started: after a cut none runs."""

    def _spawn(self, replica: Replica) -> None:
        pass


@dataclass
class Deeds:
    """What a process does to an environment, one by one; each is acknowledged once it is done."""

    paths: EnvironmentPaths
    secret: Path

    def __post_init__(self) -> None:
        self.old, self.new = (self._version(word) for word in ("one", "two"))

    def _version(self, word: str) -> Version:
        made = version_of(web(word), secrets={"token": {"file": str(self.secret)}})
        return replace(made, blueprint=replace(made.blueprint, configs={"settings": Digest.of(CONFIG)}))

    def each(self) -> list[Callable[[], object]]:
        """Returns the deeds in their order."""
        store, cells = Store(self.paths), Unstarted(self.paths.cells)
        old, new = self.old.digest, self.new.digest
        return [
            lambda: self.install(self.old),
            lambda: store.act(Scale(old, {"web": 2}), 1),
            lambda: store.addresses(("web",)),
            lambda: cells.start(Replica("web", self.old.service_versions["web"], 0, "127.70.1.10"), {"argv": ["a"]}),
            lambda: store.act(Shift({old: 100}), 1),
            lambda: store.act(Retarget(old), 1),
            lambda: self.install(self.new),
            lambda: store.act(Scale(new, {"web": 2}), 2),
            lambda: store.act(Shift({old: 60, new: 40}), 2),
            lambda: cells.start(
                Replica("web", self.old.service_versions["web"], 0, "127.70.1.10", run=2), {"argv": ["b"]}
            ),
            lambda: store.act(Shift({old: 100}), 3),
        ]

    def install(self, version: Version) -> None:
        """Installs a version with its configuration and secret, as a typing command does."""
        target = ProcessTarget(self.paths)
        target.install(version, roots=lambda _digest: Path("/nowhere"), configs=lambda _digest: CONFIG)
        target.supervisor.close()

    def states(self) -> list[dict[str, Any]]:
        """Returns what lies on disk after each deed, as read back by whoever comes next."""
        found = [self.state()]
        for deed in self.each():
            deed()
            found.append(self.state())
        return found

    def state(self) -> dict[str, Any]:
        """Reads everything; raises for what is damaged or incomplete."""
        store = Store(self.paths)
        wishes, installed = store.wishes(), store.installed()
        for digest, each in installed.items():
            assert (self.paths.configs / Digest.of(CONFIG).hex).read_bytes() == CONFIG
            secrets = [path.read_bytes() for path in self.paths.secrets.rglob("token") if digest.hex in str(path)]
            assert secrets == [b"a secret"], f"{each.version.digest.short} has no secret"
        assert set(wishes.active) <= set(installed), "a wish names what is not installed"
        return {
            "wishes": wishes.document(),
            "installed": sorted(str(each) for each in installed),
            "addresses": read_json(self.paths.addresses),
            "runs": [self._run(folder) for folder in sorted(self.paths.cells.glob("*"))],
        }

    def _run(self, folder: Path) -> tuple[str, int]:
        replica, spec = read_json(folder / "replica.json"), read_json(folder / "spec.json")
        if replica is None:
            return folder.name, 0
        assert spec is not None and spec["run"] >= replica["run"], "a replica names a run that has no spec"
        return folder.name, int(replica["run"])


@dataclass
class Recording:
    """What the deeds wrote, and after which write which of them was acknowledged."""

    root: Path
    deeds: Deeds
    operations: list[Operation] = field(default_factory=list)
    expected: list[dict[str, Any]] = field(default_factory=list)

    def record(self, *inject: str) -> None:
        """Does the deeds once under strace, from the first that is not acknowledged on; with `inject` it is killed."""
        path = self.root.parent / "acknowledged"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        begin = len(path.read_bytes().splitlines())

        def act() -> None:
            for number, deed in list(enumerate(self.deeds.each()))[begin:]:
                deed()
                os.write(descriptor, b"%d\n" % number)

        outcome = run(act, self.root.parent / "log", *OPTIONS, *inject)
        os.close(descriptor)
        assert outcome.killed if inject else outcome.status == 0, outcome.status
        self.operations += recorded(outcome.log)

    def read_back(self) -> None:
        """Does the deeds again on an empty disk, to know what each leaves."""
        self._empty()
        self.expected = self.deeds.states()

    def syncs(self) -> list[int]:
        """Returns where the syncs are that make something durable."""
        return [at for at in sync_places(self.operations) if self.has_effect(at)]

    def begin_anew(self) -> None:
        """Forgets what was done."""
        self._empty()
        (self.root.parent / "acknowledged").unlink()
        self.operations = []

    def _empty(self) -> None:
        shutil.rmtree(self.root)
        self.root.mkdir()

    def cuts(self, forgotten: int | None = None) -> Iterator[Cut]:
        """Yields each different state that a cut can leave, with the number of acknowledgements before it."""
        self._empty()
        disk, answers, seen = Disk(self.root, self.root), 0, set()
        for at, operation in enumerate(self.operations):
            if operation.path.endswith("/acknowledged"):
                answers += operation.name == "write"
            elif disk.covers(operation):
                disk.do(operation, synced=at != forgotten)
            for mode in MODES:
                remains = disk.remains(mode)
                state = hash((answers, frozenset(remains.items())))
                if state not in seen:
                    seen.add(state)
                    yield remains, answers

    def has_effect(self, at: int) -> bool:
        """Whether a sync makes durable what no later one does before the next acknowledgement."""
        told = (number for number, each in enumerate(self.operations) if each.path.endswith("/acknowledged"))
        end = next((number for number in told if number > at), len(self.operations))
        return self._durable(end, None) != self._durable(end, at)

    def _durable(self, end: int, forgotten: int | None) -> dict[str, bytes | None]:
        self._empty()
        disk = Disk(self.root, self.root)
        for number, operation in enumerate(self.operations[:end]):
            if disk.covers(operation):
                disk.do(operation, synced=number != forgotten)
        return disk.remains("synced only")

    def fault(self, cut: Cut) -> str:
        """Reads what a cut left; returns what is wrong, empty if nothing acknowledged was lost and all is whole."""
        remains, answers = cut
        self._empty()
        put(remains, self.root)
        try:
            found = self.deeds.state() if self.deeds.paths.folder.is_dir() else self.expected[0]
        except (SeawayError, AssertionError, OSError, KeyError) as error:
            return f"after {answers}: {type(error).__name__}: {error}"
        return self._lost(found, answers)

    def _lost(self, found: dict[str, Any], answers: int) -> str:
        """The deed under way may be there or not; each part stands where it stood before it or after it."""
        before, after = self.expected[answers], self.expected[min(answers + 1, len(self.expected) - 1)]
        for name in ("wishes", "installed", "addresses"):
            if found[name] not in (before[name], after[name]):
                return f"after {answers}: {name} is lost"
        runs = dict(found["runs"])
        lost = [name for name, run in before["runs"] if runs.get(name, 0) < run]
        return f"after {answers}: the run of {lost[0]} is lost" if lost else ""


@pytest.fixture
def fresh(tmp_path: Path) -> Recording:
    """An empty state directory, and deeds that were not done."""
    (tmp_path / "secret").write_bytes(b"a secret")
    root = tmp_path / "state"
    root.mkdir()
    return Recording(root, Deeds(place(root), tmp_path / "secret"))


@pytest.fixture
def recording(fresh: Recording) -> Recording:
    """A recording of all deeds."""
    fresh.record()
    fresh.read_back()
    return fresh


def test_a_power_cut_loses_nothing_acknowledged(recording: Recording) -> None:
    """Whatever unsynced bytes and names are dropped, wherever the cut falls."""
    cuts = list(recording.cuts())
    assert len(cuts) > 50
    assert [fault for cut in cuts if (fault := recording.fault(cut))] == []


def test_a_power_cut_after_a_kill_loses_nothing_either(fresh: Recording) -> None:
    """What a killed process left unsynced is not durable for the one that goes on, until it is synced again."""
    check_killed(fresh, dice().sample(points(fresh), 1))


@pytest.mark.parametrize("name", ["versions/*", "configs/*", "secrets/*", "wishes.json", "addresses.json", "cells/*"])
def test_a_name_that_a_killed_process_left_is_synced_before_it_is_answered_for(fresh: Recording, name: str) -> None:
    """Killed at the sync after the name was made: the next process finds it there, equal, and yet not durable."""
    points(fresh)
    check_killed(fresh, [("fsync", sync_after(fresh.operations, name))])


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_power_cut_after_any_kill_loses_anything(fresh: Recording) -> None:
    """The same for every write at which the first process may be killed."""
    check_killed(fresh, points(fresh))


def test_a_sync_is_needed(recording: Recording) -> None:
    """One of them, drawn anew each time: the lane can turn red."""
    check_needed(recording, dice().sample(recording.syncs(), 1))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_each_sync_is_needed(recording: Recording) -> None:
    """With any one sync left out there is a cut after which something is lost or torn."""
    check_needed(recording, recording.syncs())


def dice() -> random.Random:
    """Returns dice of a seed that a failure shows; `SEAWAY_SEED` throws them again."""
    seed = int(os.environ.get("SEAWAY_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"SEAWAY_SEED={seed}")
    return random.Random(seed)


def points(fresh: Recording) -> list[tuple[str, int]]:
    """Returns each call that changes the state, as (name, how often it was made), and forgets that it was made."""
    fresh.record()
    fresh.read_back()
    counts: Counter[str] = Counter()
    found = []
    for operation in fresh.operations:
        name = "openat" if operation.name == "create" else operation.name
        counts[name] += 1
        if name in ("fsync", "rename", "mkdir"):
            found.append((name, counts[name]))
    return found


def sync_after(operations: list[Operation], name: str) -> int:
    """Returns which sync, counted from 1, follows the last rename or mkdir that made such a name."""
    made = [at for at, each in enumerate(operations) if each.name in ("rename", "mkdir") if _made(each).match(name)]
    return 1 + sum(each.name == "fsync" for each in operations[: made[-1]])


def _made(operation: Operation) -> PurePath:
    return PurePath(operation.other or operation.path)


def check_killed(fresh: Recording, killed: list[tuple[str, int]]) -> None:
    """Kills the process at each point, lets another go on, and cuts the power wherever it may fall."""
    faults = []
    for name, count in killed:
        fresh.begin_anew()
        fresh.record("-e", f"inject={name}:signal=KILL:when={count}")
        fresh.record()
        faults += [f"{name} {count}: {fault}" for cut in list(fresh.cuts()) if (fault := fresh.fault(cut))]
    assert faults == []


def check_needed(recording: Recording, places: list[int]) -> None:
    """Leaves out one sync after the other and looks for a cut that loses something."""
    needless = []
    for at in places:
        if not any(recording.fault(cut) for cut in list(recording.cuts(forgotten=at))[::-1]):
            needless.append(f"{at}: {recording.operations[at].name} {recording.operations[at].path}")
    assert needless == []
