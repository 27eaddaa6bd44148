"""A shop of every kind of workload, as blueprint and setting, for the tests of rendering."""

from __future__ import annotations

from dataclasses import replace

from seaway.app.extension import GatewayKeys
from seaway.digest import Digest
from seaway.targets.base import Version
from seaway.targets.blueprint import Blueprint, Dependency, Mount, Port, Probe, Workload
from seaway.targets.kubernetes.render import Rendered, render, version_of
from seaway.targets.kubernetes.setting import Amounts, Claim, Exposure, Place, SecretPlace, Setting
from seaway.targets.kubernetes.store import Installed

IMAGE = Digest.of(b"the image of the tests")
API = Workload(
    service="api",
    image=IMAGE,
    command=("python", "-m", "app", "$(HOME)"),
    environment={"ANSWER": "yes", "LEVEL": "1e3"},
    secret_environment={"TOKEN": "token"},
    replicas=3,
    ports=(Port(8080),),
    mounts=(
        Mount("config", "prompt", "/app/prompt.txt", read_only=True),
        Mount("tmpfs", "", "/cache", size=64 << 20),
        Mount("volume", "index", "/index", read_only=True),
    ),
    probe=Probe(("CMD-SHELL", "true"), interval=5, timeout=0.5, start_period=30, start_interval=0.5),
    depends_on=(Dependency("db", "service_healthy"), Dependency("migrate", "service_completed_successfully")),
    restart="always",
    memory_limit=512 << 20,
    aliases=("front_end",),
)
WORKER = Workload("worker", IMAGE, command=("work",), mounts=(Mount("volume", "index", "/index"),), restart="always")
DB = Workload(
    "db",
    IMAGE,
    command=("serve",),
    user="999:999",
    ports=(Port(5432, http=False),),
    mounts=(Mount("secret", "token", "/run/secrets/token", read_only=True), Mount("volume", "pg", "/data")),
    restart="always",
)
MIGRATE = Workload("migrate", IMAGE, kind="job", command=("migrate",), restart="on-failure:2")
SHOP = Blueprint("shop", "prod", (API, DB, MIGRATE, WORKER), volumes=("index", "pg"))
CONFIGS = {"prompt": b"answer briefly\n"}
SETTING = Setting(
    namespace="shop-prod",
    registry="registry.example/shop",
    services={
        "api": Place(
            requests=Amounts("100m", "256Mi"),
            limits=Amounts("1", "512Mi"),
            expose=Exposure("shop.example", "/", 8080, 60.0),
            networks=("back", "front"),
        ),
        "db": Place(networks=("back",)),
    },
    volumes={"index": Claim(1 << 30), "pg": Claim(20 << 30, "fast")},
    secrets={"token": SecretPlace("shop-token", "value")},
    provider="existing",
    gateway=GatewayKeys("edge", "gateway"),
)


def rendered(blueprint: Blueprint = SHOP, setting: Setting = SETTING) -> Rendered:
    """Renders the shop, or another app, with the shop's configuration."""
    return render(blueprint, setting, CONFIGS)


def installed(*workloads: Workload, setting: Setting = SETTING) -> Installed:
    """Returns a version of these workloads, installed."""
    made = render(replace(SHOP, workloads=workloads), setting, CONFIGS)
    plain = Version(Digest.of(b""), Digest.of(b"bundle"), "prod", replace(SHOP, workloads=workloads), {})
    return Installed.of(version_of(plain, made), made)


def exposed(version: Version) -> Installed:
    """Returns a version whose service `web` stands behind a gateway, so that its share may be any percent."""
    places = {"web": Place(expose=Exposure("", "/", 8000, 60.0))}
    setting = Setting("shop-dev", "registry.example/shop", places, gateway=GatewayKeys("edge", "gateway"))
    return Installed.of(version, render(version.blueprint, setting, {}))
