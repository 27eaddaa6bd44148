"""What a cluster needs to know of an app beyond its blueprint: where it goes, and what each service may use there.

`Setting.of` reads it from the app; everything after that is a function of blueprint, setting and configuration alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast

from seaway.app.extension import Environment, GatewayKeys
from seaway.app.model import App, Service
from seaway.app.service_keys import ExposeKeys
from seaway.app.units import size
from seaway.errors import NotYet, TargetUnsupported
from seaway.targets.kubernetes.names import label

_SECRETS = ("existing", "direct")


@dataclass(frozen=True, slots=True)
class Amounts:
    """CPU and memory as Kubernetes quantities; empty where nothing is said."""

    cpu: str = ""
    memory: str = ""

    def quantities(self) -> dict[str, object]:
        """Returns what is said, by resource."""
        return {name: value for name, value in (("cpu", self.cpu), ("memory", self.memory)) if value}


@dataclass(frozen=True, slots=True)
class Exposure:
    """How a service is reached from outside: a host, a path, the port behind, seconds for one request."""

    host: str
    path: str
    port: int
    timeout: float


@dataclass(frozen=True, slots=True)
class Place:
    """What a service has on a cluster beside its workload."""

    kind: str = "auto"
    requests: Amounts = Amounts()
    limits: Amounts = Amounts()
    expose: Exposure | None = None
    networks: tuple[str, ...] = ("default",)
    writable: tuple[str, ...] = ()
    read_only: bool = True
    liveness: bool | str = False
    node_selector: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)
    pod_marks: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A named volume on a cluster: its size, class and access mode; `external` is somebody else's claim by name."""

    size: int | None = None
    storage_class: str = ""
    access: str = ""
    external: str = ""


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """Where a secret's value lies on a cluster: the Secret's name and its key."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Setting:
    """An app's place on a cluster: namespace, registry, gateway, services by name, volumes, secrets."""

    namespace: str
    registry: str
    services: Mapping[str, Place]
    volumes: Mapping[str, Claim] = field(default_factory=dict)
    secrets: Mapping[str, SecretPlace] = field(default_factory=dict)
    provider: str = ""
    repositories: Mapping[str, str] = field(default_factory=dict)
    pull_secrets: tuple[str, ...] = ()
    gateway: GatewayKeys | None = None
    version: str = "1.34"

    @classmethod
    def of(cls, app: App, repositories: Mapping[str, str] | None = None) -> Setting:
        """Reads an app's setting; `repositories` are those of images that are not ours, by service.

        Raises TargetUnsupported where something a cluster cannot do without is not said, NotYet for what is to come.
        """
        keys = app.extension
        if keys.registry.push is None:
            raise TargetUnsupported(
                f"{app.name} has no registry that a cluster could pull from",
                where="x-seaway.registry",
                hint="x-seaway: {registry: {push: registry.example/team/app}}",
            )
        return cls(
            namespace=namespace_of(app.name, app.environment),
            registry=keys.registry.push,
            services={name: _place(service) for name, service in sorted(app.services.items())},
            volumes={name: _claim(app, name) for name in sorted(app.volumes)},
            secrets={name: _secret(app, name) for name in sorted(app.secrets)},
            provider=_provider(app),
            repositories=dict(sorted((repositories or {}).items())),
            pull_secrets=tuple(sorted(keys.registry.pull_secrets)),
            gateway=keys.kubernetes.gateway,
            version=keys.kubernetes.version,
        )

    def place(self, service: str) -> Place:
        """Returns a service's place."""
        return self.services.get(service, Place())


def namespace_of(app: str, environment: Environment) -> str:
    """Returns an environment's namespace: `<app>-<environment>` unless it names its own."""
    return environment.namespace or label(f"{app}-{environment.name}")


def _place(service: Service) -> Place:
    keys, compose = service.extension, cast(Mapping[str, Any], service.compose)
    if keys.gpu.count or keys.gpu.dra:
        raise NotYet(f"{service.name} with GPUs on a cluster", hint="use target docker")
    if keys.rbac:
        raise NotYet(
            f"{service.name} with rights on the API server", hint="x-seaway.identity.account: an account of yours"
        )
    if keys.autoscale:
        raise NotYet(f"{service.name} with an autoscaler", hint="deploy: {replicas: N}")
    requests, limits = _amounts(service)
    return Place(
        kind=keys.kind,
        requests=requests,
        limits=limits,
        expose=_exposure(service),
        networks=tuple(sorted(compose.get("networks") or {"default": None})),
        writable=keys.security.writable,
        read_only=compose.get("read_only") is not False,
        liveness=keys.liveness,
        node_selector=dict(sorted(keys.node_selector.items())),
        account=keys.identity.account or "",
        marks=dict(sorted(keys.identity.annotations.items())),
        pod_marks=dict(sorted(keys.identity.labels.items())),
        groups=tuple(int(str(group)) for group in compose.get("group_add") or () if str(group).isdecimal()),
    )


