"""Containers as a supervisor's replicas: found by their labels, made, stopped, asked.

The engine restarts what its policy lets it, so an app outlives agent and machine restarts; a run that the supervisor
begins is a new container, whose labels carry its number. A container that was created and never started is what a
killed supervisor left: it is made anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from seaway.targets.blueprint import Workload
from seaway.targets.docker.api import EngineApi, EngineRefused
from seaway.targets.docker.archive import files_archive
from seaway.targets.docker.document import Placing, container_document
from seaway.targets.docker.files import files_of
from seaway.targets.docker.names import REPLICA, Names, read_replica
from seaway.targets.docker.network import Network
from seaway.targets.docker.session import attend, run_quietly
from seaway.targets.docker.times import moment
from seaway.targets.docker.volumes import Volumes, remove
from seaway.targets.process.addresses import Places
from seaway.targets.process.cells import Cell, CellState, Replica
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.plan import Start
from seaway.targets.process.store import Installed

_KEPT_UP = ("always", "unless-stopped")


class Containers:
    """The replicas of one environment on an engine."""

    shares_network = False

    def __init__(self, api: EngineApi, paths: EnvironmentPaths) -> None:
        self.api = api
        self.paths = paths
        self.names = Names.of(paths)
        self.network = Network(api, self.names, paths)
        self._volumes = Volumes(api, self.names, paths)
        self._stops: dict[str, Future[None]] = {}
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="stop")

    @property
    def says(self) -> str:
        """Which engine it is."""
        return f"Docker Engine {self.api.get('/version')['Version']}"

    def places(self, services: Sequence[str]) -> Places:
        """Returns addresses on the environment's network, which is made if services need it."""
        return self.network.places(services)

    def seen(self) -> list[Cell]:
        """Returns what is there, in order of service, version and slot; changes nothing."""
        listed = self.api.get("/containers/json", all=1, filters=self.names.filters(REPLICA))
        cells = [cell for entry in listed if (cell := self._look(str(entry["Id"])))]
        return sorted(cells, key=lambda cell: (cell.replica.service, cell.replica.service_version, cell.replica.slot))

    def settle(self, cells: Sequence[Cell]) -> None:
        """Removes what was created and never started; the next look finds it missing."""
        self._stops = {name: stop for name, stop in self._stops.items() if not stop.done()}
        for cell in cells:
            if cell.state is CellState.STARTING and not cell.since and not cell.reason:
                self.forget(cell)

    def start(self, start: Start, installed: Installed, addresses: Places) -> None:
        """Creates a container, puts its files in, and starts it; what was there under its name goes first."""
        replica, workload = start.replica, start.wanted.workload
        if not replica.address:
            taken = [cell.replica.address for cell in self.seen()]
            replica = replace(replica, address=addresses.replica(replica.service, taken))
        placing = Placing(installed.version, installed.images, self.names)
        self.create(workload, replica, container_document(workload, replica, placing), placing)
        self.begin(replica.id)

    def create(self, workload: Workload, replica: Replica, document: Mapping[str, Any], placing: Placing) -> None:
        """Creates a replica's container with volumes and files, in place of any of its name."""
        name = self.names.container(replica.id)
        self._volumes.make(workload, str(document["Image"]))
        remove(self.api, name)
        self.api.post("/containers/create", document, name=name)
        files = files_archive(files_of(workload, placing.version, self.paths))
        self.api.send("PUT", f"/containers/{name}/archive", files, path="/")

    def begin(self, replica_id: str) -> None:
        """Starts a container that was created; a program that cannot be executed has ended, which a look tells."""
        try:
            self.api.post(f"/containers/{self.names.container(replica_id)}/start")
        except EngineRefused:
            cell = self._look(self.names.container(replica_id))
            if cell is None or cell.state is not CellState.ENDED:
                raise

    def stop(self, cell: Cell) -> None:
        """Asks the engine to stop a container within its grace period, and does not wait."""
        if cell.id not in self._stops and cell.state is not CellState.ENDED:
            self._stops[cell.id] = self._pool.submit(self._stop, cell.id)

    def forget(self, cell: Cell) -> None:
        """Removes a container."""
        remove(self.api, self.names.container(cell.id))

    def asks(self, cell: Cell, argv: Sequence[str], seconds: float) -> bool:
        """Tells whether a command in a container ends with 0 in time."""
        return run_quietly(self.api, self.names.container(cell.id), argv, seconds) == 0

    def attend(self, cell: Cell, argv: Sequence[str]) -> int:
        """Runs a command in a container on this terminal and returns its exit code."""
        return attend(self.api, self.names.container(cell.id), argv)

    def _stop(self, cell_id: str) -> None:
        try:
            self.api.post(f"/containers/{self.names.container(cell_id)}/stop", seconds=600.0)
        except EngineRefused as error:
            if error.status not in (304, 404):
                raise

    def _look(self, container: str) -> Cell | None:
        try:
            return read_cell(self.api.get(f"/containers/{container}/json"))
        except EngineRefused as error:
            if error.status == 404:  # removed since the list was made
                return None
            raise


def read_cell(document: Mapping[str, Any]) -> Cell:
    """Reads what the engine says of a container."""
    state, labels = document["State"], document["Config"]["Labels"]
    replica = read_replica(labels, int(document.get("RestartCount", 0)))
    since, ended = moment(state["StartedAt"]), moment(state["FinishedAt"])
    status, code, says = str(state["Status"]), int(state["ExitCode"]), str(state.get("Error") or "")
    if status in ("running", "paused", "removing"):
        return Cell(replica, CellState.RUNNING, since, program=int(state["Pid"]))
    if status == "restarting":
        return Cell(replica, CellState.STARTING, since, reason=f"ended with {code}")
    if status == "created" and not says:
        return Cell(replica, CellState.STARTING)
    policy = str(document["HostConfig"]["RestartPolicy"]["Name"])
    reason = "out of memory" if state.get("OOMKilled") else says
    # The engine keeps these running, so one that is not running was stopped by somebody.
    asked = policy in _KEPT_UP and not says
    return Cell(
        replica, CellState.ENDED, since, code=code or (127 if says else 0), asked=asked, ended=ended, reason=reason
    )
