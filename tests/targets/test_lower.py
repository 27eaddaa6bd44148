"""Lowering: a real compose file, loaded, with images by digest, becomes a version; each field is one line here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.app.load import load, select
from seaway.app.model import App
from seaway.digest import Digest
from seaway.errors import EvidenceMissing, NotYet, SourceMissing, TargetUnsupported
from seaway.image.model import Image, Platform
from seaway.targets.blueprint import Dependency, Mount, Port, Probe, Workload
from seaway.targets.document import read_version, version_document
from seaway.targets.lower import lower, read_configs
from seaway.targets.process.refusals import find_refusals, require_suitable

pytestmark = pytest.mark.rootless

HEAD = "name: shop\nservices:\n"
CONFIG: dict[str, object] = {
    "Env": ["PATH=/opt/venv/bin", "A=image", "B=image"],
    "Entrypoint": ["/entry"],
    "Cmd": ["serve"],
    "User": "65532:65532",
    "WorkingDir": "/opt/app",
    "ExposedPorts": {"9000/tcp": {}},
    "StopSignal": "SIGINT",
}


def loaded(folder: Path, text: str) -> App:
    """Loads a compose file."""
    (folder / "compose.yaml").write_text(text if text.startswith("name:") else HEAD + text)
    return load(select(folder, {}))


def image(config: dict[str, object] | None = None) -> Image:
    """Returns an image with a config."""
    return Image(Digest.of(b"image"), Digest.of(b"config"), Platform(), {"config": config or {}}, ())


def workload(folder: Path, text: str, config: dict[str, object] | None = None) -> Workload:
    """Lowers one service called api."""
    app = loaded(folder, f"  api:\n    image: x\n{text}")
    version = lower(app, {name: image(config) for name in app.services}, Digest.of(b"bundle"))
    return next(each for each in version.blueprint.workloads if each.service == "api")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("", ("/entry", "serve")),
        ("    command: run --now", ("/entry", "run", "--now")),
        ("    entrypoint: [/own]", ("/own",)),
        ("    entrypoint: [/own]\n    command: [it]", ("/own", "it")),
        ("    command: []", ("/entry",)),
    ],
)
def test_an_entrypoint_clears_the_images_command(tmp_path: Path, text: str, command: tuple[str, ...]) -> None:
    """Entrypoint and command mean what they mean in Compose."""
    assert workload(tmp_path, text, CONFIG).command == command


FIELDS: list[tuple[str, str, object]] = [
    (
        "    environment: {A: own, C: more, D: }",
        "environment",
        {"A": "own", "B": "image", "C": "more", "PATH": "/opt/venv/bin"},
    ),
    ("    x-seaway: {secret_env: {A: key}}", "secret_environment", {"A": "key"}),
    ("", "working_directory", "/opt/app"),
    ("    working_dir: /else", "working_directory", "/else"),
    ("", "user", "65532:65532"),
    ("    user: '1000'", "user", "1000"),
    ("    user: root\n    x-seaway: {security: {uid: 70}}", "user", "70:70"),
    ("    scale: 4", "replicas", 4),
    ("    deploy: {replicas: 3}", "replicas", 3),
    ("", "ports", (Port(9000, http=False),)),
    ("    stop_signal: SIGQUIT", "stop_signal", "SIGQUIT"),
    ("    stop_signal: '10'", "stop_signal", "SIGUSR1"),
    ("", "stop_signal", "SIGINT"),
    ("    stop_grace_period: 1m30s", "stop_grace", 90.0),
    ("", "stop_grace", 10.0),
    ("", "restart", "always"),
    ("    restart: unless-stopped", "restart", "unless-stopped"),
    ("    deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}", "restart", "on-failure:3"),
    ("    restart: 'no'", "kind", "job"),
    ("    restart: 'no'\n    ports: ['80']", "kind", "service"),
    ("    x-seaway: {kind: job, job: {retries: 2}}", "restart", "on-failure:2"),
    ("    mem_limit: 1g", "memory_limit", 1 << 30),
    ("    deploy: {resources: {limits: {memory: 64m}}}", "memory_limit", 64 << 20),
    ("    init: true", "init", True),
    ("    hostname: box", "hostname", "box"),
    ("    container_name: boxed\n    networks: {default: {aliases: [web]}}", "aliases", ("boxed", "web")),
    (
        "    healthcheck: {test: [CMD, ok], interval: 3s, retries: 5}",
        "probe",
        Probe(("CMD", "ok"), interval=3.0, retries=5),
    ),
    ("    healthcheck: {disable: true}", "probe", None),
    ("    healthcheck: {test: [NONE]}", "probe", None),
    ("    tmpfs: /cache:size=5m,mode=700", "mounts", (Mount("tmpfs", "", "/cache", size=5 << 20, mode=0o700),)),
    ("    shm_size: 32m", "mounts", (Mount("tmpfs", "", "/dev/shm", size=32 << 20),)),
]


@pytest.mark.parametrize(("text", "field", "value"), FIELDS)
def test_each_field_is_lowered(tmp_path: Path, text: str, field: str, value: object) -> None:
    """One key of Compose, one field of the workload."""
    assert getattr(workload(tmp_path, text, CONFIG), field) == value


def test_ports_are_http_where_they_say_so_or_the_image_is_ours(tmp_path: Path) -> None:
    """A foreign image's port carries bytes; a native one's carries requests."""
    text = "    ports: ['8080:80', {target: 81, app_protocol: http}, '127.0.0.9:5000:53/udp']\n    expose: ['82']\n"
    assert workload(tmp_path, text).ports == (
        Port(53, "udp", 5000, "127.0.0.9", http=False),
        Port(80, published=8080, http=False),
        Port(81, http=True),
        Port(82, http=False),
    )
    native = workload(tmp_path, f"{text}    x-seaway: {{image: {{base: 'apt:debian/bookworm'}}}}")
    assert {port.http for port in native.ports if port.target != 53} == {True}


def test_a_port_out_of_a_range_is_not_done_yet(tmp_path: Path) -> None:
    """It says so instead of choosing for the user."""
    with pytest.raises(NotYet):
        workload(tmp_path, "    ports: ['8000-8009:80']")


WHOLE = """name: shop
services:
  api:
    image: x
    command: serve
    volumes: [idx:/idx:ro, ./data:/data]
    secrets: [key, {source: other, target: named, mode: 0400}]
    configs: [{source: conf, target: /etc/conf}]
    depends_on: {index: {condition: service_completed_successfully}, db: {condition: service_healthy, required: false}}
    x-seaway: {uses: [faq]}
  index: {image: x, command: build}
  db: {image: x, links: []}
