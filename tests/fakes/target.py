"""A working place in memory that runs versions, with a clock: what releases are tested on without processes.

It keeps the promises of `seaway.targets.base.Target` (absolute wishes, observation from itself, StaleEpoch) and watches
for outages: at every instant each routed service with requests has a ready pod of every version that has weight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from seaway.digest import Digest
from seaway.errors import StaleEpoch
from seaway.targets.base import (
    Action,
    Features,
    JobSeen,
    Pod,
    Retarget,
    Retire,
    RunJob,
    Scale,
    Seen,
    Shift,
    Version,
)
from seaway.targets.blueprint import Blueprint, Port, Workload


def version(name: str, *, environment: str = "prod", replicas: int = 3, **service_versions: str) -> Version:
    """Makes a version of an app whose services listen; `api="v1"` is service api in version v1."""
    workloads = tuple(
        Workload(service=service, image=Digest.of(text.encode()), replicas=replicas, ports=(Port(8080),))
        for service, text in sorted(service_versions.items())
    )
    blueprint = Blueprint(app="shop", environment=environment, workloads=workloads)
    digest = Digest.of(f"{environment}/{name}".encode())
    return Version(digest, Digest.of(name.encode()), environment, blueprint, service_versions)


@dataclass
class FakeTarget:
    """Pods ready after `start` seconds, weights seen after `lag`, requests drained after `drain`."""

    name: str = "fake"
    features: Features = field(default_factory=Features)
    start: float = 2.0
    lag: float = 0.2
    drain: float = 1.0
    now: float = 0.0
    broken: set[str] = field(default_factory=set)
    faults: tuple[str, ...] = ()
    outages: list[str] = field(default_factory=list)
    acts: list[Action] = field(default_factory=list)
    before_act: Callable[[Action], None] = lambda action: None

    def __post_init__(self) -> None:
        self.versions: dict[Digest, Version] = {}
        self.pods: dict[str, Pod] = {}
        self.shares: dict[str, dict[str, float]] = {}
        self.wished: tuple[float, Mapping[Digest, int]] | None = None
        self.idle: dict[str, float] = {}
        self.stable: Digest | None = None
        self.epoch = 0
        self.made = 0
        self.jobs: tuple[JobSeen, ...] = ()

    def install(self, version: Version) -> None:
        """Makes a version known."""
        self.versions[version.digest] = version

    def run(self, version: Version) -> None:
        """Puts a version there as stable, ready, with all requests: what an earlier release left."""
        self.install(version)
        self.stable = version.digest
        for workload in version.blueprint.workloads:
            service_version = version.service_versions[workload.service]
            for _ in range(workload.replicas):
                self._start(workload.service, service_version, since=self.now - 3600.0)
            self.shares[workload.service] = {service_version: 100.0}
        self.advance(self.now)

    def advance(self, now: float) -> None:
        """Lets time pass: pods become ready, a wished weight is there, requests drain."""
        self.now = now
        for pod in list(self.pods.values()):
            ready = now - pod.since >= self.start and pod.service_version not in self.broken
            self.pods[pod.id] = replace(pod, ready=ready)
        if self.wished is not None and now - self.wished[0] >= self.lag:
            self._route(self.wished[1])
            self.wished = None
        self._watch()

    def observe(self, now: float) -> Seen:
        """Returns what runs."""
        self.advance(now)
        drained = frozenset(name for name, since in self.idle.items() if now - since >= self.drain)
        weights = {service: dict(shares) for service, shares in self.shares.items()}
        return Seen(now, tuple(self.pods.values()), weights, self.stable, self.jobs, drained, self.faults)

    def act(self, action: Action, epoch: int) -> None:
        """Carries out a wish."""
        self.before_act(action)
        if epoch < self.epoch:
            raise StaleEpoch("another agent has taken over")
        self.epoch = epoch
        self.acts.append(action)
        match action:
            case Scale(version, replicas):
                for service, count in replicas.items():
                    self._scale(service, self.versions[version].service_versions[service], count)
            case Shift(weights):
                if self.wished is None or self.wished[1] != weights:
                    self.wished = (self.now, dict(weights))
            case Retarget(version):
                self.stable = version
            case Retire(version):
                self._retire(version)
            case RunJob():
                pass
        self._watch()

    def _scale(self, service: str, service_version: str, count: int) -> None:
        own = [pod for pod in self.pods.values() if (pod.service, pod.service_version) == (service, service_version)]
        for pod in own[count:]:
            del self.pods[pod.id]
        for _ in range(count - len(own)):
            self._start(service, service_version, since=self.now)

    def _start(self, service: str, service_version: str, since: float) -> None:
        self.made += 1
        name = f"{service}-{service_version}-{self.made}"
        self.pods[name] = Pod(name, service, service_version, f"127.64.0.{self.made}", False, since)

    def _retire(self, version: Digest) -> None:
        kept = {(service, name) for digest in self._active() - {version} for service, name in self._services(digest)}
        for service, name in self._services(version):
            if (service, name) not in kept:
                self._scale(service, name, 0)

    def _active(self) -> set[Digest]:
        return {self.stable} if self.stable else set()

    def _services(self, digest: Digest) -> list[tuple[str, str]]:
        return sorted(self.versions[digest].service_versions.items())

    def _route(self, weights: Mapping[Digest, int]) -> None:
        shares: dict[str, dict[str, float]] = {}
        for digest, weight in weights.items():
            for service, name in self._services(digest):
                own = shares.setdefault(service, {})
                own[name] = own.get(name, 0.0) + weight
        for service, new in shares.items():
            whole = sum(new.values())
            if not whole:
                continue
            for name in set(self.shares.get(service, {})) | set(new):
                if new.get(name, 0.0) == 0.0:
                    self.idle.setdefault(name, self.now)
                else:
                    self.idle.pop(name, None)
            self.shares[service] = {name: 100.0 * share / whole for name, share in new.items()}

    def _watch(self) -> None:
        """Notes an outage: requests go to a version that has no ready pod, though it once had."""
        for service, shares in self.shares.items():
            for name, share in shares.items():
                ready = any(
                    pod.ready for pod in self.pods.values() if (pod.service, pod.service_version) == (service, name)
                )
                if share > 0 and not ready and name not in self.broken:
                    self.outages.append(f"{self.now:.1f}: {share:.0f}% of {service} to {name} without a ready pod")
