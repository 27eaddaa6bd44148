"""`ProcessTarget`: the `Target` protocol over one environment's supervisor.

`install` may be called by the typing command, since it only writes files by digest; `act` and `observe` belong to the
agent, which holds the project's lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from seaway.digest import Digest
from seaway.errors import NameUnknown, SourceMissing, TargetUnsupported
from seaway.targets.base import Action, Features, JobSeen, Pod, Seen, Version
from seaway.targets.blueprint import Workload
from seaway.targets.process.addresses import ADMIN_PORT
from seaway.targets.process.cells import Cell, CellState
from seaway.targets.process.paths import EnvironmentPaths
from seaway.targets.process.plan import job_state
from seaway.targets.process.record import write_bytes
from seaway.targets.process.spec import numeric_user, secret_path
from seaway.targets.process.store import Installed, Store
from seaway.targets.process.supervisor import SETTLED, Look, Supervisor
from seaway.targets.process.wishes import Versions, Wishes

STALE = 0.2
_LOWEST_PORT = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")

Roots = Callable[[Digest], Path]
Blobs = Callable[[Digest], bytes]


class ProcessTarget:
    """Runs versions of one app in one environment as processes on this machine."""

    name = "process"
    features = Features(weights=True, mirror=False, snapshots=False, finest_weight=1)

    def __init__(self, paths: EnvironmentPaths) -> None:
        self.paths = paths
        self.supervisor = Supervisor(paths)
        self.store: Store = self.supervisor.store
        self._unrouted: dict[tuple[str, str], float] = {}

    def install(self, version: Version, *, roots: Roots | None = None, configs: Blobs | None = None) -> None:
        """Makes a version known with its image roots, configuration and secret values; starts nothing.

        `roots` gives an image's root by its manifest digest, `configs` a configuration's bytes by content digest.
        Raises TargetUnsupported for what cannot run here, SourceMissing for a secret without a value.
        """
        workloads = version.blueprint.workloads
        for workload in workloads:
            _require_runnable(workload)
        known = self.store.installed().get(version.digest)
        found = {each.image: roots(each.image) for each in workloads} if roots else dict(known.roots if known else {})
        for digest in version.blueprint.configs.values():
            if configs and not (self.paths.configs / digest.hex).exists():
                write_bytes(self.paths.configs / digest.hex, configs(digest), mode=0o644)
        self._keep_secrets(version)
        self.store.install(Installed(version, found))

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

    def admin_url(self) -> str:
        """Returns where Envoy's counters are read."""
        return f"http://{self.store.addresses(()).admin}:{ADMIN_PORT}"

    def clusters(self, pod: Pod) -> tuple[str, ...]:
        """Returns the names of a pod's own clusters in Envoy, one a port."""
        return tuple(f"{pod.id}~{front.port}" for front in self.supervisor.look.fronts if front.service == pod.service)

    def exec_command(self, pod: str, argv: tuple[str, ...]) -> list[str]:
        """Returns the command that executes argv in a running pod, for the typing command; raises NameUnknown."""
        for cell in self.supervisor.cells.seen():
            if cell.id == pod and cell.state is CellState.RUNNING:
                return self.supervisor.launcher.enter(cell, argv)
        raise NameUnknown(f'no pod "{pod}" runs here', hint="seaway ps")

    def _keep_secrets(self, version: Version) -> None:
        owner = {mount.source: each for each in version.blueprint.workloads for mount in each.mounts}
        for name, source in version.blueprint.secrets.items():
            path = secret_path(self.paths, version.digest, name)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_bytes(path, _secret_value(name, source), mode=0o400)
            if os.geteuid() == 0 and name in owner:
                os.chown(path, *numeric_user(owner[name]))

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


def _require_runnable(workload: Workload) -> None:
    numeric_user(workload)
    lowest = int(_LOWEST_PORT.read_text()) if _LOWEST_PORT.exists() else 1024
    for port in workload.ports:
        if port.target < lowest:
            raise TargetUnsupported(
                f"{workload.service} listens on port {port.target}, which an ordinary user may not on this machine",
                hint=f"let it listen on {lowest} or above, or: sysctl net.ipv4.ip_unprivileged_port_start=0",
            )
        if port.protocol != "tcp":
            raise TargetUnsupported(
                f"{workload.service} publishes {port.target}/{port.protocol}; the target process carries TCP",
                hint="set target: docker",
            )


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
