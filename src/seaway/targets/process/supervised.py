"""What every target with a supervisor does alike: wishes in, observations out.

`act` and `observe` belong to the agent, which holds the project's lock. Not here: how a version is installed, which
differs by engine (`target.py`, `targets/docker/target.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from seaway.digest import Digest
from seaway.errors import EngineUnavailable, SourceError, SourceMissing
from seaway.http import Client
from seaway.targets.base import Action, Features, JobSeen, Pod, Seen, Version
from seaway.targets.process.addresses import ADMIN_PORT
from seaway.targets.process.admin import PATIENCE
from seaway.targets.process.cells import Cell, CellState
from seaway.targets.process.engine import Engine
from seaway.targets.process.logs import LogReader, Logs
from seaway.targets.process.once import Errand, Outcome, run_once
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.plan import job_state
from seaway.targets.process.record import make_folder, sync_folder, write_bytes
from seaway.targets.process.spec import secret_path
from seaway.targets.process.store import Installed, Store
from seaway.targets.process.supervisor import SETTLED, Look, Supervisor
from seaway.targets.process.wishes import Versions, Wishes

STALE = 0.2
_LARGEST = 16 << 20

Blobs = Callable[[Digest], bytes]


class SupervisedTarget:
    """Runs versions of one app in one environment, kept by a supervisor."""

    name = ""
    one_proxy = True  # whether one Envoy stands before all services
    features = Features(weights=True, mirror=False, snapshots=False, finest_weight=1)

    def __init__(self, paths: EnvironmentPaths, engine: Engine | None = None) -> None:
        self.paths = paths
        self.supervisor = Supervisor(paths, engine)
        self.store: Store = self.supervisor.store
        self._unrouted: dict[tuple[str, str], float] = {}

    def install(self, version: Version) -> None:
        """Makes a version known and its images and configuration present; starts nothing."""
        raise NotImplementedError

    def observe(self, now: float) -> Seen:
        """Returns what runs, from cells, processes and Envoy; takes a turn first when the last look is old."""
        look = self.supervisor.look
        if not 0 <= now - look.at < STALE:
            look = self.supervisor.turn(now)
        wishes = self.store.wishes()
        return Seen(
            at=look.at,
            pods=tuple(_pod(cell, look) for cell in look.cells if _is_pod(cell, look)),
            weights=_weights(look),
            stable=wishes.stable,
            jobs=tuple(_jobs(look, wishes, self._versions())),
            drained=self._drained(look, wishes),
            faults=tuple(look.faults),
        )

    def act(self, action: Action, epoch: int) -> None:
        """Stores a wish, which the next turns meet; raises StaleEpoch, NameUnknown, UsageError or OutageRefused."""
        self.store.act(action, epoch)
        self.supervisor.look.at = 0.0

    def logs(self) -> LogReader:
        """Returns what the replicas wrote."""
        return Logs(self.paths.cells)

    def run_once(self, installed: Installed, errand: Errand) -> Outcome:
        """Runs a command to its end in the image of a service, beside what runs; raises NameUnknown."""
        return run_once(self.paths, installed, errand)

    def read_proxy(self, service: str, path: str) -> bytes:  # noqa: ARG002  # one Envoy stands before all services
        """Returns what a service's Envoy answers on its administration interface; raises SourceError."""
        url = f"http://{self.store.addresses(()).admin}:{ADMIN_PORT}{path}"
        try:
            answer = self._client.get(url, limit=_LARGEST)
        except EngineUnavailable as error:
            raise SourceError(str(error), where=path) from error
        if answer.status != 200:
            raise SourceError(f"envoy answered {answer.status}", where=path)
        return answer.body

    @cached_property
    def _client(self) -> Client:
        return Client(error=EngineUnavailable, tries=1, timeout=PATIENCE)

    def keep_configs(self, version: Version, configs: Blobs | None) -> None:
        """Keeps the bytes of a version's configuration by digest."""
        for digest in version.blueprint.configs.values():
            path = self.paths.configs / digest.hex
            if path.exists():
                sync_folder(path.parent)  # whoever wrote it may have been killed before the sync
            elif configs:
                write_bytes(path, configs(digest), mode=0o644)

    def keep_secrets(self, version: Version) -> dict[str, Path]:
        """Keeps the present values of a version's secrets, and returns where; raises SourceMissing."""
        kept = {}
        for name, source in version.blueprint.secrets.items():
            path = kept[name] = secret_path(self.paths, version.digest, name)
            make_folder(path.parent)
            write_bytes(path, _secret_value(name, source), mode=0o400)
        return kept

    def _versions(self) -> Versions:
        return {digest: each.version for digest, each in self.store.installed().items()}

    def _drained(self, look: Look, wishes: Wishes) -> frozenset[str]:
        """Returns the service versions without weight and without a request in flight for a little while."""
        weights, busy = _weights(look), _in_flight(look)
        fronted = {front.service for front in look.fronts}
        versions = self._versions()
        idle: dict[tuple[str, str], float] = {}
        for service in {name for version in versions.values() for name in version.service_versions}:
            for version in versions.values():
                name = version.service_versions.get(service)
                if name is None or wishes.share(service, versions).get(name) or busy.get((service, name)):
                    continue
                if service not in fronted or not weights.get(service, {}).get(name):
                    idle[(service, name)] = self._unrouted.get((service, name), look.at)
        self._unrouted = idle
        waiting = {name for service, name in idle if look.at - idle[(service, name)] < SETTLED and service in fronted}
        return frozenset(name for _, name in idle if name not in waiting)


