"""`services.<name>.x-seaway` and the blocks beside volumes, secrets, networks and models, as frozen dataclasses.

Defaults are those of model.md, section 2, and image.md, section 2. What a key leads to is decided by the room
that reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from seaway.app.keys import INHERITS, later
from seaway.app.reading import Bytes, Seconds, Unreadable
from seaway.app.release_keys import CostKeys, ObserveKeys, ReleaseKeys, ResourceKeys, SloKeys


@dataclass(frozen=True, slots=True)
class BaseKeys:
    """The base of an image; exactly one of: `image` (a reference), `oci` (layout:tag), `rootfs`, `apt`, `build`."""

    image: str | None = None
    oci: str | None = None
    rootfs: str | None = None
    apt: str | None = None
    build: str | None = None

    @staticmethod
    def shorthand(value: object) -> object:
        """Reads `python:3.12-slim` and `apt:debian/bookworm`."""
        if isinstance(value, str):
            return {"apt": value.removeprefix("apt:")} if value.startswith("apt:") else {"image": value}
        if isinstance(value, Mapping) and len(value) == 1:
            return value
        raise Unreadable("one base: a reference, apt:debian/<suite>, or {oci|rootfs|build: …}")

    @staticmethod
    def spellings(long: dict[str, Any]) -> dict[str, Any]:
        """Returns the JSON Schema of what `shorthand` reads."""
        return {"anyOf": [{"type": "string"}, {**long, "minProperties": 1, "maxProperties": 1}]}


@dataclass(frozen=True, slots=True)
class ModelLayerKeys:
    """Model files of an image: from a path or a name in `references`."""

    source: str = field(metadata={"key": "from"})
    placed: Literal["layer", "claim", "volume"] = field(default="layer", metadata={"key": "as"})


@dataclass(frozen=True, slots=True)
class DataLayerKeys:
    """Data of an image, a layer of its own."""

    source: str = field(metadata={"key": "from"})
    kind: Literal["data", "prompt"] = later("data")


@dataclass(frozen=True, slots=True)
class LayerKeys:
    """How an image is cut into layers."""

    budget: int = 40
    own: tuple[str, ...] = ()
    together: tuple[tuple[str, ...], ...] = ()
    gzip: Literal["members", "single"] = "members"


@dataclass(frozen=True, slots=True)
class ImageKeys:
    """`x-seaway.image`; with `base` the native builder builds, else a Dockerfile or a pinned image.

    `platforms` empty: the service's `platform`, else where the lock was first made. `cmd` None: the service's
    `command` in the base compose file.
    """

    base: BaseKeys | None = None
    packages: tuple[str, ...] = ()
    lock: str | None = None
    platforms: tuple[str, ...] = ()
    cmd: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, ModelLayerKeys] = field(default_factory=dict)
    data: Mapping[str, DataLayerKeys] = field(default_factory=dict)
    layers: LayerKeys = LayerKeys()
    winner: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobKeys:
    """A job's schedule (cron), time zone, retries, deadline and how long its record is kept, in seconds."""

    schedule: str | None = later(None)
    timezone: str = later("UTC")
    retries: int = 0
    deadline: Seconds | None = later(None)
    keep: Seconds = later(86400.0)


@dataclass(frozen=True, slots=True)
class SnapshotKeys:
    """What is saved before a migration: a command, or volume snapshots of a class."""

    command: tuple[str, ...] = later(())
    snapshot_class: str | None = later(None, key="class")
    volumes: tuple[str, ...] = later(())


@dataclass(frozen=True, slots=True)
class StateKeys:
    """Whether one replica alone may write the volumes; None: worked out from the app."""

    single_writer: bool | None = None


@dataclass(frozen=True, slots=True)
class ExposeKeys:
    """How a service is reached from outside a cluster; `port` None: the only one."""

    host: str | None = None
    path: str = "/"
    protocol: Literal["http", "grpc", "tcp"] = "http"
    port: int | None = None
    tls: str | None = later(None)
    timeout: Seconds = 60.0
    body: Bytes = later(8 << 20)


@dataclass(frozen=True, slots=True)
class QueryKeys:
    """A metric query that scales a service, and its target a replica."""

    query: str
    target: float


@dataclass(frozen=True, slots=True)
class AutoscaleKeys:
    """Bounds and signals of an autoscaler; cpu and memory in percent of the request."""

    min: int = later(1)
    max: int = later(1)
    cpu: float | None = later(None)
    memory: float | None = later(None)
    queries: Mapping[str, QueryKeys] = later({})
    idle: bool = later(False)


