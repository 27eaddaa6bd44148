"""Runs one command to its end in the image of a service, beside what runs: suites, load scripts, `seaway run`.

The cell is made like a replica's, with the service's volumes, names and user, in a folder that the supervisor does not
look at; it is at no front, nobody restarts it, and it is removed when it has ended.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from seaway.errors import LimitExceeded, NameUnknown
from seaway.targets.blueprint import Mount, Workload
from seaway.targets.process.addresses import FIRST_REPLICA, LAST, Addresses
from seaway.targets.process.cells import Cell, Cells, CellState, Replica
from seaway.targets.process.launcher import Launcher
from seaway.targets.process.logs import LogLine, Logs
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.plan import Start, Wanted
from seaway.targets.process.store import Installed, Store

OUTPUT = "/run/output"
TIMED_OUT = 124


@dataclass(frozen=True, slots=True)
class _Apart(EnvironmentPaths):
    """The same environment, with a folder of cells of its own."""

    @property
    def cells(self) -> Path:
        """Cells that nobody supervises."""
        return self.folder / "once"


@dataclass(frozen=True, slots=True)
class Errand:
    """What to run: `environment` over the service's; files the command leaves in `OUTPUT` go to `output`."""

    service: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    output: Path | None = None
    seconds: float = 900.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: the exit code (124 after a time-out), and what was written."""

    code: int
    lines: tuple[LogLine, ...]

    @property
    def timed_out(self) -> bool:
        """Whether it was stopped because its time was over."""
        return self.code == TIMED_OUT


def run_once(paths: EnvironmentPaths, installed: Installed, errand: Errand) -> Outcome:
    """Runs an errand and waits for its end; raises NameUnknown for a service that the version lacks."""
    apart = _Apart(paths.folder, paths.app, paths.environment)
    apart.cells.mkdir(parents=True, exist_ok=True, mode=0o700)
    cells = Cells(apart.cells)
    start = _start(paths, installed, errand)
    Launcher(apart, cells).start(start, installed, Store(paths).addresses(()))
    try:
        cell = _wait(cells, start.replica.id, errand.seconds)
        lines = tuple(line for line in Logs(apart.cells).lines() if line.pod == start.replica.id)
        return Outcome(TIMED_OUT if cell is None else cell.code, lines)
    finally:
        _remove(cells, start.replica.id)


def _start(paths: EnvironmentPaths, installed: Installed, errand: Errand) -> Start:
    version = installed.version
    found = {each.service: each for each in version.blueprint.workloads}
    if errand.service not in found:
        raise NameUnknown(f'the version has no service "{errand.service}"', hint=" or ".join(sorted(found)))
    workload = errand_workload(found[errand.service], errand)
    address = _address(paths, Store(paths).addresses((errand.service,)), errand.service)
    name = version.service_versions[errand.service]
    replica = Replica(errand.service, name, int(secrets.randbits(24)), address, job=True)
    return Start(Wanted(workload, name, version, 1), replica)


def errand_workload(workload: Workload, errand: Errand) -> Workload:
    """Returns the workload that runs an errand: the service's, with its command, at no port and without a check."""
    mounts = workload.mounts
    if errand.output is not None:
        mounts = (*mounts, Mount("bind", str(errand.output), OUTPUT))
    return replace(
        workload,
        kind="job",
        command=errand.command,
        environment={**workload.environment, **errand.environment},
        mounts=mounts,
        ports=(),
        probe=None,
        replicas=1,
    )


def _address(paths: EnvironmentPaths, addresses: Addresses, service: str) -> str:
    """Returns the highest free address of the service: replicas take the lowest."""
    folders = (paths.cells, paths.folder / "once")
    taken = {cell.replica.address for folder in folders if folder.is_dir() for cell in Cells(folder).seen()}
    for last in range(LAST, FIRST_REPLICA, -1):
        address = addresses.front(service).rpartition(".")[0] + f".{last}"
        if address not in taken:
            return address
    raise LimitExceeded(f"{service} has no free address", hint="scale it down")


def _wait(cells: Cells, cell_id: str, seconds: float) -> Cell | None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        cell = _found(cells, cell_id)
        if cell is not None and cell.state is CellState.ENDED:
            return cell
        time.sleep(0.05)
    return None


def _found(cells: Cells, cell_id: str) -> Cell | None:
    return next((cell for cell in cells.seen() if cell.id == cell_id), None)


def _remove(cells: Cells, cell_id: str) -> None:
    cell = _found(cells, cell_id)
    if cell is not None and cell.state is not CellState.ENDED:
        cells.stop(cell)
        _wait(cells, cell_id, 15.0)
    if cell is not None:
        cells.forget(cell)
    shutil.rmtree(cells.path(cell_id), ignore_errors=True)
