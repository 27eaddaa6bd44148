"""The replicas of an environment as they lie on disk: a folder each, with spec, records of start and end, and log.

    replica.json  which replica this is, its address, the number of its present run, failures in a row
    spec.json     what the cell executes; written before replica.json names the run (mode 0600: it holds secrets)
    run.json      written by the cell: pid, start time, the program's pid
    end.json      written by the cell, or here when the cell itself was killed

Whoever is killed between two of these, the next look gives the same decision again.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from seaway.errors import StoreError
from seaway.targets.cell.launch import cell_command
from seaway.targets.process.life import Life
from seaway.targets.process.record import make_folder, read_json, write_json

KILLED = 137
NOT_STARTED = 125
HELD = 3


class CellState(StrEnum):
    """Where a replica's present run is."""

    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Replica:
    """One place for one pod: the `slot`-th of a service's version, at its own address."""

    service: str
    service_version: str
    slot: int
    address: str
    job: bool = False
    run: int = 1
    fails: int = 0

    @property
    def id(self) -> str:
        """The pod's id."""
        return f"{self.service}-{self.service_version}-{self.slot}"


@dataclass(frozen=True, slots=True)
class Cell:
    """A replica as found: `since` is the start of the run, `program` the pid of its first process.

    `recorded` is false for an end that no file tells yet.
    """

    replica: Replica
    state: CellState
    since: float = 0.0
    life: Life | None = None
    program: int = 0
    code: int = 0
    asked: bool = False
    ended: float = 0.0
    reason: str = ""
    recorded: bool = True

    @property
    def id(self) -> str:
        """The pod's id."""
        return self.replica.id


class Cells:
    """The cells in one folder; `start` is the only way in, and the lock of each folder makes it safe to repeat."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._children: dict[str, tuple[int, subprocess.Popen[bytes]]] = {}

    def seen(self) -> list[Cell]:
        """Returns what is there, in order of service, version and slot; changes nothing."""
        documents = ((each, read_json(each / "replica.json")) for each in sorted(self.folder.iterdir()))
        cells = [self._look(folder, Replica(**document)) for folder, document in documents if document]
        return sorted(cells, key=lambda cell: (cell.replica.service, cell.replica.service_version, cell.replica.slot))

    def path(self, cell_id: str) -> Path:
        """Returns a replica's folder."""
        return self.folder / cell_id

    def start(self, replica: Replica, spec: dict[str, Any]) -> None:
        """Puts a run on disk and starts its cell in a session of its own; repeating it changes nothing."""
        folder = self.path(replica.id)
        make_folder(folder / "stage")
        write_json(folder / "spec.json", {**spec, "run": replica.run, "directory": str(folder)})
        document = {name: getattr(replica, name) for name in Replica.__slots__}
        write_json(folder / "replica.json", document)
        self._spawn(replica)

    def _spawn(self, replica: Replica) -> None:
        folder = self.path(replica.id)
        with (folder / "cell.err").open("wb") as says:
            child = subprocess.Popen(
                cell_command(folder / "spec.json"),
                stdin=subprocess.DEVNULL,
                stdout=says,
                stderr=says,
                start_new_session=True,
                cwd="/",
            )
        self._children[replica.id] = (replica.run, child)

    def stop(self, cell: Cell) -> None:
        """Asks a cell to stop its program; repeating it does not restart the grace period."""
        if cell.life:
            cell.life.send(signal.SIGTERM)

    def forget(self, cell: Cell) -> None:
        """Removes the folder of a replica that has ended."""
        child = self._children.pop(cell.id, None)
        if child:
            child[1].wait()
        shutil.rmtree(self.path(cell.id), ignore_errors=True)

    def settle(self, cells: Sequence[Cell]) -> None:
        """Writes down the ends that only a look found, and starts again what a killed supervisor left between."""
        for _run, child in self._children.values():
            child.poll()  # no zombies of cells that ended
        for cell in cells:
            if not cell.recorded:
                _write_end(self.path(cell.id), cell)
            elif cell.state is CellState.STARTING and not self._is_under_way(cell.replica):
                self._spawn(cell.replica)

    def _is_under_way(self, replica: Replica) -> bool:
        run, child = self._children.get(replica.id, (0, None))
        return child is not None and run == replica.run and child.poll() is None

    def _look(self, folder: Path, replica: Replica) -> Cell:
        run, end = read_json(folder / "run.json"), read_json(folder / "end.json")
        begun = run is not None and run["run"] == replica.run
        since = float(run["started"]) if run and begun else 0.0
        if end and end["run"] == replica.run:
            return _ended(replica, end, since)
        if run is None or not begun:
            return self._starting(folder, replica)
        life = Life(int(run["pid"]), int(run["start"]))
        if life.alive:
            return Cell(replica, CellState.RUNNING, since, life, int(run["program"]))
        return _lost(folder, replica, since)

    def _starting(self, folder: Path, replica: Replica) -> Cell:
        """A run without a record: under way, or the cell itself failed, unless it began since the last look."""
        run, child = self._children.get(replica.id, (0, None))
        code = child.poll() if child and run == replica.run else None
        if code in (None, HELD) or _has_begun(folder, replica):
            return Cell(replica, CellState.STARTING)
        says = (folder / "cell.err").read_text(errors="replace").strip().splitlines()
        return _unrecorded(replica, NOT_STARTED, says[-1] if says else f"the cell ended with {code}")


def _has_begun(folder: Path, replica: Replica) -> bool:
    run = read_json(folder / "run.json")
    return run is not None and run["run"] == replica.run


def _lost(folder: Path, replica: Replica, since: float) -> Cell:
    end = read_json(folder / "end.json")  # it may have come between the two looks
    if end and end["run"] == replica.run:
        return _ended(replica, end, since)
    return replace(_unrecorded(replica, KILLED, "the cell was killed"), since=since)


def _unrecorded(replica: Replica, code: int, reason: str) -> Cell:
    return Cell(replica, CellState.ENDED, code=code, ended=time.time(), reason=reason, recorded=False)


def _write_end(folder: Path, cell: Cell) -> None:
    end = {"run": cell.replica.run, "code": cell.code, "signal": "", "peak_memory": 0, "asked": False}
    with contextlib.suppress(StoreError):  # on a full disk the next look finds the same again
        write_json(folder / "end.json", {**end, "ended": cell.ended, "reason": cell.reason})


def _ended(replica: Replica, end: dict[str, Any], since: float) -> Cell:
    return Cell(
        replica,
        CellState.ENDED,
        since,
        code=int(end["code"]),
        asked=bool(end["asked"]),
        ended=float(end["ended"]),
        reason=str(end["reason"]),
    )
