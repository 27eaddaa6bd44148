"""`x-seaway`, the block beside the compose model: one frozen dataclass a block, defaults filled.

The dataclasses are the schema: an unknown key is SW-101 with the nearest name, a value of another form SW-103, a
missing required key SW-104. Here: the top level, and the functions that read every block of a loaded model. The
blocks beside services, volumes, secrets, networks and models are in `service_keys`, `release` and `observe` in
`release_keys`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from seaway.app.keys import later
from seaway.app.reading import Reader, Seconds, Unreadable
from seaway.app.release_keys import CostKeys, LoadKeys, ObserveKeys, ReleaseKeys
from seaway.app.service_keys import ServiceExtension
from seaway.app.tree import Path

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ContextKeys:
    """A cluster of an environment: its wave and region."""

    wave: int = later(1)
    region: str | None = later(None)


@dataclass(frozen=True, slots=True)
class SecretsKeys:
    """Where secrets come from on a cluster."""

    provider: Literal["external-secrets", "csi", "sealed", "sops", "existing", "direct"]
    store: str | None = later(None)


@dataclass(frozen=True, slots=True)
class GateKeys:
    """What opens the way into an environment; `approvals` by title, the empty title is anyone; times in seconds."""

    pack: str = later("default")
    rules: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    approvals: int | Mapping[str, int] = 1
    soak: Seconds = later(86400.0, off=0.0)
    parity: bool = later(True, off=False)
    admission: Literal["audit", "enforce"] = "audit"


@dataclass(frozen=True, slots=True)
class Environment:
    """A name in `x-seaway.environments`: its overrides, its target, its gates; `name` is filled by the loader.

    `env_file` None is Compose's `.env` where there is one. `contexts` may be written as a list: a wave each.
    """

    name: str = field(default="", metadata={"key": None})
    target: Literal["process", "docker", "kubernetes"] = "process"
    files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    env_file: tuple[str, ...] | None = None
    region: str | None = later(None)
    contexts: Mapping[str, ContextKeys] = field(default_factory=lambda: {"current": ContextKeys()})
    namespace: str | None = None
    secrets: SecretsKeys | None = None
    gates: GateKeys | None = None

    @staticmethod
    def shorthand(value: object) -> object:
        """Reads a list of contexts as a wave each, and an empty environment."""
        if value is None:
            return {}
        if isinstance(value, Mapping) and isinstance(value.get("contexts"), list):
            waves = {str(context): {"wave": wave} for wave, context in enumerate(value["contexts"], 1)}
            return {**value, "contexts": waves}
        return value

    @staticmethod
    def spellings(long: dict[str, Any]) -> dict[str, Any]:
        """Returns the JSON Schema of what `shorthand` reads."""
        listed = {"type": "array", "items": {"type": ["string", "number"]}}
        contexts = long["properties"]["contexts"]
        contexts["anyOf"] = [*contexts["anyOf"], listed]
        return {"anyOf": [long, {"type": "null"}]}


@dataclass(frozen=True, slots=True)
class SuiteKeys:
    """A test suite: a command run in the image of `service` (None: where one types) against the running bundle."""

    command: tuple[str, ...] = ()
    kind: Literal["test", "eval", "contract"] = "test"
    service: str | None = None
    junit: str | None = None
    scores: str | None = None
    dataset: str | None = None
    thresholds: Mapping[str, str] = field(default_factory=dict)
    timeout: Seconds = 900.0


@dataclass(frozen=True, slots=True)
class LedgerKeys:
    """The ledger: its origin (None: `<app>.local`), its server (None: the user's data directory), and pins."""

    origin: str | None = None
    url: str | None = later(None)
    key: str | None = None
    genesis: str | None = None


@dataclass(frozen=True, slots=True)
class PullSecretKeys:
    """A registry credential: existing, or from the provider."""

    source: str | None = later(None)


@dataclass(frozen=True, slots=True)
class RegistryKeys:
    """Where images go (None: the local layout) and may come from; `legacy` writes cosign's tags too."""

    push: str | None = None
    allowed: tuple[str, ...] = later(())
    pull_secrets: Mapping[str, PullSecretKeys] = field(default_factory=dict)
    legacy: bool = later(False)


@dataclass(frozen=True, slots=True)
class ReferenceKeys:
    """Something an app depends on besides images: data, a model, a prompt; `residency` empty is anywhere."""

    kind: Literal["data", "model", "prompt", "index", "profile", "layout", "prices"]
    uri: str
    digest: str | None = None
    licence: str | None = None
    personal: bool = False
    residency: tuple[str, ...] = later(())


@dataclass(frozen=True, slots=True)
class GatewayKeys:
    """A Gateway of Gateway API."""

    name: str
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class StorageKeys:
    """Storage classes; None is the cluster's own."""

    storage_class: str | None = field(default=None, metadata={"key": "class"})
    shared_class: str | None = None


@dataclass(frozen=True, slots=True)
class ClusterNetworkKeys:
    """What is known of a cluster's network; None is not known."""

    enforced: bool | None = None
    dns: object = None
    cidrs: tuple[str, ...] | None = None
    metadata: tuple[str, ...] = ()
    metrics: str | None = None


@dataclass(frozen=True, slots=True)
class KubernetesKeys:
    """`x-seaway.kubernetes`: what is known of the clusters, and patches by name."""

    version: str = "1.34"
    features: tuple[str, ...] = ()
    gateway: GatewayKeys | None = None
    ingress_class: str | None = later(None)
    storage: StorageKeys = StorageKeys()
    network: ClusterNetworkKeys = later(ClusterNetworkKeys())
    runtime_classes: Mapping[str, str] = field(default_factory=dict)
    patches: Mapping[str, object] = later({})


@dataclass(frozen=True, slots=True)
class Extension:
    """The `x-seaway` block at the top, defaults filled; `environments` keeps its order, the order of promotion.

    `defaults` is what a service without a block of its own has; `written` says whether there is a block at all.
    """

    version: int = 1
    owner: str | None = None
    roots: tuple[str, ...] = ()
    environments: Mapping[str, Environment] = field(default_factory=lambda: {"dev": Environment("dev")})
    risk: Literal["normal", "high"] = "normal"
    release: ReleaseKeys = field(default_factory=ReleaseKeys)
    suites: Mapping[str, SuiteKeys] = field(default_factory=dict)
    load: LoadKeys | None = None
    observe: ObserveKeys = field(default_factory=ObserveKeys)
    ledger: LedgerKeys = LedgerKeys()
    registry: RegistryKeys = RegistryKeys()
    cost: CostKeys | None = None
    needs: Mapping[str, object] = later({})
    team: Mapping[str, object] = later({})
    kubernetes: KubernetesKeys = KubernetesKeys()
    defaults: ServiceExtension = field(default_factory=ServiceExtension)
    references: Mapping[str, ReferenceKeys] = field(default_factory=dict)
    written: bool = field(default=False, metadata={"key": None})


def read_top(value: object, reader: Reader, environments: Mapping[str, Environment] | None = None) -> Extension:
    """Reads the block at the top; None, no block, gives the defaults; `environments` are those read before."""
    if value is None:
        return Extension()
    path: Path = ("x-seaway",)
    try:
        block = dict(_mapping(value))
        defaults = block.pop("defaults", None)
        if "version" not in block:
            reader.report("SW-104", '"version" is missing', path, 'add "version: 1": an old file never changes meaning')
        top = reader.block(Extension, block, path)
        return _completed(top if environments is None else replace(top, environments=environments), defaults, reader)
    except Unreadable as problem:
        reader.report("SW-103", f"the block is not {problem}", path, None)
        return Extension()


def _completed(top: Extension, defaults: object, reader: Reader) -> Extension:
    path: Path = ("x-seaway",)
    if top.version != 1:
        reader.report(
            "SW-103", f"version {top.version} is not known", (*path, "version"), "this seaway reads version 1"
        )
    environments = {name: replace(each, name=name) for name, each in top.environments.items() if each is not None}
    if top.owner is None and any(each.gates for each in environments.values()):
        reader.report("SW-104", '"owner" is missing, and there are gates', path, 'add "owner: <who answers>"')
    inherited = ServiceExtension(release=top.release, observe=top.observe, cost=top.cost)
    filled = read_service(defaults, inherited, (*path, "defaults"), reader)
    return replace(top, environments=environments, defaults=filled, written=True)


def read_service(value: object, defaults: ServiceExtension, path: Path, reader: Reader) -> ServiceExtension:
    """Reads a service's block over the app's defaults."""
    return read_beside(ServiceExtension, value, path, reader, over=defaults)


def read_beside(kind: type[T], value: object, path: Path, reader: Reader, *, over: T | None = None) -> T:
    """Reads a block beside a service, volume, secret, network or model; None gives the defaults."""
    if value is None:
        return kind() if over is None else over
    try:
        return reader.block(kind, value, path, over)
    except Unreadable as problem:
        reader.report("SW-103", f"the block is not {problem}", path, None)
        return kind() if over is None else over


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise Unreadable("a mapping")
    return value
