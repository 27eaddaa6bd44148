"""The one intermediate form that targets run or render: an app, lowered, with images by digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seaway.digest import Digest


@dataclass(frozen=True, slots=True)
class Port:
    """A port a workload listens on; `published` is the host's port, or None; `host` the host address to bind."""

    target: int
    protocol: str = "tcp"
    published: int | None = None
    host: str = "127.0.0.1"
    http: bool = True


@dataclass(frozen=True, slots=True)
class Mount:
    """Something mounted at `path`: kind volume (named), bind (host path), tmpfs, config or secret (source = name)."""

    kind: str
    source: str
    path: str
    read_only: bool = False
    size: int | None = None
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """A health check as Compose states it; durations in seconds; `test` begins with CMD or CMD-SHELL."""

    test: tuple[str, ...]
    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3
    start_period: float = 0.0
    start_interval: float = 5.0


@dataclass(frozen=True, slots=True)
class Dependency:
    """A service this one waits for: condition service_started, service_healthy or service_completed_successfully."""

    service: str
    condition: str = "service_started"
    required: bool = True


@dataclass(frozen=True, slots=True)
class Workload:
    """One service, lowered. `command` is the full argument vector the image's entrypoint and command resolve to.

    `knobs` are keys of Compose that only an engine understands, by path and as written (`docker/knobs.py`).
    """

    service: str
    image: Digest
    kind: str = "service"
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secret_environment: Mapping[str, str] = field(default_factory=dict)
    working_directory: str = "/"
    user: str = "65532:65532"
    replicas: int = 1
    ports: tuple[Port, ...] = ()
    mounts: tuple[Mount, ...] = ()
    probe: Probe | None = None
    depends_on: tuple[Dependency, ...] = ()
    restart: str = "no"
    stop_signal: str = "SIGTERM"
    stop_grace: float = 10.0
    init: bool = False
    memory_limit: int | None = None
    hostname: str = ""
    aliases: tuple[str, ...] = ()
    references: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    knobs: Mapping[str, Any] = field(default_factory=dict, metadata={"where": "written"})


@dataclass(frozen=True, slots=True)
class Blueprint:
    """An app lowered for one environment: workloads by service, configs by content digest, volume names."""

    app: str
    environment: str
    workloads: tuple[Workload, ...]
    volumes: tuple[str, ...] = ()
    configs: Mapping[str, Digest] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