def _exposure(service: Service) -> Exposure | None:
    keys = service.extension.expose
    if not isinstance(keys, ExposeKeys):
        return None
    if keys.protocol != "http":
        raise NotYet(f"{service.name} exposed as {keys.protocol}", hint="x-seaway.expose.protocol: http")
    ports = [int(entry["target"]) for entry in cast(Any, service.compose.get("ports")) or ()]
    port = keys.port or (ports[0] if len(set(ports)) == 1 else None)
    if port is None:
        raise TargetUnsupported(
            f"{service.name} is exposed and has {len(set(ports)) or 'no'} ports",
            where=str(service.where("x-seaway", "expose")),
            hint="x-seaway.expose.port: 8080",
        )
    return Exposure(keys.host or "", keys.path, port, keys.timeout)


def _amounts(service: Service) -> tuple[Amounts, Amounts]:
    compose = cast(Mapping[str, Any], service.compose)
    stated = (compose.get("deploy") or {}).get("resources") or {}
    limits, asked = stated.get("limits") or {}, stated.get("reservations") or {}
    own = service.extension.resources
    memory = compose.get("mem_limit") or limits.get("memory")
    reserved = compose.get("mem_reservation") or asked.get("memory")
    cpu = _cpu(compose) or limits.get("cpus")
    request = Amounts(
        _millis(asked.get("cpus")) or _millis(own.cpu) or _shares(compose),
        quantity(size(reserved) if reserved else own.memory or (size(memory) if memory else None)),
    )
    return request, Amounts(_millis(cpu), quantity(size(memory) if memory else None))


def _cpu(compose: Mapping[str, Any]) -> object:
    if compose.get("cpus"):
        return compose["cpus"]
    quota, period = compose.get("cpu_quota"), compose.get("cpu_period")
    return Fraction(int(quota), int(period or 100_000)) if quota else None


def _shares(compose: Mapping[str, Any]) -> str:
    shares = compose.get("cpu_shares")
    return _millis(Fraction(int(shares), 1024)) if shares else ""


def _millis(value: object) -> str:
    """Returns a number of CPUs as Kubernetes prints it: whole, or in thousandths."""
    if not value:
        return ""
    thousandths = round(Fraction(str(value)) * 1000)
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"


def quantity(amount: int | None) -> str:
    """Returns a number of bytes as a canonical quantity: the largest binary unit that divides it."""
    if amount is None:
        return ""
    for power, unit in ((40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")):
        if amount % (1 << power) == 0:
            return f"{amount >> power}{unit}"
    return str(amount)


def _claim(app: App, name: str) -> Claim:
    volume, keys = app.volumes[name], app.volume_extensions.get(name)
    storage = app.extension.kubernetes.storage
    if volume.get("external"):
        return Claim(external=str(volume.get("name") or name))
    access = (keys.access if keys else None) or ""
    shared = access == "ReadWriteMany" and storage.shared_class
    own = (keys.storage_class if keys else None) or (storage.shared_class if shared else storage.storage_class)
    return Claim(keys.size if keys else None, own or "", access)


def _provider(app: App) -> str:
    return app.environment.secrets.provider if app.environment.secrets else ""


def _secret(app: App, name: str) -> SecretPlace:
    provider = _provider(app)
    if not provider:
        raise TargetUnsupported(
            f'the secret "{name}" has no place on a cluster',
            where=f"x-seaway.environments.{app.environment.name}",
            hint="secrets: {provider: existing}, and a Secret of that name",
        )
    if provider not in _SECRETS:
        raise NotYet(f"secrets by {provider}", hint="secrets: {provider: existing} names Secrets that are there")
    keys = app.secret_extensions.get(name)
    source, _, key = ((keys.source if keys else None) or "").partition("#")
    return SecretPlace(label(source.rpartition("/")[2] or name), key or name)
