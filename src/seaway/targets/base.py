"""The protocol between a release and the place where the app runs.

A `Version` is the app rendered for one environment. A service whose rendered content is equal in two versions has
the same `service_version` (10 hex digits) and the same pods; only what differs is forked. Actions are absolute
wishes: repeating one changes nothing, so a process killed anywhere does the same work again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from seaway.digest import Digest
from seaway.targets.blueprint import Blueprint


@dataclass(frozen=True, slots=True)
class Version:
    """Bundle x environment: the rendered app; `digest` is the SHA-256 of the blueprint's canonical JSON."""

    digest: Digest
    bundle: Digest
    environment: str
    blueprint: Blueprint
    service_versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pod:
    """One replica as observed; `address` is where it listens, `since` when it started (seconds since the epoch)."""

    id: str
    service: str
    service_version: str
    address: str
    ready: bool
    since: float
    restarts: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job's run as observed: `state` is running, succeeded or failed."""

    name: str
    version: Digest
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a target observes at one instant.

    `weights[service][service_version]` is the observed share of requests in percent; `stable` the version that owns
    the traffic; `drained` the service versions that have had no request in flight since their weight became 0.
    """

    at: float
    pods: tuple[Pod, ...]
    weights: Mapping[str, Mapping[str, float]]
    stable: Digest | None = None
    jobs: tuple[JobSeen, ...] = ()
    drained: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scale:
    """Wish: exactly this many pods of a version, by service; services left out are untouched."""

    version: Digest
    replicas: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Shift:
    """Wish: this share of requests, in percent summing to 100, to each version."""

    weights: Mapping[Digest, int]


@dataclass(frozen=True, slots=True)
class Retarget:
    """Wish: this version is stable from now on."""

    version: Digest


@dataclass(frozen=True, slots=True)
class Retire:
    """Wish: no pod runs that only this version needs; its configuration stays while it is pinned."""

    version: Digest


@dataclass(frozen=True, slots=True)
class RunJob:
    """Wish: this job of a version has run once to its end."""

    version: Digest
    job: str


Action = Scale | Shift | Retarget | Retire | RunJob


@dataclass(frozen=True, slots=True)
class Features:
    """What a target can do; `expand` refuses a strategy that needs more.

    `by_pods` are the services whose share of requests is that of their pods: no finer, and no other.
    """

    weights: bool = True
    mirror: bool = False
    snapshots: bool = False
    finest_weight: int = 1
    names: frozenset[str] = field(default_factory=frozenset)
    by_pods: frozenset[str] = field(default_factory=frozenset)


class Target(Protocol):
    """A place that runs versions of one app in one environment."""

    name: str
    features: Features

    def install(self, version: Version) -> None:
        """Makes a version known and its image roots and configuration present; starts nothing."""

    def observe(self, now: float) -> Seen:
        """Returns what runs, from the place itself, never from memory of wishes."""

    def act(self, action: Action, epoch: int) -> None:
        """Carries out a wish; idempotent; may be interrupted anywhere; a lower epoch than seen raises StaleEpoch."""