volumes: {idx: {}}
secrets: {key: {file: key.txt}, other: {environment: OTHER}}
configs: {conf: {content: hello}}
x-seaway: {version: 1, references: {faq: {kind: data, uri: "s3://b/faq", digest: "sha256:%s"}}}
""" % ("a" * 64)


def test_a_whole_app_is_lowered(tmp_path: Path) -> None:
    """Mounts, dependencies, jobs, references, secrets by source, configs by content; and back from its document."""
    app = loaded(tmp_path, WHOLE)
    version = lower(app, {name: image() for name in app.services}, Digest.of(b"bundle"))
    api, db, index = version.blueprint.workloads
    assert (api.service, db.kind, index.kind) == ("api", "service", "job")
    assert api.mounts == (
        Mount("bind", str(tmp_path / "data"), "/data"),
        Mount("config", "conf", "/etc/conf", read_only=True),
        Mount("volume", "idx", "/idx", read_only=True),
        Mount("secret", "key", "/run/secrets/key", read_only=True),
        Mount("secret", "other", "/run/secrets/named", read_only=True, mode=0o400),
    )
    assert api.depends_on == (
        Dependency("db", "service_healthy", required=False),
        Dependency("index", "service_completed_successfully"),
    )
    assert api.references == {"faq": {"kind": "data", "digest": f"sha256:{'a' * 64}"}}
    assert version.blueprint.configs == {"conf": Digest.of(b"hello")}
    assert version.blueprint.secrets == {"key": {"file": str(tmp_path / "key.txt")}, "other": {"environment": "OTHER"}}
    assert version.blueprint.volumes == ("idx",)
    assert read_version(json.loads(json.dumps(version_document(version)))) == version


def test_only_what_differs_is_forked(tmp_path: Path) -> None:
    """A changed config forks who mounts it; a replica count forks nobody; each is another version of the app."""
    app = loaded(tmp_path, WHOLE)
    images = {name: image() for name in app.services}
    first = lower(app, images, Digest.of(b"bundle"))
    changed = lower(loaded(tmp_path, WHOLE.replace("hello", "other")), images, Digest.of(b"bundle"))
    scaled = lower(
        loaded(tmp_path, WHOLE.replace("command: serve", "scale: 5\n    command: serve")), images, first.bundle
    )
    names = first.service_versions
    assert {name for name in names if names[name] != changed.service_versions[name]} == {"api"}
    assert scaled.service_versions == names
    assert len({first.digest, changed.digest, scaled.digest}) == 3
    rebuilt = lower(app, images | {"db": replace(image(), digest=Digest.of(b"new"))}, first.bundle)
    assert {name for name in names if names[name] != rebuilt.service_versions[name]} == {"db"}
    assert all(len(name) == 10 for name in names.values())


def test_an_image_without_a_digest_is_refused(tmp_path: Path) -> None:
    """Nothing runs by tag."""
    with pytest.raises(EvidenceMissing, match="api"):
        lower(loaded(tmp_path, "  api: {image: x}"), {}, Digest.of(b"bundle"))


def test_a_config_without_content_is_refused(tmp_path: Path) -> None:
    """The file or variable is named."""
    app = loaded(tmp_path, "  api: {image: x, configs: [c]}\nconfigs: {c: {file: missing.conf}}\n")
    with pytest.raises(SourceMissing, match='"c"'):
        read_configs(app)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("privileged: true", "SW-701"),
        ("devices: ['/dev/kvm:/dev/kvm']", "SW-606"),
        ("gpus: all", "SW-603"),
        ("pid: host", "SW-701"),
        ("network_mode: host", "SW-701"),
        ("cap_add: [SYS_ADMIN]", "SW-701"),
        ("platform: linux/s390x", "SW-208"),
        ("deploy: {resources: {reservations: {devices: [{capabilities: [gpu], count: 1}]}}}", "SW-603"),
    ],
)
def test_what_processes_cannot_give_is_refused_with_a_place(tmp_path: Path, text: str, code: str) -> None:
    """Each with its line in the user's file and the way out."""
    app = loaded(tmp_path, f"  api:\n    image: x\n    {text}\n")
    (finding,) = find_refusals(app)
    assert finding.code == code
    assert "compose.yaml:5" in str(finding.where)
    with pytest.raises(TargetUnsupported) as refused:
        require_suitable(app)
    assert refused.value.hint == "set target: docker for this environment"


def test_what_processes_can_give_is_not_refused(tmp_path: Path) -> None:
    """The usual app passes."""
    require_suitable(loaded(tmp_path, "  api: {image: x, cap_add: [NET_BIND_SERVICE], privileged: false}"))