def _secret_value(name: str, source: Mapping[str, str]) -> bytes:
    if path := source.get("file"):
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise SourceMissing(f'secret "{name}" cannot be read: {error.strerror}', where=path) from error
    variable = source.get("environment", "")
    if variable not in os.environ:
        raise SourceMissing(f'secret "{name}" has no value: {variable} is not set', hint=f"export {variable}=…")
    return os.environ[variable].encode()


def _is_pod(cell: Cell, look: Look) -> bool:
    if cell.replica.job:
        return False
    return cell.state is not CellState.ENDED or cell.id in look.plan.held


def _pod(cell: Cell, look: Look) -> Pod:
    ended = f"ended with {cell.code}" if cell.state is CellState.ENDED else ""
    return Pod(
        id=cell.id,
        service=cell.replica.service,
        service_version=cell.replica.service_version,
        address=cell.replica.address,
        ready=cell.id in look.ready,
        since=cell.since,
        restarts=cell.replica.run - 1,
        reason=": ".join(each for each in (ended, cell.reason) if each),
    )


def _weights(look: Look) -> dict[str, dict[str, float]]:
    """Returns the percent of each service version, from the routes Envoy accepted; what is not routed has none."""
    pods = {cell.id: cell.replica.service_version for cell in look.cells}
    found: dict[str, dict[str, float]] = {}
    for front in look.fronts:
        if front.service not in found:
            routed = look.view.weights.get(front.name, {})
            by_pod = {name.rpartition("~")[0]: weight for name, weight in routed.items()}
            found[front.service] = _percent({pods[pod]: 0 for pod in by_pod if pod in pods}, by_pod, pods)
    return found


def _percent(start: Mapping[str, int], by_pod: Mapping[str, int], pods: Mapping[str, str]) -> dict[str, float]:
    sums = dict(start)
    for pod, weight in by_pod.items():
        if pod in pods:
            sums[pods[pod]] = sums.get(pods[pod], 0) + weight
    total = sum(sums.values())
    return {name: 100.0 * weight / total for name, weight in sums.items()} if total else {}


def _in_flight(look: Look) -> dict[tuple[str, str], int]:
    busy: dict[tuple[str, str], int] = {}
    for cell in look.cells:
        key = (cell.replica.service, cell.replica.service_version)
        busy[key] = busy.get(key, 0) + look.view.active.get(cell.replica.address, 0)
    return busy


def _jobs(look: Look, wishes: Wishes, versions: Versions) -> list[JobSeen]:
    """Returns each job's run once for every active version that holds it unchanged."""
    found = []
    for cell in (cell for cell in look.cells if cell.replica.job):
        wanted = next((each for each in look.wanted if each.holds(cell)), None)
        for digest in wishes.active:
            names = versions[digest].service_versions if digest in versions else {}
            if names.get(cell.replica.service) == cell.replica.service_version:
                found.append(JobSeen(cell.replica.service, digest, job_state(cell, wanted), cell.reason))
    return found