@dataclass(frozen=True, slots=True)
class GpuKeys:
    """GPUs of a service; `count` is required where Compose says `all`."""

    count: int | None = None
    product: str | None = later(None)
    memory: Bytes | None = later(None)
    dra: bool = False


@dataclass(frozen=True, slots=True)
class TolerationKeys:
    """A Kubernetes toleration."""

    key: str | None = None
    operator: Literal["Exists", "Equal"] = "Exists"
    value: str | None = None
    effect: str | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class IdentityKeys:
    """Workload identity: marks on the service account and pods, or an existing account."""

    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    account: str | None = None


@dataclass(frozen=True, slots=True)
class ExceptionKeys:
    """Leave for something unsafe or lossy; all three are required, `until` is a date."""

    reason: str
    owner: str
    until: str


@dataclass(frozen=True, slots=True)
class SecurityKeys:
    """Pod security of a service; `uid` None: the image's."""

    level: Literal["restricted", "baseline", "privileged"] = later("restricted")
    uid: int | None = None
    writable: tuple[str, ...] = ()
    userns: bool = later(False)
    exceptions: Mapping[str, ExceptionKeys] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DataKeys:
    """A store a service uses; `pool` connections a replica, `load` operations a second at peak."""

    uri: str
    mode: Literal["read", "write"] = "read"
    identity: str | None = None
    pool: int | None = later(None)
    load: float | None = later(None)


@dataclass(frozen=True, slots=True)
class ServiceExtension:
    """`services.<name>.x-seaway`, defaults filled; release, observe and cost are the app's, key by key overridden."""

    image: ImageKeys = ImageKeys()
    kind: Literal["auto", "service", "stateful", "daemon", "job", "external"] = "auto"
    owner: str | None = later(None)
    job: JobKeys = JobKeys()
    migration: Literal["reversible", "expand-only", "blocking"] | None = None
    undo: tuple[str, ...] | None = None
    snapshot: SnapshotKeys | None = None
    state: StateKeys = later(StateKeys())
    expose: ExposeKeys | Literal["none"] | None = None
    autoscale: AutoscaleKeys | None = None
    resources: ResourceKeys = field(default_factory=ResourceKeys, metadata=INHERITS)
    gpu: GpuKeys = GpuKeys()
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: Mapping[str, TolerationKeys] = later({})
    liveness: bool | str = False
    waits: bool = later(False)
    egress: tuple[str, ...] | Literal["none"] | None = later(None)
    sandbox: bool = False
    identity: IdentityKeys = IdentityKeys()
    security: SecurityKeys = SecurityKeys()
    rbac: tuple[object, ...] = ()
    secret_env: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, DataKeys] = field(default_factory=dict)
    slo: SloKeys | None = None
    uses: tuple[str, ...] = ()
    accept: Mapping[str, ExceptionKeys] = field(default_factory=dict)
    release: ReleaseKeys = field(default_factory=ReleaseKeys, metadata={**INHERITS, "later": True})
    observe: ObserveKeys = field(default_factory=ObserveKeys, metadata=INHERITS)
    cost: CostKeys | None = field(default=None, metadata=INHERITS)


@dataclass(frozen=True, slots=True)
class VolumeExtension:
    """`volumes.<name>.x-seaway`; `size` is required on a cluster, `access` None: worked out from the app."""

    size: Bytes | None = None
    storage_class: str | None = field(default=None, metadata={"key": "class"})
    access: str | None = None
    retain: bool = later(True)


@dataclass(frozen=True, slots=True)
class SecretExtension:
    """`secrets.<name>.x-seaway`: the path in the provider, and how old the secret may get, in seconds."""

    source: str | None = None
    rotate: Seconds | None = later(None)


@dataclass(frozen=True, slots=True)
class NetworkExtension:
    """`networks.<name>.x-seaway`: declared egress, and other apps reached over an external network."""

    egress: tuple[str, ...] | Literal["none"] | None = later(None)
    peers: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelExtension:
    """`models.<name>.x-seaway`: what serves the model on a target."""

    bind: Literal["external", "vllm", "llama.cpp", "kserve"] | None = None
    url: str | None = later(None)
    key: str | None = later(None)
    reference: str | None = later(None)
    weights: Literal["claim", "volume"] = later("claim")
