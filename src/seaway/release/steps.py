"""What a release does, in order: frozen steps, and the two versions they move between.

Pods are given by service, weights in whole percent of requests for the canary. Not here: which steps a strategy has
(`strategy`), which state a step enters (`machine`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from seaway.digest import Digest
from seaway.release.evidence import Spec
from seaway.targets.base import Seen, Version


class Until(StrEnum):
    """When a Judge step is over: no regression for a while, or every criterion certified."""

    WATCHED = "watched"
    CERTIFIED = "certified"


class WayBack(StrEnum):
    """How stable can be reached again: warm pods, pods to start, a job to undo, a snapshot, or not at all."""

    INSTANT = "instant"
    SLOW = "slow"
    UNDO = "undo"
    RESTORE = "restore"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Saves a volume before a migration."""

    volume: str


@dataclass(frozen=True, slots=True)
class Migrate:
    """Runs a job of the canary once to its end."""

    job: str


@dataclass(frozen=True, slots=True)
class Update:
    """Updates services in place: watched, not split."""

    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepare:
    """Has this many canary pods ready, by service."""

    pods: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Mirror:
    """Sends a copy of this share of requests to the canary."""

    share: int


@dataclass(frozen=True, slots=True)
class Shift:
    """Sends this share of requests to the canary."""

    weight: int


@dataclass(frozen=True, slots=True)
class Judge:
    """Watches for `watch` seconds and 200 canary requests, or until certified; `otherwise` after `at_most` seconds."""

    until: Until
    watch: float = 60.0
    at_most: float = 1800.0
    otherwise: str = "hold"


@dataclass(frozen=True, slots=True)
class Wait:
    """Lets the canary bake at 100 %."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Approve:
    """Waits for a person with this title."""

    by: str


@dataclass(frozen=True, slots=True)
class Retarget:
    """Makes the canary stable."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Waits until the old version has no request in flight; `seconds` is the deadline."""

    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Retire:
    """Leaves this many pods of the old version, by service; None retires it."""

    left: Mapping[str, int] | None = None


Step = Snapshot | Migrate | Update | Prepare | Mirror | Shift | Judge | Wait | Approve | Retarget | Drain | Retire


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two versions of a release: its digest, its services' versions, the pods each service needs.

    `routed` are the services that listen, so that a share of requests can be observed; `images` their digests; `bundle`
    is what it was rendered from, None where that is not recorded.
    """

    digest: Digest
    services: Mapping[str, str]
    replicas: Mapping[str, int]
    routed: frozenset[str] = frozenset()
    images: Mapping[str, str] = field(default_factory=dict)
    bundle: Digest | None = None

    @classmethod
    def of(cls, version: Version) -> Party:
        """Reads a rendered version; jobs are no pods to keep."""
        workloads = [workload for workload in version.blueprint.workloads if workload.kind == "service"]
        return cls(
            version.digest,
            {workload.service: version.service_versions[workload.service] for workload in workloads},
            {workload.service: workload.replicas for workload in workloads},
            frozenset(workload.service for workload in workloads if workload.ports),
            {workload.service: str(workload.image) for workload in workloads},
            version.bundle,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A release as it was shown before it began: nothing in it changes while it runs.

    `release` only grows in an environment. A step's deadlines in seconds: `ready_within` for pods, `stuck_after` for a
    weight, `return_within` for the way back. `place` names the target, `budgets` the seconds of a judged service's
    latency beyond which a request is bad.
    """

    release: int
    environment: str
    bundle: Digest
    canary: Party
    stable: Party | None
    steps: tuple[Step, ...]
    judge: Spec
    ready_within: float = 600.0
    stuck_after: float = 60.0
    return_within: float = 600.0
    place: str = ""
    budgets: Mapping[str, float] = field(default_factory=dict)

    @property
    def forked(self) -> Mapping[str, str]:
        """Returns the canary's services that differ from stable, with their versions."""
        stable = self.stable.services if self.stable else {}
        return {name: version for name, version in self.canary.services.items() if stable.get(name) != version}

    @property
    def replaced(self) -> Mapping[str, str]:
        """Returns stable's services that the canary lacks or has in another version."""
        stable = self.stable.services if self.stable else {}
        return {name: version for name, version in stable.items() if self.canary.services.get(name) != version}

    @property
    def split(self) -> tuple[str, ...]:
        """Returns the services that both versions have, each its own, between which requests are split."""
        return tuple(sorted(set(self.forked) & set(self.replaced)))

    def routes(self, seen: Seen, services: Iterable[str]) -> tuple[str, ...]:
        """Returns those of the services that have requests to share: what listens, and what is observed to."""
        return tuple(name for name in services if name in self.canary.routed or name in seen.weights)
